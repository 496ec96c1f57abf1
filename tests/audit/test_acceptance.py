"""What an audit must never do, at length: accuse what is right, recognise what it does not know, trust few draws."""

import ast
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.audit import power
from benchmarks.audit.catalogue import CONTROLS
from elboproof.audit import evidence
from elboproof.audit.noise import compared
from elboproof.audit.parameters import named
from elboproof.audit.result import result
from elboproof.audit.session import Session
from tests.audit.plugin import ROOT
from tests.audit.small import Drawn, Small, audited, with_methods
from tests.audit.test_samples_and_flows import Odd

TEXT = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (A\d+) \| .* \| (.*) \|$", TEXT, flags=re.MULTILINE)


def test_each_row_of_the_table_names_tests_that_there_are() -> None:
    assert [name for name, _ in ROWS] == [f"A{n}" for n in range(1, 13)]
    for _, cell in ROWS:
        found = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        assert found, cell
        for file, name in found:
            tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
            assert name in {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}, name


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_no_control_is_accused_at_twenty_seeds(name: str) -> None:
    (one,) = power.alarms([name], seeds=20)
    assert one.failed == ()


def test_twenty_seeds_of_each_control_are_six_hundred_audits() -> None:
    assert 20 * len(CONTROLS) >= 600


@pytest.mark.parametrize("runs", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_the_noise_check_at_5_percent_has_no_more_false_alarms(runs: int) -> None:
    """The check's own comparison, of the noise of calls that are right: T = 40, B = 29, d = 2."""
    generator = torch.Generator().manual_seed(5)
    nothing: Any = None
    alarms = 0
    for _ in range(runs):
        one = Session(nothing, nothing, nothing, 1e-8, 3 * 0.05, 40)  # a third of alpha is this check's
        one.noise["log variance"] = torch.randn(40, 29, 1, 2, generator=generator, dtype=torch.float64)
        law = one.law
        assert law is not None
        alarms += not compared(one, named("log variance"), law).agrees
    assert alarms <= 0.06 * runs


def test_evidence_of_few_effective_draws_is_inconclusive() -> None:
    weights = np.exp(np.linspace(0.0, 60.0, 800))  # the last few count
    few = evidence._interval(weights, 1e-7)
    assert few.effective < evidence.LEAST_EFFECTIVE
    assert (few.low, few.high) == (-math.inf, math.inf)
    many = evidence._interval(np.ones(800) + np.linspace(-0.1, 0.1, 800), 1e-7)
    found = evidence._judged(None, [many, few, many])  # type: ignore[arg-type]
    assert found.outcome == "unknown"
    assert found.statement.startswith("inconclusive: only")


class Narrow(Odd):
    """A right density of draws a hundred times narrower than mean and s say: hardly any weight counts."""

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        eps = torch.randn_like(mean)
        z = mean + 0.01 * (s / 2).exp() * (eps + eps**3 / 9)
        log_q = (-(eps**2) / 2 - s / 2 - math.log(2 * math.pi) / 2 - math.log(0.01)).sum(1)
        log_q = log_q - (1 + eps**2 / 3).log().sum(1)
        return self.total(self.fit(x, self.decode(z)), log_q + (z**2 + math.log(2 * math.pi)).sum(1) / 2)


def test_an_audit_of_few_effective_draws_passes_no_evidence() -> None:
    report = audited(Narrow(), "evidence", claim="-elbo")
    assert report["evidence"].outcome == "unknown", str(report)
    assert "inconclusive" in report["evidence"].statement


UNARY: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.sin,
    torch.tanh,
    torch.atan,
    torch.nn.functional.silu,
    lambda t: torch.exp(-(t**2)),
    lambda t: (1 + t**2).log(),
    lambda t: (1 + t**2).sqrt(),
    lambda t: t / (1 + t.abs()),
)
"""Smooth, bounded in growth, and no term of the dictionary."""


def smooth_term(seed: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return a random smooth function (B,) of mean, s and z: f(a m + b s + c z + e) g(...), of all latents."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(len(UNARY), (2,), generator=generator).tolist()
    coefficients = torch.rand(2, 4, generator=generator, dtype=torch.float64) * 1.5 + 0.2
    size = float(10 ** (2 * torch.rand(1, generator=generator) - 1))  # 0.1 to 10

    def term(mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        parts = [
            UNARY[which](a * mean + b * s + c * z + e)
            for which, (a, b, c, e) in zip(kind, coefficients.tolist(), strict=True)
        ]
        value: Tensor = size * (parts[0] * (1 + parts[1])).sum(-1)
        return value

    return term


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=() if n < 10 else pytest.mark.slow) for n in range(200)]
)
def test_a_loss_with_a_random_smooth_term_is_neither_exact_nor_accused(seed: int) -> None:
    base, extra = (Small, Drawn)[seed % 2], smooth_term(seed)
    model = with_methods(base, rate=lambda self, m, s, z: base.rate(self, m, s, z) + extra(m, s, z))
    report = audited(model, "formula", "noise")
    assert report.formula is not None
    assert report.formula.kind == "NOT RECOGNISED", str(report)
    assert report.failed == ()


def test_a_failure_without_a_place_to_look_says_unknown() -> None:
    assert result("state", "fails", "words").hints[0].startswith("unknown")
    assert result("state", "ok", "words").hints == ()
    assert result("state", "fails", "words", hints=("M05: there",)).hints == ("M05: there",)
