"""What floats say about leaves: which posterior to take, whether a proof is worth trying, where to cut. Not trusted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.precision import working_precision
from elboproof.statements import STEP, Elbo, Gap, Statement
from elboproof.theorems import steering
from elboproof.theorems.leaf import Leaf
from elboproof.theorems.natural import ControlPoint, Natural, Theta
from elboproof.theorems.steering import Steering
from elboproof.theorems.sufficient_statistics import BITS, divergence

SLACK = 1e-6
"""Nats: what estimates must have to spare before a proof is tried; integrals have 8 digits."""
MOST_AT_ONCE = {1: 512, 2: 128}
"""Control points that are estimated between two looks at the clock, by the number of latents."""
Expected = tuple[list[arb], arb]
"""E_q T and KL(q || prior)."""


@dataclass(frozen=True)
class _Guess:
    """Floats for one leaf: A, its tangent and E* at the control points; A and the best ELBO at the centre."""

    theta: FloatArray
    mass: FloatArray
    tangent: FloatArray
    top: FloatArray
    peak: float
    elbo: float


class Estimates:
    """Estimates of a statement's quantity over leaves, in floats.

    Parameters
    ----------
    from_below
        Whether a lower bound must be proved.
    expected
        From a Gaussian q to E_q T and KL(q || prior), or to None where floats are to do.
    """

    def __init__(
        self,
        statement: Statement,
        natural: Natural,
        from_below: bool,
        expected: Callable[[GaussianPosterior], Expected | None],
    ) -> None:
        self.statement, self.natural, self.from_below, self.expected = (
            statement,
            natural,
            from_below,
            expected,
        )
        self.of_gap = isinstance(statement.quantity, Gap)
        self.fixed = statement.quantity.q if isinstance(statement.quantity, Elbo) else None
        self.steering = Steering(natural)

    @working_precision(BITS)
    def estimate(self, leaves: Sequence[Leaf], deadline: float) -> None:
        """Choose a posterior for each leaf and guess its bounds; what is not reached in time stays as it is."""
        # Parts of about `MOST_AT_ONCE` control points: arrays are large enough to be fast, and the clock is seen in
        # between. What a leaf gets does not depend on the parts.
        part: list[Leaf] = []
        size = 0
        for leaf in leaves:
            if leaf.controls is None:
                continue
            part.append(leaf)
            size += len(leaf.controls)
            if size >= MOST_AT_ONCE[len(self.natural.latents)]:
                self._estimate(part, deadline)
                part, size = [], 0
        if part:
            self._estimate(part, deadline)

    def _estimate(self, leaves: Sequence[Leaf], deadline: float) -> None:
        # C control points of L leaves at once, theta of shape (C, m); `owner` (C,) is the leaf of each.
        if time.monotonic() > deadline:
            return
        centres = self._floats([leaf.centre.theta for leaf in leaves])
        best = self.steering.best(centres)
        owner = np.repeat(np.arange(len(leaves)), [len(leaf.controls or ()) for leaf in leaves])
        thetas = self._floats([control.theta for leaf in leaves for control in leaf.controls or ()])
        mass = np.zeros(len(thetas)) if self.fixed else self.steering.integrals(thetas)
        peak = np.zeros(len(centres)) if self.fixed else self.steering.integrals(centres)
        tangent = top = np.zeros(len(thetas))
        if self.from_below and not self.fixed:
            h = float(STEP)
            before = self.steering.integrals(centres[owner] - h * (thetas - centres[owner]))
            tangent = peak[owner] + (peak[owner] - before) / h
            top = self.steering.best(thetas).elbo if self.of_gap else top
        for n, leaf in enumerate(leaves):
            if time.monotonic() > deadline:
                return
            rows = np.flatnonzero(owner == n)
            leaf.posterior = self.fixed or steering.rounded(best, n)
            guess = _Guess(thetas[rows], mass[rows], tangent[rows], top[rows], float(peak[n]), best.elbo[n])
            self._guess(leaf, guess, *self._floating(leaf.posterior))

    def _floats(self, thetas: Sequence[Theta]) -> FloatArray:
        return steering.floats(thetas, len(self.natural.statistics))

    def _floating(self, q: GaussianPosterior) -> tuple[FloatArray, float]:
        """Return E_q T (m,) and KL(q || prior)."""
        known = self.expected(q)
        if known is None:
            return self.steering.expected(steering.floating(q), 0), float(divergence(q))
        return np.array([float(e) for e in known[0]]), float(known[1])

    def _guess(self, leaf: Leaf, guess: _Guess, expected: FloatArray, divergence: float) -> None:
        # theta (C, m) against expected (m,): the bounds of `leaf_bounds` in floats, of which the least and the
        # greatest over the control points count.
        if self.of_gap:
            values = guess.mass - guess.theta @ expected + divergence
            leaf.guess = float((guess.tangent - guess.top).min()), float(values.max())
            leaf.middle = (guess.peak - float(guess.elbo),) * 2
            return
        body = guess.theta @ expected - divergence if self.fixed else guess.mass
        below = body if self.fixed else guess.tangent
        high = [float(rest(self.natural, c, leaf, True)) for c in leaf.controls or ()]
        low = [float(rest(self.natural, c, leaf, False)) for c in leaf.controls or ()]
        leaf.guess = float((below + low).min()), float((body + high).max())
        centre = float(self._floats([leaf.centre.theta])[0] @ expected) - divergence
        constant = float(rest(self.natural, leaf.centre, leaf, True))
        leaf.middle = ((centre if self.fixed else guess.peak) + constant,) * 2

    def promising(self, leaf: Leaf) -> bool:
        """Whether the estimates leave enough to spare for a proof."""
        low, high = self.statement.lower, self.statement.upper
        above = high is None or leaf.guess[1] <= float(high) - SLACK
        below = not self.from_below or low is None or leaf.guess[0] >= float(low) + SLACK
        return leaf.controls is not None and above and below

    def violation(self, leaf: Leaf) -> float:
        """Return by how much the estimate at the leaf's centre breaks the statement; negative if it does not."""
        # Both ends of `middle` are one float, the estimate at the centre, where posterior and tangent are best.
        low, high = self.statement.lower, self.statement.upper
        above = leaf.middle[0] - float(high) if high is not None else -inf
        below = float(low) - leaf.middle[1] if low is not None else -inf
        return max(above, below) if leaf.controls is not None else -inf

    @working_precision(BITS)
    def axis(self, leaf: Leaf) -> int:
        """Return the axis to cut: the one along which theta . T varies most under the leaf's posterior.

        Where an exponent is unbounded, a coefficient's control points differ in sign, and a parameter is cut at 0.
        """
        # Cutting across the largest variance of theta . T brings the control points closest together, and the gap's
        # bounds with them, which differ from the gap by about half that variance.
        crossing = [k for k, (low, high) in enumerate(leaf.box) if low < 0 < high]
        if leaf.unbounded and crossing:
            return crossing[0]
        if leaf.controls is None or leaf.posterior is None:
            widths = [(high - low) / max(abs(high), abs(low)) for low, high in leaf.box]
            return widths.index(max(widths))
        gaussian = steering.floating(leaf.posterior)
        return int(np.argmax([self._variation(leaf, gaussian, k) for k in range(len(leaf.box))]))

    def _variation(self, leaf: Leaf, gaussian: steering.Best, k: int) -> float:
        # Both ends of axis k through the leaf's point; theta . T, with the constant and the logarithm for what is no
        # gap.
        ends = [self.natural.at((*leaf.point[:k], end, *leaf.point[k + 1 :])) for end in leaf.box[k]]
        low, high = self._floats([end.theta for end in ends])
        spread = self.steering.spread(gaussian, 0, high - low)
        if self.of_gap:
            return spread
        shift = float((high - low) @ self.steering.expected(gaussian, 0))
        constants = float(ends[1].constant - ends[0].constant)
        logs = self.natural.data_dim / 2 * float(arb(ends[1].weight / ends[0].weight).log())
        return spread + abs(shift + constants + logs)


def rest(natural: Natural, control: ControlPoint, leaf: Leaf, above: bool) -> arb:
    """Return the constant of theta and a bound of (D/2) log(w / 2 pi): its tangent from above, else its chord."""
    # The logarithm is concave: it lies below its tangent at w_c, and above its chord, which meets it at the ends of
    # the leaf's interval of w. Both are affine in w, and a control point's w is one of the ends.
    w, centre = arb(control.weight), arb(leaf.centre.weight)
    log_w = centre.log() + (w - centre) / centre if above else w.log()
    return arb(control.constant) + (log_w - (2 * arb.pi()).log()) * natural.data_dim / 2
