"""What p(z|x) says of z, for one x: probabilities, moments, marginal densities and quantiles, each with a proof."""

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr

from elboproof.arguments import bad, require_positive, suggesting, wrong_type
from elboproof.arrays import number_list, unwrapped
from elboproof.model.data import data_of
from elboproof.model.decoder_entries import entry_of, require_real_everywhere
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.model.prior_density import PriorDensity
from elboproof.model.quantities import EVERYWHERE, Interval, Quantities
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.elbo import one_elbo, require_positive_prior
from elboproof.posterior.quantile import Bracket, narrowed
from elboproof.posterior.ratios import ONE, SPARE, Answer, Ratios
from elboproof.posterior.root import gaussians
from elboproof.posterior.stationary import stationary_posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LATENTS = 3
PLOTTED = 4.0
"""Digits of log p(x) in a plot."""
RARE = "a level that is as rare as what lies outside of all cells"


@suggesting
class Posterior:
    """p(z|x) of one data point.

    Parameters
    ----------
    model
        With 1 to 3 latents and a likelihood that is bounded over z.
    x
        Shape (D,); exact as for ``ep.log_evidence``.
    digits
        Half width 10^-digits of every number that is asked for.
    seconds
        Limit for each question; a method that answers with several numbers has it for all of them together.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.

    Notes
    -----
    All methods return ``ep.Enclosure``, and raise ``ep.Undecided`` with the best one where the digits could not be
    proved. Moments, expectations and quantiles need a prior that is Gaussian, a mixture of Gaussians, or zero outside
    of a box.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> posterior = ep.Posterior(model, ["0.7"])
    >>> print(f"{posterior.probability([('0.5', '0.7')]):.5S} {posterior.mean()[0]:.5S}")
    0.70912(1) 0.64266(1)
    """

    def __init__(self, model: LatentModel, x: Any, digits: float = 6, *, seconds: float = 60.0) -> None:
        if not isinstance(model, LatentModel):
            raise wrong_type("model", model, "an ep.LatentModel")
        digits, seconds = require_positive(digits=digits, seconds=seconds)
        if model.latent_dim > MOST_LATENTS:
            raise bad("model", model, f"at most {MOST_LATENTS} latents")
        data = data_of(model, x)
        if data.batch:
            raise bad("x", x, f"one data point of shape ({model.data_dim},)")
        self._model, self._digits, self._seconds = model, float(digits), seconds
        self._ratios = Ratios(model, data, float(digits))

    def __repr__(self) -> str:
        return f"Posterior({self._model!r}, digits={self._digits:g})"

    def probability(self, box: Sequence[object]) -> Enclosure:
        """Return P(z in the box | x), shape (); ``box`` is one (low, high) for each latent, "inf" allowed."""
        intervals = self._intervals(box)
        answer = self._ratios.probability(intervals, self._digits, self._deadline())
        return self._told([answer], "posterior probabilities").at_least(0)[0]

    def expectation(self, g: str | Expr | Sequence[str | Expr]) -> Enclosure:
        """Return E[g(z) | x] of an expression in the latents, or of a list of them, shape () or (N,)."""
        self._require_box()
        batch = isinstance(g, list | tuple)
        entries = list(g) if batch else [g]
        if not entries:
            raise bad("g", g, "at least one expression")
        read = [self._read(e, f"g[{j}]" if batch else "g") for j, e in enumerate(entries)]
        found = self._expectations(read, self._deadline())
        enclosure = self._told(found, "posterior expectations")
        return enclosure if batch else enclosure[0]

    def mean(self) -> Enclosure:
        """Return E[z | x], shape (d,)."""
        self._require_box()
        return self._told(self._expectations(self._model.latents, self._deadline()), "posterior means")

    def covariance(self) -> Enclosure:
        """Return Cov[z | x], shape (d, d)."""
        self._require_box()
        deadline, d, latents = self._deadline(), self._model.latent_dim, self._model.latents
        means = self._expectations(latents, deadline)
        # around a number near the mean: the square of the mean would cancel digits, and its error would count once
        centres = [
            Fraction(float(ball.mid())).limit_denominator(10**6) if ball.is_finite() else Fraction(0)
            for ball, _ in means
        ]
        offsets = [
            z - sympy.Rational(c.numerator, c.denominator) for z, c in zip(latents, centres, strict=True)
        ]
        places = [(j, k) for j in range(d) for k in range(j + 1)]
        with working_precision(self._ratios.bits):
            shifts = [ball - ball_of(c) for (ball, _), c in zip(means, centres, strict=True)]
        squares = self._expectations([offsets[j] * offsets[k] for j, k in places], deadline, SPARE)
        found = {}
        with working_precision(self._ratios.bits):
            for (j, k), (ball, why) in zip(places, squares, strict=True):
                found[j, k] = found[k, j] = (ball - shifts[j] * shifts[k], why)
        entries = [self._checked(found[j, k]) for j in range(d) for k in range(d)]
        return self._told(entries, "posterior covariances").reshape(d, d)

    def marginal(self, k: int | np.integer[Any], at: object) -> Enclosure:
        """Return p(z_k = at | x), a density per unit of z_k, shape (); latents count from 0."""
        place = self._latent(k)
        answer = self._ratios.density(place, exact(at, "at"), self._digits, self._deadline())
        return self._told([answer], "marginal densities").at_least(0)[0]

    def quantile(self, k: int | np.integer[Any], p: object) -> Enclosure:
        """Return the t with P(z_k <= t | x) = p, shape ()."""
        place, level = self._latent(k), exact(p, "p")
        if not 0 < level < 1:
            raise bad("p", p, "a number between 0 and 1")
        self._require_box()
        deadline = self._deadline()
        box = self._ratios.root(ONE, deadline)[0].box
        low, high = (Fraction(end) for end in box[place])
        bracket = Bracket(low, high)

        def below(t: Fraction, digits: float) -> Answer:
            # of the rarer side, whose probability has digits of its own
            half: list[Interval] = [EVERYWHERE] * len(box)
            half[place] = (-float("inf"), t) if level <= Fraction(1, 2) else (t, float("inf"))
            ball, why = self._ratios.probability(half, digits, deadline)
            return (ball if level <= Fraction(1, 2) else 1 - ball), why

        with working_precision(self._ratios.bits):
            outside, why = self._ratios.outside(deadline)
            if not why:
                rare = not outside < ball_of(min(level, 1 - level))
                why = RARE if rare else narrowed(below, bracket, level, self._digits)
            return self._told([(bracket.ball(), why)], "posterior quantiles")[0]

    def kl(self, q: GaussianPosterior) -> Enclosure:
        """Return KL(q || p(z|x)) = log p(x) - ELBO(q) in nats, shape ()."""
        self._require_q(q)
        deadline, digits = self._deadline(), self._digits + SPARE
        require_positive_prior(self._model, deadline)
        whole = self._ratios.evidence(digits, deadline)
        ball, why = one_elbo(self._model, self._ratios.data.rows[0], q, digits, deadline)
        with working_precision(self._ratios.bits):
            log_p = whole.lower.union(whole.upper) if whole.lower.is_finite() else arb(0, float("inf"))
            difference = log_p - ball
            # a divergence is at least 0
            if difference.lower() < 0 < difference.upper():
                difference = arb(0).union(difference.upper())
        return self._told([self._checked((difference, whole.status or why))], "divergences")[0]

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
            If an argument is not of the kind described, or there are three latents.
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
        x, deadline = self._ratios.data.rows[0], self._deadline()
        if q is not None:
            self._require_q(q)
        chosen = q or stationary_posterior(self._model, list(x), digits=4, seconds=self._seconds).posterior
        whole = self._ratios.evidence(PLOTTED, deadline)
        log_p = self._told([(whole.lower.union(whole.upper), whole.status)], "log evidences").midpoint
        numbers = [float(value) for value in x]
        return drawn(self._model, numbers, float(log_p[0]), chosen, q is None, ax)

    def _require_q(self, q: object) -> None:
        d = self._model.latent_dim
        if not isinstance(q, GaussianPosterior):
            raise wrong_type("q", q, "an ep.GaussianPosterior")
        if q.latent_dim != d:
            raise ValueError(f"q: got {q.latent_dim} dimensions; expected {d}, the model's latents")

    def _deadline(self) -> float:
        return time.monotonic() + self._seconds

    def _expectations(self, functions: Sequence[Expr], deadline: float, spare: float = 0.0) -> list[Answer]:
        return [self._ratios.expectation(g, self._digits + spare, deadline) for g in functions]

    def _checked(self, answer: Answer) -> Answer:
        """Return a number with a status only where its own digits are missing."""
        ball, why = answer
        narrow = ball.is_finite() and ball.rad() <= arb(10) ** -arb(self._digits)
        return ball, "" if narrow else why or "a difference has fewer digits than its terms"

    @staticmethod
    def _told(answers: Sequence[Answer], what: str) -> Enclosure:
        enclosure = Enclosure.from_balls([ball for ball, _ in answers])
        statuses = tuple(why for _, why in answers)
        if any(statuses):
            raise Undecided(enclosure, statuses, what, "answer")
        return enclosure

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
    return hasattr(box, "__len__") and len(box) == 1
