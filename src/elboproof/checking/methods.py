"""How verdicts are reached, from the strongest method to the weakest, and what a check may declare."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from elboproof.checking.vocabulary import METHODS

if TYPE_CHECKING:
    from elboproof.checking.verdict import Part

HOW = {
    "symbolic": "decides an identity",
    "certified": "compares enclosures",
    "numeric": "compares floats",
    "property": "tries generated or drawn instances",
    "statistical": "tests a sample",
    "experiment": "looks at a training run",
}


class MethodOverstated(ValueError):  # noqa: N818  (a state of the check)
    """A check declares a stronger method than its verdict was reached by."""


def weakest(methods: Iterable[str]) -> str:
    """Return the weakest of some methods, see `elboproof.checking.vocabulary.METHODS`."""
    return max(methods, key=METHODS.index)


def require_method(declared: str, parts: "Mapping[str, Part]") -> None:
    """Require that no part was reached by a weaker method than the declared one.

    Raises
    ------
    MethodOverstated
        If one was; the text names the first and says how many more.
    """
    # Part by part, so that one certified conjunct does not lend its word to a numeric one beside it.
    weaker = {name: part for name, part in parts.items() if weakest((part.method, declared)) != declared}
    for name, part in weaker.items():
        hand = ", by hand" if part.by_hand else ""
        more = f" and {len(weaker) - 1} more part(s) are weaker" if len(weaker) > 1 else ""
        raise MethodOverstated(
            f"declared {declared}, but part {name!r} {HOW[part.method]} ({part.method}{hand}){more}"
        )
