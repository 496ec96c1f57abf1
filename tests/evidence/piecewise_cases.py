"""Networks with kinks, random and degenerate, for the checks of evidences by pieces; no fixtures."""

import time

import numpy as np
import torch

import elboproof as ep
from elboproof.evidence import polygons
from elboproof.evidence.evidences import Evidence
from elboproof.model.data import data_of
from tests.evidence.cases import Missed
from tests.evidence.piecewise_truth import PANELS, Floats, Layers, log_evidence

SLOPES = (0.0, 1.0), (0.25, 1.0)
TRUSTED = 1e-8
"""Nats to which the truth of a line, or of one hidden layer, is trusted; deeper ones show how far they are off."""


def instance(seed: int) -> tuple[Layers, Floats, Floats]:
    """Return a network, variances and data: small integer weights make it degenerate in two of three seeds."""
    rng = np.random.default_rng(seed)
    d, depth, outputs = int(rng.integers(1, 3)), int(rng.integers(1, 3)), int(rng.integers(1, 5))
    widths = [d, *(int(rng.integers(1, 7)) for _ in range(depth)), outputs]
    weights, biases = [], []
    for m, n in zip(widths[1:], widths[:-1], strict=True):
        match seed % 3:
            case 0:  # parallel, equal and absent lines
                weights.append(rng.integers(-2, 3, (m, n)).astype(float))
                biases.append(rng.integers(-1, 2, m).astype(float))
            case 1:  # all lines through one point
                weights.append(rng.integers(-2, 3, (m, n)) / 2.0)
                biases.append(np.zeros(m))
            case _:
                weights.append(rng.normal(size=(m, n)))
                biases.append(rng.normal(size=m) * 0.5)
    variances = 10.0 ** rng.uniform(-1.5, 0.5, outputs)
    layers = Layers(weights, biases, *SLOPES[int(rng.integers(0, 2))])
    mean = layers.preactivations(rng.normal(size=(d, 1)))[-1][:, 0]
    return layers, variances, mean + rng.normal(size=outputs) * np.sqrt(variances)


def module(layers: Layers) -> torch.nn.Sequential:
    """Return the same network for torch."""
    modules: list[torch.nn.Module] = []
    for weight, bias in zip(layers.weights, layers.biases, strict=True):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        modules += [linear, torch.nn.ReLU() if layers.below == 0 else torch.nn.LeakyReLU(layers.below)]
    return torch.nn.Sequential(*modules[:-1])


def model_of(layers: Layers, variances: Floats) -> ep.LatentModel:
    """Return the model."""
    return ep.LatentModel.from_torch(module(layers), ep.Gaussian(variances.tolist()))


def by_pieces(model: ep.LatentModel, x: object, digits: float = 10, seconds: float = 60.0) -> Evidence:
    """Return what the pieces prove, and nothing else."""
    try:
        found = polygons.evidence(model, data_of(model, x), digits, time.monotonic() + seconds, 10**6)
    except ValueError as error:  # bounds that contradict each other
        raise Missed(str(error)) from error
    if found is None:
        raise Missed("the pieces took too long")
    return found


def require_instance(seed: int) -> None:
    """Raise unless the pieces hold the truth of an instance, as far as it is known, and are as narrow as asked."""
    layers, variances, x = instance(seed)
    model = model_of(layers, variances)
    if not polygons.applies(model):  # all its weights behind a kink are zero
        return
    found = by_pieces(model, x.tolist())
    if found.statuses != ("",):
        raise Missed(f"instance {seed}: {found.statuses}")
    deep = len(layers.weights) > 2 and layers.weights[0].shape[1] == 2
    for factor in (1, 4):  # the second rule is for the few instances that the first one is too coarse for
        near, fine = (log_evidence(layers, variances, x, k * factor * PANELS) for k in (1, 2))
        allowed = TRUSTED + 4 * abs(near - fine) * deep
        if found.enclosure.lower[0] - allowed <= fine <= found.enclosure.upper[0] + allowed:
            return
    raise Missed(f"instance {seed}: {found.enclosure} has not {fine}, trusted to {allowed}")
