"""The state of a training run: what a step and a look at the validation split change, and what a checkpoint holds."""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from elboproof.networks.autoencoder import Autoencoder, sampled
from elboproof.networks.batches import Batches
from elboproof.networks.constants import constants_of
from elboproof.networks.evaluation import in_units_of_data, relative_terms, whole
from elboproof.networks.randomness import generator_of
from elboproof.networks.records import Point, Settings, Terms, TrainingError
from elboproof.networks.splits import Splits
from elboproof.networks.terms import (
    first_not_finite,
    likelihood,
    log_likelihood_variance,
    rate,
    statistics,
)

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class _Pass:
    """What networks make of a batch, in the order in which it comes about; the fields' names are those of errors."""

    encoder_mean: torch.Tensor
    encoder_log_variance: torch.Tensor | None
    sampled_latent: torch.Tensor
    decoder_output: torch.Tensor  # less y: finite if and only if the output is
    decoder_log_variance: torch.Tensor | None


class Run:
    """Networks, their optimiser, batches and noise, the curve so far and the best parameters.

    Parameters
    ----------
    settings, data
        All that the run depends on.
    """

    def __init__(self, settings: Settings, data: Splits) -> None:
        self.settings = settings
        self.constants = constants_of(data.train)
        self.train, self.validation = (
            torch.from_numpy(self.constants.normalised(part)) for part in (data.train, data.validation)
        )
        self._y, self._held_out = self.train.float(), self.validation.float()
        self._variance = torch.from_numpy(self.constants.relative_variance).float()
        self.networks = Autoencoder.of(settings, data.train.shape[1])
        self._set_start()
        self._parameters = list(self.networks.parameters())
        # one kernel: a handful of small ones for each tensor would take a good part of a step
        self._optimiser = torch.optim.Adam(self._parameters, settings.learning_rate, fused=True)
        self._batches = Batches(len(self._y), settings.batch, generator_of(settings.seed, "batches"))
        self._noise = generator_of(settings.seed, "noise")
        self.step = 0
        self.curve: list[Point] = []
        self.best_step, self.best = 0, self._copied()

    def _set_start(self) -> None:
        """Set what does not start at random: means of constant dimensions at 0, a learned likelihood variance.

        That starts at 1 in the data's units: at 1 / c^2 in those of the networks.
        """
        last = self.networks.decoder[-1]
        if isinstance(last, torch.nn.Linear):
            # forms of BAGGINS drop these dimensions: what is drawn there would never be trained, and be judged
            constant = torch.from_numpy(self.constants.variance == 0)
            with torch.no_grad():
                last.weight[constant], last.bias[constant] = 0.0, 0.0
        level = self.networks.log_likelihood_variance
        if level is not None and self.settings.variant.likelihood == "learned":
            with torch.no_grad():
                level.fill_(-2 * torch.tensor(self.constants.scale, dtype=torch.float64).log())

    def _copied(self) -> State:
        return {name: value.clone() for name, value in self.networks.state_dict().items()}

    def advance(self) -> None:
        """Make one step.

        Raises
        ------
        TrainingError
            If a term or the gradient is not finite.
        """
        self.step += 1
        given = self._forward(self._y[self._batches.next()])
        try:
            log_p, divergence = self._terms(given)
        except ValueError:  # BAGGINS takes no NaN
            self._require_finite(**vars(given))
            raise
        self._optimiser.zero_grad()
        (divergence - log_p).backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        # one look in the usual case: what is not finite before comes through to the loss or the gradient
        if not math.isfinite(log_p.item() + divergence.item() + size.item()):
            self._require_finite(**vars(given), likelihood=log_p, rate=divergence, gradient=size)
        self._optimiser.step()

    def _forward(self, y: torch.Tensor) -> "_Pass":
        """Return what the networks make of a batch (B, D) at fresh noise, in the order in which it comes about."""
        noise = torch.randn(len(y), self.settings.latents, generator=self._noise)
        mean, log_variance = self.networks.encode(y)
        z = sampled(mean, log_variance, noise)
        decoded, log_v = self.networks.decode_both(z)
        return _Pass(mean, log_variance, z, y - decoded, log_v)

    def _terms(self, given: "_Pass") -> tuple[torch.Tensor, torch.Tensor]:
        """Return the likelihood and the rate of a batch, scalars."""
        variant = self.settings.variant
        level = log_likelihood_variance(self.networks, self.constants.scale)
        found = statistics(
            given.decoder_output, given.encoder_mean, given.encoder_log_variance, given.decoder_log_variance
        )
        return likelihood(variant, found, self._variance, level), rate(variant, found)

    def _require_finite(self, **terms: torch.Tensor | None) -> None:
        found = first_not_finite(**terms)
        if found is not None:
            raise TrainingError(self.step, found)

    def look(self) -> Terms:
        """Add a point to the curve, and keep the parameters if they are the best ones; return the terms.

        Raises
        ------
        TrainingError
            If a term of the validation split is not finite.
        """
        given = whole(self.networks, self._held_out, self.settings.seed)
        self._require_finite(residual_of_the_validation_split=given.whitened, rate=given.variance)
        terms = relative_terms(self.networks, given, self.constants)
        self._require_finite(**{name: torch.tensor(getattr(terms, name)) for name in ("likelihood", "rate")})
        before = max((point.terms.objective for point in self.curve), default=-float("inf"))
        self.curve.append(Point(self.step, terms))
        if terms.objective > before:
            self.best_step, self.best = self.step, self._copied()
        return in_units_of_data(self.networks, terms, self.constants)

    @property
    def stopped(self) -> str:
        """Why the run has ended; empty while it has not."""
        patience, looks = self.settings.patience, len(self.curve)
        best = next((k for k, point in enumerate(self.curve) if point.step == self.best_step), 0)
        if self.curve and self.step >= self.settings.steps:
            return f"all {self.settings.steps} steps were made"
        if patience is not None and looks - 1 - best >= patience:
            return f"no gain on the validation split in {patience} looks, {self.settings.every} steps each"
        return ""

    def state(self) -> dict[str, Any]:
        """Return all that changes, as tensors and plain values."""
        return {
            "networks": self.networks.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "batches": self._batches.state(),
            "noise": self._noise.get_state(),
            "step": self.step,
            "curve": [(point.step, point.terms.likelihood, point.terms.rate) for point in self.curve],
            "best": self.best,
            "best_step": self.best_step,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken."""
        self.networks.load_state_dict(state["networks"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._batches.restore(state["batches"])
        self._noise.set_state(state["noise"])
        self.step, self.best_step, self.best = state["step"], state["best_step"], state["best"]
        self.curve = [Point(step, Terms(log_p, kl)) for step, log_p, kl in state["curve"]]

    def chosen(self) -> tuple[int, Autoencoder]:
        """Return the step and the networks of the best point of the curve, or the last ones without early stopping."""
        networks = deepcopy(self.networks)
        if self.settings.patience is None:
            return self.step, networks.eval()
        networks.load_state_dict(self.best)
        return self.best_step, networks.eval()
