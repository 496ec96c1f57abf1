"""Free bits of a batch with a threshold for each latent, which may differ.

A loss whose KL counts at least so many nats for each latent is the plain formula where all latents are far from the
prior. With one of them at it, and the others as they were, the loss lies above the formula by that latent's threshold.
"""

from collections.abc import Iterator
from dataclasses import replace

from elboproof.audit.bends import Bend
from elboproof.audit.calls import Design
from elboproof.audit.detector import Recognised
from elboproof.audit.reading_divergence import GONE
from elboproof.audit.reference import value
from elboproof.audit.session import Session

SHRUNK = (0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
"""What designs are multiplied by on which thresholds that were found must hold, as no least squares make them."""
CLOSE, OF_SINGLE = 1e-6, 1e-2
"""Relative, as next to the prior."""


def find_each(session: Session, found: Recognised) -> Recognised | None:
    """Return a formula with a threshold for each latent, for one that does not hold next to the prior; else None."""
    plain = found.form == "plain" and found.kind == "closed form"
    if not plain or not found.fit.weights["mean^2"] > GONE:
        return None
    calls = [session.bench.call(_shrunk(session, found, n), session.seed(0)) for n in range(len(SHRUNK))]
    close = CLOSE if session.close < CLOSE else OF_SINGLE
    for one in _possible(session, found):
        apart = [(call.loss - value(one, call)).abs().max() / (1 + call.loss.abs().max()) for call in calls]
        if float(max(apart).detach()) <= close:
            return one
    return None


def _possible(session: Session, found: Recognised) -> Iterator[Recognised]:
    """Yield formulas with the thresholds that the prior shows, of means over the batch and of sums."""
    weights, d = found.fit.weights, session.bench.shapes.latents
    b = 2 * weights["mean^2"]
    own = ("mean^2", "variance", "log variance", "1")
    law = {name: one for name, one in weights.items() if name not in own}
    fit = replace(found.fit, weights={**law, "KL": b, "1": weights["1"] + b * d / 2})
    raised = [_raised(session, found, latent) / b for latent in range(d)]
    batch = session.designer.batches[0] if found.reduction == "sum" else 1
    levels = {
        "latents of the batch": (found.reduction, batch),
        "latents of the sum": ("mean" if found.reduction == "sum" else found.reduction, 1),
    }
    for level, (how, times) in levels.items():
        thresholds = tuple(one / times if abs(one) > GONE else 0.0 for one in raised)
        if not any(thresholds):  # the plain formula itself, which does not hold next to the prior
            continue
        bend = Bend("at least", level, thresholds)
        yield replace(found, form="bent", fit=fit, other=how, bend=bend)


def _raised(session: Session, found: Recognised, latent: int) -> float:
    """Return by how much a loss lies above its plain formula where one latent is at the prior."""
    designer = session.designer
    drawn = designer.design("each", designer.batches[0])
    mean, s = drawn.mean.detach().clone(), drawn.s.detach().clone()
    mean.reshape(len(mean), -1)[:, latent] = 0.0
    s.reshape(len(s), -1)[:, latent] = found.parameter.inverse(0.0)
    call = session.bench.call(designer.around("each", mean, s, slope=0.0), session.seed(0))
    return float((call.loss - value(found, call)).detach().mean())


def _shrunk(session: Session, found: Recognised, n: int) -> Design:
    """Return a design with q at the prior but for its means, the closer the smaller; of both batch sizes in turn."""
    designer = session.designer
    drawn = designer.design(f"each {n}", designer.batches[n % 2])
    s = drawn.s.detach() * 0 + found.parameter.inverse(0.0)
    return designer.around(f"each {n}", SHRUNK[n] * drawn.mean.detach(), s, slope=0.0)
