"""Mixtures component by component: the parts add up, and bound the mixture over complex boxes."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import acb, arb
from sympy import Symbol

from elboproof.evidence import energy as energies
from elboproof.evidence import mixtures
from elboproof.evidence.energy import Energy
from elboproof.evidence.log_evidence import prove
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.quantities import Quantities
from elboproof.numbers import mixture_parts
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape
from elboproof.quadrature.cells import Cells
from tests.evidence.cases import Missed
from tests.seeding import Seeded, falsification

NAMES = ("u", "v")
SYMBOLS = [Symbol(name, real=True) for name in NAMES]
RNG = np.random.default_rng(5)
MIXED = "u**2/2 + v**2/2 - log(exp(-20*(u - 1)**2 - v) + 3*exp(-(u + v)**2)/7)"
TEXTS = {
    MIXED: 2,
    "u**2 - (v + log(exp(u) + exp(v) + exp(-u*v)))": 3,
    "u**2 + v**2 - log(1 + exp(3*u))": 2,
    "u**2 - log((exp(u) + exp(v))*(1 + exp(-v)))": 4,
    "u**2 - log(exp(u) + exp(v)*(1 + exp(u)))": 3,
    "u**2 + log(exp(u) + exp(v))": 1,  # a softmax's denominator has true poles
    "u**2 - log(exp(u) + exp(v))/2": 1,  # a root has a cut
    "u**2 + v**2": 1,
    "u**2 - log(" + "+".join(f"exp({k}*u)" for k in range(1, 20)) + ")": 1,  # too many
}
"""Energies and how many parts they have."""


def _tape(text: str) -> tuple[Tape, int]:
    tape = Tape(SYMBOLS)
    return tape, tape.lower(parse(text, dict(zip(NAMES, SYMBOLS, strict=True))))


@pytest.mark.parametrize("text", TEXTS)
def test_the_parts_add_up(text: str) -> None:
    tape, root = _tape(text)
    parts = mixture_parts.parts(tape, root)
    assert len(parts) == TEXTS[text]
    function = compile_tape(tape, [root, *parts], REAL_BALLS)
    with working_precision(200):
        for point in RNG.normal(size=(5, 2)):
            whole, *energies_ = function(*map(arb, point))
            total = sum(((-part).exp() for part in energies_), arb(0))
            assert (-whole).exp().overlaps(total)
            assert total.rel_accuracy_bits() > 100


class Written:
    """An integrand whose energy is a text, with a bound of the likelihood."""

    def __init__(self, text: str, supremum: float) -> None:
        self.latent_dim, self.data_dim, self._supremum = 2, 1, supremum
        x = Symbol("x", real=True)
        constant = sympy.log(2 * sympy.pi)
        energy = parse(text, dict(zip(NAMES, SYMBOLS, strict=True)))
        self.quantities = Quantities(
            SYMBOLS,
            (x,),
            None,
            (),
            lambda _, tape: [tape.add(tape.lower(energy), tape.lower(constant))],
            lambda: None,
        )

    placement = None

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return the bound for every row."""
        return Ceiling.flat(np.full(len(x), self._supremum))

    def log_base(self, _: object) -> None:
        """Return None: there is no base measure."""


def check_bounds(half: float = 0.2) -> None:
    """Raise where |e^-U| at a point of a complex box exceeds the bound."""
    integrand = Written(MIXED, 10.0)
    energy = Energy(integrand, BallArray(np.zeros((1, 1))), np.eye(2)[None])
    centre = np.concatenate([RNG.normal(size=(30, 2)), np.full((10, 2), 0.5)])
    cells = Cells(np.zeros(40, dtype=np.intp), centre, np.full((40, 2), half))
    first, second = cells.box()
    boxes: list[BallArray | ComplexBallArray] = [
        ComplexBallArray(first, BallArray(np.zeros(40), np.full(40, half))),
        second,
    ]
    low = energy.least_real_part(cells, boxes)
    if not np.isfinite(low).all():
        raise Missed("nothing is known")
    parts = integrand.quantities.compiled("parts", 0, COMPLEX_BALLS)
    for b in range(40):
        for shift in ((0, 0, 0), (1, 1, 1), (-1, 1, -1), (-1, -1, 1), (0.5, 0.2, -1)):
            z = acb(centre[b, 0] + half * shift[0], half * shift[1]), acb(centre[b, 1] + half * shift[2])
            with working_precision(100):
                size = abs(sum(((-part).exp() for part in parts(*z, acb(0))), acb(0)))
            if not size <= (-arb(float(low[b])) + 1e-9).exp():
                raise Missed(f"{size} with the bound {low[b]}")


def test_bounds_over_complex_boxes_hold() -> None:
    check_bounds()


BUGS = {
    "a component is dropped": Seeded(
        energies.Energy, "least_real_part", "reduce(log_add_exp, balls)", "balls[0]", "bounds"
    ),
    "a logit is added": Seeded(
        mixture_parts, "_split", "tape.subtract(other, leaf)", "tape.add(other, leaf)", "parts"
    ),
    "the sign of the rest is lost": Seeded(
        mixture_parts, "_split", "i if sign > 0 else tape.negate(i)", "i", "parts"
    ),
    "the one of a softplus is lost": Seeded(
        mixture_parts,
        "_leaves",
        "[tape.constant(0), *_leaves(tape, inner[0])]",
        "_leaves(tape, inner[0])",
        "parts",
    ),
    "an added logarithm is split": Seeded(mixture_parts, "_split", "if sign < 0 and", "if", "parts"),
}


def _check_parts() -> None:
    try:
        for text in TEXTS:
            test_the_parts_add_up(text)
    except AssertionError as error:
        raise Missed(str(error)) from error


CHECKS: dict[str, Callable[[], None]] = {"bounds": check_bounds, "parts": _check_parts}


def _blobs(means: Sequence[tuple[float, float]], variance: float) -> str:
    terms = [f"exp(-((u - {p})**2 + (v - {q})**2)/{2 * variance})" for p, q in means]
    return f"log(({'+'.join(terms)})/({len(means)}*2*pi*{variance}))"


@pytest.mark.parametrize("variance", [0.01, 0.25])
def test_narrow_mixtures_with_an_exact_truth(variance: float) -> None:
    """A mixture of Gaussians seen through u + v with noise 1/10: a mixture of Gaussians again."""
    means = [(1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)]
    likelihood = "-5*(1/2 - u - v)**2 - log(2*pi/10)/2"
    text = f"-({_blobs(means, variance)}) - ({likelihood}) - log(2*pi)"
    supremum = -np.log(variance) + 2 / (2 * (1 - variance)) - np.log(2 * np.pi / 10) / 2 + 1e-6
    found = prove(Written(text, supremum), Data(np.array([0.0])), 8, seconds=60.0, most_cells=5000)
    spread = 2 * variance + 0.1
    heights = [np.exp(-((0.5 - p - q) ** 2) / (2 * spread)) / np.sqrt(2 * np.pi * spread) for p, q in means]
    assert found.statuses == ("",)
    assert found.enclosure.lower[0] - 1e-13 <= np.log(np.mean(heights)) <= found.enclosure.upper[0] + 1e-13
    assert found.enclosure.width[0] <= 2e-8


test_the_library_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (Missed,))
)


@pytest.mark.parametrize("seed", range(10))
def test_sums_of_weighted_evidences_are_rounded_outward(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logs = [arb(value) for value in rng.normal(scale=3, size=3).tolist()]
    weights = [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)]
    ((lower, upper),) = mixtures.summed([[(one, one)] for one in logs], weights, 5)
    with working_precision(400):
        parts = [arb(w.numerator) / w.denominator * one.exp() for w, one in zip(weights, logs, strict=True)]
        truth = sum(parts, arb(0)).log()
        assert lower < truth < upper
        assert upper - lower < arb(2) ** -60
