"""S2 (ii) on instances: proved stationary posteriors, and the integrals that their precision is."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb
from sympy import Expr, Symbol, besseli

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control
from elboproof.model.metrics import fisher_metric, observed_information

from .._shared.balls import CUTOFF, spanned, working_precision
from . import claim
from .averages import in_balls
from .hypotheses import smooth_density

BITS = 120
WITHIN = 1e-9
X, T = Symbol("x1", real=True), Symbol("t", real=True)
TAIL = 1000
"""C with |g| <= C exp(u^2/4) beyond 14 deviations u, for g of these instances: exp(t) is at most exp(1/2 + z)."""
CURVED = "z + sin(z)/2"


@dataclass(frozen=True)
class Instance:
    """A model of one latent and one output, and x."""

    likelihood: Any
    decoder: str
    x: str
    canonical: bool = False

    @property
    def model(self) -> ep.LatentModel:
        """Return the model."""
        return ep.LatentModel("z", [self.decoder], self.likelihood)


INSTANCES: dict[str, Instance] = {
    "von Mises 5": Instance(ep.VonMises(5), CURVED, "7/5"),
    "Student 3": Instance(ep.StudentT(3), CURVED, "3/2"),
    "Student 3, x an outlier": Instance(ep.StudentT(3), CURVED, "6"),
    "exponential": Instance(ep.Exponential(), CURVED, "2"),
    "binomial 5": Instance(ep.Binomial(5), CURVED, "4", canonical=True),
    "Poisson": Instance(ep.Poisson(), CURVED, "3", canonical=True),
}
OTHERS = [name for name, one in INSTANCES.items() if not one.canonical]


@lru_cache
def stationary(name: str) -> tuple[arb, arb]:
    """Return the proved mean and variance of the stationary Gaussian."""
    one = INSTANCES[name]
    found = ep.stationary_posterior(one.model, [one.x])
    return spanned(found.mean[0]), spanned(found.covariance[0][0])


def expectation(g: Expr, z: Symbol, mean: arb, variance: arb) -> arb:
    """Return E_q[g], q = N(mean, variance) with balls for both, by an integral over 14 deviations to both sides."""
    function, scale = in_balls(g, z), variance.sqrt()

    def integrand(u: acb, analytic: bool) -> acb:
        return (-u * u / 2).exp() * function(mean + scale * u, analytic=analytic)

    inner = acb.integral(integrand, arb(-CUTOFF), arb(CUTOFF)).real
    # the integral of exp(-u^2/4) beyond T is at most exp(-T^2/4) on each side
    tail = 2 * TAIL * (-(arb(CUTOFF) ** 2) / 4).exp()
    return (inner + tail * arb(0, 1)) / (2 * arb.pi()).sqrt()


def precision_integrand(name: str, information: str = "observed", score: int = 1) -> tuple[Expr, Symbol]:
    """Return obs t'^2 - score t'' as a function of the latent, or with the metric for obs."""
    one = INSTANCES[name]
    (z,), (t,) = one.model.latents, one.model.decoder
    x = sympy.sympify(one.x)
    density = one.likelihood.log_density([T], [x])
    if information == "observed":
        inner = observed_information(one.likelihood, [T], [x])[0]
    else:
        inner = _enclosable(fisher_metric(one.likelihood, [T])[0])
    whole = inner.subs(T, t) * t.diff(z) ** 2 - score * density.diff(T).subs(T, t) * t.diff(z, 2)
    return whole, z


def _enclosable(metric: Expr) -> Expr:
    """Return a metric without Bessel functions, which have no balls here: rounded to 30 digits."""
    return sympy.Rational(str(metric.evalf(30))) if metric.has(besseli) else metric


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "(ii) at proved stationary Gaussians, 1/s = 1 + E_q[obs(x, t) t'^2 - score t''], an integral of the library's "
        f"observed information, within {WITHIN:g}"
    ),
    domain=f"t = z + sin(z)/2; {', '.join(f'{name} at x = {one.x}' for name, one in INSTANCES.items())}",
    hypotheses=(smooth_density,),
    controls=(
        control("the metric for the observed information", refutes=OTHERS, information="metric"),
        control("without the score", score=0),
        control("1 % more", share=1.01),
    ),
)
def precision_is_the_mean_information(
    run: Run, *, information: str = "observed", score: int = 1, share: float = 1.0
) -> Verdict:
    """For canonical parameters obs = G, so that only the others tell the two apart."""
    parts = {}
    with working_precision(BITS):
        for name, one in INSTANCES.items():
            run.assume(smooth_density, one.likelihood.log_density([T], [X]), T)
            mean, variance = stationary(name)
            g, z = precision_integrand(name, information, score)
            found = share * expectation(g, z, mean, variance)
            parts[name] = ball_equal(1 / variance - 1 - found, WITHIN)
        return all_of(parts)


@claim.check(
    statement="S2",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "an observed information may be negative: with an outlying x the stationary Gaussian of a Student likelihood "
        "is wider than the prior, s > 1, while 1 + G > 1"
    ),
    domain="Student with 3 degrees of freedom, f = z, x = 6",
    hypotheses=(smooth_density,),
    controls=(control("x = 1, no outlier", x="1"), control("x = 3, with a negative information at the mean", x="3")),
)  # fmt: skip
def an_outlier_widens_the_posterior(run: Run, *, x: str = "6") -> Verdict:
    """Obs < 0 where r^2 > nu s^2."""
    likelihood = ep.StudentT(3)
    run.assume(smooth_density, likelihood.log_density([T], [X]), T)
    with working_precision(BITS):
        found = ep.stationary_posterior(ep.LatentModel("z", ["z"], likelihood), [x])
        return ball_positive(spanned(found.covariance[0][0]) - 1)
