"""Reading the divergence of a formula: which multiple of which KL its weights are.

Of a divergence b KL in closed form the weights are (b/2, b/2, -b/2) and the constant -d b / 2; drawn, (z^2, r^2, log
variance) have (b/2, -b/2, -b/2); with the entropy in closed form r^2 has none and the constant is -d b / 2. For noise
of another law of variance V and entropy H, the variance has V b/2 and the constant is d b (log(2 pi) / 2 - H).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from elboproof.audit.divergences import BY_LAW, CLOSED, DRAWN, OTHER_LAWS
from elboproof.audit.flows import FLOW, PATTERN
from elboproof.audit.laws import HALF_LOG_2PI, NORMAL, NoiseLaw

SAME = 1e-6
"""Two weights that differ by less, relative to the larger, are one: float32 parameters enter them."""
OF_SINGLE = 2e-3
"""As `SAME`, of weights that were solved from losses in float32."""
GONE = 1e-9
"""A weight below this, beside those of a likelihood, is none."""
DRAWN_PRIOR = "Monte Carlo prior, closed-form entropy"


NAMES = {
    "closed form": CLOSED,
    "monte carlo": DRAWN,
    FLOW: tuple(PATTERN),
    **dict.fromkeys(OTHER_LAWS, BY_LAW),
}
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


def read_divergence(
    weights: Mapping[str, float], kind: str, d: int, limit: float = SAME, law: NoiseLaw = NORMAL
) -> Divergence:
    """Return what the weights of three terms say, of a q whose noise has a law."""
    read = [_against(weights, *one, limit) for one in _patterns(kind, d, law)]
    return min(read, key=lambda one: len(one.wrong))


def _patterns(kind: str, d: int, law: NoiseLaw) -> list[tuple[Mapping[str, float], float, str]]:
    """Return the weights for b = 1, the constant that belongs to them, and words."""
    of = "" if law is NORMAL else f", q of {law.name} noise"
    if kind == "closed form":
        pattern = {"mean^2": 0.5, "variance": law.variance / 2, "log variance": -0.5}
        return [(pattern, d * law.constant, f"closed-form KL{of}")]
    if kind == FLOW:
        return [(PATTERN, 0.0, "Monte Carlo KL of a flow")]
    if kind in OTHER_LAWS:
        name = f"Monte Carlo KL, q of {OTHER_LAWS[kind].name} noise"
        return [({"z^2": 0.5, BY_LAW[1]: 1.0, "log variance": -0.5}, d * HALF_LOG_2PI, name)]
    entropy = ({"z^2": 0.5, "r^2": 0.0, "log variance": -0.5}, d * law.constant, f"{DRAWN_PRIOR}{of}")
    if law is not NORMAL:
        return [entropy]
    return [({"z^2": 0.5, "r^2": -0.5, "log variance": -0.5}, 0.0, "Monte Carlo KL"), entropy]


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
