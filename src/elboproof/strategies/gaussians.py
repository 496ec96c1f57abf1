"""Gaussian posteriors with exact means and covariances."""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from elboproof.arguments import suggesting, wrong_type
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.gaussian_posteriors import GaussianPosteriors
from elboproof.strategies.texts import coordinates, numbers, require_latents, require_size

MOST_ROWS = 20


@suggesting
def posteriors(latents: int = 1, *, diagonal: bool = False) -> st.SearchStrategy[GaussianPosterior]:
    """Return the strategy of Gaussians N(m, S): S = L D L' with a unit triangle L, so that all are positive definite.

    Parameters
    ----------
    latents
        1 to 3.
    diagonal
        Draw diagonal covariances alone.

    Returns
    -------
    SearchStrategy of GaussianPosterior
        For ``@hypothesis.given``.

    Raises
    ------
    TypeError, ValueError
        If an argument is no such number or truth value.
    """
    require_latents(latents)
    given: object = diagonal
    if not isinstance(given, bool):
        raise wrong_type("diagonal", diagonal, "True or False")
    return _posteriors(latents, diagonal)


@st.composite
def _posteriors(draw: st.DrawFn, latents: int, diagonal: bool) -> GaussianPosterior:
    mean = [draw(coordinates()) for _ in range(latents)]
    return GaussianPosterior(mean, draw(_covariances(latents, diagonal)))


@st.composite
def _covariances(draw: st.DrawFn, latents: int, diagonal: bool) -> list[list[Fraction]]:
    pivots = [Fraction(draw(numbers())) for _ in range(latents)]
    halves = st.just(Fraction()) if diagonal else st.builds(Fraction, st.integers(-4, 4), st.just(2))
    L = [[Fraction(j == k) if k >= j else draw(halves) for k in range(latents)] for j in range(latents)]
    return [
        [sum((a * p * b for a, p, b in zip(row, pivots, other, strict=True)), Fraction()) for other in L]
        for row in L
    ]


@suggesting
def posterior_batches(
    latents: int = 1, rows: int = 3, *, diagonal: bool = False
) -> st.SearchStrategy[GaussianPosteriors]:
    """Return the strategy of ``ep.GaussianPosteriors``, one Gaussian for each row.

    Parameters
    ----------
    latents
        As of `posteriors`.
    rows
        N, 1 to 20.
    diagonal
        As of `posteriors`; diagonal ones are given by their variances, (N, d).

    Returns
    -------
    SearchStrategy of GaussianPosteriors
        For ``@hypothesis.given``.

    Raises
    ------
    TypeError, ValueError
        If an argument is no such number or truth value.
    """
    require_size("rows", rows, MOST_ROWS)
    each = st.lists(posteriors(latents, diagonal=diagonal), min_size=rows, max_size=rows)
    return each.map(lambda found: _batch(found, diagonal))


def _batch(found: list[GaussianPosterior], diagonal: bool) -> GaussianPosteriors:
    spreads: list[Any] = [list(map(list, q.covariance)) for q in found]
    if diagonal:
        spreads = [[row[k] for k, row in enumerate(matrix)] for matrix in spreads]
    return GaussianPosteriors([list(q.mean) for q in found], spreads)
