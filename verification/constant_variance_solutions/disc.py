r"""S4, the penalty of curvature: the least over all coordinates, on a geodesic disc, is K^2 rho^4 / 192 at first.

As sigma falls the posterior precision at y is the metric over sigma^2. In normal coordinates y the metric is I + h to
second order, h = -(K/3) (|y|^2 I - y y'); a change of coordinates y + xi(y), small of third order, subtracts L = d xi +
(d xi)'. A shared covariance costs (1/2) (log det E[A] - E[log det A]) = (1/4) E|h - E h|^2 to leading order, y uniform
on the disc.

Curvature is an incompatibility: inc h = d_22 h_11 + d_11 h_22 - 2 d_12 h_12 = -2 K, while inc L = 0. Let phi be Airy's
function, Delta^2 phi = 2 K, phi = |d phi| = 0 on the circle, and C the matrix phi_22, phi_11, -phi_12. For every h with
this inc, Green's identity gives E<h, C> = E[phi inc h] = -2 K E[phi], and E[C] = 0, so by Cauchy and Schwarz
E|h - E h|^2 >= (2 K E[phi])^2 / E|C|^2 = 2 K E[phi], as E|C|^2 = 2 K E[phi]. It is reached by h - E h = -C.
"""

from itertools import product

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import smooth_metric

X, Y = sympy.symbols("x y", real=True)
K, RHO = Symbol("K", real=True), Symbol("rho", positive=True)
R2 = X**2 + Y**2
DEGREE = 4
"""Of the polynomials h in Green's identity: all matrix fields of this degree."""
SPRING = Rational(1, 32)
LEAST = Rational(1, 192)
BOW = Rational(1, 48)


def disc_mean(polynomial: Expr) -> Expr:
    """Return E over the uniform disc: E[x^2i y^2j] = rho^2(i+j) (2i-1)!! (2j-1)!! / (2^(i+j) (i+j+1)!)."""
    total = sympy.S.Zero
    for (i, j), c in sympy.Poly(sympy.expand(polynomial), X, Y).terms():
        if i % 2 == 0 and j % 2 == 0:
            n = (i + j) // 2
            share = sympy.factorial2(i - 1) * sympy.factorial2(j - 1)
            total += c * RHO ** (i + j) * share / (2**n * sympy.factorial(n + 1))
    return total


def cofactor(phi: Expr) -> ImmutableMatrix:
    """Return C of a function."""
    mixed = -phi.diff(X, Y)
    return ImmutableMatrix([[phi.diff(Y, 2), mixed], [mixed, phi.diff(X, 2)]])


def incompatibility(h: ImmutableMatrix) -> Expr:
    """Return d_22 h_11 + d_11 h_22 - 2 d_12 h_12."""
    return h[0, 0].diff(Y, 2) + h[1, 1].diff(X, 2) - 2 * h[0, 1].diff(X, Y)


def inner(first: ImmutableMatrix, second: ImmutableMatrix) -> Expr:
    """Return the sum of products of entries."""
    return sum(a * b for a, b in zip(first, second, strict=True))


def _polynomial(name: str) -> Expr:
    """Every polynomial of the degree: one symbol for each coefficient."""
    powers = [(i, j) for i, j in product(range(DEGREE + 1), repeat=2) if i + j <= DEGREE]
    return sum(Symbol(f"{name}{i}{j}", real=True) * X**i * Y**j for i, j in powers)


def _fields() -> ImmutableMatrix:
    """Every symmetric field of such polynomials."""
    a, b, c = map(_polynomial, "abc")
    return ImmutableMatrix([[a, b], [b, c]])


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation=">=",
    states=(
        "phi = (K/32) (rho^2 - |y|^2)^2 has Delta^2 phi = 2 K and phi = 0, d phi = 0 on the circle; E<h, C> = "
        "E[phi inc h]; E[C] = 0 and E|C|^2 = 2 K E[phi] = K^2 rho^4 / 48; changes of coordinates have inc L = 0, "
        "normal coordinates inc h = -2 K: so (1/4) E|h - E h|^2 >= K^2 rho^4 / 192, which the radial map R = r + K r^3 "
        "/ 48 reaches"
    ),
    domain=f"every K and rho, to leading order; h and xi all polynomials of degree {DEGREE}",
    hypotheses=(smooth_metric,),
    controls=(
        control("K/16 for K/32", refutes=("Airy", "means", "reached"), spring=Rational(1, 16)),
        control("phi + K rho^4 / 100", refutes=("edge", "Green"), lifted=Rational(1, 100)),
        control("K^2 rho^4 / 96", refutes="least", least=Rational(1, 96)),
        control("K^2 rho^4 / 256", refutes="least", least=Rational(1, 256)),
        control("R = r + K r^3 / 24", refutes="reached", bow=Rational(1, 24)),
        control("L = d xi alone", refutes="coordinates", transposed=0),
        control("h = -(K/6) (|y|^2 I - y y')", refutes=("curvature", "reached"), sixth=Rational(1, 2)),
    ),
)  # fmt: skip
def airy_gives_the_least_strain(
    run: Run,
    *,
    spring: Expr = SPRING,
    lifted: Expr = sympy.S.Zero,
    least: Expr = LEAST,
    bow: Expr = BOW,
    transposed: int = 1,
    sixth: Expr = sympy.S.One,
) -> Verdict:
    """Each step of the module's proof but Cauchy and Schwarz's inequality."""
    run.assume(smooth_metric, [R2])
    phi = K * spring * (RHO**2 - R2) ** 2 + lifted * K * RHO**4
    C = cofactor(phi)
    laplacian = sum(phi.diff(a, 2) for a in (X, Y))
    t = Symbol("t", real=True)
    circle = {X: RHO * (1 - t**2) / (1 + t**2), Y: 2 * RHO * t / (1 + t**2)}
    h = _fields()
    xi = [_polynomial(name) for name in "pq"]
    jacobian = ImmutableMatrix([[f.diff(a) for a in (X, Y)] for f in xi])
    strain = jacobian + transposed * jacobian.T
    place = ImmutableMatrix([X, Y])
    normal = -(K / 3) * sixth * (R2 * sympy.eye(2) - place * place.T)
    bent = normal - 2 * K * bow * (R2 * sympy.eye(2) + 2 * place * place.T)
    centred = bent - bent.applyfunc(disc_mean)
    return all_of(
        {
            "Airy": identity(sum(laplacian.diff(a, 2) for a in (X, Y)) - 2 * K),
            "edge": identity([part.subs(circle) for part in (phi, phi.diff(X), phi.diff(Y))]),
            "Green": identity(disc_mean(inner(h, C)) - disc_mean(phi * incompatibility(h))),
            "means": identity(
                [
                    *C.applyfunc(disc_mean),
                    disc_mean(inner(C, C)) - K**2 * RHO**4 / 48,
                    disc_mean(phi) - K * RHO**4 / 96,
                ]
            ),
            "least": identity(2 * K * disc_mean(phi) / 4 - least * K**2 * RHO**4),
            "coordinates": identity(incompatibility(strain)),
            "curvature": identity(incompatibility(normal) + 2 * K),
            "reached": identity(
                [*(centred + C), disc_mean(inner(centred, centred)) / 4 - LEAST * K**2 * RHO**4]
            ),
        }
    )
