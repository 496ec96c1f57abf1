"""What keeps lines and areas of a figure apart for a reader with deuteranopia: colours that he sees, and more."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from elboproof.commands import figures
from tests.commands.test_figures import NAMES, ROOT, copy, saved

__all__ = ["copy"]  # a fixture

DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                         [-0.011820, 0.042940, 0.968881]])  # fmt: skip
"""On linear RGB: Machado, Oliveira and Fernandes (2009), severity 1."""
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 15
"""CIE 1976 difference of colours; about 2 can just be seen. Least of the cycle 17.9, bluish green and purple."""


def seen_by_deuteranopes(colour: str) -> np.ndarray:
    """Return CIELAB coordinates, for the white point of sRGB."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(DEUTERANOPIA @ linear, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: list[str]) -> float:
    pairs = combinations(map(seen_by_deuteranopes, colours), 2)
    return min(float(np.linalg.norm(a - b)) for a, b in pairs)


def settings() -> Any:
    return mpl.rc_params_from_file(ROOT / "figures" / figures.STYLE, use_default_template=False)


def test_colours_keep_apart_under_deuteranopia() -> None:
    cycle = ["#" + colour.lstrip("#") for colour in settings()["axes.prop_cycle"].by_key()["color"]]
    assert len(cycle) == len(set(cycle)) >= 6
    assert nearest(cycle) > APART
    assert nearest(["#ff7f0e", "#2ca02c", "#d62728", "#8c564b"]) < APART  # of matplotlib's own


ALIKE = 40
"""CIE 1976 difference up to which entries of one legend need a form each. The least that is relied on is 46.5: a grey
key of open and filled marks beside the blue one of a series; vermilion and orange, 18.3, are refused below."""


class Entry(NamedTuple):
    """What a legend shows of one label."""

    text: str
    form: tuple[object, ...]
    """All that tells it but its colour."""
    colour: Any


def entries(legend: Legend) -> Iterator[Entry]:
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        if isinstance(handle, Line2D):
            fill = handle.get_fillstyle() if handle.get_marker() != "None" else ""
            dashes = handle._unscaled_dash_pattern if handle.get_linestyle() != "None" else ""  # type: ignore[attr-defined]
            yield Entry(text.get_text(), ("line", dashes, handle.get_marker(), fill), handle.get_color())
        elif isinstance(handle, Patch):
            yield Entry(text.get_text(), ("area", handle.get_hatch()), handle.get_facecolor())
        elif isinstance(handle, PathCollection):
            form: tuple[object, ...] = ("marks", np.asarray(handle.get_paths()[0].vertices).tobytes())
            yield Entry(text.get_text(), form, handle.get_facecolor()[0])
        else:
            assert isinstance(handle, LineCollection)
            yield Entry(text.get_text(), ("error bar",), handle.get_color()[0])


def confusable(figure: Figure) -> list[tuple[str, str]]:
    """Return the labels of one legend that have one form, and colours that are alike under deuteranopia."""
    return [
        (a.text, b.text)
        for legend in figure.findobj(Legend)
        for a, b in combinations(entries(legend), 2)
        if a.form == b.form and nearest([a.colour, b.colour]) < ALIKE
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_legend_names_is_told_by_more_than_colour(
    copy: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = saved(name, monkeypatch)
    with mpl.rc_context(settings()):
        assert confusable(figure) == []


def drawn(**forms: Any) -> list[tuple[str, str]]:
    figure = Figure()
    axes: Axes = figure.subplots()
    for name, form in forms.items():
        axes.plot([0, 1], label=name, **form)
    axes.legend()
    with mpl.rc_context(settings()):
        return confusable(figure)


def test_lines_of_one_form_in_colours_alike_are_found() -> None:
    vermilion, orange = {"color": "C1"}, {"color": "C3"}
    with mpl.rc_context(settings()):
        assert 18 < nearest(["C1", "C3"]) < 19
    assert drawn(a=vermilion, b=orange) == [("a", "b")]
    assert drawn(a=vermilion, b={**orange, "linestyle": "--"}) == []
    assert drawn(a=vermilion, b={**orange, "marker": "s"}) == []
    assert drawn(a=vermilion, b={"color": "C0"}) == []
    dashed: dict[str, Any] = {"linestyle": (0, (3, 1, 1, 1))}
    assert drawn(a={**vermilion, **dashed}, b={**orange, **dashed}) == [("a", "b")]
    assert drawn(a={**vermilion, **dashed}, b={**orange, "linestyle": "--"}) == []
    marks = [{"color": colour, "marker": "o", "linestyle": ""} for colour in ("C1", "C3")]
    assert drawn(a=marks[0], b=marks[1]) == [("a", "b")]
    assert drawn(a=marks[0], b={**marks[1], "fillstyle": "none"}) == []


def test_areas_and_scattered_marks_of_one_form_are_found() -> None:
    figure = Figure()
    areas, marks = figure.subplots(1, 2)
    for axes, names in ((areas, "abc"), (marks, "de")):
        for name, colour, hatch in zip(names, ("C1", "C3", "C3"), ("", "", "//"), strict=False):
            if axes is areas:
                axes.bar(0, 1, color=colour, hatch=hatch, label=name)
            else:
                axes.scatter([0], [0], color=colour, label=name)
        axes.legend()
    with mpl.rc_context(settings()):
        assert confusable(figure) == [("a", "b"), ("d", "e")]
