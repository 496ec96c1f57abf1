r"""Proofs that no Gaussian posterior has an ELBO above a threshold: the supremum over ALL means and variances.

One latent. With q = N(m, e^(2t)) and statistics that are powers of z,

    F(m, t) = theta . E_q[T] - (m^2 + e^(2t) - 1)/2 + t,        E[z^k] = m E[z^(k-1)] + (k-1) e^(2t) E[z^(k-2)].

Decoders with atoms: `best_atoms`.

*Outside a box.* If theta . T(z) - (3/8) z^2 <= M for all z, then F <= M + 1/2 + t - (m^2 + e^(2t))/8. So F > tau
needs t > -K with K = M + 1/2 - tau, e^(2t)/8 - t < K, and m^2 < 8 (K + t).

*Inside.* Branch and bound in centred forms. If F exceeded tau somewhere, then its maximum would be a stationary point
inside the box; so a cell is done when F <= tau on it, or when a slope has no zero on it.

*Within a divergence.* Where no M is known, F <= tau is proved for KL(q || prior) = (m^2 + e^(2t) - 1)/2 - t < K only. A
maximum may lie on the boundary then, where F need not be stationary: slopes decide only about cells on which the
divergence stays below K, and cells on which it is nowhere below K are done. If F > tau at q's within K that come near a
place on the boundary, then some cell holds infinitely many of them and that place: neither rule removes it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, fsum, inf, isfinite, log, nextafter, sqrt
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.centred import Centred
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.duals import Dual
from elboproof.numbers.outward import library_downward, upward
from elboproof.numbers.tape import Tape
from elboproof.quadrature.cells import halved
from elboproof.theorems.best_atoms import AtomsBestElbo
from elboproof.theorems.natural import Natural, Theta
from elboproof.theorems.steering import floats
from elboproof.theorems.sufficient_statistics import Unbounded

Index = NDArray[np.intp]

BLOCK = 8192
LARGEST_RATE = 0.5
"""Statistics that grow like exp(|z|) would need far more cells than are worth trying."""
MOST_CELLS = 20_000
"""For one theta."""
WIDEST = 2.0**17
"""Nats of K; beyond, boxes would need far more cells than are worth trying."""
NARROWEST = 2.0**-28
"""Half width of a cell. Centres are multiples of 2^-34 below 2^18 then (`_up`): they and halves are exact floats, and
the halves of a cell cover it."""


@dataclass(frozen=True)
class ElboBound:
    """sup F <= threshold for one theta; ``supremum`` is the M above.

    With a finite ``within``, the supremum is that over all q with KL(q || prior) < within, and M is not needed.
    """

    theta: Theta
    supremum: float
    threshold: float
    within: float = inf


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
        # Without atoms every polynomial serves; atoms need bounds of their growth and of their derivatives', which
        # `rates` finds or refuses.
        if len(self.natural.latents) != 1:
            return False
        try:
            return not self.natural.atoms or bool((self._atoms.rates[1] <= LARGEST_RATE).all())
        except Unbounded:
            return False

    @cached_property
    def _atoms(self) -> AtomsBestElbo:
        # Made on first use: it compiles derivatives, which polynomials do not need.
        return AtomsBestElbo(self.natural)

    def _proved_with_atoms(self, claims: Sequence[ElboBound], deadline: float) -> list[bool]:
        """Share the expectations on one box around all; each claim that needs no box is true."""
        roots = [_root(claim) for claim in claims]
        boxes = np.array([root for root in roots if root is not None])
        if not len(boxes):
            return [True] * len(claims)
        # Outside its own box no F exceeds its threshold, so any box around all of them serves each. The centre's
        # rounding to 1/64 moves it by 1/128 at most, which the half width makes up for.
        reach, top = boxes[:, 2].max(), (boxes[:, 1] + boxes[:, 3]).max()
        low = (boxes[:, 1] - boxes[:, 3]).min()
        half = _up((top - low) / 2 + 1 / 64)
        root = np.array([0.0, round((top + low) * 32) / 64, reach, half])
        theta = floats([claim.theta for claim in claims], len(self.natural.statistics))
        thresholds = np.array([claim.threshold for claim in claims])
        highest = max(_highest(claim) for claim in claims)
        return [bool(holds) for holds in self._atoms.proved(theta, thresholds, root, highest, deadline)]

    @cached_property
    def _function(self) -> Compiled:
        # -F(m, t) on a tape, theta as inputs: E[z^k] by the recursion above, so that one tape gives slopes as well.
        powers = [statistic[0] for statistic in self.natural.statistics]
        m, t = sympy.symbols("m t", real=True)
        thetas = [sympy.Dummy(f"t_{k}", real=True) for k in powers]
        tape = Tape((m, t, *thetas))
        mean, square = tape.lower(m), tape.call("exp", tape.lower(2 * t))
        moments = [tape.constant(1), mean]
        for k in range(2, max((*powers, 2)) + 1):
            rest = tape.multiply(tape.constant(k - 1), tape.multiply(square, moments[k - 2]))
            moments.append(tape.add(tape.multiply(mean, moments[k - 1]), rest))
        total = tape.lower(m**2 / 2 - sympy.Rational(1, 2) - t)
        total = tape.add(total, tape.multiply(tape.lower(sympy.Rational(1, 2)), square))
        for theta, k in zip(thetas, powers, strict=True):
            total = tape.subtract(total, tape.multiply(tape.lower(theta), moments[k]))
        return compile_tape(tape, [total], BALL_ARRAYS)

    def proved(self, claims: Sequence[ElboBound], deadline: float) -> list[bool]:
        """Return which claims are proved; the others may be false, or need more cells or more time.

        Of several thresholds for one theta, the lowest is tried first: the others follow from it.
        """
        lowest: dict[tuple[Theta, float], ElboBound] = {}
        for claim in filter(_usable, claims):
            key = _key(claim)
            if key not in lowest or claim.threshold < lowest[key].threshold:
                lowest[key] = claim
        known = dict(zip(lowest, self._proved(list(lowest.values()), deadline), strict=True))
        left = [c for c in claims if _usable(c) and not known[_key(c)] and c is not lowest[_key(c)]]
        others = dict(zip(map(id, left), self._proved(left, deadline), strict=True))
        return [_usable(claim) and (known[_key(claim)] or others.get(id(claim), False)) for claim in claims]

    def _proved(self, claims: Sequence[ElboBound], deadline: float) -> list[bool]:
        if not claims or not self.possible:
            return [False] * len(claims)
        if self.natural.atoms:
            whole = [claim for claim in claims if claim.within == inf]
            return self._proved_with_atoms(claims, deadline) if whole == claims else [False] * len(claims)
        # theta: one ball array (N,) per statistic; boxes (N, 4) hold centres and half widths in (m, t). A claim without
        # box is true; the others are when none of their cells is left, and `holds` was not cleared on the way.
        roots = [_root(claim) for claim in claims]
        holds = np.ones(len(claims), dtype=bool)
        thetas = [
            BallArray.concatenate([BallArray.from_fraction(int(v.p), int(v.q)).reshape(1) for v in column])
            for column in zip(*(claim.theta for claim in claims), strict=True)
        ]
        least = np.array([-claim.threshold for claim in claims])
        within = np.array([claim.within for claim in claims])
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
                holds[cells.owner[cells.half.min(1) < NARROWEST]] = False
                if time.monotonic() > deadline:
                    holds[cells.owner] = False
                    continue
                waiting.append(self._step(cells, thetas, least, holds, within))
        return [bool(h) for h in holds]

    def _step(
        self,
        cells: _Cells,
        thetas: Sequence[BallArray],
        least: FloatArray,
        holds: NDArray[np.bool_],
        within: FloatArray,
    ) -> _Cells:
        """Return the halves of the cells that are not done; ``holds`` is cleared where F exceeds its threshold."""
        # B cells at once; `value` encloses -F over each, its slopes in m and t, and -F at the centre. A maximum above
        # the threshold is a stationary point of F: no slope test and no bound removes the cell that holds it.
        value = self._over(cells, [theta[cells.owner] for theta in thetas])
        wanted = least[cells.owner]
        inside, done = _places(cells, within[cells.owner])
        refuted = inside & (value.centre.upper() < wanted)
        holds[cells.owner[refuted]] = False
        slopes = [BallArray.broadcast_to(p, cells.owner.shape) for p in value.dual.partials]
        done |= value.range().lower() >= wanted
        for slope in slopes:
            done |= inside & (np.abs(slope.mid) > slope.rad)
        open_cells = ~done
        spread = np.stack([slope.rad * cells.half[:, k] for k, slope in enumerate(slopes)], 1)[open_cells]
        return _halved(cells.part(open_cells), spread)

    def _over(self, cells: _Cells, thetas: Sequence[BallArray]) -> Centred:
        """Return -F over B cells in centred form: m and t as balls around the centres, theta (B,) per statistic."""
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


def _places(cells: _Cells, within: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return on which of B cells the divergence is less than ``within`` (B,), and on which it is at least that."""
    if not np.isfinite(within).any():
        return np.ones(len(within), dtype=bool), np.zeros(len(within), dtype=bool)
    m, t = (BallArray(cells.centre[:, k], cells.half[:, k]) for k in range(2))
    divergence = (m.square() + (t * 2.0).exp() - 1.0) * 0.5 - t
    return divergence.upper() < within, divergence.lower() >= within


def _key(claim: ElboBound) -> tuple[Theta, float]:
    """Return what claims of which one follows from another share."""
    return claim.theta, claim.within


def _usable(claim: ElboBound) -> bool:
    """Whether a claim is one: a bound that could not be computed proves nothing."""
    return (
        isfinite(claim.threshold)
        and isfinite(claim.supremum)
        and -inf < claim.supremum - claim.threshold < WIDEST
        and (claim.within == inf or -WIDEST < claim.within < WIDEST)
    )


def _margin(claim: ElboBound) -> float:
    """Return K = M + 1/2 - tau, rounded up: `fsum` rounds the exact sum once."""
    # Within a divergence, (m^2 + e^(2t))/2 - t < `within` + 1/2.
    if claim.within < inf:
        return nextafter(claim.within + 0.5, inf)
    return nextafter(fsum((claim.supremum, 0.5, -claim.threshold)), inf)


def _share(claim: ElboBound) -> int:
    return 8 if claim.within == inf else 2


def _highest(claim: ElboBound) -> float:
    """Return a t from which on F <= tau."""
    # e^(2t)/8 - t increases from t = log 2 on; the library's margin of the quotient, which is at least 0.9, covers the
    # rounding of the difference, too.
    k, share, high = _margin(claim), _share(claim), 1.0
    while library_downward(exp(2 * high) / share) - high <= k:
        high += 0.25
    return high


def _root(claim: ElboBound) -> tuple[float, float, float, float] | None:
    """Return centre and half widths in (m, t), rounded to few bits; None if F <= tau everywhere."""
    # Roundings of m's reach: the sum and the root.
    k, share, high = _margin(claim), _share(claim), _highest(claim)
    low = -k
    if low >= high:
        return None
    reach = upward(sqrt(share * max(k + high, 0.0)), 2)
    middle = round(((high + low) / 2) * 64) / 64  # moved by 1/128 at most, and some rounding
    return 0.0, middle, _up(reach), _up((high - low) / 2 + 1 / 64)


def _up(number: float) -> float:
    """Round up to 6 bits, so that halving stays exact."""
    # `unit` is a power of two, so division, ceiling and product are exact, whichever power the logarithm gave.
    unit = 2.0 ** (np.floor(log(max(number, 1e-3), 2)) - 5)
    return float(np.ceil(number / unit) * unit)


def _halved(cells: _Cells, spread: FloatArray) -> _Cells:
    """Return both halves of B cells, cut along the axis over which -F spreads most; spread (B, 2) only steers."""
    # Both halves keep the other axis; their centres and half widths are exact floats, see `NARROWEST`.
    known = np.where(np.isfinite(spread), spread, np.inf)
    axis = np.where(np.isfinite(known).all(1), known.argmax(1), cells.half.argmax(1))
    centre, half = halved(cells.centre, cells.half, axis)
    return _Cells(np.tile(cells.owner, 2), centre, half)
