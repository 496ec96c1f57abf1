"""The cells of an evidence: they cover the space, their shares enclose 1 and the truth, and bugs are seen."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from flint import arb
from matplotlib.collections import PolyCollection

import elboproof as ep
from elboproof.evidence import evidence_cells as of
from elboproof.evidence.by_arrays import prepared
from elboproof.model.data import data_of
from elboproof.numbers.enclosure import Enclosure
from tests.seeding import Bug, Check, Seeded, falsification

TWO_MODES = ep.LatentModel("z", ["z**2"], ep.Gaussian(variance="1/100"))
PLANE = ep.LatentModel(["a", "b"], ["sin(a) + b", "a*b"], ep.Gaussian(variance="1/100"))
COUNTS = ep.LatentModel("z", ["z", "1 - z/2"], ep.Poisson())
KNOWN = ep.LatentModel("z", ["z"], ep.Gaussian(variance="1/100"))
"""At x = 0 the posterior is N(0, 1/101)."""
TURNED = ep.LatentModel(
    ["a", "b"],
    ["a", "b"],
    ep.Gaussian(variance="1/50"),
    prior=ep.Normal(["3", "-2"], [["1", "3/2"], ["3/2", "4"]]),
)


def _probability(low: float, high: float) -> float:
    """Return P(low <= z <= high) for z ~ N(0, 1/101), accurately in the tails."""
    a, b = sorted((abs(low), abs(high))) if low * high >= 0 else (low, high)
    root = (arb(101) / 2).sqrt()
    return float(((root * a).erfc() - (root * b).erfc()) / 2)


@cache
def _known() -> tuple[ep.EvidenceCells, list[float]]:
    """Return the cells, found anew by each check, and the true probability of each."""
    cells = ep.evidence_cells(KNOWN, [0], 3)
    ends = [(c - abs(h), c + abs(h)) for c, h in zip(cells.centres[:, 0], cells.edges[:, 0, 0], strict=True)]
    return cells, [_probability(low, high) for low, high in ends]


def _cells_hold_the_truth() -> None:
    _known.cache_clear()
    cells, truth = _known()
    low, high = cells.probabilities.lower, cells.probabilities.upper
    assert all(a <= t <= b for a, t, b in zip(low, truth, high, strict=True))
    assert (high - low)[cells.integrated].max() < 1e-2


def _the_outside_is_bounded() -> None:
    """Where x tells nothing, the posterior is the prior, whose tail is known."""
    model = ep.LatentModel("z", ["z/1000000"], ep.Gaussian(variance=1))
    cells = ep.evidence_cells(model, [0], 3)
    end = float((np.abs(cells.centres) + np.abs(cells.edges[:, 0])).max())
    assert 0.999 * math.erfc(end / math.sqrt(2)) <= cells.outside < 1e-3


def _sums_have_the_errors_of_their_rules() -> None:
    """With few digits a rule errs by more than sums do: without the errors its values are not the integrals."""
    rounds = prepared(KNOWN.integrand, data_of(KNOWN, [0]), (1.0, False), math.inf)
    assert rounds is not None
    rounds.boxes = True
    rounds.run(math.inf, 10_000)
    (_, found), (energy, shift) = rounds.last, rounds.scale  # type: ignore[misc]
    kept: list[Any] = [*zip(found.cells, found.sizes, found.errors, strict=True)]
    sums = of._sums(energy, kept, shift)
    ends = [
        (c - h, c + h)
        for part in found.cells
        for c, h in zip(part.centre[:, 0], part.half[:, 0], strict=True)
    ]
    # U = 101 z^2/2 + log(2 pi) - log 10
    scale = 10 * math.exp(shift[0]) / (2 * math.pi) * math.sqrt(2 * math.pi / 101)
    for (low, high), below, above in zip(ends, sums.lower(), sums.upper(), strict=True):
        assert below <= scale * _probability(low, high) <= above


def _shares_hold_for_every_evidence_within_its_bounds() -> None:
    shares = of._probabilities(
        np.array([0.01, 0, 0]), np.array([0.01, 0, np.inf]), 0.5, 0.1, Enclosure(-2.0, -1.0)
    )
    for p in (-2.0, -1.0):
        for log_volume in (-0.1, 0.1):
            assert shares.lower[0] <= 0.01 * math.exp(log_volume - 0.5 - p) * (1 + 1e-12)
            assert shares.upper[0] >= 0.01 * math.exp(log_volume - 0.5 - p) * (1 - 1e-12)
    assert shares.lower[1] == 0
    assert shares.upper[1] < 1e-300
    assert (shares.lower[2], shares.upper[2]) == (0, 1)


def _cells_cover_the_box() -> None:
    for model, x in ((TWO_MODES, ["0.7"]), (PLANE, ["0.5", "0.3"])):
        cells = ep.evidence_cells(model, x, 2)
        volumes = np.abs(np.linalg.det(2 * cells.edges))
        d = len(cells.latents)
        corners = cells.centres[:, None, :] + np.einsum("ks,bsd->bkd", _signs(d), cells.edges)
        frame = cells.edges[0] / np.linalg.norm(cells.edges[0], axis=1, keepdims=True)
        along = corners @ np.linalg.inv(frame)
        assert volumes.sum() == pytest.approx(np.prod(np.ptp(along.reshape(-1, d), axis=0)), rel=1e-9)


def _signs(d: int) -> Any:
    return np.stack(np.meshgrid(*[[-1, 1]] * d), -1).reshape(-1, d)


def _cells_stand_where_the_posterior_is() -> None:
    """The likelihood is narrow beside the prior: whatever z the cells with mass have, it is near x."""
    cells = ep.evidence_cells(TURNED, ["7/2", "-1"], 4)
    mean = cells.probabilities.midpoint @ cells.centres
    assert mean == pytest.approx([3.5, -1], abs=0.3)


CHECKS: dict[str, Check] = {
    "truth": _cells_hold_the_truth,
    "outside": _the_outside_is_bounded,
    "sums": _sums_have_the_errors_of_their_rules,
    "shares": _shares_hold_for_every_evidence_within_its_bounds,
    "cover": _cells_cover_the_box,
    "place": _cells_stand_where_the_posterior_is,
}
BUGS: dict[str, Bug] = {
    "errors are dropped": Seeded(
        of, "_sums", "np.zeros(len(errors)), errors", "np.zeros(len(errors))", "sums"
    ),
    "what is bounded holds nothing": Seeded(
        of, "_record", "*(mass for _, mass in others)", "*(0 * mass for _, mass in others)", "truth"
    ),
    "the outside is no share": Seeded(
        of,
        "_record",
        "BallArray(where.log_tail) - BallArray(inner.lower)",
        "BallArray(where.log_tail)",
        "outside",
    ),
    "the lower end of the evidence twice": Seeded(of, "_probabilities", "p.upper", "p.lower", "shares"),
    "the upper end of the evidence twice": Seeded(of, "_probabilities", "p.lower", "p.upper", "shares"),
    "the determinant's bound is of one side": Seeded(
        of, "_probabilities", "BallArray(-shift) + BallArray(log_volume)", "BallArray(-shift)", "shares"
    ),
    "discarded cells are lost": Seeded(
        of, "_record", "found.others or []", "(found.others or [])[1:]", "cover"
    ),
    "the frame is transposed": Seeded(of, "_frame", "for end in ends], 1)", "for end in ends], 0)", "place"),
    "the prior's mean is lost": Seeded(of, "_frame", "@ frame, offset", "@ frame, 0 * offset", "place"),
}
test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)


@pytest.mark.parametrize(
    ("model", "x"), [(TWO_MODES, ["0.7"]), (PLANE, ["0.5", "0.3"]), (COUNTS, [2, 3]), (TURNED, ["7/2", "-1"])]
)
def test_shares_enclose_one_and_the_evidence_is_that_of_the_library(
    model: ep.LatentModel, x: list[Any]
) -> None:
    cells = ep.evidence_cells(model, x, 5)
    low, high = cells.probabilities.lower, cells.probabilities.upper
    assert low.sum() <= 1 <= high.sum() + cells.outside
    assert high.sum() - low.sum() < 1e-4
    proved = ep.log_evidence(model, x, 8)
    assert cells.evidence.lower <= proved.upper
    assert proved.lower <= cells.evidence.upper
    assert cells.evidence.width <= 2e-5
    assert (cells.nodes.all(1) == cells.integrated).all()
    assert not low[~cells.integrated].any()


def test_it_says_on_a_screen_what_it_is() -> None:
    lines = repr(ep.evidence_cells(TWO_MODES, ["0.7"], 5)).splitlines()
    assert lines[0] == "EvidenceCells"
    assert "log p(x)      -1.07765" in lines[1]
    assert "integrated    8 cells" in lines[2]
    assert "of p(x) with all outside" in lines[3]


def test_bars_of_one_latent_have_the_shares_for_areas() -> None:
    cells = ep.evidence_cells(TWO_MODES, ["0.7"], 3)
    axes = cells.plot()
    kept, rest = axes.containers
    areas = [bar.get_width() * bar.get_height() for bar in kept]
    assert areas == pytest.approx(cells.probabilities.upper[cells.integrated])
    assert len(list(kept)) + len(list(rest)) == len(cells)
    assert axes.get_xlabel() == "z"
    assert axes.get_ylabel() == "mean density of p(z | x) in the cell, per unit of z"


def test_parallelograms_of_two_latents_are_the_cells() -> None:
    cells = ep.evidence_cells(PLANE, ["0.5", "0.3"], 2)
    axes = cells.plot()
    rest, kept = (one for one in axes.collections if isinstance(one, PolyCollection))
    count = int(cells.integrated.sum())
    assert (len(kept.get_paths()), len(rest.get_paths())) == (count, len(cells) - count)
    centres = [np.asarray(path.vertices)[:4].mean(0) for path in kept.get_paths()]
    assert np.asarray(centres) == pytest.approx(cells.centres[cells.integrated])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")


def test_what_it_does_not_draw_is_refused() -> None:
    cube = ep.LatentModel(["a", "b", "c"], ["a*b*c"], ep.Gaussian(variance=1))
    coin = ep.PriorDensity("log(30) + log(z) + 4*log(1 - z)", [("0", "1")])
    with pytest.raises(ValueError, match=r"model: got .*; expected at most 2 latents"):
        ep.evidence_cells(cube, [1])
    with pytest.raises(ValueError, match=r"prior: got .*; expected an ep.Normal or ep.Uniform"):
        ep.evidence_cells(ep.LatentModel("z", ["z"], ep.Gaussian(variance=1), prior=coin), [1])
    with pytest.raises(ValueError, match=r"x: got .*; expected one data point of shape \(1,\)"):
        ep.evidence_cells(KNOWN, [[1], [2]])
    with pytest.raises(ValueError, match=r"digits: got 13; expected at most 12"):
        ep.evidence_cells(KNOWN, [1], 13)
    with pytest.raises(TypeError, match=r"model: got 1 of type int; expected an ep.LatentModel"):
        ep.evidence_cells(1, [1])  # type: ignore[arg-type]


def test_what_it_cannot_prove_is_undecided() -> None:
    with pytest.raises(ep.Undecided, match="digits proved; stopped by"):
        ep.evidence_cells(PLANE, ["0.5", "0.3"], 8, most_cells=50)
