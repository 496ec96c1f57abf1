"""Proved log evidences against the other ways to get one, in one run.

    python benchmarks/evidence.py            measures and prints the tables
    python benchmarks/evidence.py --write    replaces them in benchmarks/README.md
    python benchmarks/evidence.py --small    a smoke test of a few seconds, of one problem a dimension

Each method first runs alone in a process of its own that is ended at the limit. Those that are quick are then timed
again in turn with the proved evidence, in rounds, so that a change of load hits all. Ratios are taken per problem.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import elboproof as ep
from benchmarks import evidence_tables as tables
from benchmarks import section
from benchmarks.evidence_rivals import RIVALS, Answer, Rival, acb_integral, ours, stem
from benchmarks.evidence_tables import OURS, TWINS, Batch, Outcome
from benchmarks.evidence_task import Task
from elboproof.model.problems import BASE, PROBLEMS, VARIANCES, Problem, Tag

ROUNDS = 5
CHEAP = 0.3
"""Seconds: what takes less in its first run is timed in ROUNDS rounds."""
LIMIT = 3.0
"""Seconds that one run may take, ours too."""
GRACE = 2.0
DIGITS = {1: 10, 2: 10, 3: 6}
LENIENCE = 10.0
"""A value may be off by this many claimed errors or requested tolerances ..."""
FLOOR = 1e-8
"""... or by this, in nats, whatever was requested: float64 integrands lose digits at small sigma."""
BATCH, BATCH_SAMPLE = 500, 10
BATCH_STEMS = ("line", "sinh", "sine", "square", "parabola", "circle", "exp-off")
TAIL = 1e-14
"""Of p(x), outside acb.integral's domain: it proves nothing about that."""
SMALL = ("sinh-sigma-1e-1", "banana-sigma-1e-1", "oblique-3-sigma-1")

Method = Callable[[Task], Answer]


@dataclass(frozen=True)
class Run:
    """One timed run: seconds, and the answer or None at the limit."""

    seconds: float
    answer: Answer | None


def timed(method: Method, task: Task) -> Run:
    """Return the time and answer of one run; an exception is a warning, as loud as they come."""
    start = time.perf_counter()
    try:
        answer = method(task)
    except (ArithmeticError, ValueError, RuntimeError, SystemError) as error:
        answer = Answer(float("nan"), float("inf"), f"{type(error).__name__}: {error}")
    return Run(time.perf_counter() - start, answer)


def alone(method: Method, task: Task, limit: float) -> Run:
    """Return a run in a process of its own, which is ended at the limit in seconds."""
    context = get_context("fork")  # the compiled functions come along
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(send, method, task))
    process.start()
    send.close()
    try:
        if not receive.poll(limit):
            return Run(limit, None)
        run: Run = receive.recv()
    except EOFError:
        return Run(limit, Answer(float("nan"), float("inf"), "the process died"))
    finally:
        process.kill()
        process.join()
    return run


def _report(send: Connection, method: Method, task: Task) -> None:
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    send.send(timed(method, task))


def compare(problem: Problem, rivals: Sequence[Rival], limit: float, rounds: int = ROUNDS) -> list[Outcome]:
    """Return the outcomes of one problem, ours first."""
    task = Task(problem, DIGITS[len(problem.latent)])

    def proved(task: Task) -> Answer:
        return ours(task, limit)

    task.warm()
    methods: dict[str, Method] = {OURS: proved} | {r.name: r.run for r in rivals}
    limits = {OURS: limit + GRACE} | {r.name: r.patience * limit for r in rivals}
    runs = {name: [alone(method, task, limits[name])] for name, method in methods.items()}
    cheap = [name for name, (run,) in runs.items() if run.answer is not None and run.seconds < CHEAP]
    for name in cheap:
        runs[name].clear()  # the process was cold
    for _ in range(rounds):
        for name in cheap:
            runs[name].append(timed(methods[name], task))
    truth = reference(problem, runs[OURS][-1].answer)
    return [outcome(task, name, runs[name], truth) for name in methods]


def reference(problem: Problem, proved: Answer | None) -> tuple[Fraction, Fraction] | None:
    """Return log p(x) and its radius: the table's, or where it has none what was proved here, or None."""
    if problem.reference.is_finite():
        return Fraction(problem.reference), Fraction(problem.reference_radius)
    if proved is None or proved.note or not np.isfinite(proved.error):
        return None
    return Fraction(proved.value), Fraction(proved.error)


def outcome(task: Task, method: str, runs: Sequence[Run], truth: tuple[Fraction, Fraction] | None) -> Outcome:
    """Return the verdict on a method's runs on one problem."""
    seconds, last = statistics.median(run.seconds for run in runs), runs[-1].answer
    problem, proof = task.problem, method.startswith(OURS)
    verdict, error = judged(last, truth, 0.0 if proof else max(task.tolerance, FLOOR))
    judge = "table" if problem.reference.is_finite() else "ours"
    d, ridge = len(problem.latent), Tag.RIDGE in problem.tags
    scale = next((tag.value for tag in problem.tags if tag.value.startswith("sigma")), "")
    return Outcome(problem.name, d, ridge, scale, method, seconds, verdict, error, judge)


def judged(
    answer: Answer | None, truth: tuple[Fraction, Fraction] | None, tolerance: float
) -> tuple[str, float]:
    """Return verdict and true error in nats.

    A proof has tolerance 0 and is held to its interval, which must meet the reference's; every other value to LENIENCE
    times its claimed error or the tolerance, whichever is larger. Missing that without a warning is "silent".
    """
    if answer is None:
        return "limit", float("nan")
    known = truth is not None and np.isfinite(answer.value)
    error = abs(Fraction(answer.value) - truth[0]) if truth is not None and known else None
    size = float("inf") if error is None else float(error)
    if answer.note:
        return "warned", size
    if truth is None:
        return "unjudged", float("nan")
    claimed = Fraction(min(answer.error, 1e300))
    wide = LENIENCE * max(answer.error, tolerance) if tolerance else 0.0
    allowed = max(claimed, Fraction(min(wide, 1e300))) + truth[1]
    return ("right" if error is not None and error <= allowed else "silent"), size


def sparse(problems: Sequence[Problem]) -> set[str]:
    """Return the names of one problem of each family, at its middle scale."""
    families: dict[str, list[str]] = {}
    for problem in problems:
        families.setdefault(stem(problem), []).append(problem.name)
    return {names[len(names) // 2] for names in families.values()}


def all_outcomes(problems: Sequence[Problem], limit: float, rounds: int) -> Iterator[Outcome]:
    """Yield the outcomes of all problems with the rivals that apply."""
    few = sparse(problems)
    for problem in problems:
        print(problem.name, file=sys.stderr, flush=True)
        rivals = [r for r in RIVALS if r.installed and r.takes(problem, few)]
        yield from compare(problem, rivals, limit, rounds)


def twins(problems: Sequence[Problem], limit: float) -> Iterator[Outcome]:
    """Yield our outcomes for rotated problems, each run once after compilation."""
    for problem in problems:
        task = Task(problem, DIGITS[len(problem.latent)])
        task.warm()
        run = timed(lambda task: ours(task, limit), task)
        yield outcome(task, TWINS, [run], reference(problem, None))


def batch(problem: Problem, limit: float) -> Batch:
    """Return times per x, for BATCH draws from the model at once and for acb.integral on some of them, one by one.

    Both are medians, taken in turn: a change of load hits both.
    """
    model, rng = problem.model(), np.random.default_rng(3)
    z = rng.normal(size=(BATCH, 1))
    noise = float(VARIANCES[next(tag for tag in problem.tags if tag in VARIANCES)]) ** 0.5
    x = model.floating.decoder(z)
    x = x + noise * rng.normal(size=x.shape)
    ep.log_evidence(model, x[:1].tolist(), 4, seconds=limit)  # compiles
    ours, theirs, misses = [], [], 0
    for n in range(0, BATCH, BATCH // BATCH_SAMPLE):
        task = Task(replace(problem, x=tuple(str(Decimal(v)) for v in x[n].tolist())), DIGITS[1])
        task.warm()
        start = time.perf_counter()
        try:
            enclosure, undecided = ep.log_evidence(model, x, DIGITS[1], seconds=limit), 0
        except ep.Undecided as error:
            enclosure, undecided = error.enclosure, sum(map(bool, error.statuses))
        ours.append((time.perf_counter() - start) / BATCH)
        run = timed(acb_integral, task)
        theirs.append(run.seconds)
        low, high = Fraction(float(enclosure.lower[n])), Fraction(float(enclosure.upper[n]))
        if run.answer is not None and np.isfinite(run.answer.value + run.answer.error):
            value, slack = Fraction(run.answer.value), Fraction(run.answer.error) + Fraction(TAIL)
            misses += not low - slack <= value <= high + slack
    per_x = statistics.median(ours)
    return Batch(problem.name, per_x, statistics.median(theirs), undecided, misses, len(theirs))


def select(small: bool) -> tuple[list[Problem], list[Problem], list[Problem]]:
    """Return the problems for all methods, the twins, and those whose models are tried in batches."""
    if small:
        few = [problem for problem in BASE if problem.name in SMALL]
        return few, [problem.rotated() for problem in few[1:2]], few[:1]
    batches = [p for p in BASE if stem(p) in BATCH_STEMS]
    return list(BASE), [p for p in PROBLEMS if Tag.ROTATED in p.tags], batches


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the tables in benchmarks/README.md")
    parser.add_argument("--small", action="store_true", help="three problems, one round")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, help="seconds a run may take (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.limit < 3600:
        parser.error(f"--limit: got {options.limit}; expected seconds, more than 0 and less than 3600")
    problems, rotated, batches = select(options.small)
    limit, rounds = (min(options.limit, 1.0), 1) if options.small else (options.limit, ROUNDS)
    began = time.perf_counter()
    outcomes = [*all_outcomes(problems, limit, rounds), *twins(rotated, limit)]
    text = tables.report(outcomes, [batch(problem, 4 * limit) for problem in batches], limit)
    print(text)
    print(f"\n{time.perf_counter() - began:.0f} s in all", file=sys.stderr)
    if options.write:
        section.write("evidence", text)


if __name__ == "__main__":
    main()
