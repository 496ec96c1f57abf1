"""The table of a trained model's diagnostics, 80 columns wide."""

import math
import textwrap
from typing import TYPE_CHECKING

from elboproof.diagnostics.diagnostic import Diagnostic
from elboproof.printing import WIDTH

if TYPE_CHECKING:
    from elboproof.diagnostics.diagnostics import Diagnostics

NAME, VALUE = 27, 20
MOST_LATENTS = 20
"""Of the table; fields hold all."""
SIGNS = {"": " ", "at least": ">=", "at most": "<="}


def text(found: "Diagnostics") -> str:
    """Return the table: one line for each number, what it means below, and the latents."""
    N, D, d = found.sizes
    lines = [f"{found.name}: trained on N = {N} of D = {D}, d = {d}; nats per example unless said"]
    for one in found.items:
        lines += _lines(one)
    return "\n".join([*lines, "", *_latents(found)])


def _lines(one: Diagnostic) -> list[str]:
    kind = one.kind if one.kind != "none" else "not known"
    head = f"  {one.name:{NAME}} {SIGNS[one.bound]:>2} {number(one):{VALUE}} {_unit(one)}{kind}"
    if not one.status:
        return [head.rstrip()]
    indent = " " * 6
    return [head.rstrip(), *textwrap.wrap(one.status, WIDTH, initial_indent=indent, subsequent_indent=indent)]


def _unit(one: Diagnostic) -> str:
    return f"{one.unit}, " if one.unit not in ("", "nats") else ""


def number(one: Diagnostic) -> str:
    """Return a value with as many places as its error allows, and the error."""
    if not math.isfinite(one.value):
        return "-" if one.kind == "none" else str(one.value)
    if one.unit == "" and one.kind == "exact" and one.value == round(one.value):
        return f"{one.value:.0f}"
    if not one.error > 0 or not math.isfinite(one.error):
        return f"{one.value:.4g}" if abs(one.value) < 1000 else f"{one.value:.1f}"
    places = min(max(1 - math.floor(math.log10(one.error)), 0), 9)
    # upward, and with what rounding the value takes away: what is shown is no less certain than what is known
    off = one.error + abs(one.value - round(one.value, places))
    error = math.ceil(off * 10**places) / 10**places
    return f"{one.value:.{places}f} +- {error:.{places}f}"


def _latents(found: "Diagnostics") -> list[str]:
    own = found.latents
    head = f"  {'latent':8}{'KL':>10}{'var of means':>14}{'E m^2+v':>12}{'mean':>12}{'gain':>12}"
    order = sorted(range(len(own.kl)), key=lambda k: -own.kl[k])
    rows = [
        f"  {k:<8}{own.kl[k]:>10.4f}{own.spread[k]:>14.4g}{own.second_moment[k]:>12.4g}{own.mean[k]:>12.3g}"
        f"{own.gain[k]:>12.3g}"
        for k in order[:MOST_LATENTS]
    ]
    more = len(order) - MOST_LATENTS
    return [head, *rows, *([f"  ... and {more} more latents"] if more > 0 else [])]
