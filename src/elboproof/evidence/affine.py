"""Linear-Gaussian models of any dimension in closed form: log N(x; c, C + B B') in arb.

Of the D x D matrix C + B B' and, by Woodbury's identity, the d x d matrix I + B' C^-1 B the smaller one is solved.
Balls enclose whatever cancels; the precision rises until log p has the digits.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import frexp
from sys import float_info

import numpy as np
from flint import arb, arb_mat

from elboproof.evidence.elimination import parts
from elboproof.evidence.evidences import Evidence, evidence_of_pairs
from elboproof.evidence.search import TIME
from elboproof.evidence.selection import Selection
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.exact import ball_of, bits_for
from elboproof.numbers.tape import Tape

SPARE_BITS = 128
"""Of the first try: for the cancellation in residuals, forms and determinants."""
TOLD_BITS = 24
"""More than the digits asked: what is told beyond them."""
RANGE = "the range of float64"
"""The reason of a stop where log p(x) is below all doubles."""
MOST_BITS = 2**16
"""Numbers as ill-conditioned as that are given up."""


def evidence(
    model: LatentModel, selection: Selection, data: Data, digits: float, began: float, seconds: float
) -> Evidence:
    """Return the evidences of a model all of whose latents are integrated out."""
    pairs = tuple(log_bounds(model, selection, data, digits, began + seconds))
    stopped = [TIME if low.is_finite() or not high.is_finite() else RANGE for low, high in pairs]
    return replace(evidence_of_pairs(pairs, digits, stopped, 0), seconds=time.monotonic() - began)


def log_bounds(
    model: LatentModel, selection: Selection, data: Data, digits: float, deadline: float
) -> list[tuple[arb, arb]]:
    """Return (lower, upper) of log p(x) for the rows of x; wider than the digits ask only where a limit stopped them.

    A lower end of which nothing is known is NaN, because of the range of float64 if the upper one is finite.
    """
    bits = bits_for(digits, SPARE_BITS)
    best = [arb.nan()] * len(data)
    while bits <= MOST_BITS:
        try:
            with working_precision(bits):
                best = _at_precision(model, selection, data)
        except ZeroDivisionError:  # a matrix whose ball holds singular ones: more bits
            pass
        with working_precision(bits):
            tolerance = arb(10) ** -arb(digits)
            sharp = all(ball.is_finite() and ball.rad() <= tolerance / 2 for ball in best)
        if sharp or time.monotonic() > deadline:
            break
        bits *= 2
    return [_told(ball, digits) for ball in best]


def _told(ball: arb, digits: float) -> tuple[arb, arb]:
    """Return the ends of a ball, rounded outward to little more than the digits asked."""
    if not ball.is_finite():
        return arb.nan(), arb.nan()
    beyond = not abs(ball) < arb(float_info.max)
    size = float_info.max_exp if beyond else max(0, frexp(float(ball.mid()))[1])
    with working_precision(bits_for(digits, TOLD_BITS) + size):
        return arb.nan() if beyond else ball.lower(), ball.upper()


def _at_precision(model: LatentModel, selection: Selection, data: Data) -> list[arb]:
    """Return the log densities in balls of the precision in force."""
    offset, columns = _balls(selection)
    # D x N residuals; doubles are balls as they are, other exact numbers are rounded to balls here once
    if data.array.dtype == np.float64:
        x = arb_mat([[arb(v) for v in row] for row in data.array.reshape(len(data), -1).tolist()])
    else:
        x = arb_mat([[ball_of(value) for value in row] for row in data.rows])
    residuals = x.transpose() - arb_mat([[c] * len(data) for c in offset])
    likelihood: Gaussian = model.likelihood  # type: ignore[assignment]
    slopes = arb_mat([list(row) for row in zip(*columns, strict=True)])
    if likelihood.covariance is None and len(columns) < model.data_dim:
        forms, determinant = _by_latents(_variances(likelihood, model.data_dim), slopes, residuals)
    else:
        forms, determinant = _by_outputs(_covariance(likelihood, model.data_dim), slopes, residuals)
    normaliser = (2 * arb.pi()).log() * model.data_dim + determinant
    return [-(form + normaliser) / 2 for form in forms]


def _by_outputs(noise: arb_mat, slopes: arb_mat, residuals: arb_mat) -> tuple[list[arb], arb]:
    """Return r' S^-1 r of each column r, and log det S, for S = C + B B'."""
    covariance = noise + slopes * slopes.transpose()
    return _forms(residuals, covariance.solve(residuals)), covariance.det().log()


def _by_latents(variances: Sequence[arb], slopes: arb_mat, residuals: arb_mat) -> tuple[list[arb], arb]:
    """Return the same by S^-1 = C^-1 - C^-1 B M^-1 B' C^-1 and det S = det C det M, M = I + B' C^-1 B, C diagonal."""
    weighted = _divided(slopes, variances)
    matrix = weighted.transpose() * slopes + _diagonal([arb(1)] * slopes.ncols())
    heads = weighted.transpose() * residuals
    whole, taken = _forms(residuals, _divided(residuals, variances)), _forms(heads, matrix.solve(heads))
    determinant = sum((v.log() for v in variances), matrix.det().log())
    return [form - part for form, part in zip(whole, taken, strict=True)], determinant


def _divided(matrix: arb_mat, variances: Sequence[arb]) -> arb_mat:
    """Return C^-1 times a matrix, C diagonal."""
    return arb_mat([[entry / v for entry in row] for row, v in zip(matrix.tolist(), variances, strict=True)])


def _diagonal(entries: Sequence[arb]) -> arb_mat:
    matrix = arb_mat(len(entries), len(entries))
    for j, entry in enumerate(entries):
        matrix[j, j] = entry
    return matrix


def _forms(left: arb_mat, right: arb_mat) -> list[arb]:
    """Return the products of the columns of two matrices, pair by pair."""
    columns = zip(left.transpose().tolist(), right.transpose().tolist(), strict=True)
    return [sum((a * b for a, b in zip(*pair, strict=True)), arb(0)) for pair in columns]


def _variances(likelihood: Gaussian, size: int) -> list[arb]:
    return [_ball(v) for v in (likelihood.variance or ()) * (size if likelihood.scalar else 1)]


def _covariance(likelihood: Gaussian, size: int) -> arb_mat:
    if likelihood.covariance is None:
        return _diagonal(_variances(likelihood, size))
    return arb_mat([[_ball(entry) for entry in row] for row in likelihood.covariance])


def _ball(number: object) -> arb:
    return ball_of(Fraction(int(number.p), int(number.q)))  # type: ignore[attr-defined]


def _balls(selection: Selection) -> tuple[list[arb], list[list[arb]]]:
    """Return c and the columns of B, each times its latent's deviation, as balls of the precision in force."""
    tape = Tape(())
    offsets, columns = parts(selection, tape)
    deviations = [ball_of(variance).sqrt() for variance in selection.variances]
    slopes = [
        [entry * deviation for entry in _values(tape, column)]
        for column, deviation in zip(columns, deviations, strict=True)
    ]
    return _values(tape, offsets), slopes


def _values(tape: Tape, entries: Sequence[int]) -> list[arb]:
    # most are rationals; the others, such as multiples of pi, are computed from the tape
    others = [i for i in entries if tape.value(i) is None]
    computed = dict(zip(others, compile_tape(tape, others, REAL_BALLS)(), strict=True)) if others else {}
    values = [tape.value(i) for i in entries]
    return [
        computed[i] if value is None else ball_of(value) for i, value in zip(entries, values, strict=True)
    ]
