"""What `for_all` answers: a proof, a counterexample, or neither."""

from dataclasses import dataclass, fields
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, Any

from elboproof.numbers.enclosure import Enclosure
from elboproof.printing import screen
from elboproof.statements import Box, Quantity, Statement, shown_box, shown_number
from elboproof.theorems.certificates import Certificate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _screen(result: Any) -> str:
    """Return a result line by line: what was asked, then its fields in words."""
    # texts are cut, not numbers dropped: fields hold them all, and a certificate is read from its file
    quantity: Quantity = result.statement.quantity
    asked = {one.name: getattr(quantity, one.name) for one in fields(quantity)}
    rows = {
        "statement": result.statement,
        "quantity": ", ".join(f"{k}={_words(v)}" for k, v in asked.items()),
    }
    if hasattr(result, "box"):
        rows["box"] = shown_box(result.parameters, result.box)
    for one in fields(result):
        if one.name not in ("statement", "parameters", "box"):
            rows[one.name] = _words(getattr(result, one.name))
    return screen(type(result).__name__, rows)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return _shown_place(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _shown_place(place: dict[str, Any]) -> str:
    """Return a point or a box, by the parameters' names, in words."""
    if any(isinstance(side, tuple) for side in place.values()):
        return shown_box(tuple(place), tuple(place.values()))
    return ", ".join(f"{name} = {shown_number(number)}" for name, number in place.items())


@dataclass(frozen=True, repr=False)
class Proof:
    """The statement holds for all parameters of the box.

    Attributes
    ----------
    statement, parameters, box
        What was proved.
    certificate
        All that an independent check needs: ``proof.certificate.save(path)``, ``ep.recheck(path)``.
    leaves, integrals
        Boxes and point integrals that the proof consists of.
    seconds
        Time of the search.
    unverifiable
        Why ``ep.recheck`` has no method for the certificate; empty where it has.
    """

    statement: Statement
    parameters: tuple[str, ...]
    box: Box
    certificate: Certificate
    leaves: int
    integrals: int
    seconds: float
    unverifiable: str

    @property
    def status(self) -> str:
        """One sentence."""
        proved = f"proved: {self.statement} for all {shown_box(self.parameters, self.box)}"
        return f"{proved}; not verifiable by ep.recheck: {self.unverifiable}" if self.unverifiable else proved

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the leaves of the proof, with the bounds that were proved over each, in nats.

        Parameters
        ----------
        ax
            To draw on; those of a new figure if not given: ``proof.plot().figure.savefig("leaves.png")``.

        Raises
        ------
        TypeError
            If they are no matplotlib Axes.
        ValueError
            If there are more than two parameters.
        """
        from elboproof.theorems.leaves_plot import drawn

        return drawn(self, ax)

    __repr__ = _screen

    def __str__(self) -> str:
        return self.status


@dataclass(frozen=True, eq=False, repr=False)
class Counterexample:
    """The statement fails, proved at one point of the box.

    Attributes
    ----------
    statement
        What is refuted.
    point
        Exact parameters.
    enclosure
        Proved bounds of the quantity there.
    seconds
        Time of the search.
    """

    statement: Statement
    point: dict[str, Fraction]
    enclosure: Enclosure
    seconds: float

    __repr__ = _screen

    @property
    def status(self) -> str:
        """One sentence."""
        place = _shown_place(self.point)
        return f"refuted: {self.statement} fails at {place}, where the quantity is in {self.enclosure}"

    def __str__(self) -> str:
        return self.status


@dataclass(frozen=True, eq=False, repr=False)
class Unproved:
    """Neither proved nor refuted within the limits.

    Attributes
    ----------
    statement, parameters, box
        What was asked.
    sub_box
        The part of the box that resisted most.
    enclosure
        Proved bounds of the quantity over ``sub_box``; infinite where nothing is known.
    why
        What stopped the proof.
    leaves
        Boxes on which the statement was proved.
    seconds
        Time of the search.
    """

    statement: Statement
    parameters: tuple[str, ...]
    box: Box
    sub_box: dict[str, tuple[Fraction, Fraction]]
    enclosure: Enclosure
    why: str
    leaves: int
    seconds: float

    __repr__ = _screen

    @property
    def status(self) -> str:
        """One sentence."""
        place = _shown_place(self.sub_box)
        low, high = float(self.enclosure.lower), float(self.enclosure.upper)
        known = (
            "nothing is known"
            if (low, high) == (-inf, inf)
            else f"the quantity is in [{low:.6g}, {high:.6g}]"
        )
        return f"unproved: {self.statement}; stopped by {self.why}; most resisted {place}, where {known}"

    def __str__(self) -> str:
        return self.status
