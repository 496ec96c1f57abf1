"""The tables of the evidence benchmark, from its outcomes; nothing is measured here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

UNTIL_RIGHT = "scipy cubature, cut until right"
OURS, TWINS = "elboproof", "elboproof, rotated twins"
ANSWERED = ("right", "unjudged")
SMALL_SCALES = ("sigma-1e-2", "sigma-1e-4")


@dataclass(frozen=True)
class Outcome:
    """What one method did on one problem.

    Attributes
    ----------
    verdict
        "right", "silent" (wrong without a warning), "warned", "limit" or "unjudged" (there is no reference).
    seconds
        Median of the runs; the limit where that ended it.
    error
        True error in nats; NaN where unknown, infinite where the value was 0.
    judge
        Where the truth came from: "table" or, for a problem without a reference, "ours".
    """

    problem: str
    d: int
    ridge: bool
    scale: str
    method: str
    seconds: float
    verdict: str
    error: float
    judge: str


@dataclass(frozen=True)
class Batch:
    """Seconds per x in a batch and by acb.integral, points undecided, and points whose enclosures did not meet."""

    problem: str
    ours: float
    theirs: float
    undecided: int
    misses: int
    checked: int


@dataclass(frozen=True)
class Ratios:
    """Ratios of times, theirs / ours; those of a rival without an answer are lower bounds."""

    values: tuple[float, ...]
    bounds: int
    silent: int

    def __str__(self) -> str:
        if not self.values:
            return f"no ratio ({self.silent} silently wrong)"
        middle, least = median(self.values), min(self.values)
        sign = "≥ " if 2 * self.bounds >= len(self.values) else ""
        return (
            f"{sign}{middle:.3g} (least {least:.2g}; {len(self.values)} problems, {self.bounds} of them bounds; "
            f"{self.silent} silently wrong left out)"
        )


def ratios(outcomes: Iterable[Outcome], rival: str, keep: Callable[[Outcome], bool]) -> Ratios:
    """Return theirs / ours per problem.

    Where the rival warned or reached the limit, its time so far is a lower bound of what an answer takes; where it is
    silently wrong there is nothing to compare; where we have no answer and it has one the ratio is 0.
    """
    rows = [o for o in outcomes if keep(o)]
    proved = {o.problem: o for o in rows if o.method == OURS}
    theirs = [o for o in rows if o.method == rival]
    values, bounds = [], 0
    for one in theirs:
        mine = proved[one.problem]
        answered = one.verdict in ANSWERED
        if one.verdict == "silent" or (not answered and mine.verdict not in ANSWERED):
            continue
        bounds += not answered
        values.append(one.seconds / mine.seconds if mine.verdict in ANSWERED else 0.0)
    return Ratios(tuple(values), bounds, sum(o.verdict == "silent" for o in theirs))


def summary(outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> list[str]:
    """Return the rows with a target: measure, target, reached."""
    rows = [("1-D, one x at 10 digits: acb.integral / ours", "1", str(_ratio(outcomes, "acb.integral", 1)))]
    rows.append(("1-D, 500 x in a batch, per x: acb.integral / ours", "50", _batched(batches)))
    rows.append(("2-D at 10 digits: median; worst", "0.05 s; 0.5 s", _times(outcomes, 2)))
    ridges = ratios(outcomes, "scipy cubature", lambda o: o.d == 2 and o.ridge)
    rows.append(("2-D ridges: scipy cubature / ours", "20", str(ridges)))
    right = ratios(outcomes, UNTIL_RIGHT, lambda o: o.d == 2)
    rows.append(("2-D ridges: the same, cut finer until it is right / ours", "20", str(right)))
    rows.append(("2-D: nested acb.integral / ours", "100", str(_ratio(outcomes, "acb.integral, nested", 2))))
    rows.append(("3-D at 6 digits: median; worst", "0.3 s; -", _times(outcomes, 3)))
    rows.append(("3-D: scipy cubature / ours", "5", str(_ratio(outcomes, "scipy cubature", 3))))
    rows.append(
        ("3-D: the same, cut finer until it is right / ours", "5", str(_ratio(outcomes, UNTIL_RIGHT, 3)))
    )
    rows.append(("3-D at sigma 1e-2 and 1e-4: right, each method", "all of ours", _right_at_small(outcomes)))
    rows.append(("Silent failures of ours", "0", _failures(outcomes, batches)))
    return [
        "| measure | target | reached |",
        "|---|---|---|",
        *(f"| {name} | {target} | {reached} |" for name, target, reached in rows),
    ]


def _ratio(outcomes: Sequence[Outcome], rival: str, d: int) -> Ratios:
    return ratios(outcomes, rival, lambda o: o.d == d)


def _batched(batches: Sequence[Batch]) -> str:
    if not batches:
        return "not measured"
    values = [b.theirs / b.ours for b in batches]
    undecided, misses = sum(b.undecided for b in batches), sum(b.misses for b in batches)
    checked = sum(b.checked for b in batches)
    return (
        f"{median(values):.3g} (least {min(values):.2g}; {len(values)} models; {undecided} x undecided; "
        f"{misses} of {checked} enclosures miss theirs)"
    )


def _times(outcomes: Sequence[Outcome], d: int) -> str:
    mine = [o for o in outcomes if o.method == OURS and o.d == d]
    if not mine:
        return "not measured"
    worst = max(mine, key=lambda o: o.seconds)
    undecided = [o.problem for o in mine if o.verdict not in ANSWERED]
    note = f"; {len(undecided)} undecided at the limit: {', '.join(undecided)}" if undecided else ""
    return f"{median(o.seconds for o in mine):.3g} s; {worst.seconds:.3g} s ({worst.problem}){note}"


def _right_at_small(outcomes: Sequence[Outcome]) -> str:
    rows = [o for o in outcomes if o.d == 3 and o.scale in SMALL_SCALES and o.method != TWINS]
    names = list(dict.fromkeys(o.method for o in rows))
    parts = []
    for name in names:
        verdicts = [o.verdict in ANSWERED for o in rows if o.method == name]
        parts.append(f"{name} {sum(verdicts)} of {len(verdicts)}")
    return "; ".join(parts) or "not measured"


def _failures(outcomes: Sequence[Outcome], batches: Sequence[Batch]) -> str:
    mine = [o for o in outcomes if o.method in (OURS, TWINS) and o.verdict in ("right", "silent")]
    wrong = sum(o.verdict == "silent" for o in mine) + sum(b.misses for b in batches)
    tabled = sum(o.judge == "table" for o in mine)
    return f"{wrong} ({tabled} judged by the table's references; in batches by acb.integral)"


def per_method(outcomes: Sequence[Outcome]) -> list[str]:
    """Return one row per dimension and method."""
    lines = [
        "| d | method | problems | right | warned | over the limit | silent failures | median, s | worst error, nats |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for d, method in sorted({(o.d, o.method) for o in outcomes}, key=lambda key: _place(key, outcomes)):
        rows = [o for o in outcomes if (o.d, o.method) == (d, method)]
        count = {word: sum(o.verdict == word for o in rows) for word in ("warned", "limit", "silent")}
        right = sum(o.verdict in ANSWERED for o in rows)
        lines.append(
            f"| {d} | {method} | {len(rows)} | {right} | {count['warned']} | {count['limit']} | "
            f"{count['silent']} | {_median_time(rows)} | {_worst(rows)} |"
        )
    return lines


def _place(key: tuple[int, str], outcomes: Sequence[Outcome]) -> tuple[int, int]:
    order = [OURS, TWINS, *dict.fromkeys(o.method for o in outcomes)]
    return key[0], order.index(key[1])


def _median_time(rows: Sequence[Outcome]) -> str:
    middle = median(o.seconds for o in rows)
    cut = sum(o.verdict == "limit" for o in rows) * 2 >= len(rows)
    return f"> {middle:.3g}" if cut else f"{middle:.3g}"


def _worst(rows: Sequence[Outcome]) -> str:
    """Return the largest error among the answers that came without a warning."""
    errors = [o.error for o in rows if o.verdict in ("right", "silent") and not np.isnan(o.error)]
    if not errors:
        return "-"
    return "infinite" if np.isinf(max(errors)) else f"{max(errors):.1e}"


NOTES = """\
Asked of all: 10 digits of p(x) in 1-D and 2-D, 6 in 3-D. Quick runs are medians of rounds in turn, compiled beforehand;
a run may take {limit:g} s. The others are given the domain [-8, 8]^d and the deepest energy, for free.

- A *silent failure*: no warning, and off by more than 10 times the largest of the claimed error (for vegas and dynesty
  one standard deviation), the accuracy asked for and 1e-8 nats. Ours: the truth lies outside the enclosure.
- Errors are those of log p(x), over the answers without a warning; an infinite one is an integral of 0.
- Ratios are medians over problems. With ≥, half of them or more are lower bounds: a rival at the limit, or that gave
  up with a warning, counts with the time it took until then. A ratio is 0 where only the rival has an answer.
- The slow rivals see one scale of each family (nquad), or of a few families with three times the limit (nested
  acb.integral, dynesty). acb.integral proves nothing about the tails.
- "Cut until right" is cubature on ridges and in 3-D, told by the table whether its answer is right: where it is not,
  the domain is first cut into 4, 16 and 64 cubes an axis. It takes the time of all attempts, up to three limits."""


def report(outcomes: Sequence[Outcome], batches: Sequence[Batch], limit: float) -> str:
    """Return both tables with what they mean."""
    borrowed = len({o.problem for o in outcomes if o.judge == "ours" and o.method == OURS})
    note = (
        f"\n- {borrowed} problems have no reference yet: there our own enclosure judges the others."
        if borrowed
        else ""
    )
    return "\n".join(
        [*summary(outcomes, batches), "", *per_method(outcomes), "", NOTES.format(limit=limit) + note]
    )
