"""S1 in several latents: both equalities for functions that no finite number of moments describes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sympy
from flint import acb
from sympy import Expr, ImmutableMatrix, Rational

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control

from . import claim
from .hypotheses import definite_covariance, slow_growth

HALF = Rational(1, 2)
BALLS = {"tanh": acb.tanh, "cos": acb.cos}


@dataclass(frozen=True)
class Instance:
    """A function of several latents, a Gaussian over them, a direction of S, and the digits to prove."""

    names: str
    g: str
    mean: tuple[str, ...]
    covariance: tuple[tuple[str, ...], ...]
    direction: tuple[tuple[int, ...], ...]
    digits: int


PLANE = (("1/4", "1/10"), ("1/10", "1/2"))
SPACE = (("1/4", "1/10", "0"), ("1/10", "1/2", "1/20"), ("0", "1/20", "1/5"))
INSTANCES = (
    Instance("u v", "tanh(u)*cos(u - v)", ("3/10", "-1/5"), PLANE, ((1, 2), (2, -1)), 8),
    Instance("u v", "tanh(u + 2*v)*tanh(v)", ("3/10", "-1/5"), PLANE, ((1, -1), (-1, 1)), 8),
    Instance(
        "u v w",
        "tanh(u - v)*cos(v*w)",
        ("3/10", "-1/5", "1/10"),
        SPACE,
        ((1, 2, 0), (2, -1, 1), (0, 1, 1)),
        6,
    ),
)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "E_q[g (score of m) - grad g] = 0 and, along H, E_q[g (score of S) - 1/2 tr(H Hess g)] = 0 in several latents, "
        f"enclosed by ep.expectation, within {', '.join(f'2e-{i.digits}' for i in INSTANCES)}"
    ),
    domain="; ".join(f"g = {i.g} with m = ({', '.join(i.mean)})" for i in INSTANCES)
    + ", one full S and one H each",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("E_q[grad g] one percent larger", refutes="m*", gradients=Rational(101, 100)),
        control("d/dS without the 1/2", refutes="S*", factor=Rational(1)),
        control("0.505 for 1/2", refutes="S*", factor=Rational(101, 200)),
    ),
)
def several_latents(run: Run, *, factor: Expr = HALF, gradients: Expr = sympy.S.One) -> Verdict:
    """The scores P u and (P u u'P - P) / 2, u = z - m, P = S^-1, are those of S1 and S2; SymPy differentiates g."""
    parts = {}
    for case in INSTANCES:
        symbols = sympy.symbols(case.names, real=True)
        z, g = ImmutableMatrix(symbols), sympy.parse_expr(case.g, {str(one): one for one in symbols})
        S, H = ImmutableMatrix(case.covariance).applyfunc(sympy.Rational), ImmutableMatrix(case.direction)
        run.assume(definite_covariance, S)
        values = sympy.lambdify(symbols, g, modules=[BALLS])
        run.assume(slow_growth, *(partial(_along_axis, values, k, len(symbols)) for k in range(len(symbols))))
        P, m = S.inv(), ImmutableMatrix(case.mean).applyfunc(sympy.Rational)
        slope = P * (z - m)
        score = (H * (slope * slope.T - P)).trace() / 2
        price = g * score - factor * (H * sympy.hessian(g, symbols)).trace()
        bonnet = [g * slope[k] - gradients * g.diff(one) for k, one in enumerate(symbols)]
        q, names = ep.GaussianPosterior(case.mean, case.covariance), case.names.split()
        found = ep.expectation([price, *bonnet], q, run.digits(case.digits), latent=names)
        for k, name in enumerate(["S", *(f"m_{one}" for one in names)]):
            ends = ep.Enclosure(found.lower[k], found.upper[k])
            parts[f"{name}: {case.g}"] = ball_equal(ends, 10.0**-case.digits)
    return all_of(parts)


def _along_axis(g: Callable[..., acb], k: int, d: int, t: acb) -> acb:
    """Return g on a line beside the k-th axis."""
    return g(*(t if j == k else acb(1) for j in range(d)))
