"""What holds for every test.

FLINT's global precision is 53 before and after, Hypothesis is deterministic in CI, and arguments and results have
the shapes that the signatures of the modules in ``SHAPED`` state.
"""

import os
from collections.abc import Iterator

import pytest
from flint import ctx
from hypothesis import settings
from jaxtyping import install_import_hook

from tests.hanging import pytest_handlecrashitem

__all__ = ["pytest_handlecrashitem"]

SHAPED = (
    "elboproof.decoder.attention",
    "elboproof.decoder.averaging",
    "elboproof.decoder.bounds",
    "elboproof.decoder.derivatives",
    "elboproof.decoder.gaussians",
    "elboproof.decoder.line",
    "elboproof.decoder.smoothness",
    "elboproof.decoder.streaming",
    "elboproof.decoder.two_points",
    "elboproof.decoder.unequal",
    "elboproof.evidence.domain",
    "elboproof.evidence.floats",
    "elboproof.evidence.kinks",
    "elboproof.evidence.ridges",
    "elboproof.model.ceilings",
    "elboproof.quadrature.gauss_legendre",
    "elboproof.evidence.start",
    "elboproof.evidence.target",
    "elboproof.evidence.worklist",
    "elboproof.quadrature.cells",
)
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
"""An int is a float, as it is for mypy."""

# jaxtyping must be loaded, and its hook stand, before any of these modules is imported
install_import_hook(SHAPED, CHECKER)

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


@pytest.fixture
def shaped_modules() -> tuple[str, ...]:
    """Return the modules whose signatures are checked in this run."""
    return SHAPED
