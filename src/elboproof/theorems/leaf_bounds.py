r"""Bounds of a quantity over one leaf: a box of the parameters, on which they come from control points b of theta.

For one Gaussian q, and A convex (a logarithm of an integral of exponentials),

    gap <= max_b [A(b) - b . E_q T] + KL(q || prior),
    gap >= min_b [l(b) - E*(b)],    l the tangent of A at the centre c,    E*(b) = sup over all Gaussians of their ELBO.

The second holds since E* is convex in theta, so that l - E* is concave. The tangent needs no derivative: by convexity
l(b) >= A(c) + (A(c) - A(c - h (b - c)))/h. With log w <= log w_c + (w - w_c)/w_c and log w >= its chord, both affine
in theta's space, the same gives log p(x) = A(theta) + const + (D/2) log(w / 2 pi), and the ELBO of one q without
integrals. Where a control point's integral may be infinite, those over |z| <= R stand for it: `truncation`.
"""

import time
from collections.abc import Sequence
from fractions import Fraction
from math import inf

import numpy as np
from flint import arb

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.numbers.outward import above, below
from elboproof.statements import STEP, Box, Gap, LogEvidence, Statement
from elboproof.theorems import sufficient_statistics, tails, truncation
from elboproof.theorems.best_elbo import BestElbo, ElboBound
from elboproof.theorems.certificates import LeafRecord, Pieces
from elboproof.theorems.leaf import Leaf, claim_above, claim_below, greatest, middle
from elboproof.theorems.leaf_estimates import Estimates, Expected, rest
from elboproof.theorems.log_partition import Integrals
from elboproof.theorems.natural import ControlPoint, Natural, Theta
from elboproof.theorems.polynomials import rational

BITS = 128
UNKNOWN = (-inf, inf)


class Judge:
    """Proves bounds over leaves for one statement; ``estimates`` says where that is worth trying."""

    def __init__(self, statement: Statement, natural: Natural) -> None:
        self.statement, self.natural = statement, natural
        self.of_gap = isinstance(statement.quantity, Gap)
        # That of the gap is free up to 0, by Jensen's inequality.
        self.from_below = statement.lower is not None and not (self.of_gap and statement.lower <= 0)
        self.integrals, self.best = Integrals(natural), BestElbo(natural)
        self.estimates = Estimates(statement, natural, self.from_below, self._guessed)
        self.fixed = self.estimates.fixed
        self.within: dict[Fraction, Integrals] = {}
        self._expected: dict[GaussianPosterior, Expected] = {}
        self.suprema: dict[Theta, float | None] = {}
        self.deadline = inf  # of expectations under several latents, on the clock ``time.monotonic()``
        self._squared: set[Box] = set()

    def obstacle(self) -> str:
        """Return why nothing can be proved, empty if it can be tried."""
        # Said before the search: it would reach its limits without it.
        if self.of_gap and self.from_below and not self.best.possible:
            return "lower bounds of the gap need one latent and, beside polynomials, only sin, cos, tanh and sigmoid"
        return ""

    def leaf(self, box: Box) -> Leaf:
        """Return the leaf of a box, its centre where cuts go."""
        point = tuple(middle(low, high) for low, high in box)
        return Leaf(box, point, self.natural.at(point), self.natural.controls(box))

    def holds(self, leaf: Leaf) -> bool:
        """Whether the claims over the leaf give the statement."""
        # By the claims as a certificate writes them, rounded: what holds is what can be checked.
        low, high = self.statement.lower, self.statement.upper
        if high is not None and not (leaf.upper < inf and claim_above(leaf.upper) <= high):
            return False
        if not self.from_below or low is None:
            return True
        return leaf.above or (-inf < leaf.lower and claim_below(leaf.lower) >= low)

    def expected(self, q: GaussianPosterior) -> Expected:
        """Return E_q T and KL(q || prior); what ``deadline`` leaves unknown is infinite."""
        if q in self._expected:
            return self._expected[q]
        found = (
            sufficient_statistics.expectations(self.natural, q, self.deadline),
            sufficient_statistics.divergence(q),
        )
        if time.monotonic() < self.deadline:
            self._expected[q] = found
        return found

    def _guessed(self, q: GaussianPosterior) -> Expected | None:
        """Return E_q T and KL(q || prior) for estimates; None where proved ones are dear for every leaf."""
        dear = len(self.natural.latents) > 1 and self.natural.atoms and not self.fixed
        return None if dear else self.expected(q)

    def supremum(self, leaf: Leaf, theta: Theta) -> float | None:
        """Return an upper bound of theta . T(z) - (3/8)|z|^2, None if none is known."""
        if theta == leaf.centre.theta:  # a point of the box: theta . T + constant = -(w/2)|x - f|^2 <= 0
            return above(-arb(leaf.centre.constant))
        if theta not in self.suprema:
            self.suprema[theta] = tails.supremum(self.natural, theta)
        if self.suprema[theta] is None and leaf.box not in self._squared:
            # Once for each box: squares bound a theta by the box whose control point it is, and another leaf that
            # shares it may know more. What is known is never forgotten.
            self._squared.add(leaf.box)
            for other, bound in tails.quadratic_suprema(self.natural, leaf.box, leaf.point).items():
                if bound is not None or other not in self.suprema:
                    self.suprema[other] = bound
        return self.suprema[theta]

    def prove(self, leaves: Sequence[Leaf], deadline: float) -> None:
        """Prove bounds over leaves; they stay infinite where that fails, or where the time is over."""
        # All integrals of the leaves are taken together, many at once; what the deadline leaves unknown counts
        # as infinite below, so that no bound rests on it.
        wanted: dict[Fraction | None, list[tuple[Theta, float | None]]] = {None: []}
        self.deadline = deadline
        for leaf in leaves:
            if time.monotonic() > deadline:
                return
            part = [(theta, self.supremum(leaf, theta)) for theta in self.wanted(leaf)]
            suprema = [supremum for _, supremum in part]
            leaf.radius = self._radius(leaf, suprema)
            leaf.unbounded = None in suprema and (leaf.radius is None or self._beyond_any_divergence)
            if leaf.radius is not None:
                part = [(t, truncation.supremum(self.natural, t, leaf.radius)) for t, _ in part]
            wanted.setdefault(leaf.radius, []).extend(part)
        for radius, parts in wanted.items():
            self.integrals_to(radius).bounds(parts, deadline)
        with working_precision(BITS):
            for leaf in leaves:
                if self.statement.upper is not None:
                    leaf.upper = above(self._upper(leaf))
                if self.from_below and not self.of_gap:
                    leaf.lower = below(self._lower(leaf))
            if self.of_gap and self.from_below:
                self._prove_gaps_from_below(leaves, deadline)

    def _radius(self, leaf: Leaf, suprema: Sequence[float | None]) -> Fraction | None:
        """Return where to cut the leaf's integrals off, None where all are moderate or a cut of the box comes first."""
        # An exponent that is as large as at the parameters themselves is no sign of a bulk that lies far out.
        most = truncation.LARGEST_WHOLE + 2 * max(0.0, -float(leaf.centre.constant))
        moderate = all(supremum is not None and supremum <= most for supremum in suprema)
        crossing = any(low < 0 < high for low, high in leaf.box)  # such a leaf is cut at 0: `Estimates.axis`
        if moderate or crossing or not truncation.possible(self.natural):
            return None
        return truncation.radius(self.estimates.steering, leaf.controls or [])

    @property
    def _beyond_any_divergence(self) -> bool:
        """Whether best ELBOs are wanted over all Gaussians even where they may be infinite, for want of a method."""
        return self.of_gap and self.from_below and bool(self.natural.atoms)

    def integrals_to(self, radius: Fraction | None) -> Integrals:
        """Return the integrals over |z| <= R, or over the whole space for None."""
        if radius is None:
            return self.integrals
        if radius not in self.within:
            self.within[radius] = Integrals(self.natural, radius)
        return self.within[radius]

    def hopeless(self, leaf: Leaf) -> str:
        """Return why a leaf cannot be proved by any cuts, empty if that is not known."""
        # Only the gap from below asks for more than integrals: the best ELBO at a control point.
        if self._beyond_any_divergence and truncation.stays_unbounded(self.natural, leaf.box):
            return (
                "control points at which the best ELBO over all Gaussians is not seen to be bounded, on however small "
                "a box"
            )
        return ""

    def wanted(self, leaf: Leaf) -> list[Theta]:
        """Return what is integrated for a leaf."""
        # The same list serves for proofs and for the certificate, which thus holds every integral that a claim rests
        # on.
        if self.fixed:
            return []
        controls = leaf.controls or []
        thetas = [control.theta for control in controls] if self.statement.upper is not None else []
        if self.from_below:
            thetas += [leaf.centre.theta, *(leaf.before(control) for control in controls)]
        return thetas

    def _upper(self, leaf: Leaf) -> arb:
        """Return an upper bound over the leaf."""
        # The gap with q fixed, A - theta . E_q T + KL, and A with the tangent of (D/2) log w are convex in (theta, w),
        # an ELBO is affine: over a hull of control points each is largest at one of them.
        return greatest([self._above(leaf, control) for control in leaf.controls or []])

    def _above(self, leaf: Leaf, control: ControlPoint) -> arb:
        if leaf.posterior is None:
            return arb.pos_inf()
        if self.of_gap:
            return self._mass_above(leaf, control) - self._elbo(control, leaf.posterior)
        constant = rest(self.natural, control, leaf, True)
        return constant + (self._elbo(control, self.fixed) if self.fixed else self._mass_above(leaf, control))

    def _lower(self, leaf: Leaf) -> arb:
        """Return a lower bound over the leaf of the evidence or the ELBO."""
        # A lies above its tangent, log w above its chord: the sum is affine in (theta, w), least at a control point.
        values = []
        for control in leaf.controls or []:
            body = self._elbo(control, self.fixed) if self.fixed else self._tangent(leaf, control)
            values.append(body + rest(self.natural, control, leaf, False))
        return -greatest([-value for value in values])

    def _elbo(self, control: ControlPoint, q: GaussianPosterior) -> arb:
        """Return theta . E_q T - KL(q || prior)."""
        expected, divergence = self.expected(q)
        return sum((arb(v) * e for v, e in zip(control.theta, expected, strict=True)), -divergence)

    def _mass(self, theta: Theta, radius: Fraction | None = None) -> tuple[arb, arb]:
        low, high = self.integrals_to(radius).known.get(theta, UNKNOWN)
        return arb(low), arb(high)

    def _mass_above(self, leaf: Leaf, control: ControlPoint) -> arb:
        """Return the upper bound of A at a control point, or what stands for it beyond R."""
        high = self._mass(control.theta, leaf.radius)[1]
        if leaf.radius is None:
            return high
        return truncation.with_tail(high, arb(control.constant), leaf.radius)

    def _tangent(self, leaf: Leaf, control: ControlPoint) -> arb:
        """Return a lower bound of the tangent of A at the centre, taken at a control point."""
        # With d = b - c, A(c - h d) >= A(c) - h A'(c) d by convexity, so A'(c) d >= (A(c) - A(c - h d)) / h.
        # A_R's tangent lies below A_R, and so below A.
        centre, before = (self._mass(t, leaf.radius) for t in (leaf.centre.theta, leaf.before(control)))
        return centre[0] + (centre[0] - before[1]) / arb(rational(STEP))

    def _prove_gaps_from_below(self, leaves: Sequence[Leaf], deadline: float) -> None:
        """Prove E*(b) <= l(b) - lower for every control point b of a leaf, or leave it open."""
        # gap(theta) = A - E* >= l - E*, which is concave on the hull of the control points: least at one of them.
        claims, owners = [], []
        lower = arb(rational(self.statement.lower or Fraction(0)))
        failed = set()
        for n, leaf in enumerate(leaves):
            controls = leaf.controls or []
            thresholds = [self._tangent(leaf, control) - lower for control in controls]
            within = truncation.divergence(leaf, thresholds)
            for control, threshold in zip(controls, thresholds, strict=True):
                supremum = self.supremum(leaf, control.theta) if within == inf else below(threshold)
                if supremum is None or not threshold.is_finite():
                    failed.add(n)
                else:
                    claims.append(ElboBound(control.theta, supremum, below(threshold), within))
                    owners.append(n)
        tried = [k for k, n in enumerate(owners) if n not in failed]  # a leaf needs all of its claims
        claims, owners = [claims[k] for k in tried], [owners[k] for k in tried]
        proved = self.best.proved(claims, deadline)
        failed |= {n for n, holds in zip(owners, proved, strict=True) if not holds}
        for n, leaf in enumerate(leaves):
            leaf.above = n not in failed and leaf.controls is not None
            leaf.lower = below(lower) if leaf.above else -inf

    def pieces(self, leaves: Sequence[Leaf]) -> Pieces:
        """Return what proved leaves and the integrals that they rest on are in a certificate."""
        # Claims are rounded away from what was proved (`claim_above`), but for the gap's lower bound: that is proved as
        # it was stated. The centre is what the tangents were taken at.
        low, high = self.statement.lower, self.statement.upper
        records = [
            LeafRecord(
                leaf.box,
                leaf.point if self.from_below or not self.of_gap else None,
                leaf.posterior if self.of_gap and high is not None else None,
                None if not self.from_below else low if self.of_gap else claim_below(leaf.lower),
                None if high is None else claim_above(leaf.upper),
                leaf.radius,
            )
            for leaf in leaves
        ]
        pairs = [(theta, leaf.radius) for leaf in leaves for theta in self.wanted(leaf)]
        return Pieces(
            records,
            {
                (tuple(map(str, theta)), "" if radius is None else str(radius)): self.integrals_to(
                    radius
                ).known[theta]
                for theta, radius in pairs
            },
        )

    def at(self, leaf: Leaf, deadline: float) -> tuple[float, float]:
        """Return proved bounds of the quantity at the leaf's point."""
        # One exact point of the box: no hull and no tangent, only integrals and an ELBO. A gap is at least its upper
        # bound only if no Gaussian at all does better, which `_gap_from_below` proves.
        if leaf.posterior is None:
            return UNKNOWN
        theta, self.deadline = leaf.centre.theta, deadline
        self.integrals.bounds([] if self.fixed else [(theta, self.supremum(leaf, theta))], deadline)
        with working_precision(BITS):
            low, high = (arb(0), arb(0)) if self.fixed else self._mass(theta)
            constant = rest(self.natural, leaf.centre, leaf, True)  # exact at the centre
            if isinstance(self.statement.quantity, LogEvidence):
                return below(low + constant), above(high + constant)
            elbo = self._elbo(leaf.centre, leaf.posterior)
            if self.fixed:
                return below(elbo + constant), above(elbo + constant)
            return self._gap_from_below(leaf, low, deadline), above(high - elbo)

    def _gap_from_below(self, leaf: Leaf, mass: arb, deadline: float) -> float:
        """Return the statement's upper bound and a little, if the gap at the centre is proved to be larger; else 0."""
        # gap = A - sup ELBO >= more, if no ELBO exceeds A - more; the lower end of A's ball counts.
        supremum, upper = self.supremum(leaf, leaf.centre.theta), self.statement.upper
        if upper is None or supremum is None:
            return 0.0
        more = float(np.nextafter(float(upper), inf)) + 1e-9
        claim = ElboBound(leaf.centre.theta, supremum, below(mass - more))
        return more if self.best.proved([claim], deadline)[0] else 0.0
