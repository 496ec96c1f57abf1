"""The convention detector: which likelihood, divergence, parameter of s and reductions a loss is made of, exactly."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from elboproof.audit.bends import Bend
from elboproof.audit.calls import Call, Shapes, Tensor
from elboproof.audit.divergences import OTHER_LAWS, divergence, each_latent, every_term
from elboproof.audit.fitting import TIMES, Column, Columns, Equations, Fit, columns_of, ones, reductions
from elboproof.audit.flows import FLOW, flow_terms
from elboproof.audit.likelihoods import Likelihood, candidates
from elboproof.audit.parameters import Parameter

NEAR = 1e-5
"""Below this a formula is a near miss: an epsilon or a soft clip stands between it and the loss."""
KINDS = ("closed form", "monte carlo")
MOST_LATENTS = 6
"""Up to which each latent's prior may have its own mean and variance: four columns each."""


@dataclass(frozen=True)
class Recognised:
    """A formula whose value is the loss, on all designs.

    Attributes
    ----------
    form : str
        "plain", "mixed" (reductions differ), "each latent" (of the prior), "bent" (at a threshold), "codes" (summed
        over), "aggregate" (of the batch), or "dictionary" (any terms).
    kind : str
        "closed form", "monte carlo", "flow", "enumerated", "aggregate" or one of `OTHER_LAWS`.
    fit : Fit
        Weights by name; in mixed forms and dictionaries the names carry their reduction.
    reduction, other : str
        Of the likelihood, and of the divergence; `TIMES` of both.
    bend : Bend or None
        How the divergence enters, if it is bent.
    """

    form: str
    likelihood: Likelihood
    kind: str
    parameter: Parameter
    fit: Fit
    reduction: str
    other: str
    bend: Bend | None = None


def likelihood_terms(call: Call, likelihood: Likelihood) -> dict[str, Tensor]:
    """Return the terms of a likelihood, (B,) each, means over the samples."""
    return {name: value.mean(1) for name, value in sample_terms(call, likelihood).items()}


def split(outputs: tuple[Tensor, ...], width: int) -> tuple[Tensor, ...]:
    """Return one output of two or three times the width of a datum as so many: a mean, its spread, and what else."""
    count, rest = divmod(outputs[0].shape[-1], width)
    if len(outputs) == 1 and count in (2, 3) and not rest:
        return outputs[0].chunk(count, dim=-1)
    return outputs


def sample_terms(call: Call, likelihood: Likelihood) -> dict[str, Tensor]:
    """Return the terms of a likelihood for each sample, (B, K)."""
    batch, samples = call.z.shape[:2]
    x = call.design.x.reshape(batch, 1, -1).expand(batch, samples, -1)
    rows = tuple(one.reshape(batch * samples, -1) for one in split(call.outputs, x.shape[-1]))
    terms = likelihood.terms(rows, x.reshape(batch * samples, -1))
    return {name: value.reshape(batch, samples) for name, value in terms.items()}


class Detector:
    """Looks for the formula of a loss in calls with bounded designs.

    Parameters
    ----------
    calls
        With two batch sizes in turn.
    parameters
        What s may be, the sampler's first.
    close
        Largest residual of a formula that counts as the loss itself.
    flow
        Whether a flow stands between the draw and the decoder.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        shapes: Shapes,
        support: str,
        parameters: Sequence[Parameter],
        close: float,
        *,
        flow: bool = False,
    ) -> None:
        self.calls, self.parameters, self.close = calls, parameters, close
        self.flow = flow
        first = calls[0]
        self.equations = Equations(calls)
        flat_x = first.design.x.reshape(first.batch, -1)
        self.likelihoods = list(
            candidates(split(first.outputs, flat_x.shape[-1]), flat_x, shapes.ranges, support)
        )
        self.latents = shapes.latents
        self.reductions = reductions(first)
        self.nearest: tuple[float, Recognised] | None = None
        self._kept: dict[tuple[str, ...], Columns] = {}

    def recognise(self, *, wide: bool) -> Recognised | None:
        """Return the first formula, of the canonical ones or of the wide dictionary of slips; None if there is none."""
        if self.flow:
            searches: tuple[Callable[[], Iterator[Recognised]], ...] = () if wide else (self._flows,)
        else:
            more = (self._other_laws, self._times, self._mixed, self._each_latent, self._dictionary)
            searches = more if wide else (self._plain,)
        for search in searches:
            for found in search():
                if found.fit.residual <= self.close:
                    return found
                if self.nearest is None or found.fit.residual < self.nearest[0]:
                    self.nearest = (found.fit.residual, found)
        return None

    def _columns(
        self, key: tuple[str, ...], terms: Callable[[Call], Mapping[str, Tensor]], reduction: str
    ) -> Columns:
        full = (*key, reduction)
        if full not in self._kept:
            self._kept[full] = columns_of(self.calls, terms, reduction)
        return self._kept[full]

    def _ones(self, reduction: str) -> Columns:
        if ("1", reduction) not in self._kept:
            self._kept["1", reduction] = ones(self.calls, reduction)
        return self._kept["1", reduction]

    def _of_likelihood(self, likelihood: Likelihood, reduction: str) -> Columns:
        return self._columns((likelihood.name,), lambda call: likelihood_terms(call, likelihood), reduction)

    def _of_divergence(self, parameter: Parameter, kind: str, reduction: str) -> Columns:
        return self._columns(
            (parameter.name, kind), lambda call: divergence(call, parameter, kind), reduction
        )

    def _found(
        self,
        form: str,
        likelihood: Likelihood,
        kind: str,
        parameter: Parameter,
        columns: Columns,
        how: tuple[str, str],
    ) -> Iterator[Recognised]:
        fit = self.equations.solve(columns)
        if fit is not None:
            yield Recognised(form, likelihood, kind, parameter, fit, *how)

    def _plain(self) -> Iterator[Recognised]:
        yield from self._alike(KINDS, self.parameters, self.reductions)

    def _other_laws(self) -> Iterator[Recognised]:
        yield from self._alike(OTHER_LAWS, self.parameters[:1], self.reductions)

    def _times(self) -> Iterator[Recognised]:
        if self.calls[0].loss.ndim == 0:
            yield from self._alike(KINDS, self.parameters[:1], (TIMES,))

    def _alike(
        self, kinds: Iterable[str], parameters: Sequence[Parameter], hows: Sequence[str]
    ) -> Iterator[Recognised]:
        """Yield formulas whose terms all have one reduction."""
        for how, likelihood, kind, parameter in itertools.product(hows, self.likelihoods, kinds, parameters):
            columns = {
                **self._of_likelihood(likelihood, how),
                **self._of_divergence(parameter, kind, how),
                **self._ones(how),
            }
            yield from self._found("plain", likelihood, kind, parameter, columns, (how, how))

    def _flows(self) -> Iterator[Recognised]:
        parameter = self.parameters[0]
        for how, other, likelihood in itertools.product(self.reductions, self.reductions, self.likelihoods):
            terms = self._columns((parameter.name, FLOW), lambda call: flow_terms(call, parameter), how)
            apart = self._columns((parameter.name, FLOW), lambda call: flow_terms(call, parameter), other)
            columns = {**self._of_likelihood(likelihood, how), **terms, **self._ones(how)}
            columns["log determinant"] = apart["log determinant"]
            yield from self._found("plain", likelihood, FLOW, parameter, columns, (how, other))

    def _mixed(self) -> Iterator[Recognised]:
        pairs = [*itertools.permutations(self.reductions, 2), *((one, one) for one in self.reductions)]
        for (how, other), likelihood, kind, parameter in itertools.product(
            pairs, self.likelihoods, KINDS, self.parameters
        ):
            columns = {
                **self._of_likelihood(likelihood, how),
                **self._of_divergence(parameter, kind, other),
                **self._constants(),
            }
            yield from self._found("mixed", likelihood, kind, parameter, columns, (how, other))

    def _constants(self) -> Columns:
        # of a value per datum both are the same column
        chosen = ("sum", "mean") if self.calls[0].loss.ndim == 0 else ("mean",)
        return {f"1, {how}": self._ones(how)["1"] for how in chosen}

    def _each_latent(self) -> Iterator[Recognised]:
        if self.latents > MOST_LATENTS:
            return
        for how, likelihood, parameter in itertools.product(
            self.reductions, self.likelihoods, self.parameters
        ):
            key = (parameter.name, "each latent")
            own = self._columns(key, lambda call, parameter=parameter: each_latent(call, parameter), how)  # type: ignore[misc]
            columns = {**self._of_likelihood(likelihood, how), **own, **self._ones(how)}
            yield from self._found("each latent", likelihood, "closed form", parameter, columns, (how, how))

    def _dictionary(self) -> Iterator[Recognised]:
        for likelihood, parameter in itertools.product(self.likelihoods, self.parameters):
            columns: dict[str, Column] = dict(self._constants())
            for how in self.reductions[:2]:
                key = (parameter.name, "every")
                own = self._columns(key, lambda call, parameter=parameter: every_term(call, parameter), how)  # type: ignore[misc]
                both = {**self._of_likelihood(likelihood, how), **own}
                columns |= {f"{name}, {how}": value for name, value in both.items()}
            fit = self.equations.pruned(columns, self.close)
            if fit is not None:
                yield Recognised("dictionary", likelihood, "closed form", parameter, fit, "", "")
