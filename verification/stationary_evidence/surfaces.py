"""S3 on surfaces, d = 2: proved gaps against the tensor law, for x on the surface and beside it.

A surface is a graph (a, b, h(a, b)). With r = x - f(z0) along its normal (-h_a, -h_b, 1), z0 is the nearest point and
everything is rational. W = |x - f|^2 / 2 has the derivatives W_ij = f_i.f_j - r.f_ij and W_ijk = f_i.f_jk + f_j.f_ik +
f_k.f_ij - r.f_ijk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import sympy
from sympy import Matrix, Rational

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, equal

from . import claim
from .hypotheses import isolated_mode
from .slopes import STEPS, Instance, falls, proved_gaps, rational, recorded, remainders

LATENTS = sympy.symbols("a b")
PLACE = {LATENTS[0]: Rational(1, 2), LATENTS[1]: Rational(7, 10)}
"""z0."""


@dataclass(frozen=True)
class Surface:
    """The graph of h, and x at a distance from it: ``offset`` times the normal (-h_a, -h_b, 1)."""

    height: str
    offset: str

    @property
    def decoder(self) -> Matrix:
        """(a, b, h)."""
        return Matrix([*LATENTS, sympy.sympify(self.height, locals=dict(zip("ab", LATENTS, strict=True)))])

    @property
    def residual(self) -> Matrix:
        """The vector x - f(z0)."""
        h = self.decoder[2]
        normal = Matrix([-h.diff(LATENTS[0]), -h.diff(LATENTS[1]), 1]).subs(PLACE)
        return Rational(self.offset) * normal

    def instance(self) -> Instance:
        """Return what is proved: 8 digits at sigma = .1, .01, .001, 1e-4."""
        x = self.decoder.subs(PLACE) + self.residual
        return Instance(("a", "b"), ("a", "b", self.height), tuple(map(str, x)), STEPS, 8)


SURFACES = {
    "paraboloid, on it": Surface("(a**2+b**2)/2", "0"),
    "paraboloid, inside": Surface("(a**2+b**2)/2", "1/10"),
    "paraboloid, outside": Surface("(a**2+b**2)/2", "-1/10"),
    "saddle, on it": Surface("a*b", "0"),
    "saddle, beside it": Surface("a*b", "-1/5"),
    "banana, beside it": Surface("a**2+b/3", "1/8"),
}

Third = dict[tuple[int, int, int], sympy.Expr]
Contraction = Callable[[Matrix, Third], sympy.Expr]


def full_contraction(inverse: Matrix, third: Third) -> sympy.Expr:
    """Sum W_ijk W_lmn B^il B^jm B^kn."""
    return sum(
        third[p] * third[q] * inverse[p[0], q[0]] * inverse[p[1], q[1]] * inverse[p[2], q[2]]
        for p, q in product(third, repeat=2)
    )


def one_inverse_missing(inverse: Matrix, third: Third) -> sympy.Expr:
    """Sum W_ijk W_lmk B^il B^jm: the last pair of indices meets the identity."""
    return sum(
        third[p] * third[q] * inverse[p[0], q[0]] * inverse[p[1], q[1]] * int(p[2] == q[2])
        for p, q in product(third, repeat=2)
    )


def diagonal_terms(inverse: Matrix, third: Third) -> sympy.Expr:
    """The terms W_iii W_lll alone: the mixed derivatives forgotten."""
    return sum(third[i, i, i] * third[k, k, k] * inverse[i, k] ** 3 for i in (0, 1) for k in (0, 1))


def tensors(surface: Surface, residual: Matrix) -> tuple[Matrix, Third]:
    """Return W_ij and W_ijk at z0."""
    f = surface.decoder
    triples = product(range(2), repeat=3)

    def slope(*places: int) -> Matrix:
        return f.diff(*(LATENTS[i] for i in places)).subs(PLACE)

    second = Matrix(2, 2, lambda i, j: slope(i).dot(slope(j)) - residual.dot(slope(i, j)))
    third = {
        (i, j, k): sum(slope(u).dot(slope(v, w)) for u, v, w in ((i, j, k), (j, i, k), (k, i, j)))
        - residual.dot(slope(i, j, k))
        for i, j, k in triples
    }
    return second, third


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "|gap - (sigma^2 / 12) sum W_ijk W_lmn B^il B^jm B^kn| falls like sigma^4, B the inverse of W_ij; ep.gap_law "
        "has the same coefficient"
    ),
    domain=(
        "surfaces (a, b, (a^2 + b^2)/2), (a, b, ab), (a, b, a^2 + b/3); x on them and along the normal at (1/2, 7/10); "
        "gaps proved at sigma = .1, .01, .001, 1e-4"
    ),
    hypotheses=(isolated_mode,),
    controls=(
        control("one inverse missing in the contraction", contraction=one_inverse_missing),
        control("without the mixed derivatives", contraction=diagonal_terms),
        control("without r.f_ij in the Hessian", bent=0),
        control("1/8 for 1/12", factor=Fraction(1, 8)),
    ),
)
def gaps_on_surfaces_fall(
    run: Run,
    *,
    contraction: Contraction = full_contraction,
    bent: int = 1,
    factor: Fraction = Fraction(1, 12),
) -> Verdict:
    """The contraction is written out with sums; the gaps come from Krawczyk's test and a quadrature."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    for name, surface in SURFACES.items():
        second, third = tensors(surface, bent * surface.residual)
        run.assume(isolated_mode, [[float(entry) for entry in row] for row in second.tolist()])
        leading = factor * rational(contraction(second.inv(), third))
        instance = surface.instance()
        gaps = proved_gaps(instance)
        law = ep.gap_law(instance.model(), instance.x, nearest=True)
        series |= recorded(name, gaps, law)
        parts[f"{name}, sigma^4"] = falls(remainders(gaps, {1: leading}), 2)
        parts[f"{name}, ep.gap_law"] = equal(float(rational(law.leading)), float(leading), 1e-12)
    return all_of(parts).with_data(**series)
