"""The gap log p(x) - ELBO at the best stationary Gaussian found, proved to significant digits."""

import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from elboproof.arguments import require_positive, suggesting
from elboproof.evidence.batch_rows import head_of
from elboproof.evidence.elimination import latents_left
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of
from elboproof.evidence.prior_totals import Totals, remember
from elboproof.expectations.closed_forms import likelihood_terms
from elboproof.expectations.exponential import ExponentialPolynomial
from elboproof.model.data import data_of
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosed_rows import bounded_rows, row_of, shares, told
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.core import core_evidence
from elboproof.posterior.elbo import require_positive_prior
from elboproof.posterior.stationary import checked, stationary_posterior
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.posterior.stationary_search import sharpened
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import LEAST, requested
from elboproof.running.rows import Items, Row

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_CELLS = 2_000_000
FIRST_DIGITS = 3
"""Absolute digits of the first try, more than the significant ones asked."""
CORE_DIGITS = {2: 13.0, 3: 11.1}
"""By dimension: for more digits of log p(x) a lattice around q is faster than cells, whose sums are float64 below."""
CORE_SHARE = 0.5
"""Of the time left: what the lattice around q may take."""
FLOAT_DIGITS = 13.0
"""Of a log p(x) of size 1 in float64: a large one has fewer absolute digits."""
ELBO_DIGITS = 0.75
"""More than the evidence's, whose digits are dear."""
EVIDENCE_SHARE = 0.15
"""Digits more than the gap's: 10^-0.15 and 10^-0.9 of the radius add up to less than 1."""
MOST_DIGITS = 60.0
ROUNDS = 8
WORTHWHILE = 0.8
"""Where the ELBO has no more digits, the evidence's are raised as long as the gap's radius shrinks by this factor."""
BITS = 400


@suggesting
def gap(
    model: LatentModel,
    x: Any,
    digits: float = 6,
    *,
    family: str = "full",
    covariance: object = None,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: str | PathLike[str] | None = None,
) -> Enclosure:
    """Return log p(x) - ELBO in nats at the best stationary Gaussian q found, proved.

    Parameters
    ----------
    model
        With 1 to 3 latents and two derivatives.
    x
        Shape (D,) or (N, D); exact as for ``ep.elbo``.
    digits
        SIGNIFICANT digits: the half width is at most 10^-digits of the gap.
    family, covariance
        Over which q, as for ``ep.stationary_posterior``.
    seconds
        Limit for each x.
    total_seconds, workers, progress, resume
        As for ``ep.log_evidence``.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,); exactly 0 for an affine decoder with a Gaussian likelihood, whose posterior is
        Gaussian. The gap of a stationary q in a box that was proved; that no better one exists is not shown, but
        the lower bound of the gap is never below 0 (Jensen).

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.
    Undecided
        If no stationary point, or not the digits, could be proved; it carries the best enclosure.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/10000"))
    >>> print(f"{ep.gap(model, ['0.7']).midpoint:.6e}")
    1.654429e-05
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    (digits,) = require_positive(digits=digits)
    request = requested(seconds, total_seconds, workers, progress, resume)
    data = data_of(model, x)
    q = None if _is_exact(model, family) else checked(model, family, covariance)
    options = {"family": family, "covariance": None if q is None else q.covariance}
    totals = require_positive_prior(model, time.monotonic() + request.limit)
    rows = bounded_rows(
        partial(_rows, model, float(digits), options, totals),
        Items(tuple(data.rows)),
        request,
        lambda: (
            head_of(model, data, digits) | {"what": "gap", "family": family, "covariance": fingerprint(q)}
        ),
    )
    # the point is stationary, so by Jensen's inequality a lower bound below 0 says no more than 0
    enclosure = told(rows, "gaps", least=0)
    return enclosure if data.batch else enclosure[0]


def _rows(
    model: LatentModel, digits: float, options: dict[str, Any], totals: Totals, items: Items, seconds: float
) -> list[Row]:
    remember(totals)
    limits = shares(len(items), seconds)
    return [
        row_of(*_of_one(model, x, digits, options, deadline))
        for x, deadline in zip(items.each, limits, strict=True)
    ]


def _of_one(
    model: LatentModel, x: list[Fraction], digits: float, options: dict[str, Any], deadline: float
) -> tuple[arb, str]:
    """Return a ball around the gap and why it has not the digits."""
    # with a Gaussian posterior the family contains it, and log p(x) = ELBO there: the gap is 0 and not merely small
    if _is_exact(model, options["family"]):
        return arb(0), ""
    left = max(deadline - time.monotonic(), LEAST)
    try:
        point = stationary_posterior(model, x, seconds=left, **options)
    except Undecided as error:
        return arb(0, float("inf")), error.statuses[0]
    return below_evidence(model, x, point, digits, deadline)


def _is_exact(model: LatentModel, family: str) -> bool:
    return family == "full" and has_gaussian_posterior(model)


def has_gaussian_posterior(model: LatentModel) -> bool:
    """Whether log p(x|z) is a polynomial of degree at most 2 in z, so that p(z|x) is Gaussian: one stationary q."""
    # the posterior's exponent is then quadratic, and negative definite as a Gaussian likelihood is bounded: so it is
    # for a decoder that is affine in all latents, a network's too. Other classes are not decided, and get the general
    # way
    if latents_left(model) == 0:
        return True
    terms = likelihood_terms(model)
    return terms is not None and all(_is_quadratic(g) for _, g in terms)


def _is_quadratic(g: ExponentialPolynomial) -> bool:
    return all(sum(k) <= 2 and not any(growth) and not any(turn) for k, growth, turn in g.terms)


Sharpen = Callable[[LatentModel, list[Fraction], StationaryPoint, float, float], StationaryPoint]
"""(model, x, point, digits, deadline) -> the same point with that many digits of its ELBO."""


def below_evidence(
    model: LatentModel,
    x: list[Fraction],
    point: StationaryPoint,
    digits: float,
    deadline: float,
    sharpen: Sharpen = sharpened,
) -> tuple[arb, str]:
    """Raise the absolute digits of both terms until their difference has the significant ones; a ball and a status."""
    # the size of the gap is not known before: significant digits become absolute ones as it shows
    absolute = digits + FIRST_DIGITS
    best, status = arb(0, float("inf")), _reason("the time limit", arb(0, float("inf")), digits)
    for _ in range(ROUNDS):
        left = deadline - time.monotonic()
        if left <= 0 or absolute > MOST_DIGITS:
            break
        evidence = _evidence(model, x, point, absolute, deadline)
        point = sharpen(model, x, point, absolute + ELBO_DIGITS, deadline)
        with working_precision(BITS):
            last, best = best.rad(), _difference(evidence, point.ball)
            size = best.lower() if best > 0 else arb(0)
            if best.rad() <= size * arb(10) ** -arb(digits):
                return best, ""
            status = _reason(evidence.statuses[0] or point.status, best, digits)
            absolute = _wanted(best, digits, absolute)
        if evidence.statuses[0] or (point.status and not best.rad() < WORTHWHILE * last):
            break
    return best, status


def _evidence(
    model: LatentModel, x: list[Fraction], point: StationaryPoint, digits: float, deadline: float
) -> Evidence:
    """Return log p(x): from a lattice around q for many digits, where that works, else from cells."""
    # either way is a proof by itself; digits and time decide which is tried. A float64 number of size s has about 13 -
    # log10 s absolute digits in sums. On a line, or with no latent left, the other way has any digits
    middle = float(point.elbo.midpoint)
    if latents_left(model) > 1 and digits > min(
        CORE_DIGITS[model.latent_dim], FLOAT_DIGITS - np.log10(1 + abs(middle))
    ):
        now = time.monotonic()
        half = now + CORE_SHARE * (deadline - now)  # the cells, which bound any x, want their time too
        found = core_evidence(model, x, point.posterior, middle, digits, half)
        if found is not None:
            return found
    left = max(deadline - time.monotonic(), 1e-3)
    return evidence_of(model, [x], digits, seconds=left, most_cells=MOST_CELLS)


def _difference(evidence: Evidence, ball: arb) -> arb:
    """Return log p(x) - ELBO; bounds in float64 may know more than sums in arb that a limit stopped."""
    # all are bounds of the same number, so that the narrowest pair may be taken; their union with everything between is
    # one ball
    lower, upper = arb(float(evidence.enclosure.lower[0])), arb(float(evidence.enclosure.upper[0]))
    for low, high in evidence.balls:
        if low.is_finite() and high.is_finite() and high - low < upper - lower:
            lower, upper = low, high
    if not (lower.is_finite() and upper.is_finite()):
        return arb(0, float("inf"))
    evidence_ball: arb = lower.union(upper)
    return evidence_ball - ball


def _wanted(best: arb, digits: float, absolute: float) -> float:
    """Return the absolute digits that the size of the gap asks for; three more where its size is not known."""
    # the gap's size is the ball's midpoint where the ball is well away from 0: digits of the gap and digits below 1 add
    # up
    if not best > best.rad():
        return absolute + 3
    return max(absolute + 0.5, digits + EVIDENCE_SHARE - float(best.mid().log().mid()) / float(np.log(10)))


def _reason(stopped: str, best: arb, digits: float) -> str:
    known = (
        "its size is not known" if not best > 0 else f"relative radius {float(best.rad() / best.mid()):.1e}"
    )
    return (
        f"{digits:g} significant digits of the gap not reached, {known}; stopped by {stopped or 'the limits'}"
    )
