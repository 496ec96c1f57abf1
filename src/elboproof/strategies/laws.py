"""Priors of every kind."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from elboproof.arguments import bad, suggesting, wrong_type
from elboproof.model.latent_model import LatentModel
from elboproof.model.mixture import Mixture
from elboproof.model.prior_density import PriorDensity
from elboproof.model.priors import Normal, Prior, Uniform
from elboproof.strategies.gaussians import posteriors
from elboproof.strategies.texts import NAMES, coordinates, numbers, require_latents

LOGARITHMS: dict[str, tuple[str, tuple[str, str]]] = {
    "logistic": ("{z} - 2*softplus({z})", ("-inf", "inf")),
    "exponential": ("-{z}", ("0", "inf")),
    "beta": ("log(6) + log({z}) + log(1 - {z})", ("0", "1")),
}
"""Log densities of one latent, and where they live; each integrates to 1."""


def _standard(_: int) -> st.SearchStrategy[Prior]:
    return st.just(Normal())


def _normals(latents: int) -> st.SearchStrategy[Prior]:
    return posteriors(latents).map(lambda q: Normal(q.mean, q.covariance))


@st.composite
def _uniforms(draw: st.DrawFn, latents: int) -> Prior:
    low = [Fraction(draw(st.integers(-6, 3)), 2) for _ in range(latents)]
    return Uniform(low, [one + Fraction(draw(numbers())) for one in low])


@st.composite
def _mixtures(draw: st.DrawFn, latents: int) -> Prior:
    count = draw(st.integers(2, 3))
    shares = [draw(st.integers(1, 5)) for _ in range(count)]
    parts = [draw(_normals(latents)) for _ in range(count)]
    return Mixture(parts, [Fraction(share, sum(shares)) for share in shares])


@st.composite
def _densities(draw: st.DrawFn, latents: int) -> Prior:
    chosen = [LOGARITHMS[draw(st.sampled_from(sorted(LOGARITHMS, reverse=True)))] for _ in range(latents)]
    text = " + ".join(law.format(z=name) for (law, _), name in zip(chosen, NAMES, strict=False))
    return PriorDensity(text, [ends for _, ends in chosen])


KINDS: dict[str, Callable[[int], st.SearchStrategy[Any]]] = {
    "standard": _standard,
    "Normal": _normals,
    "Uniform": _uniforms,
    "Mixture": _mixtures,
    "PriorDensity": _densities,
}
"""By name: the strategy of priors of a number of latents, which are called u, v, w."""


@suggesting
def priors(kind: str | None = None, latents: int = 1) -> st.SearchStrategy[Prior]:
    """Return the strategy of priors: each is a density that integrates to 1.

    Parameters
    ----------
    kind
        A name of `KINDS`: "standard" for N(0, I), "Normal", "Uniform", "Mixture" or "PriorDensity"; any if None.
    latents
        1 to 3.

    Returns
    -------
    SearchStrategy of Prior
        For ``@hypothesis.given``.

    Raises
    ------
    ValueError
        If there is no such kind, or no such number of latents.
    """
    require_kind("kind", kind)
    require_latents(latents)
    return st.one_of([make(latents) for make in KINDS.values()]) if kind is None else KINDS[kind](latents)


def require_kind(name: str, kind: object) -> None:
    """Raise ``ValueError`` unless it is a name of `KINDS` or None."""
    if kind is not None and kind not in KINDS:
        raise bad(name, kind, f"one of {', '.join(KINDS)}")


@suggesting
def codes(model: LatentModel) -> st.SearchStrategy[list[Fraction]]:
    """Return the strategy of values of a model's latents strictly inside the domain of its prior.

    Parameters
    ----------
    model
        Such as `models` draws.

    Returns
    -------
    SearchStrategy of list of Fraction
        d numbers.

    Raises
    ------
    TypeError
        If the model is none.
    """
    given: object = model
    if not isinstance(given, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    return st.tuples(*map(_inside, model.prior.domain(len(model.latents)))).map(list)


def _inside(interval: Any) -> st.SearchStrategy[Fraction]:
    low, high = interval
    if math.isinf(low) and math.isinf(high):
        return coordinates()
    if math.isinf(high):
        return st.builds(Fraction, st.integers(1, 60), st.just(10)).map(lambda size: Fraction(low) + size)
    if math.isinf(low):
        return st.builds(Fraction, st.integers(1, 60), st.just(10)).map(lambda size: Fraction(high) - size)
    share = st.builds(Fraction, st.integers(1, 9), st.just(10))
    return share.map(lambda part: Fraction(low) + part * (Fraction(high) - Fraction(low)))
