"""Bugs seeded into the search for thresholds, for codes that are summed over, and into what a bound is at most."""

import math

import pytest

from elboproof.audit import aggregates, bends, bent, ceiling, codes, formulas, reading_bent
from tests.audit import test_codes, test_thresholds
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _bits(name: str) -> Check:
    return lambda: test_thresholds.test_free_bits_are_read_with_their_threshold(name)


def _capacity(name: str) -> Check:
    return lambda: test_thresholds.test_capacities_are_read_with_weight_and_threshold(name)


def _wrong(name: str) -> Check:
    return lambda: test_thresholds.test_what_is_no_convention_fails(name)


TESTS: dict[str, Check] = {
    "latents": _bits("latents of data"),
    "batch": _bits("the batch"),
    "sum": _bits("a sum over the batch"),
    "beyond": _bits("beyond a threshold"),
    "far": _bits("one that no design of a plain formula crosses"),
    "near": _bits("one that designs near the prior cross"),
    "distance": _capacity("the batch"),
    "squared": _capacity("squared"),
    "far capacity": _capacity("one that no design of a plain formula reaches"),
    "minimum": _wrong("a minimum"),
    "reward": _wrong("a reward"),
    "nothing": _wrong("nothing"),
    "mixed": test_thresholds.test_a_sum_beside_a_mean_depends_on_the_batch,
    "another KL": lambda: test_thresholds.test_what_bends_otherwise_is_not_recognised("another KL"),
    "unbiased": lambda: test_thresholds.test_a_kl_of_the_batch_passes_as_a_loss_and_as_no_bound(
        "codes, unbiased"
    ),
    "codes": lambda: test_codes.test_a_code_that_is_summed_over_is_exact(test_codes.Summed),
    "tiled": lambda: test_codes.test_a_code_that_is_summed_over_is_exact(test_codes.Tiled),
    "no prior": lambda: test_codes.test_a_code_without_its_prior_is_one_up_to_a_constant(
        test_codes._prior(1, 1, 1, 1), "UP TO A CONSTANT", math.log(test_codes.VALUES)
    ),
    "ceiling": test_codes.test_a_density_that_counts_once_exceeds_what_any_prior_allows,
    "lower end": test_codes.test_a_lower_end_is_one,
}

BUGS: dict[str, Bug] = {
    "a maximum is a minimum": Seeded(bends, "bent", "r.maximum(", "r.minimum(", "latents"),
    "a mean is a sum": Seeded(
        bends, "levelled", "parts.mean(0, keepdim=True)", "parts.sum(0, keepdim=True)", "batch"
    ),
    "the KL lacks its half": Seeded(
        bends,
        "each_kl",
        "- variance.log()) / 2\n    r =",
        "- variance.log())\n    r =",
        ("latents", "distance"),
    ),
    "a square is a distance": Seeded(
        bends, "bent", "(r - threshold) ** 2", "(r - threshold).abs()", "squared"
    ),
    "designs stay near": Seeded(
        bent, "_design", "high / low) ** float", "0.05 / low) ** float", ("far", "far capacity")
    ),
    "the lowest thresholds are not looked for": Seeded(
        bent._Search, "_arrived", "[[LEAST - 1, -LEAST]]", "[[len(r) // 3, -LEAST]]", "near"
    ),
    "a threshold does not move": Seeded(
        bent._Search, "_arrived", "moved = t + step / g", "moved = t + 0 * step / g", "distance"
    ),
    "a residual of any size": Seeded(
        bent._Search, "tried", "fit.residual <= self.close", "fit.residual <= 1e9", "another KL"
    ),
    "a KL that adds nothing is bent": Seeded(
        bent._Search, "_counts", "return float", "return True or float", "nothing"
    ),
    "a plain reward is the last word": Seeded(
        formulas, "_read", "bent = find_bent(session)", "bent = None", ("far", "far capacity")
    ),
    "a minimum is a convention": Seeded(reading_bent, "_slip", 'bend.shape == "at most"', "False", "minimum"),
    "a reward is a convention": Seeded(reading_bent, "_slip", "weight < 0", "False", "reward"),
    "reductions are not compared": Seeded(
        reading_bent, "_divided", "if how != found.reduction", "if False", "mixed"
    ),
    "a sum is a mean": Seeded(reading_bent, "_divided", '"sum" if bend.of_sum else ', "", ("sum", "mixed")),
    "the constant of a hinge is lost": Seeded(
        reading_bent, "_free_bits", "reader.d if bend.of_latents else 1", "1", "beyond"
    ),
    "a variance is biased": Seeded(
        aggregates, "_of_codes", "correction=divided_by", "correction=0", "unbiased"
    ),
    "rows are not told apart": Seeded(
        codes, "enumerated", "for layout in LAYOUTS:", "for layout in LAYOUTS[:1]:", "tiled"
    ),
    "a prior has any mass": Seeded(codes, "_read", "b * mass", "0.0 * mass", "no prior"),
    "the likelihood's constant is the prior's": Seeded(
        codes, "_read", "(each - needed) / b", "each / b", "codes"
    ),
    "a lower end is three too high": Seeded(
        ceiling, "floor_of", "lower_end(found,", "3 + lower_end(found,", "ceiling"
    ),
    "no deviation is taken off": Seeded(ceiling, "lower_end", " - spread", " + spread", "lower end"),
}


test_each_test_passes, test_each_bug_is_caught, test_no_test_is_idle = falsification(TESTS, BUGS)
