"""One training loop for all variants, encoders and decoders."""

import hashlib
import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from os import PathLike
from types import MappingProxyType

import numpy as np
import torch

from elboproof import __version__
from elboproof.arguments import bad, file_path
from elboproof.files import taken
from elboproof.networks.architectures import Architecture
from elboproof.networks.checkpoints import read, require_same, understood, write
from elboproof.networks.evaluation import in_units_of_data, relative_terms, whole
from elboproof.networks.files import bad_file
from elboproof.networks.randomness import seed_of
from elboproof.networks.records import Point, Progress, Settings, Terms
from elboproof.networks.run import Run
from elboproof.networks.settings import Request, settings_of
from elboproof.networks.splits import Data, Splits, split
from elboproof.networks.trained import Trained
from elboproof.networks.variants import Variant


def train(
    data: Data,
    *,
    variant: "str | Variant" = "bilbo-baggins",
    latents: int = 8,
    hidden: Sequence[int] = (128, 128),
    activation: str = "silu",
    architecture: Architecture = "mlp",
    steps: int = 2000,
    batch: int | None = None,
    learning_rate: float = 1e-3,
    seed: "int | torch.Generator" = 0,
    every: int = 100,
    patience: int | None = 10,
    checkpoint: "str | PathLike[str] | None" = None,
    progress: Callable[[Progress], object] | None = None,
) -> Trained:
    """Train an encoder and a decoder with Adam, and return them as a record.

    Parameters
    ----------
    data
        `Splits`, or what `split` takes; that is split with the seed, a tenth each for validation and test.
    variant
        A name of `VARIANTS`, or a `Variant`.
    latents
        d.
    hidden
        Sizes of the encoder's hidden layers; the decoder has them in reverse.
    activation
        "tanh", "silu", "gelu", "softplus" or "relu".
    architecture
        "mlp", or "conv" for images.
    steps
        Of Adam.
    batch
        Examples of a step: 128, or all of fewer, if not given.
    learning_rate
        Of Adam.
    seed
        Of weights, batches and noise, which are streams of their own; no global generator is used.
    every
        Steps from one look at the validation split to the next: its terms are told, and a checkpoint is written.
    patience
        Training ends after so many looks without a gain, and the best parameters are returned; None: all steps are
        made, and the last parameters are returned.
    checkpoint
        A file. If it is there, the run goes on from it, and ends with the same numbers as a run that was never
        interrupted: bit for bit on a CPU with the same number of threads. One run at a time has it, by the lock beside.
    progress
        Called with a `Progress` after each look.

    Returns
    -------
    Trained
        Encoder and decoder, with the settings, the constants of the data and the training curve.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or the checkpoint is of another run, or another run writes it.
    NotWrittenError
        An ``OSError``: if a checkpoint cannot be written. The one before is whole.
    TrainingError
        If a number is not finite: with the step and the term.

    Warns
    -----
    UserWarning
        If a loss of a batch's statistics is to be trained on batches of fewer than 16.

    Examples
    --------
    >>> import numpy as np
    >>> from elboproof import networks
    >>> x = np.random.default_rng(0).standard_normal((200, 1)) * [1.0, 2.0, 3.0]
    >>> trained = networks.train(x, latents=1, hidden=[16], steps=100)
    >>> trained.encode(x)[0].shape, trained.decode([[0.0]]).shape
    ((200, 1), (1, 3))
    """
    request = Request(
        variant=variant,
        latents=latents,
        hidden=hidden,
        activation=activation,
        architecture=architecture,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        every=every,
        patience=patience,
    )
    return prepared(data, request, checkpoint).go(progress)


class Training:
    """A run and its place on the disk, ready to go."""

    def __init__(self, run: Run, place: "_Place") -> None:
        self._run, self._place = run, place

    def go(self, progress: Callable[[Progress], object] | None = None) -> Trained:
        """Make the steps that are left, and return the result."""
        try:
            _go(self._run, self._place, progress)
        finally:
            self._place.leave()
        return _trained(self._run)


def prepared(data: Data, request: Request, checkpoint: "str | PathLike[str] | None" = None) -> Training:
    """Check the arguments of `train`, and set a run to where its checkpoint is; nothing is trained yet."""
    number = seed_of(request.seed)
    splits = split(data, seed=number)
    settings = settings_of(splits, request, number)
    if len(splits.validation) < 2:
        raise bad("data", f"{len(splits.validation)} examples for validation", "at least 2")
    run = Run(settings, splits)
    place = _Place(checkpoint, _request(settings, splits))
    try:
        place.restore(run)
    except BaseException:
        place.leave()
        raise
    return Training(run, place)


class _Place:
    """Where checkpoints are written, if anywhere, and what stands in them about the run; taken until `leave`."""

    def __init__(self, path: object, request: dict[str, str]) -> None:
        self._path = None if path is None else file_path(path, "checkpoint")
        self._request = request
        if self._path is not None and not self._path.parent.is_dir():
            raise bad_file("checkpoint", self._path, "a file in a folder that exists")
        self._lock = None if self._path is None else taken(self._path)
        if self._path is not None and self._lock is None:
            raise bad_file("checkpoint", self._path, "a file that no other run is writing")

    def leave(self) -> None:
        """Let other runs have the file."""
        if self._lock is not None:
            self._lock.release()

    def restore(self, run: Run) -> None:
        """Set a run to where the file is, if there is one."""
        if self._path is not None and self._path.exists():
            state = read(self._path)
            require_same(self._path, state["request"], self._request)
            with understood(self._path):
                run.restore(state)

    def save(self, run: Run) -> None:
        """Write where a run is."""
        if self._path is not None:
            write(self._path, {"request": self._request, **run.state()})


def _go(run: Run, place: _Place, progress: Callable[[Progress], object] | None) -> None:
    began, first = time.monotonic(), run.step
    while not run.stopped:
        if run.curve:
            for _ in range(min(run.settings.every, run.settings.steps - run.step)):
                run.advance()
        terms = run.look()
        place.save(run)
        if progress is not None:
            speed = (time.monotonic() - began) / max(1, run.step - first)
            left = speed * (run.settings.steps - run.step) if run.step > first else math.nan
            progress(Progress(run.step, run.settings.steps, terms, run.best_step, left))


def _request(settings: Settings, data: Splits) -> dict[str, str]:
    """Return what a run depends on as texts: settings, data, and versions."""
    texts = {field.name: str(getattr(settings, field.name)) for field in fields(settings)}
    for name in ("train", "validation"):
        part = np.ascontiguousarray(getattr(data, name))
        texts[f"{name} data"] = f"{part.shape} {hashlib.sha256(part.tobytes()).hexdigest()[:16]}"
    return {**texts, **versions()}


def versions() -> dict[str, str]:
    """Return the versions of what the bits of a run depend on."""
    return {
        "elboproof": __version__,
        "torch": str(torch.__version__),  # a class of its own, which no checkpoint may hold
        "numpy": np.__version__,
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
    }


def _trained(run: Run) -> Trained:
    step, networks = run.chosen()
    double = networks.double()
    seen = {
        name: whole(double, part, run.settings.seed)
        for name, part in (("train", run.train), ("validation", run.validation))
    }
    terms = {name: relative_terms(double, given, run.constants) for name, given in seen.items()}
    variant = run.settings.variant
    second = (seen["train"].square + seen["train"].variance).numpy()
    return Trained(
        settings=run.settings,
        constants=run.constants,
        networks=networks.float(),
        curve=tuple(Point(p.step, _of_x(run, p.terms)) for p in run.curve),
        step=step,
        stopped=run.stopped,
        variance=float(seen["validation"].residual.square().mean()) * run.constants.scale**2,
        prior_variance=second if variant.prior == "floating" else np.ones(run.settings.latents),
        terms=MappingProxyType({name: _of_x(run, one) for name, one in terms.items()}),
        versions=MappingProxyType(versions()),
        variance_factor=float(seen["validation"].whitened.square().mean()) if variant.per_pixel else 1.0,
    )


def _of_x(run: Run, terms: Terms) -> Terms:
    return in_units_of_data(run.networks, terms, run.constants)
