"""The exact log evidence of a latent-variable model, as a proved enclosure."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from elboproof.arguments import bad, require_positive, wrong_type
from elboproof.evidence import affine, kinks, line
from elboproof.evidence.elimination import latents_left, reduced
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.line_point import LineFunctions, line_functions
from elboproof.evidence.rounds import Rounds, reason
from elboproof.evidence.search import TIME
from elboproof.evidence.selection import Selection, selection
from elboproof.evidence.start import start
from elboproof.model.data import Data, Given, data_of
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided

MOST_LATENTS = 4
TOO_MANY = f"at most {MOST_LATENTS} latents, not counting those that enter a Gaussian's mean linearly"
CELLS, CELLS_EACH = 2_000_000, 200
"""The default limit on cells: in all, and more for each data point."""
MOST_ON_LINE = 6
"""Data points of one latent up to which balls of python-flint, one point after the other, beat arrays."""
FLOAT_DIGITS = 12
"""Up to here float64 sums are tried; beyond, the sums are taken in arb."""


@dataclass(frozen=True)
class Evidence:
    """Proved log evidences of N data points, with what it took.

    Attributes
    ----------
    enclosure : Enclosure
        log p(x) in nats, arrays of shape (N,).
    statuses : tuple of str
        Why a point is not proved to the digits asked; empty where it is.
    cells : int
        Cells looked at.
    seconds : float
    balls : tuple of (arb, arb)
        Lower and upper bounds with all their digits, where all sums were taken in arb; else empty.
    """

    enclosure: Enclosure
    statuses: tuple[str, ...]
    cells: int
    seconds: float
    balls: tuple[tuple[Any, Any], ...] = ()


def log_evidence(
    model: LatentModel,
    x: Given,
    digits: float = 10,
    *,
    seconds: float = 60.0,
    most_cells: int | None = None,
) -> Enclosure:
    """Return log p(x) in nats, proved.

    Parameters
    ----------
    model
        With any number of latents that enter the mean of a Gaussian likelihood linearly, given the others: they are
        integrated out exactly. Of others at most 4; 4 are practical at about 4 digits.
    x
        Shape (D,) or (N, D). Floats are the exact binary doubles that they are; strings and Fractions are exact.
    digits
        The enclosure's half width is at most 10^-digits. Beyond float64 all digits stand in ``enclosure.exact``, and in
        what is printed; ``lower`` and ``upper`` are the doubles around them.
    seconds, most_cells
        Limits, each for all x together. The time is kept within a tenth, but for a step that cannot be interrupted:
        the first use of a model compiles its functions, which takes seconds for thousands of operations. The second
        one is 2 million and 200 for each x if it is not given; a cell takes some 200 bytes at most, so it limits the
        memory, too.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,).

    Raises
    ------
    TypeError, ValueError
        If x or a limit is not of the kind described.
    Undecided
        If the digits could not be proved within the limits; it carries the best enclosure and a status per x.
    """
    began = time.monotonic()
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    # x is read once; what follows takes it as it was read.
    data = data_of(model, x)
    if most_cells is None:
        most_cells = CELLS + CELLS_EACH * len(data)
    evidence = evidence_of(model, data, digits, seconds=seconds, most_cells=most_cells, began=began)
    if any(evidence.statuses):
        raise Undecided(evidence.enclosure, evidence.statuses)
    if not data.batch:
        return evidence.enclosure[0]
    return evidence.enclosure


def evidence_of(
    model: LatentModel,
    x: Data | Given,
    digits: float,
    *,
    seconds: float,
    most_cells: int,
    began: float | None = None,
) -> Evidence:
    """Return what `prove` does, for the model without the latents that can be integrated out exactly."""
    began = time.monotonic() if began is None else began
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    chosen, data = selection(model), data_of(model, x)
    if chosen is not None and not chosen.rest:
        return _in_closed_form(model, chosen, data, float(digits), began, seconds)
    if latents_left(model) > MOST_LATENTS:
        raise bad("model", model, TOO_MANY)
    return prove(reduced(model) or model, data, digits, seconds=seconds, most_cells=most_cells, began=began)


def _in_closed_form(
    model: LatentModel, chosen: Selection, data: Data, digits: float, began: float, seconds: float
) -> Evidence:
    """Return the evidences of a model all of whose latents are integrated out."""
    pairs = tuple(affine.log_bounds(model, chosen, data, digits, began + seconds))
    widths = [float((high - low).upper()) if low.is_finite() else np.inf for low, high in pairs]
    statuses = tuple(
        ""
        if width <= 2 * 10.0**-digits
        else reason(width, digits, affine.RANGE if high.is_finite() else TIME)
        for width, (_, high) in zip(widths, pairs, strict=True)
    )
    enclosure = _enclosed(pairs)
    plain = Enclosure(enclosure.lower, enclosure.upper)
    if digits <= FLOAT_DIGITS and (plain.width <= 2 * 10.0**-digits).all():  # doubles hold what was asked for
        enclosure, pairs = plain, ()
    return Evidence(enclosure, statuses, 0, time.monotonic() - began, pairs)


def prove(
    integrand: Integrand,
    x: Data | Given,
    digits: float,
    *,
    seconds: float,
    most_cells: int,
    began: float | None = None,
) -> Evidence:
    """Return the evidences by cells, with statuses instead of an error; arguments as in `log_evidence`.

    The limits are for all x together; the time counts from ``began``, on the clock ``time.monotonic()``.
    """
    began = time.monotonic() if began is None else began
    if not isinstance(x, Data) and not isinstance(integrand, LatentModel):
        raise wrong_type("model", integrand, "an ep.LatentModel")
    if integrand.latent_dim > MOST_LATENTS:
        raise bad("model", integrand, f"at most {MOST_LATENTS} latents")
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    data = data_of(integrand, x) if isinstance(integrand, LatentModel) else x
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        found = _proved(integrand, data, float(digits), began + seconds, int(most_cells))
    return replace(found, seconds=time.monotonic() - began)


def _proved(integrand: Integrand, data: Data, digits: float, deadline: float, most: int) -> Evidence:
    """Prepare the functions, step by step as long as there is time, and prove."""
    # Functions are compiled when they are first asked for; between these steps the clock is looked at, within
    # them it cannot be.
    middles = data.balls.mid  # raises where a number is beyond float64
    if integrand.latent_dim == 1 and (len(data) <= MOST_ON_LINE or digits > FLOAT_DIGITS):
        functions = line_functions(integrand)
        if functions is not None:
            return _one_by_one(functions, data.rows, digits, deadline, most)
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    floats = FloatEnergy(integrand)
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    guess = start(floats, middles, deadline)
    normal = None if floats.smooth else kinks.direction(integrand)
    frames = guess.frames if normal is None else kinks.aligned(normal, guess.frames)
    scales = (frames, normal is not None, guess.energy.copy(), guess.log_mass.copy())
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    rounds = Rounds(integrand, floats, data, *scales, digits, digits > FLOAT_DIGITS)
    enclosure, statuses, cells = rounds.run(deadline, most)
    if len(rounds.balls) < len(data):
        return Evidence(enclosure, statuses, cells, 0.0)
    balls = tuple(rounds.balls[n] for n in range(len(data)))
    fine = _enclosed(balls)
    # of two true bounds the sums in arb have the narrower ones, unless a limit stopped them
    return Evidence(fine if (fine.width <= enclosure.width).all() else enclosure, statuses, cells, 0.0, balls)


def _enclosed(pairs: Sequence[tuple[arb, arb]]) -> Enclosure:
    """Return bounds from lower and upper ends; a lower end that is not finite says nothing."""
    return Enclosure.between_balls([(low if low.is_finite() else arb.nan(), high) for low, high in pairs])


def _nothing(integrand: Integrand, data: Data, digits: float) -> Evidence:
    """Return what holds without any work: log p(x) is at most the supremum."""
    lower, upper = np.full(len(data), -np.inf), np.full(len(data), integrand.supremum)
    return Evidence(Enclosure(lower, upper), (reason(np.inf, digits, TIME),) * len(data), 0, 0.0)


def _one_by_one(
    functions: LineFunctions, rows: list[list[Fraction]], digits: float, deadline: float, most: int
) -> Evidence:
    """Return the evidences of one latent, one data point after the other, in balls of python-flint."""
    lines: list[line.Line] = []
    cells = 0
    for row in rows:
        lines.append(line.on_line(functions, row, digits, deadline, most - cells))
        cells += lines[-1].cells
    # The floats of the enclosure are rounded outward from the balls, which are kept beside.
    pairs = tuple((found.lower, found.upper) for found in lines)
    enclosure = _enclosed(pairs)
    statuses = [
        ""
        if found.width() <= 2 * 10.0**-digits
        else reason(found.width(), digits, found.stopped or "the number of rounds")
        for found in lines
    ]
    return Evidence(enclosure, tuple(statuses), cells, 0.0, pairs)
