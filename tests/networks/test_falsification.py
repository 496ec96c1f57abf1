"""Bugs seeded into the training of networks: each is caught by a named test that the code itself passes."""

import tempfile
from pathlib import Path

import pytest

from elboproof import files
from elboproof.networks import (
    array_pickles,
    autoencoder,
    constants,
    evaluation,
    rescaled,
    terms,
    training,
)
from elboproof.networks.autoencoder import Autoencoder
from elboproof.networks.batches import Batches
from elboproof.networks.constants import Constants
from elboproof.networks.run import Run
from elboproof.networks.trained import Trained
from tests.networks import (
    test_datasets,
    test_per_pixel,
    test_resuming,
    test_splits,
    test_terms,
    test_trained,
    test_training,
)
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _resumes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        test_resuming.test_every_variant_goes_on_from_every_checkpoint("bilbo-baggins", Path(folder))


def _is_whole() -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        test_resuming.test_a_run_that_is_killed_while_it_writes_ends_with_the_same_numbers(
            "half written", Path(folder), patch
        )


def _is_harmless() -> None:
    with tempfile.TemporaryDirectory() as folder:
        test_datasets.test_a_hostile_pickle_executes_nothing(2, Path(folder))


TESTS: dict[str, Check] = {
    "resuming": _resumes,
    "whole checkpoints": _is_whole,
    "hostile pickle": _is_harmless,
    "scales": lambda: test_training.test_scales_of_two_give_the_same_parameters_bit_for_bit("bilbo-baggins"),
    "location": test_training.test_the_location_of_the_data_does_not_matter,
    "constant columns": test_splits.test_constants_scale_with_the_data_exactly,
    "constant means": lambda: test_training.test_what_is_constant_in_training_is_decoded_as_such(
        "bilbo-baggins"
    ),
    "early stopping": test_training.test_training_ends_early_with_the_best_parameters,
    "global state": test_training.test_global_random_numbers_and_threads_are_left_alone,
    "same weights": test_training.test_variants_begin_at_the_same_weights,
    "all data": test_training.test_the_objective_reported_is_that_of_all_data,
    "pieces": lambda: test_terms.test_the_terms_of_all_data_are_those_of_one_large_batch("sigma-vae"),
    "pieces per pixel": lambda: test_terms.test_the_terms_of_all_data_are_those_of_one_large_batch(
        "vae-per-pixel"
    ),
    "elbo per pixel": test_per_pixel.loss_is_the_elbo,
    "floor": test_per_pixel.the_floor_holds,
    "heads": test_per_pixel.heads_are_those_of_the_networks,
    "factor": test_per_pixel.the_factor_is_that_of_held_out_residuals,
    "model of both heads": test_per_pixel.the_model_has_both_heads,
    "units": test_terms.test_terms_in_the_units_of_the_data_are_those_of_the_data,
    "elbo": test_terms.test_the_ordinary_ones_are_the_elbo,
    "closed": test_terms.test_the_closed_variance_is_the_best_one,
    "floating prior": test_terms.test_the_floating_prior_is_the_best_centred_one,
    "bilbo": test_terms.test_half_outputs_are_bilbo,
    "decoder": lambda: test_trained.test_decoded_means_are_those_of_the_networks("mlp"),
    "model": lambda: test_trained.test_the_model_is_the_decoder_with_prior_and_variance("bilbo-baggins"),
}

BUGS: dict[str, Bug] = {
    "the noise is not kept": Seeded(
        Run, "restore", '    self._noise.set_state(state["noise"])\n', "", "resuming"
    ),
    "the optimiser is not kept": Seeded(
        Run, "restore", '    self._optimiser.load_state_dict(state["optimiser"])\n', "", "resuming"
    ),
    "the place in the epoch is not kept": Seeded(
        Batches, "restore", '    self._position = state["position"]\n', "", "resuming"
    ),
    "the generator after the permutation is kept": Seeded(
        Batches, "state", "self._before", "self._generator.get_state()", "resuming"
    ),
    "a checkpoint is written in its place": Seeded(
        files,
        "replace",
        'tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=NEW)',
        "os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC), str(place)",
        "whole checkpoints",
    ),
    "names are looked up": Seeded(
        array_pickles._Restricted,
        "find_class",
        'raise pickle.UnpicklingError(f"the name {module}.{name}")',
        "return pickle.Unpickler.find_class(self, module, name)",
        "hostile pickle",
    ),
    "networks see the data as they are": Seeded(
        Constants, "normalised", "(x - self.centre) / self.scale", "x - self.centre", "scales"
    ),
    "a floor under the scale": Seeded(Constants, "normalised", "self.scale", "(self.scale + 1e-6)", "scales"),
    "the data are not centred": Seeded(Constants, "normalised", "(x - self.centre)", "x", "location"),
    "constant columns by their variance": Seeded(
        constants, "constants_of", "train.min(0) < train.max(0)", "train.var(0) > 0", "constant columns"
    ),
    "the last parameters for the best ones": Seeded(
        Run, "chosen", "    networks.load_state_dict(self.best)\n", "", "early stopping"
    ),
    "the worst parameters for the best ones": Seeded(
        Run, "look", "terms.objective > before", "terms.objective <= before", "early stopping"
    ),
    "noise of the global generator": Seeded(Run, "_forward", ", generator=self._noise", "", "global state"),
    "weights of one stream": Seeded(
        Autoencoder,
        "_draw",
        "generator_of(seed, name)",
        "generator_of(seed, self.variant.name)",
        "same weights",
    ),
    "constant dimensions left as they were drawn": Seeded(
        Run,
        "_set_start",
        "last.weight[constant], last.bias[constant] = 0.0, 0.0",
        "last.bias[constant] = 0.0",
        "constant means",
    ),
    "all data without their noise": Seeded(
        evaluation, "whole", 'generator_of(seed, "evaluation")', "torch.default_generator", "all data"
    ),
    "the mean of pieces for that of examples": Seeded(
        evaluation, "_sums", "residual.square().sum(0)", "residual.square().mean(0) * PIECE", "pieces"
    ),
    "rates of the last piece": Seeded(evaluation, "_sums", "count * found.square", "found.square", "pieces"),
    "the volume with the wrong sign": Seeded(
        evaluation, "in_units_of_data", "terms.likelihood - volume", "terms.likelihood + volume", "units"
    ),
    "the unit variance of y": Seeded(
        terms, "log_likelihood_variance", "-2 * math.log(scale)", "0.0", "units"
    ),
    "a deviation for a variance": Seeded(
        terms, "likelihood", "torch.exp(-level)", "torch.exp(-2 * level)", ("elbo", "bilbo")
    ),
    "a pixel's deviation for its variance": Seeded(
        terms, "statistics", "torch.exp(-0.5 * log_v)", "torch.exp(-log_v)", ("elbo per pixel", "factor")
    ),
    "half of the pixels' log variances": Seeded(
        terms, "likelihood", "+ given.level)", "+ 0.5 * given.level)", "elbo per pixel"
    ),
    "the mean of the pixels' log variances for their sum": Seeded(
        terms,
        "likelihood",
        "dimensions * (math.log(2 * math.pi) + given.level)",
        "dimensions * math.log(2 * math.pi) + given.level",
        "elbo per pixel",
    ),
    "no floor": Seeded(
        autoencoder,
        "floored",
        "level + softplus(log_variance - level)",
        "log_variance",
        ("floor", "elbo per pixel"),
    ),
    "a floor of the deviation": Seeded(
        autoencoder, "floored", "math.log(floor)", "2 * math.log(floor)", "floor"
    ),
    "log variances of the last piece": Seeded(
        evaluation, "_sums", "else found.level)", "else found.level / count)", "pieces per pixel"
    ),
    "log variances in units of a deviation": Seeded(
        rescaled, "two_heads", "2 * math.log(constants.scale)", "math.log(constants.scale)", "heads"
    ),
    "heads without their floor": Seeded(rescaled, "two_heads", "shift = level +", "shift =", "heads"),
    "a model without the factor": Seeded(
        rescaled, "two_heads", " + math.log(factor)", "", "model of both heads"
    ),
    "a factor of residuals that are not whitened": Seeded(
        training, "_trained", '["validation"].whitened', '["validation"].residual', "factor"
    ),
    "a lost constant": Seeded(
        terms, "likelihood", "total / dimensions) + 1)", "total / dimensions))", "closed"
    ),
    "half a rate": Seeded(terms, "rate", "return 0.5 * torch.log1p", "return 0.25 * torch.log1p", "bilbo"),
    "a floating prior without the spread": Seeded(
        terms, "rate", "(given.square + given.variance).log()", "(given.square + 1).log()", "floating prior"
    ),
    "a decoder without the centre": Seeded(rescaled, "in_data_units", ".add_(centre)", "", "decoder"),
    "a model with the prior of others": Seeded(
        Trained, "latent_model", 'self.settings.variant.prior == "standard"', "True", "model"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
