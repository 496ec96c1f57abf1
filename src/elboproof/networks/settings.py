"""The arguments of the training loop, checked."""

import warnings
from collections.abc import Sequence

from elboproof.arguments import bad, require_count, require_positive, wrong_type
from elboproof.networks.architectures import ACTIVATIONS, ARCHITECTURES, Architecture
from elboproof.networks.records import Settings
from elboproof.networks.splits import Splits
from elboproof.networks.variants import Variant, variant_of

BATCH = 128
FEWEST = 16
"""Of a batch, for losses of its statistics: below, they are biased by a fifth of a nat and more on digits."""


def settings_of(
    data: Splits,
    variant: "str | Variant",
    latents: int,
    hidden: Sequence[int],
    activation: str,
    architecture: Architecture,
    steps: int,
    batch: int | None,
    learning_rate: float,
    seed: int,
    every: int,
    patience: int | None,
) -> Settings:
    """Return what a run is asked, or raise: see `train`."""
    chosen = variant_of(variant)
    _require_words(activation, architecture)
    counts = {"latents": latents, "steps": steps, "every": every}
    for name, value in counts.items():
        require_count(name, value)
    if patience is not None:
        require_count("patience", patience)
    require_positive(learning_rate=learning_rate)
    return Settings(
        variant=chosen,
        latents=latents,
        hidden=_hidden(hidden),
        activation=activation,
        architecture=architecture,
        image=data.image if architecture == "conv" else None,
        steps=steps,
        batch=_batch(batch, len(data.train), chosen),
        learning_rate=float(learning_rate),
        seed=seed,
        every=every,
        patience=patience,
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
