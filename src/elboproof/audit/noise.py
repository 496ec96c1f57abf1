"""SAMPLER: whether z is a fresh, independent draw of the q whose divergence the loss contains."""

import torch

from elboproof.audit.calls import Call
from elboproof.audit.divergences import residuals
from elboproof.audit.flows import transport
from elboproof.audit.parameters import Parameter
from elboproof.audit.result import Result, result
from elboproof.audit.scores import Score, scores, smallest_variance
from elboproof.audit.session import Session

LEAST_BATCH = 29
"""Data of one call: more of them cost less than more calls."""
WIDEST, BINS = 4.0, 32
"""Of the histogram, in deviations."""
_HINTS = {
    "mean": "M09: what is added to the mean",
    "variance": "M01, M08: the factor of the noise: its deviation where the variance stands, or another one",
    "shape": "M02: the law of the noise, rand for randn or a truncation",
    "latents": "M04: noise of shape (B, 1), shared by all latents",
    "data": "M03: noise of shape (1, d), shared by all data",
    "samples": "M03: noise shared by all samples of a datum",
    "calls": "M06, M11: noise drawn once, or a generator that is seeded in each call",
}
_OTHER = "of which law the loss takes the divergence is not known: it may be the law of this noise"


def check_noise(session: Session) -> Result:
    """Compare r = (z - mean) / deviation with standard normal noise."""
    parameter = _parameter(session)
    if parameter is None:
        sentence = "z is no Gaussian sample of the tapped q, and no divergence of it was recognised: a flow?"
        return result("noise", "note", sentence)
    r = _residuals(session, parameter)
    found = list(scores(r))
    tests = sum(one.means.numel() for one in found)
    each = session.share / tests
    worst = max(found, key=lambda one: float(one.means.abs().max()) / one.threshold(each))
    value, limit = float(worst.means.abs().max()), worst.threshold(each)
    detectable = smallest_variance(
        next(one for one in found if one.what == "variance of a latent").threshold(each)
    )
    numbers = {"method": "statistical", "found": value, "limit": limit, "n": r.shape[0], "quantity": 1.0}
    numbers["series"] = _histogram(r)
    if session.found is None and session.multi is None and value > limit:
        return result("noise", "note", f"{_wrong(r, worst, value, limit)}; {_OTHER}", **numbers)  # type: ignore[arg-type]
    if value <= limit:
        words = (
            f"N(mean, s as a {parameter.name}), fresh, independent; would see variance x {1 + detectable:.2f}"
        )
        return result("noise", "ok", words, detectable=detectable, **numbers)  # type: ignore[arg-type]
    return result("noise", "fails", _wrong(r, worst, value, limit), hints=_hint(r, worst), **numbers)  # type: ignore[arg-type]


def _histogram(r: torch.Tensor) -> dict[str, list[float]]:
    """Return the edges and densities of a histogram of all noise."""
    found = torch.histogram(r.reshape(-1).double().cpu(), BINS, range=(-WIDEST, WIDEST))
    width = 2 * WIDEST / BINS
    return {"edge": found.bin_edges.tolist(), "density": (found.hist / (r.numel() * width)).tolist()}


def _parameter(session: Session) -> Parameter | None:
    """Return what s is in the divergence, which says what q is meant; else in the sampler."""
    if session.found is not None and session.formula is not None and session.formula.kind != "NOT AN ELBO":
        return session.found.parameter
    return session.parameter


def _residuals(session: Session, parameter: Parameter) -> torch.Tensor:
    taken = {session.bench.shapes.data, session.bench.shapes.latents, session.samples}
    batch = next(n for n in range(LEAST_BATCH, 1000) if n not in taken)
    design = session.designer.design("noise", batch)
    kept = []
    for n in range(session.draws):
        call = session.bench.call(design, session.seed(1000 + n))
        kept.append(_noise(session, call, parameter).detach())
    return torch.stack(kept)


def _noise(session: Session, call: Call, parameter: Parameter) -> torch.Tensor:
    """Return the noise of a call, (B, K, d): behind a flow it is read off the graph of z."""
    found = transport(call, parameter) if session.flow else None
    return residuals(call, parameter) if found is None else found[0][:, None]


def _wrong(r: torch.Tensor, worst: Score, value: float, limit: float) -> str:
    if not bool(r.any()):
        return "there is no noise: z = mean"
    seen = f"r has mean {float(r.mean()):.3g}, variance {float(r.var()):.3g}"
    words = f"(mean score {value:.3g}, threshold {limit:.3g}; {seen})"
    return f"the noise is not standard normal, independent and fresh: {worst.what} {words}"


def _hint(r: torch.Tensor, worst: Score) -> tuple[str, ...]:
    if not bool(r.any()):
        return ("M07: the noise is multiplied by zero, or z is the mean",)
    return tuple(
        hint for word, hint in _HINTS.items() if f"two {word}" in worst.what or worst.what.startswith(word)
    )[:1] or (_HINTS["calls"],)
