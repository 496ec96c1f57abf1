"""Suprema over rectangles of eps, middle +- wide +- i lifted: of |eps^p g| by complex balls, of the density |phi|.

Arrays hold one rectangle per column: middle, wide and lifted of shape (d, P).
"""

import time

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.expectations.integrands import EnclosedGaussian, Integrands, LateError
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.outward import downward, exp_upward, upward

ROOT = 0.3989422804014328
"""Above (2 pi)^(-1/2) = 0.39894228040143267..., the next float but one."""


def suprema(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    middle: FloatArray,
    wide: FloatArray,
    lifted: FloatArray,
) -> FloatArray:
    """Return upper bounds of |eps^p g| over rectangles middle +- wide +- i lifted, all (d, P); shape (Q, P)."""
    # a monomial's bound times that of g holds for the product; blocks of columns are independent of each other
    found = []
    for start in range(0, middle.shape[1], integrands.block):
        if time.monotonic() > integrands.deadline:
            raise LateError
        part = slice(start, start + integrands.block)
        m, w, i = middle[:, part], wide[:, part], lifted[:, part]
        eps = [
            ComplexBallArray(BallArray(m[k], w[k]), BallArray(np.zeros_like(i[k]), i[k]))
            for k in range(len(m))
        ]
        size = upward(np.abs(m) + w + i, 2)  # of |eps_k|
        found.append(upward(integrands.suprema(gaussian, eps) * integrands.monomials(size), 1, 1))
    return np.concatenate(found, axis=1)


def density(middle: FloatArray, wide: FloatArray, lifted: FloatArray) -> FloatArray:
    """Return upper bounds of |phi| over rectangles middle +- wide +- i lifted, (d, P) each; shape (P,)."""
    # |phi(x + iy)| = (2 pi)^(-d/2) exp((|y|^2 - |x|^2) / 2), largest where |y| is and |x| is least. A sum of d squares
    # has d roundings; one more on either side covers that of the difference, which is below the larger of the two
    d = len(middle)
    nearest = downward(np.maximum(np.abs(middle) - wide, 0.0), 1)
    exponent = (upward((lifted**2).sum(0), d + 1) - downward((nearest**2).sum(0), d + 1)) / 2
    return upward(exp_upward(exponent) * np.prod([ROOT] * d), d, 1)
