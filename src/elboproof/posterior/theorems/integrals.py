r"""Proved point integrals A(theta) = log int exp(theta . T(z)) N(z; 0, I) dz, many at once, by the evidence engine.

With z = 2y, A(theta) = log int 2^d exp(theta . T(2y) - (3/2)|y|^2) N(y; 0, I) dy: an evidence whose "data" are theta
and whose "log likelihood" is bounded where `tails` finds a bound. So the engine's proof serves as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy

from elboproof.evidence.log_evidence import prove
from elboproof.model.quantities import Quantities
from elboproof.numbers.tape import Tape
from elboproof.posterior.theorems.natural import Natural, Theta
from elboproof.posterior.theorems.polynomials import fraction

DIGITS = 8
LARGEST_SUPREMUM = 1e5
"""Nats; integrals with larger exponents are not taken."""
Bounds = tuple[float, float]


@dataclass(frozen=True)
class _Exponent:
    """What the engine needs of a model: the energy |y|^2/2 + (d/2) log(2 pi) - d log 2 + (3/2)|y|^2 - theta . T(2y)."""

    latent_dim: int
    data_dim: int
    quantities: Quantities
    likelihood: Any


class Integrals:
    """A(theta) for the statistics of one statement; every theta is integrated once."""

    def __init__(self, natural: Natural) -> None:
        self.natural = natural
        self.known: dict[Theta, Bounds] = {}
        self._models: dict[int, _Exponent] = {}

    def _model(self, size: int) -> _Exponent:
        """Return the model for exponents up to a size; each size has quantities of its own, as models have."""
        if size not in self._models:
            d = len(self.natural.latents)
            bound = sympy.Integer(size + d)  # 2^d <= e^d
            likelihood = SimpleNamespace(binary=False, log_supremum=lambda data_dim: bound)  # noqa: ARG005
            self._models[size] = _Exponent(d, len(self.natural.statistics), self._quantities(), likelihood)
        return self._models[size]

    def _quantities(self) -> Quantities:
        names = self.natural
        data = [sympy.Dummy(f"t_{k}", real=True) for k in range(len(names.statistics))]
        doubled = {z: 2 * z for z in names.latents}
        factors = [*(2 * z for z in names.latents), *(atom.xreplace(doubled) for atom in names.atoms)]
        square = sympy.Add(*(z**2 for z in names.latents))
        d = len(names.latents)

        def lower(quantity: str, tape: Tape) -> list[int]:
            exponent = tape.constant(0)
            for t, statistic in zip(data, names.statistics, strict=True):
                product = tape.lower(t)
                for factor, power in zip(factors, statistic, strict=True):
                    if power:
                        product = tape.multiply(product, tape.power(tape.lower(factor), power))
                exponent = tape.add(exponent, product)
            if quantity == "log_likelihood":
                return [exponent]
            prior = 2 * square + sympy.log(2 * sympy.pi) * d / 2 - sympy.log(2) * d
            return [tape.subtract(tape.lower(prior), exponent)]

        return Quantities(names.latents, data, False, names.atoms, lower)

    def bounds(self, wanted: Sequence[tuple[Theta, float | None]], seconds: float) -> None:
        """Integrate what is not known yet; each theta comes with the bound of its exponent.

        Afterwards ``known`` holds bounds for each theta; (-inf, inf) where nothing could be proved.
        """
        new = {theta: m for theta, m in wanted if theta not in self.known}
        for theta, m in new.items():
            if m is None or m > LARGEST_SUPREMUM:
                self.known[theta] = (-math.inf, math.inf)
        sizes: dict[int, list[Theta]] = {}
        for theta, m in new.items():
            if theta not in self.known and m is not None:
                sizes.setdefault(_size(m), []).append(theta)
        for size, thetas in sizes.items():
            self._integrate(thetas, size, seconds)

    def _integrate(self, thetas: Sequence[Theta], size: int, seconds: float) -> None:
        if not self.natural.statistics:
            self.known.update(dict.fromkeys(thetas, (0.0, 0.0)))
            return
        rows = [[fraction(value) for value in theta] for theta in thetas]
        model: Any = self._model(size)
        enclosure = prove(model, rows, DIGITS, seconds=seconds, most_cells=2_000_000).enclosure
        lower, upper = np.atleast_1d(enclosure.lower), np.atleast_1d(enclosure.upper)
        self.known.update(zip(thetas, zip(lower.tolist(), upper.tolist(), strict=True), strict=True))


def _size(supremum: float) -> int:
    """Return an integer that is larger: few different ones, since each takes a call of the engine."""
    return 1 << max(5, math.ceil(math.log2(max(supremum, 1.0)) + 1e-9))
