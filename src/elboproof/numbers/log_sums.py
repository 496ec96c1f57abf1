"""Logarithms of sums of exponentials, and of what is made of them, without the exponentials: no under- or overflow.

log(e^a + e^b) is its larger argument and a softplus of the difference. The tape writes it so wherever a logarithm is
asked of a positive quantity that is a sum, product, quotient, root or square of exponentials, sigmoids and positive
numbers: log(w e^a + v e^b) becomes logaddexp(log w + a, log v + b), an exact identity on the real line. Its derivatives
are the weights of a softmax, which do not underflow either.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elboproof.numbers.tape import Tape


def logarithm(tape: "Tape", i: int) -> int | None:
    """Return the entry of the logarithm of entry ``i`` without its exponentials; None where there are none."""
    return _log(tape, i) if tape.varies[i] else None


def _log(tape: "Tape", i: int) -> int | None:
    """Return the logarithm of an entry that is positive by its form; None for others."""
    name, number = tape.entries[i][0], tape.value(i)
    if number is not None or name == "pi":
        return None if number is not None and number <= 0 else _of_number(tape, i)
    parts: tuple[int, ...] = tape.entries[i][1:]  # type: ignore[assignment]
    if name == "exp":
        return parts[0]
    if name == "sigmoid":  # 1/(1 + e^-t)
        return tape.negate(tape.call("softplus", tape.negate(parts[0])))
    if name == "add":
        return _of_sum(tape, _terms(tape, i))
    if name not in _RULES:
        return None
    logs = [_log(tape, part) for part in parts]
    return None if None in logs else _RULES[name](tape, *logs)


_RULES: dict[object, Callable[..., int]] = {
    "mul": lambda tape, a, b: tape.add(a, b),
    "div": lambda tape, a, b: tape.subtract(a, b),
    "square": lambda tape, a: tape.multiply(tape.constant(2), a),
    "sqrt": lambda tape, a: tape.multiply(tape.constant(Fraction(1, 2)), a),
}


def _of_number(tape: "Tape", i: int) -> int:
    return tape.constant(0) if tape.value(i) == 1 else tape.call("log", i)


def _terms(tape: "Tape", i: int) -> list[int]:
    """Return the terms of a sum, in order, without recursion: sums are chains of any length."""
    found, waiting = list[int](), [i]
    while waiting:
        i = waiting.pop()
        if tape.entries[i][0] == "add":
            waiting.extend(reversed(tape.entries[i][1:]))  # type: ignore[arg-type]
        else:
            found.append(i)
    return found


def _of_sum(tape: "Tape", terms: list[int]) -> int | None:
    logs = [_log(tape, term) for term in terms]
    if None in logs:
        return None
    # in pairs, so that a sum of n terms is log n deep
    while len(logs) > 1:
        pairs = [logs[k : k + 2] for k in range(0, len(logs), 2)]
        logs = [_pair(tape, *pair) if len(pair) == 2 else pair[0] for pair in pairs]  # type: ignore[arg-type]
    return logs[0]


def _pair(tape: "Tape", a: int, b: int) -> int:
    for x, y in ((a, b), (b, a)):
        if tape.value(x) == 0:
            return tape.call("softplus", y)
    if not tape.varies[a] and not tape.varies[b]:
        return tape.call("log", tape.add(tape.call("exp", a), tape.call("exp", b)))
    return tape.call("logaddexp", a, b)
