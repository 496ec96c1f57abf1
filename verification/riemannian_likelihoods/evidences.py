"""S3: Bernoulli, Poisson and categorical decoders of one and two latents: proved evidences, best Gaussians and gaps."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr

import elboproof as ep
from elboproof.checking import (
    Route,
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    control,
    routes_agree,
)

from .._shared.balls import Line, ball, spanned, working_precision
from . import claim
from .averages import in_balls
from .hypotheses import smooth_density
from .stationarity import expectation

BITS = 120
ONE_OF_THREE = ["2*a", "-a + sqrt(3)*b", "-a - sqrt(3)*b"]
"""Logits z.w_k, the w_k at 120 degrees."""


@dataclass(frozen=True)
class Instance:
    """A model and one x."""

    likelihood: Any
    decoder: tuple[str, ...]
    x: tuple[int, ...]

    @property
    def latents(self) -> int:
        """The dimension d."""
        return 2 if any("a" in entry or "b" in entry for entry in self.decoder) else 1

    @property
    def model(self) -> ep.LatentModel:
        """Return the model."""
        return ep.LatentModel(["a", "b"] if self.latents == 2 else "z", list(self.decoder), self.likelihood)

    @property
    def energy(self) -> Expr:
        """Return U up to what is free of z."""
        x = [sympy.Integer(value) for value in self.x]
        model = self.model
        return sympy.Add(*(z**2 for z in model.latents)) / 2 - self.likelihood.log_density(model.decoder, x)


def logits(likelihood: Any, x: tuple[int, ...], *decoder: str) -> Instance:
    """Return a model and one x."""
    return Instance(likelihood, decoder, x)


LINES = {
    "Bernoulli, z": logits(ep.Bernoulli(), (1,), "z"),
    "Bernoulli, 3 z": logits(ep.Bernoulli(), (1,), "3*z"),
    "Poisson, z": logits(ep.Poisson(), (3,), "z"),
    "Poisson, z + sin(z)/2": logits(ep.Poisson(), (2,), "z + sin(z)/2"),
    "categorical, (z, 0, -z)": logits(ep.Categorical(), (1, 0, 0), "z", "0", "-z"),
}
PLANES = {
    "Bernoulli, a + 2 b": logits(ep.Bernoulli(), (1,), "a + 2*b"),
    "Poisson, (a + b, a - b)": logits(ep.Poisson(), (2, 1), "a + b", "a - b"),
    "categorical, 120 degrees": logits(ep.Categorical(), (1, 0, 0), *ONE_OF_THREE),
}
CLOSED = {
    "Bernoulli, z": Fraction(1, 2),
    "Bernoulli, 3 z": Fraction(1, 2),
    "Bernoulli, a + 2 b": Fraction(1, 2),
    "categorical, 120 degrees": Fraction(1, 3),
}
CLOSED_WITHIN, INTEGRAL_WITHIN = 1e-8, 1e-9
BOTH = {**LINES, **PLANES}


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "by symmetry p(x = 1) = 1/2 for a Bernoulli logit w.z, and 1/3 for three logits z.w_k at 120 degrees: the "
        f"library's evidences are these within {CLOSED_WITHIN:g}, and integrals of the likelihood within "
        f"{INTEGRAL_WITHIN:g} for Poisson and other one-latent models"
    ),
    domain=f"{', '.join(BOTH)}",
    hypotheses=(smooth_density,),
    controls=(
        control("an intercept of 1/50", refutes="closed form*", intercept="1/50"),
        control("without the base measure -log x!", refutes="integral, Poisson*", base=0),
        control("the likelihood's mean under N(1/100, 1)", refutes="integral*", mean=Fraction(1, 100)),
    ),
)  # fmt: skip
def evidences_in_closed_form(
    run: Run, *, intercept: str = "0", base: int = 1, mean: Fraction = Fraction(0)
) -> Verdict:
    """The intercept is added to one logit, so that classes lose their symmetry."""
    parts = {}
    with working_precision(BITS):
        for name, chance in CLOSED.items():
            one = BOTH[name]
            first, *others = one.decoder
            moved = Instance(one.likelihood, (f"{first} + {intercept}", *others), one.x)
            found = spanned(ep.log_evidence(moved.model, list(one.x), digits=9))
            parts[f"closed form, {name}"] = ball_equal(found - ball(chance).log(), CLOSED_WITHIN)
        for name, one in LINES.items():
            run.assume(smooth_density, one.energy, one.model.latents[0])
            found = spanned(ep.log_evidence(one.model, list(one.x), digits=11))
            integral = Route("acb.integral", _integral(one, base, mean))
            parts[f"integral, {name}"] = routes_agree(found, integral, INTEGRAL_WITHIN)
        return all_of(parts)


def _integral(one: Instance, base: int, mean: Fraction = Fraction(0)) -> arb:
    """Return log E_N(m, 1)[p(x|z)]; the base measure of a Poisson count is 1/x!."""
    (z,) = one.model.latents
    likelihood = in_balls(sympy.exp(z**2 / 2 - one.energy), z)
    inner = Line(mean, Fraction(1)).expectation(lambda at: likelihood(at, analytic=True))
    counts = isinstance(one.likelihood, ep.Poisson) and base
    return inner.log() - (arb(one.x[0]).fac().log() if counts else arb(0))


@dataclass(frozen=True)
class Best:
    """A Gaussian on the line."""

    mean: arb
    variance: arb


@lru_cache
def _best(name: str) -> Best:
    point = ep.stationary_posterior(BOTH[name].model, list(BOTH[name].x))
    return Best(spanned(point.mean[0]), spanned(point.covariance[0][0]))


@lru_cache
def _laplace(name: str) -> Best:
    """Return the mode of U and its curvature's inverse there, by Newton's method in balls."""
    one = BOTH[name]
    (z,) = one.model.latents
    slope, bend = (in_balls(one.energy.diff(z, order), z) for order in (1, 2))
    at = acb(0)
    for _ in range(30):
        at = acb((at - slope(at) / bend(at)).real.mid())
    return Best(at.real, 1 / bend(at).real)


SLOPE_WITHIN = 1e-9


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        f"the library's best Gaussians have E_q[U'] = 0 and E_q[U''] = 1/s within {SLOPE_WITHIN:g}, and their ELBO is "
        "below the evidence"
    ),
    domain=f"one latent: {', '.join(LINES)}",
    hypotheses=(smooth_density,),
    controls=(
        control("Laplace's Gaussian: the mode of U", refutes=["mean*", "precision*"], rule=_laplace),
        control("the ELBO above the evidence", refutes="gap*", sign=-1),
    ),
)  # fmt: skip
def best_gaussians_on_the_line(run: Run, *, rule: Any = _best, sign: int = 1) -> Verdict:
    """Expectations by acb.integral, apart from the library's own."""
    parts = {}
    with working_precision(BITS):
        for name, one in LINES.items():
            (z,), q = one.model.latents, rule(name)
            run.assume(smooth_density, one.energy, z)
            slope, bend, energy = (
                expectation(g, z, q.mean, q.variance)
                for g in (one.energy.diff(z), one.energy.diff(z, 2), one.energy)
            )
            # U lacks log(2 pi)/2, the prior's, which the entropy's cancels
            elbo = -energy + (q.variance.log() + 1) / 2
            parts[f"mean, {name}"] = ball_equal(slope, SLOPE_WITHIN)
            parts[f"precision, {name}"] = ball_equal(bend - 1 / q.variance, SLOPE_WITHIN)
            parts[f"gap, {name}"] = ball_positive(sign * (_integral(one, 0) - elbo))
        return all_of(parts)


PLANE_WITHIN = Fraction(1, 10**7)


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "two latents: next to the library's best Gaussians E_q[grad U] = 0 and E_q[Hess U] S = I within "
        f"{float(PLANE_WITHIN):g} in the Euclidean norm, and the gap is positive"
    ),
    domain=", ".join(PLANES),
    hypotheses=(smooth_density,),
    controls=(
        control("the mean moved by 1e-4", refutes="gradient*", shift=Fraction(1, 10000)),
        control("the covariance 0.1 % larger", refutes="Hessian*", share=Fraction(1001, 1000)),
        control("a gap of the other sign", refutes="gap*", sign=-1),
    ),
)  # fmt: skip
def best_gaussians_in_the_plane(
    run: Run, *, shift: Fraction = Fraction(0), share: Fraction = Fraction(1), sign: int = 1
) -> Verdict:
    """Expectations by ep.expectation, which shares no step with the proof of a stationary point but the quadrature."""
    parts = {}
    with working_precision(BITS):
        for name, one in PLANES.items():
            a, b = one.model.latents
            run.assume(smooth_density, one.energy, a)
            mean, covariance, gap = _plane(name)
            moved = [Fraction(entry) + shift for entry in mean]
            wider = [[Fraction(entry) * share for entry in row] for row in covariance]
            q = ep.GaussianPosterior(moved, wider)
            g = [one.energy.diff(a), one.energy.diff(b)]
            g += [one.energy.diff(a, 2), one.energy.diff(a).diff(b), one.energy.diff(b, 2)]
            found = ep.expectation(g, q, digits=9, latent=["a", "b"])
            first, second, aa, ab, bb = (spanned(found[k]) for k in range(5))
            rows = [[ball(entry) for entry in row] for row in wider]
            bends = [[aa, ab], [ab, bb]]
            product = [
                bends[i][0] * rows[0][j] + bends[i][1] * rows[1][j] - int(i == j)
                for i in (0, 1)
                for j in (0, 1)
            ]
            parts[f"gradient, {name}"] = ball_at_most(first * first + second * second, PLANE_WITHIN**2)
            parts[f"Hessian, {name}"] = ball_at_most(sum(e * e for e in product), PLANE_WITHIN**2)
            parts[f"gap, {name}"] = ball_positive(sign * gap)
        return all_of(parts)


@lru_cache
def _plane(name: str) -> tuple[list[float], list[list[float]], arb]:
    """Return the float Gaussian next to the best one, its covariance symmetric, and the proved gap."""
    one = PLANES[name]
    point = ep.stationary_posterior(one.model, list(one.x))
    covariance = np.asarray(point.covariance.midpoint)
    gap = spanned(ep.gap(one.model, list(one.x), 2))
    return point.mean.midpoint.tolist(), ((covariance + covariance.T) / 2).tolist(), gap
