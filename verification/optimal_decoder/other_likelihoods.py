"""S5: the same f* for every likelihood that is a Bregman divergence in its mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import sympy
from sympy import Expr, ImmutableMatrix, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, equal, identity

from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, finite_moment
from .real_data import encoded_digits
from .words import listed

Vectors = Sequence[ImmutableMatrix]
Weighted = Callable[[Sequence[Expr], Vectors], ImmutableMatrix]
Named = tuple[str, ImmutableMatrix]


def mean(w: Sequence[Expr], x: Vectors) -> ImmutableMatrix:
    """f* = sum_i w_i x_i."""
    return sum((a * b for a, b in zip(w, x, strict=True)), sympy.zeros(*x[0].shape))


def midrange(w: Sequence[Expr], x: Vectors) -> ImmutableMatrix:  # noqa: ARG001
    """Another centre: the middle of the first and the last point."""
    return (x[0] + x[-1]) / 2


@dataclass(frozen=True)
class Potential:
    """A differentiable function phi on R^D of which nothing is known: a symbol for each value and each slope."""

    dimension: int

    def value(self, point: str) -> Expr:
        """Phi at a point that has a name."""
        return Symbol(f"phi_{point}", real=True)

    def slope(self, point: str) -> ImmutableMatrix:
        """The gradient there."""
        return free_vector(f"slope_{point}", self.dimension)

    def divergence(self, x: Named, f: Named) -> Expr:
        """D(x, f) = phi(x) - phi(f) - phi'(f)'(x - f)."""
        along = self.slope(f[0]).T * (x[1] - f[1])
        return self.value(x[0]) - self.value(f[0]) - along[0]


COUNTS, SIZES = (2, 3, 4), (1, 2, 3)
"""Numbers N of points, and data dimensions D, of the symbolic check."""


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "sum_i w_i D(x_i, f) - sum_i w_i D(x_i, f*) = D(f*, f) for the Bregman divergence D of any phi, whatever the "
        "weights"
    ),
    domain=(
        f"every differentiable phi on R^D, separable or not, N = {listed(COUNTS)} points, D = {listed(SIZES)}, every w "
        "with sum 1"
    ),
    hypotheses=(finite_moment,),
    controls=(control("the midrange in place of the mean", centre=midrange),),
    tier="quick",
)
def bregman_pythagoras(run: Run, *, centre: Weighted = mean) -> Verdict:
    """D(f*, f) >= 0 says that phi is convex, so f* is optimal for each such phi, and alone if phi is strictly convex.

    The likelihood's scale multiplies D on both sides, so f* does not depend on it.
    """
    parts = {}
    for points, size in product(COUNTS, SIZES):
        phi = Potential(size)
        x = [(f"x{i}", free_vector(f"x{i}_", size)) for i in range(points)]
        run.assume(finite_moment, [entry for _, vector in x for entry in vector])
        free = sympy.symbols(f"w:{points - 1}", positive=True)
        w = (*free, 1 - sum(free))
        best, f = ("best", centre(w, [vector for _, vector in x])), ("f", free_vector("f", size))
        gain = sum(a * (phi.divergence(b, f) - phi.divergence(b, best)) for a, b in zip(w, x, strict=True))
        parts[f"N = {points}, D = {size}"] = identity(gain - phi.divergence(best, f))
    return all_of(parts)


def _bernoulli(x: Expr, f: Expr) -> Expr:
    return -x * sympy.log(f) - (1 - x) * sympy.log(1 - f)


def _poisson(x: Expr, f: Expr) -> Expr:
    return f - x * sympy.log(f)


def _exponential(x: Expr, f: Expr) -> Expr:
    return sympy.log(f) + x / f


def _unit(p: Expr) -> Expr:
    """(0, 1), for p > 0."""
    return p / (1 + p)


def _half_line(p: Expr) -> Expr:
    """(0, infinity), for p > 0."""
    return p


Phi = Callable[[Expr], Expr]
FAMILIES: dict[str, tuple[Callable[[Expr, Expr], Expr], Phi, Phi]] = {
    "Bernoulli": (_bernoulli, lambda t: t * sympy.log(t) + (1 - t) * sympy.log(1 - t), _unit),
    "Poisson": (_poisson, lambda t: t * sympy.log(t) - t, _half_line),
    "exponential": (_exponential, lambda t: -sympy.log(t), _half_line),
}
"""-log p(x) as a function of the mean f, up to terms in x alone; the convex phi whose divergence it is; all means f."""
NEIGHBOURS: dict[str, Phi] = {
    "Bernoulli": lambda t: t * sympy.log(t),
    "Poisson": lambda t: t * sympy.log(t) - t + t**2 / 1000,
    "exponential": lambda t: -sympy.log(1 + t),
}


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="the derivative in f of -log p(x|f) - D_phi(x, f) is zero: both differ by a function of x",
    domain="Bernoulli likelihoods with mean f in (0, 1), Poisson and exponential ones with f in (0, infinity)",
    hypotheses=(finite_moment,),
    controls=(
        control("t log t alone, 0.1 % of t^2 more, log(1 + t) for log t", potentials=NEIGHBOURS),
        control("the phi of squares", potentials=dict.fromkeys(FAMILIES, lambda t: t**2 / 2)),
    ),
    tier="quick",
)
def families_are_bregman(run: Run, *, potentials: Mapping[str, Phi] | None = None) -> Verdict:
    """Means are written p/(1+p), or p, with p > 0, so that every logarithm is of a positive number."""
    p, x = sympy.symbols("p x", positive=True)
    run.assume(finite_moment, [x])
    parts = {}
    for name, (loss, convex, means) in FAMILIES.items():
        phi = (potentials or {}).get(name, convex)
        t = Symbol("t", positive=True)
        # D_phi(x, f) - phi(x) is all of D_phi that depends on f
        part = -phi(t) - phi(t).diff(t) * (x - t)
        change = (loss(x, t) - part).diff(t)
        parts[name] = identity(change.subs(t, means(p)))
    return all_of(parts)


TOLERANCE = 1e-6
"""Of probabilities. Newton's method on the logits stops at gradients of 1e-10; worst distance seen 1e-9."""
INSIDE = 1e-6
"""Pixels whose posterior mean is closer to 0 or 1 have optimal logits that are infinite or nearly so."""
BINARY_LATENTS = 50


def cross_entropy_slope(mean_pixel: Any, f: Any) -> Any:
    """d/dlogit of the Bernoulli loss: f - E[x]."""
    return f - mean_pixel


def pulled_slope(mean_pixel: Any, f: Any) -> Any:
    """A loss that is no divergence in the mean: it pulls a little towards 1/2."""
    return f - mean_pixel + 0.001 * (f - 0.5)


@claim.check(
    statement="S5",
    role="sharpens",
    method="numeric",
    relation="=",
    states=(
        f"the Bernoulli decoder found by Newton's method on the logits at each z is f*(z) within {TOLERANCE:.0e}, "
        f"where f* lies in [{INSIDE:.0e}, 1 - {INSIDE:.0e}]"
    ),
    domain=f"1,797 digits made binary at 1/2, 64 pixels, PCA codes, {BINARY_LATENTS} latents between codes",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("a loss that is not Bregman", slope=pulled_slope),),
)
def binary_digits_share_the_decoder(
    run: Run, *, slope: Callable[[Any, Any], Any] = cross_entropy_slope
) -> Verdict:
    """The loss is averaged with scipy's densities; the slope of an average of losses needs the average pixel only."""
    from scipy.special import expit

    encoded = encoded_digits("PCA")
    data = (encoded.data > 0.5).astype(np.float64)
    run.assume(finite_moment, data)
    run.assume(definite_encoder, encoded.covariances)
    z = encoded.between(BINARY_LATENTS)
    ours = np.asarray(ep.OptimalDecoder(encoded.codes, data, encoded.covariances)(z))
    average = encoded.weights(z) @ data
    logits = np.zeros_like(average)
    for _ in range(200):
        f = expit(logits)
        logits -= np.clip(slope(average, f) / np.maximum(f * (1 - f), 1e-12), -2, 2)
    kept = (ours > INSIDE) & (ours < 1 - INSIDE)
    return equal(ours[kept], expit(logits)[kept], TOLERANCE)
