"""The ELBO of a latent-variable model at a Gaussian q, as a proved enclosure.

ELBO = E_q[log p(x|z)] + E_q[log p(z)] + H(q), in nats. For N(0, I) the last two are elementary,

    E_q[log p(z)] = -(|m|^2 + tr S)/2 - (d/2) log 2 pi,     H(q) = (d/2)(1 + log 2 pi) + sum_i log L_ii,

and another prior adds log p(z) - log N(z; 0, I), its tilt, to log p(x|z). The first is a closed form where the
decoder allows one (`expectations.closed_forms`), else rules with proof (`expectations.rules`).
"""

import time
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from flint import arb

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.evidence.batch_rows import head_of
from elboproof.evidence.prior_totals import Totals, remember, require_probability
from elboproof.expectations.closed_forms import closed_form
from elboproof.expectations.integrands import EnclosedGaussian
from elboproof.expectations.rising_precision import SPARE_BITS, narrowed
from elboproof.expectations.rules import ProvedRules
from elboproof.model.base_measures import BALLS
from elboproof.model.data import data_of
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.gaussian_posteriors import GaussianPosteriors, posteriors_for
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.quantities import EVERYWHERE
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosed_rows import bounded_rows, row_of, shares, told
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of
from elboproof.numbers.undecided import Undecided
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import requested
from elboproof.running.rows import Items, Row

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_LATENTS = 3
"""For quadrature; closed forms take any number."""


@suggesting
def elbo(
    model: LatentModel,
    x: Any,
    q: GaussianPosterior | Sequence[GaussianPosterior] | GaussianPosteriors,
    digits: float = 10,
    *,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: str | PathLike[str] | None = None,
) -> Enclosure:
    """Return the ELBO in nats, proved.

    Parameters
    ----------
    model
        The latent-variable model; 1 to 3 latents unless the ELBO has a closed form.
    x
        Shape (D,) or (N, D). Floats are the exact binary doubles that they are; strings and Fractions are exact.
    q
        The approximate posterior, the same for every x; or N of them, one for each x: a list, or
        ``ep.GaussianPosteriors(means, covariances)``.
    digits
        The enclosure's half width is at most 10^-digits; beyond float64 all digits stand in its ``exact``.
    seconds
        Limit for each x.
    total_seconds, workers, progress, resume
        As for ``ep.log_evidence``.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,).

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, q has another dimension than the model's latents, or the prior is
        zero somewhere, where every Gaussian q has mass: the ELBO is -inf.
    Undecided
        If the digits could not be proved; it carries the best enclosure and a status per x.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> print(ep.elbo(model, ["0.7"], ep.GaussianPosterior("0.65", "0.007")).midpoint.round(8))
    -1.33622404
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    (digits,) = require_positive(digits=digits)
    request = requested(seconds, total_seconds, workers, progress, resume)
    data = data_of(model, x)
    posteriors = posteriors_for(q, len(data), model.latent_dim)
    totals = require_positive_prior(model, time.monotonic() + request.limit)
    rows = bounded_rows(
        partial(_rows, model, float(digits), totals),
        Items(tuple(zip(data.rows, posteriors, strict=True))),
        request,
        lambda: head_of(model, data, digits) | {"what": "ELBO", "q": fingerprint(posteriors)},
    )
    enclosure = told(rows, "ELBOs")
    return enclosure if data.batch else enclosure[0]


def _rows(model: LatentModel, digits: float, totals: Totals, items: Items, seconds: float) -> list[Row]:
    """Return the ELBOs of pairs (x, q)."""
    remember(totals)
    limits = shares(len(items), seconds)
    return [
        row_of(*one_elbo(model, x, q, digits, deadline))
        for (x, q), deadline in zip(items.each, limits, strict=True)
    ]


def undecided(what: str, enclosure: Enclosure, statuses: tuple[str, ...]) -> Undecided:
    """Return the error for quantities that could not be proved, the first of them in its text."""
    return Undecided(enclosure, statuses, what)


def require_positive_prior(model: LatentModel, deadline: float) -> Totals:
    """Return what was proved of the prior, a density on all of R^d: a Gaussian q leaves any other domain.

    Raises
    ------
    ValueError
        If it is zero somewhere, so that the ELBO of every Gaussian is -inf, or is not normalised.
    Undecided
        If a density could not be proved to integrate to 1 before the deadline.
    """
    prior, d = model.prior, model.latent_dim
    if prior.standard:
        return {}
    if any(ends != EVERYWHERE for ends in prior.domain(d)):
        raise bad("prior", prior, "one that is positive on all of R^d: the ELBO of every Gaussian q is -inf")
    if not prior.normalised:
        raise bad("prior", prior, "a normalised density, for an ELBO")
    return require_probability(model, deadline)


def one_elbo(
    model: LatentModel, x: list[Fraction], q: GaussianPosterior, digits: float, deadline: float
) -> tuple[arb, str]:
    """Return the ELBO of one x and what stopped its proof, empty if nothing did; precision rises until it is enough."""
    if time.monotonic() > deadline:
        return arb(0, float("inf")), f"none of {digits:g} digits proved; stopped by the time limit"

    def enclose(tolerance: float, floats: bool) -> tuple[arb, str]:
        point = EnclosedGaussian(q.mean_balls(), q.cholesky())
        return _evaluated(model, [ball_of(value) for value in x], point, tolerance, deadline, floats)

    return narrowed(enclose, digits, floats=model.latent_dim > 1)


def _evaluated(
    model: LatentModel,
    x: Sequence[arb],
    point: EnclosedGaussian,
    tolerance: float,
    deadline: float,
    floats: bool,
) -> tuple[arb, str]:
    """Return the ELBO at the current precision and what kept the quadrature from its tolerance."""
    # the quadrature's ball holds the expectation whatever stopped it; the reason explains its width and takes nothing
    # from its truth
    expected = closed_form(model, x, point.mean, point.factor)
    reason = ""
    if expected is None:
        if model.latent_dim > MOST_LATENTS:
            raise bad("model", model, f"at most {MOST_LATENTS} latents, unless the ELBO has a closed form")
        rules = ProvedRules(model, x, point, [(0, 0)], [tolerance], deadline)
        expected = rules.sums(floats=floats)[0, 0, (0,) * model.latent_dim]
        reason = rules.status
    base = model.likelihood.log_base(x, BALLS)
    return expected + prior_and_entropy(point) + (arb(0) if base is None else base), reason


def prior_and_entropy(point: EnclosedGaussian) -> arb:
    """Return E_q[log N(z; 0, I)] + H(q) = sum_i [(1 - m_i^2 - S_ii) / 2 + log L_ii]; the logs of 2 pi cancel."""
    total = arb(0)
    for i, (m, row) in enumerate(zip(point.mean, point.factor, strict=True)):
        # S_ii is the sum of squares of row i of L, whose log det is twice the sum of log L_ii. The d/2 log 2 pi of the
        # prior and of the entropy are equal and opposite. Products: FLINT's powers of balls around 0 are NaN
        variance = sum((row[j] * row[j] for j in range(i + 1)), arb(0))
        total += (1 - m * m - variance) / 2 + row[i].log()
    return total


def elbo_ball(model: LatentModel, x: list[arb], mean: list[arb], cholesky: list[list[arb]], bits: int) -> arb:
    """Return the ELBO at q = N(m, L L') for one x, a ball.

    Parameters
    ----------
    x, mean, cholesky
        Balls, (D,), (d,) and rows of the lower triangle; for wide ones the result holds for all members.
    bits
        Working precision; a quadrature's error is at most 2^-(bits - 80).

    Raises
    ------
    Undecided
        If the quadrature fails.
    """
    # wide balls of (m, L) make the rules' bounds hold for every member, at the price of width
    with working_precision(bits):
        point = EnclosedGaussian(mean, cholesky)
        tolerance = 2.0 ** -float(bits - SPARE_BITS)
        ball, reason = _evaluated(model, x, point, tolerance, time.monotonic() + 60.0, floats=False)
    if reason and not ball.rad() <= tolerance:
        raise undecided("ELBOs", Enclosure.from_balls([ball]), (f"stopped by {reason}",))
    return ball
