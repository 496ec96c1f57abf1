"""What a recognised loss of several samples says, and what follows for what is claimed of it."""

import math

from elboproof.audit.codes import ENUMERATED
from elboproof.audit.formula import Formula, snapped, units
from elboproof.audit.reading_divergence import same
from elboproof.audit.result import Result, result
from elboproof.audit.samples import Multi, recognise
from elboproof.audit.session import Session


def find(session: Session) -> bool:
    """Look for a formula of several samples, and keep it and its sentence in the session."""
    found = recognise(session)
    if found is None:
        return False
    session.multi, session.formula = found, _read(session, found)
    return True


def check_samples(session: Session) -> Result:
    """Say how several samples are combined."""
    found, formula = session.multi, session.formula
    if session.samples == 1:
        return result("samples", "ok", "one sample for each datum")
    if formula is not None and formula.divergence == ENUMERATED:
        return result("samples", "ok", f"all {session.samples} values of the code are summed over")
    if found is None or formula is None:
        known = session.found is not None
        return result(
            "samples",
            "ok" if known else "unknown",
            f"the mean over {session.samples} samples"
            if known
            else f"how {session.samples} samples are combined is not known",
        )
    fault, hints = _fault(session, formula)
    return result(
        "samples",
        "fails" if fault else "ok",
        f"{formula.sentence}{f' ({fault})' if fault else ''}",
        found=found.residual,
        limit=session.close,
        n=found.equations,
        hints=hints if fault else (),
    )


def _fault(session: Session, formula: Formula) -> tuple[str, tuple[str, ...]]:
    if formula.kind == "NOT AN ELBO":
        return "NOT AN ELBO", formula.hints
    claim = session.adapter.claim
    if formula.kind == "GRADIENT SURROGATE":
        if claim != "loss":
            return f"claimed: {claim}; its value is no bound, its gradient is that of one", formula.hints
        return "", ()
    if claim == "-iwae" and formula.kind != "EXACT":
        return f"claimed: -iwae; found: {formula.kind}", formula.hints
    if claim in ("-elbo", "bits/dim"):
        return f"claimed: {claim}; found the importance-weighted bound", ("M44: which bound is meant",)
    return "", ()


def _read(session: Session, found: Multi) -> Formula:
    D, K = session.bench.shapes.data, found.combination.count or session.samples
    variance, needed, words = _law(found, D, session.bench.shapes.latents)
    common = {
        "likelihood": found.likelihood.name,
        "divergence": "closed form" if found.inside else "monte carlo",
        "parameter": found.parameter.name,
        "reduction": found.reduction,
        "variance": variance,
        "beta": found.weight,
        "constant_found": found.constant,
        "constant_needed": needed,
        "terms": dict(found.law),
        "residual": found.residual,
        "equations": found.equations,
    }
    lead = f"your loss is {found.combination.name} of {K} samples; {words}"
    offset = needed - found.constant
    slip = _slip(found, offset, needed, K)
    if slip:
        return Formula("NOT AN ELBO", f"{lead}; {slip[0]}", hints=(slip[1],), **common)  # type: ignore[arg-type]
    if found.combination.surrogate:
        hints = ("M49: report -log mean weight beside what is trained on",)
        sentence = f"{lead}: the gradient is that of the importance-weighted bound, the value is not"
        return Formula("GRADIENT SURROGATE", sentence, hints=hints, **common)  # type: ignore[arg-type]
    if same(offset, 0.0, 1 + abs(needed)):
        return Formula("EXACT", lead, **common)  # type: ignore[arg-type]
    sentence = f"{lead}; -loss = bound {offset:+.6g} nats"
    return Formula("UP TO A CONSTANT", sentence, hints=("M38: a constant",), **common)  # type: ignore[arg-type]


def _law(found: Multi, D: int, d: int) -> tuple[float | None, float, str]:
    """Return the variance, the constant of the likelihood, and words."""
    law = found.likelihood
    a = next(iter(found.law.values()))
    if law.family == "gaussian" and not law.expected:
        variance = 1 / (2 * a) if a > 0 else math.nan
        needed = D / 2 * math.log(2 * math.pi * variance) if a > 0 else 0.0
        return (
            variance,
            needed,
            f"{law.name} likelihood of variance {snapped(variance, units(D, d)) if a > 0 else 'none'}",
        )
    if law.family == "laplace" and not law.expected:
        return 1 / a, D * math.log(2 / abs(a)), f"Laplace likelihood of scale {1 / a:.6g}"
    return None, law.constant(D), f"{law.name} likelihood"


def _slip(found: Multi, offset: float, needed: float, K: int) -> tuple[str, str] | None:
    if found.combination.fault:
        return found.combination.fault, found.combination.hint
    if found.inside and found.weight:
        return "a divergence in closed form stands in the weights", "M46: log q(z) - log p(z) of each sample"
    if found.inside:
        return (
            "there is no divergence from the prior in the weights",
            "M46: log q(z) - log p(z) of each sample",
        )
    first = next(iter(found.law))
    if found.law[first] <= 0:
        return "the likelihood has the wrong sign", "unknown: the sign of the reconstruction"
    if any(same(offset - one, math.log(K), math.log(K)) for one in (0.0, needed)):
        return (
            f"the weights are summed and not averaged: the number exceeds the bound by log {K}",
            "M43: log K",
        )
    return None
