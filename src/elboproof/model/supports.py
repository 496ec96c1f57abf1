"""Where the data of a likelihood may lie: checked entry by entry in every kind of number, and named where it is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad


@dataclass(frozen=True)
class Entries:
    """The numbers that one entry of x may be.

    Attributes
    ----------
    low, high : int, optional
        Ends, included unless ``above`` is set.
    above : bool
        Whether ``low`` itself is excluded.
    whole : bool
        Whether the number must be an integer.
    """

    low: int | None = None
    high: int | None = None
    above: bool = False
    whole: bool = False

    def holds(self, value: Any) -> Any:
        """Return whether a number, a ball or each entry of an array or tensor is allowed; of balls, surely."""
        # comparisons are those of the number system: a ball is at least 0 if all of its members are
        holds: Any = True
        if self.low is not None:
            holds = holds & (value > self.low if self.above else value >= self.low)
        if self.high is not None:
            holds = holds & (value <= self.high)
        return holds & _is_whole(value) if self.whole else holds


@dataclass(frozen=True)
class Support:
    """The rows that x may be.

    Attributes
    ----------
    requirement : str
        What error messages ask for.
    entries : tuple of Entries
        One for each entry of x, or a single one for all.
    groups : tuple of int
        Sizes of consecutive groups in which exactly one entry is 1 and the others are 0; empty if there are none,
        and (0,) for one group of all entries.
    """

    requirement: str
    entries: tuple[Entries, ...] = (Entries(),)
    groups: tuple[int, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether every row of finite numbers is allowed."""
        return self.entries == (Entries(),) and not self.groups

    @property
    def whole(self) -> bool:
        """Whether every entry is a whole number, so that True and False can stand for 1 and 0."""
        return all(entries.whole for entries in self.entries)

    def numbers(self, x: Any) -> Any:
        """Return data with 1 and 0 for True and False where entries are whole numbers; other data as they are."""
        return _counted(x) if self.whole else x

    def of(self, j: int) -> Entries:
        """Return what entry j may be."""
        return self.entries[0 if len(self.entries) == 1 else j]

    def places(self) -> Iterator[slice]:
        """Yield the places of the groups."""
        if self.groups == (0,):
            yield slice(0, None)
            return
        start = 0
        for size in self.groups:
            yield slice(start, start + size)
            start += size

    def holds(self, columns: Sequence[Any]) -> Any:
        """Return whether rows given by their D columns (arrays or tensors of one shape) are allowed, row by row."""
        holds: Any = True
        for j, column in enumerate(columns):
            holds = self.of(j).holds(column) & holds
        for place in self.places():
            holds = (sum(columns[place]) == 1) & holds
        return holds

    def require_row(self, row: Sequence[Any], name: str) -> None:
        """Raise ``ValueError`` that names the first entry, or the group, that a row of numbers or balls may not have.

        ``name`` is what the row is called; entries are called name[j].
        """
        for j, value in enumerate(row):
            if not self.of(j).holds(value):
                raise bad(f"{name}[{j}]", value, self.requirement)
        for place in self.places():
            if not sum(row[place]) == 1:
                raise bad(
                    f"{name}[{place.start}:{place.stop or len(row)}]", list(row[place]), self.requirement
                )

    def require_array(self, x: NDArray[Any], name: str) -> None:
        """Raise the same for an array of shape (..., D) of floats."""
        if self.everything:
            return
        allowed = np.broadcast_to(self.holds(list(np.moveaxis(x, -1, 0))), x.shape[:-1])
        if not allowed.all():
            place = tuple(int(k) for k in np.argwhere(~allowed)[0])
            self.require_row(x[place].tolist(), name + "".join(f"[{k}]" for k in place))


def _counted(x: Any) -> Any:
    """Return booleans as integers: one of them, an array, a tensor, or nested lists with some among other numbers."""
    if isinstance(x, bool | np.bool_):
        return int(x)
    if isinstance(x, list | tuple):
        return [_counted(entry) for entry in x]
    if isinstance(x, np.ndarray) and x.dtype == object:
        return np.array([_counted(entry) for entry in x.flat], dtype=object).reshape(x.shape)
    boolean = isinstance(x, np.ndarray) and x.dtype.kind == "b"
    return x.astype(np.int64) if boolean else x


def _is_whole(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.floor(value) == value
    floor = getattr(value, "floor", None)  # of tensors and balls
    return floor() == value if floor is not None else value % 1 == 0


REAL = Support("real numbers")
