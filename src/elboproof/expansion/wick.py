"""Truncated power series and the vacuum diagrams of a stationary Gaussian.

At a stationary Gaussian q = N(m, S) of an energy U the first two coefficients of U in the Hermite polynomials of q are
those of -log q: c_1 = E_q[grad U] = 0 and c_2 = E_q[Hess U] = S^-1 (Opper and Archambeau 2009). So, exactly,

    gap = log E_q[exp(-R)],   R = sum over k >= 3 of c_k : u^k : / k!,   c_k = E_q[D^k U],

with Wick powers : u^k :. The logarithm keeps the connected diagrams, the Wick powers those without a line from a
vertex to itself: what a Laplace expansion has in tadpoles, the stationary m and S have summed up already.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.object_]
"""Numbers of any ring (SymPy, arb, Series), shape (d,) * rank."""


@dataclass(frozen=True)
class Series:
    """A power series in v, cut off after a fixed number of coefficients; the numbers may be of any ring."""

    coefficients: tuple[Any, ...]

    def __add__(self, other: "Series | int") -> "Series":
        if isinstance(other, int):
            return Series((self.coefficients[0] + other, *self.coefficients[1:]))
        return Series(tuple(a + b for a, b in zip(self.coefficients, other.coefficients, strict=True)))

    __radd__ = __add__

    def __sub__(self, other: "Series") -> "Series":
        return Series(tuple(a - b for a, b in zip(self.coefficients, other.coefficients, strict=True)))

    def __mul__(self, other: "Series | int") -> "Series":
        if isinstance(other, int):
            return Series(tuple(a * other for a in self.coefficients))
        a, b = self.coefficients, other.coefficients
        return Series(tuple(_sum([a[i] * b[n - i] for i in range(n + 1)]) for n in range(len(a))))

    __rmul__ = __mul__

    def __neg__(self) -> "Series":
        return self * -1

    def __truediv__(self, divisor: int) -> "Series":
        return Series(tuple(0 if _is_int_zero(a) else a / divisor for a in self.coefficients))


def _is_int_zero(number: object) -> bool:
    """Tell the filler 0 of sparse tensors, whose quotient would be a float, from the ring's numbers."""
    return isinstance(number, int) and number == 0


def _sum(terms: Sequence[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


@dataclass(frozen=True)
class Diagram:
    """Vertices of given degrees, joined by lines.

    Attributes
    ----------
    degrees : tuple of int
        At least 3 each.
    lines : tuple of (int, int)
        One pair of vertices per line; no vertex is joined to itself.
    weight : Fraction
        The coefficient in log E[exp(-R)].
    """

    degrees: tuple[int, ...]
    lines: tuple[tuple[int, int], ...]
    weight: Fraction


@lru_cache
def diagrams(degrees: tuple[int, ...]) -> tuple[Diagram, ...]:
    """Return the connected diagrams without self-lines on vertices of these degrees, sorted.

    Notes
    -----
    V vertices carry (-1)^V / V! from the exponential, and V! / prod(multiplicities!) orders of the degrees; each
    assignment n_ij of lines to pairs has prod(k_i!) / prod(n_ij!) pairings, of which the vertices' 1/k_i! cancel the
    numerator.
    """
    sign = (-1) ** len(degrees)
    repeats = prod(factorial(count) for count in Counter(degrees).values())
    # assignments that differ by names of vertices of equal degree are one diagram: contracted, they give the same
    # number, so their weights add up under one canonical set of lines. E[exp(-R)] in Wick powers has no pairing within
    # a vertex, hence i < j only; its logarithm keeps the connected ones, by the linked cluster theorem
    weights: Counter[tuple[tuple[int, int], ...]] = Counter()
    for counts in _assignments(degrees):
        if _connected(counts, len(degrees)):
            weights[_canonical(counts, degrees)] += Fraction(  # type: ignore[assignment]
                sign, repeats * prod(factorial(n) for n in counts.values())
            )
    return tuple(Diagram(degrees, lines, Fraction(weight)) for lines, weight in weights.items())


Counts = dict[tuple[int, int], int]


def _assignments(degrees: Sequence[int]) -> Iterator[Counts]:
    """Yield numbers of lines n_ij >= 0, i < j, with row sums ``degrees``."""
    # pairs row by row. A row's count at its last pair is forced by what is left of its degree, and the last vertex,
    # which has no row, is tested at the end: every assignment with the right row sums is met once and no other
    pairs = [(i, j) for i in range(len(degrees)) for j in range(i + 1, len(degrees))]

    def fill(k: int, left: tuple[int, ...]) -> Iterator[Counts]:
        if k == len(pairs):
            if not any(left):
                yield {}
            return
        i, j = pairs[k]
        last_of_row = j == len(degrees) - 1
        for n in range(min(left[i], left[j]) + 1):
            if last_of_row and n != left[i]:
                continue  # the row's lines must be used up with its last pair
            rest = tuple(value - n if v in (i, j) else value for v, value in enumerate(left))
            for counts in fill(k + 1, rest):
                yield {(i, j): n, **counts} if n else counts

    yield from fill(0, tuple(degrees))


def _connected(counts: Counts, size: int) -> bool:
    # one round reaches at least one vertex more while any is within reach, so that as many rounds as vertices are
    # enough
    reached = {0}
    for _ in range(size):
        reached |= {v for pair in counts for v in pair if reached & set(pair)}
    return len(reached) == size


def _canonical(counts: Counts, degrees: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the lines of the smallest relabelling that leaves the degrees in place."""
    # the least over a group of relabellings is the same for all members of an orbit: two assignments get one name if
    # and only if a relabelling that keeps the degrees turns one into the other
    lines = [pair for pair, n in counts.items() for _ in range(n)]
    names = range(len(degrees))
    relabellings = (p for p in permutations(names) if all(degrees[p[v]] == degrees[v] for v in names))
    return min(tuple(sorted((min(p[i], p[j]), max(p[i], p[j])) for i, j in lines)) for p in relabellings)


def vertex_sets(total: int, valuations: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    """Yield the degrees (k_1 <= k_2 <= ...) of at least two vertices whose diagrams start at v^(total/2) or below.

    Parameters
    ----------
    total
        Twice the power of v.
    valuations
        Entry k - 3 belongs to the vertex of degree k: the power of v at which c_k starts beyond its natural
        v^((k-2)/2), or None if it vanishes to the order carried.
    """
    # in half powers of v: k - 2 for a vertex of degree k, and 2 for each power by which its coefficient starts later
    costs = {k + 3: k + 1 + 2 * extra for k, extra in enumerate(valuations) if extra is not None}

    # a diagram of vertices k_i has sum k_i / 2 lines S = O(v) and vertices of order v^-1 or later: it starts at v^(sum
    # (k_i - 2) / 2) and the valuations. Each half power costs 1, sorted degrees name a set once, and an odd sum of
    # degrees has no pairing. One vertex alone has no line without a loop
    def extend(chosen: tuple[int, ...], left: int) -> Iterator[tuple[int, ...]]:
        if len(chosen) >= 2 and sum(chosen) % 2 == 0:
            yield chosen
        for degree, cost in costs.items():
            if cost <= left and (not chosen or degree >= chosen[-1]):
                yield from extend((*chosen, degree), left - cost)

    yield from extend((), total)


def value(diagram: Diagram, vertices: dict[int, Tensor], raised: dict[tuple[int, int], Tensor]) -> Any:
    """Return the diagram's contraction, without its weight.

    Parameters
    ----------
    vertices
        Degree to tensor.
    raised
        (degree, r) to the tensor whose first r indices are joined to propagators.
    """
    # each line is one letter, shared by its two vertices; the tensors whose first indices carry S are the ones at which
    # a line starts, so that every line brings exactly one propagator
    letters = "abcdefghijklmnopqrstuvwxyz"
    names: list[str] = ["" for _ in diagram.degrees]
    starts = [0 for _ in diagram.degrees]
    for letter, (i, _) in zip(letters, diagram.lines, strict=False):
        names[i] += letter
        starts[i] += 1
    for letter, (_, j) in zip(letters, diagram.lines, strict=False):
        names[j] += letter
    operands = [
        raised[degree, start] if start else vertices[degree]
        for degree, start in zip(diagram.degrees, starts, strict=True)
    ]
    return _contract(names, operands)


def _contract(names: list[str], operands: list[Tensor]) -> Any:
    """Contract pair by pair: einsum over all at once would visit d^lines terms."""
    # a letter that both have is a line between what was contracted so far and the next vertex; one that only one has is
    # a line to a vertex still to come. Each letter is in exactly two names, so that at the end none is left
    name, tensor = names[0], operands[0]
    for other_name, other in zip(names[1:], operands[1:], strict=True):
        kept = "".join(c for c in name + other_name if (c in name) != (c in other_name))
        tensor = np.einsum(f"{name},{other_name}->{kept}", tensor, other)
        name = kept
    return np.asarray(tensor, dtype=object)[()]
