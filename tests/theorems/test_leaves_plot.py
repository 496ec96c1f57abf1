"""The plot of a proof's leaves: as many rectangles or lines as leaves, with the bounds of the certificate."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection

import elboproof as ep

GAP = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"])


def _proof(statement: object, box: dict[str, tuple[str, str]]) -> ep.Proof:
    found = ep.for_all(statement, box)  # type: ignore[arg-type]
    assert isinstance(found, ep.Proof)
    return found


def test_two_parameters_make_rectangles_that_cover_the_box_and_have_the_claims_for_colours() -> None:
    proof = _proof(GAP <= "1/10", {"c": ("0", "0.3"), "v": ("0.1", "1")})
    axes = proof.plot()
    (cells,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    sides = [np.ptp(path.vertices, axis=0) for path in cells.get_paths()]
    assert len(sides) == proof.leaves
    assert sum(width * height for width, height in sides) == pytest.approx(0.3 * 0.9)
    claims = [float(Fraction(leaf["bounds"][1])) for leaf in proof.certificate.content["leaves"]]
    assert np.asarray(cells.get_array()).tolist() == claims
    assert max(claims) <= 0.1
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 0.3), (0.1, 1))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("c", "v")
    assert axes.figure.axes[1].get_ylabel() == "proved upper bound of gap, nats"


def test_one_parameter_makes_lines_as_high_as_the_claims_and_the_bound_stated() -> None:
    proof = _proof(ep.Gap("z", ["z + c*z**3"], "1/10", ["7/10"]) <= "7/100", {"c": ("0.001", "0.3")})
    axes = proof.plot()
    (lines,) = (one for one in axes.collections if isinstance(one, LineCollection))
    heights = [segment[0, 1] for segment in lines.get_segments()]
    assert len(heights) == proof.leaves
    assert heights == [float(Fraction(leaf["bounds"][1])) for leaf in proof.certificate.content["leaves"]]
    legend: Any = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["proved upper bound", "stated upper bound"]
    assert axes.get_xscale() == "log"  # two orders and more
    assert axes.get_ylabel() == "gap, nats"


def test_lower_bounds_are_drawn_where_they_are_what_is_stated() -> None:
    evidence = ep.LogEvidence("z", ["z + c*z**2"], "1/2", ["d"])
    proof = _proof(evidence >= "-2", {"c": ("0", "0.3"), "d": ("0", "0.5")})
    label = proof.plot().figure.axes[1].get_ylabel()
    assert label.startswith("proved lower bound")
    assert label.endswith(", nats")


def test_three_parameters_are_refused() -> None:
    evidence = ep.LogEvidence("z", ["c*z"], "v", ["d"])
    box = {"c": ("0", "0.01"), "v": ("0.99", "1"), "d": ("0", "0.01")}
    with pytest.raises(ValueError, match=r"proof: got 3 parameters; expected 1 or 2"):
        _proof(evidence >= "-20", box).plot()
