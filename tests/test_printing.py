"""Results print on one screen, and say what they hold."""

from collections.abc import Callable
from typing import Any

import pytest

import elboproof as ep
from elboproof.printing import MOST_LINES, WIDTH, screen

VARIANCE = ep.Gaussian(variance="1/100")
RESULTS: dict[str, Callable[[], Any]] = {
    "a point on the line": lambda: ep.stationary_posterior(
        ep.LatentModel("z", ["sinh(z)"], VARIANCE), ["0.7"]
    ),
    "a point of three latents": lambda: ep.stationary_posterior(
        ep.LatentModel(["a", "b", "c"], ["a", "b + a**2", "c + a*b"], VARIANCE), ["0.7", "0.1", "-0.2"]
    ),
    "an exact law": lambda: ep.gap_law(ep.LatentModel("z", ["sinh(z)"], VARIANCE), ["0.7"]),
    "a law in balls": lambda: ep.gap_law(ep.LatentModel("z", ["z**2 + z**5"], VARIANCE), ["0.7"]),
    "a law of two modes": lambda: ep.gap_law(ep.LatentModel("z", ["z**2"], VARIANCE), ["0.7"]),
    "no gap": lambda: ep.gap_law(ep.LatentModel("z", ["2*z"], VARIANCE), ["0.7"]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_one_screen(name: str) -> None:
    result = RESULTS[name]()
    lines = repr(result).splitlines()
    assert lines[0] == type(result).__name__
    assert len(lines) <= 24
    assert max(map(len, lines)) <= WIDTH


def test_a_point_shows_certain_digits() -> None:
    text = repr(RESULTS["a point on the line"]())
    assert "-1.33124370493866" not in text  # twelve digits, the last one rounded
    assert "-1.33124370494(1) nats, a maximum" in text
    assert "0.642648655391(1)" in text


def test_a_law_shows_exact_coefficients() -> None:
    assert "3675/22201 = 0.1655330841" in repr(RESULTS["an exact law"]())
    assert "  gap       0\n" in repr(RESULTS["no gap"]())


def test_long_values_are_wrapped_and_cut() -> None:
    text = screen("Title", {"long": "word " * 200, "one word": "x" * 500, "empty": "", "short": 1})
    lines = text.splitlines()
    assert len(lines) == 1 + 2 * MOST_LINES + 1
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line.endswith("...")] == [lines[MOST_LINES], lines[2 * MOST_LINES]]
    assert lines[-1].split() == ["short", "1"]
    assert "empty" not in text
