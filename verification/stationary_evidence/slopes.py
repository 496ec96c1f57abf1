"""S3, S4 on instances: gaps proved at falling sigma, and the order in which they approach their law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import sympy

import elboproof as ep
from elboproof.checking import Hypothesis, Run, Verdict, all_of, by_hand, control
from elboproof.expansion.gap_law import GapLaw

from . import claim
from .hypotheses import isolated_mode, unit_speed

Pair = tuple[Fraction, Fraction]
"""Lower and upper end, exact."""


@dataclass(frozen=True)
class Instance:
    """A decoder, a datum, and the falling variances at which its gap is proved to so many significant digits."""

    latents: tuple[str, ...]
    decoder: tuple[str, ...]
    x: tuple[str, ...]
    variances: tuple[str, ...]
    digits: float

    def model(self, variance: str = "1") -> ep.LatentModel:
        """Return the model at one variance."""
        return ep.LatentModel(list(self.latents), list(self.decoder), ep.Gaussian(variance=variance))


STEPS = ("1/100", "1/10000", "1/1000000", "1/100000000")
"""sigma = .1, .01, .001, 1e-4."""
CURVES = {
    "sinh z": Instance(("z",), ("sinh(z)",), ("7/10",), STEPS, 14),
    "(z, z^2)": Instance(("z",), ("z", "z**2"), ("7/10", "49/100"), STEPS, 14),
}
UNIT_SPEED = {
    "circle of radius 2": Instance(("z",), ("2*cos(z/2)", "2*sin(z/2)"), ("2", "0"), STEPS[:3], 7),
    "helix": Instance(("z",), ("3*cos(z)/5", "3*sin(z)/5", "4*z/5"), ("3/5", "0", "0"), STEPS[:3], 8),
}
"""The circle's next preimages have exp(-79) of the mass."""
CURVATURES = {
    "circle of radius 2": Fraction(1, 2),
    "helix": Fraction(3, 5),
    "(z, z^2)": Fraction(2 / (1 + 4 * 0.7**2) ** 1.5),
}

on_the_image = Hypothesis(
    "x on the image",
    "x = f(z0) for a latent z0",
    lambda law: law.distance == 0,
    accepts=[lambda: (ep.gap_law(CURVES["sinh z"].model(), ["7/10"]),)],
    rejects=[lambda: (ep.gap_law(UNIT_SPEED["circle of radius 2"].model(), ["3", "0"], nearest=True),)],
)


@lru_cache
def proved_gaps(instance: Instance) -> dict[Fraction, Pair]:
    """Return the proved ends of the gap by variance."""
    gaps = {}
    for variance in instance.variances:
        gap = ep.gap(instance.model(variance), instance.x, instance.digits)
        gaps[Fraction(variance)] = Fraction(float(gap.lower)), Fraction(float(gap.upper))
    return gaps


def recorded(name: str, gaps: Mapping[Fraction, Pair], law: GapLaw) -> dict[str, Sequence[float]]:
    """Return the gaps and the law's coefficients as named series for a figure."""
    ends = [(float(v) ** 0.5, float(low), float(high)) for v, (low, high) in gaps.items()]
    sigma, lower, upper = zip(*ends, strict=True)
    coefficients = [law.limit, float(law.order or 0), float(rational(law.leading))]
    series = {"sigma": sigma, "lower": lower, "upper": upper, "law": coefficients}
    return {f"{name}/{key}": values for key, values in series.items()}


def remainders(gaps: Mapping[Fraction, Pair], law: Mapping[int, Fraction]) -> dict[Fraction, Pair]:
    """Return bounds of |gap - sum of c_k v^k|, by variance."""
    left = {}
    for v, ends in gaps.items():
        stated = sum((c * v**k for k, c in law.items()), Fraction(0))
        low, high = (end - stated for end in ends)
        inside = low <= 0 <= high
        left[v] = (Fraction(0) if inside else min(abs(low), abs(high)), max(abs(low), abs(high)))
    return left


SLACK = Fraction(3, 2)
"""Room for the terms after the one that decides: at sigma = 0.1 they are up to a fifth of it."""


def falls(left: Mapping[Fraction, Pair], order: int) -> Verdict:
    """Decide with intervals that from each variance to the next the remainder falls like v^order or faster.

    Established if upper(next) <= 3/2 ratio^order lower(this) for all neighbours; refuted if lower(next) is larger
    than 3/2 ratio^order upper(this) for some.
    """
    pairs = sorted(left.items(), reverse=True)
    worst, status = Fraction(0), "established"
    for (large, before), (small, after) in pairwise(pairs):
        ratio = (small / large) ** order
        if after[0] > SLACK * ratio * before[1]:
            status = "refuted"
        elif after[1] > SLACK * ratio * before[0] and status == "established":
            status = "undecided"
        worst = max(worst, after[1] / (ratio * before[0])) if before[0] else worst
    words = {"established": "falls", "refuted": "does not fall", "undecided": "is not proved to fall"}[status]
    reason = f"the remainder {words} like sigma^{2 * order}: at most {float(worst):.4g} times as much is left"
    return by_hand("certified", status, reason, float(worst), float(SLACK), float(worst))


def rational(number: object) -> Fraction:
    """Return an exact number as a ratio within 1e-40, proved bounds by their midpoint."""
    if isinstance(number, ep.Enclosure):
        return Fraction(float(number.midpoint))
    value = sympy.Rational(str(sympy.N(number, 40)))
    return Fraction(int(value.p), int(value.q))


def at_the_latent(instance: Instance, z0: sympy.Expr) -> tuple[sympy.Matrix, sympy.Matrix]:
    """Return f' and f'' by SymPy, apart from the package's derivatives."""
    z = sympy.Symbol("z")
    f = sympy.Matrix([sympy.sympify(e, locals={"z": z}) for e in instance.decoder])
    return f.diff(z).subs(z, z0), f.diff(z, 2).subs(z, z0)


THREE_QUARTERS = Fraction(3, 4)


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "|gap - (3/4) sigma^2 (f'.f'')^2 / |f'|^6| falls like sigma^4, and with ep.gap_law's next term like sigma^6"
    ),
    domain=(
        "f = sinh z and (z, z^2), x = f(z0) with z0 = asinh(0.7) and 0.7; gaps proved to 14 digits at sigma = .1, "
        ".01, .001, 1e-4 (sigma^6: to .001)"
    ),
    hypotheses=(isolated_mode, on_the_image),
    controls=(
        control("1 in place of 3/4", factor=Fraction(1)),
        control("the next term with the other sign", sign=-1),
    ),
    tier="quick",
)
def gaps_fall_as_the_law_says(run: Run, *, factor: Fraction = THREE_QUARTERS, sign: int = 1) -> Verdict:
    """At sigma = 1e-4 the second remainder is below the 14 digits."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    for name, instance in CURVES.items():
        law = ep.gap_law(instance.model(), instance.x)
        slope, bend = at_the_latent(instance, law.preimage[0])
        run.assume(on_the_image, law)
        run.assume(isolated_mode, float(slope.dot(slope)))
        leading = factor * rational(slope.dot(bend) ** 2 / slope.dot(slope) ** 3)
        gaps = proved_gaps(instance)
        series |= recorded(name, gaps, law)
        parts[f"{name}, sigma^4"] = falls(remainders(gaps, {1: leading}), 2)
        both = remainders(gaps, {1: leading, 2: sign * rational(law.next_order)})
        parts[f"{name}, sigma^6"] = falls({v: ends for v, ends in both.items() if v > 1e-7}, 3)
    return all_of(parts).with_data(**series)


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation="order",
    states="unit speed: |gap - kappa^4 sigma^4 / 48| falls like sigma^6",
    domain="circle of radius 2 (kappa = 1/2) and helix (kappa = 3/5); gaps proved at sigma = .1, .01, .001",
    hypotheses=(unit_speed, on_the_image),
    controls=(
        control("1/24 for 1/48", factor=Fraction(1, 24)),
        control("kappa^2 for kappa^4", power=2),
        control("a curve of changing speed: (z, z^2) with kappa = 2 / (1 + 4 z0^2)^(3/2)",
                drops=(unit_speed,), curve="(z, z^2)"),
    ),
    tier="quick",
)  # fmt: skip
def gaps_of_unit_speed_fall(
    run: Run, *, factor: Fraction = Fraction(1, 48), power: int = 4, curve: str = ""
) -> Verdict:
    """The curvature is a number known from the curve's geometry."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    instances = {curve: CURVES[curve]} if curve else UNIT_SPEED
    for name, instance in instances.items():
        law = ep.gap_law(instance.model(), instance.x)
        run.assume(on_the_image, law)
        z = sympy.Symbol("z")
        slope = sympy.Matrix([sympy.sympify(e, locals={"z": z}).diff(z) for e in instance.decoder])
        run.assume(unit_speed, sympy.simplify(slope.dot(slope)))
        kappa = CURVATURES[name]
        gaps = proved_gaps(instance)
        series |= recorded(name, gaps, law)
        parts[f"{name}, sigma^6"] = falls(remainders(gaps, {2: factor * kappa**power}), 3)
    return all_of(parts).with_data(**series)


CIRCLE = {
    sigma: Instance(("z",), ("cos(z)", "sin(z)"), ("1", "0"), (variance,), 6)
    for sigma, variance in (("0.3", "9/100"), ("0.2", "1/25"), ("0.1", "1/100"))
}
WRAPPED = 0.05
"""Relative, of the law's terms after sigma^6: at sigma = 0.3 they are 1.1 % of the gap."""


@claim.check(
    statement="S4",
    role="limits",
    method="certified",
    relation="order",
    states=(
        "the unit circle returns to x after 2 pi: the gap tends to log(1 + 2 exp(-2 pi^2) + ...) = 5.35e-9 nats and "
        "not to 0; with ep.gap_law's branches the law is right within 5 %"
    ),
    domain="f = (cos z, sin z), x = f(0), sigma = .3, .2, .1",
    hypotheses=(on_the_image,),
    controls=(control("without the next preimages", wrap=False), control("1/24 for 1/48", factor=2.0)),
)
def the_circle_wraps_around(run: Run, *, wrap: bool = True, factor: float = 1.0) -> Verdict:
    """At sigma = 1e-4 the law's own terms would be 2e-18: only the wrap is left."""
    parts = {}
    limit = sympy.log(1 + 2 * sympy.exp(-2 * sympy.pi**2) + 2 * sympy.exp(-8 * sympy.pi**2))
    for sigma, instance in CIRCLE.items():
        law = ep.gap_law(instance.model(), instance.x)
        run.assume(on_the_image, law)
        ((v, (low, high)),) = proved_gaps(instance).items()
        stated = factor * law.as_float(v) if wrap else float(rational(law.leading) * v**2)
        parts[f"sigma = {sigma}"] = _near((low, high), float(stated), WRAPPED)
    tiny = Instance(("z",), ("cos(z)", "sin(z)"), ("1", "0"), (STEPS[-1],), 4)
    parts["sigma = 1e-4"] = _near(proved_gaps(tiny)[Fraction(STEPS[-1])], float(limit) * wrap, 1e-4)
    return all_of(parts)


def _near(ends: Pair, stated: float, relative: float) -> Verdict:
    """Decide that a proved number is the stated one within a share of the number, in exact arithmetic."""
    (low, high), exact, share = ends, Fraction(stated), Fraction(relative)
    text = f"[{float(low):.10g}, {float(high):.10g}]"
    error = max(abs(low - exact), abs(high - exact)) / low
    numbers = (text, stated, float(error))
    if error <= share:
        return by_hand(
            "certified", "established", f"{text} is {stated:.6g} within {relative:.1g} of it", *numbers
        )
    away = exact < low * (1 - share) or exact > high * (1 + share)
    return by_hand("certified", "refuted" if away else "undecided", f"{text} is not {stated:.6g}", *numbers)
