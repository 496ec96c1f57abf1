r"""Expectations under p(z|x) as ratios of integrals, proved.

With F(z) = p(z) p(x|z), B the box of `root` and u = (g - c)/s, of which e^(asinh u) = u + sqrt(1 + u^2) > 0 is the one
and e^(-asinh u) = sqrt(1 + u^2) - u > 0 the other part,

    int_B u F = (int_B e^(asinh u) F - int_B e^(-asinh u) F) / 2,

so that a g of either sign is two integrals of positive functions, whose logarithms the engine proves, and no digits are
lost where |u| is about 1. Outside of B, int |g| F and int F are bounded by `root`.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr

from elboproof.evidence.log_evidence import CELLS, evidence_of
from elboproof.expectations.rising_precision import stopped
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel
from elboproof.model.mixture import Mixture
from elboproof.model.quantities import Interval
from elboproof.numbers.balls import working_precision
from elboproof.posterior.region import LEAST_TIME, LogMass, log_mass, region, told
from elboproof.posterior.root import BITS, Root, prior_square, root_of

ROUGH = 2.0
"""Digits of the first look at how large a quantity is."""
SPARE = 0.7
"""Digits of the logarithms, more than the ratio's: a ratio has the errors of two or three of them."""
LARGE = 4.0
"""Sizes of g from which it is centred and scaled."""
ROUNDS = 3
STOPPED = "stopped by "
WHOLE, ONE = sympy.Integer(0), sympy.Integer(1)
ZERO = arb(0)
Answer = tuple[arb, str]
"""A ball, and why it has not the digits."""


@dataclass
class Ratios:
    """The integrals of one posterior; what is proved of the evidence is kept.

    It is kept by the digits that were asked, so that no answer depends on what was asked before.
    """

    model: LatentModel
    data: Data
    digits: float
    _whole: dict[float, LogMass] = field(default_factory=dict, init=False)
    _roots: dict[Expr, tuple[Root, arb]] = field(default_factory=dict, init=False)

    @property
    def bits(self) -> int:
        """The precision of sums and ratios: enough for the digits asked."""
        return BITS + math.ceil(4 * self.digits)

    def evidence(self, digits: float, deadline: float) -> LogMass:
        """Return log p(x)."""
        known = self._whole.get(digits)
        if known is None or known.status:
            left = max(deadline - time.monotonic(), LEAST_TIME)
            known = told(evidence_of(self.model, self.data, digits, seconds=left, most_cells=CELLS))
            self._whole[digits] = known
        return known

    def root(self, g: Expr, deadline: float) -> tuple[Root, arb]:
        """Return the box for g, made once, and an upper bound of the integral of |g| F outside of it."""
        if g not in self._roots:
            lower = self.evidence(ROUGH, deadline).lower
            middle = float(lower.mid()) if lower.is_finite() else 0.0
            left = max(deadline - time.monotonic(), LEAST_TIME)
            square = arb(1) if g == ONE else prior_square(self.model, g, left)
            root = root_of(self.model, self.data, middle, self.digits, square)
            with working_precision(self.bits):
                self._roots[g] = root, root.moment(square)
        return self._roots[g]

    def outside(self, deadline: float) -> Answer:
        """Return an upper bound of the probability outside of the box, and why there is none."""
        root, _ = self.root(ONE, deadline)
        whole = self.evidence(ROUGH, deadline)
        with working_precision(self.bits):
            share = _share(root.mass(), whole)
        return share, "" if share.is_finite() else whole.status.rpartition(STOPPED)[2]

    def probability(self, box: Sequence[Interval], digits: float, deadline: float) -> Answer:
        """Return P(z in the box | x)."""
        domain = self.model.prior.domain(self.model.latent_dim)
        if all(a <= low and high <= b for (a, b), (low, high) in zip(box, domain, strict=True)):
            return arb(1), ""
        root, _ = self.root(ONE, deadline)
        inner = [(max(a, low), min(b, high)) for (a, b), (low, high) in zip(box, root.box, strict=True)]
        fine = digits + SPARE
        if all(low < high for low, high in inner):
            part = log_mass(region(self.model, inner, WHOLE, {}), self.data, fine, deadline)
        else:
            part = LogMass(arb.neg_inf(), arb.neg_inf(), "")
        whole = self.evidence(fine, deadline)
        with working_precision(self.bits):
            ball = part.ratio(whole)
            ball = ball.union(ball + _share(root.mass(), whole))
            ball = _between(ball, arb(0), arb(1))
            return ball, _status(ball, digits, part.status or whole.status)

    def expectation(self, g: Expr, digits: float, deadline: float) -> Answer:
        """Return E[g | x]."""
        # most functions are about 1 in size; of others it is seen at once, and they are looked at in their own scale
        centre, scale, size = Fraction(0), Fraction(1), LARGE
        found: Answer = arb(0, math.inf), "no time was left"
        for n in range(ROUNDS):
            fine = digits + math.log10(max(float(scale) * size, LARGE) / LARGE)
            ball, size, why = self._expected(g, centre, scale, fine, deadline)
            found = ball, _status(ball, digits, why)
            if not found[1] or why or size == math.inf:
                break
            if n == 0 and size > LARGE:
                centre, scale, size = self._scaled(g, ball, size, deadline)
        return found

    def _scaled(self, g: Expr, ball: arb, size: float, deadline: float) -> tuple[Fraction, Fraction, float]:
        """Return c, s and the size of u for a large g, floats that steer; c and s are numbers of few bits."""
        centre = Fraction(float(ball.mid())).limit_denominator(1000)
        _, spread, _ = self._expected(g, centre, Fraction(1), ROUGH, deadline)
        return centre, Fraction(2) ** math.ceil(math.log2(spread if spread < math.inf else size)), 2.0

    def _expected(
        self, g: Expr, centre: Fraction, scale: Fraction, digits: float, deadline: float
    ) -> tuple[arb, float, str]:
        """Return E[g | x], E sqrt(1 + u^2) as a float, and what stopped the proofs."""
        (root, outside), fine = self.root(g, deadline), digits + SPARE
        u = (g - _number(centre)) / _number(scale)
        parts = [
            log_mass(region(self.model, root.box, sign * sympy.asinh(u), {}), self.data, fine, deadline)
            for sign in (1, -1)
        ]
        whole = self.evidence(fine, deadline)
        with working_precision(self.bits):
            up, down = (part.ratio(whole) for part in parts)
            # int_B F = p(x) - int_outside F; what g has outside is not seen, and bounded
            inside = 1 - ZERO.union(_share(root.mass(), whole))
            beyond = _share(outside, whole)
            ball = _ball(centre) * inside + _ball(scale) * (up - down) / 2 + (-beyond).union(beyond)
            size = float(((up + down) / 2).mid()) if up.is_finite() and down.is_finite() else math.inf
        return ball, size, next((part.status for part in (*parts, whole) if part.status), "")

    def density(self, k: int, at: Fraction, digits: float, deadline: float) -> Answer:
        """Return p(z_k = at | x)."""
        low, high = self.model.prior.domain(self.model.latent_dim)[k]
        if not low <= at <= high:
            return arb(0), ""
        extra, found = 0.0, (arb(0, math.inf), "no time was left")
        for _ in range(ROUNDS):
            fine = digits + SPARE + extra
            part, whole = self._slice(k, at, fine, deadline), self.evidence(fine, deadline)
            with working_precision(self.bits):
                ball, why = part.ratio(whole), part.status or whole.status
                found = ball, _status(ball, digits, why)
            if not found[1] or why:
                break
            extra = math.log10(max(float(ball.mid()), 1.0))
        return found

    def _slice(self, k: int, at: Fraction, digits: float, deadline: float) -> LogMass:
        """Return log of the integral of F over the other latents; of one latent, of log F itself."""
        model = self.model
        if model.latent_dim > 1:
            prior = model.prior
            # of a mixture's density no tail is known, of each component's it is
            parts = prior.components if isinstance(prior, Mixture) else (prior,)
            weights = prior.weights if isinstance(prior, Mixture) else (Fraction(1),)
            slices = [region(model.with_prior(p), p.domain(model.latent_dim), WHOLE, {k: at}) for p in parts]
            masses = [log_mass(one, self.data, digits, deadline) for one in slices]
            with working_precision(self.bits):
                return _summed(masses, weights)
        with working_precision(self.bits):
            energy: arb = model.balls.energy([at], self.data.rows[0])
            return LogMass((-energy).lower(), (-energy).upper(), "")


def _summed(parts: Sequence[LogMass], weights: Sequence[Fraction]) -> LogMass:
    """Return the log of a weighted sum of integrals; of a lower end that is not finite nothing is known but 0."""
    pairs = list(zip(parts, weights, strict=True))
    low = sum((_ball(w) * p.lower.exp() for p, w in pairs if p.lower.is_finite()), arb(0)).lower()
    high = sum((_ball(w) * p.upper.exp() for p, w in pairs), arb(0)).upper()
    lower = low.log().lower() if low > 0 else arb.neg_inf()
    return LogMass(lower, high.log().upper(), next((p.status for p in parts if p.status), ""))


def _share(mass: arb, whole: LogMass) -> arb:
    """Return an upper bound of a mass over p(x), infinite where p(x) has no lower bound."""
    if mass == 0:
        return arb(0)
    if not whole.lower.is_finite():
        return arb.pos_inf()
    share: arb = (mass / whole.lower.exp()).upper()
    return share


def _between(ball: arb, low: arb, high: arb) -> arb:
    """Return what a ball has in common with [low, high], which is known to hold the number."""
    lower, upper = max(ball.lower(), low), min(ball.upper(), high)
    both: arb = lower.union(upper)
    return both if lower <= upper else ball


def _status(ball: arb, digits: float, why: str) -> str:
    if ball.is_finite() and ball.rad() <= arb(10) ** -arb(digits):
        return ""
    # a proof's own status says of its logarithm how far it came, too: what stopped it stands last
    return stopped(ball, digits, why.rpartition(STOPPED)[2] or "the limits")


def _number(value: Fraction) -> Expr:
    return sympy.Rational(value.numerator, value.denominator)


def _ball(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator
