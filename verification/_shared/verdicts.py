"""Verdicts that no relation of `elboproof.checking` fits: answers of ep.for_all, certificates, matrices as symbols."""

import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import sympy
from sympy import Expr

import elboproof as ep
from elboproof.checking import Verdict, by_hand

Answer: TypeAlias = ep.Proof | ep.Counterexample | ep.Unproved


def answered(answer: Answer, second_route: str | None = None) -> Verdict:
    """Return the verdict that an answer of ep.for_all is: a proof, a counterexample or neither.

    A check that decides the same once more, by another part, names that as the second route.
    """
    status = {ep.Proof: "established", ep.Counterexample: "refuted"}.get(type(answer), "undecided")
    number = answer.leaves if isinstance(answer, ep.Proof) else str(answer.enclosure)
    words = f" ({answer.leaves} leaves)" if isinstance(answer, ep.Proof) else ""
    return by_hand("certified", status, answer.status + words, number, second_route=second_route)


def rechecked(answer: Answer, changes: Mapping[str, Any] | None = None) -> Verdict:
    """Decide that ep.recheck accepts a proof's certificate: refused is refuted; without a proof nothing is decided.

    Parameters
    ----------
    answer
        Of ep.for_all.
    changes
        Entries of the certificate's statement that a control replaces: what it then claims was not proved.
    """
    if not isinstance(answer, ep.Proof):
        return by_hand("certified", "undecided", "there is no proof, so no certificate")
    content = deepcopy(dict(answer.certificate.content))
    content["statement"] = {**content["statement"], **(changes or {})}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.json"
        type(answer.certificate)(content).save(path)
        try:
            statement = ep.recheck(path)
        except ep.CertificateError as error:
            return by_hand("certified", "refuted", f"the certificate is refused: {error}")
    return by_hand(
        "certified", "established", f"the certificate proves {statement}", second_route="ep.recheck"
    )


def proved_twice(answer: Answer, changes: Mapping[str, Any] | None = None) -> Verdict:
    """Decide that ep.for_all proves a statement and ep.recheck its certificate; ``changes`` as in `rechecked`."""
    return rechecked(answer, changes) if isinstance(answer, ep.Proof) else answered(answer)


def words_equal(*differences: Expr) -> Verdict:
    """Decide that polynomials in symbols that do not commute are zero.

    Their expanded form, a sum of words, is unique, so this is exact both ways. `identity` refuses to read such symbols.
    """
    left = [sympy.expand(difference) for difference in differences]
    wrong = [difference for difference in left if difference != 0]
    if wrong:
        reason = f"{wrong[0]} is left, which is not the zero polynomial"
        return by_hand("symbolic", "refuted", reason, str(wrong[0]), 0.0)
    return by_hand("symbolic", "established", f"all {len(left)} expand to exactly 0", 0.0, 0.0)
