"""The energies of all pieces of a decoder as arrays of balls: where they come from.

A network with one layer of activations has the units h = f * (R z~) on a piece, f being its slopes there: S' y is the
product of the exact matrix of all slopes with the balls R * y. The form S' G S is made once, in blocks. Of other
decoders, whose pieces are fewer, both come from the forms in FLINT's balls.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from flint import arb

from elboproof.evidence.piece_bounds import Quadratics, balls_of
from elboproof.evidence.piece_forms import DataForms, PieceForms
from elboproof.evidence.pieces import LinearPiece
from elboproof.model.kinks import Piecewise
from elboproof.model.piecewise_networks import PiecewiseNetwork
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.exact import nearest_double

MOST_NUMBERS = 2**22
"""Of the arrays of units that are kept: 64 MB."""
BLOCK = 2**20
"""Numbers of one block of outputs."""
Symmetric = tuple[tuple[BallArray, ...], ...]


class Energies(Protocol):
    """What gives the energies of all pieces."""

    def of(self, data: DataForms) -> Quadratics:
        """Return them for one data point."""


class KeptEnergies:
    """Of pieces whose S' and forms are kept as arrays.

    Parameters
    ----------
    turned, forms
        S' and the forms without data of each piece, balls of FLINT.
    """

    def __init__(
        self, turned: Sequence[Sequence[Sequence[arb]]], forms: Sequence[Sequence[Sequence[arb]]]
    ) -> None:
        rows = len(forms[0])
        self._turned = balls_of([v for one in turned for row in one for v in row]).reshape(
            len(turned), rows, -1
        )
        flat = balls_of([v for one in forms for row in one for v in row]).reshape(len(forms), rows, rows)
        self._form = tuple(tuple(flat[:, i, j] for j in range(rows)) for i in range(rows))

    def of(self, data: DataForms) -> Quadratics:
        """Return the energies for one data point."""
        y = balls_of([row[0] for row in data.linear.tolist()])
        linear = (self._turned * y).sum(axis=2)
        return joined(self._form, [linear[:, k] for k in range(linear.shape[1])], data)


class OneLayerEnergies:
    """Of a network with one layer of activations and an affine one after it."""

    def __init__(self, function: PiecewiseNetwork, forms: PieceForms, pieces: Sequence[LinearPiece]) -> None:
        (slopes,) = function.slopes.values()
        below, above = map(nearest_double, slopes)  # doubles they are
        self._signs = np.stack([piece.signs[0] for piece in pieces])
        self._factors = below, above
        rows = function.kinks(function.start(), 0).tolist()
        self._rows = balls_of([arb(v) for row in rows for v in row]).reshape(len(rows), -1)
        self._last, self._apart = function.network.affine[-1], forms.apart
        self._form = self._forms(forms)

    def _slopes(self, part: slice) -> ExactMatrix:
        below, above = self._factors
        return ExactMatrix(np.where(self._signs[part] > 0, above, below))

    def of(self, data: DataForms) -> Quadratics:
        """Return the energies for one data point."""
        y = balls_of([row[0] for row in data.linear.tolist()]).reshape(-1, 1)
        units, last = (y[:-1], y[-1]) if self._apart else self._by_outputs(y)
        weighted = self._rows * units
        block = max(1, BLOCK // len(self._rows.mid))
        parts = [self._slopes(slice(k, k + block)) @ weighted for k in range(0, len(self._signs), block)]
        linear = BallArray.concatenate(parts)
        columns = [linear[:, k] for k in range(linear.shape[1])]
        columns[-1] = columns[-1] + last
        return joined(self._form, columns, data)

    def _by_outputs(self, y: BallArray) -> tuple[BallArray, BallArray]:
        """Return W' C^-1 x and b' C^-1 x where C^-1 x alone is given."""
        last = self._last
        return ExactMatrix(last.weight.entries.T) @ y[:-1], (y[:-1] * last.bias[:, None]).sum(axis=0)

    def _forms(self, forms: PieceForms) -> Symmetric:
        """Return the forms without data: the prior's plus A' C^-1 A, A = W S plus the bias in its last column."""
        last = self._last
        inverse = balls_of([1 / v for v in forms.pivots]).reshape(-1, 1)
        d = self._rows.shape[1] - 1
        block = max(1, BLOCK // max(last.weight.shape))
        found = [
            self._block(last.weight, last.bias, inverse, slice(k, k + block))
            for k in range(0, len(self._signs), block)
        ]
        prior = [[balls_of([v])[0] for v in row] for row in forms.prior[0].tolist()]
        return tuple(
            tuple(BallArray.concatenate([one[i][j] for one in found]) + prior[i][j] for j in range(d + 1))
            for i in range(d + 1)
        )

    def _block(self, weight: ExactMatrix, bias: np.ndarray, inverse: BallArray, part: slice) -> Symmetric:
        factors = self._slopes(part).entries.T  # (n, P)
        columns = [weight @ (self._rows[:, k].reshape(-1, 1) * factors) for k in range(self._rows.shape[1])]
        columns[-1] = columns[-1] + bias[:, None]
        weighted = [column * inverse for column in columns]
        upper = {
            (i, j): (weighted[i] * columns[j]).sum(axis=0)
            for i in range(len(columns))
            for j in range(i, len(columns))
        }
        return tuple(
            tuple(upper[min(i, j), max(i, j)] for j in range(len(columns))) for i in range(len(columns))
        )


def joined(form: Symmetric, linear: Sequence[BallArray], data: DataForms) -> Quadratics:
    """Return the energies of forms without data and their parts for one data point."""
    d = len(form) - 1
    slopes = tuple(form[k][d] - linear[k] for k in range(d))
    constant = form[d][d] - linear[d] * 2.0 + balls_of([data.square])
    return Quadratics(tuple(row[:d] for row in form[:d]), slopes, constant)


def one_layer(function: Piecewise) -> PiecewiseNetwork | None:
    """Return a network whose energies need no forms of FLINT; None for another decoder."""
    simple = isinstance(function, PiecewiseNetwork) and function.layers == 1 and function.split
    return function if simple else None  # type: ignore[return-value]
