"""Coordinates in which a prior is integrated: z = z(t), and -log p(z(t)) - log |dz/dt| as an expression in t.

With the Jacobian inside, the integral of exp(-U) over t is the one over z.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

Ends = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Placement:
    """One change of variables, a latent at a time or linear.

    Attributes
    ----------
    symbols : tuple of Symbol
        t.
    place : tuple of Expr
        z(t).
    energy : Expr
        -log p(z(t)) - log |det dz/dt| in nats.
    ends : tuple of (float, float), or None
        The interval of each t: (-1, 1), or infinite. None says that t ~ N(0, I).
    """

    symbols: tuple[Symbol, ...]
    place: tuple[Expr, ...]
    energy: Expr
    ends: tuple[Ends, ...] | None


def symbols_of(d: int) -> tuple[Symbol, ...]:
    """Return d real symbols that are no latent's."""
    return tuple(sympy.Dummy(f"t_{k}", real=True) for k in range(d))


def linear(low: Expr, high: Expr, t: Symbol) -> Expr:
    """Return the affine function of t that is ``low`` at -1 and ``high`` at 1."""
    return (low + high) / 2 + t * (high - low) / 2


def uniform(box: Sequence[tuple[Expr, Expr]]) -> Placement:
    """Return t uniform on [-1, 1]^d, of density 2^-d, for z uniform on a box."""
    t = symbols_of(len(box))
    place = tuple(linear(low, high, symbol) for (low, high), symbol in zip(box, t, strict=True))
    return Placement(t, place, len(box) * sympy.log(2), ((-1.0, 1.0),) * len(box))
