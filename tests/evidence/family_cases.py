"""Generated models of every likelihood family, and their log evidences by sums over a lattice of SciPy's densities.

The route shares nothing with the engine: densities are SciPy's, and the integral over z is the trapezoidal rule, whose
error for analytic functions falls exponentially; two rules must agree. Kinks (Laplace) are integrated between them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

import elboproof as ep

Floats = NDArray[np.float64]
REACH = 12.0
"""Standard deviations of the prior: what is outside is below 1e-30 of p where the density is bounded."""
ACCURATE = 1e-8
"""What the two rules of the route must agree to."""


@dataclass(frozen=True)
class Family:
    """How instances of a family are made.

    Attributes
    ----------
    likelihood
        generator -> (likelihood, its parameters as floats).
    log_density
        SciPy's log p(x|f), arrays (..., D), summed over the last axis, with the parameters.
    kinks
        Whether it has kinks at f = x.
    """

    likelihood: Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]
    log_density: Callable[..., Floats]
    kinks: bool = False


def _summed(values: Any) -> Floats:
    total: Floats = np.asarray(values).sum(-1)
    return total


def _number(generator: np.random.Generator, low: float, high: float) -> str:
    return str(Fraction(round(generator.uniform(low, high) * 16), 16))


def _with(kind: Any, *ranges: tuple[float, float], whole: bool = False) -> Callable[..., Any]:
    def made(generator: np.random.Generator) -> tuple[Any, tuple[Any, ...]]:
        texts = [_number(generator, low, high) for low, high in ranges]
        if whole:
            texts = [str(round(float(Fraction(text)))) for text in texts]
        return kind(*texts), tuple(float(Fraction(text)) for text in texts)

    return made


def _categorical(x: Floats, f: Floats) -> Floats:
    return np.asarray((x * f).sum(-1) - logsumexp(f, axis=-1))


def _continuous_bernoulli(x: Floats, f: Floats) -> Floats:
    # log of e^(f x) / int_0^1 e^(f t) dt; near f = 0 by the series of the logarithm
    near = np.abs(f) < 1e-2
    safe = np.where(near, 1.0, f)
    size = np.where(safe > 0, safe, -safe)
    far = np.maximum(safe, 0.0) + np.log(-np.expm1(-size)) - np.log(size)
    return _summed(x * f - np.where(near, f / 2 + f**2 / 24 - f**4 / 2880, far))


FAMILIES: dict[str, Family] = {
    "Gaussian": Family(
        _with(ep.Gaussian, (0.1, 2.0)), lambda x, f, v: _summed(stats.norm.logpdf(x, f, np.sqrt(v)))
    ),
    "Bernoulli": Family(_with(ep.Bernoulli), lambda x, f: _summed(stats.bernoulli.logpmf(x, expit(f)))),
    "Binomial": Family(
        _with(ep.Binomial, (1, 40), whole=True), lambda x, f, n: _summed(stats.binom.logpmf(x, n, expit(f)))
    ),
    "Categorical": Family(_with(ep.Categorical), _categorical),
    "Poisson": Family(_with(ep.Poisson), lambda x, f: _summed(stats.poisson.logpmf(x, np.exp(f)))),
    "NegativeBinomial": Family(
        _with(ep.NegativeBinomial, (0.3, 20.0)),
        lambda x, f, r: _summed(stats.nbinom.logpmf(x, r, expit(np.log(r) - f))),
    ),
    "Exponential": Family(
        _with(ep.Exponential), lambda x, f: _summed(stats.expon.logpdf(x, scale=np.exp(-f)))
    ),
    "Gamma": Family(
        _with(ep.Gamma, (0.3, 20.0)), lambda x, f, k: _summed(stats.gamma.logpdf(x, k, scale=np.exp(-f)))
    ),
    "StudentT": Family(
        _with(ep.StudentT, (0.5, 20.0), (0.2, 2.0)),
        lambda x, f, n, s: _summed(stats.t.logpdf(x, n, f, s)),
    ),
    "Laplace": Family(
        _with(ep.Laplace, (0.2, 2.0)), lambda x, f, b: _summed(stats.laplace.logpdf(x, f, b)), kinks=True
    ),
    "VonMises": Family(
        _with(ep.VonMises, (0.2, 20.0)), lambda x, f, k: _summed(stats.vonmises.logpdf(x, k, f))
    ),
    "ContinuousBernoulli": Family(_with(ep.ContinuousBernoulli), _continuous_bernoulli),
    "Density": Family(
        lambda _: (ep.Density("f1 - x1 - 2*softplus(f1 - x1) + f2 - x2 - 2*softplus(f2 - x2)"), ()),
        lambda x, f: _summed(stats.logistic.logpdf(x, f)),
    ),
}


@dataclass(frozen=True)
class Instance:
    """A model, one x, and the functions of the route.

    Attributes
    ----------
    outputs
        z (..., d) -> f (..., D).
    log_density
        f (..., D) -> log p(x|f), (...).
    """

    model: ep.LatentModel
    x: list[float]
    outputs: Callable[[Floats], Floats]
    log_density: Callable[[Floats], Floats]
    kinks: bool

    @property
    def d(self) -> int:
        return self.model.latent_dim


_ONE = (
    "{a}*z + {b}",
    "sin({a}*z) + {b}",
    "{b} - {c}*z**2/8",
    "{a}*tanh(2*z) + {b}*z/4",
    "exp({c}*z/4) + {b}",
)
_TWO = ("{a}*z + {b}*w/2", "w - {c}*z**2/8 + {b}/4", "sin(z) + {a}*w", "tanh(z + {b}*w)*{a} + w/4")


def instances(name: str, count: int, seed: int, d: int, *, tame: bool = False) -> list[Instance]:
    """Return random models of a family with x drawn from them, two outputs each (three classes).

    The decoders of ``tame`` models do not grow exponentially: with an exponential of such a decoder in the density, no
    Gaussian q has an ELBO.
    """
    generator = np.random.default_rng([seed, d, *name.encode()])
    return [_instance(FAMILIES[name], name, generator, d, tame) for _ in range(count)]


def _instance(family: Family, name: str, generator: np.random.Generator, d: int, tame: bool) -> Instance:
    likelihood, parameters = family.likelihood(generator)
    forms = (_ONE[:-1] if tame else _ONE) if d == 1 else _TWO
    texts = [
        forms[generator.integers(len(forms))].format(
            a=_number(generator, -1.5, 1.5), b=_number(generator, -1, 1), c=_number(generator, 0.25, 1.5)
        )
        for _ in range(3 if name == "Categorical" else 2)
    ]
    names = ["z", "w"][:d]
    model = ep.LatentModel(names, texts, likelihood)
    symbols = [sympy.Symbol(name, real=True) for name in names]
    functions = [
        sympy.lambdify(symbols, sympy.sympify(text, dict(zip(names, symbols, strict=True)))) for text in texts
    ]

    def outputs(z: Floats) -> Floats:
        columns = np.moveaxis(z, -1, 0)
        return np.stack([np.broadcast_to(function(*columns), z.shape[:-1]) for function in functions], -1)

    f = outputs(generator.normal(size=d))
    x = drawn(likelihood, f, generator)
    return Instance(model, x.tolist(), outputs, lambda f: family.log_density(x, f, *parameters), family.kinks)


def drawn(likelihood: Any, f: Floats, generator: np.random.Generator) -> Floats:
    """Return data (..., D) around outputs f, those of a density around logistic ones."""
    if isinstance(likelihood, ep.Gaussian):
        return np.asarray(generator.normal(f, 1.0))
    if isinstance(likelihood, ep.Density):
        return generator.logistic(f)
    return np.asarray(likelihood.sample(f, generator))


def by_lattice(case: Instance) -> float:
    """Return log p(x) by two trapezoidal rules that agree."""
    if case.kinks:
        return _between_kinks(case)
    first, second = (_trapezoidal(case, points) for points in ((1201, 2401) if case.d == 1 else (401, 641)))
    assert abs(first - second) < ACCURATE, (first, second, case)
    return second


def _trapezoidal(case: Instance, points: int) -> float:
    axis = np.linspace(-REACH, REACH, points)
    z = np.stack(np.meshgrid(*[axis] * case.d, indexing="ij"), -1)
    logs = case.log_density(case.outputs(z)) + stats.norm.logpdf(z).sum(-1)
    return float(logsumexp(logs) + case.d * np.log(axis[1] - axis[0]))


def _between_kinks(case: Instance) -> float:
    """Integrate one latent between the places where an output is x, or two latents line by line."""
    assert case.d == 1
    axis = np.linspace(-REACH, REACH, 4801)
    residuals = case.outputs(axis[:, None]) - np.array(case.x)
    places = {0.0}
    for j in range(residuals.shape[1]):
        for k in np.flatnonzero(residuals[:-1, j] * residuals[1:, j] < 0):

            def residual(t: float, j: int = j) -> float:
                return float(case.outputs(np.array([t]))[j] - case.x[j])

            places.add(float(brentq(residual, axis[k], axis[k + 1], xtol=1e-14)))

    def density(t: float) -> float:
        return float(np.exp(case.log_density(case.outputs(np.array([t]))) + stats.norm.logpdf(t)))

    ends = [-REACH, *sorted(places), REACH]
    parts = [quad(density, a, b, epsabs=1e-14, epsrel=1e-11, limit=200)[0] for a, b in pairwise(ends)]
    return float(np.log(sum(parts)))
