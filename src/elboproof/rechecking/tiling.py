"""For the check: boxes tile a box, proved by halving it again and again, and what lies outside of it."""

from collections.abc import Sequence
from fractions import Fraction

from flint import arb

from elboproof.numbers.exact import ball_of
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.evidence_document import Box, Cell

_DEEPEST = 2_000


def require_tiles(cells: Sequence[Cell], box: Box) -> None:
    """Raise ``CertificateError`` unless halving ``box``, and its halves again, ends in exactly these cells.

    So they cover it and share no more than faces.
    """
    # A part of the box is with the cells whose low corners it holds: one cell that is the part itself, or more than
    # one, none of which is crossed by the cut through the middle along some axis.
    waiting: list[tuple[Box, list[int], int]] = [(box, list(range(len(cells))), 0)]
    while waiting:
        whole, inside, depth = waiting.pop()
        if not inside:
            raise CertificateError(f"cells: got none at {_shown(whole)}; expected cells that cover the box")
        if len(inside) == 1 and cells[inside[0]].box == whole:
            continue
        parts = None if depth > _DEEPEST else _halved(cells, whole, inside)
        if parts is None:
            n = inside[0]
            raise CertificateError(f"cells[{n}].box: got one that is no part of halving {_shown(whole)}")
        waiting.extend((part, members, depth + 1) for part, members in parts)


def _halved(cells: Sequence[Cell], whole: Box, inside: list[int]) -> list[tuple[Box, list[int]]] | None:
    for k, (low, high) in enumerate(whole):
        middle = (low + high) / 2
        left = [n for n in inside if cells[n].box[k][1] <= middle]
        right = [n for n in inside if cells[n].box[k][0] >= middle]
        if len(left) + len(right) == len(inside):
            halves = [(*whole[:k], side, *whole[k + 1 :]) for side in ((low, middle), (middle, high))]
            return list(zip(halves, (left, right), strict=True))
    return None


def _shown(box: Box) -> str:
    return " x ".join(f"[{float(low):.6g}, {float(high):.6g}]" for low, high in box)


def probability_outside(frame: Sequence[Sequence[Fraction]], box: Box) -> arb:
    """Return an upper bound of P(A^-1 w outside of the box) for w ~ N(0, I), in one or two dimensions.

    Raises
    ------
    CertificateError
        If the box does not hold the origin inside, or the frame is far from a rotation.
    """
    # Let h be the least distance of a face from 0. What is outside has |t| > h, and |w|^2 = t'A'A t >= (1 - e) |t|^2
    # with e at least the Frobenius norm of A'A - I, all of it in exact rationals; e^2 >= s for e = (s + 1)/2. In one
    # dimension P(|w| > r) = erfc(r / sqrt 2), in two exp(-r^2/2).
    h = min(min(-low, high) for low, high in box)
    excess = frame_excess(frame)
    squares = sum((entry * entry for row in excess for entry in row), Fraction(0))
    # sqrt(s) <= s/c + c/4 for every c > 0, here c = 2^-20: small where s is, and e >= 1 is refused
    e = min(squares * 2**20 + Fraction(1, 2**22), (squares + 1) / 2) if squares else Fraction(0)
    if h <= 0 or e >= 1:
        raise CertificateError("box: got one without the origin inside, or a frame that is no rotation")
    square = ball_of(h * h * (1 - e))
    tail = (square / 2).sqrt().erfc() if len(box) == 1 else (-square / 2).exp()
    return tail.upper()


def frame_excess(frame: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """Return A'A - I."""
    d = range(len(frame))
    return [[sum((row[i] * row[j] for row in frame), Fraction(-int(i == j))) for j in d] for i in d]


def determinant(frame: Sequence[Sequence[Fraction]]) -> Fraction:
    """Return det A, of size one or two."""
    if len(frame) == 1:
        return frame[0][0]
    (a, b), (c, d) = frame
    return a * d - b * c
