"""Generated instances under each kind of prior against the route by quantile functions."""

from collections.abc import Iterator

import numpy as np
import pytest

from elboproof.evidence.log_evidence import prove
from tests.evidence.prior_routes import KINDS, PANELS, ROUTE, Instance, instance

HALF_WIDTH = 1e-6
ROWS = 5


def judged(kind: str, models: int, first: int = 0) -> Iterator[tuple[Instance, int, int]]:
    """Yield instances with how many rows the engine missed and how many it left undecided."""
    for seed in range(first, first + models):
        one = instance(kind, seed, ROWS)
        found = prove(one.model(), one.rows, 6, seconds=20, most_cells=10**6)
        truth = one.truth()
        low, high = found.enclosure.lower - ROUTE, found.enclosure.upper + ROUTE
        missed = ~((low <= truth) & (truth <= high))
        decided = np.array([not status for status in found.statuses])
        assert (found.enclosure.width[decided] <= 2 * HALF_WIDTH).all()
        yield one, int(missed.sum()), int((~decided).sum())


def check(kind: str, models: int, first: int = 0, allowed: float = 0.0) -> None:
    """Raise unless no row is missed, and no more than a share is undecided."""
    results = list(judged(kind, models, first))
    missed = [one for one, misses, _ in results if misses]
    undecided = sum(left for _, _, left in results)
    print(f"{kind}: {models * ROWS} instances, {len(missed)} models with misses, {undecided} undecided")
    assert not missed
    assert undecided <= allowed * models * ROWS


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_instances_of_each_prior(kind: str) -> None:
    check(kind, 5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_instances_of_each_prior(kind: str) -> None:
    check(kind, 80, first=1000)


@pytest.mark.parametrize("kind", KINDS)
def test_the_route_is_as_accurate_as_it_says(kind: str) -> None:
    for seed in range(20):
        one = instance(kind, seed, ROWS)
        assert np.abs(one.truth() - one.truth(2 * PANELS)).max() < ROUTE / 10


def test_the_judge_sees_a_wrong_truth() -> None:
    one = instance("uniform", 0, ROWS)
    found = prove(one.model(), one.rows, 6, seconds=20, most_cells=10**6)
    moved = one.truth() + 4 * HALF_WIDTH
    assert not ((found.enclosure.lower <= moved) & (moved <= found.enclosure.upper)).any()
