"""What is raised where a proof was not reached."""

from typing import Any

from elboproof.numbers.enclosure import Enclosure


class Undecided(ArithmeticError):  # noqa: N818 - a status, named as in the public API
    """What was asked could not be proved within the limits.

    Attributes
    ----------
    enclosure : Enclosure
        The best that was proved; it contains the truth.
    statuses : tuple of str
        One sentence per row, such as a data point; empty for those that were decided.
    what : str
        What was asked, in the plural.
    name : str
        The argument whose rows were asked about.
    """

    def __init__(
        self, enclosure: Enclosure, statuses: tuple[str, ...], what: str = "log evidences", name: str = "x"
    ) -> None:
        self.enclosure, self.statuses, self.what, self.name = enclosure, statuses, what, name
        left = [n for n, status in enumerate(statuses) if status]
        super().__init__(
            f"{len(left)} of {len(statuses)} {what} undecided; the first is {name}[{left[0]}]: {statuses[left[0]]}; "
            "the best enclosures are in .enclosure"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by its parts: processes hand it on."""
        return type(self), (self.enclosure, self.statuses, self.what, self.name)
