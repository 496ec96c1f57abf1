"""Honest: the interval contains the truth. None of these may ever fail, whether the digits asked are reached or not."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from flint import acb, arb, fmpq
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import elboproof as ep
from elboproof.evidence.log_evidence import prove
from tests.evidence import cases, truth

SEED = 20191221
DIGITS = {1: 10, 2: 8, 3: 3}
Plan = dict[int, tuple[int, int]]
"""Per number of latents: random models, and data points of each."""
DEFAULT: Plan = {1: (24, 30), 2: (10, 30), 3: (3, 4)}
FULL: Plan = {1: (200, 40), 2: (55, 40), 3: (20, 10)}


def _random_linear(rng: np.random.Generator, d: int, points: int) -> cases.Case:
    """Return a model with 1 to 3 outputs, entries with one decimal, sigma log-uniform in [1/30, 1], and data."""
    outputs = int(rng.integers(1, 4))
    rows = [[f"{int(w)}/10" for w in row] for row in rng.integers(-15, 16, (outputs, d))]
    offset = [f"{int(b)}/10" for b in rng.integers(-9, 10, outputs)]
    sigma = Fraction(float(30.0 ** -rng.random())).limit_denominator(1000)
    weights = np.array([[float(Fraction(w)) for w in row] for row in rows])
    z, noise = rng.standard_normal((points, d)), rng.standard_normal((points, outputs))
    x = z @ weights.T + float(sigma) * noise + [float(Fraction(b)) for b in offset]
    return cases.linear(f"d = {d}, {rows}, {offset}, sigma {sigma}", rows, str(sigma**2), x.tolist(), offset)


def _linear_models(plan: Plan) -> Iterator[tuple[cases.Case, int]]:
    rng = np.random.default_rng(SEED)
    for d, (models, points) in plan.items():
        for _ in range(models):
            yield _random_linear(rng, d, points), DIGITS[d]


def _hold(plan: Plan) -> tuple[int, int]:
    """Return how many random linear evidences were looked at, and how many of them were proved to their digits."""
    seen = decided = 0
    for case, digits in _linear_models(plan):
        model, truths = case.model(), case.truths()
        found = prove(model, [list(row) for row in case.x], digits, seconds=60.0, most_cells=2_000_000)
        bounds = found.enclosure
        assert truth.misses(bounds.lower, bounds.upper, truths) == [], case.name
        shift = 3 * 10.0**-digits
        off = [t + shift for t, status in zip(truths, found.statuses, strict=True) if not status]
        kept = [n for n, status in enumerate(found.statuses) if not status]
        assert len(truth.misses(bounds.lower[kept], bounds.upper[kept], off)) == len(kept), "controls pass"
        seen, decided = seen + len(truths), decided + len(kept)
    return seen, decided


def test_a_thousand_random_linear_evidences() -> None:
    seen, decided = _hold(DEFAULT)
    assert seen >= 1000
    assert decided >= 0.99 * seen


@pytest.mark.slow
def test_ten_thousand_random_linear_evidences() -> None:
    seen, decided = _hold(FULL)
    assert seen >= 10_000
    assert decided >= 0.99 * seen


CURVED = (
    cases.SQUARE,
    cases.SINE,
    cases.CIRCLE,
    cases.HELIX,
    cases.sinh("1"),
    cases.sinh("1/10000"),
    cases.banana("1"),
    cases.banana("1/100"),
    cases.banana("1/10000"),
    cases.PRODUCT,
    cases.RIDGE,
    cases.CHAIN,
)


@pytest.mark.parametrize("case", CURVED, ids=lambda case: case.name)
@pytest.mark.parametrize("digits", [2, 9])
def test_curved_decoders(case: cases.Case, digits: float) -> None:
    digits = min(digits, case.most_digits)
    evidence = cases.check_honest(case, digits)
    assert not any(evidence.statuses), evidence
    wrong = [t + arb(3 * 10.0**-digits) for t in case.truths()]
    assert truth.misses(evidence.enclosure.lower, evidence.enclosure.upper, wrong) == list(range(len(wrong)))


FUNCTIONS: dict[str, Callable[[acb], acb]] = {
    "sin({})": acb.sin,
    "cos({})": acb.cos,
    "tanh({})": acb.tanh,
    "exp({})": acb.exp,
    "sinh({})": acb.sinh,
    "({})**2": lambda t: t * t,
    "({})**3/4": lambda t: t * t * t / 4,
    "1/(1 + ({})**2)": lambda t: 1 / (1 + t * t),
}
"""Text and FLINT's function; none has a cut, of which FLINT's integrator would have to be told."""

tenths = st.integers(-25, 25).map(lambda n: Fraction(n, 10))
layers = st.tuples(st.sampled_from(sorted(FUNCTIONS)), tenths, tenths, tenths)
"""g, a, b, c of a g(b z + c)."""


def _text(layer: tuple[str, Fraction, Fraction, Fraction]) -> str:
    g, a, b, c = layer
    return f"({a})*({g.format(f'({b})*z + ({c})')})"


def _value(layer: tuple[str, Fraction, Fraction, Fraction], z: acb) -> acb:
    g, a, b, c = (layer[0], *(acb(fmpq(t.numerator, t.denominator)) for t in layer[1:]))
    value: acb = FUNCTIONS[g](b * z + c)
    return a * value


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(layers, min_size=1, max_size=2),
    st.integers(-30, 30).map(lambda n: Fraction(n, 10)),
    st.sampled_from(["1", "1/10", "1/100", "1/2500"]),
    st.sampled_from([3, 7, 10]),
)
@example(
    [("tanh({})", Fraction(1), Fraction(5, 2), Fraction(0))], Fraction(3), "1/100", 10
)  # x off the image
@example(
    [("exp({})", Fraction(2), Fraction(2), Fraction(2))], Fraction(-3), "1/2500", 7
)  # a wall of e^4 slope
def test_generated_decoders_of_one_latent(
    parts: list[tuple[str, Fraction, Fraction, Fraction]], x: Fraction, variance: str, digits: int
) -> None:
    model = ep.LatentModel("z", [" + ".join(map(_text, parts))], ep.Gaussian(variance))
    found = prove(model, [str(x)], digits, seconds=10.0, most_cells=100_000)
    reference = truth.integrated(
        lambda z: [sum((_value(p, z) for p in parts), acb(0))], variance, [x], reach=16
    )
    if truth.is_sharp(reference):  # else FLINT's tails, which know nothing of f, are too wide for a verdict
        assert truth.misses(found.enclosure.lower, found.enclosure.upper, [reference]) == []
    else:
        assert reference.overlaps(truth.hull(found.enclosure.lower[0], found.enclosure.upper[0]))
