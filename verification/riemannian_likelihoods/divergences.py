"""S1: means over x of the library's densities, certified: two faces of the metric, and KL to second order."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import sympy
from flint import acb, arb
from sympy import Rational, Symbol, besseli

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_slope, control
from elboproof.model.metrics import fisher_metric

from .._shared.balls import ball, constant, working_precision
from . import claim
from .averages import FAR, Mean, exponential_tail, in_balls, integral, sum_over_counts, weight
from .families import ROWS
from .hypotheses import T, X, positive_parameters, smooth_density
from .information import plain

BITS = 140
WITHIN = 1e-25
PLACE = Fraction(-2, 5)
"""t, where the densities are averaged."""
HALVINGS = ("1/20", "1/40", "1/80", "1/160")


@dataclass(frozen=True)
class Family:
    """A likelihood of one output, and the mean over its x at `PLACE`."""

    likelihood: Any
    mean: Callable[[], Mean]
    order: int
    parameter: int = 1

    def metric(self) -> arb:
        """Return the library's metric at `PLACE`, its Bessel functions by FLINT."""
        found = plain(fisher_metric(self.likelihood, [Rational(PLACE)])[0])
        waves = sorted(found.atoms(besseli), key=str)
        names = [Symbol(f"I_{k}", positive=True) for k in range(len(waves))]
        values = [constant(wave.args[1]).bessel_i(constant(wave.args[0])) for wave in waves]
        if not waves:
            return constant(found)
        return in_balls(found.subs(dict(zip(waves, names, strict=True))), *names)(*values).real


def _place() -> arb:
    return ball(PLACE)


def _counts(likelihood: Any, most: int | None = None) -> Mean:
    return sum_over_counts(weight(likelihood, T, X, _place()), most)


def _unit(likelihood: Any) -> Mean:
    return integral(weight(likelihood, T, X, _place()), arb(0), arb(1))


def _half_line(likelihood: Any) -> Mean:
    # the rate e^(-2/5) exceeds 3/5
    return integral(weight(likelihood, T, X, _place()), arb(0), arb(FAR), exponential_tail("3/5"))


def _circle(likelihood: Any) -> Mean:
    return integral(weight(likelihood, T, X, _place()), -arb.pi(), arb.pi())


FAMILIES: dict[str, Family] = {
    "Bernoulli": Family(ep.Bernoulli(), partial(_counts, ep.Bernoulli(), 1), 3),
    "binomial 7": Family(ep.Binomial(7), partial(_counts, ep.Binomial(7), 7), 3),
    "Poisson": Family(ep.Poisson(), partial(_counts, ep.Poisson()), 3),
    "negative binomial 3": Family(ep.NegativeBinomial(3), partial(_counts, ep.NegativeBinomial(3)), 3),
    "exponential": Family(ep.Exponential(), partial(_half_line, ep.Exponential()), 3),
    "continuous Bernoulli": Family(ep.ContinuousBernoulli(), partial(_unit, ep.ContinuousBernoulli()), 3),
    "von Mises 1": Family(ep.VonMises(1), partial(_circle, ep.VonMises(1)), 4),
    "von Mises 5": Family(ep.VonMises(5), partial(_circle, ep.VonMises(5)), 4, 5),
}
"""Order: of what is left of KL after its quadratic term, 4 for families symmetric about t."""


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "summed or integrated over x, the library's density has total 1, and its mean information and mean squared "
        f"score are its Fisher metric, within {WITHIN:g}; von Mises' is kappa I_1(kappa)/I_0(kappa)"
    ),
    domain=f"{', '.join(FAMILIES)}, at t = {PLACE}",
    hypotheses=(positive_parameters, smooth_density),
    controls=(
        control("the metric 2 % too large", refutes=["information*", "squared score*"], share="51/50"),
        control("a total 1 % smaller", refutes="total*", total="100/101"),
    ),
)
def means_over_the_data(run: Run, *, share: str = "1", total: str = "1") -> Verdict:
    """Nothing of the metric's derivation is used: the information and the score are derivatives of the log density."""
    parts = {}
    with working_precision(BITS):
        for name, family in FAMILIES.items():
            run.assume(positive_parameters, family.parameter)
            density = family.likelihood.log_density([T], [X])
            run.assume(smooth_density, density, T)
            mean, metric = family.mean(), ball(share) * family.metric()
            parts[f"total, {name}"] = ball_equal(mean(lambda _: acb(1)) - ball(total), WITHIN)
            for face, one in {
                "information": -density.diff(T, 2),
                "squared score": density.diff(T) ** 2,
            }.items():
                function = in_balls(one, T, X)
                found = mean(lambda x, function=function: function(_place(), x))  # type: ignore[misc]
                parts[f"{face}, {name}"] = ball_equal(found - metric, WITHIN)
        return all_of(parts)


def _divergence(family: Family, step: arb, mean: Mean) -> arb:
    """Return KL(p(x|t) || p(x|t + d))."""
    density = in_balls(family.likelihood.log_density([T], [X]), T, X)
    here, there = _place(), _place() + step
    return mean(lambda x: density(here, x) - density(there, x))


def _location(name: str, step: arb) -> arb:
    """Return KL of a location family by an integral over all x in which nothing is left out."""
    row = ROWS[name]
    scale = constant(row.numbers[sympy.Symbol("s", positive=True)])
    if name == "logistic location":
        return _logistic(step / scale)
    degrees = int(row.numbers[sympy.Symbol("nu", positive=True)])
    delta = step / (scale * arb(degrees).sqrt())

    def moved(angle: acb, analytic: bool) -> acb:
        c, s = angle.cos(), angle.sin()
        return c ** (degrees - 1) * (c * c + (s - delta * c) ** 2).log(analytic=analytic)

    half = arb.pi() / 2
    total = acb.integral(lambda angle, _: angle.cos() ** (degrees - 1), -half, half).real
    return (degrees + 1) * acb.integral(moved, -half, half).real / total / 2


def _logistic(shift: arb) -> arb:
    """KL of logistic laws a shift d apart: the mean over u in (0, 1) of 2 log(1 - u + u e^-d) + d."""

    # p(x) = e^-x/(1 + e^-x)^2 with e^-x = (1 - u)/u: log p(x) - log p(x - d) = -d + 2 log(u + (1 - u) e^d)
    def moved(u: acb, analytic: bool) -> acb:
        return 2 * (u + (1 - u) * shift.exp()).log(analytic=analytic) - shift

    return acb.integral(moved, arb(0), arb(1)).real


LOCATIONS = {"Student location": Rational(1, 6), "logistic location": Rational(1, 12)}
"""Their metrics, see `metric_by_integration`."""


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "|KL(p(x|t) || p(x|t + d)) - G d^2/2| falls like d^3, and like d^4 for families symmetric about t: the slopes "
        "between these d are within 0.1, 0.05 and 0.03 of it"
    ),
    domain=f"{', '.join([*FAMILIES, *LOCATIONS])}, t = {PLACE}, d = {', '.join(HALVINGS)}",
    hypotheses=(positive_parameters, smooth_density),
    controls=(control("the metric 1 % too large", share="101/100"), control("G d^2", share="2")),
)
def divergence_to_second_order(run: Run, *, share: str = "1") -> Verdict:
    """A wrong metric leaves a term d^2: the slope tends to 2."""
    parts, near = {}, (0.1, 0.05, 0.03)
    steps = [Fraction(step) for step in HALVINGS]
    with working_precision(BITS):
        for name, family in FAMILIES.items():
            run.assume(positive_parameters, family.parameter)
            run.assume(smooth_density, family.likelihood.log_density([T], [X]), T)
            mean, half = family.mean(), ball(share) * family.metric() / 2
            left = [abs(_divergence(family, ball(d), mean) - half * ball(d) ** 2) for d in steps]
            parts[name] = ball_slope(list(HALVINGS), left, family.order, near)
        for name, metric in LOCATIONS.items():
            half = ball(share) * constant(metric) / 2
            left = [abs(_location(name, ball(d)) - half * ball(d) ** 2) for d in steps]
            parts[name] = ball_slope(list(HALVINGS), left, 4, near)
        return all_of(parts)
