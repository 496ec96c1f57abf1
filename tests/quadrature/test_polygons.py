"""Cut polygons and segments: the parts cover the whole exactly, and signs are right."""

from collections.abc import Sequence

import numpy as np
import pytest
from flint import fmpq

from elboproof.quadrature.polygons import Corner, Lines, Piece, Row, arranged, value

SQUARE = Piece(tuple((fmpq(x), fmpq(y)) for x, y in ((-4, -4), (4, -4), (4, 4), (-4, 4))))
SEGMENT = Piece(((fmpq(-4),), (fmpq(4),)))


def area(piece: Piece) -> fmpq:
    """Return the area, by the shoelace formula, or the length."""
    corners = piece.corners
    if len(corners[0]) == 1:
        return corners[1][0] - corners[0][0]
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return sum((p[0] * q[1] - p[1] * q[0] for p, q in pairs), fmpq(0)) / 2


def centre(piece: Piece) -> Corner:
    """Return an inner point."""
    columns = zip(*piece.corners, strict=True)
    return tuple(sum(column, fmpq(0)) / len(piece.corners) for column in columns)


def require(root: Piece, rows: Sequence[Row]) -> list[Piece]:
    """Raise unless the parts are convex, as large as the whole together, and have the signs that they are said to."""
    found = arranged(root, Lines(rows))
    assert sum((area(part) for part, _ in found), fmpq(0)) == area(root)
    for part, signs in found:
        assert area(part) > 0
        inner = centre(part)
        for row, sign in zip(rows, signs.tolist(), strict=True):
            assert sign in (-1, 1)
            assert all(sign * value(row, corner) >= 0 for corner in part.corners)
            assert sign * value(row, inner) > 0 or (not any(row[:-1]) and row[-1] == 0)
        if len(inner) == 2:
            turns = zip(
                part.corners,
                part.corners[1:] + part.corners[:1],
                part.corners[2:] + part.corners[:2],
                strict=True,
            )
            assert all(
                (q[0] - p[0]) * (r[1] - q[1]) - (q[1] - p[1]) * (r[0] - q[0]) >= 0 for p, q, r in turns
            )
    centres = {centre(part) for part, _ in found}
    assert len(centres) == len(found)
    return [part for part, _ in found]


def rows_of(numbers: object) -> list[Row]:
    return [tuple(fmpq(*float(v).as_integer_ratio()) for v in row) for row in np.asarray(numbers).tolist()]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("kind", ["small integers", "through 0", "normal"])
def test_lines_cut_a_square_into_parts_that_cover_it(seed: int, kind: str) -> None:
    # small integers give parallel, equal, absent and concurrent lines, and lines through corners
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, 3)) if kind == "normal" else rng.integers(-2, 3, (7, 3))
    if kind == "through 0":
        rows[:, 2] = 0
    require(SQUARE, rows_of(rows))


@pytest.mark.parametrize("seed", range(20))
def test_points_cut_a_segment(seed: int) -> None:
    require(SEGMENT, rows_of(np.random.default_rng(seed).integers(-3, 4, (6, 2))))


def test_lines_in_general_position_make_all_the_parts_there_are() -> None:
    angles = np.arange(9) + 0.5
    rows = rows_of(np.stack([np.cos(angles), np.sin(angles), 0.3 * np.cos(3 * angles)], 1))
    assert len(require(SQUARE, rows)) == 1 + 9 + 36


@pytest.mark.parametrize("shift", [0.0, 2.0**-70, -(2.0**-70)])
def test_what_floats_cannot_tell_is_decided_exactly(shift: float) -> None:
    # the third line meets the corner of the other two, or misses it by 2^-70
    third = (fmpq(1), fmpq(1), -fmpq(2, 3) + fmpq(*float(shift).as_integer_ratio()))
    rows = [(fmpq(1), fmpq(0), -fmpq(1, 3)), (fmpq(0), fmpq(1), -fmpq(1, 3)), third]
    assert len(require(SQUARE, rows)) == (6 if shift == 0 else 7)


def test_numbers_beyond_float64_are_decided_exactly() -> None:
    rows = [(fmpq(10) ** 400, fmpq(0), fmpq(10) ** 399), (fmpq(1, 10**400), fmpq(1, 10**400), fmpq(0))]
    assert len(require(SQUARE, rows)) == 4


def test_the_search_can_be_stopped() -> None:
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        arranged(SQUARE, Lines(rows_of([[1, 0, 0]])), stop)


@pytest.mark.parametrize("seed", range(30))
def test_signs_that_floats_decide_are_those_of_the_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rows_of(rng.normal(size=(50, 3)) * 10.0 ** rng.integers(-320, 300, (50, 1)))
    corners = rows_of(rng.normal(size=(3, 2)) * 10.0 ** rng.integers(-320, 5))
    piece = Piece(tuple(corners))
    known = Lines(rows).known(piece, np.arange(50))
    for row, sign in zip(rows, known.tolist(), strict=True):
        values = [value(row, corner) for corner in piece.corners]
        assert sign == 0 or all(sign * v > 0 for v in values)
