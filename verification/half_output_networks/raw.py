"""S6: networks that see and give the pixels as they are, without constants of the data."""

import math

import numpy as np
import torch

from elboproof.checking import Run, Verdict, all_of, at_most, by_hand, control
from elboproof.networks import VARIANTS, Constants, Settings, Splits, Trained, TrainingError, elbo_estimate
from elboproof.networks.run import Run as Loop

from .._shared.kept import kept
from . import claim
from .protocol import SMALL, Protocol, splits, trained
from .scores import DRAWS, judged

SHORT = SMALL.but(steps=600, seeds=(0,))
TEN = 2.0**10
WORSE = 10.0
"""Nats by which raw networks must fall short. Seen: 20 and more."""


class _Raw(Loop):
    """A run whose networks see the data themselves."""

    def __init__(self, settings: Settings, data: Splits) -> None:
        super().__init__(settings, data)
        self.constants = Constants(np.zeros(data.train.shape[1]), self.constants.variance, 1.0)
        self.train, self.validation = (torch.from_numpy(part) for part in (data.train, data.validation))
        self._y, self._held_out = self.train.float(), self.validation.float()
        self._variance = torch.from_numpy(self.constants.variance).float()


def _settings(protocol: Protocol, variant: str) -> Settings:
    return Settings(
        variant=VARIANTS[variant],
        latents=protocol.latents,
        hidden=protocol.hidden,
        activation=protocol.activation,
        architecture="mlp",
        image=None,
        steps=protocol.steps,
        batch=protocol.batch,
        learning_rate=protocol.learning_rate,
        seed=protocol.seeds[0],
        every=protocol.steps,
        patience=None,
    )


@kept
def raw(protocol: Protocol, variant: str) -> Trained:
    """Return raw networks of the first seed.

    Raises
    ------
    TrainingError
        If numbers are not finite.
    """
    run = _Raw(_settings(protocol, variant), splits(protocol, protocol.seeds[0]))
    while not run.stopped:
        if run.curve:
            for _ in range(protocol.steps):
                run.advance()
        run.look()
    step, networks = run.chosen()
    ones = np.ones(protocol.latents)
    return Trained(run.settings, run.constants, networks.float(), (), step, run.stopped, 1.0, ones, {})


def score(protocol: Protocol, variant: str, constants: bool) -> float:
    """Return the mean amortised ELBO in units of the data's scale; -infinity if training broke down."""
    seed = protocol.seeds[0]
    data = splits(protocol, seed)
    try:
        network = trained(protocol, variant, seed) if constants else raw(protocol, variant)
    except TrainingError:
        return -math.inf
    one = judged(network, data)
    found = elbo_estimate(
        one.joint, one.x, one.posteriors, draws=DRAWS, generator=torch.Generator().manual_seed(seed)
    )
    scale = trained(protocol.but(steps=1), variant, seed).constants.scale
    return float(found.mean) + one.x.shape[1] * math.log(scale)


@claim.check(
    statement="S6",
    role="limits",
    method="experiment",
    relation="<=",
    states=(
        "networks without constants of the data are not invariant: where BILBO + BAGGINS networks see and give the "
        f"pixels as they are, their ELBO falls by more than {WORSE:g} nats at scales 2^-10 and 2^10"
    ),
    domain=f"{SHORT.words}; the last parameters; the loss still knows no scale",
    hypotheses="none",
    controls=(control("inputs and outputs in units of the data's scale", constants=True),),
    time_limit=400,
)
def raw_networks_know_their_scale(run: Run, *, constants: bool = False) -> Verdict:  # noqa: ARG001
    """A loss without a scale is not enough."""
    variant = "bilbo-baggins"
    one = score(SHORT, variant, constants)
    parts = {
        name: at_most(score(SHORT.but(scale=c), variant, constants) - one, -WORSE)
        for name, c in (("smaller", 1 / TEN), ("larger", TEN))
    }
    return all_of(parts).weakened("experiment")


@claim.check(
    statement="S6",
    role="confirms",
    method="experiment",
    relation="=",
    states=(
        "at scale 2^10 raw networks with learned posterior variances break down before or in the first step, as "
        "the exponential of the encoder's outputs is not finite; raw BILBO + BAGGINS networks go on"
    ),
    domain=f"{SHORT.words}; sigma-VAE and VAE with a learned likelihood variance",
    hypotheses="none",
    controls=(
        control("scale 2^5", refutes="*step", scale=2.0**5),
        control("with a learned posterior variance for the half outputs", refutes="half*", half="sigma-vae"),
    ),
    time_limit=400,
)
def raw_networks_with_learned_variances_break_down(
    run: Run,  # noqa: ARG001
    *,
    scale: float = TEN,
    half: str = "bilbo-baggins",
) -> Verdict:
    """What half-output networks do not have cannot overflow."""
    protocol = SHORT.but(scale=scale, steps=50)
    parts = {f"{v}: first step": _breaks(protocol, v, 1) for v in ("sigma-vae", "vae-learned-scaled")}
    return all_of({**parts, "half the outputs": _goes_on(protocol, half)})


def _broken(protocol: Protocol, variant: str) -> TrainingError | None:
    try:
        raw(protocol, variant)
    except TrainingError as error:
        return error
    return None


def _breaks(protocol: Protocol, variant: str, step: int) -> Verdict:
    error = _broken(protocol, variant)
    status = "established" if error is not None and error.step <= step else "refuted"
    words = f"all {protocol.steps} steps were made" if error is None else str(error)
    return by_hand("experiment", status, words, None if error is None else error.step, step)


def _goes_on(protocol: Protocol, variant: str) -> Verdict:
    error = _broken(protocol, variant)
    words = f"all {protocol.steps} steps were made" if error is None else str(error)
    return by_hand("experiment", "established" if error is None else "refuted", words)
