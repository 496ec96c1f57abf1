r"""Two points with different covariances: the steepest slope of f*, and its first pole, both exactly.

With l_i = log q(z|x_i), of which point i stands n_i times among the data, h = l_1 - l_2 + log(n_1 / n_2) is quadratic
and f* = x_2 + (x_1 - x_2) / (1 + exp(-h)). Let K = P_1 - P_2, P = S^-1, be positive definite, so that point 1 is the
narrow one. h has a maximum H; with u = z - z* from there, h = H - u.K u / 2, and grad h = -K u. With the largest
eigenvalue L of K, |K u|^2 <= L u.K u = 2 L (H - h), with equality along its eigenvector. Hence

    sup ||J|| = |x_1 - x_2| max_{h <= H} sqrt(2 L (H - h)) / (4 cosh^2(h / 2)),

attained. The logarithm of the maximand is concave in h; its slope vanishes where tanh(s / 2) = 1 / (2 (H + s)), s = -h,
the left side of which rises while the right side falls.

At u + ib there is a pole where h is an odd multiple of i pi, that is u.K u = 2 H + b.K b and u.K b = (2 n + 1) pi. By
Cauchy-Schwarz b.K b (2 H + b.K b) >= pi^2, so L |b|^2 >= sqrt(H^2 + pi^2) - H, with equality for u and b along the
eigenvector of L: that pole is on the boundary of the tube.

If K is indefinite, h = 0 is unbounded and so is |K u| on it: there is no Lipschitz constant and no tube.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat
from numpy.typing import NDArray

from elboproof.decoder.gaussians import Gaussians
from elboproof.numbers.outward import above, below
from elboproof.numbers.precision import working_precision
from elboproof.numbers.symmetric import ldl, not_positive
from elboproof.shapes import Float

Floats = NDArray[np.floating[Any]]

BITS = 200
"""Of the balls; differences of precisions that are equal to 15 digits have 45 left."""
HALVINGS = 120
"""Of the bracket of the steepest place, which is 2 wide."""


@dataclass(frozen=True)
class Pair:
    """L from above and H, of two points of which the first is narrow in every direction."""

    largest: arb
    height: arb

    def steepness(self) -> float:
        """Return sup ||J|| / |x_1 - x_2|, rounded up."""
        with working_precision(BITS):
            s = _steepest(self.height)
            slope = (2 * self.largest * (self.height + s)).sqrt() / (4 * (s / 2).cosh() ** 2)
            return above(slope)

    def radius(self) -> float:
        """Return the distance of the first pole from R^d, rounded down."""
        with working_precision(BITS):
            pi, H = arb.pi(), self.height
            root = (H * H + pi * pi).sqrt()
            # the form without cancellation: root - H = pi^2 / (root + H) where H > 0
            square = pi * pi / (root + H) if H > 0 else root - H
            return max(0.0, below((square / self.largest).sqrt()))


def _steepest(height: arb) -> arb:
    """Return a ball that contains the s with tanh(s / 2) = 1 / (2 (H + s)), s > max(0, -H)."""
    # at the upper end tanh(1) 2 2 > 1; a sign that is not decided leaves the bracket as it is, which stays right
    low = arb(0) if height > 0 else -height.lower()
    high = low + 2
    for _ in range(HALVINGS):
        middle = ((low + high) / 2).mid()
        slope = (middle / 2).tanh() * 2 * (height + middle) - 1
        if not (slope > 0 or slope < 0):
            break
        low, high = (low, middle) if slope > 0 else (middle, high)
    return low.union(high)


UNORDERED = Pair(arb("inf"), arb(0))
"""Of two points of which neither is narrow in every direction: infinitely steep, with a tube of width 0."""


def pair(g: Gaussians, data: Float[Floats, "N D"]) -> Pair | None:
    """Return the pair if there are exactly two distinct points, else None."""
    first = _equal(g, data, 0)
    rest = np.flatnonzero(~first)
    if not rest.size:
        return None
    second = _equal(g, data, int(rest[0]))
    if not (first | second).all():
        return None
    counts = int(first.sum()), int(second.sum())
    with working_precision(BITS):
        for i, j, n in ((0, int(rest[0]), counts), (int(rest[0]), 0, counts[::-1])):
            found = narrow(matrix(g, i), matrix(g, j), displacement(g, i, j))
            if found is not None:
                return Pair(found.largest, found.height + (arb(n[0]) / n[1]).log())
    return UNORDERED


def _equal(g: Gaussians, data: Float[Floats, "N D"], index: int) -> NDArray[np.bool_]:
    """Return which points (N,) equal one of them in code, covariance and datum."""
    stacks = (g.means, g.covariances.reshape(len(g.means), -1), data)
    equal: NDArray[np.bool_] = np.logical_and.reduce([(stack == stack[index]).all(1) for stack in stacks])
    return equal


def matrix(g: Gaussians, index: int) -> arb_mat:
    """Return a covariance in balls without radius."""
    d, given = g.means.shape[1], g.covariances[index]
    rows = np.eye(d) * given if g.isotropic else given
    return arb_mat([[arb(entry) for entry in row] for row in rows.tolist()])


def displacement(g: Gaussians, i: int, j: int) -> arb_mat:
    """Return m_j - m_i as a column."""
    pairs = zip(g.means[i].tolist(), g.means[j].tolist(), strict=True)
    return arb_mat([[arb(b) - arb(a)] for a, b in pairs])


def narrow(one: arb_mat, two: arb_mat, away: arb_mat) -> Pair | None:
    """Return L and H for S_1, S_2 and m_2 - m_1, or None if P_1 - P_2 is not proved to be positive definite.

    H = log(det S_2 / det S_1) / 2 + v.(P_2 + P_2 K^-1 P_2) v / 2, v = m_2 - m_1.
    """
    P, Q = one.inv(), two.inv()
    K = P - Q
    if not_positive(ldl(K.tolist())[1]) is not None:
        return None
    pulled = Q * away
    form = away.transpose() * pulled + pulled.transpose() * K.solve(pulled)
    height = ((two.det() / one.det()).log() + form[0, 0]) / 2
    return Pair(_largest(K), height)


def _largest(K: arb_mat) -> arb:
    """Return a number at least the largest eigenvalue of K: LAPACK's, moved up until L - K is positive definite."""
    size = K.nrows()
    if size == 1:
        return K[0, 0]
    rows = [[float(K[i, j].mid()) for j in range(size)] for i in range(size)]
    guess, margin = arb(float(np.linalg.eigvalsh(rows)[-1])), arb(2) ** -50
    while True:
        bound = guess * (1 + margin)
        shifted = [[bound * int(i == j) - K[i, j] for j in range(size)] for i in range(size)]
        if not_positive(ldl(shifted)[1]) is None:
            return bound
        margin = 2 * margin
        if margin > 1:  # the trace is above it in any case
            return sum((K[i, i] for i in range(size)), arb(0))
