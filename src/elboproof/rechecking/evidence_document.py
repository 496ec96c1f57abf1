"""For the check: the certificate of an evidence, read with care: the model it speaks of, the claim, and the cells."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from elboproof.arguments import shown
from elboproof.model.data import data_of
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.likelihood import Likelihood
from elboproof.model.networks import Activation, Affine, Layer, Network
from elboproof.model.priors import Normal, Prior, Uniform
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.rechecking.densities import FAMILIES
from elboproof.rechecking.document import CertificateError, number, part
from elboproof.rechecking.evaluation import activation
from elboproof.rechecking.gauss import FEWEST, MOST
from elboproof.rechecking.integration import Unable

MOST_LATENTS = 2
MOST_CELLS = 20_000
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-]\d{1,4}", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
Box = tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True)
class Cell:
    """A box, and how many nodes its rule has along each axis; None where it is only bounded."""

    box: Box
    nodes: tuple[int, ...] | None


@dataclass(frozen=True)
class EvidenceClaim:
    """What a certificate says.

    Attributes
    ----------
    model : LatentModel
    x : tuple of Fraction
    lower, upper : Fraction
        Bounds of log p(x), as claimed.
    frame : tuple of tuple of Fraction
        A.
    box : Box
        What the cells cover.
    cells : tuple of Cell
    """

    model: LatentModel
    x: tuple[Fraction, ...]
    lower: Fraction
    upper: Fraction
    frame: tuple[tuple[Fraction, ...], ...]
    box: Box
    cells: tuple[Cell, ...]


def evidence_claim(content: Mapping[str, Any]) -> EvidenceClaim:
    """Return what a certificate says.

    Raises
    ------
    CertificateError
        If a part is missing or not of its kind; cells inside the box, and that they cover it, are checked elsewhere.
    """
    model = _model(part(content, "model", dict))
    x = tuple(number(value, f"x[{j}]") for j, value in enumerate(part(content, "x", list)))
    try:
        data_of(model, list(x))
    except (TypeError, ValueError) as error:
        raise CertificateError(str(error)) from error
    bounds = part(content, "bounds", list)
    if len(bounds) != 2:
        raise CertificateError(f"bounds: got {shown(bounds)}; expected two")
    lower, upper = (number(bound, "bounds") for bound in bounds)
    if not lower < upper:
        raise CertificateError(f"bounds: got {shown(bounds)}; expected lower < upper")
    d = model.latent_dim
    frame = _matrix(content.get("frame"), "frame", d)
    box = _box(content.get("box"), "box", d)
    given = part(content, "cells", list)
    if len(given) > MOST_CELLS:
        raise CertificateError(f"cells: got {len(given)} of them; expected at most {MOST_CELLS}")
    cells = tuple(_cell(one, f"cells[{n}]", d) for n, one in enumerate(given))
    return EvidenceClaim(model, x, lower, upper, frame, box, cells)


def _cell(record: object, name: str, d: int) -> Cell:
    if not isinstance(record, dict):
        raise CertificateError(f"{name}: got {shown(record)}; expected an object")
    box, nodes = _box(record.get("box"), f"{name}.box", d), record.get("nodes")
    if nodes is None:
        return Cell(box, None)
    if not isinstance(nodes, list) or len(nodes) != d:
        raise CertificateError(f"{name}.nodes: got {shown(nodes)}; expected {d} numbers, or null")
    counts = tuple(_count(one, f"{name}.nodes") for one in nodes)
    if not all(FEWEST <= n <= MOST for n in counts):
        raise CertificateError(f"{name}.nodes: got {shown(nodes)}; expected {FEWEST} to {MOST}")
    return Cell(box, counts)


def _box(record: object, name: str, d: int) -> Box:
    if not isinstance(record, list) or len(record) != d:
        raise CertificateError(f"{name}: got {shown(record)}; expected {d} pairs")
    sides = []
    for side in record:
        if not isinstance(side, list) or len(side) != 2:
            raise CertificateError(f"{name}: got {shown(side)}; expected a low and a high")
        low, high = (number(end, name) for end in side)
        if not low < high:
            raise CertificateError(f"{name}: got {shown(side)}; expected low < high")
        sides.append((low, high))
    return tuple(sides)


def _matrix(record: object, name: str, d: int) -> tuple[tuple[Fraction, ...], ...]:
    if not isinstance(record, list) or len(record) != d:
        raise CertificateError(f"{name}: got {shown(record)}; expected {d} rows")
    if not all(isinstance(row, list) and len(row) == d for row in record):
        raise CertificateError(f"{name}: got {shown(record)}; expected {d} rows of {d} numbers")
    return tuple(tuple(number(entry, name) for entry in row) for row in record)


def _count(value: object, name: str) -> int:
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        raise CertificateError(f"{name}: got {shown(value)}; expected a whole number as a string")
    return int(value)


# -- the model: by the constructors that users call, which refuse here what they refuse there --


def _model(record: Mapping[str, Any]) -> LatentModel:
    latent = part(record, "latent", list, "model")
    if not 1 <= len(latent) <= MOST_LATENTS or not all(isinstance(name, str) for name in latent):
        raise CertificateError(f"model.latent: got {shown(latent)}; expected one or {MOST_LATENTS} names")
    decoder = record.get("decoder")
    try:
        likelihood = _likelihood(part(record, "likelihood", dict, "model"))
        prior = _prior(part(record, "prior", dict, "model"))
        if isinstance(decoder, dict):
            network = _network(part(decoder, "network", list, "model.decoder"), len(latent))
            return NetworkModel(network, likelihood, prior=prior)
        if not isinstance(decoder, list) or not all(isinstance(entry, str) for entry in decoder):
            raise CertificateError(
                f"model.decoder: got {shown(decoder)}; expected a list of texts, or a network"
            )
        return LatentModel(latent, decoder, likelihood, prior=prior)
    except CertificateError:
        raise
    except (TypeError, ValueError) as error:
        raise CertificateError(f"model: {error}") from error


def _texts(value: object, name: str) -> Any:
    """Return a number as text, or a list of them, or of lists: what constructors read exactly."""
    if isinstance(value, list):
        return [_texts(entry, name) for entry in value]
    number(value, name)
    return value


def _likelihood(record: Mapping[str, Any]) -> Likelihood:
    family = record.get("family")
    kind: Any = FAMILIES.get(family) if isinstance(family, str) else None
    if kind is None:
        raise CertificateError(
            f"model.likelihood: got the family {shown(family)}; expected one of {', '.join(FAMILIES)}"
        )
    given = {name: value for name, value in record.items() if name != "family"}
    if family == "categorical":
        groups = given.pop("groups", None)
        counts = None if groups is None else [_count(one, "model.likelihood") for one in groups]
        return kind(counts, **given)  # type: ignore[no-any-return]
    return kind(**{name: _texts(value, "model.likelihood") for name, value in given.items()})  # type: ignore[no-any-return]


def _prior(record: Mapping[str, Any]) -> Prior:
    given = {name: _texts(value, f"model.prior.{name}") for name, value in record.items()}
    return Uniform(**given) if "low" in given or "high" in given else Normal(**given)


def _network(record: Sequence[object], inputs: int) -> Network:
    layers: list[Layer] = []
    width = inputs
    for k, one in enumerate(record):
        name = f"model.decoder.network[{k}]"
        if isinstance(one, str):
            try:
                activation(one)
            except Unable as reason:
                raise CertificateError(f"{name}: got {reason}; expected a known one") from reason
            layers.append(Activation(one))
            continue
        if not isinstance(one, dict):
            raise CertificateError(f"{name}: got {shown(one)}; expected an activation, or weight and bias")
        layers.append(_affine(one, name, width))
        width = len(layers[-1].bias)  # type: ignore[union-attr]
    if not any(isinstance(layer, Affine) for layer in layers):
        raise CertificateError("model.decoder.network: got no affine layer; expected at least one")
    return Network(tuple(layers))


def _affine(record: Mapping[str, Any], name: str, width: int) -> Affine:
    rows, bias = part(record, "weight", list, name), part(record, "bias", list, name)
    if not rows or len(rows) != len(bias) or not all(isinstance(r, list) and len(r) == width for r in rows):
        raise CertificateError(
            f"{name}: got other sizes; expected rows of {width} weights, and a bias for each"
        )
    weight = np.array([[_double(entry, name) for entry in row] for row in rows])
    return Affine(ExactMatrix(weight), np.array([_double(entry, name) for entry in bias]), name)


def _double(value: object, name: str) -> float:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or not isfinite(found := float.fromhex(value)):
        raise CertificateError(
            f"{name}: got {shown(value)}; expected a finite double as Python's float.hex writes it"
        )
    if found.hex() != value:
        raise CertificateError(f"{name}: got {shown(value)}; expected {found.hex()!r}, the same double")
    return found
