r"""Bounds of a quantity over one leaf: a box of the parameters, on which they come from control points b of theta.

For one Gaussian q, and A convex (a logarithm of an integral of exponentials),

    gap <= max_b [A(b) - b . E_q T] + KL(q || prior),
    gap >= min_b [l(b) - E*(b)],    l the tangent of A at the centre c,    E*(b) = sup over all Gaussians of their ELBO.

The second holds since E* is convex in theta, so that l - E* is concave. The tangent needs no derivative: by convexity
l(b) >= A(c) + (A(c) - A(c - h (b - c)))/h. With log w <= log w_c + (w - w_c)/w_c and log w >= its chord, both affine
in theta's space, the same gives log p(x) = A(theta) + const + (D/2) log(w / 2 pi), and the ELBO of one q without
integrals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.statements import Elbo, Gap, LogEvidence, Statement
from elboproof.theorems import steering, tails
from elboproof.theorems import sufficient_statistics as moments
from elboproof.theorems.best_elbo import BestElbo, Claim
from elboproof.theorems.leaf import STEP, Leaf, claim_above, greatest, middle, upward
from elboproof.theorems.log_partition import Integrals
from elboproof.theorems.natural import Control, Natural, Theta
from elboproof.theorems.polynomials import Box, rational
from elboproof.theorems.steering import Steering

BITS = 128
SLACK = 1e-6
"""Nats: what estimates must have to spare before a proof is tried; integrals have 8 digits."""


class Judge:
    """Estimates and proves bounds over leaves for one statement."""

    def __init__(self, statement: Statement, natural: Natural) -> None:
        self.statement, self.natural, self.quantity = statement, natural, statement.quantity
        self.integrals, self.steering, self.best = Integrals(natural), Steering(natural), BestElbo(natural)
        self.fixed = self.quantity.q if isinstance(self.quantity, Elbo) else None
        self._expected: dict[GaussianPosterior, tuple[list[arb], arb]] = {}
        self._suprema: dict[Theta, float | None] = {}
        self.from_below = self._needs_lower()

    def _needs_lower(self) -> bool:
        """Whether a lower bound must be proved: that of the gap is free up to 0, by Jensen's inequality."""
        lower = self.statement.lower
        return lower is not None and not (isinstance(self.quantity, Gap) and lower <= 0)

    def obstacle(self) -> str:
        """Return why nothing can be proved, empty if it can be tried."""
        if isinstance(self.quantity, Gap) and self.from_below and not self.best.possible:
            return "lower bounds of the gap need one latent and, beside polynomials, only sin, cos, tanh and sigmoid"
        if self.from_below and not self.fixed and len(self.natural.latents) > 1:
            return "lower bounds of the evidence need one latent"
        return ""

    def leaf(self, box: Box) -> Leaf:
        """Return the leaf of a box, its centre where cuts go."""
        point = tuple(middle(low, high) for low, high in box)
        return Leaf(box, point, self.natural.at(point), self.natural.controls(box))

    # -- estimates --

    @working_precision(BITS)
    def estimate(self, leaves: Sequence[Leaf]) -> None:
        """Choose a posterior for each leaf and guess its bounds, in floats."""
        known = [leaf for leaf in leaves if leaf.controls is not None]
        if not known:
            return
        centres = self._floats([leaf.centre.theta for leaf in known])
        best = self.steering.best(centres)
        owner = np.repeat(np.arange(len(known)), [len(leaf.controls or ()) for leaf in known])
        controls = [control for leaf in known for control in leaf.controls or ()]
        thetas = self._floats([control.theta for control in controls])
        mass = np.zeros(len(thetas)) if self.fixed else self.steering.integrals(thetas)
        peak = np.zeros(len(centres)) if self.fixed else self.steering.integrals(centres)
        tangent = top = np.zeros(len(thetas))
        if self.from_below and not self.fixed:
            h = float(STEP)
            before = self.steering.integrals(centres[owner] - h * (thetas - centres[owner]))
            tangent = peak[owner] + (peak[owner] - before) / h
            top = self.steering.best(thetas).elbo if isinstance(self.quantity, Gap) else top
        for n, leaf in enumerate(known):
            rows = np.flatnonzero(owner == n)
            leaf.posterior = self.fixed or steering.rounded(best, n)
            expected = self.expected(leaf.posterior)
            guess = _Guess(thetas[rows], mass[rows], tangent[rows], top[rows], float(peak[n]), best.elbo[n])
            self._guess(leaf, guess, [float(e) for e in expected[0]], float(expected[1]))

    def _floats(self, thetas: Sequence[Theta]) -> FloatArray:
        return steering.floats(thetas, len(self.natural.statistics))

    def _guess(self, leaf: Leaf, guess: "_Guess", expected: list[float], divergence: float) -> None:
        controls = leaf.controls or []
        if isinstance(self.quantity, Gap):
            values = guess.mass - guess.theta @ expected + divergence
            leaf.guess = float((guess.tangent - guess.top).min()), float(values.max())
            leaf.middle = (guess.peak - float(guess.elbo),) * 2
            return
        body = guess.theta @ expected - divergence if self.fixed else guess.mass
        below = body if self.fixed else guess.tangent
        high = [float(self._rest(c, leaf, True)) for c in controls]
        low = [float(self._rest(c, leaf, False)) for c in controls]
        leaf.guess = float((below + low).min()), float((body + high).max())
        centre = float(np.array(self._floats([leaf.centre.theta])[0]) @ expected) - divergence
        leaf.middle = (
            (centre if self.fixed else guess.peak) + float(self._rest(leaf.centre, leaf, True)),
        ) * 2

    def _rest(self, control: Control, leaf: Leaf, above: bool) -> arb:
        """Return the constant of theta and (D/2) log(w / 2 pi), by a tangent or by the chord, exact at its ends."""
        w, centre = arb(control.weight), arb(leaf.centre.weight)
        log_w = centre.log() + (w - centre) / centre if above else w.log()
        return arb(control.constant) + (log_w - (2 * arb.pi()).log()) * self.natural.data_dim / 2

    def promising(self, leaf: Leaf) -> bool:
        """Whether the estimates leave enough to spare for a proof."""
        low, high = self.statement.lower, self.statement.upper
        above = high is None or leaf.guess[1] <= float(high) - SLACK
        below = not self.from_below or low is None or leaf.guess[0] >= float(low) + SLACK
        return leaf.controls is not None and above and below

    def violation(self, leaf: Leaf) -> float:
        """Return by how much the estimate at the leaf's centre breaks the statement; negative if it does not."""
        low, high = self.statement.lower, self.statement.upper
        above = leaf.middle[0] - float(high) if high is not None else -inf
        below = float(low) - leaf.middle[1] if low is not None else -inf
        return max(above, below) if leaf.controls is not None else -inf

    def axis(self, leaf: Leaf) -> int:
        """Return the axis to cut: the one along which theta . T varies most under the leaf's posterior.

        Where an exponent is unbounded, a coefficient's control points differ in sign, and a parameter is cut at 0.
        """
        crossing = [k for k, (low, high) in enumerate(leaf.box) if low < 0 < high]
        if leaf.unbounded and crossing:
            return crossing[0]
        if leaf.controls is None or leaf.posterior is None:
            widths = [(high - low) / max(abs(high), abs(low)) for low, high in leaf.box]
            return widths.index(max(widths))
        return int(np.argmax([self._variation(leaf, k) for k in range(len(leaf.box))]))

    @working_precision(BITS)
    def _variation(self, leaf: Leaf, k: int) -> float:
        ends = [self.natural.at((*leaf.point[:k], end, *leaf.point[k + 1 :])) for end in leaf.box[k]]
        low, high = self._floats([end.theta for end in ends])
        q = leaf.posterior
        mean = np.array([[float(m) for m in q.mean]]) if q else np.zeros((1, 1))
        covariance = (
            np.array([[[float(s) for s in row] for row in q.covariance]]) if q else np.ones((1, 1, 1))
        )
        gaussian = steering.Best(mean, covariance, np.zeros(1))
        spread = self.steering.spread(gaussian, 0, high - low)
        if isinstance(self.quantity, Gap):
            return spread
        shift = (high - low) @ self.steering.expected(gaussian, 0) + float(
            ends[1].constant - ends[0].constant
        )
        logs = self.natural.data_dim / 2 * float(arb(ends[1].weight / ends[0].weight).log())
        return float(spread + abs(shift + logs))

    # -- proofs --

    def holds(self, leaf: Leaf) -> bool:
        """Whether the claims over the leaf give the statement."""
        low, high = self.statement.lower, self.statement.upper
        if high is not None and not (leaf.upper < inf and claim_above(leaf.upper) <= high):
            return False
        if not self.from_below or low is None:
            return True
        return leaf.above or (-inf < leaf.lower and -claim_above(-leaf.lower) >= low)

    def expected(self, q: GaussianPosterior) -> tuple[list[arb], arb]:
        """Return E_q T and KL(q || prior)."""
        if q not in self._expected:
            self._expected[q] = moments.expectations(self.natural, q), moments.divergence(q)
        return self._expected[q]

    def supremum(self, leaf: Leaf, theta: Theta) -> float | None:
        """Return an upper bound of theta . T(z) - (3/8)|z|^2, None if none is known."""
        if theta == leaf.centre.theta:  # a point of the box: -(w/2)|x - f|^2 <= 0
            return float(-leaf.centre.constant) * (1 + 1e-12) + 1e-12
        if theta not in self._suprema:
            self._suprema[theta] = tails.supremum(self.natural, theta)
            if self._suprema[theta] is None:
                self._suprema |= tails.quadratic_suprema(self.natural, leaf.box)
        return self._suprema.get(theta)

    def prove(self, leaves: Sequence[Leaf], seconds: float) -> None:
        """Prove bounds over leaves; they stay infinite where that fails."""
        wanted = []
        for leaf in leaves:
            part = [(theta, self.supremum(leaf, theta)) for theta in self.wanted(leaf)]
            leaf.unbounded = any(supremum is None for _, supremum in part)
            wanted += part
        self.integrals.bounds(wanted, seconds)
        with working_precision(BITS):
            for leaf in leaves:
                if self.statement.upper is not None:
                    leaf.upper = upward(self._upper(leaf))
                if self.from_below and not isinstance(self.quantity, Gap):
                    leaf.lower = -upward(-self._lower(leaf))
            if isinstance(self.quantity, Gap) and self.from_below:
                self._prove_gaps_from_below(leaves)

    def wanted(self, leaf: Leaf) -> list[Theta]:
        """Return what is integrated for a leaf."""
        if self.fixed:
            return []
        controls = leaf.controls or []
        thetas = [control.theta for control in controls] if self.statement.upper is not None else []
        if self.from_below:
            thetas += [leaf.centre.theta, *(leaf.before(control) for control in controls)]
        return thetas

    def _upper(self, leaf: Leaf) -> arb:
        return greatest([self._above(leaf, control) for control in leaf.controls or []])

    def _above(self, leaf: Leaf, control: Control) -> arb:
        if leaf.posterior is None:
            return arb.pos_inf()
        if isinstance(self.quantity, Gap):
            return self._mass(control.theta)[1] - self._elbo(control, leaf.posterior)
        rest = self._rest(control, leaf, True)
        return rest + (self._elbo(control, self.fixed) if self.fixed else self._mass(control.theta)[1])

    def _lower(self, leaf: Leaf) -> arb:
        values = []
        for control in leaf.controls or []:
            body = self._elbo(control, self.fixed) if self.fixed else self._tangent(leaf, control)
            values.append(body + self._rest(control, leaf, False))
        return -greatest([-value for value in values])

    def _elbo(self, control: Control, q: GaussianPosterior) -> arb:
        """Return theta . E_q T - KL(q || prior)."""
        expected, divergence = self.expected(q)
        return sum((arb(v) * e for v, e in zip(control.theta, expected, strict=True)), -divergence)

    def _mass(self, theta: Theta) -> tuple[arb, arb]:
        low, high = self.integrals.known[theta]
        return arb(low), arb(high)

    def _tangent(self, leaf: Leaf, control: Control) -> arb:
        """Return a lower bound of the tangent of A at the centre, taken at a control point."""
        centre, before = self._mass(leaf.centre.theta), self._mass(leaf.before(control))
        return centre[0] + (centre[0] - before[1]) / arb(rational(STEP))

    def _prove_gaps_from_below(self, leaves: Sequence[Leaf]) -> None:
        """E*(b) <= l(b) - lower for every control point b."""
        claims, owners = [], []
        lower = arb(rational(self.statement.lower or Fraction(0)))
        failed = set()
        for n, leaf in enumerate(leaves):
            for control in leaf.controls or []:
                threshold = self._tangent(leaf, control) - lower
                supremum = self.supremum(leaf, control.theta)
                if supremum is None or not threshold.is_finite():
                    failed.add(n)
                else:
                    claims.append(Claim(control.theta, supremum, -upward(-threshold)))
                    owners.append(n)
        failed |= {n for n, holds in zip(owners, self.best.proved(claims), strict=True) if not holds}
        for n, leaf in enumerate(leaves):
            leaf.above = n not in failed and leaf.controls is not None
            leaf.lower = -upward(-lower) if leaf.above else -inf

    def at(self, leaf: Leaf, seconds: float) -> tuple[float, float]:
        """Return proved bounds of the quantity at the leaf's point."""
        if leaf.posterior is None:
            return -inf, inf
        theta = leaf.centre.theta
        self.integrals.bounds([] if self.fixed else [(theta, self.supremum(leaf, theta))], seconds)
        with working_precision(BITS):
            low, high = (arb(0), arb(0)) if self.fixed else self._mass(theta)
            if isinstance(self.quantity, LogEvidence):
                rest = self._rest(leaf.centre, leaf, True)
                return -upward(-(low + rest)), upward(high + rest)
            elbo = self._elbo(leaf.centre, leaf.posterior)
            if self.fixed:
                value = elbo + self._rest(leaf.centre, leaf, True)
                return -upward(-value), upward(value)
            return self._gap_from_below(leaf, low), upward(high - elbo)

    def _gap_from_below(self, leaf: Leaf, mass: arb) -> float:
        """Return the statement's upper bound and a little, if the gap at the centre is proved to be larger; else 0."""
        supremum, upper = self.supremum(leaf, leaf.centre.theta), self.statement.upper
        if upper is None or supremum is None:
            return 0.0
        more = float(np.nextafter(float(upper), inf)) + 1e-9
        claim = Claim(leaf.centre.theta, supremum, -upward(arb(more) - mass))
        return more if self.best.proved([claim])[0] else 0.0


@dataclass(frozen=True)
class _Guess:
    """Floats for one leaf: A, its tangent and E* at the control points; A and the best ELBO at the centre."""

    theta: FloatArray
    mass: FloatArray
    tangent: FloatArray
    top: FloatArray
    peak: float
    elbo: float
