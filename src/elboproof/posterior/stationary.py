"""Stationary Gaussian posteriors of one x or of many, proved to exist: `stationary_search` finds and proves them."""

import time
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.evidence.batch_rows import head_of
from elboproof.evidence.prior_totals import Totals, remember
from elboproof.model.data import data_of
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.numbers.enclosed_rows import shares
from elboproof.posterior.elbo import require_positive_prior, undecided
from elboproof.posterior.equations import FAMILIES
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.posterior.stationary_rows import POINTS, Points, best_of
from elboproof.posterior.stationary_search import points_of
from elboproof.running.batches import prove_all
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import Request, Resumed, requested
from elboproof.running.rows import Items

if TYPE_CHECKING:
    from concurrent.futures import Executor

Number: TypeAlias = str | float | Fraction
MOST_LATENTS = 3


@overload
def stationary_posterior(
    model: LatentModel,
    x: Sequence[Number],
    *,
    family: str = ...,
    covariance: object = ...,
    digits: float = ...,
    seconds: float = ...,
    total_seconds: float | None = ...,
    workers: "int | Executor" = ...,
    progress: Listener | None = ...,
    resume: Resumed = ...,
) -> StationaryPoint: ...
@overload
def stationary_posterior(
    model: LatentModel,
    x: Any,
    *,
    family: str = ...,
    covariance: object = ...,
    digits: float = ...,
    seconds: float = ...,
    total_seconds: float | None = ...,
    workers: "int | Executor" = ...,
    progress: Listener | None = ...,
    resume: Resumed = ...,
) -> Any: ...
@suggesting
def stationary_posterior(
    model: LatentModel,
    x: Any,
    *,
    family: str = "full",
    covariance: object = None,
    digits: float = 10,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: Resumed = None,
) -> StationaryPoint | tuple[StationaryPoint, ...]:
    """Return the stationary q with the highest ELBO among those found, proved.

    Parameters
    ----------
    model, x, family, covariance, digits, seconds, total_seconds, workers, progress, resume
        As for ``ep.stationary_posteriors``.

    Returns
    -------
    StationaryPoint
        Of one x; of N data points a tuple of N.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.
    Undecided
        If no stationary point could be proved, or not the digits of its ELBO.

    Notes
    -----
    That no Gaussian has a higher ELBO is not shown: other stationary points may exist that no search found.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> best = ep.stationary_posterior(model, ["0.7"])
    >>> print(best.kind, best.mean.midpoint.round(6), best.elbo.midpoint.round(8))
    maximum [0.642649] -1.3312437
    """
    request = requested(seconds, total_seconds, workers, progress, resume)
    rows, batch = _rows_of(model, x, family, covariance, digits, request)
    statuses = tuple(row.reason or row.each[0].status for row in rows)
    if any(statuses):
        raise undecided("stationary points", best_of(rows), statuses)
    best = tuple(row.each[0] for row in rows)
    return best if batch else best[0]


@overload
def stationary_posteriors(
    model: LatentModel,
    x: Sequence[Number],
    *,
    family: str = ...,
    covariance: object = ...,
    digits: float = ...,
    seconds: float = ...,
    total_seconds: float | None = ...,
    workers: "int | Executor" = ...,
    progress: Listener | None = ...,
    resume: Resumed = ...,
) -> tuple[StationaryPoint, ...]: ...
@overload
def stationary_posteriors(
    model: LatentModel,
    x: Any,
    *,
    family: str = ...,
    covariance: object = ...,
    digits: float = ...,
    seconds: float = ...,
    total_seconds: float | None = ...,
    workers: "int | Executor" = ...,
    progress: Listener | None = ...,
    resume: Resumed = ...,
) -> Any: ...
@suggesting
def stationary_posteriors(
    model: LatentModel,
    x: Any,
    *,
    family: str = "full",
    covariance: object = None,
    digits: float = 10,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: Resumed = None,
) -> tuple[StationaryPoint, ...] | tuple[tuple[StationaryPoint, ...], ...]:
    """Return all stationary q that were found and proved, the highest ELBO first.

    Parameters
    ----------
    model
        With 1 to 3 latents and two derivatives.
    x
        Shape (D,) or (N, D); exact as for ``ep.elbo``.
    family
        Over which q the ELBO is stationary: all ("full"), those with a diagonal covariance ("diagonal"), or those
        with a given covariance ("fixed").
    covariance
        For the family "fixed", as for ``ep.GaussianPosterior``.
    digits
        Half width 10^-digits of the ELBOs.
    seconds
        Limit for each x, search and proofs of all its points together.
    total_seconds, workers, progress, resume
        As for ``ep.log_evidence``.

    Returns
    -------
    tuple of StationaryPoint
        Of one x; of N data points a tuple of N such tuples.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.
    Undecided
        If no stationary point of some x could be proved; what was proved of others stands in the file, ``resume``.

    Notes
    -----
    Existence and uniqueness in a box: Krawczyk's test. That there are no further stationary points elsewhere is not
    shown; limits of the float search that cannot be proved are left out.
    """
    request = requested(seconds, total_seconds, workers, progress, resume)
    rows, batch = _rows_of(model, x, family, covariance, digits, request)
    if any(row.reason for row in rows):
        raise undecided("stationary points", best_of(rows), tuple(row.reason for row in rows))
    found = tuple(row.each for row in rows)
    return found if batch else found[0]


def _rows_of(
    model: LatentModel, x: Any, family: str, covariance: object, digits: float, request: Request
) -> tuple[list[Points], bool]:
    """Return the points of each row, and whether there was an axis N."""
    q = checked(model, family, covariance)
    (digits,) = require_positive(digits=digits)
    data = data_of(model, x)
    totals = require_positive_prior(model, time.monotonic() + request.limit)
    words = {"what": "stationary points", "family": family, "covariance": fingerprint(q)}
    rows = prove_all(
        partial(_rows, model, family, q, float(digits), totals),
        Items(tuple(data.rows)),
        POINTS,
        seconds=request.seconds,
        end=request.end,
        trials=False,
        workers=request.workers,
        progress=request.progress,
        file=request.file(lambda: head_of(model, data, digits) | words),
    )
    return rows, data.batch


def _rows(
    model: LatentModel,
    family: str,
    q: GaussianPosterior | None,
    digits: float,
    totals: Totals,
    items: Items,
    seconds: float,
) -> list[Points]:
    remember(totals)
    limits = shares(len(items), seconds)
    return [
        points_of(model, x, family, q, digits, deadline)
        for x, deadline in zip(items.each, limits, strict=True)
    ]


def checked(model: LatentModel, family: str, covariance: object) -> GaussianPosterior | None:
    """Return a Gaussian of the given covariance around 0; None for a family without one.

    Raises
    ------
    TypeError, ValueError
        If the model, the family or the covariance does not fit.
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    if model.latent_dim > MOST_LATENTS:
        raise bad("model", model, f"at most {MOST_LATENTS} latents")
    if family not in FAMILIES:
        raise bad("family", family, f"one of {', '.join(map(repr, FAMILIES))}")
    if (covariance is None) == (family == "fixed"):
        raise bad("covariance", covariance, "a covariance for the family 'fixed' and for no other")
    return None if covariance is None else GaussianPosterior([0] * model.latent_dim, covariance)
