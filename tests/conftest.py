"""What holds for every test: FLINT's global precision is 53 before and after, Hypothesis is deterministic in CI."""

import os
from collections.abc import Iterator

import pytest
from flint import ctx
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")

PRECISION = 53


@pytest.fixture(autouse=True)
def flint_precision() -> Iterator[None]:
    """Start each test at the default precision and fail the test that leaves another one behind."""
    ctx.prec = PRECISION
    yield
    after, ctx.prec = ctx.prec, PRECISION
    assert after == PRECISION, f"the test left flint.ctx.prec at {after}"
