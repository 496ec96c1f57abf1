"""Trained networks as files: written whole or not at all, read without executing anything."""

from dataclasses import asdict
from os import PathLike
from types import MappingProxyType
from typing import Any

import torch

from elboproof.arguments import file_path
from elboproof.networks.autoencoder import Autoencoder
from elboproof.networks.checkpoints import read, understood, write
from elboproof.networks.constants import Constants
from elboproof.networks.files import bad_file
from elboproof.networks.records import Point, Settings, Terms
from elboproof.networks.trained import Trained
from elboproof.networks.variants import Variant

REQUEST = {"kind": "trained networks", "schema": "1"}


def save(trained: Trained, path: "str | PathLike[str]") -> None:
    """Write trained networks into a file, in the place of what was there.

    Parameters
    ----------
    trained
        What `train` returned.
    path
        The file.

    Raises
    ------
    TypeError, ValueError
        If path is no path of a file in a folder that exists.
    """
    file = file_path(path, "path")
    if not file.parent.is_dir():
        raise bad_file("path", file, "a file in a folder that exists")
    write(file, {"request": REQUEST, **_plain(trained)})


def load(path: "str | PathLike[str]") -> Trained:
    """Return what `save` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Trained
        With the same parameters, bit for bit.

    Raises
    ------
    TypeError, ValueError
        If it is no such file.
    FileNotFoundError
        If there is none.
    """
    file = file_path(path, "path")
    state = read(file, "path")
    if state["request"] != REQUEST:
        raise bad_file("path", file, "a file that `save` wrote")
    with understood(file, "path"):
        return _trained(state)


def _plain(trained: Trained) -> dict[str, Any]:
    """Return a record as tensors and plain values."""
    constants = trained.constants
    return {
        "settings": asdict(trained.settings),
        "centre": torch.from_numpy(constants.centre),
        "data_variance": torch.from_numpy(constants.variance),
        "scale": constants.scale,
        "networks": trained.networks.state_dict(),
        "curve": [(point.step, point.terms.likelihood, point.terms.rate) for point in trained.curve],
        "step": trained.step,
        "stopped": trained.stopped,
        "variance": trained.variance,
        "variance_factor": trained.variance_factor,
        "prior_variance": torch.from_numpy(trained.prior_variance),
        "terms": {name: (terms.likelihood, terms.rate) for name, terms in trained.terms.items()},
        "versions": dict(trained.versions),
    }


def _trained(state: dict[str, Any]) -> Trained:
    settings = Settings(**{**state["settings"], "variant": Variant(**state["settings"]["variant"])})
    networks = Autoencoder.of(settings, len(state["centre"]))
    networks.load_state_dict(state["networks"])
    return Trained(
        settings=settings,
        constants=Constants(state["centre"].numpy(), state["data_variance"].numpy(), state["scale"]),
        networks=networks.eval(),
        curve=tuple(Point(step, Terms(log_p, kl)) for step, log_p, kl in state["curve"]),
        step=state["step"],
        stopped=state["stopped"],
        variance=state["variance"],
        prior_variance=state["prior_variance"].numpy(),
        terms=MappingProxyType({name: Terms(*two) for name, two in state["terms"].items()}),
        versions=MappingProxyType(state["versions"]),
        variance_factor=state.get("variance_factor", 1.0),  # files of decoders of means only do not have it
    )
