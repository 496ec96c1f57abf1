"""Route 1 of the reference evidences: proved in balls, where a model reduces to one dimension by hand.

A closed form in rational numbers, a series of Bessel functions with a bounded rest, or an integral over [-30, 30]
with a bounded tail. Nothing here evaluates a decoder of two or three latents: a wrong reduction disagrees with route 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from flint import acb, arb, fmpq, fmpq_mat

from elboproof.model.discrete import Bernoulli
from elboproof.model.likelihood import Gaussian
from elboproof.model.problems import Problem, Route
from elboproof.numbers.balls import COMPLEX_BALLS, working_precision

BITS = 200  # 60 digits: log p of -1e5 keeps 25 decimals
DECIMALS = Decimal("1e-25")
REACH = 30  # of the integrals; the tail is below exp(-REACH^2 / 4) = 1e-98

Density = Callable[[acb, bool], acb]


def variance(problem: Problem) -> Fraction:
    """Return sigma^2 of a Gaussian problem."""
    likelihood = problem.likelihood
    if not isinstance(likelihood, Gaussian) or likelihood.variance is None:
        raise ValueError(f"problem: got {problem.name}; expected a Gaussian likelihood with one variance")
    number = likelihood.variance[0]
    return Fraction(int(number.p), int(number.q))


@dataclass(frozen=True)
class Reduction:
    """p(x) as the integral of factor(t) exp(exponent(t)) over the line, or over t > 0 if ``half``.

    The integrand is at most 10 exp(ceiling - t^2 / 4) / sqrt(4 pi): the mass outside [-R, R] is below
    10 exp(ceiling) erfc(R / 2). With phi the standard normal density, phi, t^2 phi, t exp(-t^2 / 2) and
    2 t exp(-t^2 / 2) all are below 2.82 exp(-t^2 / 4).
    """

    exponent: Density
    ceiling: arb
    half: bool = False
    factor: Callable[[acb], acb] = lambda _: acb(1)


def normal(residual: Any, spread: Any, analytic: bool = False) -> Any:
    """Return log N(residual; 0, spread), for balls that are real or complex."""
    if isinstance(spread, acb):
        return -residual * residual / (2 * spread) - (2 * acb.pi() * spread).log(analytic=analytic) / 2
    return -residual * residual / (2 * spread) - (2 * arb.pi() * spread).log() / 2


def pair(u: acb, v: acb, matrix: tuple[Any, Any, Any], analytic: bool) -> Any:
    """Return log N((u, v); 0, [[p, q], [q, r]])."""
    p, q, r = matrix
    det = p * r - q * q
    form = (r * u * u - 2 * q * u * v + p * v * v) / det
    return -form / 2 - (4 * acb.pi() ** 2 * det).log(analytic=analytic) / 2


def slope(u: acb, t: acb, v: arb, s: arb, analytic: bool) -> Any:
    """Return log N((u, v); 0, s I + (1, t)(1, t)^T), the form written so that balls do not cancel at small s."""
    det = s * (s + 1 + t * t)
    form = (s * (u * u + v * v) + (t * u - v) ** 2) / det
    return -form / 2 - (4 * acb.pi() ** 2 * det).log(analytic=analytic) / 2


def reduction(problem: Problem) -> Reduction | None:
    """Return the model with all latents but one integrated by hand; with one latent, the model as it is."""
    if isinstance(problem.likelihood, Bernoulli):
        return None
    s, x = ball_of(variance(problem)), [ball_of(Fraction(text)) for text in problem.x]
    peak = normal(arb(0), s)
    if len(problem.latent) == 1:
        gap = {"square-off": "1/2", "sine-off": "1/4", "exp-off": "1/2"}.get(stem(problem), "0")
        return Reduction(energy_of(problem), (len(x) - 1) * peak + normal(ball_of(Fraction(gap)), s))
    return by_hand(s, x, peak).get(stem(problem))


def by_hand(s: arb, x: Sequence[arb], peak: arb) -> dict[str, Reduction]:
    """Return the reductions of models with two and three latents; t stands for a, or for the radius."""
    first, wide, third = x[0], x[min(1, len(x) - 1)], x[-1]

    def prior(t: acb) -> Any:
        return normal(t, arb(1))

    def square(t: acb, _: bool) -> Any:
        return prior(t) + normal(first - t * t, s)

    off = normal(arb(1) / 2, s)  # square-2-off: a^2 stays 1/2 away from x
    return {
        "banana": Reduction(
            lambda t, _: prior(t) + normal(first - t, s) + normal(wide - t * t, 1 + s), 2 * peak
        ),
        "sine-product": Reduction(lambda t, on: prior(t) + slope(first - t.sin(), t, wide, s, on), 2 * peak),
        "square-2": Reduction(lambda t, on: square(t, on) + normal(wide, 1 + s), 2 * peak),
        "square-2-off": Reduction(lambda t, on: square(t, on) + normal(wide, 1 + s), off + peak),
        "two-ring": Reduction(
            lambda t, _: -t * t / 2 + normal(first - (t * t - 2) ** 2, s), peak, True, lambda t: t
        ),
        "ridge-ellipse": Reduction(  # a = t cos w, b = 2 t sin w: the integral over w is a Bessel function
            lambda t, _: -5 * t * t / 4 + normal(first - t * t, s),
            peak,
            True,
            lambda t: 2 * t * (3 * t * t / 4).bessel_i(acb(0)),
        ),
        "ridge-product": Reduction(lambda t, on: prior(t) + normal(acb(first), s + t * t, on), peak),
        "ridge-banana": Reduction(lambda t, _: prior(t) + normal(first - t * t, 1 + s), peak),
        "shell": Reduction(square, peak, False, lambda t: t * t),
        "chain": Reduction(
            lambda t, on: (
                prior(t)
                + normal(first - t, s)
                + pair(wide - t * t, acb(third), (1 + s, t, 1 + s + t * t), on)
            ),
            3 * peak,
        ),
        "square-3": Reduction(
            lambda t, on: square(t, on) + normal(wide, 1 + s) + normal(third - t / 2, 1 + s), 3 * peak
        ),
    }


def ball_of(number: Fraction) -> arb:
    """Return the ball of a rational number."""
    return arb(fmpq(number.numerator, number.denominator))


def stem(problem: Problem) -> str:
    """Return the name without the scale."""
    return problem.name.split("-sigma")[0]


def energy_of(problem: Problem) -> Density:
    """Return log p(x, z) of a model with one latent, as it is compiled to complex balls."""
    function = problem.model().quantities.compiled("energy", 0, COMPLEX_BALLS)
    x = [acb(ball_of(Fraction(text))) for text in problem.x]
    return lambda t, analytic: -function(t, *x, analytic=analytic)[0]


def integrated(reduced: Reduction, scale: float) -> arb:
    """Return the proved log of the integral; ``scale``, any rough value of it, only sets the tolerance."""
    shift = arb(scale)

    def integrand(t: acb, analytic: bool) -> acb:
        return reduced.factor(t) * (reduced.exponent(t, analytic) - shift).exp()

    low = 0 if reduced.half else -REACH
    inside = acb.integral(
        integrand, low, REACH, rel_tol=arb(2) ** -130, abs_tol=arb(2) ** -110, eval_limit=10**8
    )
    outside = (10 * (reduced.ceiling - shift).exp() * (arb(REACH) / 2).erfc()).upper()
    return (inside.real + arb(0, outside)).log() + shift


def circle(x: Sequence[arb], s: arb) -> arb:
    """Return log p(x) of (cos z, sin z): exp(k cos(z - w)) is a series of Bessel functions of k = |x| / s."""
    size = (x[0] * x[0] + x[1] * x[1]).sqrt()
    k, cosine, last = size / s, x[0] / size, 24
    series = k.bessel_i(arb(0))
    for n in range(1, last + 1):
        series += 2 * k.bessel_i(arb(n)) * arb(-n * n / 2).exp() * (n * cosine.acos()).cos()
    rest = 4 * k.bessel_i(arb(0)) * (-arb((last + 1) ** 2) / 2).exp()  # I_n <= I_0, ratios below exp(-24)
    return (series + arb(0, rest.upper())).log() - (1 + size * size) / (2 * s) - (2 * arb.pi() * s).log()


def linear(problem: Problem) -> arb:
    """Return log N(x; c, W W^T + s I) with the determinant and the quadratic form in rational numbers."""
    model = problem.model()
    zero = [0] * model.latent_dim
    c, W = model.exact.decoder(zero), model.exact.decoder(zero, 1)
    weights = fmpq_mat([[fmpq(int(w.p), int(w.q)) for w in row] for row in W])
    s, size = variance(problem), model.data_dim
    spread = weights * weights.transpose()
    for j in range(size):
        spread[j, j] += fmpq(s.numerator, s.denominator)
    given = [Fraction(text) - Fraction(int(m.p), int(m.q)) for text, m in zip(problem.x, c, strict=True)]
    residual = fmpq_mat([[fmpq(r.numerator, r.denominator)] for r in given])
    form = (residual.transpose() * spread.inv() * residual)[0, 0]
    return -arb(form) / 2 - (arb(spread.det()) * (2 * arb.pi()) ** size).log() / 2


LINEAR = ("line", "plane", "oblique", "oblique-2", "oblique-3")


def proved(problem: Problem, scale: float) -> Route | None:
    """Return route 1 in balls, to 25 decimals, or None where the model does not reduce to one dimension."""
    with working_precision(BITS):
        name = stem(problem)
        x = [ball_of(Fraction(text)) for text in problem.x]
        if name in LINEAR:
            return _rounded("closed form in rational numbers", linear(problem))
        if name in ("circle", "circle-off"):
            return _rounded("series of Bessel functions", circle(x, ball_of(variance(problem))))
        if name == "torus":
            s = ball_of(variance(problem))
            return _rounded("product of two series of Bessel functions", circle(x[:2], s) + circle(x[2:], s))
        reduced = reduction(problem)
        if reduced is None:
            return None
        return _rounded("proved 1-D integral in balls", integrated(reduced, scale))


def _rounded(method: str, value: arb) -> Route:
    if not value.rad() < arb(10) ** -26:
        raise ArithmeticError(f"{method}: got {value}; expected 25 decimals")
    with localcontext(prec=60):
        return Route(method, Decimal(value.mid().str(60, radius=False)).quantize(DECIMALS), True)
