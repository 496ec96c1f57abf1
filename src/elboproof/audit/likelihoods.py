"""The dictionary of likelihoods: what each adds to a loss, as terms of one value per datum."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch.nn.functional import softplus

from elboproof.audit.masses import FLOORS, TOTALS, log_bin, log_negative_binomial, with_zeros

Tensor = torch.Tensor
Terms = dict[str, Tensor]
EPSILONS = (1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
"""Added inside logarithms of probabilities; all are tried."""
SHARPNESS = (1.0, 10.0, 100.0)
"""Of log cosh."""


@dataclass(frozen=True)
class Likelihood:
    """One entry.

    Attributes
    ----------
    name, family : str
        As reports call it; the family is "gaussian", "laplace", "bernoulli", "poisson", "negative binomial",
        "discretised logistic" or "other".
    terms : function
        Of the outputs (R, W) each and x (R, D): terms (R,) whose weighted sum is a negative log density.
    expected : dict
        The weights of the terms in that density; empty if its one weight is free (a scale that is not known).
    outputs : int
        Number of outputs that it reads.
    constant : function
        Of D: what completes the density, for ``expected`` weights.
    ranges, supports : tuple of str
        Of the first output, and of the data, where it is defined.
    law : bool
        Whether the terms are those of a normalised law at all.
    """

    name: str
    family: str
    terms: Callable[[tuple[Tensor, ...], Tensor], Terms]
    expected: dict[str, float] = field(default_factory=dict)
    outputs: int = 1
    constant: Callable[[int], float] = lambda _: 0.0
    ranges: tuple[str, ...] = ("real", "unit", "signed unit", "positive")
    supports: tuple[str, ...] = ("binary", "unit", "count", "real")
    law: bool = True
    note: str = ""


def _sum(value: Tensor) -> Tensor:
    return value.sum(-1)


def _gaussian(name: str, mean: Callable[[Tensor], Tensor], note: str = "") -> Likelihood:
    return Likelihood(
        name, "gaussian", lambda o, x: {"sum of squares": _sum((x - mean(o[0])) ** 2)}, note=note
    )


def _bernoulli(epsilon: float) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        p = o[0]
        value = -_sum(x * torch.log(p + epsilon) + (1 - x) * torch.log(1 - p + epsilon))
        return {"cross entropy": value}

    note = f"logarithms of p + {epsilon:g}: not quite normalised" if epsilon else ""
    return Likelihood(
        "Bernoulli" + (f", epsilon {epsilon:g}" if epsilon else ""),
        "bernoulli",
        terms,
        {"cross entropy": 1.0},
        ranges=("unit",),
        supports=("binary", "unit"),
        note=note,
    )


def _logits(
    name: str, logits: Callable[[Tensor], Tensor], ranges: tuple[str, ...], note: str = ""
) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        value = logits(o[0])
        return {"cross entropy": _sum(softplus(value) - x * value)}

    return Likelihood(
        name,
        "bernoulli",
        terms,
        {"cross entropy": 1.0},
        ranges=ranges,
        supports=("binary", "unit"),
        note=note,
    )


_SPREADS: dict[str, Callable[[Tensor], Tensor]] = {
    "log variance": torch.exp,
    "log deviation": lambda t: torch.exp(2 * t),
    "deviation": lambda t: t**2,
    "variance": lambda t: t,
    "softplus deviation": lambda t: softplus(t) ** 2,
    "softplus variance": softplus,
}


def _learned(family: str, name: str) -> Likelihood:
    """Return a law whose spread is a second output."""
    spread = _SPREADS[name]
    laplace = family == "laplace"

    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        variance = spread(o[1]).expand_as(x)
        if laplace:
            scale = variance.sqrt()
            return {"absolute residuals": _sum((x - o[0]).abs() / scale), "log scales": _sum(scale.log())}
        return {"weighted squares": _sum((x - o[0]) ** 2 / variance), "log variances": _sum(variance.log())}

    if laplace:
        expected = {"absolute residuals": 1.0, "log scales": 1.0}
        return Likelihood(f"Laplace, learned ({name})", family, terms, expected, 2, lambda d: d * math.log(2))
    expected = {"weighted squares": 0.5, "log variances": 0.5}
    constant = lambda d: d / 2 * math.log(2 * math.pi)  # noqa: E731
    return Likelihood(f"Gaussian, learned variance ({name})", family, terms, expected, 2, constant)


def _optimal(name: str, shared: bool) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        squares = ((x - o[0]) ** 2).mean(-1)
        value = squares.mean().log().expand_as(squares) if shared else squares.log()
        return {"log mean square": x.shape[-1] * value}

    constant = lambda d: d / 2 * (1 + math.log(2 * math.pi))  # noqa: E731
    return Likelihood(name, "gaussian", terms, {"log mean square": 0.5}, constant=constant)


def _poisson(name: str, log_rate: bool) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        value = torch.exp(o[0]) - x * o[0] if log_rate else o[0] - x * torch.log(o[0])
        return {"rate - x log rate": _sum(value), "log x!": _sum(torch.lgamma(x + 1))}

    ranges = ("real", "positive", "unit", "signed unit") if log_rate else ("positive", "unit")
    return Likelihood(
        name,
        "poisson",
        terms,
        {"rate - x log rate": 1.0, "log x!": 1.0},
        ranges=ranges,
        supports=("count", "binary"),
    )


def _negative_binomial(name: str, *, zeros: bool, added: bool = True) -> Likelihood:
    """Return a law of counts, of two outputs or of three, the last of which are log odds of a zero.

    Without what is ``added`` to the mass of a zero it is no law.
    """

    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        mass = log_negative_binomial(x, *TOTALS[name](o[0], o[1]))
        value = mass if not zeros else with_zeros(mass, x, o[2]) if added else mass - softplus(o[2])
        return {"minus log mass": -_sum(value), "log x!": _sum(torch.lgamma(x + 1))}

    return Likelihood(
        f"{'zero-inflated ' if zeros else ''}negative binomial ({name}){'' if added else ' without its zeros'}",
        "negative binomial",
        terms,
        {"minus log mass": 1.0, "log x!": 1.0},
        3 if zeros else 2,
        ranges=("positive", "unit"),
        supports=("count", "binary"),
        law=added,
        note="" if added else "the mass of a zero lacks the odds of one: probabilities sum to less than 1",
    )


def _discretised(levels: int, floor: str, *, centred: bool) -> Likelihood:
    """Return the mass of a logistic law in the bin of a grey value, around it or above it."""

    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        low = x - 0.5 / levels if centred else x
        return {"minus log mass": -_sum(FLOORS[floor](log_bin(low, 1 / levels, o[0], o[1])))}

    return Likelihood(
        f"discretised logistic, bins of 1/{levels} {'around' if centred else 'above'} the data{floor},",
        "discretised logistic",
        terms,
        {"minus log mass": 1.0},
        2,
        supports=("unit",),
        note="the bins at the edges are not looked at",
    )


def _log_cosh(sharpness: float) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        r = sharpness * (x - o[0]).abs()
        return {"log cosh": _sum(r + torch.log1p(torch.exp(-2 * r)) - math.log(2))}

    return Likelihood(f"log cosh of {sharpness:g} residuals", "other", terms, law=False)


def _huber() -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        return {"Huber": _sum(torch.nn.functional.smooth_l1_loss(o[0], x, reduction="none"))}

    return Likelihood("Huber's function of residuals", "other", terms, law=False)


def _laplace() -> Likelihood:
    return Likelihood("Laplace", "laplace", lambda o, x: {"sum of absolutes": _sum((x - o[0]).abs())})


def _identity(value: Tensor) -> Tensor:
    return value


def _scaled() -> Likelihood:
    """Return a Gaussian law of 2 x - 1: that of x has D log 2 less to its negative logarithm."""
    return Likelihood(
        "Gaussian of 2 x - 1,",
        "gaussian",
        lambda o, x: {"sum of squares": _sum((2 * x - 1 - o[0]) ** 2)},
        constant=lambda d: -d * math.log(2),
        note="the data are compared after 2 x - 1",
    )


def _norm(name: str, *, shared: bool) -> Likelihood:
    def terms(o: tuple[Tensor, ...], x: Tensor) -> Terms:
        squares = ((x - o[0]) ** 2).sum(-1)
        value = squares.sum().sqrt().expand_as(squares) / len(squares) if shared else squares.sqrt()
        return {"norm": value}

    note = "a norm of the whole batch is no likelihood of its data" if shared else "a norm, not its square"
    return Likelihood(name, "other", terms, law=False, note=note)


_SECOND = "a sigmoid is taken of outputs that are probabilities already"

LIKELIHOODS = (
    _gaussian("Gaussian", _identity),
    _bernoulli(0.0),
    _logits("Bernoulli of logits", _identity, ("real", "signed unit", "positive")),
    _laplace(),
    _gaussian("Gaussian, mean sigmoid(output)", torch.sigmoid),
    _gaussian("Gaussian, mean tanh(output)", torch.tanh),
    _poisson("Poisson", log_rate=False),
    _poisson("Poisson of log rates", log_rate=True),
    *(_learned("gaussian", name) for name in _SPREADS),
    *(_learned("laplace", name) for name in ("log deviation", "deviation", "softplus deviation")),
    *(_negative_binomial(name, zeros=zeros) for zeros in (False, True) for name in TOTALS),
    *(_negative_binomial(name, zeros=True, added=False) for name in TOTALS),
    *(_discretised(255, floor, centred=True) for floor in FLOORS),
    *(_discretised(256, floor, centred=False) for floor in FLOORS),
    _optimal("Gaussian, its best variance in the batch", shared=True),
    _optimal("Gaussian, its best variance for each datum", shared=False),
    _logits("Bernoulli of a second sigmoid", _identity, ("unit",), _SECOND),
    _logits(
        "Bernoulli of a second sigmoid of outputs",
        torch.sigmoid,
        ("real", "signed unit", "positive"),
        _SECOND,
    ),
    *(_bernoulli(one) for one in EPSILONS),
    *(_log_cosh(one) for one in SHARPNESS),
    _huber(),
    _scaled(),
    _norm("norm of the residual", shared=False),
    _norm("norm of the residual of the batch", shared=True),
)


def candidates(
    outputs: tuple[Tensor, ...], x: Tensor, ranges: tuple[str, ...], support: str
) -> Iterator[Likelihood]:
    """Yield what could be the likelihood, from the number, the widths and the ranges of the outputs."""
    for one in LIKELIHOODS:
        fits = ranges[0] in one.ranges and support in one.supports and outputs[0].shape[-1] == x.shape[-1]
        if one.outputs > len(outputs) or not fits:
            continue
        if any(other.shape[-1] not in (1, x.shape[-1]) for other in outputs[1 : one.outputs]):
            continue
        needs_positive = one.name.endswith(("(deviation)", "(variance)"))
        if not needs_positive or ranges[-1] in ("positive", "unit"):
            yield one
