"""Bugs seeded into the check that a prior's density is one: each is caught by a check that the library passes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch

import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import log_integral, prior_totals
from tests.seeding import Seeded, falsification

ONE = ep.Gaussian(variance="1")
DOUBLE, HALF = "log(3/2) + log(1 - z**2)", "log(3/8) + log(1 - z**2)"


def _unknown() -> AbstractContextManager[object]:
    """Nothing that an earlier check proved is known."""
    return patch.dict(vars(prior_totals)["_KNOWN"], clear=True)


def _refused(prior: ep.PriorDensity, total: str) -> Callable[[], None]:
    """A density whose integral is not 1 is refused by its integral."""

    def check() -> None:
        with pytest.raises(ValueError, match=f"whose integral is between {total}"):
            ep.log_evidence(ep.LatentModel("z", ["z"], ONE, prior=prior), ["1/3"], 4)

    return check


def _density(log_density: str) -> ep.PriorDensity:
    return ep.PriorDensity(log_density, (-1, 1))


def _accepted() -> None:
    """Beta(2, 2) on [-1, 1] is a density, and its evidence that of a rule of Gauss and Legendre."""
    prior = _density("log(3/4) + log(1 - z**2)")
    nodes, weights = np.polynomial.legendre.leggauss(60)
    values = 0.75 * (1 - nodes**2) * np.exp(-((nodes - 0.25) ** 2) / 2) / np.sqrt(2 * np.pi)
    found = ep.log_evidence(ep.LatentModel("z", ["z"], ONE, prior=prior), ["1/4"], 8)
    assert found.contains(np.log(np.sum(weights * values)))
    assert abs(found.midpoint - np.log(np.sum(weights * values))) < 1e-8


def _other_latents() -> None:
    """What is known of a density in one name is not what is known of another density."""
    _accepted()
    _refused(_density(DOUBLE), "2")()


def _undecided() -> None:
    """A density whose integral is not enclosed within the limits is not taken for one."""
    funnel = ep.PriorDensity(
        "-y**2/18 - x**2*exp(-y)/2 - y/2 - log(2*pi) - log(3)", [("-inf", "inf"), ("-inf", "inf")]
    )
    model = ep.LatentModel(["x", "y"], ["x", "y"], ONE, prior=funnel)
    with pytest.raises(ep.Undecided) as caught:
        ep.log_evidence(model, [0, 0], 3, seconds=2)
    assert caught.value.name == "prior"


CHECKS: dict[str, Callable[[], object]] = {
    "twice": _refused(_density(DOUBLE), "2"),
    "half": _refused(_density(HALF), "0.49999|whose integral is between 0.5"),
    "accepted": _accepted,
    "others known": _other_latents,
    "undecided": _undecided,
}
BUGS = {
    "any integral will do": Seeded(
        log_integral, "require_one", "not log_total.contains(0.0)", "False", ("twice", "half")
    ),
    "only integrals above 1 are refused": Seeded(
        log_integral, "require_one", "not log_total.contains(0.0)", "log_total.lower > 0", "half"
    ),
    "only integrals below 1 are refused": Seeded(
        log_integral, "require_one", "not log_total.contains(0.0)", "log_total.upper < 0", "twice"
    ),
    "densities are refused": Seeded(
        log_integral, "require_one", "not log_total.contains(0.0)", "log_total.contains(0.0)", "accepted"
    ),
    "nothing is required": Seeded(
        prior_totals, "require_probability", "require_one(prior, total)", "pass", "twice"
    ),
    "one density is known for all": Seeded(
        prior_totals, "_total", "return _KNOWN[claim]", "return next(iter(_KNOWN.values()))", "others known"
    ),
    "an undecided integral is taken": Seeded(
        prior_totals, "_total", "if found.statuses[0]:", "if False:", "undecided"
    ),
}

test_the_library_passes, test_bugs_are_caught, test_every_check_is_needed = falsification(
    CHECKS, BUGS, caught=(AssertionError, pytest.fail.Exception, ValueError), around=_unknown
)
