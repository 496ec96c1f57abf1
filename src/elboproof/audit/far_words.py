"""What the limits of a formula are called, and what follows from them for what is claimed of a loss."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from elboproof.audit.far import NOT_NEAR, Limit, limits_of
from elboproof.audit.far_lines import DOWN, OF_Q, UP
from elboproof.audit.formula import Formula
from elboproof.audit.session import Session

ALIKE = 1e-3
"""Relative: two places up and down that are called one."""
EPSILON = torch.finfo(torch.float64).eps
TORCH = 100.0
"""What logarithms of probabilities are at most below 0 in torch.nn.functional.binary_cross_entropy."""
_BEYOND = {
    "clamped": "beyond, they count as that (a clamp)",
    "level": "beyond, the loss levels off (an epsilon, or a soft clamp)",
    "other": "beyond, the loss is another function",
    "not finite": "beyond, the loss is not finite",
    "ends": "the loss is not finite at p = 0 or 1, to which a float32 sigmoid rounds from logits of 17 on",
    "drawn": "beyond, z is drawn from another q than the one whose KL is taken",
}


def restricted(session: Session, formula: Formula) -> Formula:
    """Return a formula with the places up to which it holds, in its sentence too."""
    within = words_of(limits_of(session))
    if session.kept.get(NOT_NEAR):
        within = ("the KL is not almost 0: next to the prior the loss is another one", *within)
    if not within:
        return formula
    sentence = "".join(f"; holds where {one}" for one in within)
    return replace(formula, sentence=formula.sentence + sentence, within=within)


def words_of(limits: Sequence[Limit], *, brief: bool = False) -> tuple[str, ...]:
    """Return what is said of limits, a pair of the same place up and down in one; in brief not what is beyond."""
    said: list[str] = []
    left = list(limits)
    while left:
        first = left.pop(0)
        pair = next((one for one in left if _alike(first, one)), None)
        if pair is not None:
            left.remove(pair)
        where = _where(first, both=pair is not None)
        said.append(where if brief else f"{where}: {_beyond(first)}")
    return tuple(said)


def _alike(one: Limit, other: Limit) -> bool:
    same = (one.of, one.beyond, one.of_datum) == (other.of, other.beyond, other.of_datum)
    close = abs(one.place - other.place) <= ALIKE * abs(one.place)
    return same and close and one.scale != "positive" and (one.of_datum or one.sign != other.sign)


def _where(limit: Limit, *, both: bool) -> str:
    if limit.of_datum:
        return _of_datum(limit)
    if limit.beyond == "ends":
        return "0 < p < 1"
    more, less = (">>", "<<") if limit.beyond == "level" else (">=", "<=")
    if limit.scale == "unit":
        name = "p and 1 - p" if both else "1 - p" if limit.sign == UP else "p"
        return f"{name.replace('p', limit.of)} {more} {_number(1 / (1 + math.exp(limit.place)))}"
    if both:
        return f"|{limit.of}| {less} {_number(limit.place)}"
    place = limit.sign * limit.place
    place = math.exp(place) if limit.scale == "positive" else place
    return f"{limit.of} {more if limit.sign == DOWN else less} {_number(place)}"


def _of_datum(limit: Limit) -> str:
    """Return in words up to where a datum's loss is what the formula says: nowhere lower, or nowhere higher."""
    return f"the loss of a datum is {'>=' if limit.above else '<='} {_number(round(limit.place, 6))} nats"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _beyond(limit: Limit) -> str:
    words = _BEYOND[limit.beyond]
    if limit.of_datum and limit.beyond in ("clamped", "level"):
        words = "beyond, it levels off (a clamp)"
    if limit.scale == "unit" and limit.beyond == "clamped":
        if abs(limit.place - TORCH) <= ALIKE * TORCH:
            words = "beyond, log p counts as -100 (a guard of torch)"
        elif abs(math.exp(-limit.place) / EPSILON - 1) <= ALIKE:
            words = "beyond, it counts as that (a clamp at the eps of float64, in float32 1.2e-07)"
    if limit.beyond == "other":
        words += f", and -loss {'below' if limit.above else 'above'} what the formula says"
    return words


def is_another(session: Session) -> bool:
    """Return whether a loss goes on, far out, as no likelihood of its name does: a fault of what is claimed a bound."""
    return any(one.beyond == "other" and one.of != OF_Q for one in limits_of(session))
