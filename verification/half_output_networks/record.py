"""What the figure draws: ``python -m verification.half_output_networks.record`` trains the networks and writes it.

A file of its own beside the findings, since reconstructions, samples and latent planes are no series of a check. The
runs are those of the small protocol, first seed; the command takes a minute or two.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import elboproof as ep

from .ablation import CELLS
from .gap import FEW, decomposed, parts_of
from .protocol import SMALL, splits, trained
from .raw import SHORT, score
from .scores import means, posteriors_of, prior_of
from .yardstick import PLANE

PLACE = Path("figures/half_output_networks.json")
EXPONENTS = (-10, -5, 0, 5, 10)
"""Scales of the sweep are powers of 2."""
SWEPT = {
    "BILBO + BAGGINS": "bilbo-baggins",
    "sigma-VAE": "sigma-vae",
    "unit variance": "vae",
    "learned": "vae-learned",
}
BITS = (0.25, 0.5, 1.0, 4.0)
SHOWN = 8
"""Images of each row."""
GRID, REACH = 33, 2.5
"""Points along each axis of the latent plane, and deviations of the codes that it reaches."""


def sweep() -> dict[str, list[float]]:
    """Return mean ELBOs in units of the data at each scale; NaN where training broke down."""
    found = {
        name: [score(SHORT.but(scale=2.0**k), variant, True) for k in EXPONENTS]
        for name, variant in SWEPT.items()
    }
    found["BILBO + BAGGINS, raw"] = [
        score(SHORT.but(scale=2.0**k), "bilbo-baggins", False) for k in EXPONENTS
    ]
    return found


def information() -> dict[str, list[list[float]]]:
    """Return (step, bits per dimension) of the validation split on the way of training, for each cap."""
    found = {}
    for bits in BITS:
        network = trained(SMALL.but(bits=bits), "bilbo-baggins", 0)
        unit = network.constants.kept * math.log(2)
        found[f"{bits:g}"] = [[point.step, point.terms.likelihood / unit] for point in network.curve]
    return found


def plane() -> dict[str, Any]:
    """Return one pixel of the learned and of the optimal decoder over the latent plane, and some codes."""
    network, data = trained(PLANE, "bilbo-baggins", 0), splits(PLANE, 0)
    codes, logs = network.encode(data.train)
    best = ep.OptimalDecoder(codes, data.train, np.exp(logs)[..., None] * np.eye(2))
    centre, deviation = codes.mean(0), codes.std(0)
    axes = [m + REACH * s * np.linspace(-1, 1, GRID) for m, s in zip(centre, deviation, strict=True)]
    z = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    pixel = int(data.train.var(0).argmax())
    return {
        "pixel": pixel,
        "axes": [axis.tolist() for axis in axes],
        "learned": network.decode(z)[:, pixel].tolist(),
        "optimal": np.asarray(best(z))[:, pixel].tolist(),
        "codes": codes[:150].tolist(),
    }


def parts() -> dict[str, list[list[float]]]:
    """Return (midpoint, half width) of each part of the gap for each test image."""
    found = parts_of(decomposed(FEW))
    return {name: np.stack([one.midpoint, one.width / 2], 1).tolist() for name, one in found.items()}


def images() -> dict[str, list[list[float]]]:
    """Return test images, reconstructions of their mean codes, and means of samples from the refitted prior."""
    data = splits(SMALL, 0)
    found = {"test images": data.test[:SHOWN]}
    for name, variant in (("BILBO + BAGGINS", "bilbo-baggins"), ("sigma-VAE", "sigma-vae")):
        network = trained(SMALL, variant, 0)
        codes = posteriors_of(network, data.test[:SHOWN]).means.numpy()
        found[f"{name}: reconstructed"] = network.decode(codes)
        found[f"{name}: samples"] = network.decode(_drawn(prior_of(network, data)))
    return {name: np.round(rows, 3).tolist() for name, rows in found.items()}


def _drawn(prior: Any) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    import torch

    noise = np.random.default_rng(11).standard_normal((SHOWN, SMALL.latents))
    drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = prior.draws(torch.from_numpy(noise)).numpy()
    return drawn


def scores() -> dict[str, dict[str, list[float]]]:
    """Return mean scores of all seeds of the ablation's cells and of BILBO + BAGGINS."""
    variants = {
        **{", ".join(place): name for place, name in CELLS.items()},
        "BILBO + BAGGINS": "bilbo-baggins",
    }
    return {
        name: {score: means(SMALL, variant, score).tolist() for score in ("amortised", "refined")}
        for name, variant in variants.items()
    }


def main() -> None:
    """Write the record."""
    content = {
        "protocol": SMALL.words,
        "versions": dict(trained(SMALL, "bilbo-baggins", 0).versions),
        "exponents": list(EXPONENTS),
        "sweep": {
            name: [one if math.isfinite(one) else None for one in values] for name, values in sweep().items()
        },
        "information": information(),
        "plane": plane(),
        "parts": parts(),
        "images": images(),
        "scores": scores(),
    }
    PLACE.write_text(json.dumps(_rounded(content), allow_nan=False) + "\n")
    print(f"{PLACE}: written")


def _rounded(value: Any) -> Any:
    """Return the content with 6 digits, which is more than a figure shows."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main()
