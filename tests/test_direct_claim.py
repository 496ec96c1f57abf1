"""direct-argmax: its predicates decide, its laws agree with draws and sums, and what is planted in them is seen."""

import math
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from tests.seeding import Bug, Check, Seeded, falsification

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "direct_argmax")
DRAWS = 400_000


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


LAWS, PAIR, STRUCTURED = part("laws"), part("pair"), part("structured")


@pytest.mark.parametrize("name", ["positive_step", "positive_weights", "rising_values"])
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


def test_an_attractive_pair_is_told() -> None:
    try_instances(part("coupled").attractive)


def _drawn(a: np.ndarray, f: np.ndarray, eps: float, two_sided: bool) -> np.ndarray:
    """Return the frequencies of both arg maxima, (K, K)."""
    rng = np.random.default_rng(4)
    noise = rng.gumbel(size=(DRAWS, len(a)))
    first = (a - eps * f * two_sided + noise).argmax(1)
    second = (a + eps * f + noise).argmax(1)
    table = np.zeros((len(a), len(a)))
    np.add.at(table, (first, second), 1 / DRAWS)
    return table


def _joint_is_drawn() -> None:
    for two_sided in (False, True):
        a, f = (np.array(list(map(float, one))) for one in (LAWS.TOY.logits, LAWS.TOY.values))
        given = LAWS.TOY.weights(), LAWS.TOY.ratios(Fraction(3, 2))
        rows = LAWS.joint(*(LAWS.both_sides(*given) if two_sided else given))
        exact = np.array([[float(entry) for entry in row] for row in rows])
        allowed = 5.5 * np.sqrt(np.abs(exact) / DRAWS) + 1e-5
        assert (np.abs(_drawn(a, f, 1.5, two_sided) - exact) <= allowed).all()


def _moments_are_numpys() -> None:
    a, f = (np.array(list(map(float, one))) for one in (LAWS.TOY.logits, LAWS.TOY.values))
    s = np.exp(a) / np.exp(a).sum()
    d = f - s @ f
    assert [float(g) for g in LAWS.TOY.gradient()] == pytest.approx(list(s * d))
    B, C = s * (d**2 - s @ d**2), s * (d**3 - 3 * d * (s @ d**2) - s @ d**3)
    assert [float(one) for one in LAWS.TOY.curvature()] == pytest.approx(list(B))
    assert [float(one) for one in LAWS.TOY.third()] == pytest.approx(list(C))
    assert float(LAWS.TOY.gini()) == pytest.approx(float(s @ np.abs(f[:, None] - f) @ s))


def _score_is_enumerated() -> None:
    a, f = (np.array(list(map(float, one))) for one in (LAWS.THREE.logits, LAWS.THREE.values))
    s = np.exp(a) / np.exp(a).sum()
    b = float(LAWS.best_baseline(LAWS.THREE))
    for base in (0.0, b):
        rows = (f - base)[:, None] * (np.eye(3) - s)
        exact = float(s @ (rows**2).sum(1) - ((s @ rows) ** 2).sum())
        assert float(LAWS.score_variance(LAWS.THREE, LAWS.ball(0) + base)) == pytest.approx(exact)


def _pair_is_drawn() -> None:
    pair = PAIR.Pair(Fraction(1, 2), Fraction(-4, 5), Fraction(3, 2))
    rng = np.random.default_rng(5)
    x, y = 0.5 + rng.logistic(size=DRAWS), -0.8 + rng.logistic(size=DRAWS)
    best = np.stack([0 * x, y, x, x + y + 1.5]).argmax(0)
    found = np.bincount(best, minlength=4) / DRAWS
    exact = np.array([float(one) for one in pair.law()])
    assert (np.abs(found - exact) <= 5 * np.sqrt(np.abs(exact) / DRAWS)).all()
    assert float(pair.none()) == pytest.approx(exact[0], abs=1e-12)


def _flips_are_drawn() -> None:
    pair, f = PAIR.Pair(Fraction(1, 5), Fraction(-1, 10), Fraction(1)), PAIR.Pair(*map(Fraction, (1, 0, 2)))
    rng = np.random.default_rng(6)
    x, y = 0.2 + rng.logistic(size=DRAWS), -0.1 + rng.logistic(size=DRAWS)
    z_2 = np.stack([0 * x, y, x, x + y + 1.0]).argmax(0) % 2
    found = (x + z_2 + 0.25 * (1 + 2 * z_2) >= 0).mean()
    exact = float(pair.flipped(Fraction(1, 4), f))
    assert found == pytest.approx(exact, abs=5 * math.sqrt(0.25 / DRAWS))


def _integrals_of_highest_slopes() -> None:
    """max(0, t - 1, 2 t - 4) has the slopes 0, 1 from 1, 2 from 3: 0 + 2 + 4 over [0, 5]."""
    lines = [(0, 0), (-1, 1), (-4, 2), (-100, -3)]
    assert STRUCTURED.slopes_integrated(lines, Fraction(5)) == 6
    assert STRUCTURED.slopes_integrated(lines, Fraction(1, 2)) == 0
    assert STRUCTURED.slopes_integrated([(0, 1), (0, 2)], Fraction(1)) == 2


def _latents_by_enumeration() -> None:
    """E f and its gradient by differences of E f itself."""
    module = part("independent")
    logits = np.array([[float(one) for one in row] for row in module.LOGITS])
    f = np.array([float(module.VALUES[z]) for z in product(range(3), repeat=3)]).reshape(3, 3, 3)

    def mean(a: np.ndarray) -> float:
        s = np.exp(a) / np.exp(a).sum(1, keepdims=True)
        return float(np.einsum("i,j,k,ijk", *s, f))

    found = [[float(one) for one in row] for row in module.Latents().gradient()]
    for n, k in product(range(3), repeat=2):
        step = np.zeros((3, 3))
        step[n, k] = 1e-5
        assert found[n][k] == pytest.approx((mean(logits + step) - mean(logits - step)) / 2e-5, abs=1e-9)
    limit = module.Latents().mean(LAWS.Categories.gradient)
    assert float(module.apart(limit, module.Latents().gradient())) == pytest.approx(0, abs=1e-20)


def test_the_exact_scores_are_sums_over_all_latents() -> None:
    import torch

    module = part("digits_vae")
    network, x = module.Network(3), torch.tensor(module.binary_digits()[:2]).float()
    scores = module.exact_scores(network, x.double())
    index = torch.tensor(list(product(range(10), repeat=4)))
    z = torch.nn.functional.one_hot(index, 10).float()
    elbos, evidences = [], []
    for one in x:
        with torch.no_grad():
            value = network.log_likelihood(one.expand(len(z), -1), z).double()
            log_q = network.logits(one[None]).log_softmax(-1)[0].double()
        weight = log_q[torch.arange(4), index].sum(1)
        elbos.append(float((weight.exp() * (value - weight - 4 * math.log(10))).sum()))
        evidences.append(float(torch.logsumexp(value, 0)) - 4 * math.log(10))
    assert scores.elbo == pytest.approx(np.mean(elbos), abs=1e-4)
    assert scores.evidence == pytest.approx(np.mean(evidences), abs=1e-4)


def test_values_of_a_decoder_are_those_of_each_configuration() -> None:
    import torch

    module = part("digits_vae")
    network, x = module.Network(3), torch.tensor(module.binary_digits()[:3]).float()
    index = torch.tensor([[1, 2, 3, 4], [0, 0, 9, 9], [5, 5, 5, 5]])
    found = network.values(x, torch.nn.functional.one_hot(index, 10).float())
    for n, k in ((0, 7), (3, 0)):
        other = index.clone()
        other[:, n] = k
        with torch.no_grad():
            exact = network.log_likelihood(x, torch.nn.functional.one_hot(other, 10).float())
        assert torch.allclose(found[:, n, k], exact, atol=1e-4)


def test_a_wrong_estimator_of_the_library_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from elboproof import objectives

    own = objectives.direct_gradient
    monkeypatch.setattr(
        objectives, "direct_gradient", lambda a, f, eps, g, sides: 0.9 * own(a, f, eps, g, sides)
    )
    verdict = part("exact_mean").single_samples_have_this_mean(
        Run("direct-argmax/S1/single_samples_have_this_mean", false_alarm=1e-3)
    )
    assert {name for name, one in verdict.parts.items() if one.status == "refuted"} >= {
        "one side, coordinate 2",
        "two sides, coordinate 2",
    }


TESTS: dict[str, Check] = {
    "joint": _joint_is_drawn,
    "moments": _moments_are_numpys,
    "score": _score_is_enumerated,
    "pair": _pair_is_drawn,
    "flips": _flips_are_drawn,
    "slopes": _integrals_of_highest_slopes,
    "latents": _latents_by_enumeration,
}
BUGS: dict[str, Bug] = {
    "later clocks: the falling values": Seeded(LAWS, "later", "if k > m", "if k < m", "joint"),
    "a kink left out": Seeded(LAWS, "joint", "pairwise(range(i, j + 1))", "[(i, j)]", "joint"),
    "two sides at the weights of one": Seeded(LAWS, "both_sides", "w / u for", "w for", "joint"),
    "the curvature without V": Seeded(LAWS.Categories, "curvature", " ** 2 - V", " ** 2", "moments"),
    "the third derivative with V": Seeded(LAWS.Categories, "third", "- 3 * (x", "- (x", "moments"),
    "a mean difference of squares": Seeded(LAWS.Categories, "gini", "abs(x - y)", "(x - y) ** 2", "moments"),
    "lengths without |s|^2": Seeded(LAWS, "_lengths", " + square for", " for", "score"),
    "the segment doubled": Seeded(
        PAIR, "masses", "both + antiderivative", "both + 2 * antiderivative", "pair"
    ),
    "the other threshold": Seeded(PAIR.Pair, "none", "logistic(-c - b)", "logistic(-b)", "pair"),
    "z_1 flips without its coupling": Seeded(PAIR.Pair, "flipped", "-self.coupling - step", "-step", "flips"),
    "the first slope for all": Seeded(
        STRUCTURED, "slopes_integrated", "end = min(until, length)", "end = length", "slopes"
    ),
    "latents in the order of their values": Seeded(
        part("independent").Conditional,
        "spread_out",
        "result[place] = entry",
        "result = list(vector)",
        "latents",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
