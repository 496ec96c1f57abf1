"""W(z) = -log p(x|z) of one datum, for n replicates of it: U = V + n W, v = 1 / n.

For an exponential family, whose log density is affine in x, n data with the mean x have the same W up to what no z
changes; so x may be any mean of data. Of other families x is the one datum that all replicates are equal to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement, islice, product
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_mat, fmpq
from sympy import Expr, Rational, Symbol
from sympy.utilities.iterables import multiset_permutations

from elboproof.arguments import bad
from elboproof.arrays import FloatArray
from elboproof.expansion.inversion import TURNS, exact_solutions
from elboproof.expansion.misfit import BITS, ball, short
from elboproof.expansion.modes import MOST_OPERATIONS, UnwieldyError, parts
from elboproof.expansion.potential import Floats, float_data
from elboproof.expansion.wick import Tensor
from elboproof.model.continuous import StudentT, VonMises
from elboproof.model.discrete import Categorical
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Likelihood
from elboproof.model.separable import Separable
from elboproof.model.supports import Support
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import (
    JumpError,
    Moment0,
    Moment1,
    Moment2,
    Moment3,
    Moment4,
    Moment5,
    Sigmoid,
    Softplus,
)
from elboproof.numbers.interruption import Interruption
from elboproof.numbers.tape import Tape
from elboproof.numbers.undecided import Undecided

OF_EXP = (Sigmoid, Softplus, Moment0, Moment1, Moment2, Moment3, Moment4, Moment5)
"""Of the families' log partitions: rational in exponentials, or their logarithms."""
ON_IMAGE = 1e-9
"""Of 1 + |x|: scores at the mode that floats cannot tell from 0."""
MOST_CHOICES = 64
"""Of best outputs that exact latents are looked for at."""
TIED = 1e-12
"""Of 1 + |W|: a difference that floats cannot tell from 0."""


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """W(z) = -log p(x|z) up to the base measure of x, with its derivatives, exact and in balls.

    Attributes
    ----------
    model : LatentModel
    data : (D,)
        x, rationals.
    deadline
        On the clock ``time.monotonic()``.
    """

    model: LatentModel
    data: tuple[Rational, ...]
    deadline: float = math.inf

    @property
    def name(self) -> str:
        """What W is called in sentences."""
        return "-log p(x|z)"

    @property
    def met(self) -> str:
        """What the mode is where x is on the image."""
        return "f(z0) are the best outputs for x, with scores 0"

    def interrupted(self) -> Interruption:
        """Return the time limit for a block of SymPy's work."""
        return Interruption(self.deadline)

    @cached_property
    def short(self) -> bool:
        """Whether the model is written in expressions, and all rationals are short enough for SymPy."""
        return bool(self.model.decoder) and short([self._expression])

    @cached_property
    def _expression(self) -> Expr:
        return -self.model.likelihood.log_density(self.model.outputs, self.data)

    def exact_derivative(self, order: int, point: tuple[Expr, ...]) -> Tensor:
        """Return D^k W at an exact point, shape (d,) * k.

        Raises
        ------
        UnwieldyError
            If a derivative is too long an expression for SymPy to bring into a short form, or beyond those known.
        """
        latents = self.model.latents
        values = dict(zip(latents, point, strict=True))
        result = np.empty((len(latents),) * order, dtype=object)
        for direction in combinations_with_replacement(range(len(latents)), order):
            try:
                slope: Any = self._expression.diff(*(latents[a] for a in direction))
            except IndexError as error:  # a moment beyond those that the number systems know
                raise UnwieldyError from error
            number = slope.subs(values, simultaneous=True).rewrite(OF_EXP, sympy.exp)
            if parts(number) > 4 * MOST_OPERATIONS:
                raise UnwieldyError
            for place in multiset_permutations(list(direction)):
                result[tuple(place)] = sympy.cancel(number)
        return result

    def ball_derivative(self, order: int, point: tuple[arb, ...]) -> Tensor:
        """Return enclosures of D^k W over a box, shape (d,) * k.

        Raises
        ------
        Undecided
            If the likelihood's derivatives of this order are not known.
        """
        d = self.model.latent_dim
        # each value encloses a derivative of log p over the whole box; partial derivatives commute
        values = self._derivatives(order)(*point, *self._balls)
        result = np.empty((d,) * order, dtype=object)
        for direction, value in zip(combinations_with_replacement(range(d), order), values, strict=True):
            for place in multiset_permutations(list(direction)) if direction else [()]:
                result[tuple(place)] = -arb(value)
        return result

    def _derivatives(self, order: int) -> Any:
        try:
            return self.model.quantities.compiled("log_likelihood", order, REAL_BALLS)
        except IndexError as error:  # a moment beyond those that the number systems know
            missing = f"derivatives of order {order} of {self.model.likelihood} are not known"
            raise Undecided(Enclosure(0.0, np.inf), (missing,), "gap laws") from error

    @property
    def _balls(self) -> list[arb]:
        return [arb(fmpq(int(x.p), int(x.q))) for x in self.data]

    def log_mass(self, at: tuple[arb, ...]) -> float:
        """Return log p(z0) - log det Hess W / 2 for the prior p, in nats."""
        with working_precision(BITS):
            (energy,) = self.model.prior_quantities.compiled("energy", 0, REAL_BALLS)(*at)
            hessian = arb_mat(self.ball_derivative(2, at).tolist()).det()
            return -float(hessian.log()) / 2 - float(energy.mid())

    def floats(self, z: FloatArray) -> Floats:
        """Return W (N,), grad W (N, d) and Hess W (N, d, d) at points (N, d), W infinite where it overflows."""
        n, d = z.shape
        values = self.model.quantities.compiled_jet("log_likelihood", 2, FLOATING)(
            *z.T, *float_data(self.data)
        )
        level, *rest = (-np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)) for value in values)
        bend = np.empty((n, d, d))
        for (a, b), value in zip(combinations_with_replacement(range(d), 2), rest[d:], strict=True):
            bend[:, a, b] = bend[:, b, a] = value
        return np.where(np.isfinite(level), level, np.inf), np.stack(rest[:d], -1), bend

    # -- what x is to the decoder's image --

    @property
    def tolerance(self) -> float:
        """The size of the scores below which x counts as on the image."""
        return ON_IMAGE * (1 + float(np.abs(float_data(self.data)).max()))

    def distance_at(self, z: FloatArray) -> float:
        """Return the size of the outputs' scores d log p(x|f) / df, in balls at a float place."""
        with working_precision(BITS):
            return self.distance(tuple(map(arb, z.tolist())))

    def distance(self, at: tuple[arb, ...]) -> float:
        """Return the size of the outputs' scores at a mode: zero where x is on the image."""
        outputs = self._decoded(*at, *[None] * self.model.data_dim)
        scores = self._scores(*outputs, *self._balls)
        return float(sum((s * s for s in map(arb, scores)), arb(0)).mid().sqrt())

    @cached_property
    def _decoded(self) -> Any:
        name = "outputs" if self.model.decoder else "decoder"
        return self.model.quantities.compiled(name, 0, REAL_BALLS)

    @cached_property
    def _scores(self) -> Any:
        outputs, x = _symbols("f", self.model.output_dim), _symbols("x", self.model.data_dim)
        density = self.model.likelihood.log_density(outputs, x)
        tape = Tape([*outputs, *x])
        return compile_tape(tape, [tape.lower(density.diff(f)) for f in outputs], REAL_BALLS)

    def as_near(self, levels: FloatArray) -> FloatArray:
        """Return which of the minima with these W are the lowest ones."""
        lowest = levels.min()
        return np.asarray(levels <= lowest + TIED * (1 + abs(lowest)))

    def away(self, lowest: float) -> str:
        """Return why x is refused where it is not on the image."""
        return (
            f"for which no latent gives the best outputs: at the likeliest one their scores have size {lowest:.6g}; "
            "expected a point of the image (or pass nearest=True for the law at the likeliest latent)"
        )

    def apart(self, distance: float) -> str:
        """Return what the mode is where x is not on the image."""
        return f"z0 is the likeliest latent, where the outputs' scores have size {distance:.6g}"

    def nowhere(self) -> str:
        """Return why x is refused where no minimum was found, with the entries at an end of their range."""
        support = self.model.likelihood.support
        ends = [f"x[{j}]" for j, x in enumerate(self.data) if x in {support.of(j).low, support.of(j).high}]
        where = (
            f" ({', '.join(ends)} at an end of its range, where a supremum may be at infinity)"
            if ends
            else ""
        )
        return f"no latent of greatest likelihood was found{where}; expected data with an isolated one"

    def solutions(self) -> list[tuple[Expr, ...]]:
        """Return latents at which outputs are the best ones for x, as far as elementary inverses find them."""
        best = [_best_outputs(self.model.likelihood, j, x) for j, x in enumerate(self.data)]
        known = [(f, values) for f, values in zip(self.model.decoder, best, strict=False) if values]
        # the best angles of von Mises likelihoods are several for each output: the first combinations must do
        chosen = islice(product(*(values for _, values in known)), MOST_CHOICES)
        entries = [f for f, _ in known]
        return [
            point
            for values in (chosen if known else ())
            for point in exact_solutions(self.model.latents, list(zip(entries, values, strict=True)))
        ]


def _symbols(letter: str, count: int) -> list[Symbol]:
    return [Symbol(f"{letter}_{k}", real=True) for k in range(count)]


def _best_outputs(likelihood: Likelihood, j: int, x: Rational) -> list[Expr]:
    """Return outputs of greatest likelihood: of locations x, else where the score is affine in e^f, or none."""
    if isinstance(likelihood, StudentT):
        return [x]
    if isinstance(likelihood, VonMises):
        return [x + 2 * sympy.pi * turn for turn in TURNS]
    if not isinstance(likelihood, Separable):
        return []
    f, power = Symbol("f", real=True), Symbol("power", positive=True)
    kernel = type(likelihood).kernel(f, x, *likelihood.parameters_of(j))
    score = kernel.diff(f).rewrite(OF_EXP, sympy.exp).subs(sympy.exp(f), power)
    numerator = sympy.together(score).as_numer_denom()[0]
    if numerator.has(f) or not numerator.is_polynomial(power) or sympy.degree(numerator, power) != 1:
        return []
    (root,) = sympy.roots(sympy.Poly(numerator, power))
    return [sympy.log(root)] if root.is_positive else []


def affine_in_data(likelihood: Likelihood, outputs: int, entries: int) -> bool:
    """Return whether the log density of a family is affine in x, so that n data enter by their mean."""
    if not isinstance(likelihood, Separable | Categorical):
        return False
    f, x = _symbols("f", outputs), _symbols("x", entries)
    density = likelihood.log_density(f, x)
    return not any(density.diff(a).has(*x) for a in x)


def require_replicates(model: LatentModel, data: Sequence[Rational]) -> None:
    """Raise ``ValueError`` for a likelihood with kinks, or data that are no mean of its data."""
    likelihood = model.likelihood
    try:
        model.quantities.compiled("log_likelihood", 2, REAL_BALLS)(
            *[arb(1) / 3] * model.latent_dim, *[arb(1) / 7] * model.data_dim
        )
    except JumpError as error:
        raise bad(
            "model.likelihood",
            likelihood,
            "one with derivatives of all orders: the gap law is a Taylor expansion",
        ) from error
    means(likelihood, model).require_row([ball(x) for x in data], "x")


def means(likelihood: Likelihood, model: LatentModel) -> Support:
    """Return what x may be: means of data for a family that is affine in x, else its data."""
    support = likelihood.support
    if not affine_in_data(likelihood, model.output_dim, model.data_dim):
        return support
    entries = tuple(replace(one, whole=False) for one in support.entries)
    return Support(f"a mean of {support.requirement}", entries, support.groups)
