"""The gap log p(x) - ELBO of an encoder in parts: the family's, one covariance's for all x, and the encoder's own.

For each x, with the model fixed,

    log p(x) - ELBO(encoder) = [log p(x) - best] + [best - shared] + [shared - encoder],

best the highest ELBO of the x's own Gaussian, shared that of its own mean under the one covariance, if there is one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.evidence.batch_rows import head_of
from elboproof.evidence.log_evidence import evidence_of
from elboproof.evidence.prior_totals import Totals, remember
from elboproof.model.data import data_of
from elboproof.model.gaussian_posterior import GaussianPosterior, Matrix
from elboproof.model.gaussian_posteriors import GaussianPosteriors, posteriors_for
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.numbers.enclosed_rows import shares
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.decomposed_rows import Parts, between, joined, unproved
from elboproof.posterior.decomposition import Decomposition
from elboproof.posterior.elbo import one_elbo, require_positive_prior
from elboproof.posterior.gap import MOST_CELLS, has_gaussian_posterior
from elboproof.posterior.stationary import MOST_LATENTS, stationary_posteriors
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.running.batches import prove_all
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import requested
from elboproof.running.rows import Items, Kind

if TYPE_CHECKING:
    from concurrent.futures import Executor

ELBO_SHARE, POINT_SHARE = 0.2, 0.4
"""Of the time that is left of a row: what the encoder's ELBO and each stationary point may take."""
LEAST_TIME = 1e-3
DECOMPOSED = ("full", "diagonal")


@suggesting
def decompose(
    model: LatentModel,
    x: Any,
    posteriors: GaussianPosterior | Sequence[GaussianPosterior] | GaussianPosteriors,
    digits: float = 4,
    *,
    family: str = "full",
    shared: object = None,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: str | PathLike[str] | None = None,
) -> Decomposition:
    """Return what of log p(x) - ELBO is the family's, what the encoder's, proved row by row.

    Parameters
    ----------
    model
        With 1 to 3 latents and two derivatives; with a Gaussian posterior any number.
    x
        Shape (D,) or (N, D); exact as for ``ep.elbo``.
    posteriors
        One ``ep.GaussianPosterior`` for each row, or ``ep.GaussianPosteriors``, from an encoder: VARIANCES, not their
        logarithms.
    digits
        Half width 10^-digits of each ELBO and log p(x).
    family
        Over which Gaussians the best is sought: all ("full"), or those with a diagonal covariance ("diagonal").
    shared
        The one covariance of all posteriors, as for ``ep.GaussianPosterior``: what it costs becomes a part of its own.
    seconds
        Limit for each row.
    total_seconds, workers, progress, resume
        As for ``ep.log_evidence``.

    Returns
    -------
    Decomposition
        Enclosures of shape (N,). A row that cannot be proved has a status and what is known; others are not touched.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.

    Notes
    -----
    log p(x) - ELBO(encoder) = [log p(x) - best] + [best - shared] + [shared - encoder], the middle part only with
    ``shared``.

    The highest *proved* stationary Gaussian is a lower bound of the best one, so that the approximation gap is at most
    and the amortisation gap at least what stands there.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> parts = ep.decompose(model, ["0.7"], ep.GaussianPosterior("0.6", "0.01"))
    >>> print(f"{parts.approximation[0]:.2S} {parts.amortisation[0]:.3S}")
    0.0016(1) 0.164(1)
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    (digits,) = require_positive(digits=digits)
    request = requested(seconds, total_seconds, workers, progress, resume)
    if family not in DECOMPOSED:
        raise bad("family", family, f"one of {', '.join(map(repr, DECOMPOSED))}")
    if model.latent_dim > MOST_LATENTS and not has_gaussian_posterior(model):
        raise bad("model", model, f"at most {MOST_LATENTS} latents")
    data = data_of(model, x)
    one = None if shared is None else GaussianPosterior([0] * model.latent_dim, shared).covariance
    given = posteriors_for(posteriors, len(data), model.latent_dim, "posteriors")
    _require_family(given, family, one)
    totals = require_positive_prior(model, time.monotonic() + request.limit)
    words = {"what": "decomposition", "q": fingerprint(given), "family": family, "shared": fingerprint(one)}
    found = prove_all(
        partial(_rows, model, float(digits), family, one, totals),
        Items(tuple(zip(data.rows, given, strict=True))),
        Kind(Parts.from_json, partial(unproved, one is not None)),
        seconds=request.seconds,
        end=request.end,
        trials=False,
        workers=request.workers,
        progress=request.progress,
        file=request.file(lambda: head_of(model, data, digits) | words),
    )
    return joined(found)


def _rows(
    model: LatentModel,
    digits: float,
    family: str,
    covariance: Matrix | None,
    totals: Totals,
    items: Items,
    seconds: float,
) -> list[Parts]:
    remember(totals)
    limits = shares(len(items), seconds)
    return [
        _Row(model, x, q, digits, family, covariance, deadline).parts()
        for (x, q), deadline in zip(items.each, limits, strict=True)
    ]


def _require_family(posteriors: list[GaussianPosterior], family: str, shared: Matrix | None) -> None:
    """Raise unless the encoder's Gaussians are members of what the best is sought in: parts could be negative."""
    for n, q in enumerate(posteriors):
        if shared is not None and q.covariance != shared:
            raise bad(f"posteriors[{n}]", q, "the covariance given as shared, exactly")
        crossed = any(v for j, row in enumerate(q.covariance) for k, v in enumerate(row) if j != k)
        if family == "diagonal" and crossed:
            raise bad(f"posteriors[{n}]", q, "a diagonal covariance, for the family 'diagonal'")


@dataclass
class _Row:
    """One x with its encoder's q, and a deadline."""

    model: LatentModel
    x: list[Fraction]
    q: GaussianPosterior
    digits: float
    family: str
    covariance: Matrix | None
    deadline: float
    reasons: list[str] = field(default_factory=list)

    def parts(self) -> Parts:
        """Return the row's numbers; what fails is told, and what is known without it stands in its place."""
        ball, reason = one_elbo(self.model, self.x, self.q, self.digits, self._until(ELBO_SHARE))
        encoder = Enclosure.from_balls(ball)
        self._tell("encoder", reason)
        exact = self.family == "full" and has_gaussian_posterior(self.model)
        point = None if exact else self._point("best Gaussian", self.family, None)
        mean = None if self.covariance is None else self._point("shared", "fixed", self.covariance)
        evidence = self._evidence()
        # every q of the family: ELBO(q) <= best <= log p(x), and the encoder's is one of them
        known = between(encoder, evidence)
        best = evidence if exact else self._best(point, encoder, known, "best Gaussian")
        shared = None if self.covariance is None else self._best(mean, encoder, known, "shared")
        if not exact and best is known:
            point = None
        return Parts(evidence, best, shared, encoder, point, "; ".join(self.reasons), exact)

    def _until(self, share: float) -> float:
        now = time.monotonic()
        return now + share * max(self.deadline - now, LEAST_TIME)

    def _tell(self, name: str, reason: str) -> None:
        if reason:
            self.reasons.append(f"{name}: {reason}")

    def _point(self, name: str, family: str, covariance: Matrix | None) -> StationaryPoint | None:
        left = self._until(POINT_SHARE) - time.monotonic()
        try:
            point = stationary_posteriors(
                self.model, self.x, family=family, covariance=covariance, digits=self.digits, seconds=left
            )[0]
        except Undecided as error:
            self._tell(name, error.statuses[0])
            return None
        self._tell(name, point.status)
        return point

    def _evidence(self) -> Enclosure:
        left = max(self.deadline - time.monotonic(), LEAST_TIME)
        found = evidence_of(self.model, [self.x], self.digits, seconds=left, most_cells=MOST_CELLS)
        self._tell("log p(x)", found.statuses[0])
        return found.enclosure[0]

    def _best(
        self, point: StationaryPoint | None, encoder: Enclosure, known: Enclosure, name: str
    ) -> Enclosure:
        """Return a stationary point's ELBO, unless there is none or the encoder's own is surely above it."""
        if point is None or not np.isfinite(point.elbo.lower):
            return known
        if encoder.lower > point.elbo.upper:
            self._tell(name, "the encoder's ELBO is above that of every stationary point found")
            return known
        return point.elbo
