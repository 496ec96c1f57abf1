"""Lines along which a decoder's outputs, log variances and weights are moved far out, where no other design is.

A line moves one coordinate and nothing else: the outputs of one kind of all entries, up or down; the residuals, where
a likelihood looks at these; the log variance of q; or the weight of a sample, to where it is large. What the outputs
and z are otherwise is the same at all its places, so that whatever a loss holds beside the likelihood cancels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from elboproof.audit.calls import Call, Design, Tensor
from elboproof.audit.designs import at_log_variance
from elboproof.audit.divergences import residuals
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.parameters import Parameter
from elboproof.audit.session import Session

UP, DOWN = 1, -1
PLACES = {"real": (15.0, 120.0), "unit": (15.0, 120.0), "positive": (15.0, 50.0)}
"""Of an output, of its log odds, and of its logarithm."""
OF_SPREADS = (15.0, 50.0)
"""Of logarithms of a spread: their exponentials are squared."""
OF_COUNTS = (5.0, 12.0)
"""Of negative binomials: of total counts beyond, nothing is left of differences of log gammas."""
OF_SINGLE, SINGLE = 30.0, 1e-6
"""Exponentials of more are infinite in float32 when they are multiplied; closeness of what is none of it."""
MOST_LIKELY = 30.0
"""Log odds of p where 1 - p still has three digits of float64."""
LOWEST, HIGHEST = -60.0, 30.0
"""Log variances of q. At the lowest the means are 0, so that the noise keeps its digits."""
OF_Q, OF_WEIGHTS = "log variance of q", "log weights"
LOCATIONS = ("gaussian", "laplace", "other")
"""Families that look at residuals."""


@dataclass(frozen=True)
class Line:
    """A coordinate that is moved to ``u`` times a sign; ``at(u, one)`` is the design, of one entry alone if asked.

    Attributes
    ----------
    of : str
        What is moved, as reports call it.
    scale : str
        "real", "unit" or "positive": what u counts in, itself, log odds or a logarithm.
    sign : int
        `UP` or `DOWN`.
    places : tuple of float
        That are looked at, the farthest last.
    """

    of: str
    scale: str
    sign: int
    places: tuple[float, ...]
    at: Callable[[float, bool], Design]


def base_of(session: Session) -> Call:
    """Return a call on a bounded design whose outputs do not move with z."""
    designer = session.designer
    drawn = designer.design("far", designer.batches[0])
    design = designer.around("far", drawn.mean.detach(), drawn.s.detach(), alike=True, slope=0.0)
    return session.bench.call(design, session.seed(0))


@dataclass(frozen=True)
class Part:
    """Some columns of one of the decoder's outputs: those that a likelihood reads as its first, or as another."""

    base: Call
    which: int
    columns: slice
    number: int
    scale: str
    of: str

    def line(self, sign: int, places: tuple[float, ...], *, residual: bool = False) -> Line:
        """Return the line along which this part is moved, away from the data if it is a residual."""

        def at(u: float, one: bool) -> Design:
            kept = [out[:, 0].detach().clone() for out in self.base.outputs]
            moved = kept[self.which][:, self.columns]
            away = self._values(torch.full_like(moved, sign * u))
            if residual:
                away = away + self.base.design.x.reshape(len(away), -1)
            width = 1 if one else moved.shape[1]
            moved[:, :width] = away[:, :width]
            return replace(self.base.design, outputs=tuple(kept))

        return Line("residuals" if residual else self.of, self.scale, sign, places, at)

    def of_residuals(self, law: Likelihood) -> bool:
        """Return whether a likelihood looks at this part less the data."""
        plain = "2 x" not in law.name and "output)" not in law.name
        return self.of == "outputs" and self.scale == "real" and law.family in LOCATIONS and plain

    def _values(self, u: Tensor) -> Tensor:
        if self.scale == "unit":
            return torch.sigmoid(u.clamp_max(MOST_LIKELY))
        return u.exp() if self.scale == "positive" else u


def parts_of(session: Session, base: Call, law: Likelihood) -> Iterator[Part]:
    """Yield the parts of the outputs that a likelihood reads and that have a far."""
    D, ranges = session.bench.shapes.data, session.bench.shapes.ranges
    halves = len(base.outputs) == 1 and base.outputs[0].shape[-1] in (2 * D, 3 * D)
    for number in range(law.outputs):
        which = 0 if halves else number
        start = D * number if halves else 0
        width = base.outputs[which].shape[-1] if not halves else D
        scale = ranges[min(which, len(ranges) - 1)]
        if scale in PLACES:
            yield Part(base, which, slice(start, start + width), number, scale, named(law, number))


def named(law: Likelihood, number: int) -> str:
    """Return what a likelihood calls one of the outputs."""
    if number == 0:
        names = {
            "Bernoulli of logits": "logits",
            "Poisson of log rates": "log rates",
            "Poisson": "rates",
        }
        return names.get(law.name, "p" if law.name.startswith("Bernoulli") else "outputs")
    inside = law.name.rpartition("(")[2].removesuffix(")")
    if number == 1 and law.name.startswith(("Gaussian, learned", "Laplace, learned")):
        return f"the decoder's {inside}s" if "softplus" not in inside else "the decoder's second outputs"
    return f"the decoder's {('second', 'third')[number - 1]} outputs"


def places_of(session: Session, law: Likelihood, part: Part) -> tuple[float, ...]:
    """Return how far a part is moved."""
    places = PLACES[part.scale] if part.number == 0 else OF_SPREADS
    if law.family == "negative binomial":
        places = OF_COUNTS
    if session.close < SINGLE or part.of in ("logits", "outputs"):
        return places
    return tuple(min(one, OF_SINGLE) for one in places)


def of_log_variance(session: Session, parameter: Parameter, sign: int) -> Line:
    """Return the line of the log variances of q."""
    spread, farthest = (0.0, -LOWEST) if sign == DOWN else (3.0, HIGHEST)

    def at(u: float, _: bool) -> Design:
        return at_log_variance(session.designer, "far q", parameter, sign * u, spread)

    return Line(OF_Q, "real", sign, (farthest,), at)


def at_ends(base: Call) -> Line:
    """Return the line whose one place is where probabilities of 0 and 1 are right, of data that are so."""
    x = base.design.x.reshape(base.batch, -1).round()

    def at(u: float, _: bool) -> Design:
        kept = [out[:, 0].detach() for out in base.outputs]
        kept[0] = x if u else kept[0]
        return replace(base.design, x=x.reshape(base.design.x.shape), outputs=tuple(kept))

    return Line("p", "unit", UP, (1.0,), at)


def of_weight(base: Call, parameter: Parameter, law: Likelihood, *, drawn: bool) -> Line:
    """Return the line to where the weight of a datum's first sample is large: outputs at the data, z = 0, a wide q.

    With a divergence that is not drawn the widest q is no likelier than the prior, which it ends at.
    """
    r = residuals(base, parameter)[:, 0].detach()
    near = towards(base, law)

    def at(u: float, _: bool) -> Design:
        share = min(u / HIGHEST, 1.0)
        first = (1 - share) * base.outputs[0][:, 0].detach() + share * near
        wide = u if drawn else 0.0
        s = torch.full_like(base.design.s.detach(), parameter.inverse(wide))
        mean = -(torch.full_like(r, wide / 2).exp() * r if drawn else 0 * r).reshape(base.design.mean.shape)
        outputs = (first, *(out[:, 0].detach() for out in base.outputs[1:]))
        return replace(base.design, mean=mean.requires_grad_(), s=s.requires_grad_(), outputs=outputs)

    return Line(OF_WEIGHTS, "real", UP, (HIGHEST,), at)


def towards(base: Call, law: Likelihood) -> Tensor:
    """Return outputs (B, W) that make the data likely, where a likelihood says which these are."""
    x, first = base.design.x.reshape(base.batch, -1), base.outputs[0][:, 0].detach().clone()
    close = {
        "Bernoulli": x.clamp(1e-3, 1 - 1e-3),
        "Bernoulli of logits": 14 * x - 7,
        "Poisson": x + 0.1,
        "Poisson of log rates": (x + 0.1).log(),
    }.get(law.name, x if law.family in ("gaussian", "laplace") else None)
    if close is not None:
        first[:, : x.shape[1]] = close
    return first
