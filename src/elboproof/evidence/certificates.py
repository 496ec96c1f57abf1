"""Certificates of evidences: what was proved, with the cells and rules of a proof, in `EVIDENCE_SCHEMA`.

`recheck` shares no code with the search, so that `unverifiable` describes its methods; tests hold both directions.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from elboproof.evidence.by_arrays import prepared
from elboproof.evidence.evidences import FLOAT_DIGITS
from elboproof.evidence.tiles import Tile, tiled
from elboproof.files import replace_text
from elboproof.model.data import Data
from elboproof.model.discrete import Bernoulli, Binomial, Categorical, NegativeBinomial, Poisson
from elboproof.model.evidence_format import EVIDENCE_SCHEMA
from elboproof.model.families import word_of
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.likelihood import Gaussian
from elboproof.model.networks import Activation, Affine, Network
from elboproof.model.priors import Normal, Prior, Uniform
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.functions import Expm1, Gelu, Log1p, Sigmoid, Silu, Softplus
from elboproof.numbers.parser import parse
from elboproof.numbers.spelling import spelling
from elboproof.numbers.undecided import Undecided

MOST_TILES = 20_000
MOST_NODES = 48
_MOST_LATENTS = 2
_FAMILIES = (Bernoulli, Binomial, Poisson, NegativeBinomial, Categorical)
_KINKS = (sympy.Abs, sympy.Max, sympy.Min)
_SMOOTH = (
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh, sympy.asinh),
    *(sympy.atan, sympy.erf, Expm1, Log1p, Sigmoid, Softplus, Silu, Gelu),
)
_ACTIVATIONS = ("tanh", "sigmoid", "softplus", "silu", "gelu", "sin")
_KINKED = ("relu", "leaky_relu", "elu")
Json = Any


def unverifiable(model: LatentModel) -> str:
    """Return what `recheck` has no method for in an evidence of a model, empty if it has one."""
    if model.latent_dim > _MOST_LATENTS:
        return f"{model.latent_dim} latents, of which there may be {_MOST_LATENTS}"
    if not isinstance(model.prior, Normal | Uniform):
        return f"a {type(model.prior).__name__} prior"
    if not isinstance(model.likelihood, (Gaussian, *_FAMILIES)):
        return f"a {type(model.likelihood).__name__} likelihood"
    if isinstance(model, NetworkModel):
        return _of_network(model.network)
    return next(filter(None, (_of_expression(e, model) for e in model.decoder)), "")


def _of_network(network: Network) -> str:
    if not network.chain:
        return "a network whose layers do not take one value each, the one before"
    for layer in network.layers:
        if not isinstance(layer, Affine | Activation):
            return f"a network with a {layer}"
        name = layer.function.partition("(")[0] if isinstance(layer, Activation) else _ACTIVATIONS[0]
        if name not in (*_ACTIVATIONS, *_KINKED):
            return f"the activation {layer}"
        if name in _KINKED and network.inputs > 1:
            return f"the activation {layer} with two latents"
    return ""


def _of_expression(e: sympy.Expr, model: LatentModel) -> str:
    kinks = list(e.atoms(*_KINKS))
    if kinks and model.latent_dim > 1:
        return f"kinks with two latents, as of {spelling(kinks[0])}"
    for atom in e.atoms(sympy.Function):
        if not isinstance(atom, (*_SMOOTH, *_KINKS)):
            return f"the function {spelling(atom)}"
    text = spelling(e)
    try:
        again = parse(text, {str(z): z for z in model.latents})
    except ValueError:
        return f"the decoder {text:.60}, which no text spells"
    return "" if again == e else f"the decoder {text:.60}, which no text spells"


def save(
    path: Path, model: LatentModel, data: Data, digits: float, proved: Enclosure, seconds: float, most: int
) -> None:
    """Write the certificate of what was proved of one x, the same bytes each time.

    Raises
    ------
    Undecided
        If the cells could not be found within the limits.
    OSError
        If the file cannot be written.
    """
    frame, box, tiles = _cells(model, data, digits, proved, seconds, most)
    from elboproof import __version__

    content = {
        "schema": EVIDENCE_SCHEMA,
        "version": __version__,
        "model": described(model),
        "x": [str(value) for value in data.rows[0]],
        "bounds": _claimed(proved, digits),
        "frame": [[str(entry) for entry in row] for row in frame],
        "box": _pairs(box),
        "cells": [_written(tile) for tile in tiles],
    }
    replace_text(path, json.dumps(content, indent=1) + "\n")


def _cells(
    model: LatentModel, data: Data, digits: float, proved: Enclosure, seconds: float, most: int
) -> tuple[list[list[Fraction]], tuple[tuple[Fraction, Fraction], ...], list[Tile]]:
    """Return the frame, the box and its tiles, of a search whose cells are boxes."""
    deadline = time.monotonic() + seconds
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        rounds = prepared(model.integrand, data, (digits, digits > FLOAT_DIGITS), deadline)
        if rounds is not None:
            rounds.boxes = True
            rounds.run(deadline, most)
    last = None if rounds is None else rounds.last
    if rounds is None or last is None or last[1].stopped or not last[1].cells:
        reason = "the cells of a certificate were not found within the limits"
        raise Undecided(proved, (reason,), "log evidences")
    where, found = last
    rules = [
        Tile(_box(centre, half), tuple(min(n, MOST_NODES) for n in sizes))
        for cells, counts in zip(found.cells, found.sizes, strict=True)
        for centre, half, sizes in zip(
            cells.centre.tolist(), cells.half.tolist(), counts.tolist(), strict=True
        )
    ]
    root = _box(where.centre[0].tolist(), where.half[0].tolist())
    tiles = tiled(root, rules)
    if len(tiles) > MOST_TILES:
        reason = f"a certificate of {len(tiles)} cells, where {MOST_TILES} are the most"
        raise Undecided(proved, (reason,), "log evidences")
    return [[Fraction(a) for a in row] for row in rounds.frames[0].tolist()], root, tiles


def _box(centre: Sequence[float], half: Sequence[float]) -> tuple[tuple[Fraction, Fraction], ...]:
    return tuple(
        (Fraction(c) - Fraction(h), Fraction(c) + Fraction(h)) for c, h in zip(centre, half, strict=True)
    )


def _claimed(proved: Enclosure, digits: float) -> list[str]:
    """Return bounds half a unit of the digits wider than what was proved: the check has its own rounding."""
    low, high = (Fraction(float(end)) for end in (proved.lower, proved.upper))
    if proved.exact is not None:
        low, high = (Fraction(end.item()) for end in proved.exact)
    unit = Fraction(1, 2 * 10 ** int(np.ceil(digits)))
    fine = 1000 / unit
    lower = Fraction((low - unit) * fine).__floor__()
    upper = -(-(high + unit) * fine).__floor__()
    return [str(Fraction(lower) / fine), str(Fraction(upper) / fine)]


def _written(tile: Tile) -> Json:
    nodes = None if tile.nodes is None else [str(n) for n in tile.nodes]
    return {"box": _pairs(tile.box), "nodes": nodes}


def _pairs(box: Sequence[tuple[Fraction, Fraction]]) -> list[list[str]]:
    return [[str(low), str(high)] for low, high in box]


def described(model: LatentModel) -> Json:
    """Return a model as JSON data, in the words of the constructors that the check gives it back to."""
    if isinstance(model, NetworkModel):
        decoder: Json = {"network": [_layer(layer) for layer in model.network.layers]}
    else:
        decoder = [spelling(e) for e in model.decoder]
    return {
        "latent": [str(z) for z in model.latents],
        "decoder": decoder,
        "likelihood": _likelihood(model.likelihood),
        "prior": _prior(model.prior),
    }


def _layer(layer: object) -> Json:
    if isinstance(layer, Affine):
        weight = [[entry.hex() for entry in row] for row in layer.weight.entries.tolist()]
        return {"weight": weight, "bias": [entry.hex() for entry in layer.bias.tolist()]}
    return str(layer)


def _likelihood(likelihood: object) -> Json:
    if isinstance(likelihood, Gaussian):
        given: Json = {"family": "gaussian"}
        if likelihood.covariance is not None:
            return given | {"covariance": _text(likelihood.covariance)}
        values = _text(likelihood.variance)
        return given | {"variance": values[0] if likelihood.scalar else values}
    record: Json = {"family": word_of(type(likelihood))}
    for one in fields(likelihood):  # type: ignore[arg-type]
        value = getattr(likelihood, one.name)
        if hasattr(value, "scalar"):
            record[one.name] = str(value.of(0)) if value.scalar else _text(tuple(value))
        elif value is not None:
            record[one.name] = _text(value)
    return record


def _prior(prior: Prior) -> Json:
    if isinstance(prior, Uniform):
        ends = {"low": _text(prior.low), "high": _text(prior.high)}
        return {name: end[0] for name, end in ends.items()} if prior.alike else ends
    if isinstance(prior, Normal) and prior.mean is not None:
        return {"mean": _text(prior.mean), "covariance": _text(prior.covariance)}
    return {}


def _text(value: Any) -> Json:
    return [_text(entry) for entry in value] if isinstance(value, tuple) else str(value)
