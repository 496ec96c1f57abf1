r"""A curve decoder in its unit-speed parameter: the same p(x), other Gaussians.

For one latent, a Gaussian likelihood and a regular curve f, let t = L(z) be the arc length from f(0). With the prior
pushed forward, p_T(t) = N(z(t); 0, 1) z'(t), and the decoder f(z(t)), which has the speed 1,

    p(x) = int p(x | f(z(t))) p_T(t) dt = int p(x | f(z)) N(z; 0, 1) dz

is what it was (change of variables: the volume element is z'(t) dt), while q Gaussian in t is another family than q
Gaussian in z: a model with a flow as its prior, or equally the model as it was with pulled-back q. For x = f(z(t0)) and
C = sigma^2 I the gap at the mode there has the series kappa^4 sigma^4 / 48 + O(sigma^6), kappa the curvature at t0; for
q Gaussian in z it begins with (3/4) sigma^2 (f'.f'')^2 / |f'|^6. Both are proved by no function here: each number is,
at its sigma.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy
from flint import arb

from elboproof.arguments import Sealed, bad, require_positive, suggesting, wrong_type
from elboproof.evidence.log_evidence import log_evidence
from elboproof.model.data import exact_rows
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.gaussian_posteriors import GaussianPosteriors, posteriors_for
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.likelihood import Gaussian
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import Exact, ball_of, exact
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.elbo import undecided
from elboproof.posterior.gap import below_evidence, has_gaussian_posterior
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.posterior.unit_speed_curve import Curve
from elboproof.posterior.unit_speed_regular import Regular, proved_regular
from elboproof.posterior.unit_speed_stationary import best_point, elbo_of, sharpened

BITS = 120
"""Of arc lengths: more than a double holds."""
KINKS = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside)


@suggesting
@dataclass(frozen=True)
class UnitSpeed(Sealed):
    """A model with its latent z replaced by the arc length t of its decoder; made by ``ep.unit_speed``.

    Attributes
    ----------
    model : LatentModel
        The model in z.
    curve, regular
        How arc lengths are enclosed, and the proof that the curve is regular.
    """

    model: LatentModel
    curve: Curve = field(repr=False, compare=False)
    regular: Regular = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the model: the hypotheses are proved again."""
        return unit_speed, (self.model,)

    def arc_length(self, z: Exact) -> Enclosure:
        """Return t = L(z), in the unit of x: the length of the curve from f(0) to f(z), negative for z < 0."""
        place = exact(z, "z")
        with working_precision(BITS):
            return Enclosure.from_balls(_known(self.curve.length(arb(0), ball_of(place)), "z", z))

    def latent(self, t: Exact) -> Enclosure:
        """Return the z with L(z) = t."""
        length = exact(t, "t")
        with working_precision(BITS):
            ball = ball_of(length)
            ends = [_known(self.curve.latent(end), "t", t) for end in (ball.lower(), ball.upper())]
            return Enclosure.from_balls(ends[0].union(ends[1]))

    def log_evidence(self, x: Any, digits: float = 10, *, seconds: float = 60.0) -> Enclosure:
        """Return log p(x) in nats: that of the model in z, as a change of variables leaves the integral as it is."""
        return log_evidence(self.model, x, digits, seconds=seconds)

    def elbo(
        self,
        x: Any,
        q: GaussianPosterior | Sequence[GaussianPosterior] | GaussianPosteriors,
        digits: float = 10,
        *,
        seconds: float = 60.0,
    ) -> Enclosure:
        """Return the ELBO in nats of a Gaussian q(t), its mean and variance in the unit of t, proved; q as ``ep.elbo``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the kind described.
        Undecided
            If the digits could not be proved; it carries the best enclosure.
        """
        digits, seconds = require_positive(digits=digits, seconds=seconds)
        rows, batch = exact_rows(self.model, x)
        deadline = time.monotonic() + seconds
        each = zip(rows, posteriors_for(q, len(rows), 1), strict=True)
        found = [elbo_of(self.curve, self.regular, row, one, float(digits), deadline) for row, one in each]
        return _answer("ELBOs", found, batch)

    def stationary_posterior(
        self, x: Sequence[object], digits: float = 10, *, seconds: float = 60.0
    ) -> StationaryPoint:
        """Return the stationary Gaussian q(t) with the highest ELBO among those found, proved as for the model in z.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the kind described.
        Undecided
            If no stationary point could be proved, or not the digits of its ELBO.
        """
        digits, seconds = require_positive(digits=digits, seconds=seconds)
        rows, batch = exact_rows(self.model, x)
        if batch:
            raise bad("x", x, f"one data point of shape ({self.model.data_dim},)")
        point = best_point(self.curve, self.regular, rows[0], digits, time.monotonic() + seconds)
        if point.status:
            raise undecided("stationary points", point.elbo, (point.status,))
        return point

    def gap(self, x: Any, digits: float = 6, *, seconds: float = 60.0) -> Enclosure:
        """Return log p(x) - ELBO in nats at the best stationary Gaussian q(t) found, proved.

        Parameters
        ----------
        x
            Shape (D,) or (N, D).
        digits
            SIGNIFICANT digits, as for ``ep.gap``.
        seconds
            Limit for each x.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the kind described.
        Undecided
            If no stationary point, or not the digits, could be proved; it carries the best enclosure.
        """
        digits, seconds = require_positive(digits=digits, seconds=seconds)
        rows, batch = exact_rows(self.model, x)
        found = [self._gap(row, float(digits), seconds) for row in rows]
        return _answer("gaps", found, batch).at_least(0)

    def _gap(self, x: list[Fraction], digits: float, seconds: float) -> tuple[arb, str]:
        if has_gaussian_posterior(self.model):  # a line: t is affine in z
            return arb(0), ""
        deadline = time.monotonic() + seconds
        try:
            point = best_point(self.curve, self.regular, x, digits, deadline)
        except Undecided as error:
            return arb(0, float("inf")), error.statuses[0]

        def sharpen(
            _: LatentModel, row: list[Fraction], point: StationaryPoint, digits: float, deadline: float
        ) -> StationaryPoint:
            return sharpened(self.curve, self.regular, row, point, digits, deadline)

        return below_evidence(self.model, x, point, digits, deadline, sharpen)


def _answer(what: str, found: Sequence[tuple[arb, str]], batch: bool) -> Enclosure:
    enclosure = Enclosure.from_balls([ball for ball, _ in found])
    statuses = tuple(status for _, status in found)
    if any(statuses):
        raise undecided(what, enclosure, statuses)
    return enclosure if batch else enclosure[0]


def _known(ball: arb, name: str, value: object) -> arb:
    if not ball.is_finite():
        raise bad(name, value, "a place whose arc length and latent are in reach")
    return ball


@suggesting
def unit_speed(model: LatentModel) -> UnitSpeed:
    """Return the model in the unit-speed parameter of its decoder.

    Parameters
    ----------
    model
        With one latent, a Gaussian likelihood and a decoder that is written as expressions and has no kinks. The
        curve is to be regular, |f'| > 0, with |f'| >= c / (1 + |z|) for a c > 0: then both of its lengths are infinite
        and E_q z(t)^2 is finite for every Gaussian q(t). This is proved, or refused. For a likelihood with covariance
        C the speed is measured by (tr C / D) C^-1, which is I for C = sigma^2 I.

    Returns
    -------
    UnitSpeed
        With ``gap``, ``elbo``, ``log_evidence`` and ``stationary_posterior``, whose Gaussians q are over t.

    Raises
    ------
    TypeError
        If the model is of another kind.
    ValueError
        If it has several latents or a kink, or its curve is proved to have a finite length: for f = tanh z the prior of
        t ends at +-1, where a Gaussian q(t) does not, and every ELBO is minus infinity.
    Undecided
        If the curve could not be shown to be regular and of infinite length.

    Notes
    -----
    Source of the law: `elboproof.posterior.unit_speed`; of the proofs: `elboproof.posterior.unit_speed_panels` and
    `elboproof.posterior.unit_speed_regular`.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z", "z**2"], ep.Gaussian(variance="1/100"))
    >>> curve, x = ep.unit_speed(model), ["0.7", "0.49"]
    >>> print(f"{ep.gap(model, x).midpoint:.4e} {curve.gap(x).midpoint:.4e}")
    2.3247e-03 2.0183e-07
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    likelihood = model.likelihood
    constant = isinstance(likelihood, Gaussian) and (likelihood.variance or likelihood.covariance)
    if not constant or not model.decoder:
        requirement = "a model with a Gaussian likelihood of constant covariance and a decoder of expressions"
        raise wrong_type("model", model, requirement)
    if model.latent_dim != 1:
        raise bad("model", model, "one latent: a curve")
    if any(output.has(*KINKS) for output in model.decoder):
        raise bad("model", model, "a decoder without kinks")
    (z,) = model.latents
    if model.energy + model.log_likelihood != z**2 / 2 + sympy.log(2 * sympy.pi) / 2:
        raise bad("model", model, "the prior N(0, 1), on which the bounds of tails rest")
    curve = Curve(model)
    return UnitSpeed(model, curve, proved_regular(curve))
