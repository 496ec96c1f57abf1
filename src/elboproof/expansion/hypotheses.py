"""What the gap law asks of a model: a decoder with all derivatives, a Gaussian's metric, x as rationals."""

import sys
from collections.abc import Sequence
from itertools import combinations_with_replacement

import sympy
from flint import arb
from sympy import Rational

from elboproof.arguments import bad
from elboproof.arrays import number_list
from elboproof.expansion.misfit import BITS
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.exact import rational
from elboproof.numbers.functions import JumpError
from elboproof.numbers.interruption import Interruption
from elboproof.numbers.precision import working_precision


def rationals(model: LatentModel, x: Sequence[object]) -> tuple[Rational, ...]:
    """Return x as rationals, True and False as ones and zeros where data are whole numbers.

    Raises
    ------
    TypeError, ValueError
        If it is no one data point.
    """
    entries = number_list(x, "x", model.data_dim)
    if any(isinstance(entry, list | tuple) or getattr(entry, "ndim", 0) for entry in entries):
        raise bad("x", x, f"one data point of shape ({model.data_dim},)")
    counted = model.likelihood.support.numbers(entries)
    return tuple(rational(value, f"x[{j}]") for j, value in enumerate(counted))


def metric_of(likelihood: Gaussian, size: int) -> sympy.ImmutableMatrix:
    """Return P: the identity for a scalar variance, which is v itself, else the inverse covariance."""
    # inverses of rationals are rationals: nothing is rounded here. v scales all of them alike
    if likelihood.covariance is not None:
        return sympy.ImmutableMatrix(likelihood.covariance).inv()
    if likelihood.scalar:
        return sympy.ImmutableMatrix(sympy.eye(size))
    return sympy.ImmutableMatrix(sympy.diag(*(1 / v for v in likelihood.variance or ())))


@working_precision(BITS)
def _bends(model: LatentModel, place: arb) -> tuple[arb, ...]:
    """Return enclosures of all f'' with each latent in the ball ``place``."""
    # the derivatives do not depend on x, whose places in the call stay empty. One ball for all latents: the box is a
    # cube
    compiled = model.quantities.compiled("decoder", 2, REAL_BALLS)
    bends: tuple[arb, ...] = compiled(*[place] * model.latent_dim, *[None] * model.data_dim)
    return bends


def require_derivatives(model: LatentModel) -> None:
    """Raise ``ValueError`` for a decoder with kinks."""
    try:
        _bends(model, arb(1) / 3)
    # compiling f'' for balls meets every function of the decoder whatever the place, and one without a second
    # derivative raises there: 1/3 stands for any point
    except JumpError as error:
        raise ValueError(
            "model: got a decoder with a kink (abs, max, min, relu); expected one with derivatives of all orders: "
            "the gap law is a Taylor expansion"
        ) from error


def affine(model: LatentModel, limit: Interruption) -> bool:
    """Decide f'' = 0: by a value that is not zero, by expressions, for a network by a box of all finite doubles."""
    # an entry of f'' that excludes zero at one point refutes. To affirm takes a proof for all points: SymPy's for
    # expressions; for a network a box that holds every finite double, beyond which its analytic activations, whose f''
    # is zero on the box, cannot bend either
    if any(bend.is_finite() and not bend.contains(0) for bend in _bends(model, arb(1) / 3)):
        return False
    if model.decoder:
        pairs = combinations_with_replacement(model.latents, 2)
        with limit:
            return all(sympy.simplify(f.diff(a, b)) == 0 for a, b in pairs for f in model.decoder)
    return all(bend == 0 for bend in _bends(model, arb(0, sys.float_info.max)))
