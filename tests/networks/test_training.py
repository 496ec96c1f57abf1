"""The training loop: what it learns, what it leaves alone, and what it refuses."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from elboproof import networks
from elboproof.networks.run import Run
from elboproof.networks.settings import Request, settings_of
from elboproof.networks.splits import Splits
from elboproof.networks.training import train
from elboproof.networks.variants import VARIANTS, Variant

DIGITS = networks.digits()
SCALE_FREE = sorted(
    name
    for name, one in VARIANTS.items()
    if one.likelihood not in ("unit", "learned")  # those have a variance in the data's units
)
SCALES = (2.0**-10, 2.0**10)


def short(data: Splits = DIGITS, **options: Any) -> networks.Trained:
    words: dict[str, Any] = {"latents": 2, "hidden": (16,), "steps": 20, "batch": 64, "every": 10, **options}
    return train(data, **words)


def parameters(trained: networks.Trained) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trained.networks.parameters()])


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_learns(name: str) -> None:
    trained = short(variant=name, steps=60, learning_rate=1e-2)
    first, last = trained.curve[0].terms, trained.curve[-1].terms
    assert last.objective > first.objective + 0.2
    assert all(math.isfinite(terms.objective) for terms in trained.terms.values())


def test_nothing_is_learned_from_a_step_of_no_length() -> None:
    trained = short(learning_rate=1e-30)
    assert trained.curve[0].terms == trained.curve[-1].terms


@pytest.mark.parametrize("name", SCALE_FREE)
def test_scales_of_two_give_the_same_parameters_bit_for_bit(name: str) -> None:
    trained = {scale: short(DIGITS.scaled(scale), variant=name) for scale in (1.0, *SCALES)}
    for scale in SCALES:
        assert torch.equal(parameters(trained[scale]), parameters(trained[1.0]))
        assert trained[scale].constants.scale == scale * trained[1.0].constants.scale
        assert trained[scale].variance == pytest.approx(trained[1.0].variance * scale**2, rel=1e-14)


@pytest.mark.parametrize("name", ["vae", "vae-learned", "bilbo"])
def test_a_variance_in_the_units_of_the_data_depends_on_the_scale(name: str) -> None:
    first, second = (short(DIGITS.scaled(scale), variant=name) for scale in (1.0, 2.0**10))
    assert not torch.equal(parameters(first), parameters(second))


def test_the_location_of_the_data_does_not_matter() -> None:
    moved = Splits("moved", DIGITS.train + 4096, DIGITS.validation + 4096, DIGITS.test)
    first, second = short(DIGITS, steps=60), short(moved, steps=60)
    assert first.terms["train"].objective == pytest.approx(second.terms["train"].objective, abs=0.05)
    z = np.zeros((1, 2))
    assert second.decode(z) - first.decode(z) == pytest.approx(4096, abs=1e-2)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    first, again, other = (parameters(short(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_generator_is_a_seed() -> None:
    first, again = (parameters(short(seed=torch.Generator().manual_seed(4))) for _ in range(2))
    assert torch.equal(first, again)


def numpy_numbers() -> str:
    return str(np.random.get_state())  # noqa: NPY002 - the global state is what is looked at


def test_global_random_numbers_and_threads_are_left_alone() -> None:
    state, numpy_state = torch.get_rng_state(), numpy_numbers()
    threads = torch.get_num_threads()
    with_global_seeds = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        with_global_seeds.append(parameters(short(architecture="conv")))
        assert torch.equal(torch.get_rng_state(), before)
    torch.set_rng_state(state)
    assert torch.equal(*with_global_seeds)
    assert numpy_numbers() == numpy_state
    assert torch.get_num_threads() == threads


def test_variants_begin_at_the_same_weights() -> None:
    runs = {name: run_of(name) for name in VARIANTS}
    whole = runs["bilbo"].networks.state_dict()
    for run in runs.values():
        own = run.networks.state_dict()
        assert all(torch.equal(value, own[name]) for name, value in whole.items())


def run_of(variant: "str | Variant", data: Splits = DIGITS) -> Run:
    request = Request(variant, 2, (16,), "tanh", "mlp", 10, 64, 1e-3, 0, 5, None)
    return Run(settings_of(data, request, 0), data)


def test_half_the_outputs() -> None:
    halves = {name: run_of(name).networks.log_variance_head is None for name in VARIANTS}
    assert halves == {name: one.half_outputs for name, one in VARIANTS.items()}
    assert sum(halves.values()) == 7


def test_convolutions_learn_images_of_any_size() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 8, 8), (2, 5, 7)):
        images = rng.standard_normal((80, 1, 1, 1)) * rng.standard_normal((1, *shape))
        trained = train(images, latents=1, hidden=(16,), architecture="conv", steps=40, learning_rate=1e-2)
        assert trained.decode([[0.0]]).shape == (1, math.prod(shape))
        assert trained.curve[-1].terms.objective > trained.curve[0].terms.objective + 5


def overfitting() -> networks.Trained:
    few = Splits("few", DIGITS.train[:40], DIGITS.validation, DIGITS.test)
    return train(
        few, latents=8, hidden=(64,), steps=600, batch=40, every=20, patience=2, learning_rate=1e-2,
        variant="bilbo-closed",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bilbo-baggins", "sigma-vae"])
def test_what_is_constant_in_training_is_decoded_as_such(name: str) -> None:
    train, rest = DIGITS.train.copy(), DIGITS.validation
    train[:, [0, 20]] = 0.5
    trained = short(Splits("padded", train, rest, rest), variant=name)
    constant = trained.constants.variance == 0
    assert constant[[0, 20]].all()
    means = trained.decode(np.random.default_rng(0).standard_normal((50, 2)))[:, constant]
    # BAGGINS drops these dimensions, so that nothing trains them; what is drawn at random would be judged
    error = np.abs(means - train[0, constant]).max()
    assert error == 0 if name == "bilbo-baggins" else error < 0.1


def test_training_ends_early_with_the_best_parameters() -> None:
    trained = overfitting()
    objectives = [point.terms.objective for point in trained.curve]
    best = int(np.argmax(objectives))
    assert len(objectives) == best + 3
    assert trained.stopped == "no gain on the validation split in 2 looks, 20 steps each"
    assert trained.step == trained.curve[best].step < 600
    # float32 networks with sums of float64, against float64 throughout
    assert trained.terms["validation"].objective == pytest.approx(objectives[best], abs=1e-2)
    assert objectives[best] > objectives[-1] + 0.05


def test_the_objective_reported_is_that_of_all_data() -> None:
    trained = short(variant="bilbo-baggins-per-dimension", steps=60)
    assert trained.objective(DIGITS.train) == trained.terms["train"]
    assert trained.objective(DIGITS.validation) == trained.terms["validation"]
    batches = [trained.objective(part).objective for part in np.array_split(DIGITS.train, 60)]
    assert float(np.mean(batches)) > trained.terms["train"].objective + 1  # it would flatter


def test_progress_tells_terms_and_time() -> None:
    told: list[networks.Progress] = []
    trained = short(progress=told.append)
    assert [one.step for one in told] == [0, 10, 20]
    assert [one.terms for one in told] == [point.terms for point in trained.curve]
    assert "step 10/20: objective" in str(told[1])
    assert f"nats (best at 10), {told[1].seconds_left:.0f} s left" in str(told[1])
    assert math.isnan(told[0].seconds_left)
    assert "left" not in str(told[0])


BROKEN = {
    "encoder mean": ("mean_head.bias", math.nan),
    "encoder log variance": ("log_variance_head.bias", math.inf),
    "sampled latent": ("log_variance_head.bias", 1e4),
    "decoder output": ("decoder.2.bias", math.nan),
    "likelihood": ("decoder.2.bias", 1e30),
    "rate": ("mean_head.bias", 1e25),
}


@pytest.mark.parametrize("term", sorted(BROKEN))
def test_numbers_that_are_not_finite_are_told_with_step_and_term(term: str) -> None:
    name, value = BROKEN[term]
    run = run_of("sigma-vae")
    run.advance()
    with torch.no_grad():
        run.networks.get_parameter(name).fill_(value)
    with pytest.raises(networks.TrainingError, match=f"step 2: the {term} is not finite"):
        run.advance()


def test_a_gradient_that_is_not_finite_is_told() -> None:
    run = run_of("sigma-vae")
    weight = run.networks.mean_head.weight
    weight.register_hook(lambda slope: slope * math.nan)  # type: ignore[no-untyped-call]
    with pytest.raises(networks.TrainingError, match="step 1: the gradient is not finite"):
        run.advance()


def test_a_learning_rate_beyond_reason_is_told() -> None:
    with pytest.raises(networks.TrainingError, match="step 2: the encoder mean is not finite"):
        short(learning_rate=1e35)


def test_small_batches_of_batch_statistics_warn() -> None:
    with pytest.warns(UserWarning, match="batch: got 15; the loss of bilbo-baggins"):
        short(batch=15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short(batch=16)
        short(batch=1, variant="vae")


def test_batch_statistics_need_two_examples() -> None:
    for name, variant in VARIANTS.items():
        if variant.of_a_batch:
            with pytest.raises(ValueError, match=f"batch: got 1; expected at least 2: the loss of {name}"):
                short(batch=1, variant=name)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "variant": ({"variant": "cvae"}, "variant: got 'cvae'; expected one of vae, "),
    "latents": ({"latents": 0}, "latents: got 0; expected an integer, at least 1"),
    "hidden": ({"hidden": ()}, "hidden: got .*; expected at least one size"),
    "size": ({"hidden": (8, 0)}, r"hidden\[1\]: got 0"),
    "activation": ({"activation": "sine"}, "activation: got 'sine'; expected one of tanh"),
    "architecture": ({"architecture": "lstm"}, "architecture: got 'lstm'"),
    "steps": ({"steps": 0}, "steps: got 0"),
    "batch": ({"batch": 1198}, "batch: got 1198; expected at most 1197"),
    "rate": ({"learning_rate": -1.0}, "learning_rate: got -1.0"),
    "seed": ({"seed": -1}, "seed: got -1"),
    "every": ({"every": 0}, "every: got 0"),
    "patience": ({"patience": 0}, "patience: got 0"),
    "checkpoint": ({"checkpoint": "/nowhere/x.pt"}, "checkpoint: got /nowhere/x.pt; expected a file in"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_values_are_named(name: str) -> None:
    options, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        short(**options)


@pytest.mark.parametrize(
    "name", ["latents", "hidden", "steps", "batch", "seed", "every", "patience", "variant"]
)
def test_wrong_types_are_named(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: got 1.5 of type float"):
        short(**dict[str, Any]({name: 1.5}))


def test_a_validation_split_is_needed() -> None:
    empty = Splits("data", DIGITS.train, DIGITS.validation[:0], DIGITS.test)
    with pytest.raises(ValueError, match="data: got '0 examples for validation'; expected at least 2"):
        short(empty)


def test_convolutions_need_images() -> None:
    rows = Splits("data", DIGITS.train, DIGITS.validation, DIGITS.test)
    with pytest.raises(ValueError, match="architecture: got 'conv'; expected 'mlp', or data that are images"):
        short(rows, architecture="conv")
