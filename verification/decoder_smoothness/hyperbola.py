"""S5, d = 2: two points with unequal diagonal covariances have no Lipschitz constant and no tube."""

from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr, I, Rational, cosh, exp, pi, sqrt, tanh

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_slope, control, equal, identity

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder

Z1, Z2, A, B = sympy.symbols("z1 z2 a b", real=True)
T = sympy.Symbol("t", positive=True)
HALF, EIGHTH = Rational(1, 2), Rational(1, 8)


def decoder(first: tuple[int, int], second: tuple[int, int]) -> Expr:
    """f* of x = a -+ b/2, m = 0 and diagonal covariances."""
    terms = [exp(-(Z1**2) / (2 * s) - Z2**2 / (2 * t)) / sqrt(s * t) for s, t in (first, second)]
    return (terms[0] * (A - B / 2) + terms[1] * (A + B / 2)) / (terms[0] + terms[1])


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "x = a -+ b/2, m = 0, S_1 = diag(1, 2), S_2 = diag(2, 1): f*(z) = a + (b/2) tanh((z_1^2 - z_2^2)/8); |grad "
        "f*|^2 = (b/8)^2 |z|^2 sech^4, so ||J|| = (b/2)|z|/4 on z_1 = z_2, which is unbounded; the denominator "
        "vanishes where (z_1 - z_2)(z_1 + z_2) = 4 pi i (2k+1), as at Re z = (t, t)/2, Im z = (2 pi, -2 pi)/t, at "
        "the distance 2 sqrt(2) pi/t from the real plane: f* is analytic, but in no tube"
    ),
    domain="all real a, b, z and all t > 0, k = 0",
    hypotheses=(definite_encoder,),
    controls=(
        control("1/4 for 1/8 in the tanh", refutes=("decoder", "slope"), share=Rational(1, 4)),
        control("S_2 = diag(1, 2) too", refutes="decoder", second=(1, 2)),
        control("b|z|/4 on the diagonal", refutes="diagonal", half=1),
        control("half of the distance", refutes=("distance", "pole"), turn=1),
    ),
    tier="quick",
)
def hyperbolic_wall(
    run: Run,
    *,
    share: Expr = EIGHTH,
    second: tuple[int, int] = (2, 1),
    half: Expr | int = HALF,
    turn: int = 2,
) -> Verdict:
    """The wall z_1 = -+ z_2 between the two points goes to infinity, and the slope on it grows."""
    run.assume(definite_encoder, sympy.ImmutableMatrix([[1, 0], [0, 2]]))
    run.assume(definite_encoder, sympy.ImmutableMatrix([[second[0], 0], [0, second[1]]]))
    argument = share * (Z1**2 - Z2**2)
    stated = A + B / 2 * tanh(argument)
    gradient = [stated.diff(z) for z in (Z1, Z2)]
    square = gradient[0] ** 2 + gradient[1] ** 2
    place = {Z1: T / 2 + turn * I * pi / T, Z2: T / 2 - turn * I * pi / T}
    exponential = tanh(argument).rewrite(exp)
    return all_of(
        {
            "decoder": identity(decoder((1, 2), second) - A - B / 2 * exponential),
            "slope": identity(
                (square - (B / 8) ** 2 * (Z1**2 + Z2**2) / cosh(argument) ** 4).rewrite(exp).subs(B, 1)
            ),
            "diagonal": identity(square.subs(Z2, Z1).subs(Z1, T / sqrt(2)) - (B * half * T / 4) ** 2),
            "pole": identity(((Z1 - Z2) * (Z1 + Z2)).subs(place, simultaneous=True) - 4 * pi * I),
            "distance": identity(2 * (turn * pi / T) ** 2 - (2 * sqrt(2) * pi / T) ** 2),
        }
    )


DISTANCES = ("10", "100", "1000", "10000")
WITHIN = 1e-25


def terms(z: list[acb], second: tuple[str, str]) -> list[acb]:
    """Return exp(-z'S^-1 z/2) for both covariances, relative to the first at z."""
    logs = [
        -(z[0] ** 2 / (2 * ball(s)) + z[1] ** 2 / (2 * ball(t))) - (ball(s) * ball(t)).log() / 2
        for s, t in (("1", "2"), second)
    ]
    return [(one - logs[0]).exp() for one in logs]


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "for these two points the denominator has zeros at the distance 2 sqrt(2) pi/t, and the slopes there on the "
        "real diagonal are t/(4 sqrt 2) (b = 2, t = z_1 + z_2): distances fall and slopes grow in proportion, "
        "between these t"
    ),
    domain="t = 10, 100, 1000, 10000",
    hypotheses=(definite_encoder,),
    controls=(
        control("S_2 = diag(2, 3), above S_1", refutes=("zero*",), second=("2", "3")),
        control("half the distance", refutes=("zero*", "distance, t*"), share=Fraction(1, 2)),
        control("slopes that grow like the root of t", refutes="slopes grow", grow=0.5),
        control("distances that fall like t^-2", refutes="distances fall", fall=-2.0),
    ),
    tier="quick",
)
def zeros_come_near(
    run: Run,
    *,
    second: tuple[str, str] = ("2", "1"),
    share: Fraction | int = 1,
    grow: float = 1.0,
    fall: float = -1.0,
) -> Verdict:
    """The log ratio is 0 on the diagonal, where it has the slope of a tanh."""
    run.assume(definite_encoder, [[1, 0], [0, 2]])
    run.assume(definite_encoder, [[int(second[0]), 0], [0, int(second[1])]])
    parts: dict[str, Verdict] = {}
    distances, slopes = [], []
    with working_precision(200):
        for distance in DISTANCES:
            t = ball(distance)
            y = 2 * arb.pi() / t * ball(share)
            found = terms([acb(t / 2, y), acb(t / 2, -y)], second)
            parts[f"zero, t = {distance}"] = ball_equal(abs(sum(found, acb(0))), WITHIN)
            parts[f"distance, t = {distance}"] = ball_equal(
                (2 * y * y).sqrt() - arb(8).sqrt() * arb.pi() / t, WITHIN
            )
            distances.append((2 * y * y).sqrt())
            # equal weights at (t, t)/2: J = (1/4) (x_1 - x_2)(g_1 - g_2), g_i = -S_i^-1 z
            gaps = [
                t / 2 * (1 / ball(one) - 1 / ball(two)) for one, two in zip(("1", "2"), second, strict=True)
            ]
            slopes.append(2 * sum((gap * gap for gap in gaps), arb(0)).sqrt() / 4)
        parts["distances fall"] = ball_slope(DISTANCES, distances, fall, 1e-12)
        parts["slopes grow"] = ball_slope(DISTANCES, slopes, grow, 1e-12)
    return all_of(parts)


@claim.check(
    statement="S5",
    role="limits",
    method="numeric",
    relation="=",
    states=(
        "OptimalDecoder says so: for these two points 1/lipschitz_bound() and analytic_radius() are 0, jacobian "
        "gives the slopes t/(4 sqrt 2), and modulus(d) is diam(x) for every d > 0"
    ),
    domain="the two points, a = 0, b = 2; t = 10, ..., 10000",
    hypotheses=(definite_encoder,),
    controls=(
        control("S_2 = diag(2, 3), above S_1: a constant and a tube", second=(2.0, 3.0)),
        control("S_2 = diag(3, 2.001), barely above S_1", second=(3.0, 2.001)),
    ),
    tier="quick",
)
def package_gives_no_constant(run: Run, *, second: tuple[float, float] = (2.0, 1.0)) -> Verdict:
    """An infinite constant is compared by its reciprocal."""
    covariances = np.array([np.diag([1.0, 2.0]), np.diag(second)])
    run.assume(definite_encoder, covariances)
    optimal = ep.OptimalDecoder([[0.0, 0.0], [0.0, 0.0]], [[-1.0], [1.0]], covariances)
    t = np.array([float(distance) for distance in DISTANCES])
    jacobians: Any = optimal.jacobian(np.stack([t, t], 1) / 2)
    return all_of(
        {
            "constant": equal(1 / optimal.lipschitz_bound(), 0.0, 0.0),
            "radius": equal(optimal.analytic_radius(), 0.0, 0.0),
            "slopes": equal(np.linalg.norm(jacobians[:, 0], axis=1) / t * 4 * np.sqrt(2), 1.0, 1e-9),
            "modulus": equal(optimal.modulus([1e-9, 1e-3, 1.0]), 2.0, 1e-12),
        }
    )
