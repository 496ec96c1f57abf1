"""The tables that open the report and the README: each claim, whether and where it was decided, and its limits."""

from collections.abc import Sequence

from elboproof.checking.collect import ClaimModule
from elboproof.checking.decisions import decision
from elboproof.checking.finding import Finding
from elboproof.checking.markup import table
from elboproof.checking.problems import OPTIONAL
from elboproof.checking.vocabulary import ROLES

_HEADER = ("claim", "title", "decided", "domain", "limits found", "not the paper's own", *ROLES, "hold")
_COVERAGE = ("claim", "in words", "decided", "limits found", "checks", "hold")


def overview(claims: Sequence[ClaimModule], findings: Sequence[Finding]) -> str:
    """Return the table: what is decided follows from the findings, the rest is what the claim modules say."""
    own = {module.claim.label: [f for f in findings if f.claim == module.claim.label] for module in claims}
    return table(_HEADER, [_row(module, own[module.claim.label]) for module in claims])


def coverage(claims: Sequence[ClaimModule], findings: Sequence[Finding]) -> str:
    """Return the table of a README: each claim in words, what was decided, its methods, and the checks that hold."""
    own = {module.claim.label: [f for f in findings if f.claim == module.claim.label] for module in claims}
    return table(_COVERAGE, [_covered(module, own[module.claim.label]) for module in claims])


def _covered(module: ClaimModule, findings: Sequence[Finding]) -> list[str]:
    methods = dict.fromkeys(finding.method for finding in findings)
    counts = ", ".join(f"{sum(f.method == method for f in findings)} {method}" for method in sorted(methods))
    held = f"{sum(f.holds for f in findings)}/{len(findings)}"
    return [
        f"`{module.claim.label}`",
        module.claim.title,
        decision(findings),
        _limits(findings),
        counts,
        held,
    ]


def _row(module: ClaimModule, findings: Sequence[Finding]) -> list[str]:
    return [
        f"[{module.claim.label}](#{module.claim.label})",
        module.claim.title,
        decision(findings),
        module.sections["Hypotheses"],
        _limits(findings),
        _not_the_papers(module),
        *(str(sum(finding.role == role for finding in findings)) for role in ROLES),
        f"{sum(f.holds for f in findings)}/{len(findings)}",
    ]


def _limits(findings: Sequence[Finding]) -> str:
    # What a check of this role found in vain is no limit that was found.
    found = [finding.statement for finding in findings if finding.role == "limits" and finding.holds]
    return ", ".join(f"{one} ({found.count(one)})" for one in dict.fromkeys(found)) or "none"


def _not_the_papers(module: ClaimModule) -> str:
    said = [(title, module.sections[title]) for title in OPTIONAL if title in module.sections]
    return " ".join(f"{title}: {text}" for title, text in said)
