"""What all plots share: axes that are given or made, and errors for other things."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import elboproof as ep
from elboproof.plotting import add_polygons, at_most_two, axes_of

CURVE = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))


def test_axes_are_those_given_or_of_a_figure_without_a_window() -> None:
    own = Figure().subplots()
    assert axes_of(own) is own
    assert isinstance(axes_of(None), Axes)
    assert axes_of(None).figure.canvas.manager is None


def _cells() -> Any:
    return ep.evidence_cells(CURVE, ["0.7"], 2)


def _decomposition() -> Any:
    return ep.decompose(CURVE, ["0.7"], ep.GaussianPosterior("0.6", "0.01"), digits=3)


def _proof() -> Any:
    return ep.for_all(ep.Gap("z", ["z + c*z**3"], "1/10", ["7/10"]) <= "1/10", {"c": ("0", "0.3")})


RESULTS: dict[str, Callable[[], Any]] = {
    "cells": _cells,
    "decomposition": _decomposition,
    "posterior": lambda: ep.Posterior(CURVE, ["0.7"], digits=3),
    "proof": _proof,
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_plot_draws_on_the_axes_given_and_labels_both(name: str) -> None:
    result, own = RESULTS[name](), Figure().subplots()
    assert result.plot(own) is own
    assert own.get_xlabel()
    assert own.get_ylabel()
    assert own.has_data()
    own.figure.canvas.draw()  # all labels and colours can be drawn
    with pytest.raises(TypeError, match=r"ax: got 1 of type int; expected matplotlib Axes, or None"):
        result.plot(1)


def test_more_dimensions_than_two_are_refused() -> None:
    at_most_two("model", 2, "latents")
    with pytest.raises(ValueError, match=r"model: got 3 latents; expected 1 or 2, which a plane can show"):
        at_most_two("model", 3, "latents")


def test_limits_take_polygons_in() -> None:
    axes = axes_of(None)
    add_polygons(axes, np.array([[(5, 5), (7, 5), (7, 9)]]))
    assert axes.get_xlim()[0] <= 5 < 7 <= axes.get_xlim()[1]
    assert axes.get_ylim()[0] <= 5 < 9 <= axes.get_ylim()[1]


BLOCKED = ("arviz_stats", "distributed", "lightning", "pyro", "sphinx")
CODE = f"""
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)

sys.meta_path.insert(0, Blocked())
try:
    import arviz_stats
except ModuleNotFoundError as error:
    print(error)
import elboproof
from elboproof import audit, cli, diagnostics, networks, objectives
for name in elboproof.__all__:
    getattr(elboproof, name)
import torch
from elboproof.networks.importance import ImportanceEvidence
weights = ImportanceEvidence(torch.zeros(1), torch.zeros(1), torch.rand(50, 2))
try:
    weights.pareto_k()
except ModuleNotFoundError as error:
    print(error)
print(cli.main(["verify", "--scheduler", "tcp://localhost:1", "--path", sys.argv[1]]))
"""


def test_nothing_needs_the_extras_and_a_missing_one_is_named() -> None:
    command = [sys.executable, "-c", CODE, "examples/claims"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert "blocked: arviz_stats" in run.stdout  # the block is real
    assert 'pareto_k: arviz-stats is not installed; expected it: pip install "arviz-stats' in run.stdout
    assert "pip install 'elboproof[cluster]'" in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
