"""Two binary latents coupled by h(z) = b_1 z_1 + b_2 z_2 + c z_1 z_2, c > 0, with a Gumbel for each value of each.

Differences of two Gumbels are logistic, so that z = argmax of z_1 x + z_2 y + c z_1 z_2 with x = b_1 + l_1, y = b_2 +
l_2. The plane falls into four regions: (1,0) is x >= 0, y <= -c; (0,1) is y >= 0, x <= -c; (1,1) is x, y, x + y >= -c;
(0,0) is the rest. (0,0) and (1,1) meet in the segment x + y = -c, -c <= x <= 0, across which both latents change. With
s(t) = 1/(1 + exp(-t)), B = exp(b_1), k = exp(b_2 + c),

    P(1,1) = s(b_1) s(b_2 + c) + int_{-c}^0 s'(x - b_1) s(b_2 + c + x) dx,

and in y = exp(x) the integrand is B k y / ((B + y)^2 (1 + k y)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import acb, arb

from .._shared.balls import ball

Four = tuple[Any, Any, Any, Any]
"""Of (0,0), (0,1), (1,0), (1,1)."""


def antiderivative(B: Any, k: Any, y: Any, log: Callable[[Any], Any]) -> Any:
    """Return the antiderivative in y of B k y / ((B + y)^2 (1 + k y)), for symbols or balls."""
    E = 1 - k * B
    return B * (k / E**2 * (log(B + y) - log(1 + k * y)) + k * B / (E * (B + y)))


def masses(B: Any, D: Any, C: Any, log: Callable[[Any], Any]) -> Four:
    """Return the four probabilities of exp(b_1), exp(b_2), exp(c)."""
    k = D * C
    both = B / (1 + B) * k / (1 + k)
    both = both + antiderivative(B, k, B / B, log) - antiderivative(B, k, 1 / C, log)
    first, second = B / (1 + B) / (1 + k), D / (1 + D) / (1 + B * C)
    return 1 - first - second - both, second, first, both


def logistic(t: Any) -> Any:
    """Return s(t), of balls."""
    return 1 / (1 + (-t).exp())


def bell(t: Any) -> Any:
    """Return s'(t), of balls."""
    return 1 / (2 + t.exp() + (-t).exp())


@dataclass(frozen=True)
class Pair:
    """The fields b_1, b_2 and the coupling c > 0, exact."""

    first: Fraction
    second: Fraction
    coupling: Fraction

    def moved(self, step: Fraction, f: "Pair") -> "Pair":
        """Return h + step f."""
        return Pair(
            self.first + step * f.first, self.second + step * f.second, self.coupling + step * f.coupling
        )

    def values(self) -> tuple[Fraction, ...]:
        """Return h of the four configurations."""
        return Fraction(0), self.second, self.first, self.first + self.second + self.coupling

    def law(self) -> Four:
        """Return the probabilities of the arg max, as balls."""
        B, D, C = (ball(one).exp() for one in (self.first, self.second, self.coupling))
        return masses(B, D, C, arb.log)

    def gibbs(self) -> Four:
        """Return softmax(h), as balls."""
        weights = [ball(h).exp() for h in self.values()]
        whole = sum(weights, arb(0))
        return tuple(w / whole for w in weights)  # type: ignore[return-value]

    def over_segment(self, inner: Callable[[acb], acb]) -> arb:
        """Return int_{-c}^0 s'(x - b_1) inner(x) dx."""
        b = ball(self.first)
        found: arb = acb.integral(lambda x, _: bell(x - b) * inner(x), acb(-ball(self.coupling)), acb(0)).real
        return found

    def none(self) -> arb:
        """Return P(0,0) from its own region: y <= 0 for x <= -c, y <= -c - x up to x = 0."""
        b, d, c = map(ball, (self.first, self.second, self.coupling))
        found: arb = logistic(-c - b) * logistic(-d) + self.over_segment(lambda x: logistic(-c - x - d))
        return found

    def borders(self) -> tuple[arb, arb, arb]:
        """Return the densities on the borders where z_1 changes: (0,0)-(1,0), (0,1)-(1,1), (0,0)-(1,1)."""
        b, d, c = map(ball, (self.first, self.second, self.coupling))
        across = self.over_segment(lambda x: bell(-c - x - d))
        return bell(-b) * logistic(-c - d), bell(-c - b) * logistic(d), across

    def flipped(self, step: Fraction, f: "Pair") -> arb:
        """Return P(z_1 = 1) after z_1 alone is perturbed by step f, z_2 held at its value in the arg max."""
        # z_2 = 1 where y >= t(x): -c for x >= 0, -c - x down to x = -c, 0 below. z_1 = 1 where x + c z_2 + step
        # (f(1, z_2) - f(0, z_2)) >= 0
        low = -step * f.first
        high = -self.coupling - step * (f.first + f.coupling)
        return self._beyond(low, second=False) + self._beyond(high, second=True)

    def _beyond(self, start: Fraction, second: bool) -> arb:
        """Return the mass of x >= start with z_2 as given."""
        b, d, c = map(ball, (self.first, self.second, self.coupling))

        def mass(t: Any) -> Any:
            return logistic(d - t) if second else logistic(t - d)

        def piece(low: Fraction, t: Callable[[acb], acb]) -> arb:
            found: arb = acb.integral(lambda x, _: bell(x - b) * mass(t(x)), acb(ball(low)), acb(0)).real
            return found

        result: arb = logistic(b - ball(max(start, Fraction(0)))) * mass(
            -c
        )  # x >= 0, where y = -c is the border
        if start < 0:
            result += piece(max(start, -self.coupling), lambda x: -c - x)
        if start < -self.coupling:
            result += (logistic(b - ball(start)) - logistic(b + c)) * mass(arb(0))
        return result
