"""A parameter of a likelihood: one exact number for all outputs, or one for each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sympy import Rational

from elboproof.arguments import bad
from elboproof.arrays import unwrapped
from elboproof.numbers.exact import rational


@dataclass(frozen=True)
class PerOutput:
    """Exact positive numbers.

    Attributes
    ----------
    values : tuple of Rational
        One, or D.
    scalar : bool
        Whether the one stands for all outputs.
    """

    values: tuple[Rational, ...]
    scalar: bool

    def of(self, j: int) -> Rational:
        """Return the number of output j."""
        return self.values[0 if self.scalar else j]

    def __iter__(self) -> Iterator[Rational]:
        return iter(self.values)

    def __repr__(self) -> str:
        texts = [f"'{value}'" for value in self.values]
        return texts[0] if self.scalar else f"[{', '.join(texts)}]"

    def require_dimension(self, data_dim: int, name: str) -> None:
        """Raise ``ValueError`` unless there is one number or one for each of ``data_dim`` outputs."""
        if not self.scalar and len(self.values) != data_dim:
            raise ValueError(
                f"{name}: got {len(self.values)} dimensions; expected {data_dim}, one per decoder output"
            )


def per_output(value: object, name: str, *, whole: bool = False) -> PerOutput:
    """Read a number, or a list or an array of numbers; each positive, and an integer if ``whole``.

    Raises
    ------
    TypeError, ValueError
        If an entry is no exact number, or not of that kind.
    """
    given = unwrapped(value, name)
    scalar = not (isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim > 0))
    entries = [given] if scalar else list(given)
    if not entries:
        raise bad(name, value, "at least one number")
    values = []
    for j, entry in enumerate(entries):
        place = name if scalar else f"{name}[{j}]"
        number = rational(entry, place)
        if number <= 0 or (whole and number.q != 1):
            raise bad(place, entry, "a positive integer" if whole else "a positive number")
        values.append(number)
    return PerOutput(tuple(values), scalar)
