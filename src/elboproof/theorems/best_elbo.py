r"""Proofs that no Gaussian posterior has an ELBO above a threshold: the supremum over ALL means and variances.

One latent. With q = N(m, e^(2t)) and statistics that are powers of z,

    F(m, t) = theta . E_q[T] - (m^2 + e^(2t) - 1)/2 + t,        E[z^k] = m E[z^(k-1)] + (k-1) e^(2t) E[z^(k-2)].

Decoders with atoms: `best_atoms`.

*Outside a box.* If theta . T(z) - (3/8) z^2 <= M for all z, then F <= M + 1/2 + t - (m^2 + e^(2t))/8. So F > tau
needs t > -K with K = M + 1/2 - tau, e^(2t)/8 - t < K, and m^2 < 8 (K + t).

*Inside.* Branch and bound in centred forms. If F exceeded tau somewhere, then its maximum would be a stationary point
inside the box; so a cell is done when F <= tau on it, or when a slope has no zero on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, isfinite, log, sqrt
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.centred import Centred
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.duals import Dual
from elboproof.numbers.tape import Tape
from elboproof.theorems.best_atoms import AtomsBestElbo
from elboproof.theorems.natural import Natural, Theta
from elboproof.theorems.sufficient_statistics import Unbounded

Index = NDArray[np.intp]

BLOCK = 8192
LARGEST_RATE = 0.5
"""Statistics that grow like exp(|z|) would need far more cells than are worth trying."""
MOST_CELLS = 20_000
"""For one theta."""


@dataclass(frozen=True)
class Claim:
    """sup F <= threshold for one theta; ``supremum`` is the M above."""

    theta: Theta
    supremum: float
    threshold: float


@dataclass(frozen=True)
class _Cells:
    owner: Index
    centre: FloatArray
    half: FloatArray

    def part(self, which: Any) -> "_Cells":
        return _Cells(self.owner[which], self.centre[which], self.half[which])


class BestElbo:
    """The proofs for the statistics of one statement."""

    def __init__(self, natural: Natural) -> None:
        self.natural = natural

    @property
    def possible(self) -> bool:
        """Whether there is a method: one latent, and atoms that are bounded as far as is known."""
        if len(self.natural.latents) != 1:
            return False
        try:
            return not self.natural.atoms or bool((self._atoms.rates[1] <= LARGEST_RATE).all())
        except Unbounded:
            return False

    @cached_property
    def _atoms(self) -> AtomsBestElbo:
        return AtomsBestElbo(self.natural)

    def _proved_with_atoms(self, claims: Sequence[Claim]) -> list[bool]:
        """Share the expectations on one box around all; each claim that needs no box is true."""
        roots = [_root(claim) for claim in claims]
        boxes = np.array([root for root in roots if root is not None])
        if not len(boxes):
            return [True] * len(claims)
        reach, top = boxes[:, 2].max(), (boxes[:, 1] + boxes[:, 3]).max()
        low = (boxes[:, 1] - boxes[:, 3]).min()
        half = _up((top - low) / 2) + 1 / 64
        root = np.array([0.0, round((top + low) * 32) / 64, reach, half])
        theta = np.array([[int(v.p) / int(v.q) for v in claim.theta] for claim in claims])
        thresholds = np.array([claim.threshold for claim in claims])
        return [bool(holds) for holds in self._atoms.proved(theta, thresholds, root)]

    @cached_property
    def _function(self) -> Compiled:
        powers = [statistic[0] for statistic in self.natural.statistics]
        m, t = sympy.symbols("m t", real=True)
        thetas = [sympy.Dummy(f"t_{k}", real=True) for k in powers]
        tape = Tape((m, t, *thetas))
        mean, square = tape.lower(m), tape.call("exp", tape.lower(2 * t))
        moments = [tape.constant(1), mean]
        for k in range(2, max((*powers, 2)) + 1):
            rest = tape.multiply(tape.constant(k - 1), tape.multiply(square, moments[k - 2]))
            moments.append(tape.add(tape.multiply(mean, moments[k - 1]), rest))
        total = tape.subtract(tape.lower(m**2 / 2 - sympy.Rational(1, 2) - t), tape.constant(0))
        total = tape.add(total, tape.multiply(tape.lower(sympy.Rational(1, 2)), square))
        for theta, k in zip(thetas, powers, strict=True):
            total = tape.subtract(total, tape.multiply(tape.lower(theta), moments[k]))
        return compile_tape(tape, [total], BALL_ARRAYS)

    def proved(self, claims: Sequence[Claim]) -> list[bool]:
        """Return which claims are proved; the others may be false or need more than `MOST_CELLS` cells.

        Of several thresholds for one theta, the lowest is tried first: the others follow from it.
        """
        lowest: dict[Theta, Claim] = {}
        for claim in claims:
            if not _usable(claim):
                continue
            if claim.theta not in lowest or claim.threshold < lowest[claim.theta].threshold:
                lowest[claim.theta] = claim
        known = dict(zip(lowest, self._proved(list(lowest.values())), strict=True))
        left = [
            claim
            for claim in claims
            if _usable(claim) and not known[claim.theta] and claim is not lowest[claim.theta]
        ]
        others = dict(zip(map(id, left), self._proved(left), strict=True))
        return [_usable(claim) and (known[claim.theta] or others.get(id(claim), False)) for claim in claims]

    def _proved(self, claims: Sequence[Claim]) -> list[bool]:
        if not claims or not self.possible:
            return [False] * len(claims)
        if self.natural.atoms:
            return self._proved_with_atoms(claims)
        roots = [_root(claim) for claim in claims]
        holds = np.array([root is not None for root in roots])
        thetas = [
            BallArray.concatenate([BallArray.from_fraction(int(v.p), int(v.q)).reshape(1) for v in column])
            for column in zip(*(claim.theta for claim in claims), strict=True)
        ]
        least = np.array([-claim.threshold for claim in claims])
        rows = [n for n, root in enumerate(roots) if root is not None]
        boxes = np.array([root for root in roots if root is not None], dtype=np.float64).reshape(-1, 4)
        waiting = [_Cells(np.array(rows, dtype=int), boxes[:, :2], boxes[:, 2:])]
        visited = np.zeros(len(claims), dtype=int)
        while waiting:
            cells = waiting.pop()
            cells = cells.part(holds[cells.owner])
            if len(cells.owner) > BLOCK:
                waiting.append(cells.part(slice(BLOCK, None)))
                cells = cells.part(slice(BLOCK))
            if len(cells.owner):
                np.add.at(visited, cells.owner, 1)
                holds &= visited <= MOST_CELLS
                waiting.append(self._step(cells, thetas, least, holds))
        return [bool(h) for h in holds]

    def _step(
        self, cells: _Cells, thetas: Sequence[BallArray], least: FloatArray, holds: FloatArray
    ) -> _Cells:
        """Return the halves of the cells that are not done; ``holds`` is cleared where F exceeds its threshold."""
        value = self._over(cells, [theta[cells.owner] for theta in thetas])
        wanted = least[cells.owner]
        refuted = value.centre.upper() < wanted
        holds[cells.owner[refuted]] = False
        slopes = [BallArray.broadcast_to(p, cells.owner.shape) for p in value.dual.partials]
        done = value.range().lower() >= wanted
        for slope in slopes:
            done |= np.abs(slope.mid) * (1 - 1e-12) > slope.rad
        open_cells = ~done
        spread = np.stack([slope.rad * cells.half[:, k] for k, slope in enumerate(slopes)], 1)[open_cells]
        return _halved(cells.part(open_cells), spread)

    def _over(self, cells: _Cells, thetas: Sequence[BallArray]) -> Centred:
        zeros = np.zeros(len(cells.owner))
        offsets = [BallArray(zeros, cells.half[:, k]) for k in range(2)]
        inputs = [
            Centred(
                BallArray(cells.centre[:, k]),
                Dual(BallArray(cells.centre[:, k], cells.half[:, k]), [int(j == k) for j in range(2)]),
                offsets,
            )
            for k in range(2)
        ]
        (value,) = self._function(*inputs, *thetas)
        result: Centred = value
        return result


def _usable(claim: Claim) -> bool:
    """Whether a claim is one: a bound that could not be computed proves nothing."""
    return isfinite(claim.threshold) and isfinite(claim.supremum)


def _root(claim: Claim) -> tuple[float, float, float, float] | None:
    """Return centre and half widths in (m, t), rounded to few bits; None if F <= tau everywhere."""
    k = (claim.supremum + 0.5 - claim.threshold) * (1 + 1e-12) + 1e-9
    high = 1.0
    while exp(2 * high) / 8 * (1 - 1e-12) - high <= k:  # increasing from t = log 2 on
        high += 0.25
    if k < 0 and -k >= high:
        return None
    low = -k
    reach = sqrt(8 * max(k + high, 0.0)) * (1 + 1e-12)
    half_m, half_t = _up(reach), _up((high - low) / 2)
    middle = round(((high + low) / 2) * 64) / 64
    return 0.0, middle, half_m, half_t + 1 / 64


def _up(number: float) -> float:
    """Round up to 6 bits, so that halving stays exact."""
    unit = 2.0 ** (np.floor(log(max(number, 1e-3), 2)) - 5)
    return float(np.ceil(number / unit) * unit)


def _halved(cells: _Cells, spread: FloatArray) -> _Cells:
    known = np.where(np.isfinite(spread), spread, np.inf)
    axis = np.where(np.isfinite(known).all(1), known.argmax(1), cells.half.argmax(1))
    rows = np.arange(len(axis))
    half = cells.half.copy()
    half[rows, axis] /= 2
    low, high = cells.centre.copy(), cells.centre.copy()
    low[rows, axis] -= half[rows, axis]
    high[rows, axis] += half[rows, axis]
    return _Cells(np.tile(cells.owner, 2), np.concatenate([low, high]), np.concatenate([half, half]))
