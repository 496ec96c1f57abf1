"""Log evidences by routes that share nothing with the engine: exact rationals for linear decoders, FLINT's integrator.

Every truth is an ``arb``: a ball that is proved to contain the log evidence, far narrower than what it judges.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from flint import acb, arb, fmpq, fmpq_mat
from numpy.typing import ArrayLike

from elboproof.numbers.balls import working_precision

BITS = 140
"""Of the references: 42 digits."""
SHARP = 1e-15
"""Relative radius of a reference: the narrowest enclosures of float64 are some 1e-14 wide."""
Number = int | float | str | Fraction
Decoder = Callable[[acb], Sequence[acb]]


def rational(value: Number) -> fmpq:
    """Return the exact number that the engine is told: floats are the doubles that they are."""
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def linear(
    rows: Sequence[Sequence[Number]],
    offset: Sequence[Number],
    variance: Number,
    x: Sequence[Sequence[Number]],
) -> list[arb]:
    """Return log N(x; b, W W' + variance I) for every x: all but the logarithm is exact."""
    w, b, v = (
        fmpq_mat([[rational(a) for a in row] for row in rows]),
        [rational(a) for a in offset],
        rational(variance),
    )
    size = w.nrows()
    covariance = w * w.transpose() + fmpq_mat([[v * (i == j) for j in range(size)] for i in range(size)])
    precision, determinant = covariance.inv(), covariance.det()
    values = []
    with working_precision(BITS):
        constant = ((2 * arb.pi()) ** size * arb(determinant)).log()
        for row in x:
            residual = fmpq_mat([[rational(a) - m] for a, m in zip(row, b, strict=True)])
            form = (residual.transpose() * precision * residual)[0, 0]
            values.append(-(arb(form) + constant) / 2)
    return values


def integrated(
    decoder: Decoder,
    variance: Number,
    x: Sequence[Number],
    *,
    reach: int = 14,
    bits: int = 100,
    distance: Number = 0,
) -> arb:
    """Return log p(x) for one latent by acb.integral over [-reach, reach] and the bound of the prior's tails.

    ``distance`` is a lower bound of |x - f(z)| over the tails.
    """
    with working_precision(bits):
        data, v = [arb(rational(a)) for a in x], arb(rational(variance))

        def exponent(z: acb) -> acb:
            return (
                sum(((a - f) ** 2 for a, f in zip(data, decoder(z), strict=True)), acb(0)) / (2 * v)
                + z * z / 2
            )

        low = _lowest(exponent, reach)
        constant = arb(len(data)) / 2 * (2 * arb.pi() * v).log()
        misfit = arb(rational(distance)) ** 2 / (2 * v)
        return _log_integral(lambda z, _: (low - exponent(z)).exp(), low, misfit, constant, reach)


def _lowest(exponent: Callable[[acb], acb], reach: int) -> arb:
    """Return the least value on a scan, only a scale."""
    return min((exponent(acb(k) / 64).real.mid() for k in range(-64 * reach, 64 * reach + 1)), key=float)


def _log_integral(f: Callable[[acb, bool], acb], low: arb, misfit: arb, constant: arb, reach: int) -> arb:
    """Return log of the integral of f e^-low and its tails, divided by the normalising constants."""
    pieces = [acb.integral(f, acb(k), acb(k + 1), eval_limit=2_000_000) for k in range(-reach, reach)]
    total = sum(pieces, acb(0)).real
    # the likelihood's exponent is at most -misfit there, so the tails weigh at most e^(low - misfit) of the prior's
    tail = (low - misfit).exp() * (2 * arb.pi()).sqrt() * (arb(reach) / arb(2).sqrt()).erfc()
    bounded = total + arb(0, 1) * tail
    return bounded.log() - low - (2 * arb.pi()).log() / 2 - constant


def marginal(
    mean: Callable[[acb], Sequence[acb]],
    variances: Callable[[acb], Sequence[acb]],
    x: Sequence[Number],
    *,
    reach: int = 14,
    bits: int = 100,
) -> arb:
    """Return log p(x) where x given the first latent is N(mean, diag(variances)): other latents are integrated out."""
    with working_precision(bits):
        data = [arb(rational(a)) for a in x]

        def density(z: acb, analytic: bool) -> acb:
            result = (-z * z / 2).exp()
            for a, m, v in zip(data, mean(z), variances(z), strict=True):
                result *= (-((a - m) ** 2) / (2 * v)).exp() * v.rsqrt(analytic=analytic)
            return result

        pieces = [
            acb.integral(density, acb(k), acb(k + 1), eval_limit=2_000_000) for k in range(-reach, reach)
        ]
        least = arb(1)
        for v in variances(acb(0)):
            least *= v.real  # callers' variances are least at 0
        tail = (arb(reach) / arb(2).sqrt()).erfc() * (2 * arb.pi()).sqrt() * least.rsqrt()
        total = sum(pieces, acb(0)).real + arb(0, 1) * tail
        value: arb = total.log() - arb(1 + len(data)) / 2 * (2 * arb.pi()).log()
        return value


def misses(lower: ArrayLike, upper: ArrayLike, truths: Sequence[arb]) -> list[int]:
    """Return the places where the truth is proved to lie outside of [lower, upper]."""
    low, high = np.atleast_1d(np.asarray(lower)), np.atleast_1d(np.asarray(upper))
    if not len(low) == len(high) == len(truths):
        raise ValueError(f"truths: got {len(truths)} of {len(low)} bounds; expected one each")
    blurred = [n for n, t in enumerate(truths) if not is_sharp(t)]
    if blurred:
        raise ValueError(f"truths: got {truths[blurred[0]]} at {blurred[0]}; expected sharp references")
    return [
        n
        for n, t in enumerate(truths)
        if t < arb(float(low[n])) or t > arb(float(high[n]))  # infinite bounds compare as they should
    ]


def is_sharp(value: arb) -> bool:
    """Whether a reference can judge: it is known far better than what is asked of the engine."""
    return bool(value.rad() <= SHARP * (1 + abs(value.mid())))


def hull(lower: float, upper: float) -> arb:
    """Return a ball that contains [lower, upper]."""
    return arb(float(lower)).union(arb(float(upper)))
