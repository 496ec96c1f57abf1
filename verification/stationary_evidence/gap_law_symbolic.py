"""S3: the gap law, derived twice: vacuum diagrams of the package, and plain power series.

The diagrams take symbols for the derivatives of W, and give coefficients as functions of the latent: ep.gap_law, which
is public, takes a decoder and one x. So its engine is imported from its room.
"""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.expansion.asymptotics import Expansion, Mode
from elboproof.expansion.coefficients import gap_coefficient

from . import claim
from .hypotheses import isolated_mode
from .power_series import W2, W3, W4, W5, W6, Z0, derivatives, leading_gap, line_gap

THREE_QUARTERS = Rational(3, 4)
TWELFTH = Rational(1, 12)
FORTY_EIGHTH = Rational(1, 48)
LATENTS = OUTPUTS = (1, 2, 3)
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
    return all_of({f"sigma^{2 * n + 2}": identity(diagrams[n] - plain[n]) for n in range(2)})


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "the coefficient of sigma^2 in the power series of log p(x) - best ELBO is (1/12) sum W_ijk^2, in "
        "coordinates y in which the Hessian of W is I"
    ),
    domain=(
        f"d = {', '.join(map(str, LATENTS))}, symbols for all third and fourth derivatives of W and for the prior, "
        "which is any exp(-g'y - y'Qy/2) in y: a linear map of the latents makes every Hessian I, and the prior such"
    ),
    hypotheses=(isolated_mode,),
    controls=(control("1/8 for 1/12", factor=Rational(1, 8)), LAPLACE),
)
def tensor_law(run: Run, *, factor: Expr = TWELFTH, rule: str = "stationary") -> Verdict:
    """T is a scalar: in the coordinates y = B^(1/2) (z - z0) its formula has lost the B^-1."""
    parts = {}
    for d in LATENTS:
        run.assume(isolated_mode, np.eye(d))
        third = derivatives("W", d, 3)
        square = sum(third[tuple(sorted(place))] ** 2 for place in product(range(d), repeat=3))
        parts[f"d = {d}"] = identity(leading_gap(d, rule) - factor * square)
    return all_of(parts)


def _on_the_image(size: int) -> tuple[Symbol, list[Expr]]:
    """Return z and f - x to third order about z0 = 0, with symbols for the derivatives, f' other than 0.

    Some entry of f' is not 0; the outputs can be ordered and mirrored so that it is the first one and positive.
    """
    z = Symbol("z", real=True)
    first = {0: Symbol("f1_0", positive=True)}
    jets = [
        [first.get(j, Symbol(f"f1_{j}", real=True)), *sympy.symbols(f"f2_{j} f3_{j}", real=True)]
        for j in range(size)
    ]
    return z, [sum(c * z**k / sympy.factorial(k) for k, c in enumerate(jet, 1)) for jet in jets]


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states="x = f(z0), d = 1: the coefficient of sigma^2 is (3/4) (f'.f'')^2 / |f'|^6",
    domain=f"symbols for f' (not 0), f'' and f''' in D = {', '.join(map(str, OUTPUTS))} dimensions",
    hypotheses=(isolated_mode,),
    controls=(control("1 in place of 3/4", factor=Rational(1)), LAPLACE),
    tier="quick",
)
def law_of_curves(run: Run, *, factor: Expr = THREE_QUARTERS, rule: str = "stationary") -> Verdict:
    """From the power series; W = |x - f|^2 / 2 is differentiated as it stands."""
    leading = line_gap(rule)[0]
    parts = {}
    for size in OUTPUTS:
        z, f = _on_the_image(size)
        misfit = sum(entry**2 for entry in f) / 2
        W2_, W3_, W4_ = (sympy.expand(misfit.diff(z, k).subs(z, 0)) for k in (2, 3, 4))
        run.assume(isolated_mode, W2_)
        found = leading.subs({W2: W2_, W3: W3_, W4: W4_}, simultaneous=True)
        dot = sum(entry.diff(z) * entry.diff(z, 2) for entry in f).subs(z, 0)
        speed = sum(entry.diff(z) ** 2 for entry in f).subs(z, 0)
        parts[f"D = {size}"] = identity(found - factor * dot**2 / speed**3)
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
        control(
            "the stationary Gaussian's coefficients", refutes="*third*", third=TWELFTH, fourth=FORTY_EIGHTH
        ),
        control("W''' = 0 alone", refutes="affine", zero=(W3,)),
    ),
    tier="quick",
)
def laplace_pays_more(
    run: Run,
    *,
    third: Expr = LAPLACE_THIRD,
    fourth: Expr = LAPLACE_FOURTH,
    zero: Sequence[Symbol] = (W3, W4, W5, W6),
) -> Verdict:
    """The same power of sigma, another coefficient: the difference is what summing the tadpoles gains."""
    run.assume(isolated_mode, W2)
    first, second = line_gap("Laplace")
    affine = dict.fromkeys(zero, 0)
    return all_of(
        {
            "third derivatives": identity(first - third * W3**2 / W2**3),
            "without third ones": identity(second.subs(W3, 0) - fourth * W4**2 / W2**4),
            "affine": identity([first.subs(affine), second.subs(affine)]),
        }
    )


CURVES: dict[str, list[str]] = {
    "sinh": ["sinh(z)"],
    "parabola": ["z", "z**2"],
    "cubic in space": ["z", "z**2", "z**3"],
}


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states="ep.gap_law's engine gives (3/4) (f'.f'')^2 / |f'|^6 as a function of the latent",
    domain=f"{', '.join(CURVES)}: f = sinh z, (z, z^2), (z, z^2, z^3), every z",
    hypotheses=(isolated_mode,),
    controls=(control("1 in place of 3/4", factor=Rational(1)),),
    tier="quick",
)
def package_gives_the_law_of_curves(run: Run, *, factor: Expr = THREE_QUARTERS) -> Verdict:
    """The decoders are written as a user would write them."""
    parts = {}
    for name, entries in CURVES.items():
        model = ep.LatentModel("z", entries, ep.Gaussian(1))
        z = model.latents[0]
        slope, bend = ([f.diff(z, k) for f in model.decoder] for k in (1, 2))
        speed = sum(a**2 for a in slope)
        run.assume(isolated_mode, speed)
        dot = sum(a * b for a, b in zip(slope, bend, strict=True))
        parts[name] = identity(gap_coefficient(model) - factor * dot**2 / speed**3)
    return all_of(parts)


SURFACES: dict[str, list[str]] = {
    "paraboloid": ["a", "b", "a**2 + b**2"],
    "saddle": ["a", "b", "a*b"],
    "banana": ["a", "b + a**2"],
    "cubic": ["a", "b", "a**3/3 + a*b/2"],
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
    domain=(
        f"{', '.join('(' + ', '.join(entries).replace('**', '^') + ')' for entries in SURFACES.values())}, x on the "
        "image, every a, b"
    ),
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
        # Cauchy and Binet: det J'J is the sum of the squared maximal minors of J
        minors = (J.extract(list(rows), [0, 1]).det() for rows in combinations(range(len(f)), 2))
        run.assume(isolated_mode, sum(minor**2 for minor in minors))
        law = factor * _contracted(f, J, B, z)
        parts[name] = identity(gap_coefficient(model) - law)
    return all_of(parts)


def _contracted(f: sympy.Matrix, J: sympy.Matrix, B: sympy.Matrix, z: Any) -> Expr:
    pair = range(len(z))

    def third(i: int, j: int, k: int) -> Expr:
        return sum(J[:, p].dot(f.diff(z[q]).diff(z[r])) for p, q, r in ((i, j, k), (j, k, i), (k, i, j)))

    W = {(i, j, k): third(i, j, k) for i in pair for j in pair for k in pair}
    return sum(W[p] * W[q] * B[p[0], q[0]] * B[p[1], q[1]] * B[p[2], q[2]] for p in W for q in W)
