"""What `for_all` answers: a proof, a counterexample, or neither."""

from dataclasses import dataclass
from fractions import Fraction
from math import inf

from elboproof.numbers.enclosure import Enclosure
from elboproof.statements import Box, Statement, shown_box, shown_number
from elboproof.theorems.certificates import Certificate


@dataclass(frozen=True)
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
    """

    statement: Statement
    parameters: tuple[str, ...]
    box: Box
    certificate: Certificate
    leaves: int
    integrals: int
    seconds: float

    @property
    def status(self) -> str:
        """One sentence."""
        return f"proved: {self.statement} for all {shown_box(self.parameters, self.box)}"

    def __str__(self) -> str:
        return self.status


@dataclass(frozen=True, eq=False)
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

    @property
    def status(self) -> str:
        """One sentence."""
        place = ", ".join(f"{name} = {shown_number(number)}" for name, number in self.point.items())
        return f"refuted: {self.statement} fails at {place}, where the quantity is in {self.enclosure}"

    def __str__(self) -> str:
        return self.status


@dataclass(frozen=True, eq=False)
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

    @property
    def status(self) -> str:
        """One sentence."""
        place = shown_box(tuple(self.sub_box), tuple(self.sub_box.values()))
        low, high = float(self.enclosure.lower), float(self.enclosure.upper)
        known = (
            "nothing is known"
            if (low, high) == (-inf, inf)
            else f"the quantity is in [{low:.6g}, {high:.6g}]"
        )
        return f"unproved: {self.statement}; stopped by {self.why}; most resisted {place}, where {known}"

    def __str__(self) -> str:
        return self.status
