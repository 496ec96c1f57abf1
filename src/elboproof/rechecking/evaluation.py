"""For the check: what a decoder gives at points, over boxes and over complex rectangles; a walk over what was written.

No code of the tape, of its compiler or of the networks' layers takes part: expressions are walked as SymPy holds them,
and networks are run as the certificate writes them.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import sympy
from flint import acb, acb_mat, arb, arb_mat
from sympy import Expr, Symbol

from elboproof.model.networks import Activation, Affine, Network
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.functions import WRITABLE
from elboproof.rechecking.elementary import FUNCTIONS, NOWHERE, complex_max, complex_power, real_power
from elboproof.rechecking.integration import Unable

_WITH_NUMBER = re.compile(r"(leaky_relu|elu)\(([-+.e0-9]{1,30})\)", re.ASCII)
Point = Sequence[Any]
"""Balls, all real or all complex."""
Step = Callable[[list[Any]], Any]


class Outputs(Protocol):
    """A decoder."""

    def __call__(self, points: Sequence[Point], *, real: bool) -> list[list[Any]]:
        """Return the outputs at each point, P lists of D balls; not analytic somewhere in it is NaN."""


class Expressions:
    """Expressions of the latents, each part of them evaluated once; made at the precision at which they are used.

    Raises
    ------
    Unable
        If a function has no method here.
    """

    def __init__(self, expressions: Sequence[Expr], latents: Sequence[Symbol]) -> None:
        # steps for real and for complex balls, by place; the first places are the latents'
        self._places: dict[Expr, int] = {z: k for k, z in enumerate(latents)}
        self._steps: list[tuple[Step, Step]] = []
        self._first = len(latents)
        self._roots = [self._place(e) for e in expressions]

    def __call__(self, points: Sequence[Point], *, real: bool) -> list[list[Any]]:
        """Return the expressions at each point."""
        return [self._at(point, 0 if real else 1) for point in points]

    def _at(self, point: Point, kind: int) -> list[Any]:
        # Over a rectangle on which some part is not finite nothing is known: a bounded function of it would hide that.
        values = list(point)
        for step in self._steps:
            value = step[kind](values)
            if kind and not value.is_finite():
                return [NOWHERE] * len(self._roots)
            values.append(value)
        return [values[k] for k in self._roots]

    def _place(self, e: Expr) -> int:
        if e not in self._places:
            step = self._step(e)  # its arguments come first
            self._steps.append(step)
            self._places[e] = self._first + len(self._steps) - 1
        return self._places[e]

    def _step(self, e: Expr) -> tuple[Step, Step]:
        if not e.args:
            value = _constant(e)
            return (lambda _: value), (lambda _: acb(value))
        if isinstance(e, sympy.Pow):
            return self._power(*e.args)
        places = [self._place(argument) for argument in e.args]
        if isinstance(e, sympy.Add):
            return (both := lambda values: _sum([values[k] for k in places])), both
        if isinstance(e, sympy.Mul):
            return (both := lambda values: _product([values[k] for k in places])), both
        if isinstance(e, sympy.Max | sympy.Min):
            return _largest(places, 1 if isinstance(e, sympy.Max) else -1)
        if e.func not in FUNCTIONS:
            raise Unable(f"the function {e.func.__name__}")
        first = places[0]
        of_real, of_complex = FUNCTIONS[e.func]
        return (lambda values: of_real(values[first])), (lambda values: of_complex(values[first]))

    def _power(self, base: Expr, exponent: Expr) -> tuple[Step, Step]:
        if exponent.is_Integer:
            b, n = self._place(base), int(exponent)
            return (lambda v: real_power(v[b], n)), (lambda v: complex_power(v[b], n))
        if exponent == sympy.Rational(1, 2):
            b = self._place(base)
            return (lambda v: v[b].sqrt()), (lambda v: v[b].sqrt(analytic=True))
        # positive bases only: where the logarithm is not real, or not analytic, nothing is known
        b, p = self._place(base), self._place(exponent)
        return (lambda v: (v[b].log() * v[p]).exp()), (lambda v: (v[b].log(analytic=True) * v[p]).exp())


def _constant(e: Expr) -> arb:
    if e.is_Rational:
        return ball_of(exact(e, "number"))
    if e == sympy.E:
        return arb(1).exp()
    if e == sympy.pi:
        return arb.pi()
    raise Unable(f"the constant {e}")


def _sum(values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _product(values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total * value
    return total


def _largest(places: Sequence[int], sign: int) -> tuple[Step, Step]:
    """Return the maximum for sign 1, the minimum for -1."""

    def of_real(values: list[Any]) -> Any:
        found = sign * values[places[0]]
        for k in places[1:]:
            found = found.max(sign * values[k])
        return sign * found

    def of_complex(values: list[Any]) -> Any:
        found = sign * values[places[0]]
        for k in places[1:]:
            found = complex_max(found, sign * values[k])
        return sign * found

    return of_real, of_complex


class Layers:
    """A network, layer by layer in matrices of balls, at all points together.

    Raises
    ------
    Unable
        If a layer has no method here.
    """

    def __init__(self, network: Network) -> None:
        if not network.chain:
            raise Unable("a network whose layers do not take one value each, the one before")
        self._layers = [_layer(layer) for layer in network.layers]

    def __call__(self, points: Sequence[Point], *, real: bool) -> list[list[Any]]:
        """Return the outputs at each point."""
        values = (arb_mat if real else acb_mat)([list(row) for row in zip(*points, strict=True)])
        for layer in self._layers:
            values = layer(values, real)
        return [list(column) for column in zip(*values.tolist(), strict=True)]


def _layer(layer: object) -> Callable[[Any, bool], Any]:
    if isinstance(layer, Affine):
        weight = arb_mat([[arb(w) for w in row] for row in layer.weight.entries.tolist()])
        bias = [arb(b) for b in layer.bias.tolist()]
        return lambda values, real: _affine(weight, bias, values, real)
    if isinstance(layer, Activation):
        pair = activation(layer.function)
        return lambda values, real: _mapped(pair, values, real)
    raise Unable(f"a network with a {type(layer).__name__.lower()}")


def activation(name: str) -> tuple[Callable[[arb], arb], Callable[[acb], acb]]:
    """Return a function of one variable, by the name that decoder strings use.

    Raises
    ------
    Unable
        If it has no method here.
    """
    if name == "relu":
        return _two_sided(lambda t: 0 * t)
    if (found := _WITH_NUMBER.fullmatch(name)) is not None:
        number = arb(float(found[2]))
        if found[1] == "leaky_relu":
            return _two_sided(lambda t: number * t)
        return _two_sided(lambda t: number * t.expm1())
    kind = WRITABLE[name].symbolic if name in WRITABLE else None
    if kind not in FUNCTIONS:
        raise Unable(f"a network with the activation {name}")
    return FUNCTIONS[kind]


def _two_sided(below: Callable[[Any], Any]) -> tuple[Callable[[arb], arb], Callable[[acb], acb]]:
    """Return t for t > 0, and a function of t that vanishes at 0 for t < 0."""

    def of_real(t: arb) -> arb:
        zero = arb(0)
        return t.max(zero) + below(t.min(zero))  # type: ignore[no-any-return]

    def of_complex(t: acb) -> acb:
        if t.real > 0:
            return t
        return below(t) if t.real < 0 else NOWHERE

    return of_real, of_complex


def _affine(weight: arb_mat, bias: Sequence[arb], values: Any, real: bool) -> Any:
    taken = weight * values if real else acb_mat(weight) * values
    rows = taken.tolist()
    moved = [[entry + b for entry in row] for row, b in zip(rows, bias, strict=True)]
    return (arb_mat if real else acb_mat)(moved)


def _of_finite(function: Callable[[acb], acb]) -> Callable[[acb], acb]:
    """Return a function that is nowhere analytic where its argument is not: see `Expressions`."""
    return lambda t: function(t) if t.is_finite() else NOWHERE


def _mapped(pair: tuple[Callable[[arb], arb], Callable[[acb], acb]], values: Any, real: bool) -> Any:
    function: Callable[[Any], Any] = pair[0] if real else pair[1]
    if not real:
        function = _of_finite(function)
    rows = [[function(entry) for entry in row] for row in values.tolist()]
    return (arb_mat if real else acb_mat)(rows)
