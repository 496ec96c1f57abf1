"""S3, S4: the gap law, derived twice: vacuum diagrams of the package, and plain power series."""

from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.expansion.asymptotics import Expansion, Mode
from elboproof.expansion.gap_law import gap_coefficient

from . import claim
from .hypotheses import isolated_mode, unit_speed
from .power_series import W2, W3, W4, W5, W6, Z0, leading_gap, line_gap, third_derivatives

THREE_QUARTERS = Rational(3, 4)
TWELFTH = Rational(1, 12)
FORTY_EIGHTH = Rational(1, 48)
LAPLACE = control(
    "the mode of U and its curvature there, instead of E_q[grad U] and E_q[Hess U]", rule="Laplace"
)


def _line_mode(**known: Expr) -> Mode:
    """The line with symbols for the derivatives of W, some of them replaced."""
    named = {1: sympy.Integer(0), 2: W2, 3: W3, 4: W4, 5: W5, 6: W6}
    values = {k: known.get(f"W{k}", value) for k, value in named.items()}

    def derivative(order: int) -> Any:
        tensor = np.empty((1,) * order, dtype=object)
        tensor[...] = values.get(order, sympy.Integer(0))
        return tensor

    return Mode(
        derivative,
        np.array([Z0], dtype=object),
        lambda number: bool(sympy.expand(number) == 0),
        lambda matrix: np.array([[1 / matrix[0, 0]]], dtype=object),
        sympy.Integer(1),
        sympy.expand,
    )


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "the diagrams' coefficients of sigma^2 and sigma^4 are those of the plain power series of log p(x) - "
        "best ELBO"
    ),
    domain="d = 1, symbols for the mode and for all derivatives of |x - f|^2 / 2 from the second to the sixth",
    hypotheses=(isolated_mode,),
    controls=(LAPLACE,),
    tier="quick",
)
def two_derivations_agree(run: Run, *, rule: str = "stationary") -> Verdict:
    """Neither route knows of the other: one sums tadpoles into m and S, the other expands about the mode."""
    run.assume(isolated_mode, W2)
    diagrams = Expansion(_line_mode(), 2).gap
    plain = line_gap(rule)
    return all_of({f"sigma^{2 * n + 2}": identity(sympy.expand(diagrams[n] - plain[n])) for n in range(2)})


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "the coefficient of sigma^2 in the power series of log p(x) - best ELBO is (1/12) sum W_ijk^2, in "
        "coordinates with A = I / sigma^2"
    ),
    domain="d = 1, 2, 3, symbols for all third derivatives; a linear map of the latents makes every A such",
    hypotheses=(isolated_mode,),
    controls=(control("1/8 for 1/12", factor=Rational(1, 8)), LAPLACE),
)
def tensor_law(run: Run, *, factor: Expr = TWELFTH, rule: str = "stationary") -> Verdict:
    """T is a scalar: in the coordinates y = A^(1/2) (z - z0) its formula has lost the A^-1."""
    parts = {}
    for d in (1, 2, 3):
        run.assume(isolated_mode, np.eye(d))
        names = third_derivatives(d)
        square = sum(names[_place(i, j, k)] ** 2 for i in range(d) for j in range(d) for k in range(d))
        parts[f"d = {d}"] = identity(sympy.expand(leading_gap(d, rule) - factor * square))
    return all_of(parts)


def _place(*indices: int) -> tuple[int, ...]:
    return tuple(sorted(indices))


def _derivatives_on_the_image(slopes: dict[int, list[Symbol]]) -> dict[int, Expr]:
    """D^k of W = |f(z0) - f|^2 / 2 at z0 for k = 2, 3, 4, by Leibniz' rule written out."""

    def dot(i: int, j: int) -> Expr:
        return sum(a * b for a, b in zip(slopes[i], slopes[j], strict=True))

    return {2: dot(1, 1), 3: 3 * dot(1, 2), 4: 3 * dot(2, 2) + 4 * dot(1, 3)}


def _jets(size: int) -> dict[int, list[Symbol]]:
    return {k: [Symbol(f"f{k}_{j}", real=True) for j in range(size)] for k in (1, 2, 3)}


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states="x = f(z0), d = 1: the coefficient of sigma^2 is (3/4) (f'.f'')^2 / |f'|^6",
    domain="symbols for f' and f'' in D = 1, 2, 3 dimensions",
    hypotheses=(isolated_mode,),
    controls=(control("1 in place of 3/4", factor=Rational(1)), LAPLACE),
    tier="quick",
)
def law_of_curves(run: Run, *, factor: Expr = THREE_QUARTERS, rule: str = "stationary") -> Verdict:
    """From the power series; the residual x - f(z0) is zero, so only products of derivatives are left."""
    leading = line_gap(rule)[0]
    parts = {}
    for size in (1, 2, 3):
        f = _jets(size)
        W = _derivatives_on_the_image(f)
        run.assume(isolated_mode, 1 + W[2])  # a sum of squares, positive where f' is not zero
        found = leading.subs({W2: W[2], W3: W[3], W4: W[4]}, simultaneous=True)
        dot = sum(a * b for a, b in zip(f[1], f[2], strict=True))
        parts[f"D = {size}"] = identity(sympy.cancel(found - factor * dot**2 / W[2] ** 3))
    return all_of(parts)


LAPLACE_THIRD, LAPLACE_FOURTH = Rational(5, 24), Rational(1, 12)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "Laplace's Gaussian (mode and curvature of U) has the gap (5/24) W'''^2 / W''^3 sigma^2, 2.5 times the law's; "
        "at W''' = 0 it is W''''^2 sigma^4 / (12 W''^4), 4 times; for affine f it is 0, so S2 cannot tell the two"
    ),
    domain="d = 1, symbols for the mode and for the derivatives of |x - f|^2 / 2",
    hypotheses=(isolated_mode,),
    controls=(
        control("the stationary Gaussian's coefficients", third=TWELFTH, fourth=FORTY_EIGHTH),
        control("its coefficient of W'''^2 alone", third=TWELFTH),
    ),
    tier="quick",
)
def laplace_pays_more(run: Run, *, third: Expr = LAPLACE_THIRD, fourth: Expr = LAPLACE_FOURTH) -> Verdict:
    """The same power of sigma, another coefficient: the difference is what summing the tadpoles gains."""
    run.assume(isolated_mode, W2)
    first, second = line_gap("Laplace")
    affine = dict.fromkeys((W3, W4, W5, W6), 0)
    return all_of(
        {
            "third derivatives": identity(first - third * W3**2 / W2**3),
            "without third ones": identity(sympy.expand(second.subs(W3, 0) - fourth * W4**2 / W2**4)),
            "affine": identity([first.subs(affine), sympy.expand(second.subs(affine))]),
        }
    )


CURVES: dict[str, tuple[list[str], str]] = {
    "sinh": (["sinh(z)"], "sinh(z)**2 / cosh(z)**4"),
    "parabola": (["z", "z**2"], "16*z**2 / (1 + 4*z**2)**3"),
    "cubic in space": (["z", "z**2", "z**3"], "(4*z + 18*z**3)**2 / (1 + 4*z**2 + 9*z**4)**3"),
}
"""Decoder entries, and (f'.f'')^2 / |f'|^6 worked out by hand."""


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states="ep.gap_law's engine gives (3/4) (f'.f'')^2 / |f'|^6 as a function of the latent",
    domain="f = sinh z, (z, z^2), (z, z^2, z^3), every z",
    hypotheses=(isolated_mode,),
    controls=(control("1 in place of 3/4", factor=Rational(1)),),
    tier="quick",
)
def package_gives_the_law_of_curves(run: Run, *, factor: Expr = THREE_QUARTERS) -> Verdict:
    """The decoders are written as a user would write them."""
    parts = {}
    for name, (entries, stated) in CURVES.items():
        model = ep.LatentModel("z", entries, ep.Gaussian(1))
        z = model.latents[0]
        run.assume(isolated_mode, 1 + sum(f.diff(z) ** 2 for f in model.decoder))
        law = factor * sympy.sympify(stated, locals={"z": z})
        parts[name] = identity(gap_coefficient(model) - law)
    return all_of(parts)


SURFACES: dict[str, list[str]] = {
    "paraboloid": ["a", "b", "a**2 + b**2"],
    "saddle": ["a", "b", "a*b"],
    "banana": ["a", "b + a**2"],
}


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "ep.gap_law's engine gives (1/12) sum W_ijk W_lmn B^il B^jm B^kn with B = J'J and W_ijk the sum of "
        "f_i.f_jk over its three orders"
    ),
    domain="surfaces (a, b, a^2 + b^2), (a, b, ab) in R^3 and the map (a, b + a^2), x on the image, every a, b",
    hypotheses=(isolated_mode,),
    controls=(control("1/8 for 1/12", factor=Rational(1, 8)),),
    tier="quick",
)
def package_gives_the_tensor_law(run: Run, *, factor: Expr = TWELFTH) -> Verdict:
    """The contraction is written out here with sums."""
    parts = {}
    for name, entries in SURFACES.items():
        model = ep.LatentModel(["a", "b"], entries, ep.Gaussian(1))
        f, z = sympy.Matrix(model.decoder), model.latents
        J = f.jacobian(z)
        B = (J.T * J).inv()
        run.assume(isolated_mode, sympy.expand((J.T * J).det()) + 0)
        law = factor * _contracted(f, J, B, z)
        parts[name] = identity(sympy.cancel(sympy.together(gap_coefficient(model) - law)))
    return all_of(parts)


def _contracted(f: sympy.Matrix, J: sympy.Matrix, B: sympy.Matrix, z: Any) -> Expr:
    pair = range(len(z))

    def third(i: int, j: int, k: int) -> Expr:
        return sum(J[:, p].dot(f.diff(z[q]).diff(z[r])) for p, q, r in ((i, j, k), (j, k, i), (k, i, j)))

    W = {(i, j, k): third(i, j, k) for i in pair for j in pair for k in pair}
    return sum(W[p] * W[q] * B[p[0], q[0]] * B[p[1], q[1]] * B[p[2], q[2]] for p in W for q in W)
