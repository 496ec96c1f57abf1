"""Reading the divergence of a formula: which multiple of which KL its weights are.

Of a divergence b KL in closed form the weights are (b/2, b/2, -b/2) and the constant -d b / 2; drawn, (z^2, r^2, log
variance) have (b/2, -b/2, -b/2); with the entropy in closed form r^2 has none and the constant is -d b / 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from elboproof.audit.divergences import CLOSED, DRAWN
from elboproof.audit.flows import FLOW, PATTERN

SAME = 1e-6
"""Two weights that differ by less, relative to the larger, are one: float32 parameters enter them."""
OF_SINGLE = 2e-3
"""As `SAME`, of weights that were solved from losses in float32."""
GONE = 1e-9
"""A weight below this, beside those of a likelihood, is none."""


NAMES = {"closed form": CLOSED, "monte carlo": DRAWN, FLOW: tuple(PATTERN)}
"""Terms of each kind of divergence."""


@dataclass(frozen=True)
class Divergence:
    """What the weights of a divergence say: b, the constant that belongs to b KL, and what does not fit."""

    weight: float
    constant: float
    wrong: tuple[str, ...]
    expected: Mapping[str, float]
    words: str


def same(one: float, other: float, size: float | None = None, limit: float = SAME) -> bool:
    """Return whether two weights are one."""
    scale = max(abs(one), abs(other)) if size is None else size
    return abs(one - other) <= limit * scale or abs(one - other) <= GONE


def read_divergence(weights: Mapping[str, float], kind: str, d: int, limit: float = SAME) -> Divergence:
    """Return what the weights of three terms say."""
    if kind == "closed form":
        patterns = [({"mean^2": 0.5, "variance": 0.5, "log variance": -0.5}, -d / 2, "closed-form KL")]
    elif kind == FLOW:
        patterns = [(PATTERN, 0.0, "Monte Carlo KL of a flow")]
    else:
        patterns = [
            ({"z^2": 0.5, "r^2": -0.5, "log variance": -0.5}, 0.0, "Monte Carlo KL"),
            (
                {"z^2": 0.5, "r^2": 0.0, "log variance": -0.5},
                -d / 2,
                "Monte Carlo prior, closed-form entropy",
            ),
        ]
    read = [_against(weights, *one, limit) for one in patterns]
    return min(read, key=lambda one: len(one.wrong))


def _against(
    weights: Mapping[str, float], pattern: Mapping[str, float], constant: float, words: str, limit: float
) -> Divergence:
    ratios = sorted(weights[name] / unit for name, unit in pattern.items() if unit)
    b = _agreed(ratios, limit)
    expected = {name: b * unit for name, unit in pattern.items()}
    size = max(abs(b), *(abs(weights[name]) for name in pattern))
    wrong = tuple(name for name in pattern if not same(weights[name], expected[name], size, limit))
    return Divergence(b, constant * b, wrong, expected, words)


def _agreed(ratios: list[float], limit: float) -> float:
    """Return the weight that most terms speak for."""
    best = max(
        ratios,
        key=lambda one: (sum(same(one, other, None, limit) for other in ratios), abs(one) > GONE, one > 0),
    )
    return 0.0 if abs(best) <= GONE else best
