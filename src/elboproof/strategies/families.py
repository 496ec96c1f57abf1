"""Likelihoods of every family, and data in their supports."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from elboproof.arguments import bad, suggesting, wrong_type
from elboproof.model.continuous import ContinuousBernoulli, Exponential, Gamma, Laplace, StudentT, VonMises
from elboproof.model.density import Density
from elboproof.model.discrete import Bernoulli, Binomial, Categorical, NegativeBinomial, Poisson
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian, Likelihood
from elboproof.model.supports import Entries, Support
from elboproof.strategies.texts import numbers, require_size

MOST_OUTPUTS = 3
MOST_ROWS = 20
LARGEST = 12
"""Of counts without an end, and of real numbers, in size."""


def _gaussians(outputs: int) -> st.SearchStrategy[Likelihood]:
    # a list of one entry would be no other model
    each = st.lists(numbers(), min_size=outputs, max_size=outputs)
    return st.builds(Gaussian, numbers() | each if outputs > 1 else numbers())


def _of(kind: Any, *parameters: st.SearchStrategy[Any]) -> Callable[[int], st.SearchStrategy[Likelihood]]:
    return lambda _: st.builds(kind, *parameters)


def _categoricals(outputs: int) -> st.SearchStrategy[Likelihood]:
    if outputs < 2:
        raise bad("outputs", outputs, "2 or more for a Categorical: one logit for each class")
    return st.just(Categorical())


def _densities(outputs: int) -> st.SearchStrategy[Likelihood]:
    """Return logistic laws, one for each output."""
    terms = [f"f{j} - x{j} - 2*softplus(f{j} - x{j})" for j in range(1, outputs + 1)]
    return st.just(Density(" + ".join(terms)))


FAMILIES: dict[str, Callable[[int], st.SearchStrategy[Likelihood]]] = {
    "Gaussian": _gaussians,
    "Bernoulli": _of(Bernoulli),
    "Binomial": _of(Binomial, st.integers(1, 9)),
    "Categorical": _categoricals,
    "Poisson": _of(Poisson),
    "NegativeBinomial": _of(NegativeBinomial, numbers()),
    "Exponential": _of(Exponential),
    "Gamma": _of(Gamma, numbers()),
    "StudentT": _of(StudentT, numbers(), numbers()),
    "Laplace": _of(Laplace, numbers()),
    "VonMises": _of(VonMises, numbers()),
    "ContinuousBernoulli": _of(ContinuousBernoulli),
    "Density": _densities,
}
"""By the name of their class: the strategy of likelihoods of a number of outputs."""


def require_family(family: object) -> None:
    """Raise ``ValueError`` unless it is a name of `FAMILIES` or None."""
    if family is not None and family not in FAMILIES:
        raise bad("family", family, f"one of {', '.join(FAMILIES)}")


@suggesting
def likelihoods(family: str | None = None, outputs: int = 1) -> st.SearchStrategy[Likelihood]:
    """Return the strategy of likelihoods with exact parameters.

    Parameters
    ----------
    family
        A name of `FAMILIES`, such as "Gaussian"; any of them if None.
    outputs
        Of the decoder, 1 to 3; a Categorical needs two.

    Returns
    -------
    SearchStrategy of Likelihood
        For ``@hypothesis.given``.

    Raises
    ------
    ValueError
        If there is no such family, or it does not have so many outputs.
    """
    require_family(family)
    require_size("outputs", outputs, MOST_OUTPUTS)
    if family is not None:
        return FAMILIES[family](outputs)
    fitting = [make(outputs) for name, make in FAMILIES.items() if outputs > 1 or name != "Categorical"]
    return st.one_of(fitting)


@suggesting
def data(model: LatentModel, rows: int | None = None) -> st.SearchStrategy[list[Any]]:
    """Return the strategy of data in the support of a model's likelihood, as integers and Fractions.

    Parameters
    ----------
    model
        Such as `models` draws.
    rows
        N for data (N, D); None for one x, (D,).

    Returns
    -------
    SearchStrategy of list of int and Fraction
        (D,), or N lists of D.

    Raises
    ------
    TypeError, ValueError
        If the model is none, or ``rows`` no number from 1 to 20.
    """
    given: object = model
    if not isinstance(given, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    row = _row(model.likelihood.support, model.data_dim)
    if rows is None:
        return row
    require_size("rows", rows, MOST_ROWS)
    return st.lists(row, min_size=rows, max_size=rows)


def _row(support: Support, width: int) -> st.SearchStrategy[list[Any]]:
    if support.groups:
        sizes = [place.stop - place.start for place in support.places() if place.stop is not None] or [width]
        return st.tuples(*map(_one_hot, sizes)).map(lambda parts: [entry for part in parts for entry in part])
    return st.tuples(*(_entries(support.of(j)) for j in range(width))).map(list)


def _one_hot(size: int) -> st.SearchStrategy[Sequence[int]]:
    return st.integers(0, size - 1).map(lambda chosen: [int(k == chosen) for k in range(size)])


def _entries(entries: Entries) -> st.SearchStrategy[Any]:
    """Return the strategy of one entry of x; its ends are drawn where they belong to it."""
    low, high = entries.low, entries.high
    if entries.whole:
        return st.integers(0 if low is None else low, LARGEST if high is None else high)
    inner = st.builds(Fraction, st.integers(-4 * LARGEST, 4 * LARGEST), st.sampled_from((1, 4, 3, 10)))
    if low is None and high is None:
        return inner
    start = 0 if low is None else low
    size = st.builds(Fraction, st.integers(int(entries.above), 40), st.just(10))
    if high is None:
        return size.map(lambda value: start + value)
    share = st.builds(Fraction, st.integers(int(entries.above), 10), st.just(10))
    return share.map(lambda value: start + value * (high - start))
