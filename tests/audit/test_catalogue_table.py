"""The table of the power says what was found, misses and false alarms in bold."""

from dataclasses import replace

import pytest
import torch

from benchmarks.audit import entries, power
from benchmarks.audit.audited import Outcome
from benchmarks.audit.catalogue import CONTROLS, CONVENTIONS, MUTANTS
from benchmarks.audit.instances import build, data
from benchmarks.audit.vae import Gaussian

PASSED = Outcome("passed", (), (), "EXACT", "", 0.25, 1.0, 1.0, 0.0, 1.0)
FAILED = replace(PASSED, status="failed", failed=("noise",))
UNKNOWN = replace(PASSED, status="unknown", unknown=("formula",), kind="NOT RECOGNISED")


def test_a_bug_is_said_to_be_missed_or_by_whom_it_is_flagged() -> None:
    entry = MUTANTS["M02"]
    assert power.bug_row(power.Tried(entry, PASSED, PASSED, PASSED))[2:4] == ("passed", "**missed**")
    assert power.bug_row(power.Tried(entry, FAILED, FAILED, FAILED))[2:4] == ("fails", "noise")
    assert power.bug_row(power.Tried(entry, PASSED, FAILED, FAILED))[3] == "noise (claim -elbo)"
    assert power.bug_row(power.Tried(entry, PASSED, PASSED, FAILED))[3] == "noise (variance declared)"


def test_the_counts_are_those_of_the_rows() -> None:
    bugs = [
        power.Tried(MUTANTS["M02"], FAILED, FAILED, FAILED),
        power.Tried(MUTANTS["M16"], PASSED, FAILED, FAILED),
        power.Tried(MUTANTS["odd-1"], UNKNOWN, UNKNOWN, UNKNOWN),
        power.Tried(MUTANTS["M29"], PASSED, PASSED, PASSED),
    ]
    alarm = power.Alarm("gaussian", CONTROLS["gaussian"], 5, ("noise", "noise"), FAILED)
    text = power.summary(bugs, [alarm], {"pythae VAE, mse": PASSED}, 3.0)
    reached = [line.split(" | ")[-1].removesuffix(" |") for line in text.splitlines()[2:7]]
    assert reached == ["1 of 3", "2 of 3", "2 of 3", "3 of 3", "0 of 1"]
    assert "2 of 5 audits of 1 controls" in text
    assert "| conventions of public code reproduced | all | 0 of 1 |" in text


def test_an_alarm_stands_in_bold() -> None:
    alarm = power.Alarm("gaussian", CONTROLS["gaussian"], 5, ("noise", "noise"), FAILED)
    assert power.control_row(alarm)[2] == "**fails** noise"
    assert power.control_row(replace(alarm, failed=(), outcome=PASSED))[2] == "passed"


def test_a_convention_needs_its_verdict_its_variance_and_its_constant() -> None:
    entry = CONVENTIONS["pythae VAE, mse"]
    right = replace(PASSED, kind="UP TO A CONSTANT", variance=1.0, omitted=entry.omitted(7, 2))
    assert power.reproduced(entry, right)
    assert not power.reproduced(entry, replace(right, kind="EXACT"))
    assert not power.reproduced(entry, replace(right, variance=1.0 + 2e-6))
    assert not power.reproduced(entry, replace(right, omitted=entry.omitted(7, 2) + 0.02))


def test_a_name_is_entered_once() -> None:
    with pytest.raises(
        ValueError, match="name: got 'gaussian' a second time; expected one entry of each name"
    ):
        entries.control("gaussian")(Gaussian)


def test_instances_follow_their_seed_and_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (build(Gaussian, seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.decoder.weight, same.decoder.weight)
    assert not torch.equal(one.decoder.weight, other.decoder.weight)
    assert torch.equal(data(Gaussian, 3), data(Gaussian, 3))


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_data_lie_in_their_support(name: str) -> None:
    x = data(CONTROLS[name].model)
    inside = {
        "real": (x < 0).any(),
        "binary": ((x == 0) | (x == 1)).all() and 0 < x.mean() < 1,
        "unit": ((x > 0) & (x < 1)).all(),
        "count": ((x == x.round()) & (x >= 0)).all() and x.max() > 1,
    }
    assert inside[CONTROLS[name].model.support]
