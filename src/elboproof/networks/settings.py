"""The arguments of the training loop, checked."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from elboproof.arguments import bad, require_count, require_positive, wrong_type
from elboproof.networks.architectures import ACTIVATIONS, ARCHITECTURES, Architecture
from elboproof.networks.records import Settings
from elboproof.networks.splits import Splits
from elboproof.networks.variants import Variant, variant_of

if TYPE_CHECKING:
    import torch

BATCH = 128
FEWEST = 16
"""Of a batch, for losses of its statistics: below, they are biased by a fifth of a nat and more on digits."""


@dataclass(frozen=True)
class Request:
    """The arguments of `train` that determine a run besides the data, as they were given."""

    variant: "str | Variant"
    latents: int
    hidden: Sequence[int]
    activation: str
    architecture: Architecture
    steps: int
    batch: int | None
    learning_rate: float
    seed: "int | torch.Generator"
    every: int
    patience: int | None


def settings_of(data: Splits, request: Request, seed: int) -> Settings:
    """Return what a run is asked, with the seed as a number, or raise: see `train`."""
    chosen = variant_of(request.variant)
    _require_words(request.activation, request.architecture)
    for name in ("latents", "steps", "every"):
        require_count(name, getattr(request, name))
    if request.patience is not None:
        require_count("patience", request.patience)
    require_positive(learning_rate=request.learning_rate)
    given = {field.name: getattr(request, field.name) for field in fields(request)}
    return Settings(
        **{
            **given,
            "variant": chosen,
            "hidden": _hidden(request.hidden),
            "image": data.image if request.architecture == "conv" else None,
            "batch": _batch(request.batch, len(data.train), chosen),
            "learning_rate": float(request.learning_rate),
            "seed": seed,
        }
    )


def _require_words(activation: object, architecture: object) -> None:
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise bad("activation", activation, f"one of {', '.join(ACTIVATIONS)}")
    if architecture not in ARCHITECTURES:
        raise bad("architecture", architecture, f"one of {', '.join(ARCHITECTURES)}")


def _hidden(hidden: object) -> tuple[int, ...]:
    if isinstance(hidden, str) or not isinstance(hidden, Sequence):
        raise wrong_type("hidden", hidden, "the sizes of the encoder's hidden layers, such as (128, 64)")
    if not hidden:
        raise bad("hidden", hidden, "at least one size")
    for k, size in enumerate(hidden):
        require_count(f"hidden[{k}]", size)
    return tuple(hidden)


def _batch(batch: int | None, examples: int, variant: Variant) -> int:
    size = min(BATCH, examples) if batch is None else batch
    require_count("batch", size)
    if size > examples:
        raise bad("batch", size, f"at most {examples}, the examples of the training set")
    if variant.of_a_batch and size < 2:
        raise bad("batch", size, f"at least 2: the loss of {variant.name} is of a batch's statistics")
    if variant.of_a_batch and size < FEWEST:
        warnings.warn(
            f"batch: got {size}; the loss of {variant.name} is of a batch's statistics, and biased by about "
            f"1/(2 * {size}) nats for each latent and more for each dimension: take {FEWEST} or more",
            UserWarning,
            stacklevel=5,
        )
    return size
