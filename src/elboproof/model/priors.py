"""Priors p(z) of the latents, in exact numbers: what a density is, where it lives, and how it is told from N(0, I).

Everything that depends on the prior asks one of these records. The engine integrates in coordinates of its own
(`placement`), and the ELBO's equations, written for N(0, I), take the prior's density relative to it (`tilt`).
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import Sealed, bad, record_text, suggesting, wrong_type
from elboproof.arrays import FloatArray, unwrapped
from elboproof.model.gaussian_posterior import GaussianPosterior, Matrix, Row
from elboproof.model.placement import Placement, symbols_of, uniform
from elboproof.model.quantities import EVERYWHERE, Interval
from elboproof.numbers.exact import exact, rational
from elboproof.numbers.symmetric import ldl


class Prior(Sealed):
    """What a model asks of its prior; the records below are all there are."""

    @property
    @abstractmethod
    def latent_dim(self) -> int | None:
        """The number of latents; None if any number fits."""

    @abstractmethod
    def log_density(self, latents: Sequence[Symbol]) -> Expr:
        """Return log p(z) in nats, an expression that holds in the domain."""

    @abstractmethod
    def placement(self, latents: Sequence[Symbol]) -> Placement | None:
        """Return the coordinates in which the engine integrates; None where they are z itself, under N(0, I)."""

    def domain(self, d: int) -> tuple[Interval, ...]:
        """Return the interval of each latent outside of which the density is zero."""
        return (EVERYWHERE,) * d

    @property
    def standard(self) -> bool:
        """Whether it is N(0, I)."""
        return False

    @property
    def normalised(self) -> bool:
        """Whether it is a probability density, so that the integral is an evidence."""
        return True

    def require_latents(self, latents: Sequence[Symbol]) -> None:
        """Raise ``ValueError`` unless it is a prior of these latents."""
        if self.latent_dim not in (None, len(latents)):
            raise bad("prior", self, f"a prior of as many latents as there are, {len(latents)}")

    def tilt(self, latents: Sequence[Symbol]) -> Expr:
        """Return log p(z) - log N(z; 0, I): what the ELBO's equations add to log p(x|z)."""
        return self.log_density(latents) - standard_log_density(latents)

    def scales(self, d: int) -> tuple[FloatArray, FloatArray]:
        """Return a mean (d,) and a factor (d, d) of about where the prior's mass is: floats that steer."""
        return np.zeros(d), np.eye(d)


def standard_log_density(latents: Sequence[Symbol]) -> Expr:
    """Return log N(z; 0, I) = -|z|^2/2 - (d/2) log 2 pi."""
    return -sympy.Add(*(z**2 for z in latents)) / 2 - sympy.log(2 * sympy.pi) * len(latents) / 2


@suggesting
@dataclass(frozen=True, init=False)
class Normal(Prior):
    """N(mean, covariance), exact; N(0, I) without arguments, for any number of latents.

    Parameters
    ----------
    mean, covariance
        As for ``ep.GaussianPosterior``: d numbers and a d x d matrix or d variances, one number each for d = 1.

    Raises
    ------
    TypeError, ValueError
        If one is given without the other, or they are no mean and covariance.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["z"], ep.Gaussian(variance=1), prior=ep.Normal(1, 3))
    >>> print(ep.log_evidence(model, [1]).midpoint.round(10))  # log N(1; 1, 4)
    -1.6120857138
    """

    mean: Row | None
    covariance: Matrix | None

    def __init__(self, mean: object = None, covariance: object = None) -> None:
        if (mean is None) != (covariance is None):
            raise TypeError("Normal: got one of mean and covariance; expected both, or none for N(0, I)")
        given = None if mean is None else GaussianPosterior(mean, covariance)
        object.__setattr__(self, "mean", given and given.mean)
        object.__setattr__(self, "covariance", given and given.covariance)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int | None:
        """The number of latents, None for N(0, I)."""
        return None if self.mean is None else len(self.mean)

    @property
    def standard(self) -> bool:
        """Whether it was made without arguments; N(0, I) that is written out goes the general way."""
        return self.mean is None

    def log_density(self, latents: Sequence[Symbol]) -> Expr:
        """Return log N(z; m, C), a sum of squares: with C = L D L', |z - m|^2 in C's metric is |L^-1 (z - m)|^2 / D."""
        if self.mean is None or self.covariance is None:
            return standard_log_density(latents)
        unit, pivots = ldl(self.covariance)
        whitened: list[Expr] = []
        for row, z, m in zip(unit, latents, self.mean, strict=True):
            # Forward substitution: L w = z - m, row by row; entries of L are exact.
            known = (_number(entry) * w for entry, w in zip(row, whitened, strict=False))
            whitened.append(sympy.expand(z - _number(m) - sympy.Add(*known)))
        squares = (w**2 / (2 * _number(pivot)) for w, pivot in zip(whitened, pivots, strict=True))
        return -sympy.Add(*squares) - _log_normaliser(pivots)

    def tilt(self, latents: Sequence[Symbol]) -> Expr:
        """Return the same less log N(z; 0, I), its quadratic parts added up exactly."""
        if self.mean is None or self.covariance is None:
            return sympy.Integer(0)
        constant = -sympy.log(_number(prod(ldl(self.covariance)[1], start=Fraction(1)))) / 2
        quadratic = self.log_density(latents) + _log_normaliser(ldl(self.covariance)[1])
        squares = sympy.Add(*(z**2 for z in latents)) / 2
        return sympy.expand(quadratic + squares) + constant

    def placement(self, latents: Sequence[Symbol]) -> Placement | None:
        """Return z = m + L sqrt(D) w with w ~ N(0, I)."""
        if self.mean is None or self.covariance is None:
            return None
        unit, pivots = ldl(self.covariance)
        w = symbols_of(len(latents))
        scaled = [sympy.sqrt(_number(pivot)) * symbol for pivot, symbol in zip(pivots, w, strict=True)]
        place = tuple(
            _number(m) + sympy.Add(*(_number(entry) * u for entry, u in zip(row, scaled, strict=True)))
            for row, m in zip(unit, self.mean, strict=True)
        )
        return Placement(w, place, -standard_log_density(w), None)

    def scales(self, d: int) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the Cholesky factor of the covariance in floats."""
        if self.mean is None or self.covariance is None:
            return super().scales(d)
        covariance = np.array([[float(entry) for entry in row] for row in self.covariance])
        return np.array([float(m) for m in self.mean]), np.asarray(np.linalg.cholesky(covariance))


@suggesting
@dataclass(frozen=True, init=False)
class Uniform(Prior):
    """The uniform density on a box.

    Parameters
    ----------
    low, high
        d numbers each, or one number each for all latents alike. Strings and Fractions are exact.

    Raises
    ------
    TypeError, ValueError
        If an entry is no finite number, the lengths differ, or a low is not below its high.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"), prior=ep.Uniform("0", "2"))
    >>> print(f"{ep.log_evidence(model, ['0.7'], digits=6):S}")
    -0.89263125(4)
    """

    low: Row
    high: Row
    alike: bool

    def __init__(self, low: object, high: object) -> None:
        given = [unwrapped(low, "low"), unwrapped(high, "high")]
        lengths = [len(value) if isinstance(value, list | tuple | np.ndarray) else None for value in given]
        if lengths[0] != lengths[1] or 0 in lengths:
            raise bad("high", high, "as many numbers as low, at least one")
        ends = [
            tuple(exact(entry, f"{name}[{k}]") for k, entry in enumerate(value))
            if lengths[0] is not None
            else (exact(value, name),)
            for value, name in zip(given, ("low", "high"), strict=True)
        ]
        for k, (a, b) in enumerate(zip(*ends, strict=True)):
            if not a < b:
                raise bad("high" if lengths[0] is None else f"high[{k}]", str(b), f"more than low = {a}")
        object.__setattr__(self, "low", ends[0])
        object.__setattr__(self, "high", ends[1])
        object.__setattr__(self, "alike", lengths[0] is None)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int | None:
        """The number of latents, None if all are alike."""
        return None if self.alike else len(self.low)

    def domain(self, d: int) -> tuple[Interval, ...]:
        """Return the box."""
        pairs = tuple(zip(self.low, self.high, strict=True))
        return pairs * d if self.alike else pairs

    def log_density(self, latents: Sequence[Symbol]) -> Expr:
        """Return -log volume, which holds in the box."""
        sides = (b - a for a, b in self.domain(len(latents)))
        return -sympy.log(_number(prod((exact(side, "side") for side in sides), start=Fraction(1))))

    def placement(self, latents: Sequence[Symbol]) -> Placement:
        """Return z = (low + high)/2 + t (high - low)/2 with t uniform on [-1, 1]."""
        box = self.domain(len(latents))
        return uniform([(rational(a, "low"), rational(b, "high")) for a, b in box])

    def scales(self, d: int) -> tuple[FloatArray, FloatArray]:
        """Return the middle and the deviations."""
        ends = np.array([[float(a), float(b)] for a, b in self.domain(d)])
        return ends.mean(1), np.diag((ends[:, 1] - ends[:, 0]) / np.sqrt(12.0))


def require_prior(prior: object, latents: Sequence[Symbol]) -> None:
    """Raise unless a prior of these latents was given, an object and no class."""
    if not isinstance(prior, Prior):
        raise wrong_type(
            "prior", prior, "a prior such as ep.Normal(), ep.Uniform(0, 1) or ep.PriorDensity(...)"
        )
    prior.require_latents(latents)


def _log_normaliser(pivots: Sequence[Fraction]) -> Expr:
    """Return log det(2 pi C) / 2."""
    determinant = prod(pivots, start=Fraction(1))
    return (sympy.log(2 * sympy.pi) * len(pivots) + sympy.log(_number(determinant))) / 2


def _number(number: Fraction) -> Expr:
    return rational(number, "prior")
