"""How networks are trained here: two protocols, a small one for every verification and a full one."""

from dataclasses import dataclass, replace
from typing import Any

from elboproof.networks import Splits, Trained, digits, mnist, train
from elboproof.networks.variants import FLOOR

from .._shared.kept import kept


@dataclass(frozen=True)
class Protocol:
    """All that a group of runs has in common.

    Attributes
    ----------
    seeds : tuple of int
        One network of each variant for each; they draw the split, the weights, the batches and the noise.
    hidden : tuple of int
        Sizes of the encoder's hidden layers; the decoder has them in reverse.
    latents, steps, batch, bits
        d, most steps of Adam, examples of a step, b of BAGGINS.
    learning_rate : float
    points : int
        Test images whose posteriors are refined; the amortised ELBO is of all.
    data : str
        "digits" or "mnist", pixels in [0, 1].
    scale : float
        By which all pixels are multiplied before training.
    activation : str
    images : int or None
        Of the validation and of the test split each, at most.
    floor : float
        Of a pixel's variance, relative to the data's, where decoders give variances.
    slip : float
        By which the first training image alone is multiplied; other than 1 only in a control.
    """

    seeds: tuple[int, ...]
    hidden: tuple[int, ...]
    steps: int
    points: int
    latents: int = 8
    batch: int = 128
    bits: float = 4.0
    learning_rate: float = 1e-3
    data: str = "digits"
    scale: float = 1.0
    activation: str = "silu"
    images: int | None = None
    floor: float = FLOOR
    slip: float = 1.0

    @property
    def words(self) -> str:
        """The protocol in words, for the domain of a check."""
        sizes = "-".join(map(str, self.hidden))
        few = f", {self.images} images each for validation and test" if self.images else ""
        return (
            f"{self.data}, hidden layers {sizes} ({self.activation}), {self.latents} latents, at most {self.steps} "
            f"steps of Adam at {self.learning_rate:g}, batches of {self.batch}, early stopping{few}; "
            f"{len(self.seeds)} seeds"
        )

    def but(self, **changes: Any) -> "Protocol":
        """Return the protocol with other sizes."""
        return replace(self, **changes)


SMALL = Protocol(seeds=(0, 1, 2, 3, 4), hidden=(64, 64), steps=1200, points=60, learning_rate=2e-3)
FULL = Protocol(seeds=(0, 1, 2, 3, 4, 5), hidden=(128, 128), steps=3000, points=300)
EVERY, PATIENCE = 50, 10
"""Steps between looks at the validation split, and looks without a gain after which a run ends."""


@kept
def splits(protocol: Protocol, seed: int) -> Splits:
    """Return the split data; raise ValueError if the user has no MNIST."""
    found = digits(seed=seed) if protocol.data == "digits" else mnist(mnist_path(), seed=seed)
    scaled = found if protocol.scale == 1 else found.scaled(protocol.scale)
    if protocol.images is not None:
        few = slice(protocol.images)
        scaled = replace(scaled, validation=scaled.validation[few], test=scaled.test[few])
    if protocol.slip == 1:
        return scaled
    train = scaled.train.copy()
    train[0] *= protocol.slip
    return replace(scaled, train=train)


def mnist_path() -> str | None:
    """Return where the user says that MNIST is, None if only an installed package can have it."""
    import os

    return os.environ.get("ELBOPROOF_MNIST") or None


@kept
def trained(protocol: Protocol, variant: str, seed: int) -> Trained:
    """Return networks of a variant."""
    from elboproof.networks import VARIANTS

    return train(
        splits(protocol, seed),
        variant=replace(VARIANTS[variant], bits=protocol.bits, floor=protocol.floor),
        latents=protocol.latents,
        hidden=protocol.hidden,
        activation=protocol.activation,
        steps=protocol.steps,
        batch=protocol.batch,
        learning_rate=protocol.learning_rate,
        seed=seed,
        every=EVERY,
        patience=PATIENCE,
    )
