"""Calls with rows: all are run as log evidences are, and what workers and files hand on is what was proved."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.numbers import enclosed_rows, plain_text
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosed_rows import Several, enclosure_of, row_of, shares
from elboproof.numbers.plain_text import (
    ball_from_plain,
    ball_to_plain,
    enclosure_from_plain,
    enclosure_to_plain,
)
from elboproof.posterior.decomposed_rows import Parts, unproved
from elboproof.posterior.decomposition import Decomposition
from elboproof.posterior.shared import SharedStationaryPoint
from elboproof.posterior.stationary_rows import POINTS, Points
from elboproof.running import batches
from elboproof.running import rows as running_rows
from elboproof.running.rows import NOT_BEGUN, Items, Row
from elboproof.running.schedule import Block
from tests.processes import pool
from tests.seeding import Bug, Seeded, falsification

SINH = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
X = [["0.7"], ["-0.2"], ["1/3"], ["1.5"]]
Q = [ep.GaussianPosterior(m, "1/100") for m in ("0.6", "-0.2", "1/3", "1.2")]
G = ["tanh(z)", "z**2", "sin(3*z)", "sigmoid(z)"]
CALLS: dict[str, Callable[..., Any]] = {
    "elbo": partial(ep.elbo, SINH, X, Q, 8),
    "gap": partial(ep.gap, SINH, X, 4),
    "decompose": partial(ep.decompose, SINH, X, Q, 4),
    "decompose with one covariance": partial(ep.decompose, SINH, X, Q, 4, shared="1/100"),
    "expectation": partial(ep.expectation, G, Q[0], 8),
    "posterior": lambda **options: ep.Posterior(SINH, X, 4, **options).mean(),
    "stationary": partial(ep.stationary_posterior, SINH, X, digits=8),
    "all stationary": partial(ep.stationary_posteriors, SINH, X, digits=8),
    "shared stationary": partial(ep.shared_stationary_posterior, SINH, X, digits=8),
}
OTHERS: dict[str, tuple[Callable[..., Any], str]] = {
    "elbo": (partial(ep.elbo, SINH, X, Q[0], 8), "q"),
    "gap": (partial(ep.gap, SINH, X, 4, family="fixed", covariance="1/100"), "family and covariance"),
    "decompose": (partial(ep.decompose, SINH, X, Q, 4, shared="1/100"), "shared"),
    "decompose with one covariance": (
        partial(ep.log_evidence, SINH, X, 4),
        "family and q and shared and what",
    ),
    "expectation": (partial(ep.expectation, G, Q[1], 8), "q"),
    "posterior": (lambda **options: ep.Posterior(SINH, X, 5, **options).mean(), "digits"),
    "stationary": (partial(ep.stationary_posteriors, SINH, X, digits=8, family="diagonal"), "family"),
    "all stationary": (partial(ep.gap, SINH, X, 8), "what"),
    "shared stationary": (partial(ep.stationary_posterior, SINH, X, digits=8), "digits"),  # starts need 2
}
"""The same file for another question, and what the error names."""


def parts_of(found: Any) -> list[ep.Enclosure]:
    """Return the enclosures of an answer."""
    if isinstance(found, tuple):
        return [part for one in found for part in (parts_of(one) if isinstance(one, tuple) else [one.elbo])]
    if isinstance(found, Decomposition):
        return [found.evidence, found.best, found.encoder, found.amortisation, found.approximation]
    return [found.elbo if isinstance(found, SharedStationaryPoint) else found]


def ends(found: Any) -> list[Any]:
    """Return all ends of an answer, and what stands behind it."""
    told = [(part.lower.tolist(), part.upper.tolist()) for part in parts_of(found)]
    points = found.points if isinstance(found, Decomposition) else ()
    return [*told, *(point.to_plain() for point in points if point)]


def agree(found: Any, other: Any) -> None:
    """Both are narrow and the same to the last digit: no row depends on how long others took, or where."""
    assert all((part.width <= 4e-4).all() for part in parts_of(found))
    assert ends(found) == ends(other)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """Return what each call answers in this process."""
    return {name: call() for name, call in CALLS.items()}


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with pool(2) as two:
        yield two


@pytest.mark.parametrize("name", CALLS)
def test_processes_hand_on_what_was_proved(
    name: str, whole: dict[str, Any], processes: ProcessPoolExecutor
) -> None:
    agree(CALLS[name](workers=processes), whole[name])


@pytest.mark.parametrize("name", CALLS)
def test_a_file_gives_back_what_was_proved_and_is_gone_on_with(
    name: str, whole: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    first = CALLS[name](resume=path)
    agree(first, whole[name])
    assert ends(CALLS[name](resume=path)) == ends(first)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + len(X)
    path.write_bytes(b"".join(lines[:3]))  # as a run that was stopped after two rows leaves it
    told: list[ep.Progress] = []
    agree(CALLS[name](resume=path, progress=told.append), whole[name])
    assert [one.done for one in told] == [3, 4]
    assert told[-1].decided == told[-1].total == len(X)
    other, differing = OTHERS[name]
    with pytest.raises(ValueError, match=rf"resume: got .*; expected a file of the same {differing}$"):
        other(resume=path)


@pytest.mark.parametrize("name", CALLS)
def test_rows_after_the_total_limit_are_not_begun(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    late = SimpleNamespace(monotonic=lambda: time.monotonic() + 1e6)
    monkeypatch.setattr(batches, "time", late)  # as if all the time had passed before the first row
    if name.startswith("decompose"):
        found = CALLS[name](total_seconds=5.0)
        statuses, lower = found.statuses, found.best.lower
    else:
        with pytest.raises(ep.Undecided) as caught:
            CALLS[name](total_seconds=5.0)
        statuses, lower = caught.value.statuses, caught.value.enclosure.lower
    assert statuses == (NOT_BEGUN,) * len(X)
    assert (lower == (0.0 if name == "gap" else -np.inf)).all()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"seconds": -1}, "seconds: got -1; expected a positive number"),
        ({"total_seconds": 0}, "total_seconds: got 0; expected a positive number"),
        ({"workers": 0}, "workers: got 0; expected at least 1"),
        ({"progress": 3}, "progress: got 3 of type int; expected None, or a callable"),
        ({"resume": 3}, "resume: got 3 of type int; expected the path of a file"),
    ],
)
def test_bad_options_are_named(name: str, options: dict[str, Any], match: str) -> None:
    with pytest.raises((TypeError, ValueError), match=match):
        CALLS[name](**options)


def test_a_posterior_of_rows_answers_as_those_of_each(tmp_path: Path) -> None:
    path, told = tmp_path / "rows.jsonl", list[ep.Progress]()
    rows = ep.Posterior(SINH, X[:2], 4, resume=path, progress=told.append)
    asked: dict[str, Callable[[ep.Posterior], ep.Enclosure]] = {
        "probability": lambda one: one.probability([("0", "1")]),
        "expectation": lambda one: one.expectation("z**2"),
        "expectations": lambda one: one.expectation(["z", "z**3", "1"]),
        "covariance": lambda one: one.covariance(),
        "marginal": lambda one: one.marginal(0, "1/2"),
        "quantile": lambda one: one.quantile(0, "9/10"),
        "kl": lambda one: one.kl(Q[0]),
    }
    for name, ask in asked.items():
        found, apart = ask(rows), [ask(ep.Posterior(SINH, x, 4)) for x in X[:2]]
        assert found.shape == (2, *apart[0].shape), name
        assert ends(found) == [([a.lower.tolist() for a in apart], [a.upper.tolist() for a in apart])], name
    assert len(told) == 2 * len(asked)
    # one file keeps the answers to all questions, and says which is which
    assert len(path.read_bytes().splitlines()) == 1 + 2 * len(asked)
    again = ep.Posterior(SINH, X[:2], 4, resume=path, seconds=1e-9)
    for name, ask in asked.items():
        assert ends(ask(again)) == ends(ask(rows)), name
    with pytest.raises(ep.Undecided, match="2 of 2 posterior quantiles undecided"):
        again.quantile(0, "1/2")  # which nobody has asked yet


def test_each_row_of_a_posterior_has_its_own_gaussian() -> None:
    found = ep.Posterior(SINH, X[:2], 4).kl(Q[:2])
    crossed = ep.Posterior(SINH, X[:2], 4).kl(Q[1::-1])
    assert (found.upper < crossed.lower).all()
    with pytest.raises(ValueError, match="q: got 3 posteriors; expected 2, one for each x"):
        ep.Posterior(SINH, X[:2], 4).kl(Q[:3])
    with pytest.raises(ValueError, match="x: got '2 data points'; expected one data point to plot"):
        ep.Posterior(SINH, X[:2], 4).plot()


def test_what_was_asked_before_changes_no_answer() -> None:
    after = ep.Posterior(SINH, X[0], 4)
    after.covariance()
    first, second = after.mean(), after.mean()
    assert ends(first) == ends(second) == ends(ep.Posterior(SINH, X[0], 4).mean())


PLANE = ep.LatentModel(["u", "v"], ["sin(u) + v", "u*v"], ep.Gaussian("1/100"))
AGAIN: dict[str, Callable[[], Any]] = {
    **CALLS,
    "log evidence": lambda: [ep.log_evidence(SINH, x, 8) for x in X],
    "log evidence of two latents": lambda: ep.log_evidence(PLANE, ["0.5", "0.3"], 5),
    "decompose in a plane": lambda: ep.decompose(
        PLANE, ["0.5", "0.3"], ep.GaussianPosterior(["0.4", "0.1"], ["0.01", "0.02"]), 3, family="diagonal"
    ),
}
IN_A_PROCESS = """
from tests.posterior.test_long_calls import AGAIN, all_ends
print(*(f"{name}: {all_ends(ask())}" for name, ask in AGAIN.items()), sep=chr(10))
"""


def all_ends(found: Any) -> list[Any]:
    return [end for one in (found if isinstance(found, list) else [found]) for end in ends(one)]


def test_the_same_call_has_the_same_last_digits() -> None:
    """Twice in this process, and in another: nothing depends on how long other rows took."""
    here = [f"{name}: {all_ends(ask())}" for name, ask in AGAIN.items()]
    assert [f"{name}: {all_ends(ask())}" for name, ask in AGAIN.items()] == here
    there = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", IN_A_PROCESS], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert there.stdout.splitlines() == here


def test_rows_that_share_no_work_have_all_of_their_own_time() -> None:
    given: list[tuple[int, float]] = []

    def prove(items: Items, seconds: float) -> list[Row]:
        given.append((len(items), seconds))
        return [Row(0.0, 1.0, None, "open", 0)] * len(items)

    block = Block([0, 1, 2], 0.1, False)
    done = batches.task(prove, Items((1, 2, 3)), 5.0, block, 1e6, apart=True)
    assert given == [(1, 5.0)] * 3
    assert len(done.rows) == 3
    given.clear()
    batches.task(prove, Items((1, 2, 3)), 5.0, block, 1e6)  # those that do: together, then each that is open
    assert given == [(3, 0.1), *[(1, 5.0)] * 3]
    given.clear()
    batches.task(prove, Items((1, 2)), 5.0, block, 1e-3, apart=True)
    assert all(seconds <= 1e-3 for _, seconds in given)  # no more than is left in all


def test_threads_answer_as_one() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = ep.elbo(SINH, X, Q, 8, workers=pool)
    assert (found.width <= 2e-8).all()


def test_one_row_is_kept_too_and_stays_one_number(tmp_path: Path) -> None:
    found = ep.gap(SINH, ["0.7"], 4, resume=tmp_path / "rows.jsonl")
    assert found.shape == ()
    again = ep.gap(SINH, ["0.7"], 4, resume=tmp_path / "rows.jsonl")
    assert ends(again) == ends(found)


def test_digits_beyond_floats_come_back_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    first = ep.elbo(SINH, X, Q, 40, resume=path)
    again = ep.elbo(SINH, X, Q, 40, resume=path)
    assert first.exact is not None
    assert again.exact is not None
    assert [list(end) for end in again.exact] == [list(end) for end in first.exact]
    assert all(high - low <= Fraction(2, 10**40) for low, high in zip(*again.exact, strict=True))


KILLED = """
import sys, elboproof as ep
model = ep.LatentModel("z", ["sinh(z) + abs(z)/100"], ep.Gaussian("1/100"))
x = [[n / 40] for n in range(40)]
q = ep.GaussianPosterior("1/3", "1/50")
print("begun", flush=True)
ep.elbo(model, x, q, 9, resume=sys.argv[1], progress=lambda p: print(p.decided, flush=True))
"""


def test_nothing_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    run = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", KILLED, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.stdout.readline()  # a row was told
    run.send_signal(signal.SIGKILL)
    told = [1, *(int(line) for line in run.communicate()[0].split())]
    kept = [json.loads(line)["line"] for line in path.read_bytes().splitlines() if line.endswith(b"}")]
    assert len([line for line in kept if "row" in line]) >= told[-1]  # what was told stood on the disk


def balls_come_back_as_they_were() -> None:
    with working_precision(300):
        third = arb(1) / 3
        given = [third, -third * arb(10) ** -80, arb(2) ** 200, arb(0), arb(1, 1e-5), third + arb(0, 0.3)]
    for ball in given:
        back = ball_from_plain(json.loads(json.dumps(ball_to_plain(ball))))
        assert (back.mid() == ball.mid()) is True
        assert (back.rad() == ball.rad()) is True
    assert not ball_from_plain(ball_to_plain(arb("nan"))).is_finite()
    assert ball_from_plain(ball_to_plain(arb(0, float("inf")))).contains(arb(10) ** 9)


def enclosures_come_back_as_they_were() -> None:
    with working_precision(300):
        fine = ep.Enclosure.from_balls([arb(1) / 3, -arb(2) / 3]).reshape(2, 1)
    for given in (ep.Enclosure(0.1, 0.2), ep.Enclosure([[-np.inf, 0.1]], [[0.3, np.inf]]), fine):
        back = enclosure_from_plain(json.loads(json.dumps(enclosure_to_plain(given))))
        assert back.shape == given.shape
        assert np.array_equal(back.lower, given.lower)
        assert np.array_equal(back.upper, given.upper)
        assert (back.exact is None) == (given.exact is None)
        if back.exact is not None and given.exact is not None:
            assert [end.tolist() for end in back.exact] == [end.tolist() for end in given.exact]


def two_true_rows_have_their_overlap_in_common() -> None:
    fine = (Fraction(1, 3), Fraction(1, 2))
    left, right = Row(0.0, 1.0, None, "left", 1), Row(0.25, 4.0, None, "right", 2)
    exact = Row(0.3, 0.6, fine, "exact", 4)
    both = left.better(right)
    assert (both.lower, both.upper, both.status, both.cells) == (0.25, 1.0, "left", 3)
    assert left.better(exact).exact == fine
    assert exact.better(Row(0.4, 9.0, None, "", 0)).exact == (Fraction(0.4), Fraction(1, 2))
    assert exact.better(Row(-np.inf, 0.4, None, "", 0)).exact == fine  # an end that is not known cuts nothing
    assert exact.better(left).status == left.better(exact).status == "exact"
    assert right.better(Row(0.0, 9.0, None, "", 0)).status == ""


def rows_are_as_wide_as_their_balls() -> None:
    with working_precision(200):
        rows = [row_of(arb(1) / 3, ""), row_of(arb(2, 1e-3), "open")]
    assert rows[0].exact is not None
    assert rows[0].lower < Fraction(1, 3) < rows[0].upper
    assert rows[1].lower <= 1.999
    assert rows[1].upper >= 2.001
    found = enclosure_of(rows)
    assert found.exact is not None
    assert found.exact[0][0] < Fraction(1, 3) < found.exact[1][0]
    assert found.exact[1][0] - found.exact[0][0] < Fraction(1, 10**50)


CHECKS = {
    "balls": balls_come_back_as_they_were,
    "enclosures": enclosures_come_back_as_they_were,
    "overlap": two_true_rows_have_their_overlap_in_common,
    "rows": rows_are_as_wide_as_their_balls,
}
BUGS: dict[str, Bug] = {
    "a radius made too small": Seeded(
        plain_text, "ball_from_plain", "rad - rad * arb(2) ** -SPARE_BITS", "rad / 2", "balls"
    ),
    "a midpoint rounded": Seeded(
        plain_text, "ball_from_plain", "working_precision(bits)", "working_precision(53)", "balls"
    ),
    "the lower end for the upper": Seeded(
        plain_text,
        "enclosure_from_plain",
        'for name in ("lower", "upper")',
        'for name in ("lower", "lower")',
        "enclosures",
    ),
    "the union in place of the overlap": Seeded(
        Row, "better", "max(self.lower, other.lower)", "min(self.lower, other.lower)", "overlap"
    ),
    "the status of the wider row": Seeded(Row, "better", "= min((self", "= max((self", "overlap"),
    "exact ends of one row": Seeded(
        running_rows, "_common", "max(low for low, _", "min(low for low, _", "overlap"
    ),
    "exact ends forgotten": Seeded(enclosed_rows, "row_of", "ball_ends(ball, ball)", "None", "rows"),
}
test_passes, test_catches, test_is_needed = falsification(CHECKS, BUGS)


def test_a_point_is_pickled_with_all_its_digits() -> None:
    point = ep.stationary_posterior(SINH, ["0.7"])
    copy = pickle.loads(pickle.dumps(point))  # noqa: S301 - our own
    assert copy.to_plain() == point.to_plain()
    assert repr(copy) == repr(point)
    assert copy.ball.rad() < 1e-10


def test_of_two_decompositions_the_decided_or_narrower_is_kept_whole() -> None:
    nothing = unproved(True, 0, NOT_BEGUN)
    one, two = ep.Enclosure(0.0, 1.0), ep.Enclosure(0.0, 2.0)
    half = Parts(one, one, one, one, None, "open", False)
    decided = Parts(two, two, two, two, None, "", False)
    assert nothing.better(half) is half.better(nothing) is half
    assert half.better(decided) is decided.better(half) is decided
    assert half.better(None) is half


def test_of_two_searches_the_decided_or_larger_one_is_kept() -> None:
    point = ep.stationary_posterior(SINH, ["0.7"])
    none, one, two = (
        POINTS.unproved(0, NOT_BEGUN),
        Points((point,)),
        Points((point, replace(point, status="open"))),
    )
    assert none.status == NOT_BEGUN
    assert two.status == "open"
    assert none.better(one) is one.better(none) is one.better(two) is two.better(one) is one
    assert none.better(two) is two.better(none) is two
    assert (float(none.best.lower), float(none.best.upper)) == (-np.inf, np.inf)


def test_numbers_asked_at_once_are_bettered_one_by_one() -> None:
    left = Several((Row(0.0, 1.0, None, "open", 1), Row(2.0, 4.0, None, "", 1)))
    right = Several((Row(0.5, 2.0, None, "", 1), Row(3.0, 9.0, None, "open", 1)))
    assert left.status == right.status == "open"
    both = left.better(right)
    assert both.status == ""
    assert [(row.lower, row.upper) for row in both.rows] == [(0.5, 1.0), (3.0, 4.0)]
    assert Several.from_json(json.loads(json.dumps(both.to_json()))) == both


def test_shares_are_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(enclosed_rows, "time", type("Clock", (), {"monotonic": lambda: now[0]}))
    given = shares(3, 9.0)
    assert next(given) == 103.0
    now[0] = 101.0  # the first took little, and the others have more
    assert next(given) == 105.0
    now[0] = 108.0
    assert next(given) == 109.0
