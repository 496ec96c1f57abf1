"""MULTI: how a loss of K > 1 samples combines them.

First the likelihood: where q is the prior and all samples of a datum get the same outputs, all weights are equal, and
the loss is linear in the likelihood's terms; or the batch is one datum, over which nothing can be averaged. Then, on
bounded designs, each combination is compared with the loss. With a divergence in closed form, which is the same for all
samples of a datum, a loss less the combination of its likelihoods is linear in the divergence's terms.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch

from elboproof.audit.calls import Call, Tensor
from elboproof.audit.combinations import Combination, of_axes
from elboproof.audit.detector import likelihood_terms, sample_terms, split
from elboproof.audit.divergences import divergence, flat, residuals, variance_of
from elboproof.audit.fitting import Columns, Equations, Fit, columns_of, ones, reduced, reductions
from elboproof.audit.likelihoods import Likelihood, candidates
from elboproof.audit.parameters import Parameter
from elboproof.audit.session import Session

EQUAL_DESIGNS, DESIGNS = 24, 24


@dataclass(frozen=True)
class Multi:
    """A recognised loss of K samples.

    Attributes
    ----------
    law : dict
        Weights of the likelihood's terms in the loss of one sample.
    weight : float
        Of the divergence in it.
    inside : bool
        Whether a divergence in closed form stands in the weights.
    constant : float
        Per datum, beside the combination of the terms.
    """

    likelihood: Likelihood
    parameter: Parameter
    combination: Combination
    law: Mapping[str, float]
    weight: float
    inside: bool
    constant: float
    reduction: str
    residual: float
    equations: int

    def losses(self, call: Call) -> Tensor:
        """Return the loss of each sample, (B, K), without its constant."""
        terms = sample_terms(call, self.likelihood)
        law = torch.stack([self.law[name] * terms[name] for name in self.law]).sum(0)
        if self.inside:
            return law + self.weight * closed(call, self.parameter)[:, None]
        return law + self.weight * drawn(call, self.parameter)

    def value(self, _: object, call: Call) -> Tensor:
        """Return what the gradient of the loss is to be that of."""
        return self._reduced(self.combination.gradient(self.losses(call)), call)

    def number(self, call: Call) -> Tensor:
        """Return the loss itself."""
        return self._reduced(self.combination.value(self.losses(call)), call)

    def _reduced(self, values: Tensor, call: Call) -> Tensor:
        return reduced(values + self.constant, call, self.reduction)


def closed(call: Call, parameter: Parameter) -> Tensor:
    """Return the KL in closed form, (B,)."""
    variance = variance_of(call, parameter)
    return ((flat(call.design.mean) ** 2 + variance - 1 - variance.log()) / 2).sum(1)


def drawn(call: Call, parameter: Parameter) -> Tensor:
    """Return log q(z) - log p(z), (B, K)."""
    r, variance = residuals(call, parameter), variance_of(call, parameter)
    return (call.z**2 - r**2).sum(2) / 2 - variance.log().sum(1)[:, None] / 2


def recognise(session: Session) -> Multi | None:
    """Return what a loss of several samples is; None if no combination fits."""
    if session.parameter is None:
        return None
    calls = session.calls("samples", DESIGNS)
    laws = list(_laws(session))
    for combination, (likelihood, how, law) in itertools.product(of_axes(session.bench.shapes.axes), laws):
        for kind in ("monte carlo", "closed form"):
            found = _tried(session, calls, combination, likelihood, how, law, kind)
            if found is not None:
                return found
    return None


def _laws(session: Session) -> Iterator[tuple[Likelihood, str, dict[str, float]]]:
    """Yield likelihoods, reductions and weights that explain designs on which combining the samples changes nothing."""
    for calls, divergent in ((_equal_calls(session), False), (_single_calls(session), True)):
        equations = Equations(calls)
        x = calls[0].design.x.reshape(calls[0].batch, -1)
        outputs, ranges = split(calls[0].outputs, x.shape[-1]), session.bench.shapes.ranges
        laws = list(candidates(outputs, x, ranges, session.designer.support))
        for how in reductions(calls[0]):
            for law in laws:
                fit = _linear(session, equations, calls, law, how, divergent=divergent)
                if fit is not None and fit.residual <= session.close:
                    names = sample_terms(calls[0], law)
                    yield law, how, {name: fit.weights[name] for name in names}


def _linear(
    session: Session, equations: Equations, calls: list[Call], law: Likelihood, how: str, *, divergent: bool
) -> Fit | None:
    columns: dict[str, object] = dict(columns_of(calls, lambda call: likelihood_terms(call, law), how))
    parameter = session.parameter
    if divergent and parameter is not None:
        columns |= columns_of(calls, lambda call: divergence(call, parameter, "monte carlo"), how)
    return equations.solve({**columns, **ones(calls, how)})  # type: ignore[dict-item]


def _equal_calls(session: Session) -> list[Call]:
    """Return calls with q = prior and the same outputs for all samples of a datum."""
    found = []
    parameter = session.parameter
    unit = parameter.inverse(0.0) if parameter else 0.0
    for n in range(EQUAL_DESIGNS):
        shape = (session.designer.batches[n % 2], *session.bench.shapes.latent)
        mean = torch.zeros(shape, dtype=session.bench.dtype)
        design = session.designer.around(
            f"equal {n}", mean, torch.full_like(mean, unit), alike=True, slope=0.0
        )
        found.append(session.bench.call(design, session.seed(n)))
    return found


def _single_calls(session: Session) -> list[Call]:
    designs = (session.designer.design(f"single {n}", 1) for n in range(EQUAL_DESIGNS))
    return [session.bench.call(design, session.seed(n)) for n, design in enumerate(designs)]


def _tried(
    session: Session,
    calls: list[Call],
    combination: Combination,
    likelihood: Likelihood,
    how: str,
    law: dict[str, float],
    kind: str,
) -> Multi | None:
    parameter = session.parameter
    if parameter is None:
        return None
    found = Multi(likelihood, parameter, combination, law, 1.0, kind == "closed form", 0.0, how, 0.0, 0)
    if kind == "closed form":  # whatever its weight: the combination of the likelihoods is known
        found = replace(found, weight=0.0)
    numbers = [found.number(call).detach() for call in calls]
    rest = [replace(call, loss=call.loss.detach() - one) for call, one in zip(calls, numbers, strict=True)]
    columns: Columns = ones(calls, how)
    if kind == "closed form":
        columns = {**columns_of(calls, lambda call: {"KL": closed(call, parameter)}, how), **columns}
    fit = Equations(rest).solve(columns)
    if fit is None:
        return None
    found = replace(
        found, weight=fit.weights.get("KL", 1.0), constant=fit.weights["1"], equations=fit.equations
    )
    apart = max(_apart(found.number(call), call.loss) for call in calls)
    return replace(found, residual=apart) if apart <= session.close else None


def _apart(value: Tensor, loss: Tensor) -> float:
    return float(((value - loss).abs() / (1 + loss.abs())).max().detach())
