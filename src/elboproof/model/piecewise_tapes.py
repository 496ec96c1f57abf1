"""Entries of a tape as piecewise linear functions: sums, differences, multiples, and abs, max and min of such."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flint import fmpq, fmpq_mat

from elboproof.model.kinks import Signs
from elboproof.numbers.exact import flint_rational
from elboproof.numbers.tape import Entry, Tape, operands

_KINKS = {"abs", "max", "min"}
_LINEAR = {"add", "sub", "neg", "mul"}
Rows = dict[int, tuple[fmpq, ...]]
"""By entry of a tape: its slopes and its constant."""


@dataclass(frozen=True, eq=False)
class PiecewiseTape:
    """Entries of a tape: sums, differences, multiples, and abs, max and min of them.

    Attributes
    ----------
    kinked : tuple of tuple of int
        The entries abs, max and min by layer.
    linear : tuple of tuple of int
        The other entries by the layers that they need, none first.
    roots : tuple of int
        The outputs.
    """

    tape: Tape
    kinked: tuple[tuple[int, ...], ...]
    linear: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]
    latents: int

    weight: None = None
    """The outputs are the units."""
    bias: None = None

    @property
    def layers(self) -> int:
        """The number of layers of kinks."""
        return len(self.kinked)

    @property
    def bends(self) -> int:
        """The number of entries abs, max and min."""
        return sum(map(len, self.kinked))

    def start(self) -> Rows:
        """Return the entries without kinks."""
        return self._with({}, 0)

    def _with(self, rows: Rows, depth: int) -> Rows:
        for i in self.linear[depth]:
            rows[i] = self._row(self.tape.entries[i], rows)
        return rows

    def _row(self, entry: Entry, rows: Rows) -> tuple[fmpq, ...]:
        if entry[0] == "input":
            return tuple(fmpq(int(entry[1] == k)) for k in range(self.latents + 1))
        if entry[0] == "constant":
            return (*[fmpq(0)] * self.latents, flint_rational(entry[1]))  # type: ignore[arg-type]
        first, *others = (rows[j] for j in operands(entry))
        if entry[0] == "neg":
            return tuple(-v for v in first)
        if entry[0] == "mul":
            factor, row = (first, others[0]) if not any(first[:-1]) else (others[0], first)
            return tuple(factor[-1] * v for v in row)
        return _sum(first, others[0], 1 if entry[0] == "add" else -1)

    def kinks(self, state: Rows, layer: int) -> fmpq_mat:
        """Return the arguments of abs, and the differences of those of max and min."""
        return fmpq_mat([self._argument(i, state) for i in self.kinked[layer]])

    def _argument(self, i: int, rows: Rows) -> tuple[fmpq, ...]:
        first, *others = (rows[j] for j in operands(self.tape.entries[i]))
        return _sum(first, others[0], -1) if others else first

    def after(self, state: Rows, layer: int, signs: Signs) -> Rows:
        """Return the rows up to the next layer of kinks."""
        rows = dict(state)
        for i, sign in zip(self.kinked[layer], signs.tolist(), strict=True):
            rows[i] = self._chosen(self.tape.entries[i], rows, sign > 0)
        return self._with(rows, layer + 1)

    def _chosen(self, entry: Entry, rows: Rows, positive: bool) -> tuple[fmpq, ...]:
        parts = [rows[j] for j in operands(entry)]
        if entry[0] == "abs":
            return parts[0] if positive else tuple(-v for v in parts[0])
        return parts[0 if positive == (entry[0] == "max") else 1]

    def units(self, state: Rows) -> fmpq_mat:
        """Return the outputs."""
        return fmpq_mat([state[root] for root in self.roots])


def _sum(a: Sequence[fmpq], b: Sequence[fmpq], sign: int) -> tuple[fmpq, ...]:
    return tuple(v + sign * w for v, w in zip(a, b, strict=True))


def of_tape(tape: Tape, roots: Sequence[int], latents: int) -> PiecewiseTape | None:
    """Return entries of a tape, latents first among its inputs; None if one is not piecewise linear, or irrational."""
    needed = tape.reachable(roots)
    depths: dict[int, int] = {}
    for i in needed:
        depth = _depth(tape, i, depths, latents)
        if depth is None:
            return None
        depths[i] = depth
    deepest = max(depths.values(), default=0)
    kinked = [[i for i in needed if _bends(tape, i) and depths[i] == k + 1] for k in range(deepest)]
    linear = [[i for i in needed if not _bends(tape, i) and depths[i] == k] for k in range(deepest + 1)]
    return PiecewiseTape(tape, tuple(map(tuple, kinked)), tuple(map(tuple, linear)), tuple(roots), latents)


def _bends(tape: Tape, i: int) -> bool:
    return tape.entries[i][0] in _KINKS


def _depth(tape: Tape, i: int, depths: Mapping[int, int], latents: int) -> int | None:
    """Return how many layers of kinks an entry needs; None if it is not piecewise linear, or not rational."""
    entry, parts = tape.entries[i], operands(tape.entries[i])
    if entry[0] == "input":
        return 0 if entry[1] < latents else None  # type: ignore[operator]
    if entry[0] == "constant":
        return 0
    if entry[0] not in _KINKS | _LINEAR or (entry[0] == "mul" and all(tape.varies[j] for j in parts)):
        return None
    return max(depths[j] for j in parts) + _bends(tape, i)
