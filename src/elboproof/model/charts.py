"""Charts that bring the ends of a prior's domain to infinity, where its density falls off exponentially.

With S = e^(-t) or e^t, z is low + (high - low)/(1 + S) on an interval, low + S or high - S on a half-line, and sinh t
on the line. An end where the density behaves like |z - end|^a, a > -1, or like z^-k, k > 1, becomes a tail e^(-c t); a
chart of an interval with a regular density at both ends is linear, and its cells are the interval. |dz/dt|, by which
volumes stretch, is a part of the density in t.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from elboproof.model.placement import Ends, Placement, linear, symbols_of
from elboproof.numbers.functions import Softplus

INFINITE: Ends = (-sympy.oo, sympy.oo)
MOST_OPERATIONS = 400
"""Of the argument of a logarithm that SymPy is asked to factor."""


@dataclass(frozen=True)
class Chart:
    """One latent's z(t).

    Attributes
    ----------
    scale : Symbol
        Stands for ``exponential``, positive; SymPy takes logarithms of products apart for it.
    place : Expr
        z as an expression in ``scale``, or in t.
    exponential : Expr
        e^t or e^-t.
    log_slope : Expr
        log |dz/dt|, an expression in t.
    ends : (float, float)
        Of t.
    """

    scale: Symbol
    place: Expr
    exponential: Expr
    log_slope: Expr
    ends: Ends


def chart(t: Symbol, low: Expr, high: Expr, regular: bool) -> Chart:
    """Return the chart of an interval whose ends are numbers or infinite."""
    S = sympy.Dummy("S", positive=True)
    everywhere = (-float("inf"), float("inf"))
    if low.is_finite and high.is_finite:
        if regular:
            return Chart(S, linear(low, high, t), sympy.exp(t), sympy.log((high - low) / 2), (-1.0, 1.0))
        slope = sympy.log(high - low) - t - 2 * Softplus(-t)
        return Chart(S, low + (high - low) / (1 + S), sympy.exp(-t), slope, everywhere)
    if low.is_finite:
        return Chart(S, low + S, sympy.exp(t), t, everywhere)
    if high.is_finite:
        return Chart(S, high - S, sympy.exp(t), t, everywhere)
    # cosh t = e^t (1 + e^(-2t)) / 2, without overflow
    return Chart(S, sympy.sinh(t), sympy.exp(t), t + Softplus(-2 * t) - sympy.log(2), everywhere)


def charted(
    latents: Sequence[Symbol],
    log_density: Expr,
    domain: Sequence[tuple[Expr, Expr]],
    regular: Callable[[int], bool],
) -> Placement:
    """Return the placement of a density in the charts of its domain.

    Parameters
    ----------
    latents, log_density
        log p(z), an expression in z.
    domain
        (low, high) for each latent, numbers or infinite.
    regular
        Whether log p is finite at both ends of latent k; it decides between charts, and is not trusted.
    """
    t = symbols_of(len(latents))
    charts = [
        chart(symbol, *ends, regular(k)) for k, (symbol, ends) in enumerate(zip(t, domain, strict=True))
    ]
    placed = log_density.xreplace({z: one.place for z, one in zip(latents, charts, strict=True)})
    scales = {one.scale: one.exponential for one in charts}
    density = _tidy(placed, {one.scale: symbol for one, symbol in zip(charts, t, strict=True)}, scales)
    energy = -density - sympy.Add(*(one.log_slope for one in charts))
    place = tuple(one.place.xreplace(scales) for one in charts)
    return Placement(t, place, energy, tuple(one.ends for one in charts))


def _tidy(placed: Expr, symbols: dict[Symbol, Symbol], scales: dict[Symbol, Expr]) -> Expr:
    """Put exponentials for scales; logarithms of products are sums first, or 1 - 1/(1 + S) would be a difference."""
    # Equal expressions for positive S: log(S) = +-t, log(1 + S) = softplus(+-t).
    known = {}
    for atom in placed.atoms(sympy.log):
        argument = atom.args[0]
        if argument.has(*symbols) and argument.count_ops() <= MOST_OPERATIONS:
            known[atom] = sympy.expand_log(sympy.log(sympy.factor(sympy.together(argument))))
    spread = placed.xreplace(known)
    for scale, exponential in scales.items():
        sign = exponential.args[0]
        spread = spread.xreplace({sympy.log(scale): sign, sympy.log(1 + scale): Softplus(sign)})
    return spread.xreplace(scales)
