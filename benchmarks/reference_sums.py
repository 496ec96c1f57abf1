"""Sums in numbers with 64 bits of mantissa: route 2 of the reference evidences, and panels where route 1 has no proof.

Every sum evaluates the energy of the model itself, over all latents.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from benchmarks.reference_proofs import BITS, stem, variance
from elboproof.model.discrete import Bernoulli
from elboproof.model.problems import Problem
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import working_precision
from elboproof.numbers.compiler import Ring
from elboproof.numbers.floating import FLOATING

CUT = 60.0  # nats below the peak at which cells end
NEAR = (
    25.0  # nats below the peak from which panels take half the points: exp(-25) of a relative 1e-5 is 1e-16
)
LEFT_OUT = 1e-15  # relative mass outside the panels, proved
BLOCK = 2**16  # points at a time
PI = "3.14159265358979323846264338327950288"

Floats = NDArray[np.float64]
Longs = NDArray[np.longdouble]


EXTENDED = Ring(
    name="extended",
    templates={**FLOATING.templates, "pi": f"number('{PI}')"},
    namespace=lambda: {**FLOATING.namespace(), "number": np.longdouble},
    fixed="inline",
    constant="(number({p}) / number({q}))",
)


def energies(problem: Problem) -> Callable[[Longs], Longs]:
    """Return the function from points, one a column, to -log p(x, z) in extended numbers."""
    function = problem.model().quantities.compiled("energy", 0, EXTENDED)
    ratios = [Fraction(text) for text in problem.x]
    x = [np.longdouble(ratio.numerator) / np.longdouble(ratio.denominator) for ratio in ratios]
    return lambda points: function(*points, *x)[0]


@dataclass(frozen=True)
class Group:
    """Cells of one side, their centres one a column; ``near`` if they may come within `NEAR` nats of the peak."""

    centres: Floats
    side: float
    near: bool


class Cells:
    """Cubes over [-R, R]^d in a rotated frame, halved until they resolve the posterior; far ones are dropped.

    Far is decided by balls, with proof and in the frame of z, if ``bounded``, else by a Taylor estimate.
    """

    def __init__(self, problem: Problem, frame: Floats, *, bounded: bool, even: bool = False) -> None:
        self.model, self.frame, self.bounded, self.even = problem.model(), frame, bounded, even
        self.x = np.array([float(Fraction(text)) for text in problem.x])
        self.variance = None if isinstance(problem.likelihood, Bernoulli) else float(variance(problem))
        self.balls = self.model.quantities.compiled("energy", 0, BALL_ARRAYS)
        self.data = [BallArray.from_fraction(*Fraction(text).as_integer_ratio()) for text in problem.x]
        self.least, self.left_out = np.inf, 0.0

    def cover(self, reach: float, start: float, resolution: float, coarsest: float) -> list[Group]:
        """Return cells whose side is at most ``coarsest`` and at most ``resolution`` posterior widths.

        Each cell is halved as often as it needs, but those of a lattice, which are ``even``, all alike.
        """
        d, count, done = self.model.latent_dim, round(2 * reach / start), []
        axis = (np.arange(count) + 0.5) * start - reach
        centres, side = np.stack(np.meshgrid(*[axis] * d)).reshape(d, -1), start
        while centres.size:
            low, width = self._bounds(centres, side)
            keep = low <= self.least + CUT
            self.left_out += float(side**d * np.exp(self.least - low[~keep]).sum())
            centres, low = centres[:, keep], low[keep]
            fine = side <= np.minimum(coarsest, resolution * width[keep])
            fine = np.full(fine.shape, fine.all()) if self.even else fine
            near = low < self.least + NEAR
            done.append(Group(centres[:, fine & near], side, True))
            done.append(Group(centres[:, fine & ~near], side, False))
            side /= 2
            shifts = np.stack(np.meshgrid(*[[-side / 2, side / 2]] * d)).reshape(d, 1, -1)
            centres = (centres[:, ~fine, None] + shifts).reshape(d, -1)
        return [group for group in done if group.centres.size]

    def _bounds(self, centres: Floats, side: float) -> tuple[Floats, Floats]:
        parts = [self._block(block, side) for block in blocks(centres, 4096)]
        return np.concatenate([low for low, _ in parts]), np.concatenate([width for _, width in parts])

    def _block(self, centres: Floats, side: float) -> tuple[Floats, Floats]:
        z = (self.frame @ centres).T
        energy, jacobian = self.model.floating.energy(z, self.x), self.model.floating.decoder(z, 1)
        self.least = min(self.least, float(energy.min()))
        slope, distance, bend = (
            _norm(jacobian, 2),
            self._distance(z),
            _norm(self.model.floating.decoder(z, 2), 3),
        )
        steepness = slope**2 / 4 if self.variance is None else (slope**2 + distance * bend) / self.variance
        width = 1 / np.sqrt(1 + steepness)  # Bernoulli: p (1 - p) <= 1 / 4
        radius = side * np.sqrt(len(centres)) / 2
        if self.bounded:
            (ball,) = self.balls(*(BallArray(row, side / 2) for row in centres), *self.data)
            return ball.lower(), width
        size = _norm(z, 1)
        fall = (size**2 - np.maximum(size - radius, 0) ** 2) / 2
        if self.variance is None:
            return size**2 / 2 - fall + np.log(2 * np.pi) * len(
                centres
            ) / 2, width  # the likelihood is at most one
        nearest = np.maximum(distance - radius * slope - radius**2 * bend, 0)  # Taylor, second order twice
        return energy - fall - (distance**2 - nearest**2) / (2 * self.variance), width

    def _distance(self, z: Floats) -> Floats:
        return _norm(self.model.floating.decoder(z) - self.x, 1)


def _norm(values: Floats, axes: int) -> Floats:
    """Return the root of the sum of squares over the last axes."""
    return np.asarray(np.sqrt(np.square(values).sum(tuple(range(-axes, 0)))))


def blocks(points: NDArray[Any], size: int = BLOCK) -> Iterator[NDArray[Any]]:
    """Yield the columns in blocks."""
    return (points[:, k : k + size] for k in range(0, points.shape[1], size))


def rotation(seed: int, d: int) -> Floats:
    """Return an orthogonal matrix, the identity for seed 0."""
    if seed == 0:
        return np.eye(d)
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


Rule = tuple[Longs, Longs]
"""Nodes in (-1/2, 1/2) and weights of a rule on a cell of side one, whose sum is one."""


def total(problem: Problem, cells: Cells, groups: Sequence[Group], rules: dict[bool, Rule]) -> np.longdouble:
    """Return log of the sum over the cells of a tensor rule, one rule for near cells and one for far ones."""
    energy, frame = energies(problem), cells.frame.astype(np.longdouble)
    mass = sum(
        (_mass(cells.least, group, rules[group.near], frame, energy) for group in groups), np.longdouble(0)
    )
    return np.longdouble(np.log(mass * abs(determinant(frame))) - np.longdouble(cells.least))


def _mass(
    least: float, group: Group, rule: Rule, frame: Longs, energy: Callable[[Longs], Longs]
) -> np.longdouble:
    d, side, mass = len(frame), np.longdouble(group.side), np.longdouble(0)
    nodes = np.stack(np.meshgrid(*[rule[0]] * d)).reshape(d, 1, -1) * side
    weights = np.prod(np.stack(np.meshgrid(*[rule[1]] * d)).reshape(d, -1), axis=0)
    for block in blocks(group.centres, max(1, BLOCK // weights.size)):
        u = (block[:, :, None] + nodes).reshape(d, -1)
        z = np.stack([sum(weight * row for weight, row in zip(line, u, strict=True)) for line in frame])
        values = np.exp(least - energy(z)).reshape(-1, weights.size)
        mass += (values * weights).sum()
    return np.longdouble(mass * side**d)


def determinant(matrix: Longs) -> np.longdouble:
    """Return the determinant in extended numbers: a frame of rounded doubles is not exactly orthogonal."""
    if len(matrix) == 1:
        return np.longdouble(matrix[0, 0])
    minors = (np.delete(matrix[1:], k, axis=1) for k in range(len(matrix)))
    return np.longdouble(sum((-1) ** k * matrix[0, k] * determinant(m) for k, m in enumerate(minors)))


def lattice(problem: Problem, resolution: float, seed: int) -> np.longdouble:
    """Return log p(x) as the trapezoidal sum over the whole space in a rotated frame."""
    d = len(problem.latent)
    per_side = {1: 16, 2: 8, 3: 4}[d]
    finest = 0.02 if stem(problem) == "softmax" else 0.125  # poles of the softmax come as near as 0.15
    cells = Cells(problem, rotation(seed, d), bounded=False, even=True)
    start = 0.5 if seed % 2 else 0.375  # steps are binary fractions: nodes are exact, their distances equal
    reach = start * (20 if stem(problem) == "softmax" else 28) / (0.75 if start < 0.5 else 1)
    groups = cells.cover(reach, start, per_side * resolution, per_side * finest * resolution / 0.5)
    nodes = ((np.arange(per_side) + 0.5) / per_side - 0.5).astype(np.longdouble)
    weights = np.full(per_side, np.longdouble(1) / per_side)
    return total(problem, cells, groups, dict.fromkeys((True, False), (nodes, weights)))


def panels(problem: Problem, points: int) -> np.longdouble:
    """Return log p(x) by Gauss-Legendre on cells outside of which the mass is proved to be negligible."""
    cells = Cells(problem, rotation(0, len(problem.latent)), bounded=True)
    value = on_panels(problem, cells, points, 10.5, 0.75)
    tail = (
        float(np.exp(cells.least + ceiling(problem))) * len(problem.latent) * math.erfc(10.5 / math.sqrt(2))
    )
    outside = (cells.left_out + tail) / float(np.exp(value + cells.least))
    if outside > LEFT_OUT:
        raise ArithmeticError(
            f"{problem.name}: {outside} of the mass is outside the panels; expected {LEFT_OUT}"
        )
    return value


def on_panels(problem: Problem, cells: Cells, points: int, reach: float, start: float) -> np.longdouble:
    """Return log of the sum over panels, half the points where the integrand is far below its peak."""
    coarsest = {"softmax": 0.11}.get(stem(problem), 0.5)  # poles of the softmax come as near as 0.15
    groups = cells.cover(reach, start, 3.0 if len(problem.latent) == 2 else 5.0, coarsest)
    return total(problem, cells, groups, {True: gauss_legendre(points), False: gauss_legendre(points // 2)})


def ceiling(problem: Problem) -> float:
    """Return an upper bound of log p(x|z)."""
    if isinstance(problem.likelihood, Bernoulli):
        return 0.0
    return -len(problem.x) / 2 * math.log(2 * math.pi * float(variance(problem)))


def gauss_legendre(points: int) -> Rule:
    """Return the rule on a cell of side one, rounded from balls."""
    with working_precision(BITS):
        pairs = [arb.legendre_p_root(points, k, weight=True) for k in range(points)]
        texts = [[number.mid().str(30, radius=False) for number in pair] for pair in pairs]
    nodes, weights = (np.array([text[k] for text in texts], dtype=np.longdouble) / 2 for k in (0, 1))
    return nodes, weights


def radial(problem: Problem, step: float) -> np.longdouble:
    """Return log p(x) of the shell: the lattice along one direction, weighted by the area of the sphere."""
    energy, h = energies(problem), np.longdouble(step)
    t = (np.arange(-14 / step, 14 / step) + 0.3) * h
    direction = np.array([1, 2, 2], dtype=np.longdouble) / 3
    u = energy(direction[:, None] * t)
    least = u.min()
    return np.longdouble(np.log((np.exp(least - u) * t * t).sum() * 2 * np.longdouble(PI) * h) - least)


def whitened(problem: Problem, step: float, seed: int) -> np.longdouble:
    """Return log p(x) of a linear model: the lattice in the frame in which the posterior is round."""
    model, d = problem.model(), len(problem.latent)
    x = np.array([float(Fraction(text)) for text in problem.x])
    W = model.floating.decoder(np.zeros(d), 1)
    precision = np.eye(d) + W.T @ W / float(variance(problem))
    values, vectors = np.linalg.eigh(precision)
    mean = np.linalg.solve(precision, W.T @ (x - model.floating.decoder(np.zeros(d)))) / float(
        variance(problem)
    )
    frame = ((vectors / np.sqrt(values)) @ rotation(seed, d)).astype(np.longdouble)
    axis = np.arange(-11, 11, step, dtype=np.longdouble)
    u = np.stack(np.meshgrid(*[axis] * d)).reshape(d, -1)
    z = np.stack(
        [
            m + sum(w * row for w, row in zip(line, u, strict=True))
            for line, m in zip(frame, mean, strict=True)
        ]
    )
    energy = energies(problem)(z)
    least, volume = energy.min(), abs(determinant(frame)) * np.longdouble(step) ** d
    return np.longdouble(np.log(np.exp(least - energy).sum() * volume) - least)
