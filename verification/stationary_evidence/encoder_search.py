"""S6's instance: three data, the decoder that is optimal for an encoder, and a search for the best encoder.

The decoder is f*(z) = sum_i w_i(z) x_i with w_i(z) = q(z|x_i) / sum_j q(z|x_j) (claim optimal-decoder), refitted to
every encoder. At a stationary point of the mean ELBO in (m_n, s_n) f* may be held fixed: its own first variation is
zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import acb, arb

from elboproof.checking import Hypothesis

from .._shared.balls import ball, working_precision
from .._shared.kept import kept
from .._shared.three_data import DATA, mean_elbo
from .._shared.torch_calculus import Array, climbed, newton, value_and_slope

STARTS = 12


@dataclass(frozen=True)
class Encoder:
    """q_n = N(m_n, s_n), float64, exact as the doubles that they are; also the keys of a decoder."""

    means: tuple[float, ...]
    variances: tuple[float, ...]

    def decoder(self) -> Callable[[acb], acb]:
        """Return f* for balls: the second datum is 0, and its weight is divided out."""
        m, v = ([arb(entry) for entry in entries] for entries in (self.means, self.variances))
        low, _, high = (ball(x) for x in DATA)

        def quadratic(n: int) -> tuple[arb, arb, arb]:
            """Coefficients of log q(z|x_n) - log q(z|x_2)."""
            a, b = 1 / (2 * v[n]), 1 / (2 * v[1])
            constant = b * m[1] ** 2 - a * m[n] ** 2 + (v[1] / v[n]).log() / 2
            return b - a, 2 * (a * m[n] - b * m[1]), constant

        first, last = quadratic(0), quadratic(2)

        def decode(z: acb) -> acb:
            p, q = (((c[0] * z + c[1]) * z + c[2]).exp() for c in (first, last))
            return (low * p + high * q) / (1 + p + q)

        return decode

    def expression(self) -> str:
        """Return f* as ep.LatentModel reads it."""
        pairs = zip(map(Fraction, self.means), map(Fraction, self.variances), strict=True)
        masses = [f"exp(-(z-({m}))**2/(2*({s})))/sqrt({s})" for m, s in pairs]
        weighted = "+".join(f"({x})*{mass}" for x, mass in zip(DATA, masses, strict=True))
        return f"({weighted})/({'+'.join(masses)})"


def _agrees(decode: Callable[[acb], acb], encoder: Encoder) -> bool:
    """Compare a decoder with sum_i w_i x_i, from densities written anew, at some latents, in balls."""
    with working_precision(90):
        pairs = [(arb(m), arb(s)) for m, s in zip(encoder.means, encoder.variances, strict=True)]
        for z in (arb(-1), arb(1) / 3, arb(2)):
            masses = [(-((z - m) ** 2) / (2 * s)).exp() / s.sqrt() for m, s in pairs]
            mean = sum((ball(x) * mass for x, mass in zip(DATA, masses, strict=True)), arb(0)) / sum(
                masses, arb(0)
            )
            if not (decode(acb(z)).real - mean).contains(0):
                return False
    return True


SOME, NEXT = Encoder((-1.0, 0.0, 1.0), (0.5, 0.25, 0.5)), Encoder((-1.0, 0.0, 1.0), (0.5, 0.25, 0.501))

refitted = Hypothesis(
    "refitted decoder",
    "the decoder is sum_i x_i q(z|x_i) / sum_j q(z|x_j) of the encoder that is used with it",
    _agrees,
    accepts=[(SOME.decoder(), SOME)],
    rejects=[(NEXT.decoder(), SOME), (lambda z: z, SOME)],
)


@kept
def best_found(variance: str, keys: Encoder | None = None) -> Encoder:
    """Return the encoder of the highest mean ELBO: L-BFGS from 12 starts, then Newton.

    With ``keys`` the decoder belongs to that encoder and stays; without, it is refitted at each step.
    """
    import torch

    v = float(Fraction(variance))
    fixed = None if keys is None else torch.tensor([*keys.means, *np.log(keys.variances)])

    def elbo(leaf: Any) -> Any:
        return mean_elbo(leaf, v, leaf if fixed is None else fixed)

    rng = np.random.default_rng(6)
    starts = [np.concatenate([rng.normal(size=3), rng.uniform(-3, 0, 3)]) for _ in range(STARTS)]
    ends = [climbed(elbo, start) for start in starts]
    best: Array = newton(elbo, max(ends, key=lambda end: value_and_slope(elbo, end)[0]), 4)
    return Encoder(tuple(map(float, best[:3])), tuple(map(float, np.exp(best[3:]))))
