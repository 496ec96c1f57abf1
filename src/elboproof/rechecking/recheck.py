"""`recheck`: verify a certificate without the search that made it.

What is verified: the leaves cover the box (they do not overlap, and their volumes add up to the box's, exactly); the
control points of each leaf, by polarisation; every integral, by ``acb.integral`` or the trapezoidal rule and a tail of
its own, or cut off at |z| = R with a bound of the rest that holds at all parameters; every claim of a leaf; and that
the leaves' claims give the statement. What is trusted: the parser of expressions, SymPy's expansion of polynomials,
FLINT's balls and integrator, and the theorems named in `leaves`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil, inf, prod
from pathlib import Path

from flint import arb

from elboproof.arguments import file_path, shown, suggesting
from elboproof.model.evidence_format import EVIDENCE_SCHEMA
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.numbers.outward import below
from elboproof.rechecking import best_posterior, trapezoids
from elboproof.rechecking.best_posterior import Threshold
from elboproof.rechecking.document import CertificateError, Document, LeafClaim, loaded
from elboproof.rechecking.evidence import ProvedEvidence, verified
from elboproof.rechecking.evidence_document import evidence_claim
from elboproof.rechecking.expectations import expectation
from elboproof.rechecking.functions import Exponent, Function, combined
from elboproof.rechecking.integral_claims import IntegralClaims, Part
from elboproof.rechecking.integration import BITS, Unable, powers
from elboproof.statements import STEP, Elbo, Gap, Quantity, Statement


@suggesting
def recheck(path: str | Path) -> Statement | ProvedEvidence:
    """Verify a certificate file and return the statement that it proves, or the bounds of a model's log p(x).

    Parameters
    ----------
    path
        A file that ``proof.certificate.save`` wrote, or ``ep.log_evidence(..., certificate=path)``.

    Returns
    -------
    Statement or ProvedEvidence
        Printed, it is one sentence.

    Raises
    ------
    TypeError, ValueError
        If ``path`` is no path.
    CertificateError
        If it does not prove the statement, or cannot be verified; the message says what is wrong.
    OSError
        If the file cannot be read.

    Notes
    -----
    There is no limit on time: a verification that stops half-way has verified nothing. It ends because all that it does
    is finite, whatever the file holds: numbers have at most 14,000 bits, leaves, integrals and cells are gone through
    once, integrands are evaluated a bounded number of times, those of two latents at 4 million nodes at most, and the
    search for a better Gaussian looks at 20,000 cells of each function at most. A file made to be slow may still take
    long.

    Examples
    --------
    >>> import tempfile
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z**2"], ep.Gaussian(variance="1/4"))
    >>> with tempfile.NamedTemporaryFile(suffix=".json") as file:
    ...     _ = ep.log_evidence(model, ["1/2"], digits=4, certificate=file.name)
    ...     print(ep.recheck(file.name))
    log p(x) = -0.77025(7) for x = (0.5), latents z
    """
    # Whatever is raised on the way refuses the certificate: nothing is returned but by reaching the end.
    content = loaded(file_path(path, "path"))
    try:
        if content["schema"] == EVIDENCE_SCHEMA:
            return verified(evidence_claim(content))
        with working_precision(BITS):
            document = Document(content)
            _Checker(document).run()
    except CertificateError:
        raise
    except Exception as error:  # whatever a hostile file brings about, nothing was verified
        raise CertificateError(f"certificate: cannot be verified: {error}") from error
    return document.statement


@dataclass
class _Checker:
    """The verification of one document."""

    document: Document
    exponent: Exponent = field(init=False)
    integrals: IntegralClaims = field(init=False)
    expected: dict[tuple[Part, GaussianPosterior], arb] = field(default_factory=dict)
    thresholds: list[tuple[LeafClaim, Threshold]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exponent = Exponent(self.document.statement.quantity, self.document.names)
        self.integrals = IntegralClaims(self.document, tuple(self.exponent.latents))

    @property
    def quantity(self) -> Quantity:
        return self.document.statement.quantity

    def run(self) -> None:
        """Raise unless everything holds."""
        # gap >= lower for lower <= 0 is Jensen's inequality and needs no leaf, but v > 0; every other bound is
        # required of every leaf, and the leaves cover the box.
        statement = self.document.statement
        by_jensen = isinstance(self.quantity, Gap) and statement.lower is not None and statement.lower <= 0
        if by_jensen and statement.upper is None:
            self.exponent.require_positive(self.document.box)
            return
        _require_cover(self.document.leaves, self.document.box)
        self.integrals.require()
        for leaf in self.document.leaves:
            if statement.upper is not None:
                self._require_upper(leaf, statement.upper)
            if statement.lower is not None and not by_jensen:
                self._require_lower(leaf, statement.lower)
        self._require_no_better_gaussian()

    def _mass(self, function: Function, leaf: LeafClaim) -> arb:
        """Return the integral of the whole exponent, constant included; it must be among the claims."""
        key = function.key, leaf.radius
        if key not in self.integrals.claimed:
            raise CertificateError(f"{leaf.name}: one of its integrals is missing in the certificate")
        return self.integrals.value(key) + ball_of(function.constant)

    def _mass_above(self, function: Function, leaf: LeafClaim) -> arb:
        """Return what is at least the integral at the parameters of the leaf, and convex over its control points."""
        # At parameters the whole exponent is -(w/2) |x - f|^2 <= 0: so the integral beyond R is at most P(|Z| > R), Z ~
        # N(0, 1), there. log(exp(A_R) + P(|Z| > R)) is convex in the exponent, as a logarithm of a sum of exponentials
        # of affine functions. A control point's own exponent may grow beyond R, which does not matter.
        mass = self._mass(function, leaf)
        if leaf.radius is None:
            return mass
        return (mass.exp() + (ball_of(leaf.radius) / arb(2).sqrt()).erfc()).log()

    def _elbo(self, function: Function, q: GaussianPosterior) -> arb:
        """Return E_q[exponent] - KL(q || prior)."""
        pair = function.key, q
        if pair not in self.expected:
            self.expected[pair] = expectation(dict(function.key), tuple(self.exponent.latents), q)
        return self.expected[pair] + ball_of(function.constant) - _divergence(q)

    # -- leaves --

    def _require_upper(self, leaf: LeafClaim, bound: Fraction) -> None:
        # At each control point the value is at most the claim, and the bounded function is convex there: so it is
        # over the leaf. `not (a <= b)` refuses undecided and NaN.
        if leaf.upper is None or leaf.upper > bound:
            raise CertificateError(
                f"{leaf.name}.bounds: got the upper bound {shown(leaf.upper)}; expected one up to {bound}"
            )
        values = [self._above(leaf, control) for control in self.exponent.controls(leaf.box)]
        if not all(value <= ball_of(leaf.upper) for value in values):
            worst = max(float(value.upper()) for value in values)
            raise CertificateError(
                f"{leaf.name}.bounds: got the upper bound {float(leaf.upper):.10g}; only {worst:.10g} holds"
            )

    def _above(self, leaf: LeafClaim, control: Function) -> arb:
        # gap <= A - E_q[exponent] + KL for any q; log p and the ELBO have (D/2) log w below its tangent at w_c.
        if isinstance(self.quantity, Gap):
            if leaf.posterior is None:
                raise CertificateError(f"{leaf.name}.posterior: got none; expected a Gaussian")
            if len(leaf.posterior.mean) != len(self.exponent.latents):
                raise CertificateError(f"{leaf.name}.posterior: got {len(leaf.posterior.mean)} latents")
            return self._mass_above(control, leaf) - self._elbo(control, leaf.posterior)
        body = (
            self._elbo(control, self.quantity.q)
            if isinstance(self.quantity, Elbo)
            else self._mass_above(control, leaf)
        )
        centre = ball_of(self.exponent.at(self._centre(leaf)).weight)
        slope = (ball_of(control.weight) - centre) / centre
        return body + (centre.log() + slope - _log_two_pi()) * self.exponent.data_dim / 2

    def _centre(self, leaf: LeafClaim) -> tuple[Fraction, ...]:
        if leaf.centre is None:
            raise CertificateError(f"{leaf.name}.centre: got none; expected a point")
        return leaf.centre

    def _require_lower(self, leaf: LeafClaim, bound: Fraction) -> None:
        # log w is above its chord over the leaf's interval of w, whose ends are the control points' w.
        if leaf.lower is None or leaf.lower < bound:
            raise CertificateError(
                f"{leaf.name}.bounds: got the lower bound {shown(leaf.lower)}; expected one from {bound}"
            )
        controls = self.exponent.controls(leaf.box)
        if isinstance(self.quantity, Gap):
            within = self._divergence_within(leaf, controls, leaf.lower)
            found = [self._threshold(leaf, control, leaf.lower) for control in controls]
            self.thresholds += [(leaf, replace(threshold, within=within)) for threshold in found]
            return
        for control in controls:
            fixed = self.quantity.q if isinstance(self.quantity, Elbo) else None
            body = self._elbo(control, fixed) if fixed else self._tangent(leaf, control)
            log_w = ball_of(control.weight).log() - _log_two_pi()
            if not body + log_w * self.exponent.data_dim / 2 >= ball_of(leaf.lower):
                raise _not_from_below(leaf)

    def _tangent(self, leaf: LeafClaim, control: Function) -> arb:
        """Return A(c) + (A(c) - A(c - h (b - c)))/h, a lower bound of A's tangent, by convexity."""
        # With d = b - c: A(c - h d) >= A(c) - h A'(c) d, so A'(c) d >= (A(c) - A(c - h d))/h, for any h > 0. Lower
        # ends of balls count: the comparison that follows needs all of the ball. With R, this is about A_R, which is
        # convex as well and lies below A.
        centre = self.exponent.at(self._centre(leaf))
        before = Function(combined([(centre.terms, 1 + STEP), (control.terms, -STEP)]), centre.weight)
        mass = self._mass(centre, leaf)
        return mass + (mass - self._mass(before, leaf)) / ball_of(STEP)

    def _threshold(self, leaf: LeafClaim, control: Function, bound: Fraction) -> Threshold:
        """Return what no ELBO may exceed at a control point, for the gap to be at least the bound over the leaf."""
        # gap = A - E* >= l - E*, concave over the hull: the least value is at a control point, and there E* <= l -
        # bound is what is left to prove. Rounded down.
        if len(self.exponent.latents) != 1:
            raise CertificateError(f"{leaf.name}: lower bounds of the gap are verified for one latent only")
        threshold = self._tangent(leaf, control) - ball_of(control.constant) - ball_of(bound)
        return Threshold(dict(control.key), below(threshold))

    def _divergence_within(self, leaf: LeafClaim, controls: Sequence[Function], bound: Fraction) -> float:
        """Return a K such that no ELBO with KL(q || prior) >= K exceeds l - bound over the leaf; infinite without R."""
        # At parameters the whole exponent is at most 0, and its ELBO at most -KL. l - bound is affine and, at each
        # control point, at least -K by the choice of K, which may be larger: so it is everywhere. The other Gaussians'
        # ELBOs are affine in the exponent, and bounded at the control points.
        if leaf.radius is None:
            return inf
        least = min(below(self._tangent(leaf, control) - ball_of(bound)) for control in controls)
        return float(ceil(-least) + 1)

    def _require_no_better_gaussian(self) -> None:
        claims = [threshold for _, threshold in self.thresholds]
        z = self.exponent.latents[0]
        polynomial = all(powers(z, claim.function) is not None for claim in claims)
        # `trapezoids` compares all Gaussians, whatever divergence is asked for: more than is needed.
        try:
            holds = (best_posterior if polynomial else trapezoids).bounded(claims, z)
        except Unable as reason:
            raise CertificateError(f"leaves: cannot be verified: {reason}") from reason
        for (leaf, _), good in zip(self.thresholds, holds, strict=True):
            if not good:
                raise _not_from_below(leaf)


def _not_from_below(leaf: LeafClaim) -> CertificateError:
    bound = float(leaf.lower or 0)
    return CertificateError(f"{leaf.name}.bounds: the lower bound {bound:.10g} could not be verified")


def _require_cover(leaves: Sequence[LeafClaim], box: Sequence[tuple[Fraction, Fraction]]) -> None:
    """Raise unless the leaves do not overlap and have the box's volume.

    They are closed and lie in the box; a hole would be open in it, and so have a volume.
    """
    # Sorted by their low ends along the first axis, only leaves that begin before one ends can overlap it. Exact
    # rationals.
    ordered = sorted(leaves, key=lambda leaf: leaf.box[0])
    for n, leaf in enumerate(ordered):
        for other in ordered[n + 1 :]:
            if other.box[0][0] >= leaf.box[0][1]:
                break
            if all(a < d and c < b for (a, b), (c, d) in zip(leaf.box, other.box, strict=True)):
                raise CertificateError(f"leaves: {leaf.name} and {other.name} overlap")
    volume = sum((prod(high - low for low, high in leaf.box) for leaf in leaves), Fraction(0))
    whole = prod(high - low for low, high in box)
    if volume != whole:
        raise CertificateError(
            f"leaves: they cover {float(volume / whole):.6g} of the box; expected all of it"
        )


@lru_cache(maxsize=4096)
def _divergence(q: GaussianPosterior) -> arb:
    """Return KL(q || N(0, I))."""
    # (|m|^2 + tr S - d - log det S)/2, with log det S from the entropy.
    size = len(q.mean)
    squares = sum((m * m for m in q.mean), Fraction(0)) + sum(
        (q.covariance[i][i] for i in range(size)), Fraction(0)
    )
    with working_precision(BITS):
        log_det = 2 * q.entropy() - size * (1 + (2 * arb.pi()).log())
        return (ball_of(squares) - size - log_det) / 2


def _log_two_pi() -> arb:
    return (2 * arb.pi()).log()
