"""Centred forms: the range contains every member's image, and stays narrow on oblique boxes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from flint import acb, arb

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.centred import Centred, narrower
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.duals import Dual
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape

BOXES = 200
TEXTS = (
    "exp(a - b) * (a + b)",
    "(1 - sin(a) * cos(b))**2 / (2 + a**2)",
    "tanh(a + b) - sigmoid(a) / (1 + b**2)",
    "softplus(a) - log(3 + a**2) * sqrt(1 + b**2)",
    "asinh(a) * atan(b) + erf(a - b)",
    "cosh(a) - sinh(b) + expm1(a) * log1p(b**2) + tan(a / 4)",
    "(2 + a**2)**(1/3) - a * b * (b + 1)",
)
KINKED = ("abs(a - b) + max(a, b) * min(a, 1/2)", "relu(a) - abs(b) * relu(b - a)")


def compiled(text: str, ring: Any) -> Callable[..., tuple[Any, ...]]:
    symbols = {name: sympy.Symbol(name, real=True) for name in "ab"}
    tape = Tape(list(symbols.values()))
    return compile_tape(tape, [tape.lower(parse(text, symbols))], ring)


def boxes(seed: int, size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, BOXES)
    frame = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    return frame, rng.normal(size=(BOXES, 2)), size * 10.0 ** rng.uniform(-3, 0, size=(BOXES, 2))


def turned(frame: np.ndarray, u: list[Any]) -> list[Any]:
    return [u[0] * BallArray(frame[:, j, 0]) + u[1] * BallArray(frame[:, j, 1]) for j in (0, 1)]


def centred(text: str, frame: np.ndarray, c: np.ndarray, u: list[Any]) -> Centred:
    points = turned(frame, [BallArray(c[:, k]) for k in (0, 1)])
    ranges = turned(frame, u)
    offsets = [u[k] - BallArray(c[:, k]) for k in (0, 1)]
    latents = [
        Centred(points[j], Dual(ranges[j], [BallArray(frame[:, j, k]) for k in (0, 1)]), offsets)
        for j in (0, 1)
    ]
    (value,) = compiled(text, BALL_ARRAYS)(*latents)
    assert isinstance(value, Centred)
    return value


def members(text: str, frame: np.ndarray, points: np.ndarray) -> list[arb]:
    """Exact images of u = points, by arb at 200 bits."""
    function = compiled(text, REAL_BALLS)
    with working_precision(200):
        z = [
            [sum(arb(a) * arb(b) for a, b in zip(row, u, strict=True)) for row in A]
            for A, u in zip(frame.tolist(), points.tolist(), strict=True)
        ]
        return [function(*point)[0] for point in z]


@pytest.mark.parametrize("size", [1e-3, 0.5])
@pytest.mark.parametrize("text", TEXTS + KINKED)
def test_range_and_centre_contain_the_images(text: str, size: float) -> None:
    frame, c, h = boxes(1, size)
    value = centred(text, frame, c, [BallArray(c[:, k], h[:, k]) for k in (0, 1)])
    low, high = value.range().lower(), value.range().upper()
    rng = np.random.default_rng(2)
    for corner in (rng.uniform(-1, 1, h.shape), rng.choice([-1.0, 1.0], h.shape), np.zeros(h.shape)):
        inside = c + corner * h * (1 - 1e-15)
        images = members(text, frame, inside)
        assert all(
            arb(a) <= image <= arb(b) for a, image, b in zip(low, images, high, strict=True) if np.isfinite(a)
        )
    centre = value.centre
    for image, mid, rad in zip(members(text, frame, c), centre.mid, centre.rad, strict=True):
        assert abs(image - arb(mid)) <= arb(rad) or not np.isfinite(rad)
    assert np.isfinite(low).mean() > 0.9


@pytest.mark.parametrize("text", TEXTS)
def test_complex_ranges_contain_the_images(text: str) -> None:
    frame, c, h = boxes(3, 0.1)
    u = [
        ComplexBallArray(BallArray(c[:, 0], h[:, 0]), BallArray(np.zeros(BOXES), h[:, 0])),
        ComplexBallArray(BallArray(c[:, 1], h[:, 1])),
    ]
    value = centred(text, frame, c, u).range()
    function = compiled(text, COMPLEX_BALLS)
    rng = np.random.default_rng(4)
    s = rng.uniform(-1, 1, (BOXES, 3))
    seen = 0
    with working_precision(200):
        for n in range(BOXES):
            p = acb(arb(c[n, 0] + s[n, 0] * h[n, 0]), arb(s[n, 1] * h[n, 0]))
            q = acb(arb(c[n, 1] + s[n, 2] * h[n, 1]))
            z = [p * arb(frame[n, j, 0]) + q * arb(frame[n, j, 1]) for j in (0, 1)]
            (image,) = function(*z, analytic=True)
            for part, ball in ((image.real, value.real), (image.imag, value.imag)):
                if np.isfinite(ball.rad[n]):
                    seen += 1
                    assert abs(part - arb(ball.mid[n])) <= arb(ball.rad[n]) * (1 + arb(2) ** -40)
    assert seen > BOXES


def test_an_oblique_thin_box_stays_thin() -> None:
    """a - b over a box that is 1e-6 wide in that direction and 1 wide along it: plain ranges see width 1."""
    root = np.sqrt(0.5)
    frame = np.array([[[root, -root], [root, root]]])
    c, h = np.array([[0.3, 0.2]]), np.array([[1.0, 1e-6]])
    u = [BallArray(c[:, k], h[:, k]) for k in (0, 1)]
    value = centred("exp(a - b) + (a - b)**2", frame, c, u).range()
    (plain,) = compiled("exp(a - b) + (a - b)**2", BALL_ARRAYS)(*turned(frame, u))
    assert value.rad[0] < 1e-5 < 1.0 < plain.rad[0]


def test_slopes_without_the_chain_rule_are_caught() -> None:
    """The negative control of the containment test: a wrong slope gives a range that misses images."""
    frame, c, h = boxes(5, 0.5)
    u = [BallArray(c[:, k], h[:, k]) for k in (0, 1)]
    value = centred("exp(a - b)", frame, c, u)
    wrong = Centred(value.centre, Dual(value.dual.value, [0, 0]), value.offsets).range()
    images = members("exp(a - b)", frame, c + h)
    assert any(image > arb(high) for image, high in zip(images, wrong.upper(), strict=True))


def test_the_form_is_not_used_where_the_plain_range_is_unknown() -> None:
    unknown, form = BallArray([0.0, 1.0], [np.inf, 1.0]), BallArray([2.0, 1.5], [0.25, 0.25])
    chosen = narrower(unknown, form)
    assert chosen.rad.tolist() == [np.inf, 0.25]
