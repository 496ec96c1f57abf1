"""Likelihoods of counts and classes: Bernoulli, binomial, Poisson, negative binomial, categorical."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sympy
from sympy import Expr, Rational, Symbol

from elboproof.arguments import Sealed, bad, suggesting, wrong_type
from elboproof.arrays import FloatArray
from elboproof.model.base_measures import Operations
from elboproof.model.blocks import Block, Rule, log_density
from elboproof.model.per_output import PerOutput, per_output
from elboproof.model.separable import Separable, entropy_term
from elboproof.model.supports import Entries, Support
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.functions import Softplus


@suggesting
@dataclass(frozen=True, repr=False)
class Bernoulli(Separable):
    """Independent Bernoulli outputs; the decoder gives the LOGITS.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z", "2*z"], ep.Bernoulli())
    >>> print(ep.log_evidence(model, [1, 0]).midpoint.round(8))
    -1.68569243
    """

    gives: ClassVar[str] = "logits"
    data: ClassVar[str] = "zeros and ones, the data of a Bernoulli likelihood"

    @staticmethod
    def kernel(f: Expr, x: Expr) -> Expr:
        """Return x f - softplus(f)."""
        # With p = 1/(1 + e^-f): x log p + (1 - x) log(1 - p) = x f - log(1 + e^f) for x = 0 and x = 1.
        return x * f - Softplus(f)

    @staticmethod
    def supremum(x: BallArray) -> BallArray:
        """Return 0: probabilities are at most 1."""
        return BallArray(np.zeros(x.shape))

    @staticmethod
    def entries() -> Entries:
        """Return 0 and 1."""
        return Entries(low=0, high=1, whole=True)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples."""
        return np.asarray((generator.random(f.shape) < _sigmoid(f)), dtype=np.float64)


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class Binomial(Separable):
    """Independent binomial outputs: successes among ``trials``; the decoder gives the LOGITS.

    Parameters
    ----------
    trials
        One positive integer, or D of them.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z"], ep.Binomial(10))
    >>> print(ep.log_evidence(model, [3]).midpoint.round(8))
    -2.15168439
    """

    trials: PerOutput
    gives: ClassVar[str] = "logits"
    data: ClassVar[str] = "integers from 0 to the number of trials, the data of a binomial likelihood"

    def __init__(self, trials: object) -> None:
        object.__setattr__(self, "trials", per_output(trials, "trials", whole=True))

    @staticmethod
    def kernel(f: Expr, x: Expr, trials: Rational) -> Expr:
        """Return x f - n softplus(f)."""
        return x * f - trials * Softplus(f)

    @staticmethod
    def base(x: Any, numbers: Operations, trials: Any) -> Any:
        """Return the logarithm of the binomial coefficient."""
        one = numbers.log_gamma
        return one(trials + 1) - one(x + 1) - one(trials - x + 1)

    @staticmethod
    def supremum(x: BallArray, trials: BallArray) -> BallArray:
        """Return x log(x/n) + (n - x) log((n - x)/n), at the logit of x/n."""
        return entropy_term(x) + entropy_term(trials - x) - trials * trials.log()

    @staticmethod
    def entries(trials: Rational) -> Entries:
        """Return 0, 1, ..., n."""
        return Entries(low=0, high=int(trials), whole=True)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, trials: float) -> FloatArray:
        """Return samples."""
        return np.asarray(generator.binomial(int(trials), _sigmoid(f)), dtype=np.float64)


@suggesting
@dataclass(frozen=True, repr=False)
class Poisson(Separable):
    """Independent Poisson outputs; the decoder gives the LOG RATES.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z"], ep.Poisson())
    >>> print(ep.log_evidence(model, [2]).midpoint.round(8))
    -1.93193426
    """

    gives: ClassVar[str] = "log rates"
    data: ClassVar[str] = "integers 0, 1, 2, ..., the data of a Poisson likelihood"

    @staticmethod
    def kernel(f: Expr, x: Expr) -> Expr:
        """Return x f - e^f."""
        return x * f - sympy.exp(f)

    @staticmethod
    def base(x: Any, numbers: Operations) -> Any:
        """Return -log x!."""
        return -numbers.log_gamma(x + 1)

    @staticmethod
    def supremum(x: BallArray) -> BallArray:
        """Return x log x - x, at the log rate log x."""
        return entropy_term(x) - x

    @staticmethod
    def entries() -> Entries:
        """Return 0, 1, 2, ..."""
        return Entries(low=0, whole=True)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples."""
        return np.asarray(generator.poisson(np.exp(f)), dtype=np.float64)


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class NegativeBinomial(Separable):
    """Independent negative binomial outputs with mean e^f and variance e^f + e^2f / r; the decoder gives the LOG MEANS.

    Parameters
    ----------
    dispersion
        r, one positive number or D of them; as it grows the counts become Poisson's.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.
    """

    dispersion: PerOutput
    gives: ClassVar[str] = "log means"
    data: ClassVar[str] = "integers 0, 1, 2, ..., the data of a negative binomial likelihood"

    def __init__(self, dispersion: object) -> None:
        object.__setattr__(self, "dispersion", per_output(dispersion, "dispersion"))

    @staticmethod
    def kernel(f: Expr, x: Expr, r: Rational) -> Expr:
        """Return x g - (x + r) softplus(g) with g = f - log r."""
        # x log(mu / (mu + r)) + r log(r / (mu + r)), mu = r e^g: log(mu + r) = log r + softplus(g).
        g = f - sympy.log(r)
        return x * g - (x + r) * Softplus(g)

    @staticmethod
    def base(x: Any, numbers: Operations, r: Any) -> Any:
        """Return log of Gamma(x + r) / (Gamma(r) x!)."""
        return numbers.log_gamma(x + r) - numbers.log_gamma(r) - numbers.log_gamma(x + 1)

    @staticmethod
    def supremum(x: BallArray, r: BallArray) -> BallArray:
        """Return x log x + r log r - (x + r) log(x + r), at the mean x."""
        return entropy_term(x) + r * r.log() - entropy_term(x + r)

    @staticmethod
    def entries(r: Rational) -> Entries:  # noqa: ARG004
        """Return 0, 1, 2, ..."""
        return Entries(low=0, whole=True)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, r: float) -> FloatArray:
        """Return samples."""
        return np.asarray(generator.negative_binomial(r, r / (r + np.exp(f))), dtype=np.float64)


@suggesting
@dataclass(frozen=True, init=False)
class Categorical(Sealed):
    """Classes: x is one-hot, and the decoder gives one LOGIT for each class.

    Parameters
    ----------
    groups
        Sizes of consecutive groups of outputs, each with a one-hot x of its own; one group of all outputs if not
        given. The metric of the logits is singular: a constant added to a group's logits changes nothing.

    Raises
    ------
    TypeError, ValueError
        If the groups are no integers, each at least 2.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z", "0", "-z"], ep.Categorical())
    >>> print(ep.log_evidence(model, [0, 1, 0]).midpoint.round(8))
    -1.33007777
    """

    groups: tuple[int, ...] | None
    gives: ClassVar[str] = "logits"

    def __init__(self, groups: Sequence[int] | None = None) -> None:
        if groups is not None and (
            not isinstance(groups, list | tuple) or any(type(size) is not int for size in groups)
        ):
            raise wrong_type("groups", groups, "a list of integers, the number of classes of each group")
        if groups is not None and (not groups or min(groups) < 2):
            raise bad("groups", groups, "at least one group, each of 2 classes or more")
        object.__setattr__(self, "groups", None if groups is None else tuple(groups))

    def require_dimension(self, data_dim: int) -> None:
        """Raise ``ValueError`` unless the groups have ``data_dim`` outputs in all."""
        if self.groups is None and data_dim < 2:
            raise ValueError(f"decoder: got {data_dim} output; expected at least 2, one logit for each class")
        if self.groups is not None and sum(self.groups) != data_dim:
            raise ValueError(
                f"groups: got {sum(self.groups)} classes in all; expected {data_dim}, one per decoder output"
            )

    def blocks(self, data_dim: int) -> list[Block]:
        """Return one block for each group."""
        blocks, start = [], 0
        for size in self.groups or (data_dim,):
            places = tuple(range(start, start + size))
            blocks.append(Block(Rule(_classes, (), size, size), places, places))
            start += size
        return blocks

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return the sum over groups of sum_k x_k f_k - log sum_k e^(f_k), in nats."""
        return log_density(self.blocks(len(x)), outputs, x)

    def log_base(self, x: Sequence[Any], numbers: Operations) -> None:
        """Return None: the probabilities have no base measure."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return 0: probabilities are at most 1."""
        return np.zeros(len(x))

    @property
    def support(self) -> Support:
        """Rows whose groups are one-hot."""
        requirement = "one 1 among zeros for each group of classes, the data of a categorical likelihood"
        return Support(requirement, (Entries(low=0, high=1, whole=True),), self.groups or (0,))

    def sample(self, outputs: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return one-hot samples of x given logits of shape (..., D)."""
        outputs = np.asarray(outputs, dtype=np.float64)
        result, start = np.zeros(outputs.shape), 0
        for size in self.groups or (outputs.shape[-1],):
            # the largest of logits with Gumbel noise is a class with its softmax probability
            part = slice(start, start + size)
            noisy = outputs[..., part] + generator.gumbel(size=outputs[..., part].shape)
            result[..., part] = noisy.argmax(-1)[..., None] == np.arange(size)
            start += size
        return result


def _classes(outputs: Sequence[Expr], x: Sequence[Expr]) -> Expr:
    # for one-hot x the first sum is the class's own logit, and log sum exp is larger
    return sympy.Add(*(a * f for a, f in zip(x, outputs, strict=True))) - log_sum_exp(list(outputs))


def log_sum_exp(terms: list[Expr]) -> Expr:
    """Return log of the sum of exponentials, by halves: log(e^a + e^b) = a + softplus(b - a) never overflows."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    a, b = log_sum_exp(terms[:half]), log_sum_exp(terms[half:])
    return a + Softplus(b - a)


def _sigmoid(f: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(f / 2)))
