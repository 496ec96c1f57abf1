r"""Proved point integrals A(theta) = log int exp(theta . T(z)) N(z; 0, I) dz, many at once, by the evidence engine.

With z = 2y, A(theta) = log int 2^d exp(theta . T(2y) - (3/2)|y|^2) N(y; 0, I) dy: an evidence whose "data" are theta
and whose "log likelihood" is bounded where `tails` finds a bound. So the engine's proof serves as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.evidence.log_evidence import prove
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.tape import Tape
from elboproof.theorems.natural import Natural, Theta
from elboproof.theorems.polynomials import fraction

DIGITS = 8
LARGEST_SUPREMUM = 1e5
"""Nats; integrals with larger exponents are not taken."""
Bounds = tuple[float, float]


@dataclass(frozen=True)
class _Bounded:
    """In place of a likelihood: what the engine asks of one."""

    supremum: int
    binary: bool = False

    def require_dimension(self, data_dim: int) -> None:
        """Any number of statistics fits."""

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """There is none: the exponent is put on the tape by the model itself."""
        raise NotImplementedError

    def log_supremum(self, data_dim: int) -> Expr:  # noqa: ARG002
        """Return an upper bound of the exponent, in nats."""
        return sympy.Integer(self.supremum)


class _ExponentModel(LatentModel):
    """In place of a model, with theta for data: exp(-energy) = 2^d exp(theta . T(2y) - (3/2)|y|^2) N(y; 0, I)."""

    natural: Natural

    def __init__(self, natural: Natural, supremum: int) -> None:
        object.__setattr__(self, "latents", natural.latents)
        object.__setattr__(self, "decoder", ())
        object.__setattr__(self, "natural", natural)
        object.__setattr__(self, "likelihood", _Bounded(supremum))

    @property
    def data_dim(self) -> int:
        """The number of statistics."""
        return len(self.natural.statistics)

    def _lowered(self, quantity: str, tape: Tape) -> list[int]:
        doubled = {z: 2 * z for z in self.latents}
        factors = [*doubled.values(), *(atom.xreplace(doubled) for atom in self.natural.atoms)]
        square = sympy.Add(*(z**2 for z in self.latents))
        exponent = tape.lower(sympy.log(2) * self.latent_dim - sympy.Rational(3, 2) * square)
        for theta, statistic in zip(self.data, self.natural.statistics, strict=True):
            product = tape.lower(theta)
            for factor, power in zip(factors, statistic, strict=True):
                if power:
                    product = tape.multiply(product, tape.power(tape.lower(factor), power))
            exponent = tape.add(exponent, product)
        if quantity == "log_likelihood":
            return [exponent]
        return [tape.subtract(tape.lower(self._prior_energy), exponent)]


class Integrals:
    """A(theta) for the statistics of one statement; every theta is integrated once."""

    def __init__(self, natural: Natural) -> None:
        self.natural = natural
        self.known: dict[Theta, Bounds] = {}
        self._models: dict[int, _ExponentModel] = {}

    def bounds(self, wanted: Sequence[tuple[Theta, float | None]], seconds: float) -> None:
        """Integrate what is not known yet; each theta comes with the bound of its exponent.

        Afterwards ``known`` holds bounds for each theta; (-inf, inf) where nothing could be proved.
        """
        sizes: dict[int, dict[Theta, None]] = {}
        for theta, supremum in wanted:
            if theta in self.known:
                continue
            if supremum is None or supremum > LARGEST_SUPREMUM:
                self.known[theta] = (-math.inf, math.inf)
            else:
                sizes.setdefault(_size(supremum), {})[theta] = None
        for size, thetas in sizes.items():
            self._integrate(list(thetas), size, seconds)

    def _integrate(self, thetas: Sequence[Theta], size: int, seconds: float) -> None:
        if not self.natural.statistics:
            self.known.update(dict.fromkeys(thetas, (0.0, 0.0)))
            return
        if size not in self._models:  # 2^d <= e^d
            self._models[size] = _ExponentModel(self.natural, size + len(self.natural.latents))
        rows = [[fraction(value) for value in theta] for theta in thetas]
        evidence = prove(self._models[size], rows, DIGITS, seconds=seconds, most_cells=2_000_000)
        lower, upper = np.atleast_1d(evidence.enclosure.lower), np.atleast_1d(evidence.enclosure.upper)
        self.known.update(zip(thetas, zip(lower.tolist(), upper.tolist(), strict=True), strict=True))


def _size(supremum: float) -> int:
    """Return a larger integer: few different ones, since each takes a model and a call of the engine."""
    return 1 << max(5, math.ceil(math.log2(max(supremum, 1.0)) + 1e-9))
