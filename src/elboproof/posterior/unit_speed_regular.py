r"""When a curve has a unit-speed parameter t on the whole line, and the ELBO of every Gaussian q(t) is finite.

Let v be positive everywhere and c = inf v(z) (1 + |z|) > 0. Then

- both lengths are infinite: |L(z)| >= c log(1 + |z|), and t -> z is a smooth map of the line onto the line;
- 1 + |z(t)| <= (1 + |z(s)|) exp(|t - s| / c), as d log(1 + |z|) / dt <= 1 / (v (1 + |z|)): the second moment of z
  under a Gaussian q(t), and all others, are finite;
- |x - f(z(t))| <= |x - f(z(s))| + |t - s|, as the speed is 1;
- log v is at most log of its majorant in |z|, and -log v at most log((1 + |z|) / c).

The infimum is bounded cell by cell over [-B, B], and over both half-lines beyond.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import sympy
from flint import arb
from sympy import Expr

from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.majorant_ranges import NoMajorantError
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.precision import working_precision
from elboproof.numbers.spans import SPANS, Span
from elboproof.numbers.tape import Tape
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.unit_speed_curve import Curve, symbol_for
from elboproof.quadrature.cells import halves

BITS = 64
BEYOND = (4, 16, 64, 256, 1024)
"""B to be tried."""
SMALLEST = 2.0**-16
"""Half width of a cell, on which nothing was shown, that is not halved any more."""
MOST_CELLS = 50_000
HIGHEST_POLE = 100
MOST_OPERATIONS = 150
"""Of an expression that SymPy rewrites: larger ones may take it minutes."""
TRANSCENDENTAL = sympy.Function
"""What the substitution z = 1/w does not simplify."""


@dataclass(frozen=True)
class Regular:
    """Lower bounds of v (1 + |z|) that were proved.

    Attributes
    ----------
    cells : list of (low, high, bound)
        They cover the line between the half-lines.
    left, right : (B, bound)
        Over z <= -B and z >= B.
    growth : Majorant
        Of v^2, in |z|.
    """

    cells: tuple[tuple[float, float, arb], ...]
    left: tuple[int, arb]
    right: tuple[int, arb]
    growth: Majorant

    def least(self, end: float, side: int) -> arb:
        """Return c = inf v (1 + |z|) over all latents beyond ``end``, on the side of sign ``side``."""
        bounds = [self.right[1] if side > 0 else self.left[1]]
        bounds += [bound for low, high, bound in self.cells if (high >= end if side > 0 else low <= end)]
        if abs(end) >= (self.right if side > 0 else self.left)[0] and end * side > 0:
            return bounds[0]
        return min(bounds)

    @cached_property
    def everywhere(self) -> arb:
        """The bound for the whole line."""
        return min([self.left[1], self.right[1], *(bound for *_, bound in self.cells)])


def proved_regular(curve: Curve) -> Regular:
    """Return the bounds.

    Raises
    ------
    ValueError
        If a length is proved to be finite.
    Undecided
        If a hypothesis could not be shown, in words that say which.
    """
    with working_precision(BITS):
        right, left = _beyond(curve, 1), _beyond(curve, -1)
        cells = _cells(curve, float(left[0]), float(right[0]))
        try:
            growth = curve.growth()
        except NoMajorantError as error:
            raise unshown(f"a bound of the growth of |f'|: {error}") from error
        return Regular(cells, left, right, growth)


def unshown(what: str) -> Undecided:
    """Return the error for a hypothesis that was not shown."""
    reason = f"not shown: {what}"
    return Undecided(Enclosure([0.0], [float("inf")]), (reason,), "unit-speed parameters", "model")


def _cells(curve: Curve, left: float, right: float) -> tuple[tuple[float, float, arb], ...]:
    """Return cells over [-left, right] with lower bounds of v (1 + |z|), found by halving."""
    square, outputs = curve.compiled(REAL_BALLS), curve.model.quantities.compiled("decoder", 0, REAL_BALLS)
    data, count = [arb(0)] * curve.model.data_dim, int(left + right)
    stack = [(-left + k + 0.5, 0.5) for k in range(count)]
    found: list[tuple[float, float, arb]] = []
    # centres and half widths are dyadic floats, so that the cells cover the interval exactly
    while stack:
        c, h = stack.pop()
        (value,) = square(arb(c, h))
        if value.is_finite() and value > 0 and all(f.is_finite() for f in outputs(arb(c, h), *data)):
            nearest = max(abs(c) - h, 0.0)
            found.append((c - h, c + h, (value.lower().sqrt() * (1 + arb(nearest))).lower()))
        elif h < SMALLEST or len(stack) + len(found) > MOST_CELLS:
            raise unshown(f"a regular curve, |f'| > 0 for z in [{c - h:g}, {c + h:g}]")
        else:
            stack += halves(c, h)
    return tuple(found)


def _beyond(curve: Curve, side: int) -> tuple[int, arb]:
    """Return B and a lower bound of v (1 + |z|) over the half-line beyond."""
    for form, inverse in _forms(curve, side):
        for distance in BEYOND:
            bound = _least(form, distance, inverse)
            if bound > 0 and all(value.defined for value in _outputs(curve, side, distance)):
                return distance, bound
    words = "z >= 0" if side > 0 else "z <= 0"
    if _is_finite(curve, side, BEYOND[1]):
        raise ValueError(
            f"model: got a decoder whose curve has a finite length over {words}; expected an infinite one on both "
            "sides, as the ELBO of every Gaussian q(t) is minus infinity otherwise"
        )
    raise unshown(f"|f'| >= c / (1 + |z|) over {words}, so that the curve's length is infinite")


def _forms(curve: Curve, side: int) -> Iterator[tuple[Expr, bool]]:
    """Yield v^2 in y = |z| in forms that lose little over y >= B, or v^2 (1 + y)^2 in w = 1/y where that is marked."""
    y = symbol_for(curve)
    slopes = [slope.xreplace({curve.z: side * y}) for slope in curve.slopes]
    pairs = list(zip(curve.weights, slopes, strict=True))
    plain = sympy.Add(*(sympy.Rational(w) * _nested(s, y) ** 2 for w, s in pairs))
    yield plain, False
    if sympy.count_ops(plain) > MOST_OPERATIONS:
        return
    if plain.has(sympy.sin):
        yield _without_squared_sines(plain), False
    if not plain.has(TRANSCENDENTAL):
        turned = sympy.Add(*(sympy.Rational(w) * s.xreplace({y: 1 / y}) ** 2 for w, s in pairs))
        yield _without_pole(sympy.cancel(sympy.together(turned * (1 + y) ** 2 / y**2)), y), True


def _without_squared_sines(form: Expr) -> Expr:
    """Put 1 - cos^2 in the place of each sin^2, so that those of a circle's speed are seen to add up."""
    return form.expand().replace(
        lambda e: e.is_Pow and isinstance(e.base, sympy.sin) and e.exp == 2,
        lambda e: 1 - sympy.cos(e.base.args[0]) ** 2,
    ).expand()  # fmt: skip


def _without_pole(form: Expr, w: sympy.Symbol) -> Expr:
    """Return w^k times a form with a pole of order k at w = 0: for 0 < w < 1 a lower bound of a positive form."""
    numerator, denominator = sympy.fraction(form)
    for _ in range(HIGHEST_POLE):
        if denominator.subs(w, 0) != 0:
            break
        denominator = sympy.cancel(denominator / w)
    return numerator / denominator


def _nested(slope: Expr, y: sympy.Symbol) -> Expr:
    """Horner's form of a polynomial: over y >= B its partial sums grow, and nothing cancels."""
    return sympy.horner(slope, wrt=y) if slope.is_polynomial(y) and slope.has(y) else slope


def _least(form: Expr, distance: int, inverse: bool) -> arb:
    """Return a lower bound of v (1 + y), minus infinity at worst."""
    (y,) = form.free_symbols or {sympy.Dummy(positive=True)}
    end = Span(arb(0), (1 / arb(distance)).upper()) if inverse else Span(arb(distance), arb.pos_inf())
    value = _over(form, y, end)
    if not (value.defined and value.low > 0):
        return arb.neg_inf()
    root = value.low.sqrt().lower() if value.low.is_finite() else arb(2) ** 500
    return root if inverse else (root * (1 + distance)).lower()


def _over(form: Expr, y: sympy.Symbol, span: Span) -> Span:
    tape = Tape([y])
    (value,) = compile_tape(tape, [tape.lower(form)], SPANS)(span)
    result: Span = value
    return result


def _outputs(curve: Curve, side: int, distance: int) -> list[Span]:
    """Return the outputs over the half-line beyond B."""
    y, span = symbol_for(curve), Span(arb(distance), arb.pos_inf())
    return [_over(output.xreplace({curve.z: side * y}), y, span) for output in curve.model.decoder]


def _is_finite(curve: Curve, side: int, distance: int) -> bool:
    """Whether every output is monotone and bounded beyond B: the length is at most the sum of their ranges."""
    y, span = symbol_for(curve), Span(arb(distance), arb.pos_inf())
    for output, value in zip(curve.model.decoder, _outputs(curve, side, distance), strict=True):
        slope = _over(output.xreplace({curve.z: side * y}).diff(y), y, span)
        monotone = slope.low >= 0 or slope.high <= 0
        if not (
            slope.defined and value.defined and monotone and value.low.is_finite() and value.high.is_finite()
        ):
            return False
    return True
