"""Symbols: vectors, matrices, directions; generating functions and moments of Gaussians."""

import sympy
from sympy import Expr, ImmutableMatrix, Symbol


def free_vector(name: str, size: int) -> ImmutableMatrix:
    """Return a column of real symbols."""
    return ImmutableMatrix([Symbol(f"{name}{i}", real=True) for i in range(size)])


def symmetric(name: str, size: int) -> ImmutableMatrix:
    """Return a symmetric matrix of real symbols."""
    return ImmutableMatrix(size, size, lambda i, j: Symbol(f"{name}{max(i, j)}{min(i, j)}", real=True))


def covariance(name: str, size: int) -> ImmutableMatrix:
    """Return a symmetric matrix of real symbols, positive on the diagonal: the definite ones are among its values."""
    return ImmutableMatrix(
        size,
        size,
        lambda i, j: Symbol(f"{name}{max(i, j)}{min(i, j)}", real=True, positive=True if i == j else None),
    )


def precision(size: int) -> ImmutableMatrix:
    """Return P = S^-1 as symbols: every positive definite matrix is among its values."""
    return covariance("p", size)


def direction(size: int) -> ImmutableMatrix:
    """Return a symmetric direction H in which S changes."""
    return symmetric("h", size)


def along(scalar: Expr, matrix: ImmutableMatrix, change: ImmutableMatrix) -> Expr:
    """Return the derivative of a function of a symmetric matrix of symbols, as that matrix moves along ``change``."""
    places = [(i, j) for i in range(matrix.rows) for j in range(i + 1)]
    return sympy.Add(*(scalar.diff(matrix[i, j]) * change[i, j] for i, j in places))


def triangular(name: str, size: int) -> ImmutableMatrix:
    """Return a Cholesky factor with positive diagonal."""
    return ImmutableMatrix(
        size,
        size,
        lambda i, j: (
            Symbol(f"{name}{i}{j}", positive=True)
            if i == j
            else Symbol(f"{name}{i}{j}", real=True)
            if i > j
            else 0
        ),
    )


def taylor_curve(size: int) -> tuple[Symbol, ImmutableMatrix]:
    """Return the latent and f - x to fourth order about z0 = 0, with symbols for the derivatives."""
    z = Symbol("z", real=True)
    jets = [[Symbol(f"f{k}_{j}", real=True) for k in range(1, 5)] for j in range(size)]
    return z, ImmutableMatrix(
        [sum(c * z**k / sympy.factorial(k) for k, c in enumerate(jet, 1)) for jet in jets]
    )


def generating_function(a: ImmutableMatrix, m: ImmutableMatrix, S: ImmutableMatrix) -> Expr:
    """Return E_q[exp(a'z)] = exp(a'm + a'Sa / 2) for q = N(m, S)."""
    return sympy.exp((a.T * m + a.T * S * a / 2)[0])


def normal_expectation(polynomial: Expr, noise: ImmutableMatrix) -> Expr:
    """Return E of a polynomial in independent standard normal variables, by their moments (n - 1)!!."""
    terms = sympy.Poly(sympy.expand(polynomial), *noise).terms()
    return sympy.Add(*(c * sympy.prod([_moment(n) for n in powers]) for powers, c in terms))


def _moment(n: int) -> Expr:
    return sympy.factorial2(n - 1) if n % 2 == 0 else sympy.Integer(0)
