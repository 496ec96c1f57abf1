"""The pieces of a decoder with straight kinks in a box: convex, with disjoint interiors, and the box is their union."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flint import fmpq, fmpq_mat

from elboproof.model.kinks import Piecewise, Signs
from elboproof.model.latent_model import LatentModel
from elboproof.model.piecewise import kinked
from elboproof.quadrature.polygons import Lines, Piece, arranged

Box = tuple[tuple[fmpq, fmpq], ...]
"""Ends of each latent."""
SECONDS, SECONDS_OF_KINK = 3e-4, 5e-7
"""That a piece takes, and more for each kink: what is expected before any is known."""


class TooLateError(Exception):
    """The pieces would take, or took, longer than there is time."""


@dataclass(frozen=True, eq=False)
class LinearPiece:
    """A piece on which the decoder is affine, or a smooth function of an affine one.

    Attributes
    ----------
    piece : Piece
        Where.
    signs : tuple of Signs
        Of the kinks, layer by layer.
    """

    piece: Piece
    signs: tuple[Signs, ...]

    def units(self, function: Piecewise) -> fmpq_mat:
        """Return the units of its piecewise linear function as affine functions on the piece."""
        state = function.start()
        for layer, signs in enumerate(self.signs):
            state = function.after(state, layer, signs)
        return function.units(state)


def pieces_of(model: LatentModel, box: Box, deadline: float) -> tuple[LinearPiece, ...]:
    """Return the pieces of a model's decoder in a box; they are kept for the next data.

    Raises
    ------
    TooLateError
        If they are expected after the deadline, on the clock ``time.monotonic()``, or are not known by then.
    """

    def proceed(seconds: float = 0.0) -> None:
        if time.monotonic() + seconds > deadline:
            raise TooLateError

    return _pieces(model, box, _Clock(proceed))


def _expected(function: Piecewise, d: int) -> float:
    """Return seconds: of n lines in general position in one layer there are 1 + n + n (n - 1)/2 parts."""
    n = function.bends
    count = n + 1 if d == 1 else 1 + n + n * (n - 1) / 2
    return count * (SECONDS + SECONDS_OF_KINK * n)


class _Clock:
    """A function that is no part of what results depend on: equal to every other."""

    def __init__(self, proceed: Callable[..., None]) -> None:
        self.proceed = proceed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Clock)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _pieces(model: LatentModel, box: Box, clock: _Clock) -> tuple[LinearPiece, ...]:
    found_kinks = kinked(model)
    if found_kinks is None:
        return ()
    function = found_kinks.function
    clock.proceed(_expected(function, len(box)))
    found: list[tuple[Piece, tuple[Signs, ...], Any]] = [(_root(box), (), function.start())]
    for layer in range(function.layers):
        last = layer + 1 == function.layers  # what is known after it would fill the memory
        found = [
            (part, (*signs, new), None if last else function.after(state, layer, new))
            for piece, signs, state in found
            for part, new in arranged(piece, _lines(function.kinks(state, layer)), clock.proceed)
        ]
    return tuple(LinearPiece(piece, signs) for piece, signs, _ in found)


def _lines(rows: fmpq_mat) -> Lines:
    return Lines([tuple(row) for row in rows.table()])


def _root(box: Box) -> Piece:
    if len(box) == 1:
        return Piece(tuple((end,) for end in box[0]))
    (a, b), (c, d) = box
    return Piece(((a, c), (b, c), (b, d), (a, d)))
