"""For the check: the integrand of an evidence, p(x, z(t)) |dz/dt| / e^s, in balls, written down once more."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

from flint import acb, arb

from elboproof.model.latent_model import NetworkModel
from elboproof.model.priors import Normal, Uniform
from elboproof.numbers.exact import ball_of
from elboproof.numbers.symmetric import ldl
from elboproof.rechecking.densities import density
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.elementary import real_exp, real_square
from elboproof.rechecking.evaluation import Expressions, Layers, Outputs, Point
from elboproof.rechecking.evidence_document import EvidenceClaim
from elboproof.rechecking.integration import Unable
from elboproof.rechecking.tiling import determinant, frame_excess, probability_outside


class Integrand:
    """F(t) for one x; s is in the middle of the claim, so that F integrates to about 1. At one precision throughout.

    Attributes
    ----------
    outside : arb
        An upper bound of the integral of F outside of the cells' box.

    Raises
    ------
    Unable
        If a part of the model has no method here.
    CertificateError
        If the box or the frame are not the prior's.
    """

    def __init__(self, claim: EvidenceClaim) -> None:
        model, prior = claim.model, claim.model.prior
        if isinstance(model, NetworkModel):
            self._outputs: Outputs = Layers(model.network)
        else:
            self._outputs = Expressions(model.decoder, model.latents)
        self.shift = ball_of((claim.lower + claim.upper) / 2)
        self._density = density(model.likelihood, claim.x, model.output_dim)
        if isinstance(prior, Normal):
            self._normal(claim, prior)
        elif isinstance(prior, Uniform):
            self._uniform(claim, prior)
        else:
            raise Unable(f"a {type(prior).__name__} prior")
        self._constant = self._density.constant + self._log_jacobian - self.shift

    def _normal(self, claim: EvidenceClaim, prior: Normal) -> None:
        # z = m + L sqrt(D) w, w = A t: p(z) dz = N(w; 0, I) |det A| dt, and |w|^2 = |t|^2 + t'(A'A - I) t
        d, frame = claim.model.latent_dim, claim.frame
        mean: Sequence[Fraction] = prior.mean or (Fraction(0),) * d
        unit, pivots = ldl(prior.covariance or _identity(d))
        roots = [ball_of(Fraction(pivot)).sqrt() for pivot in pivots]
        lower = [
            [ball_of(Fraction(entry)) * root for entry, root in zip(row, roots, strict=True)] for row in unit
        ]
        turned = [[ball_of(entry) for entry in row] for row in frame]
        self._slopes = [
            [sum((a * turned[j][k] for j, a in enumerate(row)), arb(0)) for k in range(d)] for row in lower
        ]
        self._centre = [ball_of(m) for m in mean]
        excess = frame_excess(frame)
        self._excess = [
            (j, k, ball_of(excess[j][k])) for j in range(d) for k in range(d) if excess[j][k] != 0
        ]
        self._gaussian = True
        size = abs(determinant(frame))  # the volume of a unit cell of t
        if not size:
            raise CertificateError("frame: got a singular matrix; expected a rotation, about")
        self._log_jacobian = ball_of(size).log() - d * (2 * arb.pi()).log() / 2
        beyond = (self._density.log_supremum - self.shift).exp() * probability_outside(frame, claim.box)
        self.outside = beyond.upper()

    def _uniform(self, claim: EvidenceClaim, prior: Uniform) -> None:
        d = claim.model.latent_dim
        if [list(row) for row in claim.frame] != _identity(d):
            raise CertificateError("frame: got one that turns; expected the identity, for a uniform prior")
        if claim.box != ((Fraction(-1), Fraction(1)),) * d:
            raise CertificateError(
                "box: got another one; expected [-1, 1] for each latent, for a uniform prior"
            )
        ends = [(Fraction(a), Fraction(b)) for a, b in prior.domain(d)]
        self._centre = [ball_of((a + b) / 2) for a, b in ends]
        self._slopes = [
            [ball_of((b - a) / 2) if j == k else arb(0) for k in range(d)] for j, (a, b) in enumerate(ends)
        ]
        self._gaussian, self._excess = False, []
        self._log_jacobian = -ball_of(Fraction(prod([2] * d))).log()
        self.outside = arb(0)

    def values(self, points: Sequence[Sequence[arb]]) -> list[arb]:
        """Return F at each point, or over each box."""
        outputs = self._outputs([self._latents(t) for t in points], real=True)
        return [self._value(t, f) for t, f in zip(points, outputs, strict=True)]

    def sizes(self, points: Sequence[Sequence[acb]]) -> list[arb]:
        """Return upper bounds of |F| over rectangles; infinite where F is not known to be analytic there."""
        outputs = self._outputs([self._latents(t) for t in points], real=False)
        return [self._size(t, f) for t, f in zip(points, outputs, strict=True)]

    def _latents(self, t: Point) -> list[Any]:
        return [
            sum((slope * value for slope, value in zip(row, t, strict=True)), centre)
            for row, centre in zip(self._slopes, self._centre, strict=True)
        ]

    def _value(self, t: Sequence[arb], outputs: Sequence[arb]) -> arb:
        exponent, factor = self._density.parts(outputs)
        exponent += self._constant
        if self._gaussian:
            exponent -= sum((real_square(value) for value in t), arb(0)) / 2
            exponent -= sum((t[j] * t[k] * entry for j, k, entry in self._excess), arb(0)) / 2
        return real_exp(exponent) * factor

    def _size(self, t: Sequence[acb], outputs: Sequence[acb]) -> arb:
        # |exp(w)| = exp(Re w), and the real part of (a + ib)^2 is a^2 - b^2
        if not all(f.is_finite() for f in outputs):
            return arb("inf")
        exponent, factor = self._density.sizes(outputs)
        exponent += self._constant
        if self._gaussian:
            exponent -= sum((real_square(one.real) - real_square(one.imag) for one in t), arb(0)) / 2
            exponent -= sum((t[j] * t[k] * entry for j, k, entry in self._excess), acb(0)).real / 2
        return above_size(real_exp(exponent) * factor)


def _identity(d: int) -> list[list[Fraction]]:
    return [[Fraction(int(i == j)) for j in range(d)] for i in range(d)]


def above_size(value: arb) -> arb:
    """Return an upper bound of |value|, infinite where it is not known."""
    bound = value.abs_upper()
    return bound if bound.is_finite() else arb("inf")
