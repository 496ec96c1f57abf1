"""One latent goes by balls of python-flint or by arrays: the way that is expected to be faster, and both are true."""

from unittest.mock import patch

import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import line, one_by_one, proved
from elboproof.evidence import log_evidence as engine
from elboproof.evidence.evidences import Evidence

Case = tuple[list[str], float | str, list[float] | list[str], float]
NEEDLE: Case = (
    ["cos(2.53*(((z)*((-2.84)*z))))", "(z+(-0.376))", "(-1.13)*z"],
    3.925428719133466e-06**2,
    [-0.804009351955421, 0.8073515050510647, -1.3371890302682135],
    4,
)
WAVES: Case = (["sin(300*z)"], "1/10000", ["0.3"], 8)
FEW: Case = (["sinh(z)"], "1/100", ["0.7"], 10)


def prove(case: Case, most_cells: int = 10**6) -> Evidence:
    decoder, variance, x, digits = case
    return engine.prove(
        ep.LatentModel("z", decoder, ep.Gaussian(variance)), x, digits, seconds=20, most_cells=most_cells
    )


def ways(case: Case, **options: int) -> tuple[Evidence, Evidence, Evidence]:
    """Return what is proved by the usual way, by balls of python-flint and by arrays."""
    usual = prove(case, **options)
    with patch.object(one_by_one.Trial, "many", lambda *_: False):
        balls = prove(case, **options)
    with patch.object(proved, "MOST_ON_LINE", 0):
        arrays = prove(case, **options)
    return usual, balls, arrays


@pytest.mark.parametrize(("case", "by_arrays"), [(NEEDLE, False), (WAVES, True), (FEW, False)])
def test_the_way_of_fewer_seconds_is_taken(case: Case, by_arrays: bool) -> None:
    """Measured in cells, of which those in arrays take a tenth of the time, and there are no clocks to be fooled."""
    usual, balls, arrays = ways(case)
    assert usual.statuses == balls.statuses == arrays.statuses == ("",)
    for one in (balls, arrays):
        assert usual.enclosure.lower[0] <= one.enclosure.upper[0]
        assert one.enclosure.lower[0] <= usual.enclosure.upper[0]
    if by_arrays:
        assert usual.cells < arrays.cells + 2 * line.TRIALS[0]
        assert balls.cells > 1.5 * usual.cells
    else:
        assert usual.cells == balls.cells


def test_a_needle_is_found_soon() -> None:
    """The cells go to where floats expect mass; by turns from one end to the other it took 970,000."""
    assert prove(NEEDLE).cells < 10_000


def test_what_arrays_leave_open_goes_back_and_the_better_bounds_count() -> None:
    """Arrays that know little: their bounds are true, and the row is decided all the same."""
    little = Evidence(ep.Enclosure([-50.0], [50.0]), ("open",), 7, 0.0)
    with patch.object(one_by_one, "by_arrays", lambda *_: little):
        found, stopped = prove(WAVES), prove(WAVES, most_cells=600)
    assert found.statuses == ("",)
    assert found.cells > 7
    assert stopped.statuses != ("",)
    assert stopped.enclosure.lower[0] >= -50
    assert stopped.enclosure.lower[0] <= found.enclosure.lower[0]
    assert stopped.enclosure.upper[0] >= found.enclosure.upper[0]


def test_more_digits_than_floats_have_go_by_balls() -> None:
    with patch.object(one_by_one, "by_arrays", lambda *_: pytest.fail("arrays were asked")):
        found = prove((["sin(30*z)"], "1/100", ["0.3"], 25))
    assert found.statuses == ("",)
    assert np.isfinite(found.enclosure.lower).all()
