"""Evidences of many rows under a trained decoder: cells and rules are shared, a row costs products of matrices.

For networks that are smooth, of two or three latents ~ N(0, I), with a Bernoulli, binomial or Poisson likelihood, or a
Gaussian one of constant variances (`shared_parts`). A single row of few outputs, and one that is left open, is for a
search of its own (`rounds`).
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.bases import log_bases, with_bases
from elboproof.evidence.domain import Domain, domain
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.rounds import log_ends, reason
from elboproof.evidence.search import CELLS, TIME
from elboproof.evidence.shared_bounds import SharedRows
from elboproof.evidence.shared_parts import SharedParts
from elboproof.evidence.shared_search import SharedFound, SharedSearch
from elboproof.evidence.shared_start import scales
from elboproof.evidence.target import SHARES, Target
from elboproof.model.activations import known
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.discrete import Bernoulli, Binomial, Poisson
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.likelihood import Gaussian
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Activation, Network
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.enclosure import Enclosure
from elboproof.quadrature.cells import Index

LATENTS = {2: 1, 3: 16}
"""Numbers of latents, and of outputs from which on: with three latents and few outputs rows have cells of their own,
which fit posteriors better. 3-8-4 takes .6 s a row so, and .3 to 1 s on shared cells; 3-16-16 takes 11 s, and 1.7."""
MOST_DIGITS = 8.0
"""Beyond, the rounding of the sums in float64 counts."""
MOST_TRIALS = 2**53
"""Beyond, a number of trials may be no float."""
ROUNDS = 3
"""Searches, each with a smaller share."""
ROWS = 256
"""Rows that are proved together: what they share is then little of their time, and their pairs fit into memory."""
SHARE, LEAST, PATIENCE = 0.25, 0.5, 4.0
"""Of the time that all rows would take alone, as the first one does: what they may take on shared cells; the seconds
below which that is not tried, as blocks of rows are quick then; how many times as long as expected those may take."""
WIDE, HALF = 64, 0.5
"""Outputs from which on shared cells are faster for a single row, too: 784 take 1 to 2 s at 4 to 8 digits there, and 1
to 9 s on cells of their own; 64 take .9 to 1 s, and 1.4 to 2.7 s (Bernoulli); 32 take about the same on both. The share
of the time that they may take then."""
Alone = Callable[[Data, float, int], Evidence]
"""Proves rows without shared cells, in so many seconds and cells."""


def applies(model: LatentModel, digits: float) -> bool:
    """Whether a model's rows can share their cells."""
    if not isinstance(model, NetworkModel) or not model.prior.standard or digits > MOST_DIGITS:
        return False
    if model.network.outputs < LATENTS.get(model.latent_dim, np.inf):
        return False
    if isinstance(model.likelihood, Binomial) and max(model.likelihood.trials) > MOST_TRIALS:
        return False
    family = type(model.likelihood) in {Bernoulli, Binomial, Gaussian, Poisson}
    return family and all(_smooth(layer) for layer in model.network.layers)


def _smooth(layer: object) -> bool:
    """Whether a layer has no kink; second derivatives of those that have one are not bounded."""
    if not isinstance(layer, Activation):
        return True
    function = known(layer.function)
    return function.name == "softplus" or not function.cut


def evidence(
    model: LatentModel,
    data: Data,
    digits: float,
    end: float,
    most: int,
    alone: Alone,
) -> Evidence:
    """Return the evidences of N data points of a model that `applies`.

    Of `WIDE` networks all rows are proved together. Of others the first row has cells of its own, and the rest are
    proved together as long as that is far less than they would take so, or else like the first. What is open then is
    for whoever asks: each row has its own time.

    Parameters
    ----------
    end, most
        The limits for all of them together; time on the clock ``time.monotonic()``.
    alone
        For a single row, the first of several, and x that float64 does not hold exactly.
    """
    began, count = time.monotonic(), len(data)
    if data.balls.rad.any():
        return alone(data, end - began, most)
    if _network(model).outputs >= WIDE:
        return _wide(model, data, digits, end, most, alone)
    if count == 1:
        return alone(data, end - began, most)
    first = alone(data.part([0]), (end - began) / count, most)
    now = time.monotonic()
    rest, expected = data.part(list(range(1, count))), (now - began) * count
    if SHARE * expected < LEAST:
        others = alone(rest, min(end - now, PATIENCE * expected), most)
    else:
        others = _shared(model, rest, digits, min(end, now + SHARE * expected), most)
        if not first.statuses[0]:  # else cells of their own would hardly be enough for others
            others = _completed(others, rest, end, PATIENCE * (now - began), most, alone)
    lower, upper = (
        np.append(one, other)
        for one, other in zip(_ends_of(first.enclosure), _ends_of(others.enclosure), strict=True)
    )
    statuses = (*first.statuses, *others.statuses)
    return Evidence(Enclosure(lower, upper), statuses, first.cells + others.cells, time.monotonic() - began)


def _wide(model: LatentModel, data: Data, digits: float, end: float, most: int, alone: Alone) -> Evidence:
    """Return the evidences on shared cells; of a single row that these leave open the better bounds of both ways."""
    began = time.monotonic()
    found = _shared(model, data, digits, began + HALF * (end - began), most)
    if len(data) == 1:
        found = _completed(found, data, end, np.inf, most, alone)
    return replace(found, seconds=time.monotonic() - began)


def _completed(found: Evidence, data: Data, end: float, seconds: float, most: int, alone: Alone) -> Evidence:
    """Return the better bounds of both ways for rows that shared cells leave open, of so many seconds each at most."""
    lower, upper = (part.copy() for part in _ends_of(found.enclosure))
    statuses, cells = list(found.statuses), found.cells
    waiting = [n for n, status in enumerate(statuses) if status]
    for place, n in enumerate(waiting):
        left = end - time.monotonic()
        if left <= 0 or cells >= most:
            break
        other = alone(data.part([n]), min(seconds, left / (len(waiting) - place)), most - cells)
        (low,), (high,) = _ends_of(other.enclosure)
        lower[n], upper[n], statuses[n] = max(lower[n], low), min(upper[n], high), other.statuses[0]
        cells += other.cells
    return replace(found, enclosure=Enclosure(lower, upper), statuses=tuple(statuses), cells=cells)


def _shared(model: LatentModel, data: Data, digits: float, end: float, most: int) -> Evidence:
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        found = Evidence(*_Rows(model, data.balls, digits).run(end, most), 0.0)
        return with_bases(found, log_bases(model.integrand, data, digits), digits)


def _ends_of(enclosure: Enclosure) -> tuple[FloatArray, FloatArray]:
    return np.asarray(enclosure.lower), np.asarray(enclosure.upper)


def _network(model: LatentModel) -> Network:
    found: Network = model.network  # type: ignore[attr-defined]  # `applies` has looked
    return found


def _quantities(model: LatentModel) -> NetworkQuantities:
    found: NetworkQuantities = model.quantities  # type: ignore[assignment]  # `applies` has looked
    return found


class _Rows:
    """Rounds of search for N rows; ``shift`` and ``log_mass`` (N,) steer, and get better."""

    def __init__(self, model: LatentModel, data: BallArray, digits: float) -> None:
        self.parts, self.digits = SharedParts(_quantities(model)), digits
        self._integrand = model.integrand
        self.ceiling: Ceiling = self._integrand.ceiling(data)
        self.rows = SharedRows.of(self.parts, data.mid)
        found = scales(self.parts, data.mid, self.rows.constant.mid)
        self.shift, self.log_mass = found.energy, found.log_mass

    def run(self, deadline: float, most: int) -> tuple[Enclosure, tuple[str, ...], int]:
        """Return the enclosures, the reasons of what is open, and the number of cells looked at."""
        count, cells, share = len(self.rows), 0, SHARES[self.parts.d]
        lower, upper = np.full(count, -np.inf), np.full(count, np.inf)
        reasons, wide = [""] * count, np.arange(count)
        for _ in range(ROUNDS):
            found, low, high = self._round(wide, share, deadline, most - cells)
            cells += found.cells
            # the bounds of every round are true: the best of all count
            lower[wide], upper[wide] = np.maximum(lower[wide], low), np.minimum(upper[wide], high)
            limit = (TIME if found.late else CELLS) if found.open.any() else ""
            widths = upper - lower
            for n in wide:
                open_row = not widths[n] <= 2 * 10.0**-self.digits
                reasons[n] = reason(widths[n], self.digits, limit) if open_row else ""
            wide = np.flatnonzero(~(widths <= 2 * 10.0**-self.digits))
            if not len(wide) or limit:
                break
            known_rows = wide[np.isfinite(lower[wide])]
            self.log_mass[known_rows] = lower[known_rows]
            share /= 10
        return Enclosure(lower, upper), tuple(reasons), cells

    def _round(
        self, which: Index, share: float, deadline: float, most: int
    ) -> tuple[SharedFound, FloatArray, FloatArray]:
        frames = np.broadcast_to(np.eye(self.parts.d), (len(which), self.parts.d, self.parts.d))
        ceiling = self.ceiling.of(which)
        where = domain(self._integrand, ceiling, frames, self.log_mass[which], self.digits)
        shift = self.shift[which].copy()
        mass = np.exp(np.minimum(self.log_mass[which] + shift, 700.0))
        target = Target(shift, mass, 0.5 * 10.0**-self.digits, share)
        search = SharedSearch(self.parts, self.rows[which], ceiling, target, deadline, most)
        found = search.run(float(where.half.max()))
        self.shift[which] = np.minimum(shift, found.lowest)
        return found, *_ends(found, where, shift)


def _ends(found: SharedFound, where: Domain, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return bounds of log p, (N,): of rows with open pairs the upper one is the likelihood's supremum."""
    # the box that is searched holds each row's own, outside of which its tail is bounded
    tail = (BallArray(where.log_tail) + BallArray(shift)).exp().upper()
    rest = np.where(found.open, np.inf, found.safe(found.discarded + tail))
    total = BallArray(found.mid, found.rad)
    finite = np.where(np.isfinite(rest), rest, 0.0)
    lower, upper = log_ends(where, shift, total, found.safe(found.rule_error), finite)
    return lower, np.where(np.isfinite(rest), upper, where.log_supremum)
