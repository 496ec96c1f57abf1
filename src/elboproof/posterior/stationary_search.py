"""Stationary Gaussian posteriors of one x: found in floats, proved to exist by Krawczyk's test.

At the float point p with L0 L0' = S the unknowns are theta = (m, t, l) of `equations`. The ELBO of the true stationary
point z* is never evaluated over the box: with J enclosing the Hessian over it, Taylor's theorem at z*, where the
gradient vanishes, gives

    ELBO(z*) = ELBO(p) - (z* - p)' J (z* - p) / 2.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from elboproof.expectations.rising_precision import SPARE_BITS
from elboproof.model.data import double
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import bits_for
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import JumpError
from elboproof.numbers.krawczyk import form
from elboproof.posterior.ascent import Guess, guesses
from elboproof.posterior.certification import ProvedPoint, certify, place_of, without_repetitions
from elboproof.posterior.elbo import one_elbo
from elboproof.posterior.equations import prepared
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.posterior.stationary_rows import Points
from elboproof.posterior.whitened import BITS, kind_of

SEARCH_SHARE = 0.4
"""Of the time: the search for candidates in floats ends then."""
ELBO_SHARE = 0.1
"""Of the time: kept for the ELBOs of what was proved before."""


def points_of(
    model: LatentModel,
    x: list[Fraction],
    family: str,
    q: GaussianPosterior | None,
    digits: float,
    deadline: float,
) -> Points:
    """Return what is found in floats and proved by Krawczyk's test, ELBOs last: each has its share of the time."""
    late = deadline - ELBO_SHARE * (deadline - time.monotonic())
    try:
        found, stopped = _found(model, x, family, q, late)
    except JumpError as error:
        return Points((), f"no stationary point proved: {error}")
    if not found:
        none = "Newton's method in floats found none that Krawczyk's test accepts"
        return Points((), f"no stationary point proved: {'the time limit' if stopped else none}")
    proved = [_with_elbo(model, x, point, digits, deadline) for point in found]
    return Points(tuple(sorted(proved, key=lambda point: -float(point.ball.mid()))))


def _found(
    model: LatentModel, x: list[Fraction], family: str, q: GaussianPosterior | None, deadline: float
) -> tuple[list[ProvedPoint], bool]:
    """Return the points that are proved before the deadline, and whether search or proofs were stopped by the time."""
    now = time.monotonic()
    # the deadline is that of the proofs; ELBOs have their share after it. What was proved by then is kept
    end = now + SEARCH_SHARE * (deadline - now)
    candidates = _guesses(model, x, family, q, end)
    stopped = time.monotonic() > end
    found: list[ProvedPoint | None] = []
    if prepared(model, family, deadline):
        for guess in candidates:
            if time.monotonic() > deadline:
                break
            found.append(certify(model, x, family, q, guess, deadline))
    return without_repetitions(found), stopped or time.monotonic() > deadline


@np.errstate(all="ignore")  # floats only steer
def _guesses(
    model: LatentModel, x: Sequence[Fraction], family: str, q: GaussianPosterior | None, deadline: float
) -> list[Guess]:
    # compiling the second derivatives for floats shows a function that has none, whatever the place
    data = np.array([double(value, f"x[{j}]") for j, value in enumerate(x)])
    with working_precision(BITS):
        fixed = None if q is None else np.array([[float(entry) for entry in row] for row in q.cholesky()])
    model.quantities.compiled("tilted", 2, FLOATING)(*[np.zeros(1)] * model.latent_dim, *data)
    return guesses(model, data, family, fixed, deadline)


def _with_elbo(
    model: LatentModel, x: list[Fraction], point: ProvedPoint, digits: float, deadline: float
) -> StationaryPoint:
    d = model.latent_dim
    with working_precision(BITS):
        # the whitened w and J over the box: w'J w is the same number as (z* - p)' H (z* - p), as theta - p = T w. J
        # encloses the Hessian on the whole segment from p to z*, hence its mean in the remainder of Taylor's theorem.
        # Mean and covariance, d and d^2 balls, are split after
        correction = form(point.zero.jacobian, point.zero.place) / 2
        kind = kind_of(point.zero.jacobian)
        place = place_of(point)
    return StationaryPoint(
        Enclosure.from_balls(place[:d]),
        Enclosure.from_balls(place[d:]).reshape(d, d),
        point.posterior,
        box=point.zero.radius,
        kind=kind,
        correction=correction,
        **_elbo_fields(model, x, point.posterior, correction, digits, deadline),
    )


def _elbo_fields(
    model: LatentModel,
    x: list[Fraction],
    q: GaussianPosterior,
    correction: arb,
    digits: float,
    deadline: float,
) -> dict[str, Any]:
    """Return the ELBO of the true stationary q from that of the float one."""
    # both terms are balls, so their difference holds the ELBO at the true point whatever the status says
    ball, status = one_elbo(model, x, q, digits, deadline)
    with working_precision(max(BITS, bits_for(digits, SPARE_BITS))):
        total = ball - correction
    if not status and not total.rad() <= 10.0**-digits:
        status = "the stationary point is not known well enough for the digits of its ELBO"
    return {"elbo": Enclosure.from_balls(total), "status": status, "ball": total}


def sharpened(
    model: LatentModel, x: list[Fraction], point: StationaryPoint, digits: float, deadline: float
) -> StationaryPoint:
    """Return the same point with more digits of its ELBO; deadline on the clock ``time.monotonic()``."""
    if not point.status and point.ball.rad() <= 10.0**-digits:
        return point
    return replace(point, **_elbo_fields(model, x, point.posterior, point.correction, digits, deadline))
