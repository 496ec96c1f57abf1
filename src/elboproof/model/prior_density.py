"""A prior with any density of the latents: an expression on a box, a half-line or the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import bad, record_text, suggesting, wrong_type
from elboproof.arrays import FloatArray, unwrapped
from elboproof.model.charts import charted
from elboproof.model.decoder_entries import entry_of
from elboproof.model.placement import Placement
from elboproof.model.priors import Prior
from elboproof.model.quantities import End, Interval, Quantities
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.tape import Tape

_INFINITE = {"inf": np.inf, "+inf": np.inf, "-inf": -np.inf, "oo": np.inf, "-oo": -np.inf}


@suggesting
@dataclass(frozen=True, init=False)
class PriorDensity(Prior):
    """exp(log_density) on a domain, zero outside.

    Parameters
    ----------
    log_density
        An expression in the model's latents, in nats: a string as in a decoder, or of SymPy's. A network's latents are
        called z, or z_0, z_1, ... where there are several.
    domain
        One (low, high) for each latent; ``"inf"`` and ``"-inf"`` are allowed. For one latent the pair alone.
    normalised
        Whether the density integrates to 1. That is checked when an evidence is asked for. With False the answer is
        the logarithm of an integral, and no evidence.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind; names are checked when a model is made.

    Examples
    --------
    >>> import elboproof as ep
    >>> beta = ep.PriorDensity("log(30) + log(p) + 4*log(1 - p)", (0, 1))  # Beta(2, 5)
    >>> coin = ep.LatentModel("p", ["log(p/(1 - p))"] * 5, ep.Bernoulli(), prior=beta)
    >>> print(ep.log_evidence(coin, [1, 1, 1, 0, 0]).midpoint.round(9))  # log(1/77)
    -4.343805422
    """

    text: str | Expr
    box: tuple[Interval, ...]
    proper: bool

    def __init__(self, log_density: str | Expr, domain: Sequence[object], normalised: bool = True) -> None:
        if isinstance(log_density, bool) or not isinstance(log_density, str | Expr):
            raise wrong_type("log_density", log_density, "a string or a SymPy expression")
        if not isinstance(normalised, bool):
            raise wrong_type("normalised", normalised, "True or False")
        object.__setattr__(self, "text", log_density)
        object.__setattr__(self, "box", _box(unwrapped(domain, "domain")))
        object.__setattr__(self, "proper", normalised)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int:
        """The number of latents."""
        return len(self.box)

    @property
    def normalised(self) -> bool:
        """Whether it is claimed to integrate to 1."""
        return self.proper

    def domain(self, d: int) -> tuple[Interval, ...]:  # noqa: ARG002
        """Return the domain."""
        return self.box

    def log_density(self, latents: Sequence[Symbol]) -> Expr:
        """Return log p(z), an expression in these latents."""
        return entry_of(self.text, {str(z): z for z in latents}, "log_density")

    def require_latents(self, latents: Sequence[Symbol]) -> None:
        """Raise ``ValueError`` unless the expression is one in these latents, real at a few points of the domain."""
        super().require_latents(latents)
        density = self.log_density(latents)
        probed = Quantities(
            latents, (), None, (density,), lambda _, tape: [tape.lower(density)], lambda: None, self.box
        )
        place = probed.unreal_probe(0)
        if place is not None:
            raise bad(
                "log_density", self.text, f"one that is real in the domain, not only outside of {place}"
            )

    def placement(self, latents: Sequence[Symbol]) -> Placement:
        """Return the charts of the domain, see `charts`."""
        density = self.log_density(latents)
        ends = [(_sympy(low), _sympy(high)) for low, high in self.box]
        return charted(latents, density, ends, lambda k: self._regular(density, latents, k))

    def _regular(self, density: Expr, latents: Sequence[Symbol], k: int) -> bool:
        """Return whether the log density is finite at both ends of latent k, the others in the middle of theirs."""
        tape = Tape(latents)
        function = compile_tape(tape, [tape.lower(density)], REAL_BALLS)
        inside = [ball_of(_inside(*ends)) for ends in self.box]
        values = []
        for end in self.box[k]:
            if not np.isfinite(float(end)):
                return False
            (value,) = function(*inside[:k], ball_of(Fraction(end)), *inside[k + 1 :])
            values.append(value)
        return all(bool(value.is_finite()) for value in values)

    def scales(self, d: int) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002
        """Return points of the domain: where the mass is, is not known."""
        middle = [float(_inside(*ends)) for ends in self.box]
        sides = [float(b) - float(a) for a, b in self.box]
        return np.array(middle), np.diag([side / 4 if np.isfinite(side) else 1.0 for side in sides])


def _inside(low: End, high: End) -> Fraction:
    """Return a number between."""
    if np.isfinite(float(low)) and np.isfinite(float(high)):
        return (Fraction(low) + Fraction(high)) / 2
    if np.isfinite(float(low)):
        return Fraction(low) + 1
    return Fraction(high) - 1 if np.isfinite(float(high)) else Fraction(0)


def _box(domain: Any) -> tuple[Interval, ...]:
    requirement = "one (low, high) for each latent"
    if not isinstance(domain, list | tuple | np.ndarray) or len(domain) == 0:
        raise wrong_type("domain", domain, requirement)
    pairs = list(domain)
    if not any(isinstance(pair, list | tuple | np.ndarray) for pair in pairs):
        pairs = [pairs]
    box = []
    for k, pair in enumerate(pairs):
        name = f"domain[{k}]" if len(pairs) > 1 else "domain"
        if not isinstance(pair, list | tuple | np.ndarray) or len(pair) != 2:
            raise bad(name, pair, requirement)
        low, high = (_end(end, f"{name}[{j}]") for j, end in enumerate(pair))
        if not low < high:
            raise bad(name, pair, "a low below its high")
        box.append((low, high))
    return tuple(box)


def _end(value: Any, name: str) -> End:
    if isinstance(value, str) and value.strip() in _INFINITE:
        return _INFINITE[value.strip()]
    if value in (sympy.oo, -sympy.oo) or (isinstance(value, float) and np.isinf(value)):
        return float(value)
    return exact(value, name)


def _sympy(end: End) -> Expr:
    if isinstance(end, float):
        return sympy.oo if end > 0 else -sympy.oo
    return sympy.Rational(end.numerator, end.denominator)
