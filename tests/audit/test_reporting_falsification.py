"""Bugs seeded into what reports say: numbers reported, files, taps. Each is caught by a named test."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import torch

from elboproof.audit import junit, learning, place, quantities, replay, reporting, sarif, state, text
from elboproof.audit.report import Report
from elboproof.audit.reporting import Match
from tests.audit import test_compiled, test_renderers, test_reporting
from tests.audit.small import Small, audited, with_methods
from tests.seeding import CAUGHT, Bug, Check, Seeded, falsification, patched

pytestmark = pytest.mark.slow


@functools.cache
def _reports() -> list[Report]:
    strange = with_methods(fit=test_renderers._fourth)
    cut = with_methods(sample=lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach())
    broken = with_methods(fit=test_renderers._broken)
    return [
        audited(Small()),
        audited(cut, name="cut"),
        audited(strange, name="fourth"),
        audited(broken, name="broken"),
    ]


def _of_reports(check: Callable[[list[Report]], None]) -> Check:
    return lambda: check(_reports())


def _right(name: str) -> Check:
    return lambda: test_reporting.test_right_numbers_pass(name)


def _wrong(name: str) -> Check:
    return lambda: test_reporting.test_slips_are_named(name)


def _places() -> None:
    with tempfile.TemporaryDirectory() as folder:
        test_renderers.test_sarif_says_where_the_loss_stands([audited(Small(), "state")], Path(folder))


TESTS: dict[str, Check] = {
    "iwae": _right("iwae"),
    "elbo": _right("elbo of several samples"),
    "sum": _right("sum over the batch"),
    "one by one": _right("one by one"),
    "bits": _right("bits"),
    "closed form": test_reporting.test_a_number_without_samples,
    "sign": _wrong("the sign"),
    "plain": _wrong("the plain bound"),
    "chunks": _wrong("chunks"),
    "2 pi": _wrong("2 pi"),
    "counted": test_reporting.test_samples_that_are_not_drawn_are_counted,
    "not accused": test_reporting.test_what_is_not_known_is_not_accused,
    "scale": test_reporting.test_the_likelihood_is_that_of_the_loss,
    "junit": _of_reports(test_renderers.test_junit_has_a_case_for_each_check),
    "strict junit": _of_reports(test_renderers.test_in_junit_what_could_not_tell_fails_if_strict),
    "sarif": _of_reports(test_renderers.test_sarif_validates),
    "fingerprints": _of_reports(test_renderers.test_sarifs_fingerprints_stay_while_numbers_change),
    "places": _places,
    "terminal": _of_reports(test_renderers.test_a_terminal_shows_it_in_80_columns),
    "compiled": lambda: test_compiled.test_compiled_losses_are_audited_as_they_are_written(True),
    "in place": lambda: test_compiled.test_data_that_the_loss_changes_in_place_are_kept(torch.int64),
}


def _without_fault(said: object, found: Match) -> None:
    return None


BUGS: dict[str, Bug] = {
    "the mean weight is a sum": Seeded(quantities, "_mean_exp", " - math.log(values.shape[1])", "", "iwae"),
    "the prior lacks its constant": Seeded(
        quantities, "logs", "(-(drawn.z**2) / 2 - half)", "(-(drawn.z**2) / 2)", ("iwae", "elbo")
    ),
    "q has the deviation for its variance": Seeded(
        quantities, "logs", "parameter.variance(drawn.s)", "parameter.variance(drawn.s).sqrt()", "iwae"
    ),
    "the KL lacks its 1": Seeded(quantities, "logs", "variance - 1 -", "variance -", "closed form"),
    "the likelihood lacks its constant": Seeded(
        quantities, "_log_likelihood", "-total - law.constant", "-total", "iwae"
    ),
    "the scale of the loss is forgotten": Seeded(
        reporting, "_law", "found.likelihood, formula.scale", "found.likelihood, 1.0", "scale"
    ),
    "chunks are summed": Seeded(quantities, "_of_chunks", ".sum(0) / there.sum(0)", ".sum(0)", "chunks"),
    "constants are free": Seeded(reporting, "_match", "(False, True)", "(True,)", "iwae"),
    "anything is near": Seeded(reporting, "_match", "error <= close", "error <= 1e9 * close", "not accused"),
    "a sum is a mean": Seeded(reporting, "_apart", 'len(q) if how == "sum" else 1', "1", "sum"),
    "a bit is log 2 nats": Seeded(reporting, "units", "1 / math.log(2)", "math.log(2)", "bits"),
    "nothing is at fault": patched(
        (reporting, "_fault", _without_fault), by=("sign", "plain", "2 pi", "chunks")
    ),
    "the sign is not looked at": Seeded(reporting, "_fault", "found.sign != (", "0 * (", "sign"),
    "samples are not counted": Seeded(
        reporting, "_missing", "one.asked not in", "False and one.asked not in", "counted"
    ),
    "data are told apart by their order": Seeded(
        replay, "_data", "if bool(same.any(1).all()):", "if False:", "one by one"
    ),
    "unknown is a failure": patched(
        (junit, "ELEMENTS", {**junit.ELEMENTS, "unknown": "failure"}), by="junit"
    ),
    "strict is forgotten": Seeded(junit, "_element", "strict and", "False and", "strict junit"),
    "what passed has a level": Seeded(sarif, "_result", 'else "none"', 'else "error"', "sarif"),
    "what could not run is a success": Seeded(
        sarif, "sarif", '"executionSuccessful": not broken', '"executionSuccessful": True', "sarif"
    ),
    "fingerprints hold the sentence": Seeded(
        sarif, "_fingerprint", "one.outcome]", "one.outcome, str(one.seconds)]", "fingerprints"
    ),
    "the place ends a line early": Seeded(
        place, "place_of", "+ len(lines) - 1)", "+ len(lines) - 2)", "places"
    ),
    "what fails is brief": Seeded(
        text, "_brief", 'one.outcome == "ok" and ', 'one.outcome != "ok" and ', "terminal"
    ),
    "graphs are compiled for stubs": Seeded(
        state, "as_written", 'set_stance("force_eager")', 'set_stance("default")', "compiled"
    ),
    "data are not copied": Seeded(learning, "typed", ").clone()", ")", "in place"),
}

test_each_test_passes, test_each_bug_is_caught, test_no_test_is_idle = falsification(
    TESTS, BUGS, (*CAUGHT, jsonschema.ValidationError)
)
