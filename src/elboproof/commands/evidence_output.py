"""The answers of ``elboproof evidence``, as text and as JSON. No printed decimal is tighter than its proof."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

from elboproof import __version__
from elboproof.commands.evidence_input import Point
from elboproof.model.families import WORDS, parameters, word_of
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.likelihood import Gaussian

METHOD = "branch and bound with Gauss-Legendre rules, every error bounded by ball arithmetic"
EXACT_DIGITS = 1200
"""Significant decimals that hold any double and any difference of two exactly, with room to spare."""
FINEST = 17
"""Significant decimals of an enclosure that is a single double."""
LONGEST_POINT, LONGEST_NUMBER = 28, 8
"""Characters of a data point in a table, and of its coordinates where they do not all fit; longer ones are cut."""


@dataclass(frozen=True)
class Answer:
    """What was proved for one data point.

    Attributes
    ----------
    point : Point
    lower, upper : float
        Bounds of log p(x) in nats; infinite where nothing is known.
    status : str
        Why it is undecided; empty where it is proved to the digits asked.
    finest : (Decimal, Decimal), optional
        The same bounds where they have more digits than floats.
    """

    point: Point
    lower: float
    upper: float
    status: str
    finest: tuple[Decimal, Decimal] | None = None

    @property
    def ends(self) -> tuple[float | Decimal, float | Decimal]:
        """The bounds with all their digits."""
        return self.finest or (self.lower, self.upper)

    @property
    def digits(self) -> float:
        """-log10 of the half width, rounded down to a tenth; -inf where a bound is missing."""
        low, high = self.ends
        # An infinite end makes the half width infinite or NaN, neither of them finite. Rounded down to a tenth:
        # no digit is claimed that the interval does not show.
        with localcontext() as context:
            context.prec = EXACT_DIGITS
            half = (Decimal(high) - Decimal(low)) / 2
        if not half.is_finite():
            return -math.inf
        return math.inf if not half else math.floor(-10 * float(half.log10())) / 10


def bounds_text(lower: float | Decimal, upper: float | Decimal) -> tuple[str, str]:
    """Return decimals below ``lower`` and above ``upper``, as long as is worth reading."""
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return str(lower), str(upper)
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        # Decimals of doubles are exact, and EXACT_DIGITS holds them; rounding is away from the interval.
        low, high = Decimal(lower), Decimal(upper)
        unit = Decimal(1).scaleb(_last_place(low, high))
        down, up = low.quantize(unit, rounding=ROUND_FLOOR), high.quantize(unit, rounding=ROUND_CEILING)
        return f"{down:f}", f"{up:f}"


def ball_text(lower: float | Decimal, upper: float | Decimal) -> tuple[str, str]:
    """Return a decimal midpoint and radius whose ball contains the interval; the radius has two digits.

    An interval that is not bounded has no such ball, and gives two texts that say so.
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return ("unknown" if math.isinf(upper) else f"at most {_rounded_up(upper)}"), "inf"
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        low, high = Decimal(lower), Decimal(upper)
        unit = Decimal(1).scaleb(_last_place(low, high))
        # The middle may be rounded to either side, because the radius is taken from it to the farther end, and
        # rounded up.
        middle = ((low + high) / 2).quantize(unit, rounding=ROUND_HALF_EVEN)
        radius = max(high - middle, middle - low)
        if not radius:
            return f"{middle:f}", "0"
        context.prec, context.rounding = 2, ROUND_CEILING
        return f"{middle:f}", f"{+radius:.1e}"


def _rounded_up(value: float | Decimal) -> str:
    with localcontext() as context:
        context.prec, context.rounding = 6, ROUND_CEILING
        return f"{+Decimal(value)}"


def _last_place(low: Decimal, high: Decimal) -> int:
    """Return the exponent of the last decimal worth printing: a tenth of the radius."""
    # An interval that is one double has no width; its own digits end it, or 17 of them, which tell doubles
    # apart.
    width = high - low
    if width:
        return width.adjusted() - 1
    return max(low.adjusted() - FINEST + 1, int(low.as_tuple().exponent)) if low else 0


def one_text(answer: Answer, model: LatentModel, digits: float, cells: int, seconds: float) -> str:
    """Return the lines shown for a single data point."""
    lower, upper = bounds_text(*answer.ends)
    middle, radius = ball_text(*answer.ends)
    reached = "none" if answer.digits == -math.inf else f"{answer.digits:.1f}"
    # Every number comes from bounds that are rounded outward: no decimal is tighter than its proof.
    fields = {
        "model": model_text(model),
        "x": point_text(answer.point, 100),
        "log p(x)": f"{middle} +- {radius} nats" if radius != "inf" else f"{middle} nats",
        "lower": lower,
        "upper": upper,
        "digits": f"{reached} proved of {digits:g} asked",
        "method": METHOD,
        "cells": f"{cells:,}",
        "seconds": f"{seconds:.2f}",
        "verdict": f"undecided: {answer.status}" if answer.status else "proved",
    }
    return "\n".join(f"{name:<9} {value}" for name, value in fields.items())


def head_text(model: LatentModel) -> str:
    """Return the lines above the table of several data points."""
    titles = (
        f"{'row':>7}  {'x':<{LONGEST_POINT}}  {'log p(x) in nats':>24}  {'+-':>8}  {'digits':>6}  verdict"
    )
    return f"model   {model_text(model)}\nmethod  {METHOD}\n{titles}"


def row_text(number: int, answer: Answer) -> str:
    """Return one line of the table."""
    middle, radius = ball_text(*answer.ends)
    reached = "-" if answer.digits == -math.inf else f"{answer.digits:.1f}"
    verdict = f"undecided: {answer.status}" if answer.status else "proved"
    point = point_text(answer.point, LONGEST_POINT)
    return f"{number:>7}  {point:<{LONGEST_POINT}}  {middle:>24}  {radius:>8}  {reached:>6}  {verdict}"


def foot_text(answers: Sequence[Answer], digits: float, cells: int, seconds: float) -> str:
    """Return the line below the table."""
    proved = sum(not answer.status for answer in answers)
    return f"{proved:,} of {len(answers):,} proved to {digits:g} digits; {cells:,} cells looked at; {seconds:.2f} s"


def point_text(point: Point, limit: int) -> str:
    """Return the coordinates as they were written; where these are too long, the beginning of each."""
    # The beginning of every coordinate says more than the first few coordinates in full.
    text = ", ".join(point.texts)
    if len(text) <= limit:
        return text
    text = ", ".join(t if len(t) <= LONGEST_NUMBER else f"{t[: LONGEST_NUMBER - 2]}.." for t in point.texts)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def model_text(model: LatentModel) -> str:
    """Return the model in one line, so that a misread name is seen."""
    names, outputs = ", ".join(map(str, model.latents)), ", ".join(decoder_texts(model))
    likelihood = model.likelihood
    if type(likelihood) is Gaussian and likelihood.variance:
        variances = ", ".join(map(str, likelihood.variance))
        rule = f"Gaussian with mean ({outputs}) and variance {variances}"
    elif word_of(type(likelihood)) not in WORDS:  # not written on a command line, but in a file
        rule = f"({outputs}) ~ {likelihood!r}"
    else:
        given = [f"{name} {', '.join(values)}" for name, values in parameters(likelihood).items()]
        rule = " and ".join([f"{type(likelihood).__name__} with {likelihood.gives} ({outputs})", *given])  # type: ignore[attr-defined]
    prior = "N(0, 1)" if model.prior.standard else repr(model.prior)
    return f"latent {names} ~ {prior}; x given {names} {rule}"


def decoder_texts(model: LatentModel) -> list[str]:
    """Return the decoder's expressions, or what a network is made of."""
    if isinstance(model, NetworkModel):
        return [repr(model.network)]
    return [str(entry) for entry in model.decoder]


def json_text(
    answers: Sequence[Answer], model: LatentModel, digits: float, cells: int, seconds: float
) -> str:
    """Return one JSON object; `elboproof.commands.evidence` describes it."""
    # Doubles that are not finite are null: JSON has no name for them.
    variance = model.likelihood.variance if isinstance(model.likelihood, Gaussian) else None
    document = {
        "schema": 1,
        "version": __version__,
        "latent": [str(symbol) for symbol in model.latents],
        "decoder": decoder_texts(model),
        "likelihood": word_of(type(model.likelihood)),
        "variance": [str(number) for number in variance] if variance else None,
        "parameters": parameters(model.likelihood) if word_of(type(model.likelihood)) in WORDS else {},
        "digits": digits,
        "method": METHOD,
        "proved": not any(answer.status for answer in answers),
        "cells": cells,
        "seconds": round(seconds, 3),
        "rows": [_row(answer) for answer in answers],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def _row(answer: Answer) -> dict[str, object]:
    # A one-sided bound has no ball: its text for people is left out, and the bound itself stands in lower or
    # upper.
    middle, radius = ball_text(*answer.ends)
    bounded = radius != "inf"
    return {
        "x": list(answer.point.texts),
        "lower": _finite(answer.lower),
        "upper": _finite(answer.upper),
        "midpoint": middle if bounded else None,
        "radius": radius if bounded else None,
        "digits": _finite(answer.digits),
        "proved": not answer.status,
        "reason": answer.status,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
