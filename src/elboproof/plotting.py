"""Axes to draw results on, without windows or global state, and what several plots draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import wrong_type

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, YELLOW, GREY = "#4477aa", "#cc6677", "#f5d76e", "0.6"
"""Colours that keep apart under deuteranopia."""
EDGE = {"edgecolors": "0.35", "linewidths": 0.4}
FloatArray = NDArray[np.float64]


def axes_of(ax: "Axes | None") -> "Axes":
    """Return the axes given, or those of a new figure that no window shows: ``axes.figure.savefig("plot.png")``.

    Raises
    ------
    TypeError
        If they are no matplotlib Axes.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    given: object = ax
    if given is None:
        return Figure(figsize=(6.4, 4.4), layout="constrained").subplots()
    if not isinstance(given, Axes):
        raise wrong_type("ax", given, "matplotlib Axes, or None")
    return given


def at_most_two(name: str, number: int, what: str) -> None:
    """Raise unless there are one or two dimensions to draw.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if number not in (1, 2):
        raise ValueError(f"{name}: got {number} {what}; expected 1 or 2, which a plane can show")


def add_polygons(axes: "Axes", corners: Sequence[Any] | FloatArray, **style: Any) -> Any:
    """Draw polygons, each of shape (K, 2), and return their collection; limits take them in."""
    from matplotlib.collections import PolyCollection

    drawn = axes.add_collection(PolyCollection(list(corners), **{**EDGE, **style}))
    axes.autoscale_view()
    return drawn
