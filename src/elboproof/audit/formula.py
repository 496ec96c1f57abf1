"""What a recognised formula says: which objective it is, up to which scale and constant, in one sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

KINDS = (
    "EXACT",
    "UP TO A CONSTANT",
    "UP TO SCALE",
    "BETA",
    "FREE BITS",
    "CAPACITY",
    "AGGREGATE",
    "UNNORMALISED",
    "MIXED REDUCTION",
    "GRADIENT SURROGATE",
    "NOT AN ELBO",
    "NOT RECOGNISED",
)
NEVER = ("MIXED REDUCTION", "GRADIENT SURROGATE", "NOT AN ELBO")
"""Kinds that fail whatever is claimed."""
OTHER = ("FREE BITS", "CAPACITY", "AGGREGATE")
"""Kinds that are objectives of their own: they pass as a loss, and as no bound."""


@dataclass(frozen=True)
class Formula:
    """What the loss is.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    sentence : str
        For a reader.
    likelihood, divergence, noise, parameter, reduction : str
        The likelihood; "closed form", "monte carlo", "flow", "drawn, " and another law, "enumerated" of a code that is
        summed over, or "aggregate"; the law of the noise of q; what s is; "sum", "mean" or "per datum".
    scale : float
        The loss is this times the negative bound.
    beta : float
        The weight of the divergence relative to the likelihood; 1 where the likelihood's variance is free, but of a
        capacity or an aggregate its weight beside a likelihood of its own variance.
    variance : float or None
        Of a Gaussian, the scale of a Laplace law; None if it is learned or there is none.
    constant_found, constant_needed : float
        Per datum, in the units of the loss: -loss / scale = bound + (needed - found) / scale.
    terms : dict
        The weights found.
    expected : dict
        What they would be, for a kind that is no bound.
    residual : float
        Largest relative one on the designs.
    equations : int
        Number of designs, or of values.
    hints : tuple of str
        Where to look.
    within : tuple of str
        Up to where it holds, and what the loss does beyond, where that was seen; in the sentence too.
    """

    kind: str
    sentence: str
    likelihood: str = ""
    divergence: str = ""
    noise: str = "normal"
    parameter: str = ""
    reduction: str = ""
    scale: float = 1.0
    beta: float = 1.0
    variance: float | None = None
    constant_found: float = 0.0
    constant_needed: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)
    residual: float = math.nan
    equations: int = 0
    hints: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def offset(self) -> float:
        """Return by how many nats -loss / scale lies above the bound, per datum."""
        return (self.constant_needed - self.constant_found) / self.scale


def snapped(value: float, names: Mapping[str, float], close: float = 1e-7) -> str:
    """Return a number as p/q, times or over named numbers such as D, where it is one to ``close``; else as decimals."""
    for name, unit in {"": 1.0, **names}.items():
        if not unit:
            continue
        ratio = Fraction(value / unit).limit_denominator(20)
        if ratio and abs(float(ratio) * unit - value) <= close * abs(value):
            text = str(ratio)
            return text if not name else name if ratio == 1 else f"{text} {name}"
    return f"{value:.6g}"


def units(D: int, d: int) -> dict[str, float]:
    """Return the numbers that reductions multiply by."""
    return {"D": D, "/ D": 1 / D, "/ d": 1 / d, "/ (D d)": 1 / (D * d)}
