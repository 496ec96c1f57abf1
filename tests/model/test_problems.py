"""The problem table is data, and tested as data: its tags, its references, its twins."""

from collections.abc import Collection
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy

from benchmarks.reference_proofs import proved, variance
from benchmarks.reference_sums import lattice
from elboproof.model.discrete import Bernoulli
from elboproof.model.latent_model import LatentModel
from elboproof.model.problem_decoders import ROTATIONS
from elboproof.model.problems import (
    BASE,
    DIMENSIONS,
    FAMILIES,
    LIKELIHOODS,
    PROBLEMS,
    RELATIVE_RADIUS,
    SHAPES,
    VARIANCES,
    Problem,
    Tag,
    stored,
)

OFF_IMAGE = 0.1  # |x - f| at best: 0.007 at most on the image (x is rounded), 0.25 at least off it
MODES_WITHIN = 20.0  # nats, as the tags say
GROWTH = 1.5  # of max |f| from |z| = 6 to 12: 2 for a line, 1.1 at most for what is bounded
WRONG = Decimal("1e-9")  # a reference wrong by this must be noticed
MISSED = Decimal(2).ln()  # of the evidence when one of two equal modes is missed
LEAST_PROBLEMS = 30
STARTS = 12  # of the descents; with 24 the same modes were found

NAMES = [problem.name for problem in BASE]
BY_NAME = {problem.name: problem for problem in PROBLEMS}
STEMS = list({problem.decoder: problem for problem in BASE}.values())
PROVED = [problem for problem in BASE if problem.routes[0].proved]
CHEAP = [problem for problem in PROVED if Tag.D1 in problem.tags or problem.name.startswith("banana")]


@cache
def built(latent: tuple[str, ...], decoder: tuple[str, ...], likelihood: Any) -> LatentModel:
    return LatentModel(list(latent), list(decoder), likelihood)


def model_of(problem: Problem) -> LatentModel:
    return built(problem.latent, problem.decoder, problem.likelihood)


def one_of(tags: frozenset[Tag], choices: Collection[Tag]) -> Tag | None:
    found = [tag for tag in tags if tag in choices]
    return found[0] if len(found) == 1 else None


def floats(x: tuple[str, ...]) -> Any:
    return np.array([float(Fraction(text)) for text in x])


def faults(problem: Problem) -> set[str]:
    """Return what the tags say that the content does not."""
    model, tags = model_of(problem), problem.tags
    dimension, scale = one_of(tags, DIMENSIONS), one_of(tags, VARIANCES)
    spread = None if isinstance(model.likelihood, Bernoulli) else str(variance(problem))
    checks = {
        "dimension": dimension is not None and DIMENSIONS[dimension] == model.latent_dim,
        "likelihood": one_of(tags, LIKELIHOODS) == (Tag.BERNOULLI if spread is None else Tag.GAUSSIAN),
        "scale": (None if scale is None else str(Fraction(VARIANCES[scale]))) == spread,
        "family": one_of(tags, FAMILIES) == family(problem),
        "shape": bool(tags & SHAPES),
        "ridge": (Tag.RIDGE in tags) == (model.data_dim < model.latent_dim),
        "periodic": (Tag.PERIODIC in tags) == periodic(problem),
    }
    return {name for name, holds in checks.items() if not holds}


def family(problem: Problem) -> Tag:
    model = model_of(problem)
    if any(entry.has(sympy.tanh) for entry in model.decoder):
        return Tag.NETWORK
    if all(entry.is_polynomial(*model.latents) for entry in model.decoder):
        return Tag.POLYNOMIAL
    far = np.random.default_rng(0).normal(size=(400, model.latent_dim))
    far *= 6 / np.linalg.norm(far, axis=1, keepdims=True)
    near, twice = (np.abs(model.floating.decoder(far * k)).max() for k in (1, 2))
    return Tag.EXPONENTIAL if twice > GROWTH * near else Tag.BOUNDED


def periodic(problem: Problem) -> bool:
    """Whether the decoder repeats itself along the first latent, turned as the twin is."""
    model = model_of(problem)
    turned = Tag.ROTATED in problem.tags
    axis = [Fraction(entry) for entry in ROTATIONS[model.latent_dim][0]] if turned else [1, 0, 0]
    z = np.random.default_rng(1).normal(size=(20, model.latent_dim))
    shift = 2 * np.pi * np.array([float(entry) for entry in axis[: model.latent_dim]])
    return bool(np.allclose(model.floating.decoder(z + shift), model.floating.decoder(z), atol=1e-9))


def agree(problem: Problem) -> bool:
    """Whether reference and routes lie within the stated radius of each other."""
    values = [problem.reference, *(route.value for route in problem.routes)]
    return max(values) - min(values) <= problem.reference_radius


def test_there_are_enough_problems_with_distinct_names() -> None:
    assert len(BASE) >= LEAST_PROBLEMS
    assert len(BY_NAME) == len(PROBLEMS) == 2 * len(BASE)


def test_every_tag_is_used_at_least_twice() -> None:
    uses = {tag: sum(tag in problem.tags for problem in BASE) for tag in Tag if tag is not Tag.ROTATED}
    assert min(uses.values()) >= 2, uses
    assert sum(Tag.ROTATED in problem.tags for problem in PROBLEMS) == len(BASE)


@pytest.mark.parametrize("problem", STEMS, ids=lambda problem: problem.name)
def test_tags_agree_with_the_content(problem: Problem) -> None:
    assert faults(problem) == faults(problem.rotated()) == set()


@pytest.mark.parametrize(
    ("name", "remove", "add", "fault"),
    [
        ("square-sigma-1", Tag.D1, Tag.D2, "dimension"),
        ("square-sigma-1", Tag.SIGMA_0, Tag.SIGMA_1, "scale"),
        ("square-sigma-1", Tag.POLYNOMIAL, Tag.BOUNDED, "family"),
        ("helix-sigma-1", Tag.EXPONENTIAL, Tag.BOUNDED, "family"),
        ("network-2-bernoulli", Tag.BERNOULLI, Tag.GAUSSIAN, "likelihood"),
        ("circle-sigma-1", Tag.PERIODIC, Tag.UNIMODAL, "periodic"),
        ("torus-sigma-1e-1-rotated", Tag.PERIODIC, Tag.UNIMODAL, "periodic"),
        ("shell-sigma-1", Tag.RIDGE, Tag.UNIMODAL, "ridge"),
        ("sinh-sigma-1", Tag.UNIMODAL, Tag.EXPONENTIAL, "shape"),
    ],
)
def test_a_wrong_tag_is_noticed(name: str, remove: Tag, add: Tag, fault: str) -> None:
    problem = BY_NAME[name]
    assert faults(replace(problem, tags=problem.tags - {remove} | {add})) == {fault}


def modes(problem: Problem) -> int:
    """Return the number of modes within `MODES_WITHIN` nats of the best, on a fine grid (d = 1) or by descent."""
    model, x = model_of(problem), floats(problem.x)
    if model.latent_dim == 1:
        energy = model.floating.energy(np.linspace(-12, 12, 480_001)[:, None], x)
        lowest = (energy[1:-1] < energy[:-2]) & (energy[1:-1] <= energy[2:])
        return int((lowest & (energy[1:-1] < energy.min() + MODES_WITHIN)).sum())
    from scipy.optimize import minimize

    found: list[tuple[Any, float]] = []
    for start in np.random.default_rng(0).normal(size=(STARTS, model.latent_dim)) * 2:
        run = minimize(
            model.floating.energy, start, (x,), "BFGS", jac=lambda z, x: model.floating.energy(z, x, 1)
        )
        if all(np.linalg.norm(run.x - point) > 1e-2 for point, _ in found):
            found.append((run.x, float(run.fun)))
    best = min(energy for _, energy in found)
    return sum(energy < best + MODES_WITHIN for _, energy in found)


COUNTED = [
    problem
    for problem in BASE
    if problem.tags & {Tag.UNIMODAL, Tag.TWO_MODE, Tag.MANY_MODE}
    and (Tag.D1 in problem.tags or not problem.tags & {Tag.SIGMA_2, Tag.SIGMA_3, Tag.SIGMA_4})
]


@pytest.mark.parametrize("problem", COUNTED, ids=lambda problem: problem.name)
def test_the_modes_are_as_many_as_the_tags_say(problem: Problem) -> None:
    count = modes(problem)
    named = Tag.UNIMODAL if count == 1 else Tag.TWO_MODE if count == 2 else Tag.MANY_MODE
    assert named in problem.tags, f"{count} modes"


def nearest(problem: Problem) -> float:
    """Return the least distance of x from the decoder's image, by descent from many points."""
    from scipy.optimize import least_squares

    model, x = model_of(problem), floats(problem.x)
    runs = (
        least_squares(lambda z: model.floating.decoder(z) - x, start, lambda z: model.floating.decoder(z, 1))
        for start in np.random.default_rng(0).normal(size=(STARTS // 2, model.latent_dim))
    )
    return min(float(np.sqrt(2 * run.cost)) for run in runs)


@pytest.mark.parametrize("problem", STEMS, ids=lambda problem: problem.name)
def test_x_is_on_the_image_or_off_it(problem: Problem) -> None:
    if Tag.GAUSSIAN in problem.tags:
        assert (nearest(problem) > OFF_IMAGE) == (Tag.OFF_IMAGE in problem.tags)
    else:
        assert Tag.OFF_IMAGE not in problem.tags
        assert set(problem.x) == {"0", "1"}


@pytest.mark.parametrize("problem", STEMS, ids=lambda problem: problem.name)
def test_a_twin_is_the_same_model_turned(problem: Problem) -> None:
    rotation = [[Fraction(entry) for entry in row] for row in ROTATIONS[len(problem.latent)]]
    twin, base = model_of(problem.rotated()), model_of(problem)
    draws = np.random.default_rng(len(problem.name)).integers(-40, 40, size=len(problem.latent))
    point = [Fraction(int(draw) * 2 + 1, 30) for draw in draws]  # odd, so never zero
    turned = [sum((r * c for r, c in zip(row, point, strict=True)), Fraction(0)) for row in rotation]
    assert sum(c * c for c in turned) == sum(c * c for c in point)
    value = base.exact.decoder(turned).tolist()
    assert twin.exact.decoder(point).tolist() == value
    assert even(problem) or base.exact.decoder(point).tolist() != value
    if Tag.POLYNOMIAL in problem.tags:
        assert twin.exact.energy(point, problem.x) == base.exact.energy(turned, problem.x)


def even(problem: Problem) -> bool:
    """Whether the turn of the latents leaves the decoder as it is, so that the twin cannot be told apart."""
    return problem.name.startswith(("square-sigma", "square-off", "two-ring", "shell"))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_turns_are_exactly_orthogonal_and_move_every_axis(d: int) -> None:
    rows = sympy.Matrix([[sympy.Rational(entry) for entry in row] for row in ROTATIONS[d]])
    assert rows * rows.T == sympy.eye(d)
    assert all(entry != 0 for entry in rows)
    assert abs(rows[0, 0]) != 1 or d == 1


def test_the_scale_is_the_variance_and_in_the_name() -> None:
    for problem in BASE:
        scale = one_of(problem.tags, VARIANCES)
        if scale is None:
            assert isinstance(problem.model().likelihood, Bernoulli)
        else:
            assert variance(problem) == Fraction(VARIANCES[scale])
            assert problem.name.endswith(f"-{scale}")


def test_twins_keep_reference_and_data() -> None:
    for base, twin in zip(BASE, PROBLEMS[len(BASE) :], strict=True):
        assert (twin.reference, twin.reference_radius, twin.x) == (
            base.reference,
            base.reference_radius,
            base.x,
        )
        assert twin.tags - base.tags == {Tag.ROTATED}
        assert twin.name == f"{base.name}-rotated"


@pytest.mark.parametrize("problem", BASE, ids=NAMES)
def test_two_routes_agree_within_the_radius(problem: Problem) -> None:
    first, second = problem.routes
    assert problem.reference.is_finite()
    assert problem.reference == first.value
    assert problem.reference_radius == RELATIVE_RADIUS * max(Decimal(1), abs(problem.reference))
    assert first.method != second.method
    assert agree(problem)
    written = Decimal(stored()[problem.name]["difference"])
    assert abs(written - (first.value - second.value)) <= abs(written) / 10


@pytest.mark.parametrize("problem", BASE, ids=NAMES)
def test_a_wrong_reference_is_noticed(problem: Problem) -> None:
    far = problem.reference_radius > WRONG  # log p near -1e5: the radius itself is 1.2e-7
    shift = 2 * problem.reference_radius if far else WRONG
    assert not agree(replace(problem, reference=problem.reference + shift))
    first, second = problem.routes
    wrong = replace(second, value=second.value - shift)
    assert not agree(replace(problem, routes=(first, wrong)))


def test_the_file_has_exactly_the_base_problems() -> None:
    assert list(stored()) == NAMES


def test_x_and_decoder_fit_and_are_exact() -> None:
    for problem in PROBLEMS:
        assert len(problem.x) == len(problem.decoder)
        assert all(isinstance(Fraction(text), Fraction) for text in problem.x)
        assert problem.note


@pytest.mark.parametrize("problem", PROVED, ids=lambda problem: problem.name)
def test_the_proved_route_gives_the_same_digits_again(problem: Problem) -> None:
    route = proved(problem, float(problem.reference))
    assert route is not None
    assert route.value == problem.reference
    assert route.proved


@pytest.mark.parametrize("problem", CHEAP, ids=lambda problem: problem.name)
def test_the_lattice_gives_the_reference_again(problem: Problem) -> None:
    again = Decimal(repr(float(lattice(problem, 0.7, 3))))
    assert abs(again - problem.reference) <= problem.reference_radius


@pytest.mark.parametrize("name", ["square-sigma-1e-4", "square-2-sigma-1e-4"])
def test_half_of_the_evidence_is_noticed(name: str) -> None:
    problem = BY_NAME[name]
    missed = replace(problem.routes[1], value=problem.reference - MISSED)
    assert not agree(replace(problem, routes=(problem.routes[0], missed)))


def test_the_table_cannot_be_changed() -> None:
    problem: Any = BASE[0]
    with pytest.raises(FrozenInstanceError):
        problem.reference = Decimal(0)
    with pytest.raises(FrozenInstanceError):
        problem.routes[0].value = Decimal(0)
    for fixed in (PROBLEMS, BASE, problem.x, problem.decoder, ROTATIONS, VARIANCES, DIMENSIONS):
        table: Any = fixed
        with pytest.raises(TypeError):
            table[0] = None
    assert not hasattr(problem.tags, "add")
