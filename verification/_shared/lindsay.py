"""Lindsay's certificate: what no prior, decoder and encoder exceed, for data on the line and N(x; y, v).

Any decoder and prior make a mixture p(x) = int N(x; y, v) dnu(y), and an ELBO is at most E log p. For any mixture p_mu
and D(y) = E_x[N(x; y, v) / p_mu(x)],

    E log p - E log p_mu <= log E[p / p_mu] = log int D dnu <= log max D

(Jensen; Lindsay 1983). E is the mean over finite data, so that one maximum on the line encloses the supremum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from .balls import ball

Number = str | float | Fraction
BOXES = 64
"""Of the line between the data, at first; halved where the bound is loose."""


@dataclass(frozen=True)
class Mixture:
    """A law of the decoder's values: atoms and their weights, which add up to 1."""

    atoms: tuple[arb, ...]
    weights: tuple[arb, ...]

    @classmethod
    def of(cls, atoms: Sequence[Number], weights: Sequence[Number]) -> "Mixture":
        """Return a mixture of exact numbers; the last weight, left out, is what is missing to 1."""
        given = [Fraction(w) for w in weights]
        last = 1 - sum(given)
        if len(atoms) != len(given) + 1 or min([*given, last]) <= 0:
            raise ValueError(
                f"weights: got {weights}; expected {len(atoms) - 1} positive ones, in all below 1"
            )
        return cls(tuple(ball(Fraction(a)) for a in atoms), tuple(map(ball, [*given, last])))


def mean_log_evidence(data: Sequence[arb], mixture: Mixture, variance: arb) -> arb:
    """Return E log p_mu(x) in nats: what the decoder that takes these values reaches."""
    logs = [_shape(x, mixture, variance).log() for x in data]
    return sum(logs, arb(0)) / len(logs) - (2 * arb.pi() * variance).log() / 2


def log_of_largest(data: Sequence[arb], mixture: Mixture, variance: arb, tolerance: float) -> arb:
    """Return an enclosure of log max D, about ``tolerance`` wide.

    Beyond the data each term of D falls, so that the line between them is left. On a box with centre c and half width
    r, D <= D(c) + r |D'(c)| + r^2/2 max D'', and a term exp(-u^2/2) has a second derivative of at most 2 exp(-3/2).
    """
    shares = [1 / (_shape(x, mixture, variance) * len(data)) for x in data]
    bend = sum(shares, arb(0)) * 2 * arb("-1.5").exp() / variance
    low, high = (sign * max((sign * x for x in data), key=_upper).upper() for sign in (-1, 1))
    half = (high - low) / (2 * BOXES)
    boxes = [(low + (2 * n + 1) * half, half) for n in range(BOXES)]
    best, largest = arb(0), arb(0)
    while boxes:
        c, r = boxes.pop()
        value, slope = _ratio(c, data, shares, variance)
        bound = value + r * abs(slope) + r * r / 2 * bend
        best = max(best, value.lower(), key=_upper)
        if bound < best + tolerance:
            largest = max(largest, bound.upper(), key=_upper)
        else:
            boxes += [(c - r / 2, r / 2), (c + r / 2, r / 2)]
    return best.union(largest).log()


def _upper(one: arb) -> float:
    return float(one.upper())


def _shape(x: arb, mixture: Mixture, variance: arb) -> arb:
    """Return p_mu(x) without the constant of the Gaussian."""
    pairs = zip(mixture.atoms, mixture.weights, strict=True)
    return sum((w * (-((x - a) ** 2) / (2 * variance)).exp() for a, w in pairs), arb(0))


def _ratio(y: arb, data: Sequence[arb], shares: Sequence[arb], variance: arb) -> tuple[arb, arb]:
    """Return D(y) and D'(y)."""
    terms = [c * (-((x - y) ** 2) / (2 * variance)).exp() for x, c in zip(data, shares, strict=True)]
    slopes = (t * (x - y) / variance for x, t in zip(data, terms, strict=True))
    return sum(terms, arb(0)), sum(slopes, arb(0))
