"""S4: a flow prior is the prior N(0, I) with another decoder, and an encoder that is no Gaussian any more."""

from typing import Any

import numpy as np
import sympy
from sympy import Expr, Function, Symbol

from elboproof.checking import Run, Verdict, all_of, at_most, control, equal, identity

from . import claim
from .hypotheses import invertible, positive_variance

Z, M, C = sympy.symbols("z m c", real=True)
S = Symbol("s", positive=True)


def log_normal(z: Expr, m: Expr, s: Expr) -> Expr:
    """Return log N(z; m, s)."""
    return -((z - m) ** 2) / (2 * s) - sympy.log(2 * sympy.pi * s) / 2


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with u = h(z) the ELBO's integrand under the prior N(h(z)) h'(z) and q is that under N(0, 1) and the law of h "
        "of q, decoder g(h^-1(u)): log p(x|g(z)) is the same number, and log p - log q as well. For Gaussian q the "
        "third derivative of the log density of h(z) in u is 0 where h is affine, and 58112/15625 at z = m = 1/2 for "
        "h = z + z^3/3, s = 1: the encoder under N(0, 1) is no Gaussian"
    ),
    domain="d = 1: every differentiable increasing h, as a symbol, and q = N(m, s); the two h named",
    hypotheses=(invertible, positive_variance),
    controls=(
        control("without h' in the encoder", refutes="integrand", power=0),
        control("the density without 1/h'", refutes="*no Gaussian", weight=0),
        control("a bent map for the affine one", refutes="affine", bend=1),
    ),
    tier="quick",
)
def a_flow_moves_into_the_decoder(run: Run, *, power: int = 1, weight: int = 1, bend: int = 0) -> Verdict:
    """d/du = (1/h') d/dz."""
    h, slope = Function("h", real=True)(Z), Symbol("h1", positive=True)
    run.assume(invertible, slope)
    run.assume(positive_variance, S)
    learned = log_normal(h, sympy.Integer(0), sympy.Integer(1)) + sympy.log(slope) - log_normal(Z, M, S)
    seen = log_normal(Z, M, S) - power * sympy.log(slope)
    unit = log_normal(h, sympy.Integer(0), sympy.Integer(1)) - seen
    straight = third(C + 2 * Z + bend * Z**3, 1)
    curved = third(Z + Z**3 / 3, weight).subs({S: 1, M: sympy.Rational(1, 2)}).subs(Z, sympy.Rational(1, 2))
    return all_of(
        {
            "integrand": identity(sympy.expand(learned - unit)),
            "affine": identity(sympy.together(straight)),
            "no Gaussian": identity(sympy.together(curved - STATED)),
        }
    )


STATED = sympy.Rational(58112, 15625)


def third(h: Expr, weight: int) -> Expr:
    """Return the third derivative in u = h(z) of log q(z) - log h'(z)."""
    slope = h.diff(Z)
    value = log_normal(Z, M, S) - weight * sympy.log(slope)
    for _ in range(3):
        value = sympy.simplify(value.diff(Z) / slope)
    return value


LATENTS, POINTS = 2, 40
CLOSE = 1e-11
"""Of nats of size 10, through six layers and back."""
SIDE, REACH = 421, 14.0
"""Lattice on which the density is added up."""
MASS = 1e-6


@claim.check(
    statement="S4",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "elboproof.objectives.FlowPrior: log p(z) - log q(z) is log N(u) less the log density of u = h(z), by the "
        f"Jacobian of h^-1 from automatic differentiation, within {CLOSE:g}; h^-1(h(z)) is z within that; and p has "
        f"the mass 1 within {MASS:g}"
    ),
    domain=(
        f"{LATENTS} latents, six layers of width 8 with drawn weights, {POINTS} drawn z; float64; a lattice of "
        f"{SIDE}^2 points"
    ),
    hypotheses=(invertible,),
    controls=(
        control("log det with the wrong sign", refutes=("integrand", "mass"), sign=-1.0),
        control("the flow undone in the wrong order", refutes=("inverse", "integrand"), wrong_way=True),
    ),
)
def the_library_moves_alike(run: Run, *, sign: float = 1.0, wrong_way: bool = False) -> Verdict:
    """The decoder g(h^-1(u)) is g at the same z, whatever g is."""
    import torch

    from elboproof import objectives

    def drawn(*shape: int) -> Any:
        return torch.tensor(run.rng.normal(size=shape))

    prior = objectives.FlowPrior(LATENTS, hidden=8, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        for weight in prior.parameters():
            weight.add_(0.1 * drawn(*weight.shape))
    back = prior.to_noise if wrong_way else lambda u: (prior.from_noise(u), None)
    z, m = drawn(POINTS, LATENTS), drawn(POINTS, LATENTS)
    with torch.no_grad():
        u, slope = prior.to_noise(z)
        log_q, log_unit = -((z - m) ** 2).sum(1) / 2, -(u**2).sum(1) / 2
        inner = torch.func.vmap(torch.func.jacrev(lambda one: back(one[None])[0][0]))(u)
        run.assume(invertible, float(slope.exp().min()))
        determinant = torch.linalg.slogdet(inner).logabsdet
        learned = prior.log_prob(z) + (sign - 1) * slope - log_q
        side = torch.linspace(-REACH, REACH, SIDE, dtype=torch.float64)
        lattice = torch.cartesian_prod(side, side)
        values = prior.log_prob(lattice) + (sign - 1) * prior.to_noise(lattice)[1]
        mass = float(values.exp().sum()) * (2 * REACH / (SIDE - 1)) ** 2
        # the constants of q and of its law at u are the same and left out
        unit = log_unit - LATENTS / 2 * np.log(2 * np.pi) - (log_q + determinant)
        return all_of(
            {
                "integrand": equal(learned, unit, CLOSE),
                "inverse": at_most(float((back(u)[0] - z).abs().max()), CLOSE),
                "mass": equal(mass, 1.0, MASS),
            }
        )
