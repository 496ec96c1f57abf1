"""A tape run on jets: any expression of networks' outputs, with its derivatives, in any number system.

A jet is a truncated Taylor polynomial (`elboproof.numbers.jets`). Sums and products of jets are exact for truncated
polynomials, and a function of one variable takes its Taylor coefficients at the value.
"""

from collections.abc import Callable, Sequence
from typing import Any

from elboproof.arguments import bad
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.jets import Jet, added, composed, mapped, squared, times
from elboproof.numbers.tape import Tape, operands

Taylor = Callable[[str, Any], Sequence[Any]]
"""(function's name, values) -> Taylor coefficients."""
INVERSE = "inverse"
"""The name of 1/t among functions."""


class JetTape:
    """One root of a tape as a function of jets.

    Parameters
    ----------
    tape, root
        The expression.
    """

    def __init__(self, tape: Tape, root: int) -> None:
        self.tape, self.root = tape, root
        needed = tape.reachable([root])
        self.flow = [i for i in needed if tape.varies[i]]
        used = {j for i in self.flow for j in operands(tape.entries[i]) if not tape.varies[j]}
        self.constants = sorted(used | (set() if tape.varies[root] else {root}))

    def compiled_constants(self, ring: Ring) -> Compiled:
        """Return the function () -> the constants, as numbers of a ring."""
        function = compile_tape(self.tape, self.constants, ring)
        return lambda: function(*[None] * len(self.tape.inputs))

    def run(
        self,
        inputs: Sequence[Jet],
        constants: Sequence[Any],
        order: int,
        taylor: Taylor,
        square: Callable[[Any], Any],
    ) -> Jet:
        """Return the root's jet for the inputs' jets.

        Raises
        ------
        ValueError
            If the expression has a function of two variables (a power or an extremum).
        """
        # jets of entries by their numbers; a constant is a jet with a value alone
        jets: dict[int, Jet] = {i: {(): value} for i, value in zip(self.constants, constants, strict=True)}
        for i in self.flow:
            entry = self.tape.entries[i]
            name = str(entry[0])
            if name == "input":
                jets[i] = inputs[int(entry[1])]  # type: ignore[call-overload]
                continue
            given = [jets[j] for j in operands(entry)]
            if name == "square":
                jets[i] = squared(given[0], order, square)
            elif name in _OPERATIONS:
                jets[i] = _OPERATIONS[name](given, order, taylor)
            elif len(given) == 1:
                jets[i] = composed(taylor(name, given[0][()]), given[0])
            else:
                raise bad("likelihood", name, "one without powers and extrema, for a network")
        return jets[self.root]


def _negative(jet: Jet) -> Jet:
    return mapped(lambda value: -value, jet)


def _quotient(given: list[Jet], order: int, taylor: Taylor) -> Jet:
    numerator, denominator = given
    if set(denominator) == {()}:  # a number: its inverse has no other coefficients
        return mapped(lambda value: value / denominator[()], numerator)
    return times(numerator, composed(taylor(INVERSE, denominator[()]), denominator), order)


_OPERATIONS: dict[str, Callable[[list[Jet], int, Taylor], Jet]] = {
    "add": lambda given, order, taylor: added(*given),  # noqa: ARG005
    "sub": lambda given, order, taylor: added(given[0], _negative(given[1])),  # noqa: ARG005
    "mul": lambda given, order, taylor: times(given[0], given[1], order),  # noqa: ARG005
    "neg": lambda given, order, taylor: _negative(given[0]),  # noqa: ARG005
    "div": _quotient,
}
