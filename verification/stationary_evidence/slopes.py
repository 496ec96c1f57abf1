"""S3 on curves: gaps proved at falling sigma, and the order in which they approach their law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import sympy
from flint import arb
from sympy import Expr, Rational

import elboproof as ep
from elboproof.checking import Hypothesis, Run, Verdict, all_of, ball_slope, control
from elboproof.expansion.gap_law import GapLaw  # the type of what ep.gap_law returns has no public name

from .._shared.balls import constant, working_precision
from . import claim
from .hypotheses import isolated_mode

Pair = tuple[Fraction, Fraction]
"""Lower and upper end, exact."""
BITS = 200
THREE_QUARTERS = Rational(3, 4)


@dataclass(frozen=True)
class Instance:
    """A decoder, a datum, and the falling variances at which its gap is proved to so many significant digits."""

    latents: tuple[str, ...]
    decoder: tuple[str, ...]
    x: tuple[str, ...]
    variances: tuple[str, ...]
    digits: float

    def proved(self, run: Run) -> dict[Fraction, Pair]:
        """Return the proved ends of the gap by variance, a digit more where a check runs again."""
        return proved_gaps(replace(self, digits=run.digits(self.digits)))

    def model(self, variance: str = "1") -> ep.LatentModel:
        """Return the model at one variance."""
        return ep.LatentModel(list(self.latents), list(self.decoder), ep.Gaussian(variance=variance))

    def slopes(self, z0: Expr) -> tuple[sympy.Matrix, sympy.Matrix]:
        """Return f' and f'' of a curve at a latent, by SymPy, apart from the package's derivatives."""
        z = sympy.Symbol("z")
        f = sympy.Matrix([sympy.sympify(entry, locals={"z": z}) for entry in self.decoder])
        return f.diff(z).subs(z, z0), f.diff(z, 2).subs(z, z0)


STEPS = ("1/100", "1/10000", "1/1000000", "1/100000000")
"""sigma = .1, .01, .001, 1e-4."""
CURVES = {
    "sinh z": Instance(("z",), ("sinh(z)",), ("7/10",), STEPS, 14),
    "(z, z^2)": Instance(("z",), ("z", "z**2"), ("7/10", "49/100"), STEPS, 14),
}
BESIDE = Instance(("z",), ("z", "z**2"), ("7/10", "1/2"), STEPS, 14)

on_the_image = Hypothesis(
    "x on the image",
    "x = f(z0) for a latent z0",
    lambda law: law.distance == 0,
    accepts=[lambda: (ep.gap_law(CURVES["sinh z"].model(), ["7/10"]),)],
    rejects=[lambda: (ep.gap_law(BESIDE.model(), BESIDE.x, nearest=True),)],
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
    coefficients = [law.limit, float(law.order or 0), float(constant(law.leading).mid())]
    series = {"sigma": sigma, "lower": lower, "upper": upper, "law": coefficients}
    return {f"{name}/{key}": values for key, values in series.items()}


def remainder_falls(
    gaps: Mapping[Fraction, Pair], law: Mapping[int, arb], order: int, within: Sequence[float]
) -> Verdict:
    """Decide that |gap - sum of c_k v^k| falls like v^order between each two of the largest variances v."""
    some = list(gaps)[: len(within) + 1]
    left = []
    for v in some:
        low, high = (constant(Rational(end.numerator, end.denominator)) for end in gaps[v])
        power = constant(Rational(v.numerator, v.denominator))
        left.append(abs(low.union(high) - sum((c * power**k for k, c in law.items()), arb(0))))
    return ball_slope(some, left, order, within)


AFTER = {1: (2, (0.02, 0.01, 0.01)), 2: (3, (0.05, 0.01))}
"""By the number of terms: the order of the remainder in v = sigma^2, and how near the slopes are to it. The terms that
follow count at sigma = .1 only. At sigma = 1e-4 the second remainder is below the 14 digits of the gap."""
SLOPES = " and ".join(f"{order} (within {', '.join(map(str, within))})" for order, within in AFTER.values())


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "between these sigma, |gap - (3/4) sigma^2 (f'.f'')^2 / |f'|^6|, and the same with ep.gap_law's next term, "
        f"have the slopes {SLOPES} in sigma^2, step by step"
    ),
    domain=(
        "f = sinh z and (z, z^2), x = f(z0) with z0 = asinh(0.7) and 0.7; gaps proved to 14 digits, at the best "
        "stationary Gaussian found, at sigma = .1, .01, .001, 1e-4 (with the next term to .001)"
    ),
    hypotheses=(isolated_mode, on_the_image),
    controls=(
        control("0.76 in place of 3/4", factor=Rational(76, 100)),
        control("the next term with the other sign", refutes="*, two terms", sign=-1),
    ),
    tier="quick",
)
def gaps_fall_as_the_law_says(run: Run, *, factor: Expr = THREE_QUARTERS, sign: int = 1) -> Verdict:
    """The leading coefficient is SymPy's, the next one the package's."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    for name, instance in CURVES.items():
        law = ep.gap_law(instance.model(), instance.x)
        slope, bend = instance.slopes(law.preimage[0])
        run.assume(on_the_image, law)
        run.assume(isolated_mode, float(slope.dot(slope)))
        gaps = proved_gaps(instance)
        series |= recorded(name, gaps, law)
        with working_precision(BITS):
            leading = constant(factor * slope.dot(bend) ** 2 / slope.dot(slope) ** 3)
            terms = {1: leading, 2: sign * constant(law.next_order)}
            parts[f"{name}, one term"] = remainder_falls(gaps, {1: leading}, *AFTER[1])
            parts[f"{name}, two terms"] = remainder_falls(gaps, terms, *AFTER[2])
    return all_of(parts).with_data(**series)
