"""FORMULA: which objective the loss is, judged against what is claimed of it."""

import math

from elboproof.audit.aggregates import read_aggregate
from elboproof.audit.bent import find_bent
from elboproof.audit.bent_each import find_each
from elboproof.audit.codes import enumerated, read_codes
from elboproof.audit.designs import at_log_variance
from elboproof.audit.detector import NEAR, Detector, Recognised
from elboproof.audit.far import NOT_NEAR
from elboproof.audit.far_words import restricted
from elboproof.audit.fingerprint import fingerprint
from elboproof.audit.formula import NEVER, OTHER, Formula
from elboproof.audit.likelihoods import LIKELIHOODS
from elboproof.audit.reading import Reader
from elboproof.audit.reading_bent import read_bent
from elboproof.audit.reading_divergence import OF_SINGLE, SAME, same
from elboproof.audit.reading_law import read_with_law
from elboproof.audit.reference import value
from elboproof.audit.result import Result, result
from elboproof.audit.samples_words import find
from elboproof.audit.session import Session

DESIGNS = 72
"""Of a scalar loss: one equation each."""
DESIGNS_OF_EACH = 14
"""Of a loss with a value per datum."""
NEAREST, CLOSE = 0.01, 1e-6
"""Of means near the prior; relative, how far a formula may be off there."""


def check_formula(session: Session) -> Result:
    """Recognise the formula, and say in one sentence what it is."""
    shapes, designer = session.bench.shapes, session.designer
    first = session.calls("formula", 2)
    calls = session.calls("formula", DESIGNS if first[0].loss.ndim == 0 else DESIGNS_OF_EACH)
    detector = Detector(
        calls, shapes, designer.support, session.parameters(), session.close, flow=session.flow
    )
    sampler = session.parameter.name if session.parameter else None
    limit = SAME if session.close < SAME else OF_SINGLE
    reader = Reader(shapes.data, shapes.latents, designer.support, sampler, limit)
    if enumerated(session, first[0]):
        session.formula = read_codes(session, reader, session.calls("codes", len(calls))) or _unrecognised(
            session, detector
        )
        return judged(session, session.formula)
    found = _recognised(session, detector)
    if session.multi is not None and session.formula is not None:
        session.formula = restricted(session, session.formula)
        return result("formula", "ok", "no sum of terms of single samples: see samples", n=len(calls))
    if found is None:
        session.formula = read_aggregate(session, reader, calls)
        if session.formula is not None:
            return judged(session, session.formula)
        found = detector.recognise(wide=True)
    if found is None:
        session.formula = _unrecognised(session, detector)
        return judged(session, session.formula)
    session.found, session.formula = _read(session, reader, found)
    session.formula = restricted(session, session.formula)
    return judged(session, session.formula)


def _read(session: Session, reader: Reader, found: Recognised) -> tuple[Recognised, Formula]:
    """Return a formula and what it says: one that is a slip, or does not hold near the prior, may be a bent one."""
    if found.bend is None:
        formula = read_with_law(session, reader, found)
        slip = formula.kind == "NOT AN ELBO" and formula.divergence == "closed form"
        near = _holds_near_prior(session, found)
        bent = find_bent(session) if slip or not near else None
        if bent is None and not near:
            bent = find_each(session, found)
        if bent is None or bent.bend is None:
            session.kept[NOT_NEAR] = not near
            return found, formula
        found = bent
    return found, read_bent(reader, found)


def _holds_near_prior(session: Session, found: Recognised) -> bool:
    """Return whether a formula that was solved on bounded designs holds where the KL is almost nothing."""
    if session.flow:
        return True
    design = at_log_variance(session.designer, "near the prior", found.parameter, 0.0, NEAREST)
    call = session.bench.call(design, session.seed(0))
    apart = (call.loss - value(found, call)).abs().max() / (1 + call.loss.abs().max())
    return float(apart.detach()) <= (CLOSE if session.close < CLOSE else OF_SINGLE)


def _recognised(session: Session, detector: Detector) -> Recognised | None:
    """Look among the ordinary formulas, among combinations of several samples, and for a divergence that is bent."""
    found = detector.recognise(wide=False)
    if found is None and session.samples > 1 and find(session):
        return None
    return found or find_bent(session)


def _unrecognised(session: Session, detector: Detector) -> Formula:
    words, residual = fingerprint(session), math.nan
    if detector.nearest is not None:
        residual, near = detector.nearest
        if residual < NEAR:
            words = (
                f"it equals a formula with a {near.likelihood.name} likelihood up to {residual:.1g}: an epsilon or a "
                f"soft clip stands between; {words}"
            )
    return Formula(
        "NOT RECOGNISED", f"the loss is none of the formulas known here: {words}", residual=residual
    )


def judged(session: Session, formula: Formula) -> Result:
    """Return the result for a formula: what is claimed decides whether it fails."""
    if formula.kind == "NOT RECOGNISED":
        numbers = {"found": formula.residual, "limit": session.close, "n": formula.equations}
        return result("formula", "unknown", formula.sentence, **numbers)  # type: ignore[arg-type]
    fault, hints = _fault(session, formula)
    outcome = "fails" if fault else "ok"
    sentence = f"{formula.sentence}{f' ({fault})' if fault else ''}"
    method = "numeric"
    return result(
        "formula",
        outcome,
        sentence,
        method=method,
        found=formula.residual,
        limit=session.close,
        n=formula.equations,
        hints=hints if fault else (),
        series={} if session.found is None else {"residual": session.found.fit.errors.tolist()},
    )


def _fault(session: Session, formula: Formula) -> tuple[str, tuple[str, ...]]:
    """Return why a formula is not what is claimed, with hints; empty if it is."""
    claim, D = session.adapter.claim, session.bench.shapes.data
    if formula.kind in NEVER:
        return formula.kind, formula.hints
    meant = _other_likelihood(session, formula)
    if meant:
        return meant, ("M35: the variance used is not the one meant",)
    if claim == "-iwae":
        return "claimed: -iwae; one sample or a mean over samples is the plain ELBO", (
            "M44: logsumexp over the samples",
        )
    if claim == "bits/dim":
        good = same(formula.scale, 1 / (D * math.log(2))) and same(formula.beta, 1.0)
        offset = abs(formula.offset) <= 1e-5 * (1 + abs(formula.constant_needed))
        return (
            "" if good and offset and formula.kind not in ("UNNORMALISED", *OTHER) else "claimed: bits/dim"
        ), ("M51: log 2 and D once each",)
    if claim == "-elbo" and formula.kind != "EXACT":
        return f"claimed: -elbo; found: {formula.kind}", formula.hints or (
            "M16: scale, weights and constants",
        )
    return "", ()


def _other_likelihood(session: Session, formula: Formula) -> str:
    declared = session.adapter.likelihood
    if declared is None or not formula.likelihood:
        return ""
    family = next(one.family for one in LIKELIHOODS if one.name == formula.likelihood)
    if family != declared.family:
        return f"declared: {declared.family}; found: {formula.likelihood}"
    spread = declared.spread()
    if spread is None or formula.variance is None or abs(formula.variance / spread - 1) <= 1e-5:
        return ""
    return f"declared: {spread:.6g}; found: {formula.variance:.6g}"
