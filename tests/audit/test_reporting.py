"""REPORT: evaluation numbers of all kinds, on real networks, against the bounds of their own draws."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from elboproof.audit import Reported, audit
from elboproof.audit.quantities import QUANTITIES
from elboproof.audit.reporting import check_report
from elboproof.audit.result import Result
from tests.audit.small import LATENTS, LOG_2PI, PIXELS, Drawn, Small, Weighted, adapter_of, data, with_methods

NAT = PIXELS * math.log(2)


class Deep(Small):
    """Networks that bend, in train() with dropout: what is reported runs in eval()."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(PIXELS, 8), nn.Tanh(), nn.Linear(8, 2 * LATENTS))  # type: ignore[assignment]
        self.decoder = nn.Sequential(nn.Linear(LATENTS, 8), nn.Tanh(), nn.Linear(8, PIXELS))  # type: ignore[assignment]


def log_weights(model: Small, x: Tensor, n: int) -> Tensor:
    """Return log p(x, z) - log q(z), (n, B): samples first, in one call of the decoder."""
    mean, s = model.encode(x)
    noise = torch.randn(n, *mean.shape, dtype=mean.dtype)
    z = mean + noise * (s / 2).exp()
    prior, posterior = -(z**2) / 2, -(noise**2 + s) / 2  # what both lack is the same
    return (prior - posterior).sum(-1) - model.fit(x, model.decode(z))


def bound(model: Small, x: Tensor, n: int) -> Tensor:
    """Return the importance-weighted bound of each datum."""
    return log_weights(model, x, n).logsumexp(0) - math.log(n)


def one_by_one(model: Small, x: Tensor, n: int, chunk: int = 4) -> float:
    """Return minus the mean bound, datum after datum and some samples at a time, as libraries do."""
    total = 0.0
    for row in x:
        kept, left = [], n
        while left:
            count = min(chunk, left)
            repeated = row[None].repeat(count, 1)
            kept.append(log_weights(model, repeated, 1)[0])
            left -= count
        total -= float(torch.cat(kept).detach().logsumexp(0) - math.log(n))
    return total / len(x)


def reported(function: Callable[..., Any], claim: str, model: Small | None = None, **words: Any) -> Result:
    """Return what the check says of a function of a model, the data and a number of samples."""
    chosen = Deep() if model is None else model
    words.setdefault("samples", (5, 7))
    said = Reported(lambda *given: function(chosen, *given), claim, **words)
    return audit(adapter_of(chosen, report=said), checks=["report"], draws=60)["report"]


RIGHT: dict[str, tuple[Callable[..., Any], str]] = {
    "iwae": (bound, "iwae"),
    "sum over the batch": (lambda m, x, n: -bound(m, x, n).sum(), "-iwae"),
    "one by one": (one_by_one, "-iwae"),
    "elbo of several samples": (lambda m, x, n: log_weights(m, x, n).mean(), "elbo"),
    "bits": (lambda m, x, n: -bound(m, x, n).mean() / NAT, "bits/dim"),
    "bits of an elbo": (lambda m, x, n: -log_weights(m, x, n).mean() / NAT, "bits/dim"),
    "in eval, without a graph": (lambda m, x, n: float(bound(m.eval(), x, n).detach().mean()), "iwae"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_numbers_pass(name: str) -> None:
    found = reported(*RIGHT[name])
    assert found.outcome == "ok", found.statement
    assert "samples: 5, 7" in found.statement


WRONG: dict[str, tuple[Callable[..., Any], str, str]] = {
    "log K": (lambda m, x, n: -log_weights(m, x, n).logsumexp(0).mean(), "-iwae", "M43"),
    "the plain bound": (lambda m, x, n: -log_weights(m, x, n).mean(), "-iwae", "M44"),
    "the largest weight": (lambda m, x, n: -log_weights(m, x, n).amax(0).mean(), "-iwae", "M47"),
    "of the losses": (
        lambda m, x, n: (-log_weights(m, x, n)).logsumexp(0).mean() - math.log(n),
        "-iwae",
        "M50",
    ),
    "no log 2": (lambda m, x, n: -bound(m, x, n).mean() / PIXELS, "bits/dim", "M51"),
    "no D": (lambda m, x, n: -bound(m, x, n).mean() / math.log(2), "bits/dim", "M51"),
    "nats": (lambda m, x, n: -bound(m, x, n).mean(), "bits/dim", "M51"),
    "the sign": (lambda m, x, n: bound(m, x, n).mean(), "-iwae", "other sign"),
    "2 pi": (lambda m, x, n: bound(m, x, n).mean() + PIXELS / 2 * LOG_2PI, "iwae", "M38"),
    "chunks": (lambda m, x, n: (bound(m, x, n - 2) + bound(m, x, 2)).mean() / 2, "iwae", "all chunks"),
}


@pytest.mark.parametrize("name", WRONG)
def test_slips_are_named(name: str) -> None:
    function, claim, words = WRONG[name]
    found = reported(function, claim)
    assert found.outcome == "fails", found.statement
    assert words in found.statement + " ".join(found.hints)


def test_the_constant_is_said_in_nats_per_datum() -> None:
    found = reported(*WRONG["2 pi"][:2])
    assert f"{PIXELS / 2 * LOG_2PI:+.6g} nats per datum" in found.statement


def test_samples_that_are_not_drawn_are_counted() -> None:
    def short(model: Small, x: Tensor, n: int) -> Tensor:
        return bound(model, x, n // 4 * 4)

    found = reported(short, "iwae")
    assert found.outcome == "fails"
    assert "(of 5 samples asked for, 4 are drawn)" in found.statement
    both = reported(short, "-iwae")
    assert "(claimed: -iwae; it has the other sign; of 5 samples asked for, 4 are drawn)" in both.statement
    assert len(both.hints) == 2
    assert reported(short, "iwae", samples=(4, 8)).outcome == "ok"


def test_a_number_without_samples() -> None:
    def elbo(model: Small, x: Tensor) -> Tensor:
        return -model.loss(x)  # type: ignore[no-any-return]

    found = reported(elbo, "elbo", samples=())
    assert found.outcome == "ok", found.statement
    assert "KL in closed form" in found.statement
    drawn = reported(elbo, "elbo", Drawn(), samples=())
    assert drawn.outcome == "ok"
    assert "the ELBO, drawn" in drawn.statement
    assert (
        reported(lambda m, x: m.fit(x, m.decode(m.encode(x)[0])).mean(), "-elbo", samples=()).outcome != "ok"
    )


def test_the_likelihood_is_that_of_the_loss() -> None:
    """A loss of weight 0.1 / 2 beside a KL of weight 0.1 is that of variance 1, and so is what is reported."""
    squares = with_methods(fit=lambda self, x, out: ((x - out) ** 2).sum(-1) / 2)
    squares.total = lambda fit, rate: 0.1 * (fit + rate).mean()  # type: ignore[method-assign]

    def proper(model: Small, x: Tensor, n: int) -> Tensor:
        return bound(model, x, n) - PIXELS / 2 * LOG_2PI

    assert reported(proper, "iwae", squares).outcome == "ok"
    assert reported(bound, "iwae", squares).outcome == "fails"
    found = reported(bound, "iwae", Weighted())
    assert found.outcome == "ok", found.statement


def test_what_is_not_known_is_not_accused() -> None:
    def other(model: Small, x: Tensor, n: int) -> Tensor:
        return bound(model, x, n) - (model.encode(x)[0] ** 4).sum(-1)

    assert reported(other, "iwae").outcome == "unknown"
    assert reported(lambda m, x, n: x.mean(), "iwae").outcome == "unknown"
    fourth = with_methods(fit=lambda self, x, out: ((x - out) ** 4).sum(-1))
    assert "no likelihood" in reported(bound, "iwae", fourth).statement


def test_few_data_or_equal_ones_are_no_reason_to_accuse() -> None:
    model = Deep()
    said = Reported(lambda x, n: bound(model, x, n).mean(), "iwae", (5, 7))
    repeated = data("binary", 40)[torch.arange(80) // 2]  # each twice, and some by chance
    for x, outcome in ((data()[:2], "unknown"), (data()[:3], "ok"), (repeated, "ok")):
        found = audit(replace(adapter_of(model, report=said), data=x), checks=["report"])["report"]
        assert found.outcome == outcome, found.statement


def test_nothing_is_reported_where_nothing_is_handed_over() -> None:
    found = audit(adapter_of(Small()), checks=["report"], draws=60)["report"]
    assert (found.outcome, found.n) == ("ok", 0)


def test_quantities_are_told_apart() -> None:
    """On one set of log weights no two of them agree, up to the unit: else a slip would pass for a bound."""
    from elboproof.audit.quantities import Logs

    generator = torch.Generator().manual_seed(0)
    one, two, three = (torch.randn(4, 6, generator=generator, dtype=torch.float64) for _ in range(3))
    chunk = torch.tensor([0, 0, 0, 0, 1, 1]).expand(4, 6)
    found = Logs(one, two, three, torch.rand(4, generator=generator, dtype=torch.float64), chunk)
    values = torch.stack([quantity.value(found) for quantity in QUANTITIES])
    distance = (values[:, None] - values[None]).abs().amax(-1) + torch.eye(len(QUANTITIES))
    assert float(distance.min()) > 1e-3


def test_wrong_declarations_are_refused() -> None:
    with pytest.raises(TypeError, match="function: got 3"):
        Reported(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="claim: got 'nll'"):
        Reported(print, "nll")
    with pytest.raises(ValueError, match="samples: got 0"):
        Reported(print, samples=(0,))
    with pytest.raises(TypeError, match="report: got"):
        adapter_of(Small(), report=print)
    assert check_report.__doc__
