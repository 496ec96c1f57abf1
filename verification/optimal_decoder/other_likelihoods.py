"""S5: the same f* for every likelihood that is a Bregman divergence in its mean; not for Laplace and Student-t."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr, Function, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control, equal, identity

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, finite_moment
from .real_data import encoded_digits

Weighted = Callable[[Sequence[Expr], Sequence[Expr]], Expr]


def mean(w: Sequence[Expr], x: Sequence[Expr]) -> Expr:
    """f* = sum_i w_i x_i."""
    return sympy.Add(*(a * b for a, b in zip(w, x, strict=True)))


def midrange(w: Sequence[Expr], x: Sequence[Expr]) -> Expr:  # noqa: ARG001
    """Another centre: the middle of the first and the last point."""
    return (x[0] + x[-1]) / 2


def divergence(phi: Callable[[Expr], Expr], x: Expr, f: Expr) -> Expr:
    """D_phi(x, f) = phi(x) - phi(f) - phi'(f) (x - f)."""
    t = Symbol("t", real=True)
    slope = sympy.diff(phi(t), t).subs(t, f)
    return phi(x) - phi(f) - slope * (x - f)


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "sum_i w_i D(x_i, f) - sum_i w_i D(x_i, f*) = D(f*, f) >= 0 for the Bregman divergence D of "
        "every convex phi, whatever w"
    ),
    domain=(
        "an undetermined function phi, N = 2, 3, 4 points with symbolic weights, D = 1 (sums over "
        "dimensions follow)"
    ),
    hypotheses=(finite_moment,),
    controls=(control("the midrange in place of the mean", centre=midrange),),
    tier="quick",
)
def bregman_pythagoras(run: Run, *, centre: Weighted = mean) -> Verdict:
    """The likelihood's scale multiplies D on both sides, so f* does not depend on it."""
    phi = Function("phi", real=True)
    parts = {}
    for points in (2, 3, 4):
        x = sympy.symbols(f"x:{points}", real=True)
        run.assume(finite_moment, list(x))
        free = sympy.symbols(f"w:{points - 1}", positive=True)
        w = (*free, 1 - sum(free))
        m, f = centre(w, x), Symbol("f", real=True)
        gain = sum(a * (divergence(phi, b, f) - divergence(phi, b, m)) for a, b in zip(w, x, strict=True))
        parts[f"N = {points}"] = identity(_undetermined(gain - divergence(phi, m, f), m, f))
    return all_of(parts)


def _undetermined(expression: Expr, m: Expr, f: Expr) -> Expr:
    """Put symbols for phi, phi' at the points: they are unrelated numbers for an undetermined phi."""
    at_m, at_f = Symbol("slope_m", real=True), Symbol("slope_f", real=True)
    t = Symbol("t", real=True)
    slope = sympy.diff(Function("phi", real=True)(t), t)
    replaced = expression.subs({slope.subs(t, m): at_m, slope.subs(t, f): at_f})
    values = {
        g: sympy.Dummy(f"value{k}", real=True)
        for k, g in enumerate(sorted(replaced.atoms(Function), key=str))
    }
    return replaced.xreplace(values)


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


FAMILIES: dict[str, tuple[Callable[[Expr, Expr], Expr], Callable[[Expr], Expr], Callable[[Expr], Expr]]] = {
    "Bernoulli": (_bernoulli, lambda t: t * sympy.log(t) + (1 - t) * sympy.log(1 - t), _unit),
    "Poisson": (_poisson, lambda t: t * sympy.log(t) - t, _half_line),
    "exponential": (_exponential, lambda t: -sympy.log(t), _half_line),
}
"""-log p(x) as a function of the mean f, up to terms in x alone; the convex phi whose divergence it is; all means f."""

FALSE_FAMILIES = FAMILIES | {"Poisson": (_poisson, lambda t: -sympy.log(t), _half_line)}


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="-log p(x|f) - D_phi(x, f) does not depend on f",
    domain="Bernoulli likelihoods with mean f in (0, 1), Poisson and exponential ones with f in (0, infinity)",
    hypotheses=(finite_moment,),
    controls=(control("Poisson with the exponential's phi", families=FALSE_FAMILIES),),
    tier="quick",
)
def families_are_bregman(run: Run, *, families: Any = FAMILIES) -> Verdict:
    """Means are written p/(1+p), or p, with p > 0, so that every logarithm is of a positive number."""
    p, x = sympy.symbols("p x", positive=True)
    run.assume(finite_moment, [x])
    parts = {}
    for name, (loss, phi, means) in families.items():
        t = Symbol("t", positive=True)
        # D_phi(x, f) - phi(x) is all of D_phi that depends on f
        part = -phi(t) - phi(t).diff(t) * (x - t)
        change = (loss(x, t) - part).diff(t)
        parts[name] = identity(sympy.cancel(sympy.together(change)).subs(t, means(p)))
    return all_of(parts)


def gaussian_loss(r: arb) -> arb:
    """The Gaussian's, for which f* is optimal: no rival can be better."""
    return r * r / 2


def laplace_loss(r: arb) -> arb:
    """-log p up to a constant, Laplace with unit scale."""
    return abs(r)


def student_loss(r: arb) -> arb:
    """-log p up to a constant, Student-t with 1 degree of freedom and scale 1/4."""
    return (1 + 16 * r * r).log()


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "under Laplace and Student-t likelihoods the weighted median has a larger ELBO than f* by more "
        "than 0.1 nats at a z"
    ),
    domain="x = -1, 0, 4 with codes -1, 0, 1, shared variance 1/2, z = 1/4",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("a Gaussian likelihood", losses={"Gaussian": gaussian_loss}),),
    tier="quick",
)
def heavy_tails_prefer_the_median(run: Run, *, losses: Any = None) -> Verdict:
    """One z is enough: both decoders are continuous, so the gain has positive measure under q(z)."""
    x, codes, variance, z = (-1, 0, 4), (-1, 0, 1), Fraction(1, 2), Fraction(1, 4)
    run.assume(finite_moment, list(x))
    run.assume(definite_encoder, [[float(variance)]])
    with working_precision(120):
        masses = [ball(-((z - m) ** 2) / (2 * variance)).exp() for m in codes]
        total = sum(masses, arb(0))
        w = [mass / total for mass in masses]
        best = sum((a * b for a, b in zip(w, x, strict=True)), arb(0))
        median = arb(0)  # w_0 < 1/2 and w_2 < 1/2, checked below
        parts = {"x = 0 is the weighted median": ball_positive(arb(1) / 2 - w[0].max(w[2]))}
        for name, loss in (losses or {"Laplace": laplace_loss, "Student-t": student_loss}).items():
            gain = sum((a * (loss(b - best) - loss(b - median)) for a, b in zip(w, x, strict=True)), arb(0))
            parts[name] = ball_at_most(ball(Fraction(1, 10)) - gain, 0)
        return all_of(parts)


TOLERANCE = 1e-6
"""Of probabilities. Newton's method on the logits stops at gradients of 1e-10; worst distance seen 1e-9."""


def cross_entropy_slope(mean_pixel: Any, f: Any) -> Any:
    """d/dlogit of the Bernoulli loss: f - E[x]."""
    return f - mean_pixel


def squared_slope_of_logit(mean_pixel: Any, f: Any) -> Any:
    """A loss that is no divergence in the mean: it pulls towards 1/2."""
    return f - mean_pixel + 0.05 * (f - 0.5)


@claim.check(
    statement="S5",
    role="sharpens",
    method="numeric",
    relation="=",
    states="the Bernoulli decoder found by Newton's method on the logits at each z is f*(z)",
    domain="1,797 digits made binary at 1/2, 64 pixels, PCA codes, 50 latents",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("a loss that is not Bregman", slope=squared_slope_of_logit),),
)
def binary_digits_share_the_decoder(
    run: Run, *, slope: Callable[[Any, Any], Any] = cross_entropy_slope
) -> Verdict:
    """Pixels whose posterior mean is within 1e-6 of 0 or 1 have infinite optimal logits and are left out."""
    from scipy.special import expit

    import elboproof as ep

    encoded = encoded_digits("PCA")
    data = (encoded.data > 0.5).astype(np.float64)
    run.assume(finite_moment, data)
    run.assume(definite_encoder, encoded.covariances)
    decoder = ep.OptimalDecoder(encoded.codes, data, encoded.covariances)
    z = encoded.sample(run.rng, 50)[1]
    target = decoder.weights(z) @ data
    logits = np.zeros_like(target)
    for _ in range(200):
        f = expit(logits)
        logits -= np.clip(slope(target, f) / np.maximum(f * (1 - f), 1e-12), -2, 2)
    kept = (target > 1e-6) & (target < 1 - 1e-6)
    return equal(decoder(z)[kept], expit(logits)[kept], TOLERANCE)
