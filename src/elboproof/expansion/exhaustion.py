"""That no mode was missed: cells of latents in which W is proved to be higher, or to have no other minimum.

A cell is left behind if over all of it W is above its value at a mode, or a slope is not zero, or a second derivative
along a latent is negative, or if it lies in a box around a mode over which W is convex, which has one minimum at most.
Cells that are not are split. Bounds are Taylor's forms about the cell's centre with the second derivatives over it.

Beyond the box, W rises in z_k for all z_k above the box, whatever the other latents are, and falls below it: where this
is proved for each k, moving z to the box lowers W, so that no minimum lies outside.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.expansion.potential import Potential
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.outward import upward
from elboproof.numbers.precision import working_precision
from elboproof.numbers.spans import SPANS, WHOLE, Span
from elboproof.numbers.symmetric import ldl, not_positive

MOST_LATENTS = 3
"""In more, cells around a mode alone are too many."""
MOST_CELLS = 2**14
"""At once."""
ROUNDS = 40
"""Splits of the box; a cell of 2^-40 of it is as thin as the float search can tell points apart."""
SHARE = 0.25
"""Of the time that is left, for this proof."""
MOST_STARTS = 64
"""For the next search, of the cells left over."""
HALVINGS = 30
"""Of the box around a mode over which W is convex."""


class Alone(Enum):
    """Where it is proved that no other latent is as near as the modes found."""

    EVERYWHERE = "proved for all latents"
    IN_THE_BOX = "proved for latents in {box}, searched for in floats beyond"
    NOT_PROVED = "searched for in floats, not proved"


@dataclass(frozen=True)
class Others:
    """Where no other latent is as near.

    Attributes
    ----------
    alone : Alone
    left : (N, d)
        Middles of cells that were not left behind, some of them: where another mode may be.
    box : str
        The box that was cut into cells.
    """

    alone: Alone
    left: FloatArray
    box: str

    def __str__(self) -> str:
        return self.alone.value.format(box=self.box)


def no_others(
    potential: Potential, modes: Sequence[tuple[arb, ...]], known: Sequence[FloatArray], reach: float
) -> Others:
    """Return where it is proved that W at no other latent is as low as at the modes.

    Parameters
    ----------
    potential
        W.
    modes
        Proved minima: balls (d,) each.
    known
        (d,) each: the places of all minima that count as lowest, those of too little mass among them.
    reach
        Half width of the box, in the prior's deviations as far as they are known.
    """
    d = potential.model.latent_dim
    mean, factor = potential.model.prior.scales(d)
    if d > MOST_LATENTS:
        return Others(Alone.NOT_PROVED, np.empty((0, d)), "")
    half = reach * np.sqrt((factor**2).sum(1))
    # the ends that are told are rounded: the box that is cut reaches beyond them
    ends = zip((mean - half).tolist(), (mean + half).tolist(), strict=True)
    box = " x ".join(f"[{low!r}, {high!r}]" for low, high in ends)
    search = _Search(potential, mean, half + (np.abs(mean) + half) * 2.0**-50)
    left = search.left_over(modes, known)
    if len(left):
        return Others(Alone.NOT_PROVED, left[:: 1 + len(left) // MOST_STARTS], box)
    return Others(Alone.EVERYWHERE if search.rises_outside() else Alone.IN_THE_BOX, left, box)


@dataclass(frozen=True)
class _Search:
    """W over a box of latents.

    Attributes
    ----------
    centre, half : (d,)
        Of the box.
    """

    potential: Potential
    centre: FloatArray
    half: FloatArray

    def left_over(self, modes: Sequence[tuple[arb, ...]], known: Sequence[FloatArray]) -> FloatArray:
        """Return the middles (N, d) of the cells that are not left behind when cells, rounds or time are used up."""
        started = time.monotonic()
        until = started + SHARE * (self.potential.deadline - started)
        top = min(self._above(mode) for mode in modes)
        # a box around a mode holds the mode, which is then its only minimum; others are places of too little mass
        places = [np.array([float(a.mid()) for a in mode]) for mode in modes]
        convex = [(z, self._convex(z, mode)) for z, mode in zip(places, modes, strict=True)]
        convex += [(z, self._convex(z, ())) for z in known if not any(np.allclose(z, p) for p in places)]
        mid, half = self.centre[None], self.half[None]
        for _ in range(ROUNDS):
            for place, width in convex:
                # |mid - z| is one rounding of the exact difference, the sum another
                outside = ~(upward(np.abs(mid - place) + half, 2) <= width).all(1)
                mid, half = mid[outside], half[outside]
            if len(mid):
                open_ = ~self._left_behind(mid, half, top)
                mid, half = mid[open_], half[open_]
            if not len(mid) or len(mid) > MOST_CELLS or time.monotonic() > until:
                break
            mid, half = _split(mid, half)
        return mid

    def _left_behind(self, mid: FloatArray, half: FloatArray, top: float) -> Any:
        """Return for which cells (N, d) W is above ``top`` over the cell, or has no minimum in it, (N,)."""
        # W over a cell is W(c) + g(c).u + u'H u / 2 with H over the cell, its slope g(c) + H u (Taylor, mean value);
        # both also as they come over the cell. Comparisons with what is not known are false. At a minimum of W over R^d
        # slopes are 0 and no H_kk is negative
        d = mid.shape[1]
        at, over = self._jet(mid, np.zeros_like(half), 1), self._jet(mid, half, 2)
        u = [BallArray(np.zeros(len(mid)), half[:, k]) for k in range(d)]
        level, behind = at[()], over[()].lower() > top
        for k in range(d):
            slope = at[k,]
            for m in range(d):
                slope = slope + over[min(k, m), max(k, m)] * u[m]
            behind |= (slope.lower() > 0) | (slope.upper() < 0)
            behind |= (over[k,].lower() > 0) | (over[k,].upper() < 0) | (over[k, k].upper() < 0)
            # H u^2 / 2 is at least min(H, 0) times half the square of the cell's half width
            level = level + at[k,] * u[k] + over[k, k].min(0.0) * (BallArray(half[:, k]).square() * 0.5)
            for m in range(k + 1, d):
                level = level + over[k, m] * u[k] * u[m]
        return behind | (level.lower() > top)

    def _jet(self, mid: FloatArray, half: FloatArray, order: int) -> dict[tuple[int, ...], BallArray]:
        """Return minus the log likelihood and its derivatives over cells, by direction, (N,) each."""
        # a Gaussian's W is this up to a constant and a positive factor, which move no minimum
        d = mid.shape[1]
        z = [BallArray(mid[:, k], half[:, k]) for k in range(d)]
        values = self.potential.model.quantities.compiled_jet("log_likelihood", order, BALL_ARRAYS)(
            *z, *self._data
        )
        directions = [v for n in range(order + 1) for v in combinations_with_replacement(range(d), n)]
        zero = np.zeros(len(mid))
        return {v: BallArray(zero) - value for v, value in zip(directions, values, strict=True)}

    @property
    def _data(self) -> list[BallArray]:
        return [BallArray.from_fraction(int(x.p), int(x.q)) for x in self.potential.data]

    def _above(self, mode: tuple[arb, ...]) -> float:
        """Return an upper bound of minus the log likelihood at a mode."""
        with working_precision(64):
            ends = [Span.of(arb(z)) for z in mode]
        low = np.array([[np.nextafter(float(end.low), -np.inf) for end in ends]])
        high = np.array([[np.nextafter(float(end.high), np.inf) for end in ends]])
        box = BallArray.between(low, high)
        return float(self._jet(box.mid, box.rad, 0)[()].upper()[0])

    def _convex(self, z: FloatArray, mode: tuple[arb, ...]) -> FloatArray:
        """Return half widths (d,) of a box around z, the mode in it, over which W is convex; 0 if there is none."""
        for n in range(HALVINGS):
            half = self.half * 2.0**-n
            with working_precision(64):
                box = tuple(arb(a) + arb(0, b) for a, b in zip(z.tolist(), half.tolist(), strict=True))
                if not all(a.contains(b) for a, b in zip(box, mode, strict=False)):
                    break
                hessian = self.potential.ball_derivative(2, box).tolist()
                if not_positive(ldl(hessian)[1]) is None:
                    return half
        return np.zeros(len(z))

    def rises_outside(self) -> bool:
        """Return whether W rises away from the box beyond each of its faces."""
        try:
            slopes = self.potential.model.quantities.compiled("log_likelihood", 1, SPANS)
        except (KeyError, ValueError):  # a function that spans do not know, or a network
            return False
        data = [Span.of(arb(int(x.p)) / int(x.q)) for x in self.potential.data]
        for k, sign in product(range(len(self.half)), (1, -1)):
            edge = arb(self.centre[k]) + sign * arb(self.half[k])
            beyond = Span(edge.lower(), arb.pos_inf()) if sign > 0 else Span(arb.neg_inf(), edge.upper())
            z = [WHOLE] * len(self.half)
            z[k] = beyond
            slope = slopes(*z, *data)[k]
            if not (slope.defined and (slope.high < 0 if sign > 0 else slope.low > 0)):
                return False
        return True


def _split(mid: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 2^d parts of each cell, which cover it."""
    # midpoints are rounded: by 2^-53 of their size at most, which each half width makes good
    d = mid.shape[1]
    signs = np.array(list(product((-1.0, 1.0), repeat=d)))
    parts = (mid[:, None, :] + signs * (half[:, None, :] / 2)).reshape(-1, d)
    wide = np.repeat(half / 2, len(signs), 0)
    return parts, upward(wide + np.abs(parts) * 2.0**-52, 2)
