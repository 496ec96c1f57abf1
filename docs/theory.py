"""The theory: each claim's mathematics and its proof, from the claim modules, statement by statement."""

import ast
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from elboproof.checking.claim import Check
from elboproof.checking.collect import ClaimModule, Collection, collect
from elboproof.checking.decisions import decision
from elboproof.checking.document import read_document
from elboproof.checking.finding import Finding
from elboproof.checking.markup import escaped, table

HEAD = """# Theory

Each claim's mathematics, its hypotheses and its proof, from the claim's module and from its checks; what was decided
follows from the findings of the last full run. *Symbolic* checks are derivations for all values of the symbols,
*certified* ones proofs in ball arithmetic on the instances that are named, *property*, *numeric*, *statistical* and
*experiment* checks are evidence and no proof.
"""
SECTIONS = ("Hypotheses", "Relation", "Method", "Trusted base", "What this does not show")


def pages(root: Path) -> dict[str, str]:
    """Return a page for each claim, and their index."""
    collection = collect(root / "verification")
    _, findings = read_document(root / "paper_checks.json")
    result = {f"theory_{_stem(module)}.md": _claim(module, collection, root) for module in collection.claims}
    rows = [_overview(module, findings) for module in collection.claims]
    entries = "\n".join(name.removesuffix(".md") for name in result)
    index = table(("claim", "in words", "decided", "checks that hold"), rows)
    return result | {
        "theory.md": f"{HEAD}\n{index}\n\n```{{toctree}}\n:maxdepth: 1\n:hidden:\n\n{entries}\n```\n"
    }


def _stem(module: ClaimModule) -> str:
    return module.claim.label.replace("-", "_")


def _overview(module: ClaimModule, findings: Sequence[Finding]) -> list[str]:
    own = [one for one in findings if one.claim == module.claim.label]
    name = f"[{module.claim.label}](theory_{_stem(module)}.md)"
    return [name, module.claim.title, decision(own), f"{sum(one.holds for one in own)}/{len(own)}"]


def _claim(module: ClaimModule, collection: Collection, root: Path) -> str:
    own = [check for check in collection.checks if check.claim == module.claim.label]
    parts = [
        f"# {module.claim.title}",
        f"Claim `{module.claim.label}`; `elboproof show {module.claim.label}` prints it with its numbers.",
        prose(module.sections["Claim"]),
        *(f"## {title}\n\n{prose(module.sections[title])}" for title in module.sections if title != "Claim"),
        f"![{module.claim.label}](../../figures/{_stem(module)}.png)",
    ]
    for statement, checks in groupby(own, key=lambda check: check.statement):
        parts.append(f"## {statement}: what each check establishes")
        parts += [_check(check, collection.files[check.id], root) for check in checks]
    return "\n\n".join(parts) + "\n"


def _check(check: Check, file: Path, root: Path) -> str:
    text = file.read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    said = ast.get_docstring(functions[check.name]) if check.name in functions else None
    facts = {
        "Domain": check.domain,
        "Hypotheses": "; ".join(one.text for one in check.hypotheses),
        "How": said or "",
        "Must be rejected": "; ".join(one.name for one in check.controls),
    }
    head = f"**{escaped(check.name.replace('_', ' '))}** ({check.role}, {check.method}, `{check.relation}`)"
    lines = [f"- *{name}:* {escaped(text)}" for name, text in facts.items() if text]
    lines.append(f"- `{file.resolve().relative_to(root)}`")
    return f"{head}\n\n> {escaped(check.states)}\n\n" + "\n".join(lines)


def prose(text: str) -> str:
    """Return a section of a docstring as Markdown: paragraphs and lists stay, formulas are left alone."""
    lines: list[str] = []
    for block in text.split("\n\n"):
        lines += _block(block)
    return "\n\n".join(lines)


def _block(block: str) -> list[str]:
    # Items of a list may go on over several lines, which are indented.
    if not block.lstrip().startswith("- "):
        return [escaped(block)]
    items = [part for part in ("\n" + block.strip()).split("\n- ") if part.strip()]
    return ["\n".join(f"- {escaped(item)}" for item in items)]
