"""Bugs seeded into the checks of an audit: thresholds, terms, signs, shares. Each is caught by a named test."""

from typing import Any

import pytest
import torch
from scipy.stats import t as student

from elboproof.audit import (
    combinations,
    detector,
    evidence,
    formulas,
    gradient,
    learning,
    masses,
    noise,
    reading,
    reading_divergence,
    reading_drawn,
    samples_words,
    scores,
    session,
    stateful,
)
from elboproof.audit.session import STATISTICAL, Session
from tests.audit import test_beyond, test_formula, test_noise_and_gradient, test_samples_and_flows
from tests.audit.small import LATENTS, PIXELS, Small, audited, with_methods
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow
DRAWS, ALPHA = 40, 1e-6


def _shares() -> None:
    nothing: Any = None
    one = Session(nothing, nothing, nothing, 1e-8, ALPHA, DRAWS)
    assert len(STATISTICAL) * one.share == pytest.approx(ALPHA)


def _noise_is_divided() -> None:
    found = list(scores.scores(torch.zeros(DRAWS, noise.LEAST_BATCH, 1, LATENTS, dtype=torch.float64)))
    each = ALPHA / len(STATISTICAL) / sum(one.means.numel() for one in found)
    limits = [one.threshold(each) for one in found]
    limit = audited(Small(), "noise", draws=DRAWS)["noise"].threshold
    assert any(limit == pytest.approx(one, rel=1e-12) for one in limits)


def _gradient_is_divided() -> None:
    cut = with_methods(sample=lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach())
    limit = audited(cut, "gradient")["gradient"].threshold
    tests = 2 * 8 * LATENTS + PIXELS * LATENTS  # 8 data: means and s, and the decoder's slopes
    share = ALPHA / len(STATISTICAL)
    assert limit == pytest.approx(float(student.isf(share / (2 * tests), gradient.DRAWS - 1)), rel=1e-12)


def _wrong_formula(name: str) -> Check:
    return lambda: test_formula.test_what_is_no_bound_fails_and_says_why(name)


def _wrong_noise(name: str) -> Check:
    return lambda: test_noise_and_gradient.test_wrong_noise_is_seen(name)


def _wrong_gradient(name: str) -> Check:
    return lambda: test_noise_and_gradient.test_a_path_that_is_cut_is_seen(name)


def _eval_is_seen() -> None:
    methods = {"sample": lambda self, m, s: Small.sample(self, m, s) if self.training else m}
    assert audited(with_methods(**methods), "mode").failed == ("mode",)


TESTS: dict[str, Check] = {
    "shares": _shares,
    "noise is divided": _noise_is_divided,
    "gradient is divided": _gradient_is_divided,
    "false alarms": test_noise_and_gradient.test_false_alarms_stay_below_their_rate,
    "orthonormal": test_noise_and_gradient.test_scores_are_orthonormal_and_bounded,
    "detectable": test_noise_and_gradient.test_what_is_said_to_be_detectable_is,
    "copied": _wrong_noise("half of it copied"),
    "variance": _wrong_noise("variance 1.5"),
    "deviation cut": _wrong_gradient("deviation detached"),
    "exact": test_formula.test_a_plain_loss_is_exact_and_passes_the_strongest_claim,
    "sign": _wrong_formula("sign"),
    "no divergence": _wrong_formula("no divergence"),
    "two readings": _wrong_formula("two readings of s"),
    "log variance": _wrong_formula("no log variance"),
    "reductions": test_formula.test_reductions_that_differ_are_named,
    "once for each": test_formula.test_a_sum_that_is_taken_once_for_each_datum_is_named,
    "partly drawn": lambda: test_formula.test_a_divergence_partly_at_the_draw_is_the_bound_in_the_mean(
        "half"
    ),
    "a slip beside": lambda: test_formula.test_what_is_no_bound_in_the_mean_fails("a mean beside it"),
    "a sum beside": lambda: test_formula.test_what_is_no_bound_in_the_mean_fails("a sum beside means"),
    "small term": test_beyond.test_a_small_term_is_not_overlooked,
    "declared": test_formula.test_a_declared_variance_is_compared,
    "bits": test_formula.test_bits_per_dimension,
    "iwae": test_samples_and_flows.test_the_importance_weighted_bound_is_exact,
    "log K": lambda: test_samples_and_flows.test_slips_in_the_combination_fail("log K lost"),
    "axes": test_beyond.test_the_axis_of_the_weights_is_named,
    "evidence": test_samples_and_flows.test_the_evidence_of_a_normalised_q_outside_the_dictionary,
    "closed form": test_beyond.test_a_closed_form_is_no_drawn_density,
    "other law": test_beyond.test_the_noise_of_another_law_is_a_note,
    "no slope in s": lambda: test_beyond.test_what_is_no_flow_is_not_taken_for_one("Quantised"),
    "no flow": lambda: test_beyond.test_what_is_no_flow_is_not_taken_for_one("NeverBelowOneSoft"),
    "not finite": test_beyond.test_a_loss_that_is_not_finite_is_said_to_be_so,
    "masses": test_beyond.test_masses_sum_to_one,
    "eval": _eval_is_seen,
}

BUGS: dict[str, Bug] = {
    "each check has the whole share": Seeded(session.Session, "share", " / len(STATISTICAL)", "", "shares"),
    "each score has the whole share": Seeded(
        noise,
        "compared",
        "session.share / sum(one.means.numel() for one in found)",
        "session.share",
        "noise is divided",
    ),
    "each slope has the whole share": Seeded(
        gradient, "_means", "session.share / (2 * tests)", "session.share", "gradient is divided"
    ),
    "Bernstein's variance is divided by 10": Seeded(
        scores, "bernstein", "2 * level / n)", "0.2 * level / n)", "false alarms"
    ),
    "P2 has a mean": Seeded(scores, "legendre", "(3 * t**2 - 1)", "(3 * t**2 - 0.9)", "orthonormal"),
    "what is not finite scores nothing": Seeded(
        scores, "legendre", "torch.ones_like(t)", "torch.zeros_like(t)", "orthonormal"
    ),
    "more is said to be detectable": Seeded(
        scores, "smallest_variance", "return high - 1", "return (high - 1) / 4", "detectable"
    ),
    "data are not compared": Seeded(scores, "_products", '(1, "data"), ', "", "copied"),
    "thresholds of the noise times 10": Seeded(
        noise.Compared, "agrees", "<= self.limit", "<= 10 * self.limit", "variance"
    ),
    "exact gradients are far apart": Seeded(
        gradient, "check_gradient", "largest <= limit", "largest <= 1e8 * limit", "deviation cut"
    ),
    "Student's threshold times 100": Seeded(
        gradient, "_means", "if one > limit", "if one > 100 * limit", "deviation cut"
    ),
    "the KL lacks d / 2": Seeded(
        reading_divergence, "_patterns", "(pattern, d * law.constant", "(pattern, 0.0", "exact"
    ),
    "a Gaussian lacks 2": Seeded(
        reading.Reader, "likelihood", "2 * math.pi * variance", "math.pi * variance", "exact"
    ),
    "a reward is a divergence": Seeded(reading.Reader, "_slip", "part.weight < 0", "False", "sign"),
    "a missing divergence is overlooked": Seeded(
        reading.Reader, "_slip", " or part.weight == 0.0", " and False", "no divergence"
    ),
    "the sampler is not asked": Seeded(
        reading.Reader, "_slip", "self.sampler is not None", "False", "two readings"
    ),
    "weights of the KL are not compared": Seeded(
        reading_divergence, "_against", "if not same(", "if False and not same(", "log variance"
    ),
    "reductions that differ are not tried": Seeded(
        detector.Detector, "_mixed", "*itertools.permutations(self.reductions, 2), ", "", "reductions"
    ),
    "a sum for each datum is not looked for": Seeded(
        detector.Detector, "_times", "ndim == 0", "ndim == 9", "once for each"
    ),
    "the largest residual times 10000": Seeded(
        detector.Detector,
        "recognise",
        "found.fit.residual <= self.close",
        "found.fit.residual <= 1e4 * self.close",
        "small term",
    ),
    "a declared spread is not compared": Seeded(
        formulas, "_other_likelihood", "<= 1e-5", "<= 1e5", "declared"
    ),
    "bits are nats": Seeded(formulas, "_fault", "(D * math.log(2))", "D", "bits"),
    "the bound lacks log K": Seeded(combinations, "_bound", "math.log(losses.shape[1]) - ", "0.0 - ", "iwae"),
    "log K is a free constant": Seeded(
        samples_words, "_slip", "if any(same(", "if False and any(same(", "log K"
    ),
    "axes are one": Seeded(combinations, "_along", "movedim(1 + axis, -1)", "movedim(-1, -1)", "axes"),
    "axes are not learnt": Seeded(learning, "_count_samples", "lead.count(count) == 1", "False", "axes"),
    "the noise has no variance": Seeded(
        reading_drawn, "_means", 'd * weights.get("r^2", 0.0)', "0.0", "partly drawn"
    ),
    "the noise is of one latent": Seeded(
        reading_drawn, "_means", "d * weights.get", "weights.get", "partly drawn"
    ),
    "slips count for nothing": Seeded(reading_drawn, "in_the_mean", "in SLIPS):", "in ()):", "a slip beside"),
    "one reduction is enough": Seeded(
        reading_drawn, "in_the_mean", "len(hows) != 1", "len(hows) == 0", "a sum beside"
    ),
    "any evidence is the right one": Seeded(evidence, "_judged", "low <= 1 <= high", "True", "evidence"),
    "a closed form is a density": Seeded(
        evidence, "_drawn", "return any(", "return True or any(", "closed form"
    ),
    "another law is accused": Seeded(
        noise, "_of_unknown_law", "session.found is None and", "False and", "other law"
    ),
    "no slope in s is a flow": Seeded(
        session.Session, "_find_flow", "bool(found[0][0].any())", "True", "no slope in s"
    ),
    "z is no function of the draw": Seeded(
        session.Session, "_ends_alike", "return _same(", "return True or _same(", "no flow"
    ),
    "what is not finite moves": Seeded(
        stateful, "check_state", "if not all(", "if False and not all(", "not finite"
    ),
    "zeros are added": Seeded(masses, "with_zeros", "log_mass - softplus(logits)", "log_mass", "masses"),
    "the coefficient is lost": Seeded(
        masses, "log_negative_binomial", " - torch.lgamma(total)", "", "masses"
    ),
    "a bin has no width": Seeded(masses, "log_bin", "low + width - centre", "low - centre", "masses"),
    "eval is as train": Seeded(stateful, "check_mode", "drawn and not in_eval", "False", "eval"),
}


test_each_test_passes, test_each_bug_is_caught, test_no_test_is_idle = falsification(TESTS, BUGS)
