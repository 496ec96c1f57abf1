r"""Proved point integrals A(theta) = log int exp(theta . T(z)) N(z; 0, I) dz, many at once, by the evidence engine.

With z = 2y, A(theta) = log int 2^d exp(theta . T(2y) - (3/2)|y|^2) N(y; 0, I) dy: an integrand of the evidence
engine with theta for data, whose exponent is bounded where `tails` finds a bound.

A_R(theta), the same over |z_i| <= R, is finite for every theta: with z = R y it is an integral over [-1, 1]^d.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.evidence.log_evidence import prove
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.placement import Placement
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import rational
from elboproof.numbers.tape import Tape
from elboproof.theorems.natural import Natural, Theta
from elboproof.theorems.polynomials import fraction

DIGITS = 8
LARGEST_SUPREMUM = 1e5
"""Nats; integrals with larger exponents are not taken."""
Bounds = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Exponent:
    """The integrand 2^d exp(theta . T(2y) - (3/2)|y|^2) N(y; 0, I), with theta for data; with R for 2, R > 0, on a box.

    Attributes
    ----------
    natural
        The statistics T.
    supremum : float
        An upper bound of d log 2 + theta . T(2y) - (3/2)|y|^2, for all theta that are asked for; on a box, of
        d log 2 R + theta . T(R y) there.
    radius : Fraction or None
        R for the integral over |z_i| <= R, None for that over R^d.
    """

    natural: Natural
    supremum: float
    radius: Fraction | None = None

    @property
    def latent_dim(self) -> int:
        """The dimension of y."""
        return len(self.natural.latents)

    @property
    def data_dim(self) -> int:
        """The number of statistics."""
        return len(self.natural.statistics)

    @cached_property
    def quantities(self) -> Quantities:
        """The energy |y|^2/2 + (d/2) log 2 pi minus the exponent, on a tape."""
        thetas = [sympy.Dummy(f"theta_{k}", real=True) for k in range(self.data_dim)]
        return Quantities(
            self.natural.latents,
            thetas,
            None,
            (),
            lambda _, tape: [self._energy(tape, thetas)],
            lambda: None,  # its constants are no variances
        )

    @property
    def scale(self) -> Expr:
        """What z is of y."""
        return sympy.Integer(2) if self.radius is None else rational(self.radius, "radius")

    @cached_property
    def placement(self) -> Placement | None:
        """None, since y ~ N(0, I); on a box y is uniform on [-1, 1]^d, of density 2^-d."""
        if self.radius is None:
            return None
        latents = self.natural.latents
        place = tuple(self.scale * z for z in latents)
        return Placement(latents, place, len(latents) * sympy.log(2), ((-1.0, 1.0),) * len(latents))

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return the one upper bound for every theta."""
        return Ceiling.flat(np.full(len(x), self.supremum))

    def log_base(self, x: Sequence[Fraction]) -> None:
        """Return None: nothing is left out of the integrand."""

    def _energy(self, tape: Tape, thetas: Sequence[Symbol]) -> int:
        # -log of the integrand: |z|^2/2 + (d/2) log 2 pi - theta . T(z) - d log(dz/dy), whatever y's own density is.
        latents, scale = self.natural.latents, self.scale
        doubled = {z: scale * z for z in latents}
        factors = [*doubled.values(), *(atom.xreplace(doubled) for atom in self.natural.atoms)]
        square = sympy.Add(*(z**2 for z in latents))
        exponent = tape.lower(sympy.log(scale) * len(latents) - (scale**2 - 1) / 2 * square)
        for theta, statistic in zip(thetas, self.natural.statistics, strict=True):
            product = tape.lower(theta)
            for factor, power in zip(factors, statistic, strict=True):
                if power:
                    product = tape.multiply(product, tape.power(tape.lower(factor), power))
            exponent = tape.add(exponent, product)
        return tape.subtract(tape.lower(square / 2 + sympy.log(2 * sympy.pi) * len(latents) / 2), exponent)


class Integrals:
    """A(theta), or A_R(theta), for the statistics of one statement; every theta is integrated once."""

    def __init__(self, natural: Natural, radius: Fraction | None = None) -> None:
        self.natural, self.radius = natural, radius
        self.known: dict[Theta, Bounds] = {}
        self._exponents: dict[int, Exponent] = {}

    def bounds(self, wanted: Sequence[tuple[Theta, float | None]], deadline: float) -> None:
        """Integrate what is not known yet; each theta comes with the bound of its exponent.

        Afterwards ``known`` holds bounds for each theta that was reached before the deadline, on the clock
        ``time.monotonic()``; (-inf, inf) where nothing could be proved.
        """
        # One call of the engine for all thetas whose suprema are of one size: it takes one bound for all, and a bound
        # that is far too large for some makes their boxes and tails needlessly large.
        sizes: dict[int, dict[Theta, None]] = {}
        for theta, supremum in wanted:
            if theta in self.known:
                continue
            if supremum is None or supremum > LARGEST_SUPREMUM:
                self.known[theta] = (-math.inf, math.inf)
            else:
                sizes.setdefault(_size(supremum), {})[theta] = None
        for size, thetas in sizes.items():
            left = deadline - time.monotonic()
            if left > 0:
                self._integrate(list(thetas), size, left)

    def _integrate(self, thetas: Sequence[Theta], size: int, seconds: float) -> None:
        if not self.natural.statistics and self.radius is None:
            self.known.update(dict.fromkeys(thetas, (0.0, 0.0)))
            return
        if size not in self._exponents:  # 2^d <= e^d
            supremum = float(size + len(self.natural.latents))
            if self.radius is not None:  # log 2 R <= 2 R
                supremum += float(math.ceil(2 * self.radius)) * len(self.natural.latents)
            self._exponents[size] = Exponent(self.natural, supremum, self.radius)
        rows = Data(np.array([[fraction(value) for value in theta] for theta in thetas], dtype=object))
        evidence = prove(self._exponents[size], rows, DIGITS, seconds=seconds, most_cells=2_000_000)
        lower, upper = np.atleast_1d(evidence.enclosure.lower), np.atleast_1d(evidence.enclosure.upper)
        self.known.update(zip(thetas, zip(lower.tolist(), upper.tolist(), strict=True), strict=True))


def _size(supremum: float) -> int:
    """Return a larger integer: few different ones, since each takes a model and a call of the engine."""
    return 1 << max(5, math.ceil(math.log2(max(supremum, 1.0)) + 1e-9))
