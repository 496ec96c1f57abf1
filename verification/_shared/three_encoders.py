"""Stationary encoders of three data with an optimal decoder, proved by Krawczyk's test in FLINT's balls.

q_n = N(m_n, s_n), t_n = log s_n, and f = sum_n w_n x_n with w_n = q_n / sum_k q_k, of the encoder itself ("refitted")
or of other codes, the keys. With R = sum_n E_n (x_n - f)^2 three times the mean ELBO is, up to a constant,

    -R / (2 v) + (1/2) sum_n (1 + t_n - m_n^2 - s_n).

sum_n q_n (x_n - f) = 0 at every z, so dR / dtheta = E_n[(x_n - f)^2 p] for a parameter theta of q_n with the score p.
As df / dtheta = w_n (x_n - f) p, its derivative in theta' of q_k has besides E_n[(x_n - f)^2 (q_n'' / q_n)], if k = n,
the term -2 E_n[(x_n - f)(x_k - f) p p' w_k], if the decoder is refitted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import acb, arb

from elboproof.numbers.krawczyk import Zero, form, zero_near
from elboproof.numbers.symmetric import ldl

from .balls import CUTOFF, ball, working_precision
from .three_data import DATA
from .torch_calculus import Array

LARGEST = 13
"""Of |(x - f)(x' - f)| for x, x' and f in the hull of the data: (5/2 + 1)^2 = 12.25."""
LEAST, FARTHEST = 0.01, 3.0
"""Of variances, at least, and of |m|, at most: what the growth of integrands is bounded for."""
GROWTH = 10**10
"""|g(u)| <= GROWTH (1 + u^4): for 1/100 <= s <= 1 and |m - m'| <= 6 the scores at z = m + sqrt(s) u, also of another
code, are at most 100 (|u| + 6) and 50 (|u| + 6)^2 + 1/2, so at most 1900 (1 + |u|)^2. Two of them, with 2 LARGEST, stay
below 26 1900^2 8 (1 + u^4) < 1e9 (1 + u^4); one, or a second derivative, with LARGEST too."""
BITS, VALUE_BITS = 64, 110
SHARP, ROUGH = 2.0**-56, 2.0**-16
"""Tolerances of gradients and of Hessians, which steer: what is returned encloses."""
RADII, WIDER = (1e-12, 1e-13), (1e-9, 1e-10)
"""Half widths of boxes; wider ones where the decoder's codes are balls."""
STEPS = 12

Weights = Callable[[acb], Sequence[acb]]
Score = Callable[[acb, acb], acb]
"""Of u and 1 / sqrt(s)."""


@dataclass(frozen=True)
class Codes:
    """The m_n and t_n of three codes, balls."""

    means: tuple[arb, ...]
    logs: tuple[arb, ...]

    @classmethod
    def of(cls, numbers: Array) -> "Codes":
        """Return exact codes of six doubles, or of three and one shared t."""
        exact = [arb(number) for number in numbers.tolist()]
        logs = exact[3:] if len(exact) == 6 else exact[3:] * 3
        return cls(tuple(exact[:3]), tuple(logs))

    def moved(self, offsets: Sequence[arb]) -> "Codes":
        """Return the codes with offsets, six or four."""
        logs = offsets[3:] if len(offsets) == 6 else [*offsets[3:]] * 3
        return Codes(
            tuple(a + b for a, b in zip(self.means, offsets[:3], strict=True)),
            tuple(a + b for a, b in zip(self.logs, logs, strict=True)),
        )

    def _log_odds(self) -> tuple[tuple[arb, arb, arb], tuple[arb, arb, arb]]:
        """Return the coefficients of log q_1 - log q_2 and of log q_3 - log q_2, quadratic in z."""
        m, t = self.means, self.logs
        rates = [(-one).exp() / 2 for one in t]

        def quadratic(n: int) -> tuple[arb, arb, arb]:
            a, b = rates[n], rates[1]
            return b - a, 2 * (a * m[n] - b * m[1]), b * m[1] ** 2 - a * m[n] ** 2 + (t[1] - t[n]) / 2

        return quadratic(0), quadratic(2)

    def weights(self) -> Weights:
        """Return z -> w_n(z); the second code's density is divided out."""
        first, last = self._log_odds()

        def at(z: acb) -> Sequence[acb]:
            p, q = (((c[0] * z + c[1]) * z + c[2]).exp() for c in (first, last))
            total = 1 + p + q
            return p / total, 1 / total, q / total

        return at

    def log_weights(self) -> Callable[[acb, bool], Sequence[acb]]:
        """Return z -> log w_n(z); where it is to be analytic and may not be, no number."""
        first, last = self._log_odds()

        def at(z: acb, analytic: bool) -> Sequence[acb]:
            p, q = ((c[0] * z + c[1]) * z + c[2] for c in (first, last))
            total = (1 + p.exp() + q.exp()).log(analytic=analytic)
            return p - total, -total, q - total

        return at


def gaussian_integral(m: arb, t: arb, g: Callable[[acb, acb, acb], acb], tolerance: float) -> arb:
    """Return E[g(z, u, 1 / sqrt(s))] over z = m + sqrt(s) u for |g| <= GROWTH (1 + u^4); m and t may be balls."""
    scale = (t / 2).exp()
    rate = acb(1 / scale)

    def integrand(u: acb, _: bool) -> acb:
        return (-u * u / 2).exp() * g(m + scale * u, u, rate)

    wanted = arb(tolerance)
    inner = acb.integral(integrand, -CUTOFF, CUTOFF, abs_tol=wanted, rel_tol=wanted).real
    tail = 2 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp() * GROWTH
    return (inner + tail * arb(0, 1)) / (2 * arb.pi()).sqrt()


def _first(u: acb, rate: acb) -> acb:
    """Score in m: u / sqrt(s)."""
    return u * rate


def _second(u: acb, rate: acb) -> acb:  # noqa: ARG001
    """Score in t: (u^2 - 1) / 2."""
    return (u * u - 1) / 2


def _one(u: acb, rate: acb) -> acb:  # noqa: ARG001
    """No score: of the ELBO itself."""
    return acb(1)


SCORES = (_first, _second)
BENDS: dict[tuple[int, int], Score] = {
    (0, 0): lambda u, rate: (u * u - 1) * rate * rate,
    (0, 1): lambda u, rate: u * (u * u - 3) / 2 * rate,
    (1, 1): lambda u, rate: (u * u - 1) ** 2 / 4 - u * u / 2,  # noqa: ARG005
}
"""Second derivatives of q, divided by q."""


@dataclass
class System:
    """Where the gradient vanishes; one t for all if ``shared``, the decoder of the keys if there are any."""

    variance: str
    place: Array
    keys: Codes | None = None

    @property
    def shared(self) -> bool:
        """Whether the place has one t."""
        return len(self.place) == 4

    def enclosed(self, radius: float) -> tuple[list[arb], list[list[arb]]]:
        """Return the gradient at the place and the Hessian over the box around it."""
        codes = Codes.of(self.place)
        box = codes.moved([arb(0, radius)] * len(self.place))
        _require(box)
        gradient, hessian = self._gradient(codes), self._hessian(box)
        return (_tied(gradient), _tied_matrix(hessian)) if self.shared else (gradient, hessian)

    def move(self, step: Array) -> bool:
        """See `elboproof.numbers.krawczyk.System`."""
        self.place = self.place + step
        return bool(np.abs(self.place[:3]).max() < FARTHEST and self.place[3:].min() > np.log(LEAST))

    def _gradient(self, codes: Codes) -> list[arb]:
        weights = (self.keys or codes).weights()
        slopes = []
        for kind, score in enumerate(SCORES):
            for n, (m, t) in enumerate(zip(codes.means, codes.logs, strict=True)):
                loss = gaussian_integral(m, t, _scored(_product(weights, n, n), score), SHARP)
                own = -m if kind == 0 else (1 - t.exp()) / 2
                slopes.append(own - loss / (2 * ball(self.variance)))
        return slopes

    def _hessian(self, codes: Codes) -> list[list[arb]]:
        matrix = [[arb(0)] * 6 for _ in range(6)]
        for a in range(6):
            for b in range(a, 6):
                matrix[a][b] = matrix[b][a] = self._entry(codes, a, b)
        return matrix

    def _entry(self, codes: Codes, a: int, b: int) -> arb:
        """Return an entry of the Hessian; parameter a belongs to the code a mod 3, and is m if a < 3."""
        (i, n), (j, k) = divmod(a, 3), divmod(b, 3)
        if n != k and self.keys is not None:
            return arb(0)
        own = arb(0)
        if a == b:
            own = arb(-1) if i == 0 else -codes.logs[n].exp() / 2
        weights = (self.keys or codes).weights()
        direct, cross, bend = _product(weights, n, n), _product(weights, n, k), BENDS[min(i, j), max(i, j)]
        shift, back = codes.means[k], (-codes.logs[k] / 2).exp()

        def g(z: acb, u: acb, rate: acb) -> acb:
            total = acb(0)
            if n == k:
                total += direct(z) * bend(u, rate)
            if self.keys is None:
                there = (z - shift) * back
                total -= 2 * cross(z) * SCORES[i](u, rate) * SCORES[j](there, acb(back)) * weights(z)[k]
            return total

        return own - gaussian_integral(codes.means[n], codes.logs[n], g, ROUGH) / (2 * ball(self.variance))

    def elbo(self) -> arb:
        """Return the mean ELBO at the place, with the precision in force."""
        codes = Codes.of(self.place)
        weights, v = (self.keys or codes).weights(), ball(self.variance)
        total = arb(0)
        for n, (m, t) in enumerate(zip(codes.means, codes.logs, strict=True)):
            loss = gaussian_integral(m, t, _scored(_product(weights, n, n), _one), 2.0**-VALUE_BITS)
            total += (1 + t - m**2 - t.exp() - loss / v - (2 * arb.pi() * v).log()) / 2
        return total / 3


def _scored(product: Callable[[acb], acb], score: Score) -> Callable[[acb, acb, acb], acb]:
    return lambda z, u, rate: product(z) * score(u, rate)


def _product(weights: Weights, n: int, k: int) -> Callable[[acb], acb]:
    """(x_n - f)(x_k - f), from differences of the data: sum over j of w_j (x_n - x_j) is x_n - f."""
    x = [ball(datum) for datum in DATA]

    def at(z: acb) -> acb:
        w = weights(z)
        first = sum((w[j] * (x[n] - x[j]) for j in range(3) if j != n), acb(0))
        if n == k:
            return first * first
        return first * sum((w[j] * (x[k] - x[j]) for j in range(3) if j != k), acb(0))

    return at


def _require(box: Codes) -> None:
    """Raise unless the growth of all integrands is bounded as assumed."""
    near = all(abs(m) < FARTHEST for m in box.means)
    if not (near and all(t.exp() > LEAST and t.exp() < 1 for t in box.logs)):
        raise ArithmeticError(f"codes: got {box}; expected |m| < {FARTHEST} and {LEAST} < s < 1")


def _tied(values: Sequence[arb]) -> list[arb]:
    """Add up what belongs to the one t."""
    return [*values[:3], sum(values[3:], arb(0))]


def _tied_matrix(matrix: Sequence[Sequence[arb]]) -> list[list[arb]]:
    rows = [_tied(row) for row in matrix]
    return [_tied([row[j] for row in rows]) for j in range(4)]


@dataclass(frozen=True)
class Optimum:
    """A stationary encoder, proved to be the only one in a box; its mean ELBO and the definiteness of the Hessian."""

    codes: Codes
    elbo: arb
    hessian: Sequence[Sequence[arb]]
    place: tuple[float, ...]


def proved(variance: str, start: Sequence[float], keys: Codes | None = None) -> Optimum:
    """Return the stationary encoder that Newton's method leads to from a start of six numbers, or four for one t.

    Raises
    ------
    ArithmeticError
        If Krawczyk's test accepts none.
    """
    system = System(variance, np.array(start, dtype=np.float64), keys)
    with working_precision(BITS):
        zero = zero_near(system, RADII if keys is None else WIDER, STEPS)
    if zero is None:
        raise ArithmeticError(f"start: got {start}; expected one from which a stationary encoder is proved")
    with working_precision(VALUE_BITS):
        return _optimum(system, zero)


def _optimum(system: System, zero: Zero) -> Optimum:
    """Taylor's theorem at the zero, where three times the mean ELBO has no slope, leaves w'J w / 2."""
    elbo = system.elbo() - form(zero.jacobian, zero.place) / 6
    codes = Codes.of(system.place).moved(zero.place)
    return Optimum(codes, elbo, zero.jacobian, tuple(system.place.tolist()))


def definite(matrix: Sequence[Sequence[arb]]) -> arb:
    """Return the least pivot of -M: positive only if M is negative definite."""
    negative = [[-entry for entry in row] for row in matrix]
    pivots = ldl(negative)[1]
    if len(pivots) < len(matrix):
        return arb(0)
    return min(pivots, key=lambda one: float(one.lower()))
