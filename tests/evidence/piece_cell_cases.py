"""Kinked decoders under any likelihood: generated instances, and log p(x) by rules between their breaks; no fixtures.

Nothing of the route is shared with the library: SciPy's densities, NumPy's Gauss-Legendre nodes in plain floats. On a
line breaks are found layer by layer; across lines there is a composite rule.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

import elboproof as ep
from elboproof.evidence import piece_cells
from elboproof.evidence.log_evidence import evidence_of
from tests.evidence.cases import Missed
from tests.evidence.family_cases import FAMILIES, drawn
from tests.evidence.piecewise_cases import SLOPES, module
from tests.evidence.piecewise_truth import POINTS, REACH, Layers, _cuts

Floats = NDArray[np.float64]
Density = Callable[[Floats], Floats]
SMOOTH = tuple(name for name, family in FAMILIES.items() if not family.kinks and name != "Gaussian")
INNER, LONGEST = 16, 0.5
"""Points of the rule between two breaks, and the longest interval that has one rule."""
PANELS = 60
TRUSTED = 1e-8
"""Nats to which the rules are trusted; of two latents they show how far they are off."""


@dataclass(frozen=True)
class Instance:
    """A network, a likelihood, x, and SciPy's log p(x|f) of outputs (..., D)."""

    layers: Layers
    model: ep.LatentModel
    x: list[float]
    log_density: Density

    def log_evidence(self, panels: int = PANELS) -> float:
        """Return log p(x) under z ~ N(0, I) of one or two dimensions."""
        if self.model.latent_dim == 1:
            return _on_line(self, np.array([-REACH]), np.array([REACH]))
        nodes, weights = np.polynomial.legendre.leggauss(POINTS)
        cuts = _cuts(self.layers, panels)
        half, centres = np.diff(cuts) / 2, (cuts[:-1] + cuts[1:]) / 2
        places = (centres[:, None] + half[:, None] * nodes).ravel()
        logs = [_on_line(self, np.array([u, -REACH]), np.array([u, REACH])) for u in places.tolist()]
        return float(logsumexp(np.array(logs) + np.log((half[:, None] * weights).ravel())))


def _on_line(case: Instance, start: Floats, end: Floats) -> float:
    """Return the log of the integral over the last coordinate of N(z; 0, I) p(x|f)."""
    shares = case.layers.breaks(start, end)
    grid = np.linspace(0.0, 1.0, int(2 * REACH / LONGEST) + 1)
    places = start[-1] + (end[-1] - start[-1]) * np.unique(np.concatenate([shares, grid]))
    nodes, weights = np.polynomial.legendre.leggauss(INNER)
    half, centres = np.diff(places) / 2, (places[:-1] + places[1:]) / 2
    last = (centres[:, None] + half[:, None] * nodes).ravel()
    z = np.concatenate([np.full((len(start) - 1, len(last)), start[:1]), last[None]])
    outputs = case.layers.preactivations(z)[-1].T
    logs = case.log_density(outputs) - (z * z).sum(0) / 2 - len(z) * np.log(2 * np.pi) / 2
    with np.errstate(divide="ignore"):
        return float(logsumexp(logs + np.log((half[:, None] * weights).ravel())))


def instance(seed: int) -> Instance:
    """Return an instance; the families follow each other, and one in two has small integer weights."""
    rng = np.random.default_rng([16, seed])
    name = SMOOTH[seed % len(SMOOTH)]
    family = FAMILIES[name]
    likelihood, parameters = family.likelihood(rng)
    d, depth = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    widths = [d, *(int(rng.integers(1, 6)) for _ in range(depth)), 3 if name == "Categorical" else 2]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    if seed % 2:
        weights = [rng.integers(-2, 3, shape).astype(float) for shape in shapes]
        biases = [rng.integers(-1, 2, m).astype(float) for m, _ in shapes]
    else:
        weights = [rng.normal(size=shape) for shape in shapes]
        biases = [rng.normal(size=m) * 0.5 for m, _ in shapes]
    layers = Layers(weights, biases, *SLOPES[int(rng.integers(0, 2))])
    model = ep.LatentModel.from_torch(module(layers), likelihood)
    outputs = layers.preactivations(rng.normal(size=(d, 1)))[-1][:, 0]
    x = drawn(likelihood, outputs, rng)
    return Instance(layers, model, x.tolist(), lambda f: family.log_density(x, f, *parameters))


def require_instance(seed: int, digits: float = 9, factors: tuple[int, ...] = (1, 2, 8)) -> None:
    """Raise unless the cells hold the truth of an instance, as far as it is known, and are as narrow as asked.

    The rules of two latents are made finer by the factors, one after the other, where they do not agree.
    """
    case = instance(seed)
    if not piece_cells.applies(case.model):  # all its weights behind a kink are zero
        return
    try:
        found = evidence_of(case.model, case.x, digits, seconds=60.0, most_cells=10**6)
    except ValueError as error:  # bounds that contradict each other
        raise Missed(str(error)) from error
    if found.statuses != ("",):
        raise Missed(f"instance {seed}: {found.statuses}")
    plane = case.model.latent_dim == 2
    for factor in factors if plane else factors[:1]:
        near, fine = (case.log_evidence(k * factor * PANELS) for k in (1, 2))
        allowed = TRUSTED + 4 * abs(near - fine)
        if found.enclosure.lower[0] - allowed <= fine <= found.enclosure.upper[0] + allowed:
            return
    raise Missed(f"instance {seed}: {found.enclosure} has not {fine}, trusted to {allowed}")
