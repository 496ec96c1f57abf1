"""cascade-vae: its predicates decide, its tables, accuracies and images are what they say, and bad input is named."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from tests.seeding import Bug, Check, Seeded, falsification

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "cascade_vae")


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


SOURCES, STAGES, TABLES, ACCURACY = part("sources"), part("stages"), part("tables"), part("accuracy")
HYPOTHESES = ("positive_variances", "positive_probabilities", "definite_covariance", "markov_chain")


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


def _information_is_numpys() -> None:
    knowledge = part("knowledge")
    joint = TABLES.chain(knowledge.IMAGES, knowledge.FIRST, knowledge.SECOND)
    table = np.zeros((2, 4, 3, 2))
    for key, mass in joint.items():
        table[key] = float(mass)
    yz = table.sum((1, 3))
    exact = (yz * np.log(yz / np.outer(yz.sum(1), yz.sum(0)))).sum()
    assert float(TABLES.information(joint, "y", "z")) == pytest.approx(exact)
    yxz = table.sum(3)
    z, yz, xz = yxz.sum((0, 1)), yxz.sum(1), yxz.sum(0)
    exact = (yxz * np.log(yxz * z / (yz[:, None] * xz[None]))).sum()
    assert float(TABLES.lost(joint, "x", "y", "z")) == pytest.approx(exact)


def _accuracies_are_drawn() -> None:
    rng, n = np.random.default_rng(1), 400_000
    for one in (ACCURACY.ROUND, ACCURACY.LONG, ACCURACY.SLANTED):
        side = rng.choice([-1.0, 1.0], n)
        points = rng.standard_normal((n, 2)) * np.sqrt(one.within) + side[:, None] * np.array(one.apart) / 2
        _, axes = np.linalg.eigh(np.cov(points.T))
        for axis, w in zip(axes.T[::-1], one.components(), strict=True):
            found = STAGES.accuracy_up_to_swap(points @ axis > 0, side > 0)
            assert found == pytest.approx(float(one.accuracy(w)), abs=0.006)
        best = np.array(one.apart) / np.array(one.within)
        found = STAGES.accuracy_up_to_swap(points @ best > 0, side > 0)
        assert found == pytest.approx(float(one.best()), abs=0.006)


def _labels_have_no_names() -> None:
    truth = np.array([True, True, False, True])
    assert STAGES.accuracy_up_to_swap([0, 0, 1, 0], truth) == 1.0
    assert STAGES.accuracy_up_to_swap([1, 1, 0, 0], truth) == 0.75
    assert STAGES.accuracy_up_to_swap([1], [0]) == 1.0


def _light_is_where_it_should_be() -> None:
    """Of bright sources without noise to speak of: flux, centre, and the second moment of star and disc."""
    radius = np.array([0.0, 1.5])
    zero = np.zeros(2)
    light = SOURCES._light(radius, zero + 1.0, zero, np.array([[0.0, 0.3], [0.0, -0.2]]), 1.2)
    at = np.arange(16) + 0.5 - 8
    assert light.sum((1, 2)) == pytest.approx([1.0, 1.0])
    assert light.sum(1) @ at == pytest.approx([0.0, 0.3], abs=0.02)
    assert light.sum(2) @ at == pytest.approx([0.0, -0.2], abs=0.02)
    seconds = light.sum(1) @ at**2 - (light.sum(1) @ at) ** 2
    # psf^2 and the pixel's 1/12; an exponential disc of scale h has 3 h^2 in each direction
    assert seconds[0] == pytest.approx(1.44 + 1 / 12 - 1 / 108, abs=0.01)
    assert seconds[1] == pytest.approx(1.44 + 1 / 12 - 1 / 108 + 3 * (1.5 / 1.678) ** 2, rel=0.05)


def _discs_are_turned_and_thin() -> None:
    """An ellipse along the diagonal has a positive covariance of both coordinates, and across it the ratio squared."""
    one = np.array([2.0])
    light = SOURCES._light(one, np.array([0.3]), np.array([np.pi / 4]), np.zeros((2, 1)), 0.5)[0]
    at = np.arange(16) + 0.5 - 8
    diagonal = (
        (light * (at[:, None] + at[None]) ** 2).sum() / 2,
        (light * (at[:, None] - at[None]) ** 2).sum() / 2,
    )
    assert diagonal[0] > 4 * diagonal[1]


def _codes_are_whitened() -> None:
    codes = (
        np.random.default_rng(2).standard_normal((500, 3)) @ np.array([[2, 1, 0], [0, 1, 1], [0, 0, 0.2]]) + 5
    )
    found = STAGES.whitened(codes)
    assert found.mean(0) == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.cov(found.T, bias=True) == pytest.approx(np.eye(3), abs=1e-9)


def _normalised_images_do_not_know_their_flux() -> None:
    images = np.random.default_rng(3).random((20, 4, 4)) + 10
    plain = STAGES.flux_normalised(images)
    assert STAGES.flux_normalised(images * np.linspace(1, 9, 20)[:, None, None]) == pytest.approx(plain)
    assert plain.std() == pytest.approx(1.0, rel=0.1)


def test_sources_are_those_of_their_seed_and_have_both_classes() -> None:
    first, second = (SOURCES.simulate_sources(600, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert first.images.shape == (600, 16, 16)
    assert 0.4 < first.is_galaxy.mean() < 0.6
    assert ((first.radius > 0) == first.is_galaxy).all()
    assert first.flux.min() >= 300
    assert first.flux.max() <= 3000
    # the sky is taken away: the sum of an image is its flux, within the noise of 256 pixels
    assert np.abs(first.images.sum((1, 2)) - first.flux).mean() < 100


@pytest.mark.parametrize("second", ["vae", "mixture"])
def test_two_stages_give_labels_of_two_classes(second: str) -> None:
    images = SOURCES.simulate_sources(60, np.random.default_rng(5)).images
    found = STAGES.two_stage(images, second=second, steps=3, rng=np.random.default_rng(0))
    assert found.shape == (60,)
    assert set(found.tolist()) <= {0, 1}
    again = STAGES.two_stage(images, second=second, steps=3, rng=np.random.default_rng(0))
    assert np.array_equal(found, again)


RNG = np.random.default_rng(0)
IMAGES = np.ones((3, 4, 4))
BAD: dict[str, tuple[Callable[[], object], str]] = {
    "no sources": (lambda: SOURCES.simulate_sources(0, RNG), "n: got 0; expected a positive"),
    "psf": (lambda: SOURCES.simulate_sources(2, RNG, psf=0.0), "psf: got 0.0"),
    "radii": (lambda: SOURCES.simulate_sources(2, RNG, radii=(2.0, 1.0)), "radii: got .*the lower one first"),
    "flux": (lambda: SOURCES.simulate_sources(2, RNG, flux=(0.0, 1.0)), "low_flux: got 0.0"),
    "noise": (lambda: SOURCES.simulate_sources(2, RNG, read_noise=math.nan), "read_noise: got nan"),
    "second": (lambda: STAGES.two_stage(IMAGES, second="pca", rng=RNG), "second: got 'pca'; expected 'vae'"),
    "latents": (lambda: STAGES.two_stage(IMAGES, latents=0, rng=RNG), "latents, steps: got"),
    "axes": (lambda: STAGES.two_stage(IMAGES[0], rng=RNG), "images: got shape"),
    "nan": (lambda: STAGES.two_stage(IMAGES * np.nan, rng=RNG), "images: "),
    "one image": (lambda: STAGES.two_stage(np.arange(16.0).reshape(1, 4, 4), rng=RNG), "images: got 1"),
    "constant": (lambda: STAGES.two_stage(IMAGES, rng=RNG), "images: got .*expected images that differ"),
    "labels": (lambda: STAGES.accuracy_up_to_swap([0, 2], [0, 1]), "labels: got .*zeros and ones"),
    "fractions": (lambda: STAGES.accuracy_up_to_swap([0.0, 0.5], [0, 1]), "labels: got .*zeros and ones"),
    "truth": (lambda: STAGES.accuracy_up_to_swap([0, 1], [0, -1]), "truth: got"),
    "lengths": (lambda: STAGES.accuracy_up_to_swap([0, 1], [0]), r"labels: got shape \(2,\)"),
    "none": (lambda: STAGES.accuracy_up_to_swap([], []), "labels: got shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name: str) -> None:
    call, match = BAD[name]
    with pytest.raises(ValueError, match=match):
        call()


TESTS: dict[str, Check] = {
    "information": _information_is_numpys,
    "accuracies": _accuracies_are_drawn,
    "labels": _labels_have_no_names,
    "light": _light_is_where_it_should_be,
    "discs": _discs_are_turned_and_thin,
    "whitened": _codes_are_whitened,
    "flux": _normalised_images_do_not_know_their_flux,
}
BUGS: dict[str, Bug] = {
    "entropy without logarithm": Seeded(TABLES, "entropy", "mass * mass.log()", "mass * mass", "information"),
    "what is lost without its condition": Seeded(
        TABLES, "lost", "mass * alone[(c,)] /", "mass /", "information"
    ),
    "without 1/2": Seeded(ACCURACY.Classes, "best", ".sqrt() / 2", ".sqrt()", "accuracies"),
    "the within covariance alone": Seeded(
        ACCURACY.Classes, "components", "matrix or self.whole()", "(1, 0, 2)", "accuracies"
    ),
    "classes have names": Seeded(STAGES, "accuracy_up_to_swap", "max(right, 1.0 - right)", "right", "labels"),
    "twice the spread": Seeded(SOURCES, "_light", "/ (2 * psf**2)", "/ psf**2", "light"),
    "centres exchanged": Seeded(SOURCES, "_light", "- centre[0]", "- centre[1]", "light"),
    "round discs": Seeded(SOURCES, "_light", " / ratio[:, None, None]", "", "discs"),
    "codes of unit variance that are correlated": Seeded(
        STAGES,
        "whitened",
        "centred @ vectors / np.sqrt(np.maximum(values, 1e-12))",
        "centred / centred.std(0)",
        "whitened",
    ),
    "no division by the flux": Seeded(
        STAGES, "flux_normalised", "flat / np.maximum", "flat / 1000 + 0 * np.maximum", "flux"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
