"""What findings make of a claim or of a sentence, in words: computed from their roles and results, never written."""

from collections.abc import Sequence

from elboproof.checking.finding import Finding
from elboproof.checking.markup import escaped
from elboproof.checking.sentences import Sentence, Sentences
from elboproof.checking.words import plural

SHOWN = 4
"""Domains that are named for one sentence; the claim's own table has them all."""


def decision(findings: Sequence[Finding]) -> str:
    """Return what findings decide: "confirmed", "limited", both, "open", or "not decided yet" if there are none."""
    # A check of role "limits" establishes a counterexample or a boundary of what is worded: it never confirms.
    if not findings:
        return "not decided yet"
    if not all(finding.holds for finding in findings):
        return "open: not all of its checks hold"
    limits = sum(finding.role == "limits" for finding in findings)
    if not limits:
        return "confirmed on this domain"
    limited = f"limited by {'this counterexample' if limits == 1 else 'these counterexamples'}"
    return limited if limits == len(findings) else f"confirmed on this domain, {limited}"


def section(sources: Sequence[Sentences], findings: Sequence[Finding]) -> str:
    """Return the section of the report: each sentence of each abstract, and what was decided about it."""
    parts = ["## The abstracts, sentence by sentence"]
    for source in sources:
        parts.append(f"### {escaped(source.source)}")
        for n, sentence in enumerate(source.members, 1):
            own = [finding for finding in findings if sentence.covers(finding.id)]
            parts.append(_decided(n, sentence, own))
    return "\n\n".join(parts)


def _decided(n: int, sentence: Sentence, findings: Sequence[Finding]) -> str:
    lines = [
        f"{n}. *{escaped(sentence.says)}*",
        f"   **{_verdict(sentence, findings)}** {_counted(sentence, findings)}",
    ]
    confirming = [finding for finding in findings if finding.role != "limits" and finding.holds]
    hypotheses = dict.fromkeys(h["text"] for finding in confirming for h in finding.hypotheses)
    lines += _listed("Domain", [finding.domain for finding in confirming], SHOWN)
    lines += _listed("Hypotheses", list(hypotheses), len(hypotheses))
    limits = [finding for finding in findings if finding.role == "limits" and finding.holds]
    lines += [f"   - limited ({f.claim} {f.statement}): {escaped(f.states)}" for f in limits]
    lines += [f"   - open: `{f.id}` did not hold" for f in findings if not f.holds]
    return "\n".join(line.rstrip() for line in lines)


def _verdict(sentence: Sentence, findings: Sequence[Finding]) -> str:
    decided = decision(findings)
    undecidable = f"not decidable here, {escaped(sentence.not_decidable).rstrip('.')}"
    if not sentence.not_decidable:
        return f"{_capital(decided)}."
    return f"{_capital(decided)}; the rest is {undecidable}." if findings else f"{_capital(undecidable)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(name: str, texts: Sequence[str], shown: int) -> list[str]:
    different = list(dict.fromkeys(texts))
    if not different:
        return []
    more = f"; and {len(different) - shown} more, in the tables below" if len(different) > shown else ""
    return [f"   {name}: {escaped('; '.join(different[:shown]))}{more}."]


def _counted(sentence: Sentence, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    methods = dict.fromkeys(finding.method for finding in findings)
    counts = ", ".join(f"{sum(f.method == method for f in findings)} {method}" for method in methods)
    return f"Decided by {', '.join(sentence.decided_by)}: {plural(len(findings), 'check')} ({counts})."
