r"""Gauss-Legendre rules as balls, and their error on a cell.

*One axis.* Let F be analytic on the closed Bernstein ellipse E_rho around [-1, 1] with |F| <= M there. Its Chebyshev
coefficients obey |a_k| <= 2 M rho^-k. The n-point rule is exact below degree 2n, its weights are positive with sum 2,
so |I - I_n|(T_k) <= |I(T_k)| + 2 <= 2/(k^2 - 1) + 2 <= 32/15 for even k >= 2n >= 4 (k = 4: 2/15 + 2), and both vanish
for odd k. Hence

    |I - I_n| <= (32/15) 2 M sum_{k >= 2n, even} rho^-k = (64/15) M rho^-2n / (1 - rho^-2).

*A cell* with half widths h_1, ..., h_d: replace the integral by the rule one axis after the other. In the step for axis
j the other axes carry integrals or rules with positive weights of total 2 h_k at real points of the cell, so with M_j
the supremum of |F| with coordinate j on its ellipse and the others real in the cell,

    |error| <= sum_j (vol / 2) (64/15) M_j rho_j^-2n / (1 - rho_j^-2),        vol = prod_k 2 h_k.

(Trefethen, Approximation Theory and Approximation Practice, Theorem 19.3, with the constant derived as above.)
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import upward
from elboproof.numbers.precision import working_precision
from elboproof.shapes import Float64

if TYPE_CHECKING:
    from flint import arb

SIZES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 24, 30, 40)
"""Points per axis to choose from."""
RHO = Fraction(3)
"""The ellipse's sum of semi-axes: a larger one needs fewer points, and sees more of F, which must be analytic there.
Cells of the size that the search tries are nearly always accepted; the others are halved."""
RULE_BITS = 128


Nodes = tuple[tuple["arb", "arb"], ...]
"""Pairs of node and weight."""


def error_factor(rho: Fraction, n: int) -> Fraction:
    """Return (32/15) rho^-2n / (1 - rho^-2): the n-point rule's error on a cell per volume and supremum M_j."""
    # The bound above, divided by vol M_j: half of 64/15; exact.
    return Fraction(32, 15) / rho ** (2 * n) / (1 - 1 / rho**2)


def semi_axes(rho: Fraction) -> tuple[float, float]:
    """Return the ellipse's semi-axes (rho + 1/rho)/2 along the real line and (rho - 1/rho)/2 across it, rounded up."""
    # Exact fractions; float() rounds them once.
    along, across = (rho + 1 / rho) / 2, (rho - 1 / rho) / 2
    return upward(float(along), 1), upward(float(across), 1)


ALONG, ACROSS = semi_axes(RHO)


@lru_cache(maxsize=2**15)
def node(n: int, k: int, bits: int) -> tuple["arb", "arb"]:
    """Return the k-th node and its weight on [-1, 1] as balls of a precision; arb proves them."""
    from flint import arb

    # Each node is kept by itself: where one takes long, the clock is looked at between them.
    with working_precision(bits):
        return arb.legendre_p_root(n, k, weight=True)


@lru_cache(maxsize=1024)
def nodes(n: int, bits: int) -> Nodes:
    """Return all nodes and weights; of a thousand digits that takes seconds, of a single one it does not."""
    return tuple(node(n, k, bits) for k in range(n))


@dataclass(frozen=True)
class Rule:
    """Nodes and weights on [-1, 1], balls of shape (n,)."""

    nodes: BallArray
    weights: BallArray


@lru_cache
def gauss_legendre(n: int) -> Rule:
    """Return the n-point rule in float64 balls. NumPy's weights are off by up to 7e-14."""
    with working_precision(RULE_BITS):
        pairs = nodes(n, RULE_BITS)
        return Rule(_balls([node for node, _ in pairs]), _balls([weight for _, weight in pairs]))


def _balls(values: "list[arb]") -> BallArray:
    """Balls around arbs, which are far smaller than the distance of floats at the precision of the rules."""
    from flint import arb

    mids = np.array([float(value.mid()) for value in values])
    # to the arb's farthest point, at any precision; float() rounds that to nearest
    away = [float(abs(value - arb(mid)).upper()) for value, mid in zip(values, mids.tolist(), strict=True)]
    return BallArray(mids, np.nextafter(away, np.inf))


@lru_cache
def factors(rho: Fraction | None = None) -> Float64[FloatArray, "sizes"]:
    """Return upper bounds of `error_factor` for each size, of `RHO` unless another ellipse is given."""
    # One rounding, of an exact fraction, for each size.
    return np.array([upward(float(error_factor(rho or RHO, n)), 1) for n in SIZES])
