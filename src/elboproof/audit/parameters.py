"""What s may be: the maps from the encoder's second output to the variance of q, and designs of s."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import softplus

Tensor = torch.Tensor


@dataclass(frozen=True)
class Parameter:
    """A way to write a variance.

    Attributes
    ----------
    name : str
        As reports call it.
    variance : function
        Of s.
    inverse : function
        s of a log variance.
    positive : bool
        Whether s must be positive.
    """

    name: str
    variance: Callable[[Tensor], Tensor]
    inverse: Callable[[float], float]
    positive: bool = False


def _unsoftplus(value: float) -> float:
    return value + math.log(-math.expm1(-value))


PARAMETERS = (
    Parameter("log variance", torch.exp, lambda v: v),
    Parameter("log deviation", lambda s: torch.exp(2 * s), lambda v: v / 2),
    Parameter("deviation", lambda s: s**2, lambda v: math.exp(v / 2), positive=True),
    Parameter("variance", lambda s: s, math.exp, positive=True),
    Parameter("softplus deviation", lambda s: softplus(s) ** 2, lambda v: _unsoftplus(math.exp(v / 2))),
    Parameter("softplus variance", softplus, lambda v: _unsoftplus(math.exp(v))),
    Parameter("log precision", lambda s: torch.exp(-s), lambda v: -v),
)


def possible(positive: bool) -> tuple[Parameter, ...]:
    """Return the parameters that s may be: those of a positive s need one, and it may be any other too."""
    return tuple(one for one in PARAMETERS if positive or not one.positive)


def named(name: str) -> Parameter:
    """Return the parameter of a name."""
    return next(one for one in PARAMETERS if one.name == name)
