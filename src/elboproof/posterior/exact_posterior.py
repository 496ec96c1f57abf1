"""What p(z|x) says of z: probabilities, moments, marginal densities and quantiles, each with a proof."""

import time
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Expr

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.arrays import number_list, unwrapped
from elboproof.evidence.batch_rows import head_of
from elboproof.evidence.prior_totals import require_probability
from elboproof.model.data import Data, data_of
from elboproof.model.decoder_entries import entry_of, require_real_everywhere
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.gaussian_posteriors import GaussianPosteriors, posteriors_for
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.prior_density import PriorDensity
from elboproof.model.quantities import Interval, Quantities
from elboproof.numbers.enclosed_rows import Several, enclosure_of, row_of, several, told
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import exact
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.elbo import require_positive_prior
from elboproof.posterior.questions import (
    Asker,
    Covariance,
    Density,
    Divergence,
    Expectations,
    Means,
    Probability,
    Quantile,
    Question,
)
from elboproof.posterior.ratios import Ratios
from elboproof.posterior.root import gaussians
from elboproof.posterior.stationary import stationary_posterior
from elboproof.running.batches import prove_all
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import requested
from elboproof.running.rows import Items

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.axes import Axes

MOST_LATENTS = 3
PLOTTED = 4.0
"""Digits of log p(x) in a plot."""


@suggesting
class Posterior:
    """p(z|x) of one data point, or of N of them.

    Parameters
    ----------
    model
        With 1 to 3 latents and a likelihood that is bounded over z.
    x
        Shape (D,) or (N, D); exact as for ``ep.log_evidence``. Of N data points every answer has an axis N in front.
    digits
        Half width 10^-digits of every number that is asked for.
    seconds
        Limit for each question to each x; a method that answers with several numbers has it for all of them together.
    total_seconds
        Limit for each question to all x together; None for none.
    workers, progress
        As for ``ep.log_evidence``.
    resume
        A file that keeps the answers to all questions about these x, as for ``ep.log_evidence``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.

    Notes
    -----
    All methods return ``ep.Enclosure``, and raise ``ep.Undecided`` with the best one where the digits could not be
    proved; of one x it has a status for each number, of N a status for each x. Moments, expectations and quantiles need
    a prior that is Gaussian, a mixture of Gaussians, or zero outside of a box.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> posterior = ep.Posterior(model, ["0.7"])
    >>> print(f"{posterior.probability([('0.5', '0.7')]):.5S} {posterior.mean()[0]:.5S}")
    0.70912(1) 0.64266(1)
    """

    def __init__(
        self,
        model: LatentModel,
        x: Any,
        digits: float = 6,
        *,
        seconds: float = 60.0,
        total_seconds: float | None = None,
        workers: "int | Executor" = 1,
        progress: Listener | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> None:
        if not isinstance(model, LatentModel):
            raise no_model(model)
        (digits,) = require_positive(digits=digits)
        self._asked = (seconds, total_seconds, workers, progress, resume)
        requested(*self._asked)  # what is wrong is said here; the time counts from each question
        if model.latent_dim > MOST_LATENTS:
            raise bad("model", model, f"at most {MOST_LATENTS} latents")
        self._model, self._digits, self._data = model, float(digits), data_of(model, x)
        self._kept: dict[int, Ratios] = {}

    def __repr__(self) -> str:
        return f"Posterior({self._model!r}, digits={self._digits:g})"

    def probability(self, box: Sequence[object]) -> Enclosure:
        """Return P(z in the box | x), shape (); ``box`` is one (low, high) for each latent, "inf" allowed."""
        return self._answer(Probability(self._intervals(box)))

    def expectation(self, g: str | Expr | Sequence[str | Expr]) -> Enclosure:
        """Return E[g(z) | x] of an expression in the latents, or of a list of them, shape () or (K,).

        Raises
        ------
        TypeError, ValueError
            If an entry is no expression in the latents, or the prior is none of those that have moments here.
        Undecided
            As every method, see `Posterior`.
        """
        self._require_box()
        batch = isinstance(g, list | tuple | np.ndarray)
        entries = list(unwrapped(g, "g")) if batch else [g]
        if not entries:
            raise bad("g", g, "at least one expression")
        read = tuple(self._read(e, f"g[{j}]" if batch else "g") for j, e in enumerate(entries))
        found = self._answer(Expectations(read))
        return found if batch else found[..., 0]

    def mean(self) -> Enclosure:
        """Return E[z | x], shape (d,)."""
        self._require_box()
        return self._answer(Means(tuple(self._model.latents)))

    def covariance(self) -> Enclosure:
        """Return Cov[z | x], shape (d, d)."""
        self._require_box()
        return self._answer(Covariance())

    def marginal(self, k: int | np.integer[Any], at: object) -> Enclosure:
        """Return p(z_k = at | x), a density per unit of z_k, shape (); latents count from 0."""
        return self._answer(Density(self._latent(k), exact(at, "at")))

    def quantile(self, k: int | np.integer[Any], p: object) -> Enclosure:
        """Return the t with P(z_k <= t | x) = p, shape (); latents count from 0.

        Raises
        ------
        TypeError, ValueError
            If there is no latent k, p is not between 0 and 1, or the prior is none of those that have quantiles here.
        Undecided
            As every method, see `Posterior`.
        """
        place, level = self._latent(k), exact(p, "p")
        if not 0 < level < 1:
            raise bad("p", p, "a number between 0 and 1")
        self._require_box()
        return self._answer(Quantile(place, level))

    def kl(self, q: GaussianPosterior | Sequence[GaussianPosterior] | GaussianPosteriors) -> Enclosure:
        """Return KL(q || p(z|x)) = log p(x) - ELBO(q) in nats, shape (); one q for all x, or one for each."""
        posteriors = posteriors_for(q, len(self._data), self._model.latent_dim)
        require_positive_prior(self._model, time.monotonic() + requested(*self._asked).limit)
        return self._answer(Divergence(tuple(posteriors)))

    def _answer(self, question: Question) -> Enclosure:
        """Return the answers of all rows, shape (..., ) or (N, ...)."""
        model, data, request = self._model, self._data, requested(*self._asked)
        shape = question.shape(model.latent_dim)
        totals = require_probability(model, time.monotonic() + request.limit)
        rows = prove_all(
            Asker(model, self._digits, question, totals, self._kept),
            Items(tuple((n, Data(row)) for n, row in enumerate(np.atleast_2d(data.array)))),
            several(int(np.prod(shape))),
            seconds=request.seconds,
            end=request.end,
            trials=False,
            workers=request.workers,
            progress=request.progress,
            file=request.file(
                lambda: head_of(model, data, self._digits) | {"what": "posterior"},
                f"{question.what} {fingerprint(question)[:16]}",
            ),
        )
        return _joined(rows, question, shape, data.batch)

    def plot(self, ax: "Axes | None" = None, *, q: GaussianPosterior | None = None) -> "Axes":
        """Draw p(z|x) and a Gaussian q: densities of one latent, contours at 1/2, 1/10, 1/100 of the peak of two.

        Parameters
        ----------
        ax
            To draw on; those of a new figure if not given: ``posterior.plot().figure.savefig("posterior.png")``.
        q
            The Gaussian; that of ``ep.stationary_posterior`` if not given.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the kind described, or there are three latents or N data points.
        Undecided
            If log p(x), or where no q is given a best one, could not be proved.

        Notes
        -----
        The curves are in float64 and no proofs. They are drawn where a grid within 8 standard deviations of the prior
        and of q finds mass.
        """
        from elboproof.plotting import at_most_two
        from elboproof.posterior.posterior_plot import drawn

        at_most_two("model", self._model.latent_dim, "latents")
        if self._data.batch:
            raise bad("x", f"{len(self._data)} data points", "one data point to plot")
        x, request = self._data.rows[0], requested(*self._asked)
        if q is not None:
            posteriors_for(q, 1, self._model.latent_dim)
        chosen = q or stationary_posterior(self._model, list(x), digits=4, seconds=request.seconds).posterior
        ratios = self._kept.setdefault(0, Ratios(self._model, self._data, self._digits))
        whole = ratios.evidence(PLOTTED, time.monotonic() + request.limit)
        told([row_of(whole.lower.union(whole.upper), whole.status)], "log evidences", "answer")
        log_p = float(whole.lower.union(whole.upper).mid())
        return drawn(self._model, [float(value) for value in x], log_p, chosen, q is None, ax)

    def _require_box(self) -> None:
        """Raise unless the prior is one beyond whose box everything is bounded."""
        prior, d = self._model.prior, self._model.latent_dim
        unbounded = any(abs(end) == float("inf") for interval in prior.domain(d) for end in interval)
        if unbounded and not gaussians(prior, d):
            raise bad(
                "prior", prior, "a prior that is Gaussian, a mixture of Gaussians, or zero outside of a box"
            )

    def _latent(self, k: object) -> int:
        d = self._model.latent_dim
        if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 0 <= k < d:
            raise bad("k", k, f"the place of a latent, 0 to {d - 1}")
        return int(k)

    def _read(self, entry: object, name: str) -> Expr:
        latents = self._model.latents
        g = entry_of(entry, {str(z): z for z in latents}, name)
        domain = self._model.prior.domain(self._model.latent_dim)
        probed = Quantities(latents, (), None, (g,), lambda _, tape: [tape.lower(g)], lambda: None, domain)
        require_real_everywhere(probed, 0, entry, name, "an expression")
        return g

    def _intervals(self, box: Sequence[object]) -> tuple[Interval, ...]:
        d = self._model.latent_dim
        given = unwrapped(box, "box")
        pairs = number_list(given, "box", d) if d > 1 or _nested(given) else [given]
        try:
            return PriorDensity("0", pairs, normalised=False).box  # reads and checks ends
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("domain", "box", 1)) from error


def _nested(box: Any) -> bool:
    """Whether it is a list of intervals, and not the one interval of one latent."""
    return hasattr(box, "__len__") and (len(box) == 1 or any(isinstance(end, list | tuple) for end in box))


def _joined(rows: Sequence[Several], question: Question, shape: tuple[int, ...], batch: bool) -> Enclosure:
    """Return answers as one enclosure.

    Raises
    ------
    Undecided
        If one has a status: of N data points one for each, of one data point one for each number.
    """
    numbers = [one for row in rows for one in row.rows]
    enclosure = enclosure_of(numbers).reshape(*((len(rows), *shape) if batch else shape or (1,)))
    if question.least is not None:
        enclosure = enclosure.at_least(question.least)
    statuses = tuple(row.status for row in (rows if batch else numbers))
    if any(statuses):
        raise Undecided(enclosure, statuses, question.what, "x" if batch else "answer")
    return enclosure if batch or shape else enclosure[0]
