"""S2 (iii): over the population of x, the mean precision of exact posteriors, and the bound of their variance."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb
from sympy import Expr, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control, identity
from elboproof.model.metrics import fisher_metric, observed_information

from .._shared.balls import Line, ball, spanned, working_precision
from . import claim
from .averages import in_balls
from .hypotheses import sums_to_one

BITS = 100
WITHIN = 1e-10
PRIOR = Line(Fraction(0), Fraction(1))
T = Symbol("t", real=True)


@dataclass(frozen=True)
class Counts:
    """A model of one latent and one output with finitely many x."""

    likelihood: Any
    decoder: str
    most: int

    @property
    def model(self) -> ep.LatentModel:
        """Return the model."""
        return ep.LatentModel("z", [self.decoder], self.likelihood)

    @property
    def pull_back(self) -> Expr:
        """Return J'GJ as a function of the latent."""
        (z,), (t,) = self.model.latents, self.model.decoder
        return fisher_metric(self.likelihood, [T])[0].subs(T, t) * t.diff(z) ** 2

    def mean(self, g: Expr) -> arb:
        """Return E_N(0,1)[g]."""
        function = in_balls(g, *self.model.latents)
        return PRIOR.expectation(lambda z: function(z, analytic=True))

    def posterior(self, x: int) -> tuple[arb, arb, arb]:
        """Return p(x) less its base measure, the posterior precision E[Hess U] and variance, by three integrals."""
        (z,), (t,) = self.model.latents, self.model.decoder
        weight = sympy.exp(self.likelihood.log_density([t], [sympy.Integer(x)]))
        density = self.likelihood.log_density([T], [sympy.Integer(x)])
        inner = observed_information(self.likelihood, [T], [sympy.Integer(x)])[0].subs(T, t)
        bend = 1 + inner * t.diff(z) ** 2 - density.diff(T).subs(T, t) * t.diff(z, 2)
        mass, first, second, curved = (self.mean(weight * g) for g in (sympy.Integer(1), z, z**2, bend))
        return mass, curved / mass, second / mass - (first / mass) ** 2


POPULATIONS: dict[str, Counts] = {
    "Bernoulli, z": Counts(ep.Bernoulli(), "z", 1),
    "Bernoulli, 2 z": Counts(ep.Bernoulli(), "2*z", 1),
    "binomial 3, z + sin(z)/2": Counts(ep.Binomial(3), "z + sin(z)/2", 3),
}


@lru_cache
def chances(name: str) -> tuple[arb, ...]:
    """Return p(x) for each x, the library's proved evidences."""
    one = POPULATIONS[name]
    found = ep.log_evidence(one.model, [[x] for x in range(one.most + 1)], digits=12)
    return tuple(spanned(found[x]).exp() for x in range(one.most + 1))


@lru_cache
def posteriors(name: str) -> tuple[tuple[arb, arb, arb], ...]:
    """Return mass, precision and variance for each x."""
    one = POPULATIONS[name]
    return tuple(one.posterior(x) for x in range(one.most + 1))


def van_trees(name: str) -> arb:
    """Return S* = 1/(1 + E_N(0,1)[J'GJ])."""
    one = POPULATIONS[name]
    return 1 / (1 + one.mean(one.pull_back))


def at_the_prior_mean(name: str) -> arb:
    """Return 1/(1 + J'GJ) at z = 0."""
    one = POPULATIONS[name]
    return 1 / (1 + in_balls(one.pull_back, *one.model.latents)(acb(0)).real)


def mean_of_inverses(name: str) -> arb:
    """Return E_N(0,1)[1/(1 + J'GJ)], which is greater than S*."""
    one = POPULATIONS[name]
    return one.mean(1 / (1 + one.pull_back))


Bound = Callable[[str], arb]


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "(iii) E_x A_x = I + E_N(0,I)[J'GJ] for A_x = E_{p(z|x)}[Hess U]: the mean precision of exact posteriors needs "
        f"no encoder, within {WITHIN:g}"
    ),
    domain=f"{', '.join(POPULATIONS)}, all x, with the library's evidences for p(x)",
    hypotheses=(sums_to_one,),
    controls=(
        control("the metric at the prior's mean z = 0", bound=at_the_prior_mean),
        control("the inverse of the mean of inverses", bound=mean_of_inverses),
    ),
)  # fmt: skip
def mean_precision_over_the_population(run: Run, *, bound: Bound = van_trees) -> Verdict:
    """For Gaussian q in place of p(z|x) this is not exact. The score's part has the mean 0, but is not 0 at one x."""
    parts = {}
    with working_precision(BITS):
        for name in POPULATIONS:
            p = chances(name)
            run.assume(sums_to_one, float(sum(p, arb(0)).mid()))
            total = sum((a * b for a, (_, b, _) in zip(p, posteriors(name), strict=True)), arb(0))
            parts[name] = ball_equal(total - 1 / bound(name), WITHIN)
        return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation=">",
    states=(
        "van Trees: the mean posterior variance exceeds S* = 1/(1 + E_N(0,1)[J'GJ]), the inverse of the mean precision"
    ),
    domain=f"{', '.join(POPULATIONS)}, all x",
    hypotheses=(sums_to_one,),
    controls=(
        control("the mean of inverses for the inverse of the mean", bound=mean_of_inverses),
        control("S* 4 % larger", factor="104/100"),
    ),
)
def variance_is_above_the_bound(run: Run, *, bound: Bound = van_trees, factor: str = "1") -> Verdict:
    """By Jensen the mean of inverses is the greater number: at one logit z it is .8300, and the mean variance .8292."""
    parts = {}
    with working_precision(BITS):
        for name in POPULATIONS:
            p = chances(name)
            run.assume(sums_to_one, float(sum(p, arb(0)).mid()))
            total = sum((a * b for a, (_, _, b) in zip(p, posteriors(name), strict=True)), arb(0))
            parts[name] = ball_positive(total - ball(factor) * bound(name))
        return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "van Trees is an equality for affine Gaussian decoders: I - W'(W W' + C)^-1 W, the posterior covariance, is (I "
        "+ W'G W)^-1 with G the library's metric of N(., C)"
    ),
    domain="d = D = 2, every W and C = diag(c, c) at c = 1/3 and full C = [[2, 1], [1, 2]]",
    hypotheses="none",
    controls=(control("without the prior's I", prior=0), control("C for the metric", inverse=False)),
    tier="quick",
)
def equality_for_affine_decoders(run: Run, *, prior: int = 1, inverse: bool = True) -> Verdict:  # noqa: ARG001
    """The posterior covariance comes from the joint law of z and x = W z + noise, not from the energy."""
    W = sympy.Matrix(2, 2, sympy.symbols("w:4", real=True))
    parts = {}
    given: dict[str, list[list[Any]]] = {"scalar": [["1/3", 0], [0, "1/3"]], "full": [[2, 1], [1, 2]]}
    for name, rows in given.items():
        covariance = sympy.Matrix(2, 2, [sympy.sympify(entry) for row in rows for entry in row])
        metric = fisher_metric(ep.Gaussian(covariance=rows), [T, T])
        posterior = sympy.eye(2) - W.T * (W * W.T + covariance).inv() * W
        bound = prior * sympy.eye(2) + W.T * (metric if inverse else covariance) * W
        parts[name] = identity(list(posterior * bound - sympy.eye(2)))
    return all_of(parts)
