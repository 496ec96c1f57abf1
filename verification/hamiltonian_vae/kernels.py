"""S4, S10: reverse kernels of the momentum: which is best, and what the fixed target N(0, I) leaves to others."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import Expr, Rational, Symbol, log

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_equal,
    ball_positive,
    control,
    identity,
    property_holds,
)

from .._shared.balls import ball, working_precision
from . import claim
from .gaussian import leapfrog, moments, untempered_trace
from .hypotheses import positive_precision, reachable

Array = NDArray[np.float64]
SIZES = ((1, 2), (1, 3), (2, 2))
"""Places and momenta of finite path laws."""


def _table(name: str, places: int, momenta: int) -> list[list[Expr]]:
    return [[Symbol(f"{name}{i}{j}", positive=True) for j in range(momenta)] for i in range(places)]


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with the path's law q(z, rho) and weights w_r = p(x, z) r(rho|z)/q(z, rho), E[w_r | z] = p(x, z)/q(z) for "
        "every reverse kernel r on the paths: the weight of the time reversal r = q(rho|z), so that by Jensen's "
        "inequality "
        "E phi(w_opt) <= E phi(w_r) for every convex phi"
    ),
    domain=(
        f"finite laws of (places, momenta) = {', '.join(map(str, SIZES))}, any probabilities, one momentum out of "
        "reach; r = any weights over their sum"
    ),
    hypotheses=(reachable,),
    controls=(
        control("a kernel with mass where the path never is", beyond=1, drops=(reachable,)),
        control("weights of q(rho|z) in place of q(z, rho)", joint=False),
    ),
    tier="quick",
)
def the_reversal_averages_the_weight(run: Run, *, beyond: int = 0, joint: bool = True) -> Verdict:
    """The sum over momenta of q(rho|z) p r/(q(z) q(rho|z)) is p/q(z) if r has no mass elsewhere."""
    parts = {}
    for places, momenta in SIZES:
        q, r = _table("q", places, momenta), _table("r", places, momenta)
        for i in range(places):
            # the last column is a momentum that the path never has
            run.assume(reachable, [*q[i], 0], [*r[i], beyond])
            weight, total = Symbol(f"p{i}", positive=True), sympy.Add(*q[i])
            mass = sympy.Add(*r[i], beyond)
            law = [a if joint else a / total for a in q[i]]
            mean = sum(
                (a / total * weight * b / mass / c for a, b, c in zip(q[i], r[i], law, strict=True)), 0
            )
            parts[f"{places} places, {momenta} momenta: place {i}"] = identity(mean - weight / total)
    return all_of(parts)


CONVEX: dict[str, Callable[[Array], Array]] = {
    "-log w, the ELBO": lambda w: -np.log(w),
    "w^2, the variance": np.square,
    "1/w": lambda w: 1 / w,
    "w^4, a Renyi bound": lambda w: w**4,
    "|w - 1|": lambda w: np.abs(w - 1),
}
SMALL = 1e-12


@claim.check(
    statement="S4",
    role="sharpens",
    method="property",
    relation="<=",
    states=(
        "E phi(w_opt) <= E phi(w_r) for convex phi: -log w, w^2, 1/w, w^4, |w - 1|, within 1e-12; the kernel of the "
        "time reversal is best for the ELBO, the variance and Renyi bounds at once"
    ),
    domain="generated laws of 3 places and 4 momenta, generated p(x, z) and kernels, the time reversal among them",
    hypotheses=(reachable,),
    controls=(
        control("0.1 % less", refutes="*", more=1e-3),
        control("sqrt(w), which is concave, for 1/w", refutes="1/w", concave=True),
    ),
)
def convex_functions_agree(run: Run, *, more: float = 0.0, concave: bool = False) -> Verdict:
    """With r the reversal both sides are the same, which the first control sees."""
    entry = st.floats(0.05, 1.0)
    rows = st.lists(entry, min_size=12, max_size=12)
    functions = CONVEX | ({"1/w": np.sqrt} if concave else {})

    def holds(law: list[float], joint: list[float], kernel: list[float], reversal: bool) -> dict[str, bool]:
        q = np.array(law).reshape(3, 4) / sum(law)
        place = q.sum(1, keepdims=True)
        p = np.array(joint[:3])[:, None]
        r = np.array(kernel).reshape(3, 4)
        r = q / place if reversal else r / r.sum(1, keepdims=True)
        run.assume(reachable, q.ravel().tolist(), r.ravel().tolist())
        best, other = np.broadcast_to(p / place, q.shape), p * r / q
        found = {}
        for name, phi in functions.items():
            left, right = float((q * phi(best)).sum()), float((q * phi(other)).sum())
            found[name] = left + more * abs(left) <= right + SMALL * (1 + abs(right))
        return found

    return property_holds(
        rows, rows, rows, st.booleans(), property=holds, examples=150, seed=run.integer_seed
    )


HALF = Rational(1, 2)


@claim.check(
    statement="S10",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the gap is KL(q_K(z) || p(z|x)) + E KL(q_K(rho|z_K) || N(0, 1)); at the attained bound of a centred start, "
        "M = c I, c = sqrt(L), the two are equal, (c - 1 - log c)/2 each"
    ),
    domain="one coordinate, m = mu, s0 = 1, every positive definite M with det M = L",
    hypotheses=(positive_precision,),
    controls=(
        control("momenta by their own variance, not given the place", refutes="sum", given=0),
        control("halves (c - 1)/2 - log c", refutes="halves*", share=1),
    ),
    tier="quick",
)
def gap_of_places_and_of_momenta(run: Run, *, given: int = 1, share: Expr = HALF) -> Verdict:
    """KL(N(0, a) || N(0, 1)) = (a - 1 - log a)/2; given the place a momentum has the variance det M/M_11."""
    a, b = sympy.symbols("a b", positive=True)
    mixed = Symbol("g", real=True)
    c = Symbol("c", positive=True)
    # M_22 = (L + M_12^2)/M_11 by det M = L = b
    last = (b + given * mixed**2) / a
    run.assume(positive_precision, b)
    place = (a - 1 - log(a)) / 2
    # E over the place: the conditional mean's square M_12^2/M_11, and the conditional variance L/M_11
    momentum = (mixed**2 / a + b / a - 1 - log(b / a)) / 2
    whole = (a + last - 2 - log(b)) / 2
    at_best = {a: c, b: c**2, mixed: 0}
    half = (c - 1) / 2 - share * log(c)
    return all_of(
        {
            "sum": identity(sympy.expand_log(place + momentum - whole)),
            "halves: place": identity(place.subs(at_best) - half),
            "halves: momentum": identity(sympy.expand_log(momentum.subs(at_best)) - half),
        }
    )


PRECISIONS = ("10", "100", "10000")
CURVE = tuple(10 ** (k / 8) for k in range(5, 41))
"""Precisions of the figure."""


def _curves() -> dict[str, list[float]]:
    """Return the gaps of a centred start against L."""
    found: dict[str, list[float]] = {"precision": list(CURVE)}
    plain = np.array(CURVE)
    found["VAE"] = ((plain - 1 - np.log(plain)) / 2).tolist()
    found["not cooled"] = ((untempered_trace(plain) - 2 - np.log(plain)) / 2).tolist()
    found["tempered"] = (np.sqrt(plain) - 1 - np.log(plain) / 2).tolist()
    found["true reversal"] = [_place_gap(float(np.sqrt(2)), one) for one in CURVE]
    return found


def _place_gap(h: float, precision: float) -> float:
    first, _, _ = moments(leapfrog(h, [1.0]), precision, 1.0)
    return float((first - 1 - np.log(first)) / 2)


@claim.check(
    statement="S10",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "a reverse kernel of the momenta that is the path's own leaves the gap of the places alone: one step of e = "
        "sqrt(2/L) without cooling then has (1 - log 2)/2 = .1534 nats for every L, and an exact quarter turn 0; "
        "with "
        "the target N(0, 1) the least gap of all paths is sqrt(L) - 1 - 1/2 log L, 94.39 nats at L = 10^4: optimal "
        "for "
        "this target, not over reverse kernels"
    ),
    domain=f"one coordinate, m = mu, s0 = 1, L = {', '.join(PRECISIONS)}",
    hypotheses=(positive_precision,),
    controls=(
        control("e = sqrt(1.9/L)", refutes=["one step*", "quarter*"], square=Fraction(19, 10)),
        control("a least gap of 94.4", refutes="more*", least=Fraction(944, 10)),
    ),
)
def other_kernels_gain_more(
    run: Run, *, square: Fraction | int = 2, least: Fraction = Fraction(9439, 100)
) -> Verdict:
    """The place's variance after the step, M_11, does not depend on L."""
    parts = {}
    with working_precision(160):
        floor = (1 - arb(2).log()) / 2
        # exact turns by an angle t move y to cos t y + sin t rho: a quarter turn is that of half a square's step
        angle = arb.pi() * ball(square) / 4
        for text in PRECISIONS:
            precision = ball(text)
            run.assume(positive_precision, precision)
            first, _, _ = moments(leapfrog(ball(square).sqrt(), [arb(1)]), precision, arb(1))
            parts[f"one step, L = {text}"] = ball_equal((first - 1 - first.log()) / 2 - floor, 1e-30)
            turned = angle.cos() ** 2 * precision + angle.sin() ** 2
            parts[f"quarter turn, L = {text}"] = ball_equal((turned - 1 - turned.log()) / 2, 1e-30)
        largest = ball(PRECISIONS[-1])
        parts["more with the fixed target"] = ball_positive(
            largest.sqrt() - 1 - largest.log() / 2 - ball(least)
        )
        return all_of(parts).with_data(**_curves())
