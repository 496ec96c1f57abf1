"""Three independent latents with three categories each, coupled by the decoder only: all moments by enumeration.

Coordinate by coordinate: latent n is perturbed with the others' samples held fixed. Given these, it is one categorical
variable with the values f(z with latent n set to k), and the laws of one variable apply; the others are averaged over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

from flint import arb

from .laws import Categories, dot, shares, total

N = K = 3
LOGITS = tuple(tuple(map(Fraction, row.split())) for row in ("0.6 -0.2 0.1", "-0.5 0.3 0.7", "0.2 0.9 -0.4"))
VALUES = {z: Fraction((10 * (9 * z[0] + 3 * z[1] + z[2]) + 4) % 27, 10) for z in product(range(K), repeat=N)}
"""f(z): 0, 1/10, ..., 26/10 in an order without pattern."""
TEXT = "three latents of three categories, 27 values of f from 0 to 2.6"

Vector = list[arb]


@dataclass(frozen=True)
class Conditional:
    """Latent n given the others: their probability, and the categories of n by their values."""

    latent: int
    probability: arb
    given: Categories
    places: tuple[int, ...]

    def spread_out(self, vector: Vector) -> Vector:
        """Return a vector over the categories, numbered by their values, in their own order."""
        result = [arb(0)] * K
        for place, entry in zip(self.places, vector, strict=True):
            result[place] = entry
        return result


@dataclass(frozen=True)
class Latents:
    """The three latents; ``uniform`` gives the others equal probabilities in place of their own: a false neighbour."""

    uniform: bool = False

    @cached_property
    def laws(self) -> list[Vector]:
        """Return softmax of each latent's logits."""
        return [shares(Categories(row, tuple(range(K))).weights()) for row in LOGITS]  # type: ignore[arg-type]

    def probability(self, z: tuple[int, ...], without: int | None = None) -> arb:
        """Return the probability of the latents' values, but for one latent."""
        result = arb(1)
        for n, k in enumerate(z):
            if n != without:
                result *= arb(1) / K if self.uniform and without is not None else self.laws[n][k]
        return result

    def conditionals(self) -> Iterator[Conditional]:
        """Yield each latent given each of the others' values."""
        for n in range(N):
            for z in (one for one in product(range(K), repeat=N) if one[n] == 0):
                rows = sorted((VALUES[(*z[:n], k, *z[n + 1 :])], LOGITS[n][k], k) for k in range(K))
                values, logits, places = zip(*rows, strict=True)
                yield Conditional(n, self.probability(z, n), Categories(logits, values), places)

    def mean(self, of: Callable[[Categories], Vector]) -> list[Vector]:
        """Return the mean over the others of a vector for each latent, (N, K)."""
        result = [[arb(0)] * K for _ in range(N)]
        for one in self.conditionals():
            vector = one.spread_out(of(one.given))
            result[one.latent] = [
                a + one.probability * b for a, b in zip(result[one.latent], vector, strict=True)
            ]
        return result

    def square(self, of: Callable[[Categories], Any]) -> arb:
        """Return the mean over the others of a number for each latent, summed over the latents."""
        found: arb = total([one.probability * of(one.given) for one in self.conditionals()])
        return found

    def gradient(self) -> list[Vector]:
        """Return the gradient of E f in the logits from all 27 probabilities: sum_z q(z) f(z) (1[z_n = k] - s_nk)."""
        rows = [[arb(0)] * K for _ in range(N)]
        for z, f in VALUES.items():
            weight = self.probability(z) * arb(f.numerator) / f.denominator
            for n, k in product(range(N), range(K)):
                rows[n][k] += weight * ((k == z[n]) - self.laws[n][k])
        return rows

    def score_variance(self, baseline: arb) -> arb:
        """Return the variance of (f(z) - b) times the gradient of log q(z), summed over coordinates."""
        second = arb(0)
        for z, f in VALUES.items():
            lengths = [1 - 2 * law[k] + dot(law, law) for law, k in zip(self.laws, z, strict=True)]
            value = arb(f.numerator) / f.denominator - baseline
            second += self.probability(z) * value**2 * total(lengths)
        return second - squared(self.gradient())

    def direct_variance(self, step: Fraction, two_sided: bool) -> arb:
        """Return E 2 P(!= | others)/h^2 - |mean|^2, summed over coordinates."""
        h = (2 if two_sided else 1) * step
        factor = 2 / (arb(h.numerator) / h.denominator) ** 2
        mean = self.mean(lambda given: given.mean(step, two_sided))
        return factor * self.square(lambda given: given.moved(step, two_sided)) - squared(mean)

    def variance_of_means(self, of: Callable[[Categories], Vector]) -> arb:
        """Return the variance of a vector's conditional mean given the others, summed over coordinates."""
        return self.square(lambda given: dot(of(given), of(given))) - squared(self.mean(of))


def squared(rows: list[Vector]) -> arb:
    """Return the sum of squares."""
    found: arb = total([dot(row, row) for row in rows])
    return found


def apart(first: list[Vector], second: list[Vector]) -> arb:
    """Return the squared Euclidean distance."""
    return squared([[a - b for a, b in zip(p, q, strict=True)] for p, q in zip(first, second, strict=True)])
