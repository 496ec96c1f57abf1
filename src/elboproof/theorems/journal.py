"""What a search for a proof did, batch by batch, in plain texts and numbers: a stopped search goes on from there.

A batch takes leaves from one end of a list and proves, keeps or cuts each; so the batches of a part of the box, in
order, say which leaves there are, with what is known of them. Bounds that were proved are kept, and what decides what
comes next is kept to the last bit: the search that goes on is the one that was stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flint import fmpq

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.statements import Box
from elboproof.theorems.leaf import Leaf, middle
from elboproof.theorems.leaf_bounds import Judge
from elboproof.theorems.natural import Theta, halves

Plain = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """What happened to some leaves.

    Attributes
    ----------
    ready
        Whether they were ready for a proof, the first of those; else the last of the open ones.
    did : list
        For each leaf {"cut": axis}, or what is known of a leaf that is kept: of an open one that it is ready.
    known : dict
        Bounds of integrals and of exponents, in the order in which they were found.
    tries
        Violations that may still be tried to be proved.
    """

    ready: bool
    did: list[Plain]
    known: Plain
    tries: int

    def to_plain(self) -> Plain:
        """Return plain texts and numbers."""
        return {"ready": self.ready, "did": self.did, "known": self.known, "tries": self.tries}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Batch":
        """Return the batch that was written."""
        return cls(plain["ready"], plain["did"], plain["known"], plain["tries"])


@dataclass
class Leaves:
    """The leaves of a search, which cover its box without overlap."""

    open: list[Leaf]
    tries: int
    ready: list[Leaf] = field(default_factory=list)
    done: list[Leaf] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.open) + len(self.ready) + len(self.done)


def kept(leaf: Leaf) -> Plain:
    """Return what is known of a leaf that is not cut."""
    q = leaf.posterior
    return {
        "q": None
        if q is None
        else [[str(m) for m in q.mean], [[str(v) for v in row] for row in q.covariance]],
        "middle": [end.hex() for end in leaf.middle],
        "bounds": [leaf.lower.hex(), leaf.upper.hex()],
        "radius": None if leaf.radius is None else str(leaf.radius),
    }


def restored(judge: Judge, box: Box, batches: Sequence[Batch], tries: int) -> Leaves:
    """Return the leaves after some batches, and let the judge know what is proved of integrals."""
    open_: list[tuple[Box, Plain]] = [(box, {})]
    ready: list[tuple[Box, Plain]] = []
    done: list[tuple[Box, Plain]] = []
    for batch in batches:
        count, tries = len(batch.did), batch.tries
        if batch.ready:
            taken, ready = ready[:count], ready[count:]
        else:
            taken, open_ = open_[-count:], open_[:-count]
        for (place, _), what in zip(taken, batch.did, strict=True):
            if "cut" in what:
                axis = what["cut"]
                open_ += [(half, {}) for half in halves(place, axis, middle(*place[axis]))]
            else:
                (done if batch.ready else ready).append((place, what))
        _remember(judge, batch.known)
    parts = ([_leaf(judge, *one) for one in part] for part in (open_, ready, done))
    return Leaves(next(parts), tries, next(parts), next(parts))


def _leaf(judge: Judge, box: Box, what: Plain) -> Leaf:
    leaf = judge.leaf(box)
    if what:
        leaf.posterior = None if what["q"] is None else GaussianPosterior(*what["q"])
        low, high = map(float.fromhex, what["middle"])
        leaf.middle = low, high
        leaf.lower, leaf.upper = map(float.fromhex, what["bounds"])
        leaf.radius = _radius(what.get("radius"))
    return leaf


class Found:
    """What a judge finds of integrals and exponents while a batch is worked on."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._integrals, self._suprema = set(_integrals(judge)), dict(judge.suprema)

    def since(self) -> Plain:
        """Return what is new since this was made."""
        integrals, suprema = _integrals(self._judge), self._judge.suprema
        return {
            "integrals": [
                [_written(theta), [end.hex() for end in bounds], None if radius is None else str(radius)]
                for (theta, radius), bounds in integrals.items()
                if (theta, radius) not in self._integrals
            ],
            "suprema": [
                [_written(theta), None if bound is None else bound.hex()]
                for theta, bound in suprema.items()
                if theta not in self._suprema or self._suprema[theta] != bound
            ],
        }


def _integrals(judge: Judge) -> dict[tuple[Theta, Fraction | None], tuple[float, float]]:
    """Return all integrals that are known, by theta and radius."""
    kinds = [(None, judge.integrals), *judge.within.items()]
    return {(theta, r): bounds for r, kind in kinds for theta, bounds in kind.known.items()}


def _remember(judge: Judge, known: Plain) -> None:
    for theta, ends, *radius in known["integrals"]:
        low, high = map(float.fromhex, ends)
        judge.integrals_to(_radius(*radius)).known[_read(theta)] = low, high
    for theta, bound in known["suprema"]:
        judge.suprema[_read(theta)] = None if bound is None else float.fromhex(bound)


def _radius(text: str | None = None) -> Fraction | None:
    """Return a radius; files of earlier versions have none."""
    return None if text is None else Fraction(text)


def _written(theta: Theta) -> str:
    return " ".join(map(str, theta))


def _read(text: str) -> Theta:
    return tuple(fmpq(*map(int, number.split("/"))) for number in text.split())
