"""FINGERPRINT: what can be said of a loss that is no known formula, from a few of its derivatives."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from elboproof.audit.calls import Call, Tensor
from elboproof.audit.session import Session
from elboproof.audit.slopes import slopes

CONSTANT = 1e-6
"""Relative spread of a ratio that counts as constant."""
CALLS = 4


@dataclass(frozen=True)
class Print:
    """The loss's slopes of one call.

    Attributes
    ----------
    output, slope, x : Tensor
        (B, K, W): the first output, the loss's slope in it; the data (B, 1, D).
    mean : Tensor or None
        The slope in the mean over the mean, without what goes through the decoder.
    """

    output: Tensor
    slope: Tensor | None
    x: Tensor
    mean: Tensor | None


def fingerprint(session: Session) -> str:
    """Return what the derivatives in the outputs and in the mean look like."""
    prints = []
    for n, design in enumerate(session.designer.designs("fingerprint", CALLS)):
        call = session.bench.call(design, session.seed(n))
        if not call.loss.requires_grad:
            return "it has no gradient"
        prints.append(_print(session, call))
    return f"{_of_outputs(prints)}; {_of_means(prints)}"


def _print(session: Session, call: Call) -> Print:
    raw = [one for outputs in call.returned for one in outputs]
    found = slopes(call.loss.sum(), [call.design.mean, *raw])
    first = None
    if found[1] is not None and len(call.entered) == 1:
        first = session.bench.outputs_by_datum(call.entered[0], found[1])
    x = call.design.x.reshape(call.batch, 1, -1)
    return Print(call.outputs[0].detach(), first, x, _direct(call, raw, found))


def _direct(call: Call, raw: list[Tensor], found: tuple[Tensor | None, ...]) -> Tensor | None:
    if found[0] is None:
        return None
    used = [
        (one, slope)
        for one, slope in zip(raw, found[1:], strict=True)
        if slope is not None and one.requires_grad
    ]
    total = found[0]
    if used:
        # along the user's own sample: what entered the decoder is where the bench's graph begins
        through = slopes(
            torch.stack([(one * slope.detach()).sum() for one, slope in used]).sum(), [call.design.mean]
        )[0]
        total = total if through is None else total - through
    return (total / call.design.mean).detach()


def _of_outputs(prints: list[Print]) -> str:
    for name, slope in _SLOPES.items():
        ratios = [_ratio(one, slope) for one in prints]
        if all(one is not None for one in ratios):
            spread = sorted({f"{one:.6g}" for one in ratios if one is not None})
            return f"its slope in the outputs is that of {name}, with weight {', '.join(spread)}"
    return "its slope in the outputs is that of no likelihood known here"


def _ratio(one: Print, slope: Callable[[Tensor, Tensor], Tensor]) -> float | None:
    """Return the ratio of the loss's slope in the outputs to a likelihood's, if it is one number."""
    if one.slope is None or one.output.shape[-1] != one.x.shape[-1]:
        return None
    ratio = one.slope / slope(one.output, one.x)
    centre = float(ratio.mean())
    if not bool(torch.isfinite(ratio).all()) or centre == 0.0:
        return None
    return centre if float((ratio - centre).abs().max()) <= CONSTANT * abs(centre) else None


_SLOPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "a sum of squares": lambda o, x: o - x,
    "a cross entropy of probabilities": lambda o, x: (o - x) / (o * (1 - o)),
    "a cross entropy of logits": lambda o, x: torch.sigmoid(o) - x,
    "a sum of absolutes": lambda o, x: torch.sign(o - x),
    "log cosh of residuals": lambda o, x: torch.tanh(o - x),
    "log cosh of 100 residuals": lambda o, x: torch.tanh(100 * (o - x)),
}


def _of_means(prints: list[Print]) -> str:
    """Say how the loss's slope in the mean compares to the mean."""
    ratios = [one.mean for one in prints if one.mean is not None]
    if len(ratios) < len(prints):
        return "it depends on the mean through z alone"
    gone = [one.abs() < 1e-12 for one in ratios]
    if any(map(torch.any, gone)) and not all(map(torch.all, gone)):
        return "its slope in the mean vanishes for some latents and not for others: free bits, or a clamp"
    first = float(ratios[0].mean())
    if all(float((one - first).abs().max()) <= CONSTANT * abs(first) for one in ratios):
        return f"its slope in the mean is {first:.6g} x mean"
    return "its slope in the mean is no constant times the mean: another divergence, a capacity, or annealing"
