"""The evidence of one integrand: proved by cells of arrays, or on the line row by row."""

from elboproof.evidence.by_arrays import by_arrays, nothing
from elboproof.evidence.domain import tails_of
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.line_point import line_functions
from elboproof.evidence.one_by_one import one_by_one
from elboproof.evidence.search import TAIL
from elboproof.model.data import Data

MOST_ON_LINE = 6
"""Data points of one latent up to which balls of python-flint, one point after the other, beat arrays."""


def proved(
    integrand: Integrand, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> Evidence:
    """Prove ``wanted``, digits and whether in arb, with arrays or row by row."""
    digits, sharp = wanted
    integrand.ceiling(
        data.balls
    )  # raises where nothing bounds the integral over z, with the number of the row
    _ = data.balls.mid  # raises where a number is beyond float64
    tails = tails_of(integrand.placement)
    if tails is not None and not tails.bounded:
        return nothing(integrand, data, digits, TAIL)
    if integrand.latent_dim == 1 and (len(data) <= MOST_ON_LINE or sharp):
        functions = line_functions(integrand)
        if functions is not None:
            return one_by_one(functions, data, wanted, deadline, most)
    return by_arrays(integrand, data, wanted, deadline, most)
