"""Latent-variable models: decoders that grow slowly, under every likelihood and prior."""

from fractions import Fraction

from hypothesis import strategies as st

from elboproof.arguments import suggesting
from elboproof.model.latent_model import LatentModel
from elboproof.strategies.families import MOST_OUTPUTS, likelihoods, require_family
from elboproof.strategies.laws import priors, require_kind
from elboproof.strategies.texts import NAMES, require_latents, require_size

BENDS = ("{}", "tanh({})", "sin({})", "cos({})", "atan({})", "sigmoid({})", "erf({})", "softplus({})")
"""Functions of at most linear growth, analytic on the line; with them alone every decoder is real and has evidences."""


@suggesting
def decoders(latents: int = 1, outputs: int = 1) -> st.SearchStrategy[list[str]]:
    """Return the strategy of decoders: each entry a sum of one or two a g(b u + c v + ...), real and smooth everywhere.

    Parameters
    ----------
    latents, outputs
        1 to 3.

    Returns
    -------
    SearchStrategy of list of str
        One for each output.

    Raises
    ------
    ValueError
        If an argument is no such number.
    """
    require_latents(latents)
    require_size("outputs", outputs, MOST_OUTPUTS)
    return st.lists(_entries(latents), min_size=outputs, max_size=outputs)


def _tenths(low: int = -20, high: int = 20) -> st.SearchStrategy[Fraction]:
    return st.builds(Fraction, st.integers(low, high), st.just(10))


def _slopes() -> st.SearchStrategy[Fraction]:
    # not 0, and 1 is what they shrink to
    return st.one_of(st.just(Fraction(1)), _tenths(1, 20), _tenths(-20, -1))


@st.composite
def _entries(draw: st.DrawFn, latents: int) -> str:
    first = draw(_layers(latents))
    return f"{first} + {draw(_layers(latents))}" if draw(st.booleans()) else first


@st.composite
def _layers(draw: st.DrawFn, latents: int) -> str:
    # slopes of all latents but one may be 0, so that some do not enter
    chosen = draw(st.integers(0, latents - 1))
    slopes = [draw(_slopes()) if k == chosen else draw(_tenths()) for k in range(latents)]
    terms = [_times(slope, name) for slope, name in zip(slopes, NAMES, strict=False) if slope]
    offset = draw(_tenths())
    inner = " + ".join([*terms, *([f"({offset})"] if offset else [])])
    return _times(
        draw(_slopes()), draw(st.sampled_from(BENDS)).format(inner if len(terms) > 1 or offset else terms[0])
    )


def _times(factor: Fraction, text: str) -> str:
    return text if factor == 1 and "+" not in text else f"({factor})*({text})"


@suggesting
def models(
    latents: int | None = None,
    outputs: int | None = None,
    *,
    family: str | None = None,
    prior: str | None = "standard",
) -> st.SearchStrategy[LatentModel]:
    """Return the strategy of models, whose latents are called u, v, w.

    Parameters
    ----------
    latents, outputs
        1 to 3; any of them if None.
    family
        A name of `FAMILIES`; any of them if None.
    prior
        A name of `KINDS`; any of them if None.

    Returns
    -------
    SearchStrategy of LatentModel
        For ``@hypothesis.given``.

    Raises
    ------
    ValueError
        If an argument is no such number or name.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from elboproof import strategies
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(strategies.models(latents=1, family="Gaussian"))
    ... def a_decoder_has_one_latent(model):
    ...     assert len(model.latents) == 1
    >>> a_decoder_has_one_latent()
    """
    require_family(family)
    require_kind("prior", prior)
    for name, value in {"latents": latents, "outputs": outputs}.items():
        if value is not None:
            require_size(name, value, MOST_OUTPUTS)
    if family == "Categorical" and outputs == 1:
        likelihoods(family, outputs)  # raises its error
    return _models(latents, outputs, family, prior)


@st.composite
def _models(
    draw: st.DrawFn, latents: int | None, outputs: int | None, family: str | None, prior: str | None
) -> LatentModel:
    d = latents or draw(st.integers(1, len(NAMES)))
    count = outputs or draw(st.integers(2 if family == "Categorical" else 1, MOST_OUTPUTS))
    likelihood = draw(likelihoods(family, count))
    law = draw(priors(prior, d))
    return LatentModel(list(NAMES[:d]), draw(decoders(d, count)), likelihood, prior=law)
