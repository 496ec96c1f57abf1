"""The cells of a search as parts of halving its box: those with a rule, and what is left between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

Box = tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True)
class Tile:
    """A part of the box; ``nodes`` are a rule's numbers of points, None where it is only bounded."""

    box: Box
    nodes: tuple[int, ...] | None


def tiled(root: Box, rules: Sequence[Tile]) -> list[Tile]:
    """Return tiles of ``root``: the cells with rules, which come from halving it, and parts without any.

    Raises
    ------
    ValueError
        If the cells do not come from halving the box.
    """
    # A part is cut through its middle along an axis that no cell is crossed by. There is one: that of the search's own
    # first cut of what the part holds.
    found, waiting = [], [(root, list(rules))]
    while waiting:
        box, inside = waiting.pop()
        if len(inside) == 1 and inside[0].box == box:
            found.append(inside[0])
        elif inside:
            waiting.extend(_halves(box, inside))
        else:
            found.append(Tile(box, None))
    return sorted(found, key=lambda tile: tile.box)


def _halves(box: Box, inside: list[Tile]) -> list[tuple[Box, list[Tile]]]:
    for k, (low, high) in enumerate(box):
        middle = (low + high) / 2
        left = [tile for tile in inside if tile.box[k][1] <= middle]
        right = [tile for tile in inside if tile.box[k][0] >= middle]
        if len(left) + len(right) == len(inside):
            sides = ((low, middle), (middle, high))
            halves = [(*box[:k], side, *box[k + 1 :]) for side in sides]
            return list(zip(halves, (left, right), strict=True))
    raise ValueError(f"rules: got cells that do not come from halving {box}")
