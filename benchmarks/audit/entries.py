"""What the catalogue knows of a model: a bug with its place, a correct control, a convention of a public code base."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from benchmarks.audit.vae import Vae

Model = TypeVar("Model", bound=type[Vae])
Shown = Literal["fails", "named", "declared"]
Kind = Literal["value", "gradient", "law"]
Size = Callable[[int, int], float]
"""A number that depends on D and d."""


def one(_: int, __: int) -> float:
    """Return 1 for all sizes."""
    return 1.0


@dataclass(frozen=True)
class Mutant:
    """A correct model with one method changed.

    Attributes
    ----------
    label : str
        "M01" to "M52", "N01" to "N09", or "odd-1" to "odd-3".
    model : type
        Its docstring's first line says what is wrong; its base is the control that it was.
    seen : tuple of str
        The checks that ought to flag it.
    shown : str
        "fails": a check ought to fail without anything declared. "named": a loss that trains something well defined,
        whose sentence names another scale, weight, variance or constant, and that is no negative ELBO: it fails once
        ``claim="-elbo"`` is declared. "declared": a valid bound, but not the one meant; seen once that is declared.
    kind : str
        What differs from the control's closed form: the expected "value", its "gradient" alone, or the joint
        "law" of the data's draws alone.
    source : str
        A public thread where it is reported or proposed, "" where it is a slip that anybody can make.
    claim, variance
        What is declared at last: the audit's ``claim``, and the variance that the author means.
    mode, log_variance
        Where the difference shows: "train" or "eval", and what is added to every log variance.
    """

    label: str
    model: type[Vae]
    seen: tuple[str, ...]
    shown: Shown = "fails"
    kind: Kind = "value"
    source: str = ""
    claim: str = "-elbo"
    variance: Callable[[Vae], float] | None = None
    mode: str = "train"
    log_variance: float = 0.0

    @property
    def description(self) -> str:
        """The first line of the model's docstring."""
        return first_line(self.model)

    @property
    def control(self) -> type[Vae]:
        """The correct model that was changed."""
        return self.model.__bases__[0]


@dataclass(frozen=True)
class Control:
    """A correct model; ``claim`` is the strongest that it may make."""

    model: type[Vae]
    claim: str = "-elbo"

    @property
    def description(self) -> str:
        """The first line of the model's docstring."""
        return first_line(self.model)


@dataclass(frozen=True)
class Convention:
    """What a public code base does, with what the audit ought to say of it.

    Attributes
    ----------
    name : str
        Of the code base and its loss.
    model : type
        Written anew from the stated facts.
    verdicts : tuple of str
        What the formula's verdict may be.
    likelihood : str
        "gaussian", "laplace", "bernoulli", or "" where the loss is no bound.
    scale, variance
        Functions of D and d: -loss / scale = ELBO + `omitted`, for a Gaussian of that variance (Laplace: that scale).
    constant : bool
        Whether the likelihood's constant is there.
    summed : bool
        A sum over the batch, and not a mean.
    """

    name: str
    model: type[Vae]
    verdicts: tuple[str, ...]
    likelihood: str = ""
    scale: Size = one
    variance: Size = one
    constant: bool = True
    summed: bool = False

    def omitted(self, pixels: int, latents: int) -> float:
        """Return the nats per example by which -loss / scale exceeds the ELBO."""
        if self.constant or self.likelihood not in {"gaussian", "laplace"}:
            return 0.0
        width = self.variance(pixels, latents)
        gaussian = self.likelihood == "gaussian"
        return pixels * (math.log(2 * math.pi * width) / 2 if gaussian else math.log(2 * width))

    @property
    def description(self) -> str:
        """The first line of the model's docstring."""
        return first_line(self.model)


MUTANTS: dict[str, Mutant] = {}
CONTROLS: dict[str, Control] = {}
CONVENTIONS: dict[str, Convention] = {}


def mutant(
    label: str,
    seen: str,
    shown: Shown = "fails",
    *,
    kind: Kind = "value",
    source: str = "",
    claim: str = "-elbo",
    variance: Callable[[Vae], float] | None = None,
    mode: str = "train",
    log_variance: float = 0.0,
) -> Callable[[Model], Model]:
    """Enter a class under this label; ``seen`` holds names of checks with spaces between."""

    def enter(model: Model) -> Model:
        checks = tuple(seen.split())
        entry = Mutant(label, model, checks, shown, kind, source, claim, variance, mode, log_variance)
        return _enter(MUTANTS, label, entry, model)

    return enter


def control(name: str, *, claim: str = "-elbo") -> Callable[[Model], Model]:
    """Enter a correct class under this name."""
    return lambda model: _enter(CONTROLS, name, Control(model, claim), model)


def convention(
    name: str,
    verdicts: str,
    likelihood: str = "",
    *,
    scale: Size = one,
    variance: Size = one,
    constant: bool = True,
    summed: bool = False,
) -> Callable[[Model], Model]:
    """Enter a class that follows the convention of a public code base; ``verdicts`` has bars between them."""

    def enter(model: Model) -> Model:
        found = tuple(verdicts.split("|"))
        entry = Convention(name, model, found, likelihood, scale, variance, constant, summed)
        return _enter(CONVENTIONS, name, entry, model)

    return enter


Entry = TypeVar("Entry")


def _enter(table: dict[str, Entry], name: str, entry: Entry, model: Model) -> Model:
    if name in table:
        raise ValueError(f"name: got {name!r} a second time; expected one entry of each name")
    table[name] = entry
    return model


def first_line(model: type) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (model.__doc__ or "").strip().splitlines()[0].removesuffix(".")


def overridden(model: type) -> set[str]:
    """Return the names that a class defines itself."""
    return {name for name in vars(model) if not (name.startswith("__") and name.endswith("__"))}


def by_label(entries: Iterable[Mutant]) -> list[Mutant]:
    """Return mutants in the order of their labels."""
    return sorted(entries, key=lambda entry: (entry.label.startswith("odd"), entry.label))
