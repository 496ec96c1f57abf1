"""Log evidences of one latent under a prior that SciPy has, by its quantile function: no density is evaluated.

p(x) = integral over u in (0, 1/2) of p(x | f(Q(u))) + p(x | f(Q(1 - u))), Q the quantile function, by Gauss-Legendre
panels that are graded towards 0, where Q may have any singularity. The engine integrates the density in other
coordinates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, gammaln

import elboproof as ep

NODES, PANELS, DEEPEST, OCTAVE = 20, 200, 100, 8
"""Nodes of a panel, panels of one size, octaves towards 0, and panels of an octave."""
ROUTE = 1e-8
"""To which the route is accurate: doubling the panels moves it by less, see the test of the route itself."""

Decoder = tuple[str, Callable[[Any], Any]]
Quantiles = Sequence[tuple[float, Any]]
"""Weights, and distributions of SciPy."""


@dataclass(frozen=True)
class Instance:
    """A prior with its quantile function, a decoder twice, a variance and rows of data."""

    prior: Any
    quantiles: Quantiles
    decoder: Decoder
    variance: float
    rows: np.ndarray[Any, Any]

    def model(self) -> ep.LatentModel:
        """Return the model."""
        return ep.LatentModel("z", [self.decoder[0]], ep.Gaussian(variance=self.variance), prior=self.prior)

    def truth(self, panels: int = PANELS) -> Any:
        """Return log p(x) for each row by the route, (N,)."""
        u, weights = rule(panels)
        total = np.zeros(len(self.rows))
        for share, law in self.quantiles:
            for quantile in (law.ppf, law.isf):
                with np.errstate(all="ignore"):
                    residual = self.rows - self.decoder[1](quantile(u))[None]
                density = np.exp(-(residual**2) / (2 * self.variance)) / np.sqrt(2 * np.pi * self.variance)
                total += share * (np.nan_to_num(density) @ weights)
        return np.log(total)


def rule(panels: int) -> tuple[Any, Any]:
    """Return nodes u in (0, 1/2) and weights of Gauss-Legendre panels, graded towards 0."""
    octaves = OCTAVE * panels // PANELS
    graded = 0.5 ** (np.arange(DEEPEST * octaves, octaves - 1, -1) / octaves)
    edges = np.unique(np.concatenate([[0.0], graded, np.linspace(0, 0.5, panels + 1)[1:]]))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges)[:, None] / 2
    u = edges[:-1, None] + half * (1 + nodes)
    return u.ravel(), (half * weights).ravel()


def decoders(rng: np.random.Generator, waves: bool) -> Decoder:
    """Return a decoder of moderate slope, as text and as a function; ``waves`` never end, the others settle."""
    a, b = round(float(rng.uniform(-2, 2)), 3), round(float(rng.uniform(-1, 1)), 3)
    return [
        (f"({a})*z + ({b})", lambda z: a * z + b),
        (f"tanh(({a})*z + ({b}))", lambda z: np.tanh(a * z + b)),
        (f"sin(({a})*z) + ({b})*z/4", lambda z: np.sin(a * z) + b * z / 4)
        if waves
        else (f"atan(({a})*z) + ({b})*z", lambda z: np.arctan(a * z) + b * z),
        (f"z/(1 + z**2) + ({b})", lambda z: z / (1 + z * z) + b),
    ][int(rng.integers(4))]


def _number(value: float) -> float:
    return round(float(value), 4)


def normal(rng: np.random.Generator) -> tuple[Any, Quantiles]:
    """Return N(m, v) and its quantile function."""
    m, s = _number(rng.normal() * 3), _number(np.exp(rng.uniform(-3, 1.5)))
    return ep.Normal(m, Fraction(s) ** 2), [(1.0, stats.norm(m, s))]


def uniform(rng: np.random.Generator) -> tuple[Any, Quantiles]:
    """Return U[low, high] and its quantile function."""
    low, side = _number(rng.normal() * 2), _number(np.exp(rng.uniform(-3, 2)))
    high = low + side
    return ep.Uniform(low, high), [(1.0, stats.uniform(low, high - low))]


def mixture(rng: np.random.Generator) -> tuple[Any, Quantiles]:
    """Return a mixture of normals, uniforms and densities."""
    kinds = [(normal, uniform, density)[int(k)] for k in rng.integers(0, 3, int(rng.integers(2, 4)))]
    parts = [kind(rng) for kind in kinds]
    shares = [1 / 4, 3 / 4] if len(parts) == 2 else [1 / 2, 1 / 8, 3 / 8]
    quantiles = [(share, parts[k][1][0][1]) for k, share in enumerate(shares)]
    return ep.Mixture([part for part, _ in parts], shares), quantiles


def density(rng: np.random.Generator) -> tuple[Any, Quantiles]:
    """Return a Beta, Gamma, Student, Laplace, lognormal or Pareto density; shapes below 1 among them."""
    a, b = (int(n) / 2 for n in rng.integers(1, 9, 2))
    s = _number(np.exp(rng.uniform(-1, 1)))
    choices: list[Callable[[], tuple[Any, Any]]] = [
        lambda: (
            ep.PriorDensity(f"({a} - 1)*log(z) + ({b} - 1)*log(1 - z) - ({_log_beta(a, b)!r})", (0, 1)),
            stats.beta(a, b),
        ),
        lambda: (
            ep.PriorDensity(f"({a} - 1)*log(z) - z/({s}) - ({_log_gamma(a)!r}) - {a}*log({s})", (0, "inf")),
            stats.gamma(a, scale=s),
        ),
        lambda: (
            ep.PriorDensity(
                f"-({a} + 3/2)*log(1 + z**2/(2*{a} + 2)) - ({_log_student(2 * a + 2)!r})", ("-inf", "inf")
            ),
            stats.t(2 * a + 2),
        ),
        lambda: (ep.PriorDensity(f"-abs(z)/({s}) - log(2*{s})", ("-inf", "inf")), stats.laplace(0, s)),
        lambda: (
            ep.PriorDensity(f"-log(z)**2/(2*{s}**2) - log(z) - log({s}) - log(2*pi)/2", (0, "inf")),
            stats.lognorm(s),
        ),
        lambda: (ep.PriorDensity(f"log({b}) - ({b} + 1)*log(z)", (1, "inf")), stats.pareto(b)),
    ]
    prior, law = choices[int(rng.integers(len(choices)))]()
    return prior, [(1.0, law)]


def _log_beta(a: float, b: float) -> float:
    return float(betaln(a, b))


def _log_gamma(a: float) -> float:
    return float(gammaln(a))


def _log_student(n: float) -> float:
    return _log_beta(n / 2, 0.5) + float(np.log(n)) / 2


KINDS = {"normal": normal, "uniform": uniform, "mixture": mixture, "density": density}


def instance(kind: str, seed: int, rows: int) -> Instance:
    """Return a generated instance; its data are drawn from the model."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    prior, quantiles = KINDS[kind](rng)
    decoder = decoders(rng, kind in {"normal", "uniform"})
    variance = float(10.0 ** -int(rng.integers(0, 3)))
    picked = rng.choice(len(quantiles), rows, p=[share for share, _ in quantiles])
    z = np.array([float(quantiles[k][1].ppf(rng.uniform(0.02, 0.98))) for k in picked])
    x = decoder[1](z) + np.sqrt(variance) * rng.normal(size=rows)
    return Instance(prior, quantiles, decoder, variance, np.asarray(x)[:, None])
