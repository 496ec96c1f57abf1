"""Decoders of the problem table that are built and not typed: with fixed weights, and with rotated latents."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

ROTATIONS: Mapping[int, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        1: (("-1",),),
        2: (("33/65", "-56/65"), ("56/65", "33/65")),
        3: (("61/87", "-58/87", "22/87"), ("-2/87", "29/87", "82/87"), ("-62/87", "-58/87", "19/87")),
    }
)
"""Exact orthogonal matrices R by dimension."""


def composed(entry: str, latent: tuple[str, ...], rotation: tuple[tuple[str, ...], ...]) -> str:
    """Put row j of R z for latent j, all at once."""
    # One pattern for all names, at word boundaries: what has been put in is not replaced again.
    rows = {
        name: "(" + "+".join(f"{weight}*{other}" for weight, other in zip(row, latent, strict=True)) + ")"
        for name, row in zip(latent, rotation, strict=True)
    }
    return re.sub(rf"\b({'|'.join(latent)})\b", lambda match: rows[match.group()], entry)


def _numbers(seed: int) -> Iterator[int]:
    """Yield the fixed pseudo-random integers -99 ... 99 that stand for weights, on every machine the same."""
    state = seed
    while True:
        state = (1103515245 * state + 12345) % 2**31  # the constants of ISO C's example of rand()
        yield (state >> 12) % 199 - 99


def network(seed: int, latent: str, hidden: int, outputs: int, gain: int) -> str:
    """Return W tanh(V z + b) + c with two-decimal weights in (-1, 1), V and W times ``gain``."""
    # Numbers are drawn as the text is written, unit by unit, so that a seed is one decoder for good.
    draw = _numbers(seed)

    def number() -> str:
        return f"{next(draw) / 100:+.2f}"

    units = [f"tanh({gain}*({''.join(f'{number()}*{z}' for z in latent)}){number()})" for _ in range(hidden)]
    return "; ".join(
        f"{gain}*({''.join(f'{number()}*{unit}' for unit in units)}){number()}" for _ in range(outputs)
    )


def softmax_average(seed: int, count: int) -> str:
    """Return the closed-form optimal decoder of ``count`` points in the plane, shared encoder variance 1/4.

    The weight of point i is exp((z.m_i - |m_i|^2 / 2) / s^2) with s^2 = 1/4; codes m_i and points x_i have one decimal.
    """
    # Codes and points in tenths: 4 z.m - 2 |m|^2 has coefficients of at most two decimals, so that the text is
    # exact.
    draw = _numbers(seed)
    tenths = [(next(draw) // 5, next(draw) // 5, next(draw) // 5, next(draw) // 5) for _ in range(count)]
    weights = [
        f"exp({4 * p / 10:+.1f}*a{4 * q / 10:+.1f}*b{-2 * (p * p + q * q) / 100:+.2f})"
        for p, q, _, _ in tenths
    ]
    total = "+".join(weights)
    points = [[row[2] / 10 for row in tenths], [row[3] / 10 for row in tenths]]
    sums = ["".join(f"{x:+.1f}*{w}" for x, w in zip(axis, weights, strict=True)) for axis in points]
    return "; ".join(f"({terms})/({total})" for terms in sums)
