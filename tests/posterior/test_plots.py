"""The plots of a decomposition and of a posterior: what is drawn, against the numbers of the results."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet

import elboproof as ep

CURVE = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
TWO_MODES = ep.LatentModel("z", ["z**2"], ep.Gaussian(variance="1/100"))
PLANE = ep.LatentModel(["a", "b"], ["a + b", "a*b"], ep.Gaussian(variance="1/10"))


def _heights(axes: Axes) -> list[list[float]]:
    return [
        [bar.get_height() for bar in container]
        for container in axes.containers
        if hasattr(container, "patches")
    ]


def _labels(axes: Axes) -> list[str]:
    legend: Any = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def test_a_decomposition_has_a_bar_for_each_part_of_each_row() -> None:
    q = ep.GaussianPosteriors([["0.6"], ["0.1"]], [["0.01"], ["0.02"]])
    found = ep.decompose(CURVE, [["0.7"], ["0.1"]], q, digits=4)
    axes = found.plot()
    assert _heights(axes) == [found.approximation.midpoint.tolist(), found.amortisation.midpoint.tolist()]
    assert _labels(axes) == ["approximation gap, at most", "amortisation gap, at least"]
    assert axes.get_title() == "log p(x) - ELBO in parts"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("row", "nats")
    tops = [bar.get_y() + bar.get_height() for bar in list(axes.containers[1])]
    assert np.asarray(tops) == pytest.approx((found.evidence - found.encoder).midpoint, abs=1e-3)


def test_one_covariance_is_a_part_of_its_own() -> None:
    q = ep.GaussianPosteriors([["0.6"], ["0.1"]], [["0.01"], ["0.01"]])
    found = ep.decompose(CURVE, [["0.7"], ["0.1"]], q, digits=3, shared="0.01")
    assert _labels(found.plot())[1] == "one covariance"
    assert len(_heights(found.plot())) == 3


def _open() -> ep.Decomposition:
    two = ep.Enclosure([0.0, 0.0], [1.0, np.inf])
    return ep.Decomposition(two, two, two, two, two, ("", "no digits proved"))


def test_a_row_without_bounds_is_a_cross_and_no_bar() -> None:
    axes = _open().plot()
    assert _heights(axes) == [[0.5, 0.0], [0.5, 0.0]]
    assert "not bounded" in _labels(axes)
    assert axes.get_title().endswith("; 1 rows undecided")
    crosses = [line for line in axes.lines if line.get_label() == "not bounded"]
    assert [np.asarray(line.get_xdata()).tolist() for line in crosses] == [[1]]


def test_parts_below_zero_stand_below_the_axis() -> None:
    up, down = ep.Enclosure([2.0], [2.0]), ep.Enclosure([-1.0], [-1.0])
    axes = ep.Decomposition(up, up, up, up, down, ("",)).plot()
    first, second = (container[0] for container in axes.containers if hasattr(container, "patches"))
    assert (first.get_y(), first.get_height(), second.get_y(), second.get_height()) == (0, 2, 0, -1)


def _area(line: Any) -> float:
    x, y = line.get_data()
    return float(np.trapezoid(y, x))


@pytest.mark.parametrize(("model", "modes"), [(CURVE, 1), (TWO_MODES, 2)])
def test_densities_of_one_latent_integrate_to_one(model: ep.LatentModel, modes: int) -> None:
    axes = ep.Posterior(model, ["0.7"]).plot()
    exact, gaussian = axes.lines
    assert _area(exact) == pytest.approx(1, abs=2e-3)  # what lies 8 nats below the peak is not drawn
    assert _area(gaussian) == pytest.approx(1, abs=2e-3)
    density = np.asarray(exact.get_ydata())
    inner = density[1:-1]
    assert ((inner > density[:-2]) & (inner > density[2:])).sum() == modes
    assert axes.get_xlabel() == "z"
    assert axes.get_ylabel() == "density per unit of z"
    assert _labels(axes) == ["p(z | x)", "best Gaussian q found"]


def test_a_gaussian_of_ones_own_is_drawn_where_it_is() -> None:
    axes = ep.Posterior(CURVE, ["0.7"]).plot(q=ep.GaussianPosterior("2", "1/4"))
    x, y = axes.lines[1].get_data()
    assert np.asarray(x)[np.argmax(y)] == pytest.approx(2, abs=0.01)
    assert np.max(y) == pytest.approx(np.sqrt(2 / np.pi), rel=1e-3)
    assert _labels(axes)[1] == "q"


def test_two_latents_have_contours_in_their_plane() -> None:
    axes = ep.Posterior(PLANE, ["0.5", "0.3"], digits=3).plot()
    exact, gaussian = (one for one in axes.collections if isinstance(one, QuadContourSet))
    assert np.exp(np.diff(np.asarray(exact.levels))) == pytest.approx([10, 5])
    assert np.asarray(gaussian.levels).size == 3
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")


def test_a_posterior_narrower_than_the_scan_is_found_by_q() -> None:
    narrow = ep.LatentModel(["a", "b"], ["a", "b"], ep.Gaussian(variance="1/1000000"))
    axes = ep.Posterior(narrow, ["0.5017", "0.3013"], digits=3).plot()
    for (low, high), centre in ((axes.get_xlim(), 0.5017), (axes.get_ylim(), 0.3013)):
        assert low < centre < high
        assert high - low < 0.02


def test_a_bounded_prior_is_not_left() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(variance=1), prior=ep.Uniform("0", "2"))
    x, _ = ep.Posterior(model, ["1"]).plot(q=ep.GaussianPosterior("1", "1")).lines[0].get_data()
    assert 0 <= np.min(x) < 0.01
    assert 1.99 < np.max(x) <= 2


def test_three_latents_and_wrong_posteriors_are_refused() -> None:
    cube = ep.LatentModel(["a", "b", "c"], ["a + b + c"], ep.Gaussian(variance=1))
    with pytest.raises(ValueError, match=r"model: got 3 latents; expected 1 or 2"):
        ep.Posterior(cube, ["1"]).plot()
    with pytest.raises(ValueError, match=r"q: got 2 dimensions; expected 1, the model's latents"):
        ep.Posterior(CURVE, ["1"]).plot(q=ep.GaussianPosterior([0, 0], [1, 1]))
    with pytest.raises(TypeError, match=r"q: got 1 of type int; expected an ep.GaussianPosterior"):
        ep.Posterior(CURVE, ["1"]).plot(q=1)  # type: ignore[arg-type]
