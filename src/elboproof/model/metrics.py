"""Fisher metrics, observed information and cumulants of likelihoods, derived by SymPy from their densities.

All of it is about one x given the decoder's outputs f, in the coordinates f. Where the density is
exp(x t(f) - A(f)) h(x), the cumulants of x follow by differentiation: E[x] = A'/t', and each is the derivative of the
one before divided by t'.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.arguments import bad, wrong_type
from elboproof.model.discrete import Categorical
from elboproof.model.likelihood import Gaussian, Likelihood
from elboproof.model.separable import Separable
from elboproof.model.two_heads import HeteroscedasticGaussian

MOST_ORDER = 4


def observed_information(
    likelihood: Likelihood, outputs: Sequence[Expr], x: Sequence[Symbol | Expr]
) -> ImmutableMatrix:
    """Return minus the second derivatives of log p(x|f) in the outputs, shape (K, K).

    Parameters
    ----------
    likelihood
        Any family.
    outputs, x
        K and D symbols or numbers.

    Examples
    --------
    >>> import elboproof as ep, sympy
    >>> from elboproof.model.metrics import observed_information
    >>> f, x = sympy.symbols("f x", real=True)
    >>> observed_information(ep.Exponential(), [f], [x])
    Matrix([[x*exp(f)]])
    """
    places = [Symbol(f"f_{k}", real=True) for k in range(len(outputs))]
    density = likelihood.log_density(places, x)
    values = dict(zip(places, outputs, strict=True))
    return ImmutableMatrix(
        [[-density.diff(a).diff(b).subs(values, simultaneous=True) for b in places] for a in places]
    )


def fisher_metric(likelihood: Likelihood, outputs: Sequence[Expr]) -> ImmutableMatrix:
    """Return the Fisher information of the outputs, the mean of the squared scores, shape (K, K).

    Raises
    ------
    TypeError
        If the likelihood is an ``ep.Density``, whose moments are not known.

    Examples
    --------
    >>> import elboproof as ep, sympy
    >>> from elboproof.model.metrics import fisher_metric
    >>> f = sympy.Symbol("f", real=True)
    >>> fisher_metric(ep.Exponential(), [f]), fisher_metric(ep.StudentT(3), [f])
    (Matrix([[1]]), Matrix([[2/3]]))
    """
    if isinstance(likelihood, Separable):
        return ImmutableMatrix(sympy.diag(*(_metric(likelihood, j, f) for j, f in enumerate(outputs))))
    # of the others, those whose information depends on x are polynomials of degree 2 in x - f, whose mean square is
    # the variance
    if isinstance(likelihood, Gaussian | Categorical):
        return observed_information(likelihood, outputs, [sympy.Integer(0)] * len(outputs))
    if isinstance(likelihood, HeteroscedasticGaussian):
        half = len(outputs) // 2
        return ImmutableMatrix(
            sympy.diag(*(sympy.exp(-h) for h in outputs[half:]), *[sympy.Rational(1, 2)] * half)
        )
    raise wrong_type("likelihood", likelihood, "a family of ep whose moments are known")


def cumulant(likelihood: Likelihood, order: int, f: Expr, j: int = 0) -> Expr:
    """Return a cumulant of x_j given its output f: the mean, the variance, the third central moment, ...

    Raises
    ------
    TypeError
        If the likelihood is not one of independent outputs whose log density is affine in x.
    ValueError
        If the order is not from 1 to 4.
    """
    if order not in range(1, MOST_ORDER + 1):
        raise bad("order", order, f"an integer from 1 to {MOST_ORDER}")
    found = (
        _cumulants(type(likelihood).kernel, likelihood.parameters_of(j), order)
        if isinstance(likelihood, Separable)
        else None
    )
    if found is None:
        raise wrong_type(
            "likelihood", likelihood, "a family of independent outputs whose log density is affine in x"
        )
    return found[order - 1].subs(_F, f)


_F, _X = Symbol("f", real=True), Symbol("x", real=True)


@lru_cache(maxsize=256)
def _cumulants(
    kernel: Callable[..., Expr], parameters: tuple[Rational, ...], order: int
) -> tuple[Expr, ...] | None:
    """Return the first cumulants as functions of `_F`, None if the kernel is not affine in x."""
    density = kernel(_F, _X, *parameters)
    natural, partition = density.diff(_X), -density.subs(_X, 0)
    if natural.has(_X) or not natural.has(_F):
        return None
    found = [partition.diff(_F) / natural.diff(_F)]
    for _ in range(order - 1):
        found.append(sympy.simplify(found[-1].diff(_F) / natural.diff(_F)))
    return tuple(found)


def _metric(likelihood: Separable, j: int, f: Expr) -> Expr:
    kind, parameters = type(likelihood), likelihood.parameters_of(j)
    given = kind.metric(f, *parameters)
    if given is not None:
        return given
    # minus the second derivative is affine in x, so that its mean is its value at the mean
    information = -kind.kernel(_F, _X, *parameters).diff(_F, 2)
    return sympy.simplify(information.subs(_X, cumulant(likelihood, 1, _F, j))).subs(_F, f)
