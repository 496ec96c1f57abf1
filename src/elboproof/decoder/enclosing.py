"""The optimal decoder in ball arithmetic: at exact points, and over real or complex balls.

Let z be a ball with midpoint z0, h = z - z0, and E_i the log density of point i without the common constant, with
gradient A_i = P_i (m_i - z) and Hessian -P_i. Let r be the point of largest Re E_i(z0). Exactly, as E_i is quadratic,

    E_i(z) - E_r(z) = E_i(z0) - E_r(z0) + (A_i - A_r)(z0).h - h.(P_i - P_r) h / 2,
    f*(z) = x_r + sum_i (x_i - x_r) exp(E_i - E_r) / sum_i exp(E_i - E_r),

so that the width of z enters only through differences, and nothing over- or underflows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import unwrapped
from elboproof.decoder.gaussians import Gaussians
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of
from elboproof.numbers.exact import exact as exact_number

FIRST_BITS = 64
MOST_BITS = 1 << 15
GUARD_DIGITS = 30
"""A component that may be zero is accepted at an absolute error this many digits below the wanted ones."""

Ball = Any
"""A flint arb or acb."""
Balls = list[Ball]
Square = list[Balls]


@dataclass(frozen=True)
class Exact:
    """Codes, data and covariances as balls without radius, and what one working precision makes of them."""

    codes: list[Balls]
    data: list[Balls]
    covariances: list[Square]
    made: dict[int, tuple[list[Square], Balls]] = field(default_factory=dict)

    def precisions(self) -> tuple[list[Square], Balls]:
        """Return S_i^-1 and -log det S_i / 2 at the working precision."""
        from elboproof.numbers.precision import current_bits

        # one entry for each precision; the caller holds the door, so bits cannot change on the way
        bits = current_bits()
        if bits not in self.made:
            pairs = [_invert(matrix) for matrix in self.covariances]
            self.made[bits] = [inverse for inverse, _ in pairs], [log for _, log in pairs]
        return self.made[bits]


@dataclass(frozen=True, eq=False)
class EnclosedAverage:
    """Proved bounds of f*(z).

    Attributes
    ----------
    enclosure : Enclosure
        Float bounds of shape (D,), rounded outwards.
    balls : list of arb
        The same at the precision of the computation.
    bits : int
        That precision.
    """

    enclosure: Enclosure
    balls: Balls
    bits: int

    @property
    def lower(self) -> Any:
        """The lower bounds (D,)."""
        return self.enclosure.lower

    @property
    def upper(self) -> Any:
        """The upper bounds (D,)."""
        return self.enclosure.upper


def exact(g: Gaussians, data: Any) -> Exact:
    """Return the arrays as balls: every float is the binary number that it is."""
    d = g.means.shape[1]
    matrices = (
        [[[v if j == k else 0.0 for k in range(d)] for j in range(d)] for v in g.covariances.tolist()]
        if g.isotropic
        else g.covariances.tolist()
    )
    return Exact(_balls(g.means.tolist()), _balls(data.tolist()), [_balls(matrix) for matrix in matrices])


def _balls(rows: list[list[float]]) -> Square:
    from flint import arb

    return [[arb(value) for value in row] for row in rows]


def _invert(matrix: Square) -> tuple[Square, Ball]:
    from flint import arb, arb_mat

    # balls at the working precision: FLINT's inverse and determinant contain the exact ones, or the
    # inverse is refused
    wrapped, d = arb_mat(matrix), len(matrix)
    try:
        inverse = wrapped.inv()
    except ZeroDivisionError:  # the precision is too low; NaN tells the caller so
        return [[arb("nan")] * d for _ in range(d)], arb("nan")
    return [[inverse[j, k] for k in range(d)] for j in range(d)], -wrapped.det().log() / 2


def require_balls(z: Sequence[Ball], dimensions: int) -> Sequence[Ball]:
    """Return z if it is a sequence of d real balls or d complex balls."""
    from flint import acb, arb

    if not isinstance(z, list | tuple) or not all(isinstance(ball, arb | acb) for ball in z):
        raise wrong_type("z", z, f"a list of d = {dimensions} balls (flint.arb or flint.acb)")
    if len(z) != dimensions:
        raise bad("z", z, f"a list of d = {dimensions} balls")
    return z


def exact_point(z: Any, dimensions: int) -> list[Fraction]:
    """Return the d rational numbers that z spells."""
    given = unwrapped(z, "z")
    entries = list(given) if isinstance(given, np.ndarray) else given
    if not isinstance(entries, list | tuple) or len(entries) != dimensions:
        raise bad("z", z, f"one point: a sequence of d = {dimensions} numbers")
    return [exact_number(entry, f"z[{k}]") for k, entry in enumerate(entries)]


def values(decoder: Exact, z: Sequence[Ball]) -> Balls:
    """Return f*(z) as D balls for d real or complex balls z, at the working precision."""
    from elboproof.numbers.precision import steady_precision

    with steady_precision():
        return _values(decoder, z)


def _values(decoder: Exact, z: Sequence[Ball]) -> Balls:
    # N codes, d balls z, D balls out. Taylor's formula of the quadratic E_i - E_r about z0 is exact
    # (module docstring), for complex h as well; every step is in balls, so z0, which is exact, and
    # the roundings of z - z0 need no argument. In a shared covariance the quadratic terms are equal
    # and cancel before anything is computed. Any r is right; the one of largest energy makes every
    # exponent nonpositive at z0, and its own power is the exact 1.
    precisions, logs = decoder.precisions()
    shared = len(precisions) == 1
    middle = [_middle(component) for component in z]
    width = [component - centre for component, centre in zip(z, middle, strict=True)]
    slopes, energies = [], []
    for i, code in enumerate(decoder.codes):
        away = [m - c for m, c in zip(code, middle, strict=True)]
        slopes.append(_times(precisions[0 if shared else i], away))
        energies.append(logs[0 if shared else i] - _dot(away, slopes[-1]) / 2)
    top = max(range(len(energies)), key=lambda i: _key(energies[i]))
    powers = []
    for i, slope in enumerate(slopes):
        linear = _dot([a - b for a, b in zip(slope, slopes[top], strict=True)], width)
        bent = 0 if shared else _bend(precisions[i], precisions[top], width)
        powers.append((energies[i] - energies[top] + linear - bent).exp() if i != top else 1)
    return _mean(powers, decoder.data, top)


def _mean(powers: Balls, data: list[Balls], top: int) -> Balls:
    # x_r + sum_i (x_i - x_r) w_i: w_r is not multiplied by anything, so its width does not enter a
    # second time. If the total may vanish (complex z beyond the strip), the quotients are not
    # finite, and neither is the value.
    others = [i for i in range(len(powers)) if i != top]
    total = sum((powers[i] for i in others), powers[top])
    shares = [powers[i] / total for i in others]
    base = data[top]
    return [
        sum((share * (data[i][k] - base[k]) for share, i in zip(shares, others, strict=True)), base[k])
        for k in range(len(base))
    ]


def _middle(ball: Ball) -> Ball:
    from flint import acb, arb

    return ball.mid() if isinstance(ball, arb) else acb(ball.real.mid(), ball.imag.mid())


def _key(ball: Ball) -> float | Ball:
    # compared by exact midpoints, an unknown one as 0: any choice is right, a poor one only costs width
    middle = ball.real.mid()
    return middle if middle.is_finite() else 0


def _dot(one: Sequence[Ball], two: Sequence[Ball]) -> Ball:
    return sum((a * b for a, b in zip(one[1:], two[1:], strict=True)), one[0] * two[0])


def _times(matrix: Square, vector: Sequence[Ball]) -> Balls:
    return [_dot(row, vector) for row in matrix]


def _bend(one: Square, two: Square, width: Sequence[Ball]) -> Ball:
    change = [[a - b for a, b in zip(p, q, strict=True)] for p, q in zip(one, two, strict=True)]
    return _dot(width, _times(change, width)) / 2


def enclose(decoder: Exact, z: Sequence[Fraction], digits: int) -> EnclosedAverage:
    """Return proved bounds of f*(z) at an exact z, to a number of digits.

    Raises
    ------
    ArithmeticError
        If 32,768 bits do not suffice.
    """
    from elboproof.numbers.balls import working_precision

    # The precision doubles until the ball is narrow enough, so all evaluations cost little more
    # than the last two. Each of them encloses; the loop only decides when to stop. The exact z is
    # made a ball anew at each precision.
    bits = max(FIRST_BITS, 4 * digits + 16)
    while bits <= MOST_BITS:
        with working_precision(bits):
            found = values(decoder, [ball_of(c) for c in z])
            if all(_reached(ball, k, decoder.data, digits) for k, ball in enumerate(found)):
                return EnclosedAverage(Enclosure.from_balls(found), found, bits)
        bits *= 2
    raise ArithmeticError(f"enclose: {digits} digits were not reached with {MOST_BITS} bits")


def _reached(ball: Ball, component: int, data: list[Balls], digits: int) -> bool:
    from flint import arb

    if not ball.is_finite():
        return False
    # the radius against the midpoint, or, for a component that may be 0, against the largest |x_ik|
    # of that component
    size = max((abs(row[component]) for row in data), default=arb(0))
    wanted = arb(10) ** -digits
    floor = wanted * arb(10) ** -GUARD_DIGITS * size
    return bool(ball.rad() <= wanted * abs(ball.mid()) or ball.rad() <= floor)
