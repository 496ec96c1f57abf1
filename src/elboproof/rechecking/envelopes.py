r"""For the check: bounds of integrands over the plane, one coordinate of which is moved off the real line.

z = m + L e, and e_k = x_k + iy for one k, |y| <= a, the other coordinate real. An atom's argument a_0 + b.z then has
the imaginary part (b.L)_k y, and with t = |(b.L)_k| a: |sin|, |cos| <= exp(t); |tanh| <= 1 if t <= pi/4, from |tanh(u +
iv)|^2 = (sinh^2 u + sin^2 v)/(sinh^2 u + cos^2 v); so |sigmoid| <= 1 if t <= pi/2, as sigmoid(t) = (1 + tanh(t/2))/2.

*A monomial under q* times exp(-(e.e)/2): |exp(-e_k^2/2)| = exp((y^2 - x_k^2)/2), and with M = max_i |m_i| + |L_ik| a, s
the largest length of a row of L and p the power of the latents, their product is at most (M + s |x|)^p <= P
exp(|x|^2/8), P the greatest value of (M + s r)^p exp(-r^2/8), at the root of s r^2 + M r = 4 p s.

*An exponential of G* (L = 1, m = 0), G - |z|^2/2 = l.z - z'Hz/2 + terms with atoms. The real part of the first two is
l.x - x'Hx/2 + H_kk y^2/2; a term c z_i atoms is at most |c| (|x_i| + a) times the atoms' bounds. So with lambda <= the
least eigenvalue of H, c the constants and t_i the factors of |x_i|, the whole is at most

    c + H_kk a^2/2 + sum t_i |x_i| - lambda |x|^2/2 <= c + H_kk a^2/2 + sum t_i^2/(4 d) - (lambda/2 - d) |x|^2, d > 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, log, pi, sqrt

import sympy
from sympy import Expr, Symbol

from elboproof.numbers.functions import Sigmoid
from elboproof.numbers.outward import library_upward
from elboproof.rechecking.functions import Terms
from elboproof.rechecking.integration import Unable

_STRIP = {sympy.tanh: pi / 4, Sigmoid: pi / 2}
"""Largest |Im| of the argument up to which the atom is at most 1."""
_WAVES = (sympy.sin, sympy.cos)
_WIDEST = 2.0
_HIGHEST_POWER = 40
_LEAST_CURVATURE = 0.25
_SLACK = 1e-9
"""Relative: far above the roundings of a few float operations."""
Pair = tuple[float, float]
Powers = tuple[int, int]
_PLAIN: tuple[Powers, ...] = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))


@dataclass(frozen=True)
class Envelope:
    """|F(x)| <= exp(nats - rate |x|^2)/(2 pi)."""

    nats: float
    rate: float


@dataclass(frozen=True)
class Frame:
    """m and L of z = m + L e, as floats next to the exact ones."""

    mean: Pair
    factor: tuple[Pair, Pair]

    def slope(self, gradient: Pair, k: int) -> float:
        """Return an upper bound of |(b.L)_k|."""
        parts = [b * row[k] for b, row in zip(gradient, self.factor, strict=True)]
        return library_upward(abs(sum(parts)) + _SLACK * sum(map(abs, parts)))


_UNIT = Frame((0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))


@dataclass(frozen=True)
class _Size:
    """A monomial: its constant, the powers of the latents, and gradients of its atoms with powers or limits."""

    constant: float
    powers: Powers
    waves: tuple[tuple[Pair, int], ...]
    squashed: tuple[tuple[Pair, float], ...]

    @property
    def plain(self) -> bool:
        """Whether there is no atom."""
        return not self.waves and not self.squashed

    def bound(self, frame: Frame, k: int, strip: float) -> float:
        """Return a bound of |constant and atoms| in a strip in which the squashed ones are at most 1."""
        waves = sum(frame.slope(gradient, k) * power for gradient, power in self.waves)
        return library_upward(abs(self.constant) * library_upward(exp(library_upward(waves * strip))))


def _size(e: Expr, latents: tuple[Symbol, ...]) -> _Size:
    # Factors without latents are constants. Whatever is no power of a latent and no known atom of an affine form is
    # refused.
    constant, powers = 1.0, [0, 0]
    waves: list[tuple[Pair, int]] = []
    squashed: list[tuple[Pair, float]] = []
    for factor, exponent in e.as_powers_dict().items():
        if not (factor**exponent).has(*latents):
            constant *= float(factor**exponent)
        elif not exponent.is_Integer or not 1 <= exponent <= _HIGHEST_POWER:
            raise Unable(f"{factor**exponent} under two latents")
        elif factor in latents:
            powers[latents.index(factor)] += int(exponent)
        elif factor.func in _WAVES:
            waves.append((_gradient(factor, latents), int(exponent)))
        else:
            squashed.append((_gradient(factor, latents), _STRIP.get(factor.func, 0.0)))
    return _Size(constant, (powers[0], powers[1]), tuple(waves), tuple(squashed))


def _gradient(atom: Expr, latents: tuple[Symbol, ...]) -> Pair:
    slopes = [sympy.diff(atom.args[0], z) for z in latents] if atom.func in (*_STRIP, *_WAVES) else []
    if not slopes or any(not slope.is_number for slope in slopes):
        raise Unable(f"{atom} under two latents; known are sin, cos, tanh and sigmoid of a + b.z")
    return float(slopes[0]), float(slopes[1])


def widest_strip(monomials: Sequence[Expr], latents: tuple[Symbol, ...], frame: Frame, k: int) -> float:
    """Return a half width a up to which all tanh and sigmoid are at most 1 along an axis; at most 2."""
    widest = _WIDEST
    for one in (_size(e, latents) for e in monomials):
        for gradient, limit in one.squashed:
            slope = frame.slope(gradient, k)
            if slope > 0:
                widest = min(widest, 0.999 * limit / slope)
    return widest


def of_monomial(e: Expr, latents: tuple[Symbol, ...], frame: Frame, k: int, strip: float) -> Envelope:
    """Return the envelope of a monomial times exp(-(e.e)/2)."""
    one = _size(e, latents)
    power, nats = sum(one.powers), strip * strip / 2
    if power:
        start = max(abs(m) + abs(row[k]) * strip for m, row in zip(frame.mean, frame.factor, strict=True))
        s = max(hypot(*row) for row in frame.factor)
        r = 8 * power * s / (sqrt(start * start + 16 * power * s * s) + start)
        nats += power * log(start + s * r) - r * r / 8
    nats += log(max(one.bound(frame, k, strip), 1e-300))
    return Envelope(nats + _SLACK * (1 + abs(nats) + power), 0.375)


@dataclass
class _Exponent:
    """G without atoms, by powers; constants and factors of |x_i| that bound the rest; what floats may have lost."""

    plain: dict[Powers, float]
    constant: float = 0.0
    slopes: Pair = (0.0, 0.0)
    lost: float = 0.0

    def add(self, one: _Size, factor: float, k: int, strip: float) -> None:
        """Add a monomial times a number."""
        if one.plain and any(one.powers):
            self.plain[one.powers] += one.constant * factor
            self.lost += _SLACK * abs(one.constant * factor)  # what nearly cancels counts with its sizes
            return
        size = library_upward(abs(factor) * one.bound(_UNIT, k, strip))
        self.constant += size * (strip if any(one.powers) else 1.0)
        self.slopes = self.slopes[0] + size * one.powers[0], self.slopes[1] + size * one.powers[1]

    @property
    def curvatures(self) -> Pair:
        """H_11 and H_22."""
        return 1 - 2 * self.plain[2, 0], 1 - 2 * self.plain[0, 2]

    @property
    def least(self) -> float:
        """A lower bound of H's eigenvalues."""
        (h, j), across = self.curvatures, self.plain[1, 1]
        lost = _SLACK * (2 + abs(h) + abs(j) + abs(across)) + 2 * self.lost
        return (h + j) / 2 - hypot((h - j) / 2, across) - lost


def of_exponential(
    function: Terms, latents: tuple[Symbol, ...], k: int, strip: float, share: float
) -> Envelope:
    """Return the envelope of exp(G - |z|^2/2); ``share`` of lambda/2 is d."""
    whole = _Exponent(dict.fromkeys(_PLAIN, 0.0))
    for monomial, number in function.items():
        one = _size(monomial, latents)
        if sum(one.powers) > (2 if one.plain else 1):
            raise Unable(f"an exponent with {monomial} under two latents")
        whole.add(one, float(number), k, strip)
    if not whole.least >= _LEAST_CURVATURE:
        raise Unable("an exponent under two latents is not seen to fall in all directions")
    d = share * whole.least / 2
    lines = whole.plain[1, 0], whole.plain[0, 1]
    slopes = [t + abs(line) + whole.lost for t, line in zip(whole.slopes, lines, strict=True)]
    moved = (whole.curvatures[k] + 2 * whole.lost) * strip * strip / 2
    nats = whole.constant + moved + sum(t * t for t in slopes) / (4 * d)
    return Envelope(nats + _SLACK * (1 + abs(nats)), (1 - _SLACK) * (whole.least / 2 - d))
