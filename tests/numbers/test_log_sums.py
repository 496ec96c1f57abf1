"""Logarithms of sums of exponentials: no exponential is formed, in any number system, and each encloses."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest
from flint import acb, arb
from sympy import Symbol

from elboproof.numbers import balls, functions, log_add_exp, log_sums
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.centred import Centred
from elboproof.numbers.compiler import Ring, compile_tape
from elboproof.numbers.duals import Dual
from elboproof.numbers.floating import FLOATING, SCALARS, TENSORS
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape
from tests.seeding import Seeded, falsification

U, V = Symbol("u", real=True), Symbol("v", real=True)
RNG = np.random.default_rng(11)


class Missed(AssertionError):  # noqa: N818 - what happened, not an error of the test
    """A value lies outside of what is said to enclose it."""


def tape_of(text: str) -> tuple[Tape, int]:
    tape = Tape([U, V])
    return tape, tape.lower(parse(text, {"u": U, "v": V}))


def compiled(text: str, ring: Ring, *directions: int) -> Callable[..., Any]:
    tape, root = tape_of(text)
    for k in directions:
        root = tape.derivative(root, k)
    function = compile_tape(tape, [root], ring)
    return lambda *z, **more: function(*z, **more)[0]


POSITIVE = {
    "log(exp(u) + exp(v))": lambda u, v: (u.exp() + v.exp()).log(),
    "log(3*exp(u) + exp(v)/7 + 2)": lambda u, v: (3 * u.exp() + v.exp() / 7 + 2).log(),
    "log(exp(u)*exp(v)**2 + 1)": lambda u, v: (u.exp() * v.exp() ** 2 + 1).log(),
    "log((exp(u) + 1)*(exp(v) + 2)/(exp(u + v) + 3))": lambda u, v: (
        (u.exp() + 1) * (v.exp() + 2) / ((u + v).exp() + 3)
    ).log(),
    "log(sqrt(exp(u) + exp(-v)))": lambda u, v: (u.exp() + (-v).exp()).sqrt().log(),
    "log1p(exp(u) + exp(v))": lambda u, v: (1 + u.exp() + v.exp()).log(),
    "log(sigmoid(u) + sigmoid(v)**2)": lambda u, v: (1 / (1 + (-u).exp()) + 1 / (1 + (-v).exp()) ** 2).log(),
    "log(pi*exp(-u**2*v**2) + exp(-(u - 1)**2))": lambda u, v: (
        arb.pi() * (-(u * u) * v * v).exp() + (-((u - 1) ** 2)).exp()
    ).log(),
}
"""Texts, and the same with the exponentials, for balls."""
OTHERS = ("log(exp(u) - exp(v))", "log(u**2 + exp(v))", "log(u)", "log(2 + 3)", "exp(u) + exp(v)")
POINTS = [(0.3, -0.7), (-800.0, -900.0), (1000.0, 3.0), (-1e4, 2e4), (25.0, 25.0), (0.0, 0.0)]


@pytest.mark.parametrize("text", POSITIVE)
def test_no_exponential_is_left_on_the_tape(text: str) -> None:
    tape, root = tape_of(text)
    assert "exp" not in {tape.entries[i][0] for i in tape.reachable([root]) if tape.varies[i]}
    assert "log" not in {tape.entries[i][0] for i in tape.reachable([root]) if tape.varies[i]}


@pytest.mark.parametrize("text", OTHERS)
def test_what_may_be_negative_keeps_its_logarithm(text: str) -> None:
    tape, root = tape_of(text)
    assert "logaddexp" not in {tape.entries[i][0] for i in tape.reachable([root])}


def _exact(text: str, u: float, v: float) -> arb:
    with working_precision(60_000):  # e^-40000 stands beside 1
        value: arb = POSITIVE[text](arb(u), arb(v))
        return value


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("text", POSITIVE)
def test_values_agree_with_exponentials_at_many_bits(text: str, point: tuple[float, float]) -> None:
    value = _exact(text, *point)
    near = float(value.mid())
    assert compiled(text, REAL_BALLS)(*map(arb, point)).overlaps(value)
    assert compiled(text, COMPLEX_BALLS)(*map(acb, point)).real.overlaps(value)
    ball = compiled(text, BALL_ARRAYS)(*(BallArray(np.array([c])) for c in point))
    assert arb(float(ball.lower()[0])) <= value <= arb(float(ball.upper()[0]))
    size = max(abs(near), *map(abs, point), 1.0)  # of what cancels
    assert ball.rad[0] <= 1e-13 * size
    scale = 1e-12 * size
    for ring in (FLOATING, SCALARS):
        assert abs(float(compiled(text, ring)(*(float(c) for c in point))) - near) <= scale
    torch = pytest.importorskip("torch")
    tensor = compiled(text, TENSORS)(*(torch.tensor(c, dtype=torch.float64) for c in point))
    assert abs(float(tensor) - near) <= scale


@pytest.mark.parametrize("text", POSITIVE)
def test_derivatives_agree_in_every_system(text: str) -> None:
    """The slopes are weights of a softmax; SymPy's rule of the function gives the second ones."""
    point, step = (0.4, -0.3), 1e-5
    value = compiled(text, FLOATING)
    for directions in ((0,), (1,), (0, 0), (0, 1)):
        lower = compiled(text, FLOATING, *directions[:-1]) if len(directions) > 1 else value
        moved = [list(point), list(point)]
        moved[0][directions[-1]] += step
        moved[1][directions[-1]] -= step
        expected = (lower(*moved[0]) - lower(*moved[1])) / (2 * step)
        found = compiled(text, FLOATING, *directions)(*point)
        assert abs(found - expected) < 1e-6
        assert abs(float(compiled(text, REAL_BALLS, *directions)(*map(arb, point)).mid()) - found) < 1e-12


def test_slopes_do_not_underflow() -> None:
    slope = compiled("log(exp(-800*u**2) + exp(-900*(v - 2)**2))", FLOATING, 0)
    assert slope(3.0, 0.1) == -0.0 or abs(slope(3.0, 0.1)) < 1e-300
    assert slope(1.0, 0.1) == -1600.0


def test_a_thousand_terms_are_no_deep_recursion() -> None:
    tape = Tape([U])
    terms = [tape.call("exp", tape.lower(k * U / 1000)) for k in range(1500)]
    root = tape.call("log", reduce(tape.add, terms))
    (value,) = compile_tape(tape, [root], REAL_BALLS)(arb(2))
    with working_precision(100):
        expected = sum(((arb(k) / 500).exp() for k in range(1500)), arb(0)).log()
    assert value.overlaps(expected)
    assert value.rad() < 1e-12


def _boxes(count: int, half: float, complex_first: bool) -> tuple[list[Centred], np.ndarray]:
    centres = RNG.normal(size=(2, count)) * 20
    boxes: list[Any] = [BallArray(c, np.full(count, half)) for c in centres]
    if complex_first:
        boxes[0] = ComplexBallArray(boxes[0], BallArray(np.zeros(count), np.full(count, half)))
    offsets = [box - BallArray(c) for box, c in zip(boxes, centres, strict=True)]
    units = ([1, 0], [0, 1])
    forms = [
        Centred(BallArray(c), Dual(box, unit), offsets, tight=True)
        for c, box, unit in zip(centres, boxes, units, strict=True)
    ]
    return forms, centres


def check_forms(half: float, complex_first: bool) -> None:
    """Raise unless ranges and slopes of centred forms hold what FLINT finds at members, by the exponentials."""
    (u, v), centres = _boxes(40, half, complex_first)
    found = log_add_exp.log_add_exp(u * 2 - v, v)
    value, slope = found.range(), found.dual.partials[0]
    for b in range(40):
        for shift in (np.array([1.0, 1.0]), np.array([-1.0, 0.5]), np.array([0.3, -1.0])):
            p, q = centres[:, b] + half * shift
            z = acb(p, half * shift[1]) if complex_first else acb(p)
            with working_precision(200):
                weight = 2 * (2 * z - q).exp() / ((2 * z - q).exp() + acb(q).exp())
                exact = ((2 * z - q).exp() / acb(q).exp() + 1).log() + q
            _inside(value, b, exact)
            _inside(slope, b, weight)


def check_rectangles() -> None:
    """Raise unless rectangles hold the values at their corners."""
    centres, half = RNG.normal(size=(2, 40)) * 5, 0.3
    first = ComplexBallArray(
        BallArray(centres[0], half * np.ones(40)), BallArray(np.zeros(40), half * np.ones(40))
    )
    found = log_add_exp.log_add_exp(first, BallArray(centres[1]))
    for b, (p, q) in enumerate(centres.T):
        with working_precision(200):
            exact = ((acb(p + half, half) - q).exp() + 1).log() + q
        _inside(found, b, exact)


def _inside(ball: Any, b: int, exact: acb) -> None:
    parts = (
        [(ball.real, exact.real), (ball.imag, exact.imag)]
        if isinstance(ball, ComplexBallArray)
        else [(ball, exact.real)]
    )
    for part, number in parts:
        low, high = part.lower()[b], part.upper()[b]
        if np.isfinite(high) and not (
            number >= arb(float(low)) - 1e-40 and number <= arb(float(high)) + 1e-40
        ):
            raise Missed(f"{number} in [{low}, {high}]")
        if not np.isfinite(high):
            raise Missed("nothing is known")


def check_wide() -> None:
    """Raise unless wide balls map onto the hull of the values at their corners, and hardly more."""
    mids, rads = RNG.normal(size=(2, 50)) * 10, RNG.uniform(0, 5, (2, 50))
    first, second = (BallArray(m, r) for m, r in zip(mids, rads, strict=True))
    found = log_add_exp.log_add_exp(first, second)
    low = np.logaddexp(first.lower(), second.lower())
    high = np.logaddexp(first.upper(), second.upper())
    if not ((found.lower() <= low + 1e-12) & (found.upper() >= high - 1e-12)).all():
        raise Missed("a corner is left out")
    if not ((found.lower() >= low - 1e-9) & (found.upper() <= high + 1e-9)).all():
        raise Missed("far too wide")


def check_arb() -> None:
    """Raise unless balls of FLINT hold the values at their ends and in between."""
    function = compiled("log(exp(u) + exp(v))", REAL_BALLS)
    for m, r, n in ((0.0, 3.0, 1.0), (-700.0, 2.0, -705.0), (5.0, 0.5, 5.0)):
        ball = function(arb(m, r), arb(n, r / 2))
        for s, t in ((1, 1), (-1, -1), (0.5, -1)):
            with working_precision(300):
                exact = (arb(m + s * r).exp() + arb(n + t * r / 2).exp()).log()
            if not (ball.lower() <= exact.upper() and exact.lower() <= ball.upper()):
                raise Missed(f"{exact} in {ball}")


def check_cut() -> None:
    """Raise where a rectangle across the cut Re s = Re t, |Im(s - t)| > pi, is called analytic."""
    function = compiled("log(exp(u) + exp(v))", COMPLEX_BALLS)
    if function(acb(arb(1, 0.25), arb(4, 0.1)), acb(1), analytic=True).is_finite():
        raise Missed("analytic across a cut")
    if not function(acb(arb(1, 0.25), arb(1, 0.1)), acb(1), analytic=True).is_finite():
        raise Missed("nothing is known")
    beyond = ComplexBallArray(BallArray([1.0], [0.25]), BallArray([4.0], [0.1]))
    if np.isfinite(log_add_exp.log_add_exp(beyond, BallArray([1.0])).imag.rad).any():
        raise Missed("analytic across a cut")


def check_tape() -> None:
    """Raise unless the identities hold at a point."""
    for text in POSITIVE:
        value = compiled(text, REAL_BALLS)(arb(0.4), arb(-0.3))
        if not value.overlaps(_exact(text, 0.4, -0.3)):
            raise Missed(text)


CHECKS: dict[str, Callable[[], None]] = {
    "forms": lambda: check_forms(0.05, False),
    "complex forms": lambda: check_forms(0.05, True),
    "rectangles": check_rectangles,
    "wide": check_wide,
    "arb": check_arb,
    "cut": check_cut,
    "tape": check_tape,
}
BUGS = {
    "the weight of the other": Seeded(
        log_add_exp, "_of_duals", "difference.sigmoid()", "(-difference).sigmoid()", "forms"
    ),
    "the complex weight of the other": Seeded(
        log_add_exp, "_mixed", "weight * (p - q) + q", "weight * (q - p) + p", "complex forms"
    ),
    "the upper end of the lower ones": Seeded(
        log_add_exp,
        "_of_balls",
        "_at(a.upper(), b.upper(), finite)",
        "_at(a.lower(), b.lower(), finite)",
        "wide",
    ),
    "the softplus is left out": Seeded(log_add_exp, "_at", ".softplus()", " * 0", "wide"),
    "the wrong side of a rectangle": Seeded(
        log_add_exp,
        "_of_rectangles",
        "ahead, -difference, difference",
        "ahead, difference, -difference",
        "rectangles",
    ),
    "one end of a ball": Seeded(
        balls, "_log_add_exp", ".union(_log_add_exp(s.upper(), t.upper()))", "", "arb"
    ),
    "the cut is overlooked": Seeded(
        balls, "_complex_log_add_exp", "if analytic and not (inside or ahead or behind)", "if False", "cut"
    ),
    "quotients are products": Seeded(
        log_sums, "_log", "logs = [", 'name = "mul" if name == "div" else name; logs = [', "tape"
    ),
    "a term of a sum is lost": Seeded(
        log_sums, "_of_sum", "if None in logs", "logs = logs[:-1]\n    if None in logs", "tape"
    ),
    "the one of log1p is lost": Seeded(Tape, "call", 'found if name == "log"', "found if True", "tape"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_functions_pass_every_check(name: str) -> None:
    CHECKS[name]()


def test_what_is_not_known_stays_so() -> None:
    unknown, one = BallArray([0.0], [np.inf]), BallArray([1.0])
    assert np.isinf(log_add_exp.log_add_exp(unknown, one).rad).all()
    assert not compiled("log(exp(u) + exp(v))", REAL_BALLS)(arb.nan(), arb(1)).is_finite()


def test_symbols_evaluate() -> None:
    assert float(functions.LogAddExp(-8450, -2450).evalf(30)) == -2450.0
    assert functions.LogAddExp(U, V).diff(U) == functions.Sigmoid(U - V)
    assert functions.LogAddExp(U, V).diff(V) == functions.Sigmoid(V - U)


test_the_library_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (Missed,))
)
