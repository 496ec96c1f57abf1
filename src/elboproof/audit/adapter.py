"""What a user hands over: his loss, data, and where his encoder and decoder are called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from elboproof.arguments import bad, wrong_type
from elboproof.audit.reported import Reported

Tensor: TypeAlias = torch.Tensor
Tap: TypeAlias = Any
"""A module, ``(owner, "name")``, or of an encoder a list of two modules, of the mean and of s."""

CLAIMS = ("loss", "-elbo", "-iwae", "bits/dim")
SUPPORTS = ("binary", "unit", "count", "real")
FAMILIES = ("gaussian", "laplace", "bernoulli", "poisson")


@dataclass(frozen=True)
class Declared:
    """The likelihood that is meant, where the code could use another one.

    Parameters
    ----------
    family
        "gaussian", "laplace", "bernoulli" or "poisson".
    variance
        Of a Gaussian; a number, or a function without arguments that returns one.
    scale
        Of a Laplace law, as ``variance``.

    Raises
    ------
    ValueError
        If the family is none of these, or has no such number.
    """

    family: str
    variance: float | Callable[[], Any] | None = None
    scale: float | Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise bad("family", self.family, f"one of {', '.join(FAMILIES)}")
        if self.variance is not None and self.family != "gaussian":
            raise bad("variance", self.variance, f"none for the family {self.family}")
        if self.scale is not None and self.family != "laplace":
            raise bad("scale", self.scale, f"none for the family {self.family}")

    def spread(self) -> float | None:
        """Return the variance or the scale, None if neither is declared.

        Raises
        ------
        ValueError
            If a function that was given returns no positive number.
        """
        given = self.variance if self.variance is not None else self.scale
        value = given() if callable(given) else given
        if value is None:
            return None
        number = float(value.detach() if isinstance(value, torch.Tensor) else value)
        if not 0.0 < number < float("inf"):
            raise bad("variance" if self.family == "gaussian" else "scale", value, "a positive number")
        return number


@dataclass(frozen=True)
class Adapter:
    """A loss and its taps; the user's code stays as it is.

    Parameters
    ----------
    loss
        Called as ``loss(x)``, or ``loss(*data)`` where data is a tuple. Returns what is minimised or reported, in
        nats: a scalar or one value per datum; of a dict its "loss", of a tuple the first entry.
    data
        Tensor (N, ...) with N >= 2, or a tuple of tensors whose first is x. Sets the shape and support of a datum;
        the audit draws its own.
    encode, decode
        Taps: a submodule, ``(owner, "name")``, or for the encoder a list of two modules ``[mean, s]``.
    read_q
        ``read_q(out) -> (mean, s)``, for containers that are not known.
    read_x
        ``read_x(out) -> tensor`` or a tuple of tensors.
    read_z
        ``read_z(arguments, keywords) -> z``; the decoder's first tensor if not given.
    write_q, write_x
        Beside those that read: ``write_q(out, mean, s) -> out``, ``write_x(out, *tensors) -> out``.
    skip
        Modules that are replaced by a function that returns what they once returned: expensive trunks.
    claim
        What the number is said to be: "loss" (whatever is minimised), "-elbo", "-iwae" or "bits/dim".
    likelihood
        `Declared`, where the likelihood meant is known.
    data_support
        "binary", "unit" (grey values in [0, 1]), "count" or "real"; looked up in ``data`` if not given.
    name
        Shown in reports.
    report
        `Reported`: an evaluation number, which is compared with the bounds of its own draws on the real networks.

    Raises
    ------
    TypeError, ValueError
        If an argument is no such thing; the text names it.
    """

    loss: Callable[..., Any]
    data: Any
    encode: Tap
    decode: Tap
    read_q: Callable[[Any], Any] | None = None
    read_x: Callable[[Any], Any] | None = None
    read_z: Callable[[tuple[Any, ...], dict[str, Any]], Tensor] | None = None
    write_q: Callable[[Any, Tensor, Tensor], Any] | None = None
    write_x: Callable[..., Any] | None = None
    skip: Sequence[torch.nn.Module] = ()
    claim: str = "loss"
    likelihood: Declared | None = None
    data_support: str | None = None
    name: str = "adapter"
    report: Reported | None = None

    def __post_init__(self) -> None:
        if not callable(self.loss):
            raise wrong_type("loss", self.loss, "a function of the data")
        if self.claim not in CLAIMS:
            raise bad("claim", self.claim, f"one of {', '.join(CLAIMS)}")
        if self.data_support is not None and self.data_support not in SUPPORTS:
            raise bad("data_support", self.data_support, f"one of {', '.join(SUPPORTS)}")
        if self.likelihood is not None and not isinstance(self.likelihood, Declared):
            raise wrong_type("likelihood", self.likelihood, "audit.Declared")
        if self.report is not None and not isinstance(self.report, Reported):
            raise wrong_type("report", self.report, "audit.Reported")
        _require_data(self.tensors)
        _require_tap("encode", self.encode, pairs=True)
        _require_tap("decode", self.decode, pairs=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return the data as a tuple, x first."""
        return tuple(self.data) if isinstance(self.data, tuple | list) else (self.data,)

    @property
    def support(self) -> str:
        """Return the support of the data, declared or looked up."""
        return self.data_support or support_of(self.tensors[0])


def _require_data(tensors: tuple[Tensor, ...]) -> None:
    if not tensors:
        raise bad("data", tensors, "at least one tensor")
    for one in tensors:
        if not isinstance(one, torch.Tensor):
            raise wrong_type("data", one, "a tensor, or a tuple of tensors")
    x = tensors[0]
    if x.ndim < 2 or x.shape[0] < 2 or x[0].numel() < 1:
        raise bad("data", tuple(x.shape), "a tensor of shape (N, ...) with N >= 2")
    if not bool(torch.isfinite(x).all()):
        raise bad("data", x, "finite numbers")
    if any(one.shape[:1] != x.shape[:1] for one in tensors):
        raise bad("data", [tuple(one.shape) for one in tensors], "tensors of as many rows as x")


def _require_tap(name: str, tap: Tap, *, pairs: bool) -> None:
    if isinstance(tap, torch.nn.Module):
        return
    if isinstance(tap, tuple) and len(tap) == 2 and isinstance(tap[1], str):
        if not callable(getattr(tap[0], tap[1], None)):
            raise bad(name, tap[1], f"a method of {type(tap[0]).__name__}")
        return
    modules = isinstance(tap, list | tuple) and len(tap) == 2 and all(map(_is_module, tap))
    if not (pairs and modules):
        words = 'a module, (owner, "name")' + (", or a list of two modules" if pairs else "")
        raise wrong_type(name, tap, words)


def _is_module(value: object) -> bool:
    return isinstance(value, torch.nn.Module)


def support_of(x: Tensor) -> str:
    """Return "binary", "unit", "count" or "real": the smallest support that holds all of x."""
    if bool(((x == 0) | (x == 1)).all()):
        return "binary"
    if bool(((x >= 0) & (x <= 1)).all()):
        return "unit"
    return "count" if bool(((x >= 0) & (x == x.round())).all()) else "real"
