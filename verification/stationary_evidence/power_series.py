"""log p(x) and the best ELBO as plain power series: no diagrams, no Wick powers, nothing from the package.

With v = e^2 and z = z0 + e y the energy is U = const + y'By/2 + e (z0'y + W3 y^3/6) + e^2 (|y|^2/2 + W4 y^4/24) + ...
On the line B = W2 stays; for more latents B = I after a linear change of y, in which the prior has g'y + y'Qy/2. The
mass is the expansion of exp(-perturbation) under the Gaussian of B, the ELBO that of E_q[U] - H[q], minimised order by
order.
"""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, product

import sympy
from sympy import Expr, Symbol

from .._shared.kept import kept

STEP = Symbol("e", positive=True)
"""The square root of the variance."""
W2 = Symbol("W2", positive=True)
W3, W4, W5, W6 = sympy.symbols("W3:7", real=True)
Z0 = Symbol("z0", real=True)
_Y = Symbol("y", real=True)

Choice = Callable[[Expr, Expr, Expr], tuple[Expr, Expr]]
"""From the coefficients of e^2 and e^4 (the latter as a function of the former's choice) to a mean and a variance."""


def truncated(expression: Expr, order: int) -> Expr:
    """Drop powers of e beyond ``order``."""
    terms = sympy.Poly(sympy.expand(expression), STEP).terms()
    return sympy.Add(*(c * STEP ** powers[0] for powers, c in terms if powers[0] <= order))


def expectation(polynomial: Expr, variables: Sequence[Symbol], variance: Expr) -> Expr:
    """Return E under independent N(0, variance), by the moments (n - 1)!! variance^(n/2)."""
    terms = sympy.Poly(sympy.expand(polynomial), *variables).terms()
    return sympy.Add(*(c * sympy.prod([_moment(n, variance) for n in powers]) for powers, c in terms))


def _moment(n: int, variance: Expr) -> Expr:
    return sympy.factorial2(n - 1) * variance ** (n // 2) if n % 2 == 0 else sympy.Integer(0)


def log_of_mean(perturbation: Expr, variables: Sequence[Symbol], variance: Expr, order: int) -> Expr:
    """Return log E[exp(-perturbation)] to e^order, order 2 or 4; the perturbation starts at e."""
    power, total = sympy.Integer(1), sympy.Integer(0)
    for n in range(1, order + 1):
        power = truncated(-power * perturbation / n, order)
        total += power
    mean = truncated(expectation(total, variables, variance), order)
    return truncated(mean - mean**2 / 2, order)


def line_perturbation() -> Expr:
    """U on the line without W2 y^2 / 2, to e^4."""
    taylor = {3: W3, 4: W4, 5: W5, 6: W6}
    terms = (STEP ** (k - 2) * w * _Y**k / sympy.factorial(k) for k, w in taylor.items())
    return sympy.Add(*terms) + STEP * Z0 * _Y + STEP**2 * _Y**2 / 2


@kept
def line_log_mass() -> Expr:
    """Log of the mode's share of p(x) on the line, to e^4, without the terms of order e^0."""
    return log_of_mean(line_perturbation(), [_Y], 1 / W2, 4)


@kept
def line_free_energy(rule: str = "stationary") -> Expr:
    """E_q[U] - H[q] on the line for m = z0 + e^2 a, S = e^2 (1/W2 + e^2 b), to e^4.

    Parameters
    ----------
    rule
        "stationary": a and b minimise. "Laplace": a is the mode of U and S its curvature's inverse there.

    Notes
    -----
    Where a and b are stationary, their own corrections change the value beyond e^4 only. At the Laplace point the
    correction of a, of order e^2 a, would enter at e^4: that rule is right to e^2.
    """
    a, b = sympy.symbols("a b", real=True)
    spread = 1 / W2 + STEP**2 * b
    shifted = (W2 * _Y**2 / 2 + line_perturbation()).subs(_Y, STEP * a + _Y)
    energy = truncated(expectation(shifted, [_Y], spread), 4) - sympy.Rational(1, 2)
    entropy = STEP**2 * b * W2 / 2 - STEP**4 * b**2 * W2**2 / 4
    total = sympy.expand(energy - entropy)
    second, fourth = total.coeff(STEP, 2), total.coeff(STEP, 4)
    if rule == "Laplace":
        best = {a: -Z0 / W2, b: -(1 - W3 * Z0 / W2) / W2**2}
    else:
        best = {a: sympy.solve(second.diff(a), a)[0]}
        best[b] = sympy.solve(fourth.subs(a, best[a]).diff(b), b)[0]
    return sympy.expand((second * STEP**2 + fourth * STEP**4).subs(best))


def line_gap(rule: str = "stationary") -> tuple[Expr, Expr]:
    """The coefficients of v and v^2 in log p - ELBO on the line."""
    gap = sympy.expand(line_log_mass() + line_free_energy(rule))
    return gap.coeff(STEP, 2), gap.coeff(STEP, 4)


def derivatives(name: str, d: int, order: int) -> dict[tuple[int, ...], Symbol]:
    """Symbols name_ij..., one for each sorted tuple of that many indices below d."""
    places = combinations_with_replacement(range(d), order)
    return {place: Symbol(f"{name}_{''.join(map(str, place))}", real=True) for place in places}


def _form(name: str, y: Sequence[Symbol], order: int) -> Expr:
    """The symmetric form with these derivatives: the sum over all tuples of indices, divided by order!."""
    names = derivatives(name, len(y), order)
    places = product(range(len(y)), repeat=order)
    terms = (names[tuple(sorted(place))] * sympy.prod([y[i] for i in place]) for place in places)
    return sympy.Add(*terms) / sympy.factorial(order)


def leading_gap(d: int, rule: str = "stationary") -> Expr:
    """The coefficient of v in log p - ELBO for d latents, with B = I, symbols W_ijk, W_ijkl, and the prior's g and Q.

    S = v (I + O(v)): its correction changes E_q[U] - H[q] at v^2 only, as it is stationary at v I to leading order.
    """
    log_mass, energy, a = _leading_terms(d)
    mode = {s: -g for s, g in zip(a, derivatives("g", d, 1).values(), strict=True)}
    best = mode if rule == "Laplace" else sympy.solve([energy.diff(s) for s in a], a, dict=True)[0]
    return sympy.expand(log_mass + energy.subs(best))


@kept
def _leading_terms(d: int) -> tuple[Expr, Expr, tuple[Symbol, ...]]:
    """Return the coefficients of v in log p and in E_q[U] - H[q] at m = z0 + v a, and a."""
    y, a = sympy.symbols(f"y:{d}", real=True), sympy.symbols(f"a:{d}", real=True)
    square, one = sum(t**2 for t in y) / 2, sympy.Integer(1)
    perturbation = STEP * (_form("W", y, 3) + _form("g", y, 1)) + STEP**2 * (
        _form("W", y, 4) + _form("Q", y, 2)
    )
    log_mass = log_of_mean(perturbation, y, one, 2).coeff(STEP, 2)
    moved = {t: t + STEP * s for t, s in zip(y, a, strict=True)}
    whole = (square + perturbation).subs(moved, simultaneous=True)
    return log_mass, truncated(expectation(whole, y, one), 2).coeff(STEP, 2), a
