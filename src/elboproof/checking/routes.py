"""Two routes to one number: what shares no code with the first finds the same, by an enclosure of its own.

A second precision shows that rounding did no harm; a second route, that the formula, the rule or the library is right
too. That two routes share no code is for the author to see to; that both enclose one number is decided here.
"""

from dataclasses import dataclass

from elboproof.arguments import bad, wrong_type
from elboproof.checking.enclosed import Ball, Ends, ends_of, steady
from elboproof.checking.exact_ends import interval_of, seen, texts_of
from elboproof.checking.methods import weakest
from elboproof.checking.verdict import Verdict, by_hand, reached


@dataclass(frozen=True)
class Route:
    """How else a number was enclosed, and what was found.

    Parameters
    ----------
    by
        What found it, such as "acb.integral"; shown in reports.
    found
        An enclosure, as `elboproof.checking.ball_equal` takes it.

    Raises
    ------
    ValueError
        If there are no words.
    """

    by: str
    found: Ball

    def __post_init__(self) -> None:
        if not str(self.by).strip():
            raise bad("by", self.by, "what found the enclosure")


@steady
def routes_agree(first: Ball, second: Route, width: float) -> Verdict:
    """Decide that two routes enclose the same number.

    Established if the enclosures overlap and the half width of their difference is at most ``width``; refuted if they
    are apart; else undecided. The verdict says by what else the number was found, and is as strong as the weaker
    enclosure, see `elboproof.checking.ball_equal`.

    Parameters
    ----------
    first
        The enclosure by the first route.
    second
        The other one, with its name.
    width
        Positive and finite.

    Returns
    -------
    Verdict
        Its ``second_route`` is ``second.by``.

    Raises
    ------
    ValueError
        If ``width`` is no such number, or a lower end exceeds the upper one.
    TypeError
        If ``second`` is no `Route`, or one of the two is no enclosure.
    """
    if not isinstance(second, Route):
        raise wrong_type("second", second, "a Route(by, found)")
    if not 0.0 < width < float("inf"):
        raise bad("width", width, "a positive finite number")
    pair = ends_of(first, "first"), ends_of(second.found, "second")
    status, error = _compared(*pair, width)
    words = {
        "established": "meet",
        "refuted": "are apart",
        "undecided": f"are not shown to meet within {width:.3g}",
    }
    reason = f"{pair[0].text}, and by {second.by} {pair[1].text}, {words[status]}"
    make = by_hand if any(ends.by_hand for ends in pair) else reached
    method = weakest(ends.method for ends in pair)
    numbers = pair[0].text, pair[1].text, error
    return make(method, status, reason, *numbers, second_route=second.by, **seen(pair))


def _compared(first: Ends, second: Ends, width: float) -> tuple[str, float]:
    """Return whether the enclosures meet and are narrow, and the half width of their difference."""
    if not (first.known and second.known):
        return "undecided", float("nan")
    # By exact ends: a difference of balls is rounded, and could hold 0 where they are apart.
    (low, high), (other_low, other_high) = (interval_of(texts_of(ends)) for ends in (first, second))
    half = (high - low + other_high - other_low) / 2
    if low > other_high or other_low > high:
        return "refuted", float(half)
    return "established" if half <= width else "undecided", float(half)
