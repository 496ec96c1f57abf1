"""What a run of the training loop was asked, and what it tells."""

import math
from dataclasses import dataclass

from elboproof.networks.architectures import Architecture, Image
from elboproof.networks.variants import Variant


@dataclass(frozen=True)
class Terms:
    """An objective, to be maximised, and its parts; in nats per example, of a whole data set.

    Attributes
    ----------
    likelihood : float
        Log likelihood at one draw of z for each example, in the units of x; for BAGGINS relative to the data's own
        Gaussian.
    rate : float
        Mean KL from q(z|x) to the prior.
    """

    likelihood: float
    rate: float

    @property
    def objective(self) -> float:
        """Likelihood - rate."""
        return self.likelihood - self.rate


@dataclass(frozen=True)
class Point:
    """A point of the training curve: the whole validation split after a number of steps.

    Attributes
    ----------
    step : int
    terms : Terms
        Of the whole validation split.
    """

    step: int
    terms: Terms


@dataclass(frozen=True)
class Progress:
    """What is told while networks are trained.

    Attributes
    ----------
    step, steps : int
    terms : Terms
        Of the whole validation split, never of a batch.
    best_step : int
        Where the objective was best so far.
    seconds_left : float
        If all steps are made; from the speed of this process, NaN before its first step.
    """

    step: int
    steps: int
    terms: Terms
    best_step: int
    seconds_left: float

    def __str__(self) -> str:
        """Return one line."""
        terms = self.terms
        return (
            f"step {self.step}/{self.steps}: objective {terms.objective:.4g} = likelihood {terms.likelihood:.4g} - "
            f"rate {terms.rate:.4g} nats (best at {self.best_step}){_left(self.seconds_left)}"
        )


@dataclass(frozen=True)
class Settings:
    """All that determines a run, besides the data; the arguments of `train`, as they were used.

    Attributes
    ----------
    variant : Variant
    latents : int
    hidden : tuple of int
    activation, architecture : str
    image : tuple of int or None
        Channels, height and width, where rows are images.
    steps, batch : int
    learning_rate : float
    seed, every : int
    patience : int or None
    """

    variant: Variant
    latents: int
    hidden: tuple[int, ...]
    activation: str
    architecture: Architecture
    image: Image | None
    steps: int
    batch: int
    learning_rate: float
    seed: int
    every: int
    patience: int | None


class TrainingError(ArithmeticError):
    """Numbers that are not finite came up.

    Attributes
    ----------
    step : int
        Counted from 1.
    term : str
        The first that is not finite of encoder mean, encoder log variance, sampled latent, decoder output, decoder log
        variance, likelihood, rate, gradient.
    """

    def __init__(self, step: int, term: str) -> None:
        super().__init__(
            f"step {step}: the {term} is not finite; a smaller learning rate may help, or another variant"
        )
        self.step, self.term = step, term

    def __reduce__(self) -> tuple[type["TrainingError"], tuple[int, str]]:
        return TrainingError, (self.step, self.term)


def _left(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    if seconds < 90:
        return f", {seconds:.0f} s left"
    return f", {seconds / 60:.0f} min left" if seconds < 5400 else f", {seconds / 3600:.1f} h left"
