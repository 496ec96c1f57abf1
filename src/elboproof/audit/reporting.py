"""REPORT: what the number is that a user's evaluation prints, from its own draws on the real networks.

All that the number can depend on passes the taps, so that nothing is estimated: each quantity that it can be is
computed from the same draws, and one of them equals it, up to a unit, a sign and a constant, or none does.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from elboproof.audit.bench import Bench
from elboproof.audit.containers import loss_of
from elboproof.audit.differences import WeightedLikelihood, density
from elboproof.audit.formula import NEVER
from elboproof.audit.laws import NORMAL
from elboproof.audit.learning import typed
from elboproof.audit.parameters import Parameter
from elboproof.audit.quantities import QUANTITIES, Density, Logs, Quantity, logs
from elboproof.audit.reading_divergence import NAMES
from elboproof.audit.replay import Recorder, layouts
from elboproof.audit.reported import Reported
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session
from elboproof.audit.state import seed_all

Tensor = torch.Tensor
BATCHES, SEEDS = (5, 3, 7, 4, 6, 2), (1, 2)
"""Sizes of the batches: the first two that no other axis of z has; two sizes tell a sum from a mean."""
SIZES = 2
FACTOR = 100
"""By which these numbers may differ more than those of designs: they can pass through a float32 on the way."""


@dataclass(frozen=True)
class Told:
    """One call: the number, its log densities under each layout, the samples asked for and drawn, and axes of z."""

    value: Tensor
    found: Sequence[Logs]
    asked: int | None
    drawn: int
    axes: frozenset[int]


@dataclass(frozen=True)
class Match:
    """What the number is: ``sign * unit *`` the quantity, reduced, and ``offset`` nats per datum above it."""

    quantity: Quantity
    sign: int
    unit: str
    reduction: str
    offset: float
    error: float


def check_report(session: Session) -> Result:
    """Say what the reported number is, against what it is said to be."""
    said = session.adapter.report
    if said is None:
        return result("report", "ok", "not needed: no number is reported beside the loss")
    law, parameter = _law(session), _parameter(session)
    if law is None or parameter is None:
        return result(
            "report", "unknown", "the loss has no likelihood and q that are known, as this check needs"
        )
    calls = list(_told(session, said, law, parameter))
    told = [one for one in calls if one is not None]
    if len(told) < max(len(calls), SIZES):
        words = "what passes the taps cannot be told apart by datum and sample, or the decoder is not called"
        return result("report", "unknown", words)
    return _judged(session, said, told)


def _parameter(session: Session) -> Parameter | None:
    if session.multi is not None:
        parameter: Parameter = session.multi.parameter
        return parameter
    normal = (
        session.found is not None and session.law is NORMAL
    )  # the only q whose density is written out here
    return session.found.parameter if session.found is not None and normal else None


def _law(session: Session) -> Density | None:
    """Return the density of x that the loss contains."""
    found, formula, D = session.found, session.formula, session.bench.shapes.data
    if session.flow or formula is None:
        return None
    if session.multi is not None:
        likelihood, weights, scale = session.multi.likelihood, session.multi.law, 1.0
    elif found is not None and found.form == "plain" and formula.kind not in NEVER:
        likelihood, scale = found.likelihood, formula.scale
        apart = NAMES[found.kind]
        weights = {name: one for name, one in found.fit.weights.items() if name not in apart and name != "1"}
    else:
        return None
    if not likelihood.law or scale <= 0 or next(iter(weights.values())) <= 0:
        return None
    return Density(likelihood, *density(WeightedLikelihood(likelihood, weights, ""), scale, D))


@dataclass(frozen=True)
class Asking:
    """How the number is asked for: for so many of some rows of the data, and so many samples."""

    session: Session
    said: Reported
    law: Density
    parameter: Parameter
    rows: Sequence[int]

    def told(self, seed: int, asked: int | None) -> Told | None:
        """Return what a call told; None if what passed the taps cannot be told apart."""
        session, bench = self.session, self.session.bench
        given = [typed(one[list(self.rows)], bench.dtype) for one in session.adapter.tensors]
        x, recorder = given[0].clone(), Recorder(session.adapter)
        _prepare(bench, session.seed(seed))
        value = loss_of(recorder.run(self.said.function, *given, *(() if asked is None else (asked,))))
        drawn = layouts(recorder.decoded, x, bench.shapes.latent)
        if not drawn or value.numel() not in (1, len(x)):
            return None
        found = [logs(one, self.law, self.parameter) for one in drawn]
        axes = frozenset(size for one in recorder.decoded for size in one.z.shape)
        return Told(value.detach().double().reshape(-1), found, asked, drawn[0].z.shape[1], axes)


def _told(session: Session, said: Reported, law: Density, parameter: Parameter) -> Iterator[Told | None]:
    rows = _distinct(session.adapter.tensors[0])
    asked = said.samples or (None,)
    first = [Asking(session, said, law, parameter, rows[:SIZES]).told(0, one) for one in asked]
    taken = frozenset().union(*(one.axes for one in first if one is not None))
    sizes = [size for size in BATCHES if size not in taken and size <= len(rows)][:SIZES]
    for number, size in enumerate(sizes):
        chosen = rows[-size:] if number else rows[:size]
        asking = Asking(session, said, law, parameter, chosen)
        yield from (asking.told(seed, one) for seed in SEEDS for one in asked)


def _prepare(bench: Bench, seed: int) -> None:
    if bench.restore is not None:
        bench.restore()
    seed_all(seed, bench.generators)


def _distinct(x: Tensor) -> list[int]:
    """Return rows that differ from each other: data are told apart by their values."""
    chosen: list[int] = []
    for n in range(len(x)):
        if not any(torch.equal(x[n], x[m]) for m in chosen):
            chosen.append(n)
        if len(chosen) == 2 * max(BATCHES):
            break
    return chosen


def _judged(session: Session, said: Reported, told: Sequence[Told]) -> Result:
    close = FACTOR * session.close
    found = _match(said, told, session.bench.shapes.data, close)
    n = len(told)
    if found is None:
        words = (
            f"no quantity known here is this number, on {n} calls of the real networks: another likelihood?"
        )
        return result("report", "unknown", words, n=n)
    faults = [one for one in (_fault(said, found), _missing(told)) if one is not None]
    words, numbers = _sentence(found, told), {"found": found.error, "limit": close, "n": n}
    if faults:
        words += f" ({'; '.join(fault for fault, _ in faults)})"
        hints = tuple(hint for _, hint in faults)
        return result("report", "fails", words, hints=hints, **numbers)  # type: ignore[arg-type]
    return result("report", "ok", words, **numbers)  # type: ignore[arg-type]


def _missing(told: Sequence[Told]) -> tuple[str, str] | None:
    """Return a fault and a hint if other numbers of samples are drawn than are asked for."""
    for one in told:
        if one.asked not in (None, one.drawn):
            hint = "unknown: what becomes of samples that fill no chunk, or of those that are drawn twice"
            return f"of {one.asked} samples asked for, {one.drawn} are drawn", hint
    return None


def units(D: int) -> dict[str, float]:
    """Return what a nat is in each unit."""
    bit = 1 / math.log(2)
    return {"nats": 1.0, "bits per dimension": bit / D, "nats per dimension": 1 / D, "bits": bit}


def _match(said: Reported, told: Sequence[Told], D: int, close: float) -> Match | None:
    """Return what equals the numbers; if nothing does, what differs by one constant."""
    sizes = units(D)
    wanted = said.claim.lstrip("-")
    order = sorted(QUANTITIES, key=lambda one: one.bound != wanted)
    shapes = ("per datum",) if told[0].value.numel() > 1 else ("mean", "sum")
    layers = range(min(len(one.found) for one in told))
    for offsets in (False, True):
        for quantity, sign, unit, how, layer in itertools.product(order, (1, -1), sizes, shapes, layers):
            apart, size = _apart(told, quantity, sign * sizes[unit], how, layer)
            centre = float(apart.mean()) if offsets else 0.0
            error = float((apart - centre).abs().max()) / size
            if error <= close:
                return Match(quantity, sign, unit, how, centre, error)
    return None


def _apart(
    told: Sequence[Told], quantity: Quantity, factor: float, how: str, layer: int
) -> tuple[Tensor, float]:
    """Return by how many nats per datum the numbers lie above a quantity, and its size."""
    apart, size = [], 1.0
    for one in told:
        q = quantity.value(one.found[layer])
        reduced = q if how == "per datum" else q.mean().reshape(1)
        count = len(q) if how == "sum" else 1
        apart.append(one.value / (factor * count) - reduced)
        size = max(size, float(reduced.abs().max()))
    return torch.cat(apart), size


def _sentence(found: Match, told: Sequence[Told]) -> str:
    sign = "" if found.sign > 0 else "minus "
    drawn = ", ".join(str(one) for one in sorted({one.drawn for one in told}))
    how = {"mean": "mean over the batch", "sum": "sum over the batch"}.get(found.reduction, "one per datum")
    words = f"your number is {sign}{found.quantity.name}, in {found.unit}, {how}; samples: {drawn}"
    return f"{words}; {found.sign * found.offset:+.6g} nats per datum beside it" if found.offset else words


def _fault(said: Reported, found: Match) -> tuple[str, str] | None:
    """Return why a number is not what it is said to be, and a hint; None if it is."""
    claim, bits = f"claimed: {said.claim}", said.claim == "bits/dim"
    if not found.quantity.bound:
        return claim, found.quantity.hint
    if found.unit != ("bits per dimension" if bits else "nats"):
        return f"{claim}; its unit is {found.unit}", "M51: log 2 and D once each"
    if found.sign != (-1 if bits or said.claim.startswith("-") else 1):
        return f"{claim}; it has the other sign", "unknown: the sign of what is reported"
    if not bits and found.quantity.bound != said.claim.lstrip("-"):
        return claim, "M44: logsumexp over the samples"
    if found.offset:
        return f"{claim}; a constant is left out", "M38: a constant of the likelihood"
    return None
