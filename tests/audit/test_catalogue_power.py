"""The audit flags the catalogue's bugs, accuses no control, and finds the conventions of public code."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.audit import audited, power
from benchmarks.audit.catalogue import CONTROLS, CONVENTIONS, MUTANTS, by_label
from benchmarks.audit.conventions import FOUND
from benchmarks.audit.words import MISSED, NOT_RECOGNISED, paragraph

QUICK = {"N04", "N08", "odd-2", "odd-3", "M01", "M02", "M05", "M12", "M16", "M23", "M35", "M37", "M43", "M44"}
"""One for each check, claim and declaration; the others are slow."""
QUICK_CONTROLS = {
    "compiled",
    "categorical code",
    "capacity",
    "importance weighted",
    "two heads",
    "sticking the landing",
    "elboproof elbo",
    "free bits",
}
QUICK_CONVENTIONS = {
    "PyTorch-VAE VanillaVAE, training",
    "lightning-bolts VAE",
    "world-models",
    "sigma-vae sigma",
    "disentangling-vae betaB",
}


def slow_but(quick: set[str], names: Iterable[str]) -> list[object]:
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("label", slow_but(QUICK, sorted(MUTANTS)))
def test_a_bug_is_flagged_as_its_entry_says(label: str) -> None:
    bug = power.tried(MUTANTS[label])
    if label in MISSED or label in NOT_RECOGNISED:
        assert not bug.declared.flagged
        assert bug.strict == (label in NOT_RECOGNISED)
        return
    shown = {"fails": bug.alone, "named": bug.claimed, "declared": bug.declared}
    assert shown[bug.entry.shown].flagged
    assert bug.alone.flagged == (bug.entry.shown == "fails")
    assert set(bug.declared.failed) <= set(bug.entry.seen)
    assert any(re.search(r"\bM\d\d\b|unknown", hint) for hint in bug.declared.hints)


@pytest.mark.parametrize("name", slow_but(QUICK_CONTROLS, sorted(CONTROLS)))
def test_no_control_is_accused(name: str) -> None:
    (one,) = power.alarms([name], seeds=1)
    assert one.failed == ()


@pytest.mark.parametrize("name", slow_but(QUICK_CONVENTIONS, sorted(CONVENTIONS)))
def test_a_convention_is_found_with_its_variance_and_constant(name: str) -> None:
    assert power.reproduced(CONVENTIONS[name], audited.run(CONVENTIONS[name].model))


def test_another_variance_or_constant_is_no_reproduction() -> None:
    entry = CONVENTIONS["pythae VAE, mse"]
    assert power.reproduced(entry, audited.run(entry.model))
    other = CONVENTIONS["disentangling-vae Gaussian"]
    assert not power.reproduced(entry, audited.run(other.model))
    assert not power.reproduced(entry, audited.run(CONVENTIONS["ethanluoyc pytorch-vae"].model))


@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_convention_has_the_numbers_found_in_the_public_code(name: str) -> None:
    _, pixels, latents, variance, omitted = FOUND[name]
    entry = CONVENTIONS[name]
    assert entry.variance(pixels, latents) == pytest.approx(variance, rel=1e-5)
    if omitted is not None:
        assert entry.omitted(pixels, latents) == pytest.approx(
            omitted, abs=0.5 if abs(omitted) > 100 else 0.01
        )


def test_the_labels_are_those_on_record() -> None:
    labels = [entry.label for entry in by_label(MUTANTS.values())]
    newer = [f"N{number:02}" for number in range(1, 10)]
    assert labels == [f"M{number:02}" for number in range(1, 53)] + newer + ["odd-1", "odd-2", "odd-3"]
    assert set(NOT_RECOGNISED) | set(MISSED) <= set(labels)


def test_the_documents_say_which_bugs_fail_and_under_what() -> None:
    text = (Path(__file__).parents[2] / "docs/audit.md").read_text(encoding="utf-8")
    assert f"\n{paragraph()}\n" in text
    assert "48 of 51" in text
    assert sum(power.gaussian(one) and one.shown != "declared" for one in MUTANTS.values()) == 48


def test_the_power_is_counted_on_51() -> None:
    others = {label for label, entry in MUTANTS.items() if not power.gaussian(entry)}
    assert others == {"M29", "M31", "M41", "M52"} | {label for label in MUTANTS if label[0] == "N"}
    assert len(MUTANTS) - len(others) == 51
    assert len(CONTROLS) >= 12


def test_a_source_is_a_public_thread() -> None:
    sources = [entry.source for entry in MUTANTS.values() if entry.source]
    pattern = r"github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+"
    assert all(re.fullmatch(pattern, source) for source in sources)
    assert len(set(sources)) == len(sources) > 20
