"""Far out: clamps, epsilons and other tails are said with the place where they set in, and no guard is accused."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from elboproof.audit import Report
from elboproof.objectives.contract import log_density
from tests.audit.plugin import ROOT
from tests.audit.small import LATENTS, LOG_2PI, PIXELS, Drawn, Small, Weighted, audited, with_methods


class TwoHeads(Small):
    """A decoder of means and log variances, these within two numbers."""

    lowest, highest = -math.inf, math.inf

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(LATENTS, 2 * PIXELS)

    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        mean, s = out.chunk(2, -1)
        s = s.clamp(self.lowest, self.highest)
        return ((x - mean) ** 2 / s.exp() + s + LOG_2PI).sum(-1) / 2


class Clamped(Small):
    """Log variances of q within two numbers, in the sample and in the divergence."""

    lowest, highest = -30.0, 20.0

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, s = self.encoder(x).chunk(2, dim=-1)
        return mean, s

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        s = s.clamp(self.lowest, self.highest)
        z = self.sample(mean, s)
        return self.total(self.fit(x, self.decode(z)), self.rate(mean, s, z))


def _fit(term: Any) -> dict[str, Any]:
    """Return methods of a likelihood that is a sum of a term of (x, output)."""
    return {"fit": lambda self, x, out: term(x, out).sum(-1)}


def _probable(term: Any) -> dict[str, Any]:
    """Return the same, with a sigmoid at the decoder's end."""
    return {**_fit(term), "decode": lambda self, z: torch.sigmoid(self.decoder(z))}


def _rated(term: Any) -> dict[str, Any]:
    """Return the same, with an exponential at the decoder's end."""
    return {**_fit(term), "decode": lambda self, z: torch.exp(self.decoder(z))}


def _total(of: Any) -> dict[str, Any]:
    return {"total": lambda self, fit, rate: of(fit, rate)}


def _logits(x: Tensor, out: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(out, x, reduction="none")


def _entropy(x: Tensor, p: Tensor) -> Tensor:
    return functional.binary_cross_entropy(p, x, reduction="none")


def _with_epsilon(epsilon: float) -> Any:
    return lambda x, p: -(x * (p + epsilon).log() + (1 - x) * (1 - p + epsilon).log())


def _squares(x: Tensor, out: Tensor) -> Tensor:
    return ((x - out) ** 2 + LOG_2PI) / 2


def _by_torch(x: Tensor, mean: Tensor, s: Tensor) -> Tensor:
    return functional.gaussian_nll_loss(mean, x, s.exp(), full=True, reduction="none").sum(-1)


def _bounded(losses: Tensor) -> Tensor:
    return (math.log(4) - losses.logsumexp(0)).mean()


CLAMP, EPSILON = "they count as that (a clamp)", "the loss levels off (an epsilon, or a soft clamp)"
CUT = "it levels off (a clamp)"
GUARDS: dict[str, tuple[type[Small], dict[str, Any], str, str, str]] = {
    "logits": (Small, _fit(lambda x, o: _logits(x, o.clamp(-10, 10))), "binary", "|logits| <= 10", CLAMP),
    "logits on one side": (
        Small,
        _fit(lambda x, o: _logits(x, o.clamp(min=-8))),
        "binary",
        "logits >= -8",
        CLAMP,
    ),
    "probabilities": (
        Small,
        _probable(lambda x, p: _entropy(x, p.clamp(1e-6, 1 - 1e-6))),
        "binary",
        "p and 1 - p >= 1e-06",
        CLAMP,
    ),
    "torch's logarithms": (
        Small,
        _probable(_entropy),
        "binary",
        "p >= 3.72e-44",
        "log p counts as -100 (a guard of torch)",
    ),
    "torch's law": (
        Small,
        _probable(lambda x, p: -log_density(torch.distributions.Bernoulli(probs=p), x)),
        "binary",
        "p >= 2.22e-16",
        "it counts as that (a clamp at the eps of float64, in float32 1.2e-07)",
    ),
    "an epsilon": (Small, _probable(_with_epsilon(1e-9)), "binary", "p and 1 - p >> 1e-09", EPSILON),
    "a small epsilon": (Small, _probable(_with_epsilon(1e-20)), "binary", "p >> 1e-20", EPSILON),
    "an epsilon beside a rate": (
        Small,
        _rated(lambda x, rate: rate - x * (rate + 1e-10).log() + torch.lgamma(x + 1)),
        "binary",
        "rates >> 1e-10",
        EPSILON,
    ),
    "means": (Small, _fit(lambda x, o: _squares(x, o.clamp(-20, 20))), "real", "|outputs| <= 20", CLAMP),
    "residuals": (
        Small,
        _fit(lambda x, o: _squares((x - o).clamp(-25, 25), torch.zeros_like(o))),
        "real",
        "|residuals| <= 25",
        CLAMP,
    ),
    "the decoder's log variances": (
        TwoHeads,
        {"lowest": -7.0, "highest": 6.0},
        "real",
        "the decoder's log variances <= 6",
        CLAMP,
    ),
    "torch's Gaussian": (
        TwoHeads,
        {"fit": lambda self, x, out: _by_torch(x, *out.chunk(2, -1))},
        "real",
        "the decoder's log variances >= -13.82",
        CLAMP,
    ),
    "log variances of q": (Clamped, {}, "real", "log variance of q >= -30", CLAMP),
    "large log variances of q": (Clamped, {"highest": 10.0}, "real", "log variance of q <= 10", CLAMP),
    "a likelihood": (
        Small,
        _total(lambda f, r: (f.clamp_max(1000) + r).mean()),
        "real",
        "the loss of a datum is <= 100",
        CUT,
    ),
    "a loss": (
        Small,
        _total(lambda f, r: (f + r).clamp_max(2e4).mean()),
        "real",
        "the loss of a datum is <= 2e+04 nats",
        CUT,
    ),
    "a loss below zero": (
        Drawn,
        {"variance": 0.02, **_total(lambda f, r: (f + r).relu().mean())},
        "real",
        "the loss of a datum is >= 0 nats",
        CUT,
    ),
    "weights above one": (
        Weighted,
        _total(lambda f, r: _bounded((-f - r).clamp_max(0))),
        "real",
        f"the loss of a datum is >= {math.log(4):.4g} nats",
        CUT,
    ),
}
"""Base, methods, data; where the loss is its formula, and what is said of it beyond."""


QUICK = {
    "logits",
    "torch's logarithms",
    "an epsilon",
    "residuals",
    "log variances of q",
    "a loss",
    "weights above one",
}


def some(table: dict[str, Any], quick: set[str]) -> list[Any]:
    """Return the names of a table, all but some of them slow."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in table]


def heard(name: str, claim: str = "loss") -> Report:
    base, methods, kind, _, _ = GUARDS[name]
    claim = "-iwae" if claim != "loss" and base is Weighted else claim
    return audited(with_methods(base, **methods), "formula", "samples", "extremes", kind=kind, claim=claim)


@pytest.mark.parametrize("name", some(GUARDS, QUICK))
def test_a_guard_is_said_with_its_place_and_is_not_accused(name: str) -> None:
    _, _, _, where, beyond = GUARDS[name]
    report = heard(name, "-elbo")
    assert report.status == "passed", str(report)
    assert report["extremes"].outcome == "note"
    assert where in report["extremes"].statement
    formula = report.formula
    assert formula is not None
    assert formula.kind == "EXACT"
    assert any(one.startswith(where) and one.endswith(f"beyond, {beyond}") for one in formula.within), str(
        report
    )
    assert all(f"; holds where {one}" in formula.sentence for one in formula.within)


def test_both_ends_of_a_clamp_are_said() -> None:
    for name, count in (("the decoder's log variances", 2), ("log variances of q", 2), ("logits", 1)):
        formula = heard(name).formula
        assert formula is not None
        assert len(formula.within) == count


TAILS: dict[str, tuple[Any, str]] = {
    "Huber": (
        lambda x, o: functional.huber_loss(o, x, reduction="none", delta=6.0) + LOG_2PI / 2,
        "|residuals| <= 6: beyond, the loss is another function, and -loss above what the formula says",
    ),
    "smooth absolutes": (
        lambda x, o: 8 * functional.smooth_l1_loss(o, x, reduction="none", beta=8.0) + LOG_2PI / 2,
        "|residuals| <= 8: beyond, the loss is another function, and -loss above what the formula says",
    ),
    "steeper": (
        lambda x, o: _squares(x, o) + ((x - o).abs() - 30).relu() ** 2,
        "|residuals| <= 30: beyond, the loss is another function, and -loss below what the formula says",
    ),
}


@pytest.mark.parametrize("name", some(TAILS, {"Huber"}))
def test_another_tail_is_a_note_of_a_loss_and_fails_as_a_bound(name: str) -> None:
    term, words = TAILS[name]
    model = with_methods(**_fit(term))
    trained = audited(model, "formula", "extremes")
    assert trained.status == "passed", str(trained)
    assert trained["extremes"].outcome == "note"
    assert trained.formula is not None
    assert trained.formula.within == (words,)
    claimed = audited(model, "formula", "extremes", claim="-elbo")
    assert claimed.failed == ("extremes",), str(claimed)
    assert words in claimed["extremes"].statement


def test_a_place_is_measured_to_four_digits() -> None:
    for place in (7.654, 43.21):
        clamped = with_methods(**_fit(lambda x, o, place=place: _logits(x, o.clamp(-place, place))))
        formula = audited(clamped, "formula", kind="binary").formula
        assert formula is not None
        assert any(one.startswith(f"|logits| <= {place}:") for one in formula.within)
        tail = with_methods(
            **_fit(lambda x, o, place=place: functional.huber_loss(o, x, reduction="none", delta=place))
        )
        formula = audited(tail, "formula").formula
        assert formula is not None
        assert any(one.startswith(f"|residuals| <= {place}:") for one in formula.within)


NAIVE = _fit(lambda x, o: -(x * o.sigmoid().log() + (1 - x) * (1 - o.sigmoid()).log()))
SHOWN: dict[str, Any] = {
    "`logits.clamp(-10, 10)`": lambda: heard("logits"),
    "`p.clamp(1e-6, 1 - 1e-6)`": lambda: heard("probabilities"),
    "`log(p + 1e-9)`": lambda: heard("an epsilon"),
    "`gaussian_nll_loss` of `exp(s)`, as torch has it": lambda: heard("torch's Gaussian"),
    "log weights that are at most 0, of 4 samples": lambda: heard("weights above one"),
    "`log(1 - sigmoid(logits))`": lambda: audited(with_methods(**NAIVE), "formula", kind="binary"),
    "`huber_loss(delta=6)`": lambda: audited(with_methods(**_fit(TAILS["Huber"][0])), "formula"),
}
"""By what the document calls them."""


def test_the_document_says_what_is_said() -> None:
    text = (ROOT / "docs/audit.md").read_text(encoding="utf-8").partition("| the loss | what is said |")[2]
    rows = dict(
        re.findall(r"^\| (.*?) \| (holds where .*) \|$", text.replace(r"\|", "!"), flags=re.MULTILINE)
    )
    assert set(rows) == set(SHOWN)
    for name, words in rows.items():
        formula = SHOWN[name]().formula
        assert words.replace("!", "|") in formula.sentence, name


def test_what_is_not_finite_is_told_apart_from_a_clamp() -> None:
    report = audited(with_methods(**NAIVE), "formula", "extremes", kind="binary", claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    # of float64: 1 - sigmoid is zero from here on
    assert report.formula.within == ("logits <= 36.74: beyond, the loss is not finite",)
    ends = _probable(lambda x, p: -(x * p.log() + (1 - x) * (1 - p).log()))
    report = audited(with_methods(**ends), "formula", "extremes", kind="binary", claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert any(one.startswith("0 < p < 1: the loss is not finite") for one in report.formula.within)


def test_a_law_that_raises_far_out_is_not_accused() -> None:
    def term(x: Tensor, o: Tensor) -> Tensor:
        if bool((o.abs() > 50).any()):
            raise ValueError("o: too far out")
        return _logits(x, o)

    report = audited(with_methods(**_fit(term)), "formula", "extremes", kind="binary", claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.within == ("|logits| <= 50: beyond, the loss is not finite",)


def test_noise_of_another_q_far_out_is_a_note() -> None:
    methods = {"sample": lambda self, m, s: m + torch.randn_like(m) * (s.clamp(max=12) / 2).exp()}
    report = audited(with_methods(**methods), "formula", "extremes", claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.within == (
        "log variance of q <= 12: beyond, z is drawn from another q than the one whose KL is taken",
    )


EXACT: dict[str, tuple[type[Small], dict[str, Any], str]] = {
    "squares": (Small, {}, "real"),
    "logits": (Small, _fit(_logits), "binary"),
    "two heads": (TwoHeads, {}, "real"),
    "weights": (Weighted, {}, "real"),
    "rates": (Small, _fit(lambda x, o: o.exp() - x * o + torch.lgamma(x + 1)), "binary"),
    "single precision": (
        Small,
        {"decode": lambda self, z: self.decoder(z).float(), **_fit(lambda x, o: _squares(x.float(), o))},
        "real",
    ),
    "a far constant": (Small, _total(lambda f, r: (f + r + 1e4).mean()), "real"),
}


@pytest.mark.parametrize("name", some(EXACT, {"two heads", "weights", "single precision"}))
def test_what_holds_everywhere_has_no_place(name: str) -> None:
    base, methods, kind = EXACT[name]
    report = audited(with_methods(base, **methods), "formula", "samples", "extremes", kind=kind)
    assert report.status == "passed", str(report)
    assert report["extremes"].outcome == "ok", str(report)
    assert report.formula is not None
    assert report.formula.within == ()


def each(mean: Tensor, s: Tensor) -> Tensor:
    return (mean**2 + s.exp() - 1 - s) / 2


def _at(like: Tensor, *thresholds: float) -> Tensor:
    return torch.tensor(thresholds, dtype=like.dtype)


OF_EACH: dict[str, tuple[dict[str, Any], str]] = {
    "a mean": (
        {"rate": lambda self, m, s, z: each(m, s).mean(0).maximum(_at(m, 0.1, 0.2)).sum()},
        "the mean over the batch of each latent's KL counts at least 1/10, 1/5 nats, a threshold for each",
    ),
    "of one latent alone": (
        {"rate": lambda self, m, s, z: each(m, s).mean(0).maximum(_at(m, 0.0, 0.2)).sum()},
        "the mean over the batch of each latent's KL counts at least 0, 1/5 nats, a threshold for each",
    ),
    "beyond": (
        {"rate": lambda self, m, s, z: (each(m, s).mean(0) - _at(m, 0.1, 0.2)).relu().sum()},
        "the mean over the batch of each latent's KL counts beyond 1/10, 1/5 nats, a threshold for each",
    ),
    "a sum": (
        {"rate": lambda self, m, s, z: each(m, s)}
        | _total(lambda f, r: f.sum() + r.sum(0).maximum(_at(r, 1, 2)).sum()),
        "the sum over the batch of each latent's KL counts at least 1, 2 nats, a threshold for each",
    ),
    "a mean in a sum": (
        {"rate": lambda self, m, s, z: each(m, s)}
        | _total(lambda f, r: f.sum() + len(r) * r.mean(0).maximum(_at(r, 0.1, 0.2)).sum()),
        "the mean over the batch of each latent's KL counts at least 1/10, 1/5 nats, a threshold for each",
    ),
}


@pytest.mark.parametrize("name", some(OF_EACH, {"a mean", "a sum"}))
def test_thresholds_of_a_batch_may_differ_between_latents(name: str) -> None:
    methods, words = OF_EACH[name]
    report = audited(with_methods(**methods), "formula", "gradient", "extremes")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "FREE BITS"
    assert words in report.formula.sentence
    assert "exact" in report["gradient"].statement
    assert audited(with_methods(**methods), "formula", claim="-elbo").failed == ("formula",)


def test_what_else_happens_next_to_the_prior_is_said_in_the_sentence() -> None:
    methods = {
        "rate": lambda self, m, s, z: (each(m, s).mean(0) - 0.1).abs().maximum(_at(m, 0.01, 0.02)).sum()
    }
    report = audited(with_methods(**methods), "formula", "extremes")
    assert report.formula is not None
    assert report.formula.kind != "EXACT"
    assert "holds where the KL is not almost 0" in report.formula.sentence
    assert report["extremes"].outcome == "note"
