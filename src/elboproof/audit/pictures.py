"""Two small pictures as SVG, drawn by hand so that a page needs no other file and no library for pictures."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 480, 180, 34
BLUE, RED, GREY = "#2c6fbb", "#a4161a", "#999"
SMALLEST = 1e-18
"""Residuals below are drawn there: zero has no logarithm."""


def points(values: Sequence[float], limit: float) -> str:
    """Return sizes in their order on a logarithmic axis, and the limit as a line."""
    sizes = [min(max(abs(one), SMALLEST), 1.0) if math.isfinite(one) else 1.0 for one in values]
    low, high = math.log10(min(*sizes, limit)) - 0.5, math.log10(max(*sizes, limit)) + 0.5
    down = [_down((high - math.log10(one)) / (high - low)) for one in (*sizes, limit)]
    across = [_across((n + 0.5) / len(sizes)) for n in range(len(sizes))]
    dots = [
        f'<circle cx="{x}" cy="{y}" r="2.2" fill="{BLUE}"/>' for x, y in zip(across, down[:-1], strict=True)
    ]
    line = f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{down[-1]}" y2="{down[-1]}" stroke="{RED}"/>'
    ends = [_text(2, _down(share), f"1e{round(high - share * (high - low))}") for share in (0.05, 0.95)]
    return _svg([*dots, line, *ends], "residuals")


def bars(edges: Sequence[float], densities: Sequence[float]) -> str:
    """Return a histogram with the standard normal density over it."""
    first, last = edges[0], edges[-1]
    top = 1.1 * max(*densities, _normal(0.0))
    drawn = []
    for left, right, height in zip(edges[:-1], edges[1:], densities, strict=True):
        x, y = _across((left - first) / (last - first)), _down(1 - height / top)
        width = round(_across((right - first) / (last - first)) - x, 2)
        drawn.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{round(_down(1) - y, 2)}" fill="{BLUE}" opacity="0.5"/>'
        )
    grid = [first + n * (last - first) / 100 for n in range(101)]
    curve = " ".join(f"{_across(n / 100)},{_down(1 - _normal(at) / top)}" for n, at in enumerate(grid))
    drawn.append(f'<polyline points="{curve}" fill="none" stroke="{RED}"/>')
    drawn += [
        _text(_across(share) - 6, HEIGHT - 2, f"{first + share * (last - first):g}") for share in (0, 0.5, 1)
    ]
    return _svg(drawn, "noise")


def _normal(at: float) -> float:
    return math.exp(-at * at / 2) / math.sqrt(2 * math.pi)


def _across(share: float) -> float:
    return round(MARGIN + share * (WIDTH - MARGIN - 10), 2)


def _down(share: float) -> float:
    return round(6 + share * (HEIGHT - 24), 2)


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{round(x, 2)}" y="{y}" font-size="10" fill="{GREY}">{words}</text>'


def _svg(parts: Sequence[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
