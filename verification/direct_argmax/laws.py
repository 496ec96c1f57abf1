"""The exact law of two arg maxima that share their Gumbels, for any kind of numbers.

g_k = -log E_k with independent exponentials E_k of rate 1, so that argmax_k (a_k + t f_k + g_k) is the k with the
least E_k / (w_k u_k): w_k = exp(a_k), u_k = exp(t f_k). Clocks T_k = E_k / w_k run at rates w_k; z_opt is the first,
z_eps the first of T_k / u_k. Given T_i = t and T_j = v t, with i = z_opt and j = z_eps, each other clock is later than
t and than v t u_k / u_j: for f_j > f_i

    P(z_opt = i, z_eps = j) = int_1^V w_i w_j / W(v)^2 dv,   W(v) = sum_k w_k max(1, v u_k / u_j),   V = u_j / u_i,

as int_0^inf t exp(-t W) dt = 1 / W^2. W is affine between its kinks u_j / u_m, where it is S_m = sum_k w_k max(1, u_k /
u_m); and int dv / W^2 over a piece on which W is affine is its length over the product of W at its ends. Both stay the
same: P(z_opt = z_eps = i) = w_i / S_i.

Two sides are one at other logits: argmax(a - eps f + g) is the first of clocks of rates w / u, and argmax(a + eps f +
g) of these over u^2.

Categories are numbered by their values, which rise; the functions take any numbers that can be added, multiplied and
divided: symbols, balls, fractions, floats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb

from .._shared.balls import ball

Numbers = Sequence[Any]


def total(numbers: Numbers) -> Any:
    """Return a sum, which need not start with the integer 0."""
    result = numbers[0]
    for one in numbers[1:]:
        result = result + one
    return result


def dot(first: Numbers, second: Numbers) -> Any:
    """Return sum_k x_k y_k."""
    return total([x * y for x, y in zip(first, second, strict=True)])


def shares(weights: Numbers) -> list[Any]:
    """Return w_k / sum w, the softmax of the weights' logarithms."""
    whole = total(weights)
    return [w / whole for w in weights]


def later(weights: Numbers, ratios: Numbers, m: int) -> Any:
    """Return S_m = sum_k w_k max(1, u_k / u_m)."""
    return total(
        [w * u / ratios[m] if k > m else w for k, (w, u) in enumerate(zip(weights, ratios, strict=True))]
    )


def unchanged(weights: Numbers, ratios: Numbers) -> list[Any]:
    """Return P(z_opt = z_eps = i) = w_i / S_i."""
    return [w / later(weights, ratios, i) for i, w in enumerate(weights)]


def joint(weights: Numbers, ratios: Numbers) -> list[list[Any]]:
    """Return P(z_opt = i, z_eps = j), shape (K, K): zero below the diagonal, as values do not fall."""
    size = len(weights)
    S = [later(weights, ratios, m) for m in range(size)]
    zero = weights[0] * 0
    rows = [[zero] * size for _ in range(size)]
    for i in range(size):
        rows[i][i] = weights[i] / S[i]
        for j in range(i + 1, size):
            pieces = [
                (ratios[j] / ratios[low] - ratios[j] / ratios[high]) / (S[low] * S[high])
                for low, high in pairwise(range(i, j + 1))
            ]
            rows[i][j] = weights[i] * weights[j] * total(pieces)
    return rows


def both_sides(weights: Numbers, ratios: Numbers) -> tuple[list[Any], list[Any]]:
    """Return the weights and ratios of one side whose arg maxima are those of two."""
    return [w / u for w, u in zip(weights, ratios, strict=True)], [u * u for u in ratios]


@dataclass(frozen=True)
class Categories:
    """One categorical variable: logits a and values f, exact, the values rising strictly."""

    logits: tuple[Fraction, ...]
    values: tuple[Fraction, ...]

    @classmethod
    def of(cls, logits: str, values: str) -> "Categories":
        """Read decimals that are separated by spaces, and number the categories by their values."""
        pairs = zip(map(Fraction, values.split()), map(Fraction, logits.split()), strict=True)
        f, a = zip(*sorted(pairs), strict=True)
        return cls(tuple(a), tuple(f))

    @property
    def spread(self) -> Fraction:
        """Return max f - min f."""
        return self.values[-1] - self.values[0]

    def weights(self, step: Fraction | int = 0) -> list[arb]:
        """Return exp(a + step f) as balls."""
        return [ball(a + step * f).exp() for a, f in zip(self.logits, self.values, strict=True)]

    def ratios(self, step: Fraction) -> list[arb]:
        """Return exp(step f) as balls."""
        return [ball(step * f).exp() for f in self.values]

    def gradient(self) -> list[arb]:
        """Return s_k (f_k - E f)."""
        s, f = shares(self.weights()), list(map(ball, self.values))
        mean = dot(s, f)
        return [p * (x - mean) for p, x in zip(s, f, strict=True)]

    def mean(self, step: Fraction, two_sided: bool = False) -> list[arb]:
        """Return the mean of the estimator, as balls."""
        ahead = shares(self.weights(step))
        behind = shares(self.weights(-step if two_sided else 0))
        h = ball(2 * step if two_sided else step)
        return [(p - q) / h for p, q in zip(ahead, behind, strict=True)]

    def bias(self, step: Fraction, two_sided: bool = False) -> list[arb]:
        """Return the mean less the gradient."""
        return [m - g for m, g in zip(self.mean(step, two_sided), self.gradient(), strict=True)]

    def moved(self, step: Fraction, two_sided: bool = False) -> arb:
        """Return P(z_eps != z_opt), or that of the two sides."""
        given = self.weights(), self.ratios(step)
        found: arb = 1 - total(unchanged(*(both_sides(*given) if two_sided else given)))
        return found

    def variance(self, step: Fraction, two_sided: bool = False) -> arb:
        """Return the sum of the coordinates' variances, 2 P(!=) / h^2 - |mean|^2."""
        h, mean = ball(2 * step if two_sided else step), self.mean(step, two_sided)
        found: arb = 2 * self.moved(step, two_sided) / h**2 - dot(mean, mean)
        return found

    def central(self, power: int) -> arb:
        """Return E (f - E f)^power."""
        s, f = shares(self.weights()), list(map(ball, self.values))
        mean = dot(s, f)
        found: arb = dot(s, [(x - mean) ** power for x in f])
        return found

    def curvature(self) -> list[arb]:
        """Return B_k = s_k [(f_k - E f)^2 - V]: the second derivative of softmax(a + t f) at t = 0."""
        s, f, V = shares(self.weights()), list(map(ball, self.values)), self.central(2)
        mean = dot(s, f)
        return [p * ((x - mean) ** 2 - V) for p, x in zip(s, f, strict=True)]

    def third(self) -> list[arb]:
        """Return C_k = s_k [(f_k - E f)^3 - 3 (f_k - E f) V - k_3]: the third derivative."""
        s, f, V, k3 = shares(self.weights()), list(map(ball, self.values)), self.central(2), self.central(3)
        mean = dot(s, f)
        return [p * ((x - mean) ** 3 - 3 * (x - mean) * V - k3) for p, x in zip(s, f, strict=True)]

    def gini(self) -> arb:
        """Return G = E |f - f'| of two independent draws."""
        s, f = shares(self.weights()), list(map(ball, self.values))
        found: arb = total(
            [p * q * abs(x - y) for p, x in zip(s, f, strict=True) for q, y in zip(s, f, strict=True)]
        )
        return found


def norm(vector: Sequence[arb]) -> arb:
    """Return the Euclidean norm."""
    found: arb = dot(vector, vector).sqrt()
    return found


def norm_1(vector: Sequence[arb]) -> arb:
    """Return the sum of sizes."""
    found: arb = total([abs(x) for x in vector])
    return found


def score_variance(given: Categories, baseline: arb) -> arb:
    """Return the variance of (f_z - b)(e_z - s), z ~ s: sum_i s_i (f_i - b)^2 |e_i - s|^2 - |gradient|^2."""
    s, gradient = shares(given.weights()), given.gradient()
    squares = [
        p * (ball(f) - baseline) ** 2 * n for p, f, n in zip(s, given.values, _lengths(s), strict=True)
    ]
    found: arb = total(squares) - dot(gradient, gradient)
    return found


def best_baseline(given: Categories) -> arb:
    """Return E f |e_z - s|^2 / E |e_z - s|^2."""
    s = shares(given.weights())
    masses = [p * n for p, n in zip(s, _lengths(s), strict=True)]
    found: arb = dot(masses, list(map(ball, given.values))) / total(masses)
    return found


def _lengths(s: Sequence[arb]) -> list[arb]:
    """Return |e_i - s|^2 = 1 - 2 s_i + |s|^2."""
    square = dot(s, s)
    return [1 - 2 * p + square for p in s]


TOY = Categories.of(
    "0.13 -0.13 0.64 0.1 -0.54 0.36 1.3 0.95 -0.7 -1.27",
    "-0.62 0.04 -2.33 -0.22 -1.25 -0.73 -0.54 -0.32 0.41 1.04",
)
"""Ten categories, drawn once."""
THREE = Categories.of("0.5 -0.3 0.1", "1 -0.5 2")
TOY_TEXT = "10 categories with logits between -1.27 and 1.3 and values between -2.33 and 1.04"
THREE_TEXT = "3 categories with logits 0.5, -0.3, 0.1 and values 1, -0.5, 2"

Estimator = Callable[..., Any]
"""Of the signature of `elboproof.objectives.direct_gradient`."""
