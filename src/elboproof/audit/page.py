"""Audits as one HTML page that needs no other file: verdicts, the formula's terms, and two pictures."""

from collections.abc import Iterable, Sequence
from html import escape

from elboproof import __version__
from elboproof.audit.explained import CHECKED
from elboproof.audit.formula import Formula
from elboproof.audit.pictures import bars, points
from elboproof.audit.report import Report
from elboproof.audit.result import Result
from elboproof.checking.words import clean

STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #ddd; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: #14632b; } .note { color: #444; } .fails, .failed { color: #a4161a; font-weight: 600; }
.unknown { color: #7a5200; } .broken { color: #5b2a86; } .passed { color: #14632b; }
.hint { color: #444; } pre { overflow-x: auto; background: #f5f5f5; padding: .6rem; } figure { margin: 1rem 0; }
@media (max-width: 40rem) { /* a check is a block: its words as wide as the screen, its numbers named below */
  .checks thead { display: none; } .checks tr { display: block; border-bottom: 1px solid #ddd; padding: .4rem 0; }
  .checks td { display: inline-block; border: 0; padding: .1rem .8rem .1rem 0; }
  .checks td:empty { display: none; } .checks td:nth-child(3) { display: block; }
  .checks td.number::before { content: attr(data-name) " "; color: #555; } }
svg { width: 100%; max-width: 34rem; height: auto; } figcaption, footer { color: #555; font-size: .9rem; }
"""
CLASS = {"could not run": "broken"}
"""Names of style of words that are none."""


def page(reports: Sequence[Report]) -> str:
    """Return the page."""
    sections = "\n".join(map(_section, reports))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>elboproof audit</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{sections}\n"
        f"<footer>elboproof {escape(__version__)}</footer>\n</body>\n</html>\n"
    )


def _section(report: Report) -> str:
    parts = [
        f"<h1>{_safe(report.name)}: {_word(report.status, report.status)}</h1>",
        f"<p>Claimed to be the {_safe(report.claim)}. {_safe(_sizes(report))}</p>",
        _checks(report.results),
        *_formula(report.formula),
        *_pictures(report.results),
    ]
    return f"<section>\n{chr(10).join(parts)}\n</section>"


def _safe(words: object) -> str:
    return escape(clean(str(words)))


def _word(kind: str, words: str) -> str:
    return f'<span class="{CLASS.get(kind, kind)}">{_safe(words)}</span>'


def _sizes(report: Report) -> str:
    sizes = ", ".join(f"{name} = {_said(value)}" for name, value in report.sizes.items())
    where = "" if report.place is None else f" The loss: {report.place.file}:{report.place.line}."
    return f"{sizes or 'The networks did not run'}; alpha {report.alpha:g}, seed {report.seed}.{where}"


def _said(value: object) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _checks(results: Iterable[Result]) -> str:
    head = ("check", "outcome", "what was found", "found", "limit", "n", "would see")
    rows = [_row(one) for one in results]
    return _table(head, rows, kind="checks")


def _row(one: Result) -> tuple[str, ...]:
    said = _safe(one.statement)
    said += "".join(f'<br><span class="hint">{_safe(hint)}</span>' for hint in one.advice)
    if one.trace:
        said += f"<details open><summary>traceback</summary><pre>{_safe(one.trace)}</pre></details>"
    numbers = (one.statistic, one.threshold, one.n or None, one.smallest_detectable)
    name = f'<span title="{_safe(CHECKED.get(one.id, ""))}">{_safe(one.id)}</span>'
    return name, _word(one.outcome, one.outcome), said, *map(_number, numbers)


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else _safe(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "numbers") -> str:
    top = "".join(f"<th>{_safe(one)}</th>" for one in head)
    lines = ["<tr>" + "".join(map(_cell, head, row)) + "</tr>" for row in rows]
    return f'<table class="{kind}">\n<thead><tr>{top}</tr></thead>\n<tbody>\n{chr(10).join(lines)}\n</tbody>\n</table>'


def _cell(name: str, content: str) -> str:
    return (
        f'<td class="number" data-name="{_safe(name)}">{content}</td>'
        if _is_number(content)
        else f"<td>{content}</td>"
    )


def _is_number(content: str) -> bool:
    try:
        float(content)
    except ValueError:
        return False
    return True


def _formula(formula: Formula | None) -> list[str]:
    if formula is None or not formula.terms:
        return []
    terms = {**dict.fromkeys(formula.terms), **dict.fromkeys(formula.expected)}
    rows = [
        (_safe(name), _exact(formula.terms.get(name)), _exact(formula.expected.get(name))) for name in terms
    ]
    rows.append(("constant", _exact(formula.constant_found), _exact(formula.constant_needed)))
    values = {"scale": formula.scale, "KL weight": formula.beta, "variance": formula.variance}
    named = "; ".join(f"{name} {_exact(value)}" for name, value in values.items() if value is not None)
    words = [formula.kind, formula.likelihood, formula.divergence, f"s: {formula.parameter}"]
    lead = ", ".join(_safe(one) for one in words if one)
    return [f"<h2>Formula: {lead}</h2>", f"<p>{named}</p>", _table(("term", "weight", "expected"), rows)]


def _exact(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


def _pictures(results: Iterable[Result]) -> list[str]:
    drawn = []
    for one in results:
        if "residual" in one.series:
            words = f"Residuals of the equations, relative; the formula holds below {_number(one.threshold)}."
            drawn.append(_figure(points(one.series["residual"], one.threshold), words))
        if "density" in one.series:
            words = "The noise (z - mean) / deviation, and the standard normal density."
            drawn.append(_figure(bars(one.series["edge"], one.series["density"]), words))
    return drawn


def _figure(drawing: str, words: str) -> str:
    return f"<figure>{drawing}<figcaption>{_safe(words)}</figcaption></figure>"
