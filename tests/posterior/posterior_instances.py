"""Generated posteriors with their quantities by another route: Gauss-Legendre sums in floats, from the formulas."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

import elboproof as ep

Floats = NDArray[np.float64]
DIGITS = 5
PANELS, NODES = 160, 20
"""Of each axis of one latent; the sums of two latents have a fourth of the panels."""

DECODERS_1 = {
    "line": (["{a}*z + {b}", "z/2"], lambda z, a, b: [a * z + b, z / 2]),
    "sinh": (["sinh({a}*z/2)"], lambda z, a, _: [np.sinh(a * z / 2)]),
    "tanh": (["tanh({a}*z)", "{b}*z"], lambda z, a, b: [np.tanh(a * z), b * z]),
    "bend": (["z + {b}*z**2", "sin({a}*z)"], lambda z, a, b: [z + b * z**2, np.sin(a * z)]),
    "abs": (["abs(z - {b})"], lambda z, _, b: [abs(z - b)]),
}
DECODERS_2 = {
    "parabola": (["u", "v + {b}*u**2"], lambda u, v, _, b: [u, v + b * u**2]),
    "product": (["{a}*u + v", "tanh(u*v)", "v"], lambda u, v, a, _: [a * u + v, np.tanh(u * v), v]),
    "waves": (["sin({a}*u) + v", "u - {b}*v"], lambda u, v, a, b: [np.sin(a * u) + v, u - b * v]),
}
FUNCTIONS_1: dict[str, Callable[..., Any]] = {
    "z": lambda z: z,
    "z**2 - z": lambda z: z**2 - z,
    "z**3": lambda z: z**3,
    "exp(z/2)": lambda z: np.exp(z / 2),
    "sin(3*z)": lambda z: np.sin(3 * z),
    "sigmoid(2*z)": lambda z: 1 / (1 + np.exp(-2 * z)),
}
FUNCTIONS_2: dict[str, Callable[..., Any]] = {
    "u": lambda u, _: u,
    "u*v": lambda u, v: u * v,
    "v**2": lambda _, v: v**2,
    "cos(u + v)": lambda u, v: np.cos(u + v),
}


@dataclass(frozen=True)
class Instance:
    """A model, x, the nodes and normalised weights of the sums under p(z|x), and their panels along each axis."""

    name: str
    model: ep.LatentModel
    x: list[float]
    nodes: Floats  # (d, P)
    weights: Floats  # (P,), p(z|x) dz
    joint: Callable[..., Any]
    ends: list[tuple[float, float]]
    log_evidence: float
    kink: float
    """Where a decoder of one latent has one: an edge of all panels."""


def _likelihood(rng: np.random.Generator, count: int) -> tuple[Any, Any, list[float]]:
    kind = rng.choice(["gaussian", "gaussian", "bernoulli", "poisson"])
    if kind == "gaussian":
        v = float(rng.choice([0.0625, 0.25, 1.0]))
        x = [float(round(t, 3)) for t in rng.normal(0, 1.2, count)]
        return ep.Gaussian(variance=v), lambda f, t: -((t - f) ** 2) / (2 * v) - np.log(2 * np.pi * v) / 2, x
    if kind == "bernoulli":
        return (
            ep.Bernoulli(),
            lambda f, t: t * f - np.logaddexp(0, f),
            [float(b) for b in rng.integers(0, 2, count)],
        )
    counts = [float(n) for n in rng.integers(0, 4, count)]
    return (
        ep.Poisson(),
        lambda f, t: t * f - np.exp(f) - (np.log(2) if t == 2 else np.log(6) if t == 3 else 0),
        counts,
    )


def _prior(rng: np.random.Generator, d: int) -> tuple[Any, Any, list[tuple[float, float]]]:
    kind = rng.choice(["standard", "standard", "normal", "uniform", "mixture"])
    if kind == "standard":
        return ep.Normal(), lambda z: _normals(z, [0] * d, [1] * d), [(-11.0, 11.0)] * d
    if kind == "normal":
        m, v = [0.5, -0.25][:d], [0.5, 2.0][:d]
        ends = [(a - 11 * b**0.5, a + 11 * b**0.5) for a, b in zip(m, v, strict=True)]
        return ep.Normal(m, v), lambda z: _normals(z, m, v), ends
    if kind == "uniform":
        return ep.Uniform([-2] * d, [3] * d), lambda z: -d * np.log(5.0) + 0 * z[0], [(-2.0, 3.0)] * d
    parts = [ep.Normal([-1] * d, ["1/2"] * d), ep.Normal([1] * d, [1] * d)]
    return ep.Mixture(parts, ["1/4", "3/4"]), lambda z: _two(z, d), [(-11.0, 12.0)] * d


def _normals(z: Any, means: list[Any], variances: list[Any]) -> Any:
    terms = zip(z, means, variances, strict=True)
    return sum(-((t - m) ** 2) / (2 * v) - np.log(2 * np.pi * v) / 2 for t, m, v in terms)


def _two(z: Any, d: int) -> Any:
    left, right = _normals(z, [-1] * d, [0.5] * d), _normals(z, [1] * d, [1] * d)
    return np.logaddexp(np.log(0.25) + left, np.log(0.75) + right)


def rule(low: float, high: float, panels: int) -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss-Legendre rules side by side."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(low, high, panels + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def _split(low: float, high: float, panels: int, kink: float) -> tuple[Floats, Floats]:
    """Return a rule on each side of the kink, or one where it is not between."""
    edges = [low, kink, high] if low < kink < high else [low, high]
    halves = [rule(a, b, panels) for a, b in pairwise(edges)]
    return np.concatenate([n for n, _ in halves]), np.concatenate([w for _, w in halves])


def _sum(
    one: "Instance", pairs: list[tuple[float, float]], panels: int, f: Callable[..., Any] | None = None
) -> float:
    """Return the integral of p(z|x), or of another function of z, over a box."""
    d = len(pairs)
    axes = [_split(*pair, panels, one.kink) if d == 1 else rule(*pair, panels) for pair in pairs]
    grids = np.meshgrid(*(n for n, _ in axes), indexing="ij")
    values = np.exp(one.joint(*grids) - one.log_evidence) if f is None else f(*grids)
    for _, weights in reversed(axes):
        values = values @ weights
    return float(values)


def instance(seed: int) -> Instance:
    """Return the instance of a seed."""
    rng = np.random.default_rng(seed)
    d = 1 if rng.random() < 0.8 else 2
    table: dict[str, tuple[list[str], Any]] = DECODERS_1 if d == 1 else DECODERS_2
    name = str(rng.choice(list(table)))
    texts, decoder = table[name]
    a, b = (float(rng.choice([0.5, 1.0, 1.5, -1.25])) for _ in range(2))
    likelihood, log_p, x = _likelihood(rng, len(texts))
    prior, log_prior, ends = _prior(rng, d)
    latents = "z" if d == 1 else ["u", "v"]
    entries = [text.format(a=f"({a})", b=f"({b})") for text in texts]
    model = ep.LatentModel(latents, entries, likelihood, prior=prior)

    def joint(*z: Any) -> Any:
        with np.errstate(over="ignore"):
            return log_prior(z) + sum(log_p(f, t) for f, t in zip(decoder(*z, a, b), x, strict=True))

    nodes, weights = _grid(ends, d, b)
    logs = joint(*nodes)
    top = float(logs.max())
    masses = weights * np.exp(logs - top)
    total = float(masses.sum())
    words = f"{seed}: {name}, {type(likelihood).__name__}, {type(prior).__name__}, a={a}, b={b}, x={x}"
    return Instance(words, model, x, nodes, masses / total, joint, ends, top + float(np.log(total)), b)


def _grid(ends: list[tuple[float, float]], d: int, kink: float) -> tuple[Floats, Floats]:
    if d == 1:
        nodes, weights = _split(*ends[0], PANELS, kink)
        return nodes[None], weights
    axes = [rule(*pair, PANELS // 8) for pair in ends]
    nodes = np.stack([grid.ravel() for grid in np.meshgrid(*(n for n, _ in axes), indexing="ij")])
    return nodes, np.outer(axes[0][1], axes[1][1]).ravel()


def question(one: Instance, seed: int) -> tuple[str, Callable[[ep.Posterior], ep.Enclosure], float]:
    """Return a quantity of the posterior: its name, how the library is asked, and the other route's number."""
    rng = np.random.default_rng([seed, 1])
    d = len(one.nodes)
    mean = one.nodes @ one.weights
    deviation = np.sqrt(((one.nodes - mean[:, None]) ** 2) @ one.weights)
    k = int(rng.integers(d))
    kind = str(rng.choice(["probability", "expectation", "marginal", "quantile", "kl", "moment"]))
    if kind == "kl" and not all(np.isinf(float(end)) for pair in one.model.prior.domain(d) for end in pair):
        kind = "moment"
    if kind == "probability":
        low = [float(round(m - s * rng.uniform(0, 2), 2)) for m, s in zip(mean, deviation, strict=True)]
        box = [
            (a, float(round(a + s * rng.uniform(0.2, 3), 2)) + 0.01)
            for a, s in zip(low, deviation, strict=True)
        ]
        return kind, lambda p: p.probability(box), _mass(one, box)
    if kind == "expectation":
        table: dict[str, Any] = FUNCTIONS_1 if d == 1 else FUNCTIONS_2
        g = str(rng.choice(list(table)))
        return g, lambda p: p.expectation(g), float(one.weights @ table[g](*one.nodes))
    if kind == "marginal":
        at = float(round(mean[k] + deviation[k] * rng.normal(), 2))
        return kind, lambda p: p.marginal(k, at), _density(one, k, at)
    if kind == "quantile":
        level = float(rng.choice([0.05, 0.25, 0.5, 0.9]))
        return kind, lambda p: p.quantile(k, level), _quantile(one, k, level)
    if kind == "kl":
        m = [float(round(t, 2)) for t in mean]
        s = [float(round(t**2 * 1.1, 3)) + 0.001 for t in deviation]
        return kind, lambda p: p.kl(ep.GaussianPosterior(m, s)), _divergence(one, m, s)
    if rng.random() < 0.5:
        return "mean", lambda p: p.mean()[k], float(mean[k])
    j = int(rng.integers(d))
    truth = float(one.weights @ ((one.nodes[j] - mean[j]) * (one.nodes[k] - mean[k])))
    return "covariance", lambda p: p.covariance()[j, k], truth


def _inside(one: Instance, pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(max(a, low), min(b, high)) for (a, b), (low, high) in zip(pairs, one.ends, strict=True)]


def _mass(one: Instance, box: list[tuple[float, float]]) -> float:
    """Return the probability of a box by a rule of its own."""
    pairs = _inside(one, box)
    if any(a >= b for a, b in pairs):
        return 0.0
    return _sum(one, pairs, 32 if len(pairs) == 1 else 12)


def _density(one: Instance, k: int, at: float) -> float:
    if not one.ends[k][0] <= at <= one.ends[k][1]:
        return 0.0
    if len(one.nodes) == 1:
        return float(np.exp(one.joint(np.array(at)) - one.log_evidence))
    n, weights = rule(*one.ends[1 - k], PANELS)
    place = [np.full_like(n, at), n] if k == 0 else [n, np.full_like(n, at)]
    return float(weights @ np.exp(one.joint(*place) - one.log_evidence))


def _quantile(one: Instance, k: int, level: float) -> float:
    def below(t: float) -> float:
        pairs = list(one.ends)
        pairs[k] = (pairs[k][0], t)
        return _sum(one, pairs, PANELS if len(pairs) == 1 else 20) - level

    centre = float(one.nodes[k] @ one.weights)
    return float(brentq(below, max(one.ends[k][0], centre - 6), min(one.ends[k][1], centre + 6), xtol=1e-9))


def _divergence(one: Instance, m: list[float], s: list[float]) -> float:
    """Return KL(q || p(z|x)) by sums around q."""

    def term(*z: Any) -> Any:
        log_q = sum(
            -((t - a) ** 2) / (2 * v) - np.log(2 * np.pi * v) / 2 for t, a, v in zip(z, m, s, strict=True)
        )
        return np.exp(log_q) * (log_q - one.joint(*z) + one.log_evidence)

    around = [(a - 9 * v**0.5, a + 9 * v**0.5) for a, v in zip(m, s, strict=True)]
    return _sum(one, around, 60 if len(m) == 1 else 16, term)
