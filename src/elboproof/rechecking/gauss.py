r"""For the check: Gauss-Legendre rules of its own, and a bound of their error.

*Nodes.* P_n has n simple roots in (-1, 1). A float near each is made better by Newton's method in balls, and the sign
of P_n, by its recurrence, differs at both ends of a small interval around it: n disjoint such intervals hold one root
each. The weight is 2 (1 - x^2)/(n P_(n-1)(x))^2, over the interval.

*Error.* Let F be analytic where an ellipse with foci -1 and 1 and semi-axes (rho +- 1/rho)/2 lies in a union of
rectangles, |F| <= M there. F = sum a_k T_k with |a_k| <= 2 M rho^-k. The rule is exact for k < 2n, both it and the
integral vanish for odd k, and for even k >= 2n >= 4 they differ by at most 2 + 2/(k^2 - 1) <= 32/15. So

    |integral - rule| <= (64/15) M rho^(-2n) / (1 - rho^-2).
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import ceil, cos, log, pi, sqrt

from flint import arb

from elboproof.numbers.balls import working_precision

FEWEST, MOST = 2, 48
"""Points of a rule."""
STRIPS, LAYERS = 4, 1
"""Rectangles of the upper half of an ellipse, along the real line and across."""


@lru_cache(maxsize=256)
def rule(n: int, bits: int) -> tuple[tuple[arb, arb], ...]:
    """Return nodes and weights on [-1, 1] to about so many bits."""
    # The recurrence in balls loses less than 2 bits a step, in the values of P_n and over the small intervals.
    with working_precision(bits + 4 * n + 24):
        pairs = []
        for k in range(n):
            x = _root(n, arb(cos(pi * (k + 0.75) / (n + 0.5))), arb(2) ** (-bits - 2 * n))
            _, before = _legendre(n, x)
            pairs.append((x, 2 * (1 - x * x) / (n * before) ** 2))
        if not all(a > b for (a, _), (b, _) in pairwise(pairs)):
            raise ArithmeticError("the roots of a Legendre polynomial were not told apart")
    return tuple(pairs)


def _legendre(n: int, x: arb) -> tuple[arb, arb]:
    """Return P_n(x) and P_(n-1)(x)."""
    # (k + 1) P_(k+1) = (2k + 1) x P_k - k P_(k-1)
    before, value = arb(0), arb(1)
    for k in range(n):
        before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
    return value, before


def _root(n: int, start: arb, reach: arb) -> arb:
    """Return a ball in which P_n changes its sign."""
    x = start
    for _ in range(8):  # Newton's method, each step from an exact point: P_n' = n (x P_n - P_(n-1))/(x^2 - 1)
        value, before = _legendre(n, x)
        x = (x - value * (x * x - 1) / (n * (x * value - before))).mid()
    ends = [_legendre(n, x + side * reach)[0] for side in (-1, 1)]
    if not (ends[0] * ends[1] < 0):
        raise ArithmeticError("a root of a Legendre polynomial was not found")
    return arb(x, reach)


def error(largest: arb, rho: float, n: int) -> arb:
    """Return the bound for |F| <= ``largest``; n >= 2."""
    r = arb(rho)
    return arb(64) / 15 * largest / r ** (2 * n) / (1 - 1 / (r * r))


def points(log_largest: float, rho: float, log_wanted: float) -> int:
    """Return how many points make the error small enough, in floats: any number of them is sound."""
    needed = log(64 / 15) + log_largest - log(1 - rho**-2) - log_wanted
    return max(FEWEST, ceil(needed / (2 * log(rho)))) if needed < 1e6 else MOST + 1


@lru_cache(maxsize=64)
def covering(rho: float) -> tuple[tuple[tuple[float, float], tuple[float, float]], ...]:
    """Return rectangles (real interval, imaginary interval) that cover the upper half of the ellipse."""
    return tuple(_covering(rho))


def _covering(rho: float) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    # Floats with a margin far above their roundings; strips share their ends, so that nothing is between them. The
    # ellipse is as high as at the strip's point nearest to 0.
    along, across = 1.000001 * (rho + 1 / rho) / 2, 1.000001 * (rho - 1 / rho) / 2
    edges = [along * (2 * i / STRIPS - 1) for i in range(STRIPS)] + [along]
    for low, high in pairwise(edges):
        nearest = max(low, -high, 0.0)
        height = across * sqrt(max(1 - (nearest / along) ** 2, 0.0)) * 1.000001
        levels = [height * j / LAYERS for j in range(LAYERS)] + [height]
        for bottom, top in pairwise(levels):
            yield (low, high), (bottom, top)
