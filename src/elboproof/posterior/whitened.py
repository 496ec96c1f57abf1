"""Whitened coordinates: theta = T w around a float q, in which the ELBO's Hessian is about -I however thin q is.

The places of Krawczyk's test and their moves: q in floats (mean and factor), its exact covariance, boxes and steps.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.numbers.krawczyk import dot
from elboproof.numbers.symmetric import inertia
from elboproof.posterior.equations import Matrix, Unknown

RADII = (1e-6, 1e-9)
"""Of the box in whitened coordinates, where the Hessian is about -I; the second where the first is too large."""
LARGEST_STEP = 0.5
"""In whitened coordinates, of a Newton step."""
BITS = 160
LOOSE = 1e-4
"""Tolerance of the Hessian in whitened coordinates: its error is multiplied by the box only."""
SHARP = {1: 1e-13, 2: 1e-11, 3: 1e-8}
"""Tolerance of the gradient in whitened coordinates. The ELBO feels its square."""


def whitening(wanted: Sequence[Unknown], factor: FloatArray) -> FloatArray:
    """Return T with theta = T w, (..., n, n) for L of shape (..., d, d), in which the Hessian is about -I.

    m = L mu and dL = L dLambda with a lower triangular Lambda: dl_ij = sum_k L_ik dLambda_kj and dt_i = dLambda_ii.
    """
    matrix = np.zeros((*factor.shape[:-2], len(wanted), len(wanted)))
    for a, u in enumerate(wanted):
        for b, v in enumerate(wanted):
            if u.diagonal:
                matrix[..., a, b] = float(a == b)
            elif u.column == v.column and v.row <= u.row:  # both None for the mean
                matrix[..., a, b] = factor[..., u.row, v.row]
    return matrix


def balls_of(matrix: FloatArray) -> Matrix:
    """Return floats as exact balls."""
    return [[arb(entry) for entry in row] for row in matrix.tolist()]


def box_over(turn: Matrix, radius: float) -> list[arb]:
    """Return the box of theta that holds T w for all |w_k| <= radius."""
    return [sum((abs(entry) for entry in row), arb(0)) * arb(0, radius) for row in turn]


def whitened(gradient: Sequence[arb], hessian: Matrix, turn: Matrix) -> tuple[list[arb], Matrix]:
    """Return T'g and T'HT."""
    columns = [list(column) for column in zip(*turn, strict=True)]
    half = [[dot(column, row) for column in columns] for row in hessian]
    turned = [[dot(column, list(part)) for part in zip(*half, strict=True)] for column in columns]
    return [dot(column, gradient) for column in columns], turned


def tolerances(factor: FloatArray) -> tuple[float, float]:
    """Return those of the quadratures for gradient and Hessian at N(m, L L'), L of shape (d, d)."""
    unit = float(np.linalg.norm(factor, axis=1).max())
    return SHARP[len(factor)] / unit, LOOSE / unit**2


def moved_factor(wanted: Iterable[Unknown], factor: FloatArray, step: FloatArray) -> FloatArray:
    """Return L after a step of the unknowns t and l, one number for each of ``wanted``."""
    factor = factor.copy()
    for u, delta in zip(wanted, step.tolist(), strict=True):
        if u.diagonal:
            factor[u.row, u.row] *= np.exp(delta)
        else:
            factor[u.row, u.column] += delta
    return factor


def product(factor: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return L L' of exact numbers or balls, L with its zeros."""
    return [[sum(a * b for a, b in zip(u, v, strict=True)) for v in factor] for u in factor]


def kind_of(hessian: Sequence[Sequence[arb]]) -> str:
    """Name the definiteness that every Hessian over a box has."""
    signs = inertia(hessian)
    if signs is None:
        return "undecided"
    return {len(hessian): "minimum", 0: "maximum"}.get(signs[0], "saddle")
