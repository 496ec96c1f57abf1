"""From a tape to a Python function of one number system, by generated source.

The source is straight-line code: one statement an entry, registers reused as soon as a value is no longer needed
(so that arrays are freed early). What does not depend on an input is computed once, with proof, and never inside the
function: as the nearest double for the floating systems, as balls that are renewed whenever the precision changes for
the ball systems. No text of a user reaches the source; it consists of the templates of a ring and of entry numbers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from elboproof.arguments import shown
from elboproof.numbers.functions import ExpressionError
from elboproof.numbers.tape import Entry, Tape, operands

Compiled = Callable[..., tuple[Any, ...]]

_PRECISIONS = (256, 1024, 4096)
_SHARP_BITS = 80  # 27 more than a double has
_UNSEEN = 2.0**-1074  # the smallest positive double: radii below it cannot be seen

INFIX = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "square": "{0} * {0}",
}
"""Templates of the operations that Python's operators write in every ring of plain numbers."""


@dataclass(frozen=True)
class Ring:
    """How one number system is written in Python source.

    Attributes
    ----------
    name
        The system's name.
    templates
        Source of every operation, ``{0}`` and ``{1}`` standing for the operands.
    namespace
        Returns the names that the templates use.
    fixed
        Where constants live: ``"nearest"`` writes the nearest double into the source, ``"renewed"`` recomputes them
        when ``precision()`` changes, ``"inline"`` leaves them in the flow.
    constant
        Template of a rational constant, with fields ``p`` and ``q``.
    parameters
        Source of further parameters of the compiled function.
    """

    name: str
    templates: Mapping[str, str]
    namespace: Callable[[], Mapping[str, Any]]
    fixed: Literal["nearest", "renewed", "inline"]
    constant: str = ""
    parameters: str = ""


def compile_tape(tape: Tape, roots: Sequence[int], ring: Ring) -> Compiled:
    """Return the function (inputs of the tape) -> (values of the roots) in one number system."""
    source = _Source(tape, roots, ring)
    namespace = dict(ring.namespace())
    exec(compile(source.text(), f"<{ring.name}>", "exec"), namespace)  # noqa: S102 - templates and entry numbers only
    return namespace["make"]()  # type: ignore[no-any-return]


class _Source:
    """The text of one compiled function."""

    def __init__(self, tape: Tape, roots: Sequence[int], ring: Ring) -> None:
        self.tape, self.roots, self.ring = tape, tuple(roots), ring
        needed = tape.reachable(roots)
        flows = [i for i in needed if tape.varies[i] or ring.fixed == "inline"]
        self.flow = [i for i in flows if tape.entries[i][0] != "input"]
        self.fixed = [i for i in needed if not tape.varies[i] and ring.fixed != "inline"]
        used = {j for i in self.flow for j in operands(tape.entries[i])} | set(self.roots)
        self.constants = [i for i in self.fixed if i in used]
        self.names: dict[int, str] = {
            i: f"v{entry[1]}" for i, entry in enumerate(tape.entries) if entry[0] == "input"
        }

    def text(self) -> str:
        prepare = {"nearest": self._nearest, "renewed": self._renewed, "inline": list}[self.ring.fixed]
        setup = prepare()
        body = self._renewal() + self._statements()
        arguments = ", ".join(f"v{k}" for k in range(len(self.tape.inputs)))
        values = "".join(f"{self.names[i]}, " for i in self.roots)
        lines = [
            "def make():",
            *(f"    {line}" for line in setup),
            f"    def function({arguments}{self.ring.parameters}):",
            *(f"        {line}" for line in body),
            f"        return ({values})",
            "    return function",
        ]
        return "\n".join(lines)

    def _nearest(self) -> list[str]:
        for i, value in zip(self.constants, nearest_doubles(self.tape, self.constants), strict=True):
            self.names[i] = f"({value!r})"
        return []

    def _renewed(self) -> list[str]:
        own = self.ring.parameters.lstrip(", ")  # their defaults: a constant is a point, analytic or not
        lines = ["known = None", f"def renew({own}):"]
        for i in self.fixed:
            self.names[i] = f"c{i}"
            lines.append(f"    c{i} = {self._expression(self.tape.entries[i])}")
        lines.append(f"    return ({''.join(f'c{i}, ' for i in self.constants)})")
        if self.constants:
            lines.append(f"{' = '.join(f'c{i}' for i in self.constants)} = None")
        return lines

    def _renewal(self) -> list[str]:
        if self.ring.fixed != "renewed" or not self.constants:
            return []
        names = ", ".join(f"c{i}" for i in self.constants)
        return [
            f"nonlocal known, {names}",
            "if known != precision():",
            f"    ({names},) = renew()",
            "    known = precision()",
        ]

    def _statements(self) -> list[str]:
        last = {j: i for i in self.flow for j in operands(self.tape.entries[i])}
        free: list[str] = []
        owned: set[int] = set()
        kept = set(self.roots)
        lines = []
        for i in self.flow:
            text = self._expression(self.tape.entries[i])
            used = {j for j in operands(self.tape.entries[i]) if j in owned and j not in kept}
            free.extend(self.names[j] for j in sorted(used) if last[j] == i)
            self.names[i] = free.pop() if free else f"r{len(owned)}"
            owned.add(i)
            lines.append(f"{self.names[i]} = {text}")
        return lines

    def _expression(self, entry: Entry) -> str:
        if entry[0] == "constant":
            value: Fraction = entry[1]  # type: ignore[assignment]
            # in hexadecimal, because Python reads and writes no decimal integer of more than 4300 digits
            return self.ring.constant.format(p=hex(value.numerator), q=hex(value.denominator))
        return self.ring.templates[str(entry[0])].format(*(self.names[j] for j in operands(entry)))


def nearest_doubles(tape: Tape, entries: Sequence[int]) -> list[float]:
    """Return the doubles nearest to entries that depend on no input, computed with balls.

    The precision is raised until the ball is narrower than the rounding to a double.

    Raises
    ------
    ValueError
        If a constant is not a finite real number, or exceeds the range of float64.
    """
    from elboproof.numbers.balls import REAL_BALLS, working_precision

    if not entries:
        return []
    function = compile_tape(tape, entries, REAL_BALLS)
    for bits in _PRECISIONS:
        with working_precision(bits):
            values = function(*[None] * len(tape.inputs))
            if all(map(_is_sharp, values)):
                break
    return [_nearest_double(value) for value in values]


def _is_sharp(ball: Any) -> bool:
    """Whether the midpoint rounds to the nearest double, but for near-ties; a hidden zero counts as zero."""
    return bool(ball.is_finite()) and (ball.rel_accuracy_bits() >= _SHARP_BITS or bool(ball.rad() < _UNSEEN))


def _nearest_double(ball: Any) -> float:
    value = float(ball.mid()) if _is_sharp(ball) else float("nan")
    if not math.isfinite(value):
        raise ExpressionError(
            f"got a constant {shown(ball.str(8))}; "
            "expected finite real constants in the range of float64, determined by 4096 bits"
        )
    return value
