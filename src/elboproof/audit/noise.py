"""SAMPLER: whether z is a fresh, independent draw of the q whose divergence the loss contains."""

from dataclasses import dataclass

import torch

from elboproof.audit.calls import Call
from elboproof.audit.codes import ENUMERATED
from elboproof.audit.divergences import residuals
from elboproof.audit.flows import transport
from elboproof.audit.laws import NORMAL, NoiseLaw
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


SAME = 1e-4
"""Of noise that is one draw in two places: what deviations are divided out of keeps so many digits of float32."""


@dataclass(frozen=True)
class Compared:
    """Noise beside a law: the score that is farthest out, its mean and threshold, and the share of each score."""

    worst: Score
    value: float
    limit: float
    variance_limit: float

    @property
    def agrees(self) -> bool:
        """Return whether nothing refutes the law."""
        return self.value <= self.limit


def compared(session: Session, parameter: Parameter, law: NoiseLaw) -> Compared:
    """Return how the noise of the calls of this check compares with a law; they are made once."""
    found = list(scores(noise_of(session, parameter), law))
    each = session.share / sum(one.means.numel() for one in found)
    worst = max(found, key=lambda one: float(one.means.abs().max()) / one.threshold(each))
    of_variance = next(one for one in found if one.what == "variance of a latent")
    return Compared(worst, float(worst.means.abs().max()), worst.threshold(each), of_variance.threshold(each))


def check_noise(session: Session) -> Result:
    """Compare r = (z - mean) / deviation with fresh, independent noise of the law whose divergence is in the loss."""
    parameter = _parameter(session)
    if parameter is None:
        if session.formula is not None and session.formula.divergence == ENUMERATED:
            return result("noise", "ok", "not needed: the values of the code are summed over")
        sentence = "z is no Gaussian sample of the tapped q, and no divergence of it was recognised: a flow?"
        return result("noise", "note", sentence)
    r, law = noise_of(session, parameter), session.law or NORMAL
    found = compared(session, parameter, law)
    numbers = {"method": "statistical", "found": found.value, "limit": found.limit, "n": r.shape[0]}
    numbers |= {"quantity": 1.0, "series": _histogram(r)}
    if not found.agrees and _of_unknown_law(session) and not (session.found is not None and _copied(r)):
        return result("noise", "note", f"{_wrong(r, found, law)}; {_OTHER}", **numbers)  # type: ignore[arg-type]
    if found.agrees:
        detectable = smallest_variance(found.variance_limit) if law is NORMAL else None
        return result("noise", "ok", _right(parameter, law, detectable), detectable=detectable, **numbers)  # type: ignore[arg-type]
    hints = _hint(r, found.worst)
    return result("noise", "fails", _wrong(r, found, law), hints=hints, **numbers)  # type: ignore[arg-type]


def _of_unknown_law(session: Session) -> bool:
    return session.law is None or (session.found is None and session.multi is None)


def _copied(r: torch.Tensor) -> bool:
    """Return whether noise (T, B, K, d) is none, or one draw in all calls, data or latents: wrong under any law."""
    axes = [axis for axis in (0, 1, 3) if r.shape[axis] > 1]
    return not bool(r.any()) or any(
        float((r.narrow(axis, 1, 1) - r.narrow(axis, 0, 1)).abs().max()) <= SAME for axis in axes
    )


def _right(parameter: Parameter, law: NoiseLaw, detectable: float | None) -> str:
    if detectable is None:
        return f"{law.name} noise about the mean, s as a {parameter.name}, fresh, independent"
    return f"N(mean, s as a {parameter.name}), fresh, independent; would see variance x {1 + detectable:.2f}"


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


def noise_of(session: Session, parameter: Parameter) -> torch.Tensor:
    """Return the noise of the calls of this check, (T, B, K, d); they are made once for each parameter of s."""
    if parameter.name not in session.noise:
        session.noise[parameter.name] = _residuals(session, parameter)
    return session.noise[parameter.name]


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


def _wrong(r: torch.Tensor, found: Compared, law: NoiseLaw) -> str:
    if not bool(r.any()):
        return "there is no noise: z = mean"
    seen = f"r has mean {float(r.mean()):.3g}, variance {float(r.var()):.3g}"
    words = f"(mean score {found.value:.3g}, threshold {found.limit:.3g}; {seen})"
    name = "standard normal" if law is NORMAL else law.name
    return f"the noise is not {name}, independent and fresh: {found.worst.what} {words}"


def _hint(r: torch.Tensor, worst: Score) -> tuple[str, ...]:
    if not bool(r.any()):
        return ("M07: the noise is multiplied by zero, or z is the mean",)
    return tuple(
        hint for word, hint in _HINTS.items() if f"two {word}" in worst.what or worst.what.startswith(word)
    )[:1] or (_HINTS["calls"],)
