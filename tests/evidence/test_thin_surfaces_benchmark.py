"""The benchmark of thin surfaces: it decides, and says what `log_evidence` leaves of those with a linear latent."""

from fractions import Fraction

import pytest

import elboproof as ep
from benchmarks import thin_surfaces


def test_a_small_report_has_two_rows() -> None:
    rows = [line for line in thin_surfaces.report(1, small=True).splitlines() if line.startswith("| sphere")]
    assert len(rows) == 2
    assert not any("undecided" in row for row in rows)


@pytest.mark.parametrize("surface", ["paraboloid", "saddle", "plane"])
def test_a_linear_latent_leaves_nothing_thin(surface: str) -> None:
    """Both ways agree, and where the latent is integrated out the surface may be as thin as it likes."""
    decoder, x = thin_surfaces.SURFACES[surface]
    searched = thin_surfaces.run(surface, "1/4")
    assert searched.decided
    model = ep.LatentModel(["a", "b", "c"], [decoder], ep.Gaussian(Fraction(1, 16)))
    found = ep.log_evidence(model, [x], 8)
    assert searched.found.enclosure.lower[0] <= found.upper
    assert found.lower <= searched.found.enclosure.upper[0]
    thin = ep.LatentModel(["a", "b", "c"], [decoder], ep.Gaussian(Fraction(1, 10**12)))
    assert ep.log_evidence(thin, [x], 8).width <= 2e-8
