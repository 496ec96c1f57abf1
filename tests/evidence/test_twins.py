"""Metamorphic twins: the same evidence written in two ways. Both enclosures hold it, so they overlap, and are narrow.

Each twin has a neighbour that is slightly false; it must not overlap.
"""

from dataclasses import dataclass
from math import log

import pytest

import elboproof as ep
from elboproof.numbers.enclosure import Enclosure

DIGITS = 8
WIDE = 4 * 10.0**-DIGITS
"""Two overlapping enclosures of half width 10^-DIGITS are at most this far apart, end to end."""

Point = tuple[str | float, ...]


@dataclass(frozen=True)
class Side:
    """One writing of a model and its data."""

    latent: tuple[str, ...]
    decoder: tuple[str, ...]
    likelihood: ep.Gaussian | ep.Bernoulli
    x: Point

    def proved(self) -> Enclosure:
        return ep.log_evidence(
            ep.LatentModel(list(self.latent), list(self.decoder), self.likelihood), self.x, DIGITS
        )


@dataclass(frozen=True)
class Twins:
    """Two writings whose log evidences differ by ``shift``, and a false third one.

    Attributes
    ----------
    first, second, false
        The writings.
    shift
        log p of the second minus log p of the first, in nats.
    """

    first: Side
    second: Side
    false: Side
    shift: float = 0.0


HUNDREDTH, BITS = ep.Gaussian("1/100"), ep.Bernoulli()
SINH = Side(("z",), ("sinh(z)",), HUNDREDTH, ("0.7",))
CUBIC = Side(("z",), ("z + z**3/5 + 1/3",), HUNDREDTH, ("0.7",))
BANANA = Side(("a", "b"), ("a", "b + a**2"), HUNDREDTH, ("0.7", "0.3"))
LOGITS = Side(("a", "b"), ("3*a - b", "sin(a)*2", "a*b"), BITS, ("1", "0", "1"))
CHAIN = Side(("a", "b", "c"), ("a + b/2", "b", "c + a*b/3"), HUNDREDTH, ("0.7", "0.3", "-0.2"))

TWINS = {
    "reflected": Twins(
        CUBIC,
        Side(("z",), ("-z - z**3/5 + 1/3",), HUNDREDTH, ("0.7",)),
        Side(("z",), ("-z - z**3/5 - 1/3",), HUNDREDTH, ("0.7",)),
    ),
    "reflected data": Twins(
        SINH,
        Side(("z",), ("sinh(z)",), HUNDREDTH, ("-0.7",)),
        Side(("z",), ("sinh(z)",), HUNDREDTH, ("-0.71",)),
    ),
    "latents permuted": Twins(
        BANANA,
        Side(("a", "b"), ("b", "a + b**2"), HUNDREDTH, ("0.7", "0.3")),
        Side(("a", "b"), ("a", "a + b**2"), HUNDREDTH, ("0.7", "0.3")),
    ),
    "outputs permuted": Twins(
        LOGITS,
        Side(("a", "b"), ("a*b", "3*a - b", "sin(a)*2"), BITS, ("1", "1", "0")),
        Side(("a", "b"), ("a*b", "3*a - b", "sin(a)*2"), BITS, ("0", "1", "0")),
    ),
    "three latents permuted": Twins(
        CHAIN,
        Side(("c", "a", "b"), ("a + b/2", "b", "c + a*b/3"), HUNDREDTH, ("0.7", "0.3", "-0.2")),
        Side(("c", "a", "b"), ("a + b/3", "b", "c + a*b/3"), HUNDREDTH, ("0.7", "0.3", "-0.2")),
    ),
    "scaled by 7": Twins(
        BANANA,
        Side(("a", "b"), ("7*a", "7*(b + a**2)"), ep.Gaussian("49/100"), ("4.9", "2.1")),
        Side(("a", "b"), ("7*a", "7*(b + a**2)"), ep.Gaussian("48/100"), ("4.9", "2.1")),
        shift=-2 * log(7),
    ),
    "rotated by 3/5, 4/5": Twins(
        BANANA,
        Side(("a", "b"), ("(3*a - 4*b)/5", "(4*a + 3*b)/5 + ((3*a - 4*b)/5)**2"), HUNDREDTH, ("0.7", "0.3")),
        Side(("a", "b"), ("(3*a - 4*b)/5", "(4*a + 2*b)/5 + ((3*a - 4*b)/5)**2"), HUNDREDTH, ("0.7", "0.3")),
    ),
    "padded with an unused latent": Twins(
        SINH,
        Side(("z", "w"), ("sinh(z)",), HUNDREDTH, ("0.7",)),
        Side(("z", "w"), ("sinh(z) + w/100",), HUNDREDTH, ("0.7",)),
    ),
    "padded with a copy of nothing": Twins(
        BANANA,
        Side(("a", "b", "c"), ("a", "b + a**2"), HUNDREDTH, ("0.7", "0.3")),
        Side(("a", "b", "c"), ("a", "b + a**2 + c/100"), HUNDREDTH, ("0.7", "0.3")),
    ),
    "sinh by exponentials": Twins(
        SINH,
        Side(("z",), ("(exp(z) - exp(-z))/2",), HUNDREDTH, ("0.7",)),
        Side(("z",), ("(exp(z) - exp(-z))/2 + 1/1000",), HUNDREDTH, ("0.7",)),
    ),
    "tanh by the sigmoid": Twins(
        Side(("z",), ("tanh(2*z)",), HUNDREDTH, ("0.7",)),
        Side(("z",), ("2*sigmoid(4*z) - 1",), HUNDREDTH, ("0.7",)),
        Side(("z",), ("2*sigmoid(2*z) - 1",), HUNDREDTH, ("0.7",)),
    ),
    "covariance as a matrix": Twins(
        BANANA,
        Side(
            ("a", "b"),
            ("a", "b + a**2"),
            ep.Gaussian(covariance=[["1/100", 0], [0, "1/100"]]),
            ("0.7", "0.3"),
        ),
        Side(
            ("a", "b"),
            ("a", "b + a**2"),
            ep.Gaussian(covariance=[["1/100", "1/1000"], ["1/1000", "1/100"]]),
            ("0.7", "0.3"),
        ),
    ),
    "one more noise latent": Twins(  # a sum of Gaussians: N(z, 1/100) = N(z + 3/50 w, 16/2500)
        Side(("z",), ("z**2",), HUNDREDTH, ("0.7",)),
        Side(("z", "w"), ("z**2 + 3*w/50",), ep.Gaussian("16/2500"), ("0.7",)),
        Side(("z", "w"), ("z**2 + 3*w/50",), ep.Gaussian("17/2500"), ("0.7",)),
    ),
    "one logit and its mirror": Twins(
        Side(("z",), ("3*z + 1",), BITS, ("1",)),
        Side(("z",), ("-3*z - 1",), BITS, ("0",)),
        Side(("z",), ("-3*z - 1",), BITS, ("1",)),
    ),
    "text and float": Twins(
        Side(("z",), ("sinh(z)",), HUNDREDTH, ("0.75",)),
        Side(("z",), ("sinh(z)",), HUNDREDTH, (0.75,)),
        Side(("z",), ("sinh(z)",), HUNDREDTH, (0.7500001,)),
    ),
}


def _gap(first: Enclosure, second: Enclosure, shift: float) -> tuple[float, float]:
    """Return how far the enclosures are apart (negative: they overlap), and how far their ends are."""
    low, high = second.lower - shift, second.upper - shift
    apart = max(low - first.upper, first.lower - high)
    return float(apart), float(max(high - first.lower, first.upper - low))


ROUNDING = 1e-15
"""Of the subtraction of ``shift``, which is a float near 4."""


@pytest.mark.parametrize("name", TWINS)
def test_twins_overlap_and_are_narrow(name: str) -> None:
    twins = TWINS[name]
    first = twins.first.proved()
    apart, span = _gap(first, twins.second.proved(), twins.shift)
    assert apart <= ROUNDING
    assert span <= WIDE
    apart, _ = _gap(first, twins.false.proved(), twins.shift)
    assert apart > ROUNDING


def test_a_batch_is_each_of_its_points() -> None:
    model = ep.LatentModel("z", ["sin(3*z)"], ep.Gaussian("1/100"))
    points = [["0.5"], ["-0.99"], ["1.3"], ["6"], ["0"]]  # on and off the image: mixed difficulty
    batch = ep.log_evidence(model, points, DIGITS)
    for n, point in enumerate(points):
        alone = ep.log_evidence(model, point, DIGITS)
        assert alone.lower <= batch.upper[n]
        assert batch.lower[n] <= alone.upper
    assert all(abs(batch.midpoint[n] - batch.midpoint[n + 1]) > 0.01 for n in range(len(points) - 1))
