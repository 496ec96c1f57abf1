"""What can be asked of p(z|x), row by row: each question is a record that workers and files can be given."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, Protocol

import sympy
from flint import arb
from sympy import Expr

from elboproof.evidence.prior_totals import Totals, remember
from elboproof.model.data import Data
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.model.quantities import EVERYWHERE, Interval
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosed_rows import Several, row_of, shares
from elboproof.numbers.exact import ball_of
from elboproof.posterior.elbo import one_elbo
from elboproof.posterior.quantile import Bracket, narrowed
from elboproof.posterior.ratios import ONE, SPARE, Answer, Ratios
from elboproof.running.rows import Items

RARE = "a level that is as rare as what lies outside of all cells"


class Question(Protocol):
    """One question; ``what`` names its answers in the plural, ``least`` is a number that none is below."""

    what: ClassVar[str]
    least: ClassVar[int | None]

    def shape(self, d: int) -> tuple[int, ...]:
        """Return the shape of the answer for d latents."""

    def answers(self, ratios: Ratios, n: int, deadline: float) -> Sequence[Answer]:
        """Return the numbers for row n, in order."""


@dataclass(frozen=True)
class Probability:
    """P(z in the box | x)."""

    box: tuple[Interval, ...]
    what: ClassVar[str] = "posterior probabilities"
    least: ClassVar[int | None] = 0

    def shape(self, _: int) -> tuple[int, ...]:
        """Return (): one number."""
        return ()

    def answers(self, ratios: Ratios, _: int, deadline: float) -> Sequence[Answer]:
        """Return the probability."""
        return [ratios.probability(self.box, ratios.digits, deadline)]


@dataclass(frozen=True)
class Expectations:
    """E[g(z) | x] of some functions."""

    functions: tuple[Expr, ...]
    what: ClassVar[str] = "posterior expectations"
    least: ClassVar[int | None] = None

    def shape(self, _: int) -> tuple[int, ...]:
        """Return (K,)."""
        return (len(self.functions),)

    def answers(self, ratios: Ratios, _: int, deadline: float) -> Sequence[Answer]:
        """Return the expectations."""
        return _expected(ratios, self.functions, deadline)


@dataclass(frozen=True)
class Means(Expectations):
    """E[z | x]."""

    what: ClassVar[str] = "posterior means"


@dataclass(frozen=True)
class Covariance:
    """Cov[z | x]."""

    what: ClassVar[str] = "posterior covariances"
    least: ClassVar[int | None] = None

    def shape(self, d: int) -> tuple[int, ...]:
        """Return (d, d)."""
        return (d, d)

    def answers(self, ratios: Ratios, _: int, deadline: float) -> Sequence[Answer]:
        """Return the entries, row by row."""
        d, latents = ratios.model.latent_dim, ratios.model.latents
        means = _expected(ratios, latents, deadline)
        # around a number near the mean: the square of the mean would cancel digits, and its error would count once
        centres = [
            Fraction(float(ball.mid())).limit_denominator(10**6) if ball.is_finite() else Fraction(0)
            for ball, _ in means
        ]
        offsets = [
            z - sympy.Rational(c.numerator, c.denominator) for z, c in zip(latents, centres, strict=True)
        ]
        places = [(j, k) for j in range(d) for k in range(j + 1)]
        with working_precision(ratios.bits):
            shifts = [ball - ball_of(c) for (ball, _), c in zip(means, centres, strict=True)]
        squares = _expected(ratios, [offsets[j] * offsets[k] for j, k in places], deadline, SPARE)
        found = {}
        with working_precision(ratios.bits):
            for (j, k), (ball, why) in zip(places, squares, strict=True):
                found[j, k] = found[k, j] = (ball - shifts[j] * shifts[k], why)
        return [_checked(found[j, k], ratios.digits) for j in range(d) for k in range(d)]


@dataclass(frozen=True)
class Density:
    """p(z_k = at | x)."""

    k: int
    at: Fraction
    what: ClassVar[str] = "marginal densities"
    least: ClassVar[int | None] = 0

    def shape(self, _: int) -> tuple[int, ...]:
        """Return (): one number."""
        return ()

    def answers(self, ratios: Ratios, _: int, deadline: float) -> Sequence[Answer]:
        """Return the density."""
        return [ratios.density(self.k, self.at, ratios.digits, deadline)]


@dataclass(frozen=True)
class Quantile:
    """The t with P(z_k <= t | x) = level."""

    k: int
    level: Fraction
    what: ClassVar[str] = "posterior quantiles"
    least: ClassVar[int | None] = None

    def shape(self, _: int) -> tuple[int, ...]:
        """Return (): one number."""
        return ()

    def answers(self, ratios: Ratios, _: int, deadline: float) -> Sequence[Answer]:
        """Return the quantile."""
        place, level = self.k, self.level
        box = ratios.root(ONE, deadline)[0].box
        low, high = (Fraction(end) for end in box[place])
        bracket = Bracket(low, high)

        def below(t: Fraction, digits: float) -> Answer:
            # of the rarer side, whose probability has digits of its own
            half: list[Interval] = [EVERYWHERE] * len(box)
            half[place] = (-float("inf"), t) if level <= Fraction(1, 2) else (t, float("inf"))
            ball, why = ratios.probability(half, digits, deadline)
            return (ball if level <= Fraction(1, 2) else 1 - ball), why

        with working_precision(ratios.bits):
            outside, why = ratios.outside(deadline)
            if not why:
                rare = not outside < ball_of(min(level, 1 - level))
                why = RARE if rare else narrowed(below, bracket, level, ratios.digits)
            return [(bracket.ball(), why)]


@dataclass(frozen=True)
class Divergence:
    """KL(q || p(z|x)), with a q for each row."""

    posteriors: tuple[GaussianPosterior, ...]
    what: ClassVar[str] = "divergences"
    least: ClassVar[int | None] = 0

    def shape(self, _: int) -> tuple[int, ...]:
        """Return (): one number."""
        return ()

    def answers(self, ratios: Ratios, n: int, deadline: float) -> Sequence[Answer]:
        """Return log p(x) - ELBO(q)."""
        digits = ratios.digits + SPARE
        whole = ratios.evidence(digits, deadline)
        ball, why = one_elbo(ratios.model, ratios.data.rows[0], self.posteriors[n], digits, deadline)
        with working_precision(ratios.bits):
            log_p = whole.lower.union(whole.upper) if whole.lower.is_finite() else arb(0, math.inf)
            difference = log_p - ball
            # a divergence is at least 0
            if difference.lower() < 0 < difference.upper():
                difference = arb(0).union(difference.upper())
        return [_checked((difference, whole.status or why), ratios.digits)]


@dataclass(frozen=True)
class Asker:
    """Asks one question of rows (number, x); what is proved of each row's integrals is kept in this process."""

    model: LatentModel
    digits: float
    question: Question
    totals: Totals
    kept: dict[int, Ratios] = field(default_factory=dict)

    def __call__(self, items: Items, seconds: float) -> list[Several]:
        """Return the answers, each row within its share of the seconds."""
        remember(self.totals)
        limits = shares(len(items), seconds)
        return [self._of(n, data, deadline) for (n, data), deadline in zip(items.each, limits, strict=True)]

    def _of(self, n: int, data: Data, deadline: float) -> Several:
        ratios = self.kept.setdefault(n, Ratios(self.model, data, self.digits))
        return Several(tuple(row_of(*one) for one in self.question.answers(ratios, n, deadline)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is kept: its balls cannot be sent."""
        return type(self), (self.model, self.digits, self.question, self.totals)


def _expected(ratios: Ratios, functions: Sequence[Expr], deadline: float, spare: float = 0.0) -> list[Answer]:
    return [ratios.expectation(g, ratios.digits + spare, deadline) for g in functions]


def _checked(answer: Answer, digits: float) -> Answer:
    """Return a number with a status only where its own digits are missing."""
    ball, why = answer
    narrow = ball.is_finite() and ball.rad() <= arb(10) ** -arb(digits)
    return ball, "" if narrow else why or "a difference has fewer digits than its terms"
