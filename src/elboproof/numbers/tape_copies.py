"""Entries of one tape put on another, with entries of that one in place of the inputs."""

from collections.abc import Callable, Sequence

import sympy

from elboproof.numbers.tape import Tape, operands


def put(source: Tape, roots: Sequence[int], target: Tape, inputs: Sequence[int]) -> list[int]:
    """Return the entries of ``target`` that compute ``roots`` of ``source`` with ``inputs`` for its first inputs.

    Constants among the inputs are folded exactly: a latent may be put to zero.
    """
    # every operation is written anew by the target's own rules, in the source's order, in which operands come first
    arithmetic: dict[object, Callable[..., int]] = {
        "add": target.add,
        "sub": target.subtract,
        "neg": target.negate,
        "mul": target.multiply,
        "div": target.divide,
        "square": lambda i: target.multiply(i, i),
        "pi": lambda: target.lower(sympy.pi),
    }
    made: dict[int, int] = {}
    for i in source.reachable(roots):
        entry = source.entries[i]
        name, parts = entry[0], [made[j] for j in operands(entry)]
        if name == "input":
            made[i] = inputs[entry[1]]  # type: ignore[call-overload]
        elif name == "constant":
            made[i] = target.constant(entry[1])  # type: ignore[arg-type]
        elif name in arithmetic:
            made[i] = arithmetic[name](*parts)
        else:
            made[i] = target.call(str(name), *parts)
    return [made[root] for root in roots]
