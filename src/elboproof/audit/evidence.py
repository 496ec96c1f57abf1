"""EVIDENCE: for a loss that draws log q, such as a flow's, E exp(-loss) is p(x), whatever q is, if q is normalised.

The likelihood is recognised from pairs of calls that differ in the outputs alone, the scale b of the loss from its
slope in z beside the decoder, which is b z for a standard normal prior. Then the mean of exp(-loss / b) of a batch is
compared with the product of the p(x) of its data, for several designs: a constant that the loss leaves out is the same
in all of them.
"""

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch

from elboproof.audit.calls import Design
from elboproof.audit.ceiling import Floor, floor_of
from elboproof.audit.detector import likelihood_terms
from elboproof.audit.differences import WeightedLikelihood, density, likelihood_of
from elboproof.audit.fitting import reduced
from elboproof.audit.integrals import log_evidence, log_likelihoods
from elboproof.audit.parameters import named
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session
from elboproof.checking.unbounded import catoni
from elboproof.networks.randomness import generator_of

Weights: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
DRAWS, PILOT = 800, 100
BATCHES = (1, 1, 2)
"""Data of a call, a design each: what mixes the data of a batch shows in the last."""
DESIGNS = len(BATCHES)
OTHER_SLOPE = math.inf
"""In the place of b."""
UNDRAWN = 1e-6
"""Relative: what moves less with the noise does not move."""
LEAST_EFFECTIVE = 0.1
"""Share of the draws that must count: below, a mean of weights says nothing."""
SLOPE, SPREAD, LOG_VARIANCES = 0.15, 0.8, (0.3, 0.8, 1.4)
"""Of the designs: a likelihood that moves little, and a q wider than the prior; how wide, a pilot says."""
HEADROOM = 1.5
"""The variance of a weight is taken to be below this times that of those seen; no bound is known beforehand."""
MOVED = 0.15
"""Variance of a datum's log likelihood over the prior, to which the slopes of its decoder are scaled."""


@dataclass(frozen=True)
class Ratio:
    """The mean of exp(-loss / b) over p(x): an interval, and the share of draws that count."""

    low: float
    high: float
    effective: float


def check_evidence(session: Session) -> Result:
    """Compare the mean weight with p(x) where nothing else says what the loss is."""
    if session.formula is not None and session.formula.kind != "NOT RECOGNISED":
        return result("evidence", "ok", "not needed: the formula is known")
    if session.samples != 1 or session.bench.dtype != torch.float64:
        return result("evidence", "note", "not looked at: several samples, or float32")
    law = likelihood_of(session)
    if law is None or not law.likelihood.law or next(iter(law.weights.values())) <= 0:
        return result("evidence", "note", "not applicable: the likelihood is not known, or is none")
    found = _scale(session, law)
    known = found != OTHER_SLOPE
    scale = found if known else 1.0
    if scale is None or (not known and session.adapter.claim != "-elbo"):
        words = "not applicable: beside the decoder the loss has no slope b z, as of a standard normal prior"
        return result("evidence", "note", words)
    if not _drawn(session, law, scale):
        return result(
            "evidence", "note", "not applicable: the loss does not draw log q, such as a closed form"
        )
    if scale < 0 or not _normalised(law, scale):
        words = (
            f"the likelihood has a weight of its own beside a prior of weight {scale:.6g}: no density is left"
        )
        outcome = "fails" if session.adapter.claim == "-elbo" else "note"
        return result("evidence", outcome, words, found=scale, limit=1.0)
    if session.adapter.claim == "-elbo" and abs(scale - 1) > 1e-6:
        return result(
            "evidence", "fails", f"claimed: -elbo; the prior has weight {scale:.6g}", found=scale, limit=1.0
        )
    if not known:
        floor = floor_of(session, law)
        return (
            _of_unknown_prior(_ratios(session, law, scale))
            if floor is None or floor.low <= 1
            else _above(floor)
        )
    return _judged(session, _ratios(session, law, scale))


def _above(floor: Floor) -> Result:
    words = (
        f"E exp(-loss) is at least {floor.low:.3g} p(x) where the outputs do not move with z: it is at most p(x) "
        "with any prior and any q, auxiliary variables included"
    )
    hints = ("unknown: a density without the one that belongs to it, of a reverse model or a prior",)
    numbers = {"method": "statistical", "found": floor.low, "limit": 1.0, "n": floor.draws}
    return result("evidence", "fails", words, hints=hints, **numbers)  # type: ignore[arg-type]


def _normalised(law: WeightedLikelihood, scale: float) -> bool:
    """Return whether the terms have the weights of a density, where these are not free."""
    expected = law.likelihood.expected
    return all(abs(value / scale - expected[name]) <= 1e-6 for name, value in law.weights.items() if expected)


def _scale(session: Session, law: WeightedLikelihood) -> float | None:
    """Return b of the loss's slope b z in z, less what goes through the decoder.

    None if it has no such slope, `OTHER_SLOPE` if it has another one, as of a density of an auxiliary variable at z.
    """
    found = []
    for n, design in enumerate(session.designer.designs("prior", 3)):
        call = session.bench.call(design, session.seed(n))
        slope = session.bench.direct_slope(call)
        if slope is None:
            return None
        factor = call.batch if law.reduction == "mean" else 1
        found.append((factor * slope / call.z).detach())
    ratio = torch.cat([one.reshape(-1) for one in found])
    centre = float(ratio.mean())
    if not float(ratio.abs().max()) > 1e-9:
        return None
    return centre if float((ratio - centre).abs().max()) <= 1e-6 * abs(centre) else OTHER_SLOPE


def _drawn(session: Session, law: WeightedLikelihood, scale: float) -> bool:
    """Return whether the loss less its likelihood and b z^2 / 2 changes with the noise, as a drawn log q does."""
    design = session.designer.design("drawn", session.designer.batches[1])
    rests, sizes = [], []
    for n in range(3):
        call = session.bench.call(design, session.seed(n))
        terms = likelihood_terms(call, law.likelihood)
        each = torch.stack([weight * terms[name] for name, weight in law.weights.items()]).sum(0)
        prior = scale * (call.z**2).sum((1, 2)) / 2
        rests.append((call.loss - reduced(each + prior, call, law.reduction)).detach())
        sizes.append(1 + float(call.loss.detach().abs().max()))
    return any(float((one - rests[0]).abs().max()) > UNDRAWN * max(sizes) for one in rests[1:])


def _ratios(session: Session, law: WeightedLikelihood, scale: float) -> list[Ratio]:
    """Return the mean weight over p(x) of each design, to the power of one datum."""
    best = max(
        LOG_VARIANCES,
        key=lambda one: _effective(_weights(session, law, scale, _design(session, 0, one), PILOT)),
    )
    found = []
    for n, batch in enumerate(BATCHES):
        weights = _weights(session, law, scale, _design(session, n + 1, best), DRAWS)
        one = _interval(weights, session.share / DESIGNS)
        power = 1 / batch
        found.append(Ratio(max(one.low, 0.0) ** power, max(one.high, 0.0) ** power, one.effective))
    return found


def _weights(session: Session, law: WeightedLikelihood, scale: float, drawn: Design, count: int) -> Weights:
    """Return exp(-loss / b) of a batch over the product of its p(x), (n,)."""
    design = _scaled(session, drawn, law, scale)
    first = 9000 + design.seed % 10**6
    calls = [session.bench.call(design, session.seed(first + m)) for m in range(count)]
    factor = len(design.x) if law.reduction == "mean" else 1
    losses = np.array([factor * float(call.loss.detach().sum()) for call in calls]) / scale
    weights, constant = density(law, scale, session.bench.shapes.data)
    exact = (
        float(log_evidence(session.bench, calls[0], law.likelihood, weights).sum()) - len(design.x) * constant
    )
    return np.asarray(np.exp(-losses - exact))


def _design(session: Session, n: int, log_variance: float) -> Design:
    designer, bench = session.designer, session.bench
    shape = (BATCHES[n - 1] if n else BATCHES[0], *bench.shapes.latent)
    generator = generator_of(designer.seed, f"evidence {n}")
    mean = SPREAD * (2 * torch.rand(shape, generator=generator, dtype=designer.dtype) - 1)
    each = log_variance * (1 + 0.5 * torch.rand(shape, generator=generator, dtype=designer.dtype))
    # where the sampler is not known, s is taken for a log variance, or for a variance where it must be positive
    parameter = session.parameter or named("variance" if bench.shapes.positive_s else "log variance")
    s = torch.tensor(
        [parameter.inverse(float(one)) for one in each.reshape(-1)], dtype=designer.dtype
    ).reshape(shape)
    return designer.around(f"evidence {n}", mean, s, slope=SLOPE)


def _scaled(session: Session, design: Design, law: WeightedLikelihood, scale: float) -> Design:
    """Return a design whose slopes let the log likelihood vary by `MOVED` over the prior, to first order."""
    call = session.bench.call(design, session.seed(0))
    variance = (
        float(log_likelihoods(session.bench, call, law.likelihood, law.weights).var(1).max()) / scale**2
    )
    factor = math.sqrt(MOVED / variance) if variance > 0 else 1.0
    slopes = tuple((factor * one.detach()).requires_grad_() for one in design.slopes)
    return replace(design, slopes=slopes)


def _effective(ratios: Weights) -> float:
    """Return the share of draws that count: that of equal weights is 1."""
    return float(ratios.sum() ** 2 / (ratios**2).sum()) / len(ratios)


def _interval(ratios: Weights, false_alarm: float) -> Ratio:
    effective = _effective(ratios)
    if not effective >= LEAST_EFFECTIVE:
        return Ratio(-math.inf, math.inf, effective)
    centre, half = catoni(ratios, HEADROOM * float(ratios.var(ddof=1)), false_alarm)
    return Ratio(centre - half, centre + half, effective)


def _judged(session: Session, ratios: list[Ratio]) -> Result:
    effective = min(one.effective for one in ratios)
    numbers = {"method": "statistical", "n": DESIGNS * DRAWS + PILOT * len(LOG_VARIANCES)}
    if not effective >= LEAST_EFFECTIVE:
        words = f"inconclusive: only {effective:.1%} of the draws count"
        return result("evidence", "unknown", words, found=effective, limit=LEAST_EFFECTIVE, **numbers)  # type: ignore[arg-type]
    low, high = max(one.low for one in ratios), min(one.high for one in ratios)
    shown = ", ".join(f"{(one.low + one.high) / 2:.3g} +- {(one.high - one.low) / 2:.2g}" for one in ratios)
    hints = (
        "M29, M31, M52: the log determinant, its sign and its sum, and the z at which the prior is taken",
    )
    if low > high:
        words = f"E exp(-loss) is no multiple of p(x): over it, {shown} on {DESIGNS} designs"
        # free bits and other deliberate losses are no multiple either
        outcome = "note" if session.adapter.claim == "loss" else "fails"
        return result("evidence", outcome, words, found=low, limit=high, hints=hints, **numbers)  # type: ignore[arg-type]
    if low <= 1 <= high:
        words = f"E exp(-loss) = p(x) on {DESIGNS} designs: over it, {shown}"
        return result("evidence", "ok", words, found=low, limit=high, **numbers)  # type: ignore[arg-type]
    words = f"E exp(-loss) is a multiple of p(x), over it {shown}: a constant is left out, or counted twice"
    outcome = "fails" if session.adapter.claim == "-elbo" else "note"
    return result("evidence", outcome, words, found=low, limit=high, hints=hints, **numbers)  # type: ignore[arg-type]


def _of_unknown_prior(ratios: list[Ratio]) -> Result:
    """Say what the mean weight is over the p(x) of a standard normal prior, where the loss may have another."""
    if not min(one.effective for one in ratios) >= LEAST_EFFECTIVE:
        return result("evidence", "note", "inconclusive: few of the draws count, and the prior is not known")
    low, high = max(one.low for one in ratios), min(one.high for one in ratios)
    outcome = {"found": low, "limit": high, "n": DESIGNS * DRAWS + PILOT * len(LOG_VARIANCES)}
    shown = ", ".join(f"{(one.low + one.high) / 2:.3g} +- {(one.high - one.low) / 2:.2g}" for one in ratios)
    words = f"E exp(-loss) over p(x) of a standard normal prior is {shown} on {DESIGNS} designs"
    if low <= 1 <= high:
        return result("evidence", "ok", words, method="statistical", **outcome)  # type: ignore[arg-type]
    words += ": another prior, which this loss may have, or no density"
    return result("evidence", "note", words, method="statistical", **outcome)  # type: ignore[arg-type]
