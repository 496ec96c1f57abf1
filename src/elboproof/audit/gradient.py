"""GRAD: whether the gradient of the user's graph is that of the formula, or an unbiased estimate of it."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from elboproof.audit.calls import Call, Tensor
from elboproof.audit.reference import Gradients, of_formula, of_user, value
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session

DESIGNS = 4
EXACT = 1e-7
"""Relative: gradients of one formula by two graphs in float64; of float32 its own closeness."""
DRAWS = 200
_HINTS = {
    "mean": "M10, M27: look for detach(), data or no_grad() around the mean or z",
    "s": "M05, M26: look for detach(), data or sample() between the deviation and z, or around the KL",
    "decoder": "unknown: look for detach(), data or no_grad() around the decoder's output",
}
_WORDS = {"mean": "d/dmean", "s": "d/ds (the scale of q)", "decoder": "d/d(decoder)"}


@dataclass(frozen=True)
class Pair:
    """The gradients of one call: the user's and the formula's."""

    user: Gradients
    formula: Gradients

    def differences(self) -> dict[str, Tensor]:
        """Return user - formula by part."""
        ours = self.formula.parts()
        return {name: (one - ours[name]).detach() for name, one in self.user.parts().items()}

    def size(self) -> float:
        """Return the largest of all slopes."""
        return max(
            float(one.abs().max()) for pair in (self.user, self.formula) for one in pair.parts().values()
        )


def check_gradient(session: Session) -> Result:
    """Compare gradients call by call; where they differ, the means of their differences."""
    found = session.multi or session.known
    if found is None or session.parameter is None:
        return _by_value(session)
    if session.formula is not None and session.formula.kind == "NOT AN ELBO":
        return result("gradient", "note", "the formula is no bound: its gradient is that of no bound either")
    designs = list(session.designer.designs("gradient", DESIGNS))
    worst: dict[str, float] = {}
    limit = max(EXACT, session.close)
    for n, design in enumerate(designs):
        call = session.bench.call(design, session.seed(n))
        if not call.loss.requires_grad:
            return result("gradient", "note", "the loss has no gradient: a number that is reported")
        pair = _pair(session, call, found)
        for name, one in pair.differences().items():
            worst[name] = max(worst.get(name, 0.0), float(one.abs().max()) / (1 + pair.size()))
    largest = max(worst.values())
    if largest <= limit:
        return result(
            "gradient", "ok", "equals that of the formula: exact", found=largest, limit=limit, n=DESIGNS
        )
    return _means(session, found)


def _pair(session: Session, call: Call, found: Any) -> Pair:
    formula = found.value if session.multi else value
    if session.parameter is None:
        raise RuntimeError("gradients of a formula need the sampler's parameter")
    return Pair(of_user(call), of_formula(session.bench, found, call, session.parameter, formula))


def _means(session: Session, found: Any) -> Result:
    """Compare the means of the differences over fresh noise with zero, by Student's threshold."""
    from scipy.stats import t as student

    design = session.designer.design("gradient, means", session.designer.batches[1])
    kept: dict[str, list[Tensor]] = {}
    size = 0.0
    for n in range(DRAWS):
        pair = _pair(session, session.bench.call(design, session.seed(5000 + n)), found)
        size = max(size, pair.size())
        for name, one in pair.differences().items():
            kept.setdefault(name, []).append(one)
    tests = sum(one[0].numel() for one in kept.values())
    limit = float(student.isf(session.share / (2 * tests), DRAWS - 1))
    floor = max(EXACT, session.close) * (1 + size)
    found_t = {name: _largest_t(torch.stack(one), floor) for name, one in kept.items()}
    numbers = {"method": "statistical", "limit": limit, "n": DRAWS}
    biased = {name: one for name, one in found_t.items() if one > limit}
    if not biased:
        words = "unbiased: another estimator than the formula's own"
        return result("gradient", "ok", words, found=max(found_t.values()), **numbers)  # type: ignore[arg-type]
    first = max(biased, key=lambda name: biased[name])
    words = (
        f"{', '.join(_WORDS[name] for name in biased)} is not that of the formula (mean of {DRAWS} differences, "
        f"t = {biased[first]:.3g}, threshold {limit:.3g})"
    )
    hints = tuple(_HINTS[name] for name in biased)
    return result("gradient", "fails", words, found=biased[first], hints=hints, **numbers)  # type: ignore[arg-type]


def _largest_t(values: Tensor, floor: float) -> float:
    """Return the largest |t| of means (n, m); differences that are always the same count as infinite."""
    mean, spread = values.mean(0).abs(), values.std(0) / math.sqrt(values.shape[0])
    t = torch.where(mean <= floor, torch.zeros_like(mean), mean / spread.clamp(min=1e-300))
    return float(t.max())


def _by_value(session: Session) -> Result:
    """Compare the gradient with differences of the value itself, at one seed: the formula is not known."""
    design = session.designer.design("gradient, by value", session.designer.batches[1])
    call = session.bench.call(design, session.seed(0))
    if not call.loss.requires_grad:
        return result("gradient", "note", "the loss has no gradient: a number that is reported")
    if session.bench.dtype != torch.float64:
        return result(
            "gradient", "unknown", "the formula is not known, and float32 is too coarse for differences"
        )
    apart = max(_difference(session, call, name) for name in ("mean", "s"))
    if apart <= STEP_ERROR:
        unknown = session.formula is None or session.formula.kind == "NOT RECOGNISED"
        words = "is that of the value, at one seed" + ("; of which formula is not known" if unknown else "")
        return result("gradient", "ok", words, found=apart, limit=STEP_ERROR, n=5)
    words = (
        f"is not that of the value at one seed (differs by {apart:.2g}): a surrogate, or a path that is cut"
    )
    return result("gradient", "unknown", words, found=apart, limit=STEP_ERROR, n=5)


STEP = 1e-5
STEP_ERROR = 1e-5
"""Of a central difference: the square of the step times a third derivative, and rounding over the step."""


def _difference(session: Session, call: Call, name: str) -> float:
    from dataclasses import replace

    leaf = getattr(call.design, name)
    slope = torch.autograd.grad(
        call.loss.sum(), leaf, retain_graph=True, materialize_grads=True, allow_unused=True
    )[0]
    generator = torch.Generator().manual_seed(7)
    way = torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)
    values = []
    for sign in (1, -1):
        moved = (leaf.detach() + sign * STEP * way).requires_grad_()
        values.append(
            session.bench.call(replace(call.design, **{name: moved}), session.seed(0)).loss.detach().sum()
        )
    found = float((values[0] - values[1]) / (2 * STEP))
    exact = float((slope * way).sum())
    return abs(found - exact) / (1 + abs(found) + abs(exact))
