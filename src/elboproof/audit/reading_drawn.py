"""Reading a sum of any terms of the dictionary: a bound in the mean over the noise, or none.

For z = mean + deviation r with r ~ N(0, 1) in each of d latents, E z^2 = mean^2 + variance, E z = mean, E r^2 = 1, and
E (z - mean)^2 = variance, summed over the latents. A loss whose mean over r is a negative bound estimates it without
bias, however its divergence is shared out: a KL of which half is in closed form and half at the draw, say. That r is
what is drawn is for the check of the noise.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from elboproof.audit.detector import Recognised
from elboproof.audit.divergences import CLOSED, SLIPS
from elboproof.audit.fitting import SCALAR
from elboproof.audit.formula import Formula

if TYPE_CHECKING:
    from elboproof.audit.reading import Reader

MEANS: Mapping[str, Mapping[str, float]] = {
    "z^2": {"mean^2": 1.0, "variance": 1.0},
    "z": {"mean": 1.0},
    "r^2": {},
    "(z - mean)^2": {"variance": 1.0},
}
"""The terms of the dictionary at the draw, and what their means are made of; that of r^2 is d."""
WORDS = "KL partly in closed form and partly Monte Carlo"


def read_terms(reader: "Reader", found: Recognised) -> Formula:
    """Return what a sum of terms says."""
    terms = dict(found.fit.weights)
    mean = in_the_mean(found, reader.d, reader.limit)
    bound = None if mean is None else reader.read(mean)
    if bound is not None and bound.kind != "NOT AN ELBO":
        sentence = bound.sentence.replace("closed-form KL", WORDS)
        return replace(bound, sentence=sentence, divergence="monte carlo", terms=terms)
    words = "; ".join(f"{value:+.6g} {name}" for name, value in terms.items())
    sentence = f"the loss is a sum of terms that is no bound: {words}"
    hints = ("M13: compare these terms with those of a likelihood and a KL",)
    return Formula("NOT AN ELBO", sentence, hints=hints, **reader.common(found, terms))  # type: ignore[arg-type]


def in_the_mean(found: Recognised, d: int, limit: float) -> Recognised | None:
    """Return the formula that a sum of terms of the dictionary is in the mean over the noise, with d latents.

    None if that is not a likelihood and the three terms of a divergence in closed form, reduced alike; ``limit`` says
    which weights are none, relative to the largest.
    """
    parts = [(value, *name.rpartition(", ")) for name, value in found.fit.weights.items()]
    hows = {how for _, term, _, how in parts if term != "1"}
    if len(hows) != 1:
        return None
    how = min(hows)
    weights = _means({term: value for value, term, _, of in parts if of == how}, d)
    others = {of: value for value, _, _, of in parts if of != how}
    size = max(map(abs, weights.values()))
    if any(abs(weights.get(name, 0.0)) > limit * size for name in SLIPS):
        return None
    names = list(found.likelihood.expected) or [
        name for name in weights if name not in (*CLOSED, *SLIPS, "1")
    ]
    terms = {name: weights.get(name, 0.0) for name in (*names, *CLOSED)} if names else {}
    constants = _constants(how, weights["1"], others)
    fit = replace(found.fit, weights={**terms, **constants})
    return replace(found, form="plain", fit=fit, reduction=how, other=how) if terms else None


def _means(weights: Mapping[str, float], d: int) -> dict[str, float]:
    """Return weights of the means of terms over the noise, that of a constant included."""
    total = {"1": d * weights.get("r^2", 0.0)}
    for name, value in weights.items():
        for term, times in MEANS.get(name, {name: 1.0}).items():
            total[term] = total.get(term, 0.0) + times * value
    return total


def _constants(how: str, own: float, others: Mapping[str, float]) -> dict[str, float]:
    """Return the constants of a scalar loss by reduction; of values per datum they are one."""
    if how not in SCALAR:
        return {"1": own + sum(others.values())}
    return {f"1, {one}": own if one == how else others.get(one, 0.0) for one in SCALAR}
