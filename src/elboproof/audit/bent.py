"""Looking for a divergence that enters a loss bent at a threshold: free bits, capacities, and their squares.

The likelihood is known by differences, so that what is left is a function of the KL alone. With slopes s below t and
s + g above, s R + g max(R - t, 0) + c is linear in all but t; its derivative in t is -g where R > t, so that least
squares with that column moves t (Muggeo 2003, "Estimating regression models with unknown break-points", section 2). A
step that starts between the same two values of R as the solution ends at it, to rounding.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from elboproof.audit.bends import LEVELS, Bend, bent_divergence, each_kl, levelled
from elboproof.audit.calls import Call, Design
from elboproof.audit.detector import KINDS, Recognised, likelihood_terms
from elboproof.audit.differences import WeightedLikelihood, likelihood_of
from elboproof.audit.fitting import Column, Columns, Equations, columns_of, ones, reduced
from elboproof.audit.parameters import Parameter
from elboproof.audit.reading_divergence import OF_SINGLE, SAME
from elboproof.audit.session import Session
from elboproof.networks.randomness import generator_of

Tensor = torch.Tensor
DESIGNS, DESIGNS_OF_EACH = 72, 14
MEANS, LOG_VARIANCES = (0.05, 30.0), (0.02, 1.7)
"""How far those of a design reach: thresholds between a KL of nearly nothing and of hundreds of nats are crossed."""
STARTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Quantiles of the KL at which the search for a threshold begins."""
STEPS = 25
STILL = 1e-11
"""Relative: a threshold that moves less has arrived."""
LEAST = 3
"""Values of the KL on each side of a threshold: fewer say nothing of a slope."""


@dataclass(frozen=True)
class Units:
    """What is compared with a threshold in all equations: its values, the equation of each, and its weight there."""

    values: Column
    equation: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    weight: Column

    def column(self, function: Column) -> Column:
        """Return the sum of a function of the values in each equation."""
        return np.bincount(self.equation, weights=self.weight * function).astype(np.float64)


def find_bent(session: Session) -> Recognised | None:
    """Return the formula of a loss whose KL, of a q that is drawn as it says, is bent; None if there is none."""
    if session.parameter is None or session.flow:
        return None
    law = likelihood_of(session)
    if law is None:
        return None
    calls = _calls(session, session.parameter)
    search = _Search(calls, law, session.parameter, session.close)
    kinds = KINDS if session.samples == 1 else KINDS[:1]
    for kind, level, how in itertools.product(kinds, LEVELS, search.reductions):
        if how == "sum" and level.endswith("sum"):
            continue
        found = search.tried(kind, level, how)
        if found is not None:
            return found
    return None


def _calls(session: Session, parameter: Parameter) -> list[Call]:
    first = session.bench.call(_design(session, parameter, 0), session.seed(0))
    count = DESIGNS if first.loss.ndim == 0 else DESIGNS_OF_EACH
    rest = (session.bench.call(_design(session, parameter, n), session.seed(n)) for n in range(1, count))
    return [first, *rest]


def _design(session: Session, parameter: Parameter, n: int) -> Design:
    """Return a design whose means and log variances reach as far as a draw says; its outputs do not move with z."""
    designer = session.designer
    generator = generator_of(designer.seed, f"bent {n}")
    shape = (designer.batches[n % 2], *designer.shapes.latent)
    mean, log_variance = (
        low
        * (high / low) ** float(torch.rand((), generator=generator))
        * (2 * torch.rand(shape, generator=generator, dtype=designer.dtype) - 1)
        for low, high in (MEANS, LOG_VARIANCES)
    )
    s = [parameter.inverse(one) for one in log_variance.reshape(-1).tolist()]
    return designer.around(f"bent {n}", mean, torch.tensor(s, dtype=designer.dtype).reshape(shape), slope=0.0)


class _Search:
    """What is left of the losses of calls without their likelihood, against functions of the KL."""

    def __init__(
        self, calls: Sequence[Call], law: WeightedLikelihood, parameter: Parameter, close: float
    ) -> None:
        terms = partial(likelihood_terms, likelihood=law.likelihood)
        self.calls, self.law, self.parameter, self.close = calls, law, parameter, close
        self.same = SAME if close < SAME else OF_SINGLE
        self.reductions = ("mean", "sum") if calls[0].loss.ndim == 0 else ("per datum",)
        tables = [terms(call) for call in calls]
        self.rest = [
            replace(call, loss=call.loss.detach() - self._likelihood(call, table))
            for call, table in zip(calls, tables, strict=True)
        ]
        self.equations = Equations(self.rest)
        unseen = [name for name in tables[0] if name not in law.weights]  # of the data alone, such as log x!
        self.unseen = {name: columns_of(calls, terms, law.reduction)[name] for name in unseen}
        self.names = tuple(tables[0])

    def _likelihood(self, call: Call, terms: Mapping[str, Tensor]) -> Tensor:
        parts = [weight * terms[name] for name, weight in self.law.weights.items()]
        return reduced(torch.stack(parts).sum(0), call, self.law.reduction).detach()

    def tried(self, kind: str, level: str, how: str) -> Recognised | None:
        """Return the formula of a KL of this kind and level, reduced so; None if the loss is none."""
        units, free = self._units(kind, level, how), {**self.unseen, **self._constants(how)}
        for bend in self._bends(units, free, level):
            columns = columns_of(
                self.calls,
                lambda call, bend=bend: {"KL": bent_divergence(call, self.parameter, kind, bend)},  # type: ignore[misc]
                how,
            )
            fit = self.equations.solve({**columns, **free})
            if (
                fit is not None
                and fit.residual <= self.close
                and self._counts(fit.weights["KL"] * columns["KL"])
            ):
                both = {**self.law.weights, **fit.weights}
                weights = {**{name: both[name] for name in self.names}, **fit.weights}
                fit = replace(fit, weights=weights)
                return Recognised(
                    "bent", self.law.likelihood, kind, self.parameter, fit, self.law.reduction, how, bend
                )
        return None

    def _counts(self, column: Column) -> bool:
        """Return whether what the KL adds to the equations moves at all: else any threshold would do."""
        return float(np.ptp(column)) > self.same * float(self.equations.size.max())

    def _constants(self, how: str) -> Columns:
        if how == self.law.reduction:
            return ones(self.calls, how)
        return {f"1, {one}": ones(self.calls, one)["1"] for one in ("sum", "mean")}

    def _units(self, kind: str, level: str, how: str) -> Units:
        values, equations, weights, count = [], [], [], 0
        for call in self.calls:
            table = levelled(each_kl(call, self.parameter, kind), level).detach().double().numpy()
            rows = np.arange(len(table)) if how == "per datum" else np.zeros(len(table), dtype=np.int64)
            values.append(table.reshape(-1))
            equations.append(np.repeat(count + rows, table.shape[1]))
            weights.append(np.full(table.size, 1 / len(table) if how == "mean" else 1.0))
            count += int(rows[-1]) + 1
        return Units(np.concatenate(values), np.concatenate(equations), np.concatenate(weights))

    def _bends(self, units: Units, free: Columns, level: str) -> Iterator[Bend]:
        square = self._square(units, free)
        if square is not None:
            yield Bend("square", level, square)
        for start in np.quantile(units.values, STARTS):
            found = self._arrived(units, free, float(start))
            if found is not None:
                yield Bend(found[0], level, found[1])

    def _solved(self, columns: Sequence[Column]) -> Column:
        matrix = np.stack(columns, 1) / self.equations.size[:, None]
        size = np.abs(matrix).max(0)
        size = np.where(size > 0, size, 1.0)
        found: Column = np.linalg.lstsq(matrix / size, self.equations.right, rcond=1e-13)[0] / size
        return found

    def _square(self, units: Units, free: Columns) -> float | None:
        """Return the threshold of a square, -s / (2 g) of g R^2 + s R."""
        r = units.values
        s, g = self._solved([units.column(r), units.column(r**2), *free.values()])[:2]
        far = float(np.abs(r).max())
        return None if abs(g) * far <= self.same * abs(s) else float(-s / (2 * g))

    def _arrived(self, units: Units, free: Columns, t: float) -> tuple[str, float] | None:
        """Return shape and threshold at which the search ends; None if it leaves the values, or ends at no shape."""
        r = units.values
        low, high = np.sort(r)[[LEAST - 1, -LEAST]]
        for _ in range(STEPS):
            over = r > t
            columns = [
                units.column(one) for one in (r, np.where(over, r - t, 0.0), np.where(over, -1.0, 0.0))
            ]
            s, g, step = self._solved([*columns, *free.values()])[:3]
            moved = t + step / g if g else np.inf
            if not low <= moved <= high:
                return None
            if abs(moved - t) <= STILL * (1 + abs(t)):
                shape = _shape(float(s), float(g), self.same)
                return None if shape is None else (shape, float(moved))
            t = float(moved)
        return None


def _shape(s: float, g: float, close: float) -> str | None:
    """Return which function has the slope s below its threshold and s + g above."""
    size = close * max(abs(s), abs(s + g))
    gone = {"at least": s, "at most": s + g, "distance": 2 * s + g}
    return next((name for name, one in gone.items() if abs(one) <= size), None)
