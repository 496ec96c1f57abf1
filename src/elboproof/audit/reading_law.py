"""The law of the noise that a formula is read with: a bound of another q can have the terms of a Gaussian's.

Where a Gaussian explains weights and constant, one is meant, whatever is drawn. Else the formula is read for the other
laws, with the width of the noise that weights or constant speak for, and one counts if the noise is of it. If the
constant speaks for none, the law is that of the noise; and if that is none known, nothing is said of the constant.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from elboproof.audit.detector import Recognised
from elboproof.audit.divergences import OTHER_LAWS
from elboproof.audit.formula import NEVER, Formula
from elboproof.audit.laws import LAWS, NORMAL, USUAL, NoiseLaw
from elboproof.audit.noise import compared
from elboproof.audit.reading import Reader
from elboproof.audit.reading_divergence import same
from elboproof.audit.session import Session

WIDEST = 7.0
"""Logarithm of a width of noise: beyond, a constant speaks for no width, but is one that was left out."""
NO_LAW = (
    "the loss has the form of a negative ELBO with a drawn prior and an entropy in closed form, of noise whose law is "
    "not known here: whether its constant is the right one cannot be told"
)
NOT_TOLD = (
    "the weights of the divergence are those of a KL for noise of another width, and the noise is too near to that "
    "of width 1 to tell which of the two is meant: more draws would"
)


def read_with_law(session: Session, reader: Reader, found: Recognised) -> Formula:
    """Return what a formula says, and keep the law of the noise that it is read with in the session."""
    plain = reader.read(found)
    session.law = OTHER_LAWS.get(found.kind, NORMAL)
    if found.form not in ("plain", "mixed") or session.parameter != found.parameter:
        return plain
    if found.kind == "closed form" and plain.kind == "NOT AN ELBO":
        return _by_weights(session, reader, found, plain)
    if _entropy(found) and plain.kind not in ("NOT AN ELBO", "MIXED REDUCTION") and _off(reader, plain):
        return _by_constant(session, reader, found, plain)
    return plain


def _entropy(found: Recognised) -> bool:
    """Return whether the prior is drawn and the entropy is in closed form."""
    weights = found.fit.weights
    return found.kind == "monte carlo" and abs(weights["r^2"]) <= 1e-6 * abs(weights["log variance"])


def _off(reader: Reader, formula: Formula) -> bool:
    size = max(abs(formula.constant_needed), abs(formula.constant_found), abs(formula.scale))
    return abs(formula.constant_needed - formula.constant_found) > reader.limit * size


def _agrees(session: Session, found: Recognised, law: NoiseLaw) -> bool:
    return compared(session, found.parameter, law).agrees


def _by_weights(session: Session, reader: Reader, found: Recognised, plain: Formula) -> Formula:
    """Read a closed form whose variance has a weight of its own: V b / 2."""
    mean, variance = found.fit.weights["mean^2"], found.fit.weights["variance"]
    if not (mean > 0 and variance > 0):
        return plain
    for law in _of_widths({base: math.sqrt(variance / mean / base.variance) for base in LAWS}):
        formula = replace(reader, law=law).read(found)
        if formula.kind in NEVER or not _agrees(session, found, law):
            continue
        if law.name.startswith(NORMAL.name) and _agrees(session, found, NORMAL):
            return Formula("NOT RECOGNISED", NOT_TOLD, residual=plain.residual)
        session.law = law
        return formula
    return plain


def _by_constant(session: Session, reader: Reader, found: Recognised, plain: Formula) -> Formula:
    """Read a closed-form entropy, whose constant is that of a law and a width, or was left out."""
    for law in (*_of_constant(plain, reader.d), *USUAL):
        if _agrees(session, found, law):
            session.law = law
            return plain if law is NORMAL else replace(reader, law=law).read(found)
    session.law = None
    return Formula("NOT RECOGNISED", NO_LAW, residual=plain.residual)


def _of_constant(plain: Formula, d: int) -> list[NoiseLaw]:
    """Return the laws with the width that makes the constant right: a nat of entropy for each e-fold."""
    logs = {base: plain.offset / d - base.entropy + NORMAL.entropy for base in LAWS}
    return _of_widths({base: math.exp(one) for base, one in logs.items() if abs(one) <= WIDEST})


def _of_widths(widths: Mapping[NoiseLaw, float]) -> list[NoiseLaw]:
    """Return laws of these widths, those of width 1 first: a normal law of another width can be near to each."""
    found = [base if same(width, 1.0) else base.scaled(width) for base, width in widths.items()]
    return sorted(found, key=lambda one: one.width != 1.0)
