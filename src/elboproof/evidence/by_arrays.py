"""Evidences of many data points, or of several latents, with arrays of balls."""

import time

import numpy as np

from elboproof.evidence import kinks
from elboproof.evidence.domain import tails_of
from elboproof.evidence.evidences import Evidence, enclosed
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.rounds import Rounds, reason
from elboproof.evidence.search import TIME
from elboproof.evidence.start import start
from elboproof.model.data import Data
from elboproof.numbers.enclosure import Enclosure


def by_arrays(
    integrand: Integrand, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> Evidence:
    """Prepare the functions, step by step as long as there is time, and prove ``wanted``: digits, whether in arb."""
    rounds = prepared(integrand, data, wanted, deadline)
    if rounds is None:
        return nothing(integrand, data, wanted[0])
    enclosure, statuses, cells = rounds.run(deadline, most)
    if len(rounds.balls) < len(data):
        return Evidence(enclosure, statuses, cells, 0.0)
    balls = tuple(rounds.balls[n] for n in range(len(data)))
    fine = enclosed(balls)
    # of two true bounds the sums in arb have the narrower ones, unless a limit stopped them
    return Evidence(fine if (fine.width <= enclosure.width).all() else enclosure, statuses, cells, 0.0, balls)


def prepared(integrand: Integrand, data: Data, wanted: tuple[float, bool], deadline: float) -> Rounds | None:
    """Return the rounds of a search that is ready to begin; None where there is no time."""
    # Functions are compiled when they are first asked for; between these steps the clock is looked at, within
    # them it cannot be.
    digits, sharp = wanted
    tails = tails_of(integrand.placement)
    if time.monotonic() > deadline:
        return None
    floats = FloatEnergy(integrand)
    if time.monotonic() > deadline:
        return None
    guess = start(floats, data.balls.mid, deadline)
    boxed = tails is not None
    normal = None if floats.smooth or boxed else kinks.direction(integrand)
    frames = guess.frames if normal is None else kinks.aligned(normal, guess.frames)
    if boxed:  # the cells are those of the prior's own box
        frames = np.broadcast_to(np.eye(integrand.latent_dim), frames.shape)
    scales = (frames, normal is not None, guess.energy.copy(), guess.log_mass.copy())
    if time.monotonic() > deadline:
        return None
    return Rounds(integrand, floats, data, *scales, digits, sharp)


def nothing(integrand: Integrand, data: Data, digits: float, stopped: str = TIME) -> Evidence:
    """Return what holds without any work: log p(x) is at most the supremum, if the prior is known to be one."""
    lower, upper = np.full(len(data), -np.inf), integrand.ceiling(data.balls).suprema
    if tails_of(integrand.placement) is not None:
        upper = np.full(len(data), np.inf)
    return Evidence(Enclosure(lower, upper), (reason(np.inf, digits, stopped),) * len(data), 0, 0.0)
