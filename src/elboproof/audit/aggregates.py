"""A KL of the batch's codes in the place of the posteriors': that of a Gaussian fitted to them, for each latent.

With mean m and variance v of the codes of a batch, KL(N(m, v) | N(0, 1)) = (m^2 + v - 1 - log v) / 2. It is a number
of the batch: no part of it belongs to a datum.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch

from elboproof.audit.calls import Call
from elboproof.audit.detector import Recognised, likelihood_terms
from elboproof.audit.differences import WeightedLikelihood, likelihood_of
from elboproof.audit.divergences import CLOSED, flat, variance_of
from elboproof.audit.fitting import Equations, Fit, columns_of, ones, reduced
from elboproof.audit.formula import Formula, snapped
from elboproof.audit.parameters import Parameter
from elboproof.audit.reading import Reader, reduced_words
from elboproof.audit.reading_divergence import read_divergence
from elboproof.audit.session import Session

Tensor = torch.Tensor
Moments = Callable[[Call, Parameter], tuple[Tensor, Tensor]]
HINTS = ("unknown: a KL of the batch's codes stands where that of each posterior is",)


def _of_codes(call: Call, _: Parameter, *, divided_by: int) -> tuple[Tensor, Tensor]:
    codes = call.z.reshape(-1, call.z.shape[2])
    return codes.mean(0), codes.var(0, correction=divided_by)


def _of_posteriors(call: Call, parameter: Parameter) -> tuple[Tensor, Tensor]:
    mean = flat(call.design.mean)
    return mean.mean(0), variance_of(call, parameter).mean(0) + mean.var(0, correction=0)


MOMENTS: dict[str, Moments] = {
    "the codes of the batch": partial(_of_codes, divided_by=0),
    "the codes of the batch, its variance unbiased": partial(_of_codes, divided_by=1),
    "the posteriors of the batch": _of_posteriors,
}
"""Of each latent, (d,) and (d,): a mean and a variance."""


def read_aggregate(session: Session, reader: Reader, calls: list[Call]) -> Formula | None:
    """Return what a loss with a KL of the batch's codes says; None if it is none."""
    law = likelihood_of(session) if session.parameter is not None else None
    if law is None or session.parameter is None:
        return None
    for name, moments in MOMENTS.items():
        hows = ("mean", "sum") if calls[0].loss.ndim == 0 else ("per datum",)
        for how in hows:
            fit = _fitted(law, session.parameter, calls, moments, how)
            if fit is not None and fit.residual <= session.close:
                found = Recognised(
                    "aggregate", law.likelihood, "aggregate", session.parameter, fit, law.reduction, how
                )
                return _read(reader, found, name)
    return None


def _terms(call: Call, parameter: Parameter, moments: Moments) -> Mapping[str, Tensor]:
    mean, variance = moments(call, parameter)
    table = dict(zip(CLOSED, (mean**2, variance, variance.log()), strict=True))
    return {name: value.sum().expand(call.batch) for name, value in table.items()}


def _fitted(
    law: WeightedLikelihood,
    parameter: Parameter,
    calls: list[Call],
    moments: Moments,
    how: str,
) -> Fit | None:
    """Return the weights in what is left of the losses without their likelihood."""
    rest = []
    for call in calls:
        table = likelihood_terms(call, law.likelihood)
        each = torch.stack([weight * table[name] for name, weight in law.weights.items()]).sum(0)
        rest.append(replace(call, loss=(call.loss - reduced(each, call, law.reduction)).detach()))
    columns = columns_of(calls, lambda call: _terms(call, parameter, moments), how)
    fit = Equations(rest).solve({**columns, **ones(calls, how)})
    return None if fit is None else replace(fit, weights={**law.weights, **fit.weights})


def _read(reader: Reader, found: Recognised, name: str) -> Formula | None:
    weights = found.fit.weights
    part = read_divergence({one: weights[one] for one in CLOSED}, "closed form", reader.d, reader.limit)
    if part.wrong or part.weight <= 0 or found.other != found.reduction:
        return None
    scale, _, variance, needed, words = reader.likelihood(found, 1.0)
    law = {one: value for one, value in weights.items() if one not in CLOSED and one != "1"}
    if reader.law_slip(found, law, part) is not None:
        return None
    weight = part.weight / scale
    sentence = (
        f"your loss is a negative log likelihood plus {snapped(weight, reader.units)} x the KL of a Gaussian fitted to "
        f"{name}, {reduced_words(found.reduction)}: {words}; the KL of no posterior is in it: no bound"
    )
    values: dict[str, object] = {"scale": scale, "beta": weight, "variance": variance}
    values |= {"constant_needed": needed + part.constant, "constant_found": weights["1"]}
    common = reader.common(found, law | {one: weights[one] for one in CLOSED})
    return Formula("AGGREGATE", sentence, hints=HINTS, **values, **common)  # type: ignore[arg-type]
