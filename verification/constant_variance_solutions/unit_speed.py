"""S3: in its unit-speed parameter a curve's gap falls from order sigma^2 to order sigma^4, and p(x) stays as it is."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import sympy
from sympy import Expr, Matrix, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_slope, control, identity

from .._shared.balls import ball, constant, spanned, working_precision
from .._shared.symbols import taylor_curve
from . import claim
from .hypotheses import on_the_curve, regular_curve

OUTPUTS = (2, 3)
FORTY_EIGHTH, THREE_QUARTERS = Rational(1, 48), Rational(3, 4)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "with d/dt = |f'|^-1 d/dz, W = |x - f|^2 / 2 at x = f has W'' = 1, W''' = 0, W'''' = -kappa^2, kappa^2 = "
        "(|f'|^2 |f''|^2 - (f'.f'')^2) / |f'|^6; the leading gap (1/12) U'''^2 / U''^3, U = W / v + P, is then v^3 "
        "P'''^2 / 12 + O(v^4), so that P enters it at sigma^6; in z it begins with (3/4) v (f'.f'')^2 / |f'|^6"
    ),
    domain=f"symbols for f', f'', f''', f'''' in D = {', '.join(map(str, OUTPUTS))} dimensions; P', P'', P''' in one",
    hypotheses=(on_the_curve,),
    controls=(
        control("chord length from f(0) for arc length", refutes=("speed, *", "W''', *", "W'''', *"), chord=True),
        control("kappa^4 for kappa^2", refutes="W'''', *", power=2),
        control("the prior's third derivative at sigma^4", refutes="prior", order=2),
        control("1/2 for 3/4", refutes="in z, *", factor=Rational(1, 2)),
    ),
    tier="quick",
)  # fmt: skip
def coordinates_of_unit_speed(
    run: Run, *, chord: bool = False, power: int = 1, order: int = 3, factor: Expr = THREE_QUARTERS
) -> Verdict:
    """Derivatives in t of a Taylor polynomial of the curve, at the place where it has these derivatives."""
    run.assume(on_the_curve, [0])
    v, p2, p3 = Symbol("v", positive=True), Symbol("P2", real=True), Symbol("P3", real=True)
    energy = (0 / v + p3) ** 2 / (1 / v + p2) ** 3 / 12
    parts = {"prior": identity(sympy.limit(energy / v**order, v, 0) - p3**2 / 12)}
    for size in OUTPUTS:
        z, f = taylor_curve(size)
        slope, bend = f.diff(z).subs(z, 0), f.diff(z, 2).subs(z, 0)
        square, cross = slope.dot(slope), slope.dot(bend)
        kappa = (square * bend.dot(bend) - cross**2) / square**3
        away = f + Matrix([1] + [0] * (size - 1))  # from a point at distance one along the first output
        speed = away.dot(f.diff(z)) ** 2 / away.dot(away) if chord else f.diff(z).dot(f.diff(z))
        W = [f.dot(f).diff(z, k).subs(z, 0) / 2 for k in range(2, 5)]
        s = [speed.diff(z, k).subs(z, 0) for k in range(3)]
        second, third, fourth = (g.subs(dict(zip((*_W, *_S), (*W, *s), strict=True))) for g in _in_t())
        D = f"D = {size}"
        parts[f"speed, {D}"] = identity(second - 1)
        parts[f"W''', {D}"] = identity(third)
        parts[f"W'''', {D}"] = identity(fourth + kappa**power)
        plain = [(f.dot(f) / 2).diff(z, k).subs(z, 0) for k in (2, 3)]
        parts[f"in z, {D}"] = identity(plain[1] ** 2 / plain[0] ** 3 / 12 - factor * cross**2 / square**3)
    return all_of(parts)


_W, _S = sympy.symbols("W2:5", real=True), sympy.symbols("s0:3", positive=True)


@lru_cache
def _in_t() -> tuple[Expr, Expr, Expr]:
    """Return d^2 W / dt^2, d/dz of it, and d^4 W / dt^4 at z = 0, where W' = 0, for d/dt = s^(-1/2) d/dz.

    d^2/dt^2 = s^-1 d^2/dz^2 - s' / (2 s^2) d/dz; of W its derivatives to the fourth enter, of s those to the second.
    """
    z = Symbol("z", real=True)
    W = sum(w * z**k / sympy.factorial(k) for k, w in enumerate(_W, 2))
    s = sum(c * z**k / sympy.factorial(k) for k, c in enumerate(_S))

    def twice(g: Expr) -> Expr:
        return g.diff(z, 2) / s - g.diff(z) * s.diff(z) / (2 * s**2)

    second = twice(W)
    return second.subs(z, 0), second.diff(z).subs(z, 0), twice(second).subs(z, 0)


CURVES: Mapping[str, tuple[Sequence[str], Sequence[str], str]] = {
    "(z, z^2)": (("z", "z**2"), ("7/10", "49/100"), "7/10"),
    "(z, e^z)": (("z", "exp(z)"), ("0", "1"), "0"),
    "(z, z^3/3)": (("z", "z**3/3"), ("1", "1/3"), "1"),
}
"""Decoder, x and z0 with f(z0) = x."""
VARIANCES = ("1/100", "1/400", "1/1600", "1/25600", "1/1000000", "1/100000000")
"""sigma = .1, .05, .025, .00625, .001, 1e-4."""
FINE = VARIANCES[3:]
DIGITS = 12
BITS = 200
WITHIN = (0.01, 0.001)
"""Of the slopes at sigma <= .00625: the terms that follow add at most 0.004 and 0.0001. From sigma = .1 on the slope of
the parabola's gap is 2.6 in sigma^2, as the next term is 2.5 times the law there."""


@lru_cache
def gaps(name: str, unit: bool) -> dict[str, ep.Enclosure]:
    """Return the proved gaps by variance, of q Gaussian in t or in z."""
    decoder, x, _ = CURVES[name]
    found = {}
    for v in VARIANCES:
        model = ep.LatentModel("z", list(decoder), ep.Gaussian(v))
        found[v] = ep.unit_speed(model).gap(x, DIGITS) if unit else ep.gap(model, x, DIGITS)
    return found


def laws(name: str) -> tuple[Expr, Expr]:
    """Return (f'.f'')^2 / |f'|^6 and kappa^2 at z0, by SymPy."""
    decoder, _, place = CURVES[name]
    z = Symbol("z", real=True)
    f = Matrix([sympy.sympify(entry, locals={"z": z}) for entry in decoder])
    slope, bend = (f.diff(z, k).subs(z, Rational(place)) for k in (1, 2))
    square, cross = slope.dot(slope), slope.dot(bend)
    return cross**2 / square**3, (square * bend.dot(bend) - cross**2) / square**3


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "x = f(z0): the best gap of q Gaussian in t has the slopes 2 in sigma^2, and |gap - kappa^4 sigma^4 / 48| "
        "the slopes 3; of q Gaussian in z the gap has the slopes 1, and |gap - (3/4) sigma^2 (f'.f'')^2 / |f'|^6| the "
        f"slopes 2 (within {', '.join(map(str, WITHIN))}, step by step)"
    ),
    domain=f"{', '.join(CURVES)}; gaps proved by ep.unit_speed and ep.gap at sigma^2 = {', '.join(FINE)}",
    hypotheses=(regular_curve, on_the_curve),
    controls=(
        control("q Gaussian in z for t", refutes=("*), t", "*), t, law"), unit=False),
        control("kappa^2 for kappa^4", refutes="*, t, law", power=1),
        control("1/47 for 1/48", refutes="*, t, law", factor=Rational(1, 47)),
        control("0.751 for 3/4", refutes="*, z, law", share=Rational(751, 1000)),
        control("q Gaussian in t for z", refutes=("*), z", "*), z, law"), plain=True),
    ),
)  # fmt: skip
def gaps_before_and_after(
    run: Run,
    *,
    unit: bool = True,
    plain: bool = False,
    power: int = 2,
    factor: Expr = FORTY_EIGHTH,
    share: Expr = THREE_QUARTERS,
) -> Verdict:
    """The parabola's gaps in t at sigma = .1, .05, .025: 2.018e-7, 5.131e-9, 2.242e-10."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    for name, (decoder, x, place) in CURVES.items():
        run.assume(regular_curve, decoder)
        run.assume(on_the_curve, _residual(decoder, x, place))
        bent, kappa = laws(name)
        after, before = gaps(name, unit), gaps(name, plain)
        with working_precision(BITS):
            law = {"t": (constant(factor * kappa**power), 2), "z": (constant(share * bent), 1)}
            for coordinate, found in (("t", after), ("z", before)):
                leading, order = law[coordinate]
                values = [spanned(found[v]) for v in FINE]
                left = [abs(g - leading * ball(v) ** order) for g, v in zip(values, FINE, strict=True)]
                parts[f"{name}, {coordinate}"] = ball_slope(FINE, values, order, WITHIN)
                parts[f"{name}, {coordinate}, law"] = ball_slope(FINE, left, order + 1, WITHIN)
                series[f"{name}/{coordinate}"] = [float(found[v].midpoint) for v in VARIANCES]
                series[f"{name}/{coordinate}/law"] = [float(leading.mid()), 2.0 * order]
    series["sigma"] = [float(Fraction(v)) ** 0.5 for v in VARIANCES]
    return all_of(parts).with_data(**series)


def _residual(decoder: Sequence[str], x: Sequence[str], place: str) -> list[Expr]:
    z = Symbol("z", real=True)
    found = [sympy.sympify(entry, locals={"z": z}).subs(z, Rational(place)) for entry in decoder]
    return [f - Rational(value) for f, value in zip(found, x, strict=True)]
