"""Bugs seeded into what reads the law of the noise, and into what finds the heads. Each is caught by a named test."""

import pytest

from elboproof.audit import (
    UsageError,
    heads,
    laws,
    learning,
    noise,
    reading_divergence,
    reading_law,
    reporting,
)
from tests.audit import test_heads, test_laws
from tests.seeding import CAUGHT, Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _bound(law: laws.NoiseLaw, form: str) -> Check:
    return lambda: test_laws.test_a_correct_bound_of_another_q_passes_the_strongest_claim(law, form)


def _width(form: str) -> Check:
    return lambda: test_laws.test_noise_of_another_width_passes_too(laws.NORMAL, form)


def _heads(model: type[test_heads.SamplesInside]) -> Check:
    return lambda: test_heads.test_the_heads_are_found_and_the_draw_stays_the_users(model, 0.5)


TESTS: dict[str, Check] = {
    "entropy": _bound(laws.LAPLACE, "entropy"),
    "closed form": _bound(laws.LAPLACE, "closed form"),
    "logistic": _bound(laws.LOGISTIC, "entropy"),
    "width": _width("entropy"),
    "width of a closed form": _width("closed form"),
    "drawn": test_laws.test_a_laplace_density_at_the_draw_is_exact,
    "gaussian": test_laws.test_the_entropy_of_a_gaussian_means_a_gaussian,
    "no law": test_laws.test_noise_of_no_law_known_is_not_accused_beside_an_entropy,
    "one draw": test_laws.test_one_draw_for_all_is_wrong_under_any_law,
    "contradicted": test_laws.test_weights_of_a_kl_that_the_noise_contradicts_are_none,
    "too near": test_laws.test_a_width_too_near_to_one_is_not_told_from_it,
    "reported": test_laws.test_a_reported_number_of_another_q_is_not_judged_by_a_gaussian,
    "triple": _heads(test_heads.Three),
    "one head": _heads(test_heads.OneHead),
    "asked": lambda: test_heads.test_what_is_not_found_is_asked_for(test_heads.Inline),
}

BUGS: dict[str, Bug] = {
    "each law has the normal entropy": Seeded(
        laws.NoiseLaw, "constant", "self.entropy", "1.4189385332", "entropy"
    ),
    "each law has variance 1": Seeded(
        reading_divergence, "_patterns", "law.variance / 2", "0.5", "closed form"
    ),
    "a width changes no entropy": Seeded(
        laws.NoiseLaw, "scaled", "entropy=self.entropy + math.log(width)", "entropy=self.entropy", "width"
    ),
    "a width is its own square": Seeded(
        laws.NoiseLaw, "scaled", "width**2 *", "width *", "width of a closed form"
    ),
    "noise is compared with a normal law": Seeded(
        noise, "check_noise", "session.law or NORMAL", "NORMAL", ("entropy", "drawn")
    ),
    "any noise is of a law": Seeded(
        reading_law, "_agrees", "compared(session, found.parameter, law).agrees", "True", "contradicted"
    ),
    "what cannot be told is taken": Seeded(
        reading_law, "_by_weights", "if law.name.startswith", "if False and law.name.startswith", "too near"
    ),
    "what has no law is normal": Seeded(
        reading_law, "_by_constant", "session.law = None", "return plain", "no law"
    ),
    "another width comes first": Seeded(
        reading_law, "_of_widths", "one.width != 1.0", "one.width == 1.0", "logistic"
    ),
    "an entropy is any": Seeded(reading_law, "read_with_law", "_off(reader, plain)", "True", "gaussian"),
    "copies are overlooked": Seeded(noise, "_copied", "<= SAME", "< 0", "one draw"),
    "each q is a Gaussian in reports": Seeded(
        reporting, "_parameter", "session.law is NORMAL", "True", "reported"
    ),
    "what moves z is a head": Seeded(heads, "_of_part", "> limit:", "> 1e9:", "asked"),
    "no slope is one": Seeded(heads, "_of_part", "(plain - 1)", "(plain - 2)", "triple"),
    "z is halved": Seeded(learning, "_require_no_draw", "torch.equal(out.detach(), z)", "False", "one head"),
}

test_each_test_passes, test_each_bug_is_caught, test_no_test_is_idle = falsification(
    TESTS, BUGS, (*CAUGHT, UsageError)
)
