"""The evidence of one integrand: prepared step by step as long as there is time, proved by cells or on the line."""

import time
from fractions import Fraction

import numpy as np

from elboproof.evidence import kinks, line
from elboproof.evidence.domain import tails_of
from elboproof.evidence.evidences import Evidence, enclosed, told
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.line_point import LineFunctions, line_functions
from elboproof.evidence.rounds import Rounds, reason
from elboproof.evidence.search import TAIL, TIME
from elboproof.evidence.start import start
from elboproof.model.data import Data
from elboproof.numbers.enclosure import Enclosure

MOST_ON_LINE = 6
"""Data points of one latent up to which balls of python-flint, one point after the other, beat arrays."""


def proved(
    integrand: Integrand, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> Evidence:
    """Prepare the functions, step by step as long as there is time, and prove ``wanted``: digits, whether in arb."""
    # Functions are compiled when they are first asked for; between these steps the clock is looked at, within
    # them it cannot be.
    digits, sharp = wanted
    integrand.ceiling(
        data.balls
    )  # raises where nothing bounds the integral over z, with the number of the row
    middles = data.balls.mid  # raises where a number is beyond float64
    tails = tails_of(integrand.placement)
    if tails is not None and not tails.bounded:
        return _nothing(integrand, data, digits, TAIL)
    if integrand.latent_dim == 1 and (len(data) <= MOST_ON_LINE or sharp):
        functions = line_functions(integrand)
        if functions is not None:
            return _one_by_one(functions, data.rows, digits, deadline, most)
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    floats = FloatEnergy(integrand)
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    guess = start(floats, middles, deadline)
    boxed = tails is not None
    normal = None if floats.smooth or boxed else kinks.direction(integrand)
    frames = guess.frames if normal is None else kinks.aligned(normal, guess.frames)
    if boxed:  # the cells are those of the prior's own box
        frames = np.broadcast_to(np.eye(integrand.latent_dim), frames.shape)
    scales = (frames, normal is not None, guess.energy.copy(), guess.log_mass.copy())
    if time.monotonic() > deadline:
        return _nothing(integrand, data, digits)
    rounds = Rounds(integrand, floats, data, *scales, digits, sharp)
    enclosure, statuses, cells = rounds.run(deadline, most)
    if len(rounds.balls) < len(data):
        return Evidence(enclosure, statuses, cells, 0.0)
    balls = tuple(rounds.balls[n] for n in range(len(data)))
    fine = enclosed(balls)
    # of two true bounds the sums in arb have the narrower ones, unless a limit stopped them
    return Evidence(fine if (fine.width <= enclosure.width).all() else enclosure, statuses, cells, 0.0, balls)


def _nothing(integrand: Integrand, data: Data, digits: float, stopped: str = TIME) -> Evidence:
    """Return what holds without any work: log p(x) is at most the supremum, if the prior is known to be one."""
    lower, upper = np.full(len(data), -np.inf), integrand.ceiling(data.balls).suprema
    if tails_of(integrand.placement) is not None:
        upper = np.full(len(data), np.inf)
    return Evidence(Enclosure(lower, upper), (reason(np.inf, digits, stopped),) * len(data), 0, 0.0)


def _one_by_one(
    functions: LineFunctions, rows: list[list[Fraction]], digits: float, deadline: float, most: int
) -> Evidence:
    """Return the evidences of one latent, one data point after the other, in balls of python-flint."""
    lines: list[line.Line] = []
    cells = 0
    for row in rows:
        lines.append(line.on_line(functions, row, digits, deadline, most - cells))
        cells += lines[-1].cells
    pairs = tuple((found.lower, found.upper) for found in lines)
    enclosure, statuses = told(pairs, digits, [found.stopped or "the number of rounds" for found in lines])
    return Evidence(enclosure, statuses, cells, 0.0, pairs)
