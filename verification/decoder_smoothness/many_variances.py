"""S5: what is left for different covariances: finite bounds and tubes that depend on the number of points."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import sympy
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import Expr, Symbol

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    control,
    identity,
    property_holds,
)

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector
from . import claim
from .generated import diameter
from .hypotheses import definite_encoder, isotropic
from .points import Points
from .winding import zeros_inside

Array = NDArray[np.float64]
V, W = sympy.symbols("v w", positive=True)


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "isotropic variances v < w, k = 1/v - 1/w, g the slopes of log densities and h their difference without the "
        "determinants' d log(w/v)/2: |g_1 - g_2|^2 = |m_1 - m_2|^2/(v w) - 2 k h, so with log weights it is c + 2 k "
        "log(w_2/w_1) <= c + 2 k log(1/w_1), c = |m_1 - m_2|^2/(v w) + d k log(w/v). The sum over A x B of w_i w_j "
        "sqrt(c + r log(1/(w_i w_j))) is at most q sqrt(c + r log(N^2/(4 q))), q = w(A) w(B) <= 1/4 (Jensen, "
        "entropy), whose square grows in q: ||J|| <= diam(x) sqrt(c + 2 r log N)/4, r = 2k, for every z"
    ),
    domain="every z, m, v < w, d = 1, 2, 3; the last part for L = log(N^2/4) + log(1/q) >= log 4 > 1/2",
    hypotheses=(isotropic,),
    controls=(
        control("|m_1 - m_2|^2/v^2 for /(v w)", refutes="square*", product=V**2),
        control("k h for 2 k h", refutes="square*", twice=1),
        control("q for q^2 in front", refutes="slope in q", power=1),
    ),
    tier="quick",
)
def differences_of_slopes(run: Run, *, product: Expr = V * W, twice: int = 2, power: int = 2) -> Verdict:
    """d/dq of q^2 (c + r (l - log q)) is q (2 c + r (2 L - 1)), L = l - log q."""
    run.assume(isotropic, [V, W])
    parts, k = {}, 1 / V - 1 / W
    for d in (1, 2, 3):
        z, m, n = free_vector("z", d), free_vector("m", d), free_vector("n", d)
        slopes = (m - z) / V - (n - z) / W
        h = -((z - m).T * (z - m))[0] / (2 * V) + ((z - n).T * (z - n))[0] / (2 * W)
        away = ((m - n).T * (m - n))[0]
        parts[f"square, d = {d}"] = identity((slopes.T * slopes)[0] - away / product + twice * k * h)
    q, c, r, L = (Symbol(name, positive=True) for name in ("q", "c", "r", "l"))
    bound = q**power * (c + r * (L - sympy.log(q)))
    parts["slope in q"] = identity(bound.diff(q) - q * (2 * c + r * (2 * (L - sympy.log(q)) - 1)))
    return all_of(parts)


EXAMPLES = 80


def stated_bound(m: Array, x: Array, v: Array, share: float = 2.0) -> float:
    """diam(x) sqrt(max c_ij + 4 k log N)/4, pairs written out; ``share`` is the 2 of 2 r log N."""
    k = np.abs(1 / v[:, None] - 1 / v)
    away = ((m[:, None] - m) ** 2).sum(-1) / (v[:, None] * v)
    c = (away + m.shape[1] * k * np.abs(np.log(v[:, None] / v))).max()
    return float(diameter(x) * np.sqrt(c + share * 2 * k.max() * np.log(len(m))) / 4)


def _instance(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return codes, data and variances: random ones, or one wide point among copies of a narrow one."""
    points, d = int(rng.integers(3, 9)), int(rng.integers(1, 4))
    m, x = rng.normal(size=(points, d)), rng.normal(size=(points, 2))
    if points == d:
        m, d = m[:, :1], 1
    v = 10.0 ** rng.uniform(-2, 0.5, size=points)
    if rng.integers(2):
        m, v = 0.01 * m, np.where(np.arange(points) == 0, 1.0, 0.02)
        x = np.where(np.arange(points)[:, None] == 0, 1.0, 0.0) * np.ones(2)
    return m, x, v


@claim.check(
    statement="S5",
    role="sharpens",
    method="property",
    relation="<=",
    states=(
        "for isotropic variances the largest ||J|| found is at most OptimalDecoder.lipschitz_bound, which is "
        "diam(x) sqrt(max c_ij + 4 max k_ij log N)/4 within 1e-9; one covariance above all others gives a finite "
        "bound too, that holds"
    ),
    domain=f"{EXAMPLES} generated data sets, N = 3..8, d = 1, 2, 3; 1,000 latents each",
    hypotheses=(definite_encoder, isotropic),
    controls=(
        control("without log N", refutes=("bound", "formula"), share=0.0),
        control("log N for 2 log N", refutes="formula", share=1.0),
        control("half of the bound below one covariance", refutes="dominated", half=0.5),
        control("the bound of the average variance", refutes="bound", average=True),
    ),
)
def generated_variances_obey_the_bound(
    run: Run, *, share: float = 2.0, half: float = 1.0, average: bool = False
) -> Verdict:
    """Latents are drawn at all distances, as the walls between points are spheres of many sizes."""

    def holds(seed: int) -> dict[str, bool]:
        rng = np.random.default_rng(seed)
        m, x, v = _instance(rng)
        run.assume(isotropic, v.tolist())
        run.assume(definite_encoder, v[:, None, None] * np.eye(m.shape[1]))
        decoder = ep.OptimalDecoder(m, x, v)
        bound = decoder.lipschitz_bound()
        claimed = stated_bound(m, x, v, share)
        if average:
            claimed = diameter(x) * diameter(m) / (4 * float(v.mean()))
        used = bound if share == 2.0 and not average else claimed
        return {
            "bound": bool(_steepest(decoder, rng, m) <= used * (1 + 1e-9)),
            "formula": bool(abs(bound - stated_bound(m, x, v, share)) <= 1e-9 * bound),
            "dominated": _dominated(rng, half),
        }

    return property_holds(st.integers(0, 2**32 - 1), property=holds, examples=EXAMPLES, seed=run.integer_seed)


def _steepest(decoder: ep.OptimalDecoder, rng: np.random.Generator, m: Array) -> float:
    z = rng.normal(size=(1000, m.shape[1])) * 10 ** rng.uniform(-2, 1, size=(1000, 1))
    return float(np.linalg.norm(np.asarray(decoder.jacobian(z)), 2, axis=(1, 2)).max())


def _dominated(rng: np.random.Generator, half: float) -> bool:
    """Two points or more, one covariance above the others: the bound is finite and holds; two points reach it."""
    points = int(rng.choice([2, 2, 4]))
    root = rng.normal(size=(points, 2, 2))
    S = root @ root.mT + 0.1 * np.eye(2)
    S = (S + S.mT) / 2
    S[0] = np.eye(2) * (np.linalg.eigvalsh(S)[:, -1].max() + 0.1)
    m, x = rng.normal(size=(points, 2)), rng.normal(size=(points, 1))
    decoder = ep.OptimalDecoder(m, x, S)
    bound = decoder.lipschitz_bound()
    return bool(np.isfinite(bound) and _steepest(decoder, rng, m) <= bound * half)


SETS = {
    "narrow in wide": Points((0, 1, 2), ("0", "1/4", "-1/2"), ("1/10", "1", "1")),
    "three variances": Points((0, 1, 3), ("-1", "1/5", "3/4"), ("1/4", "1/2", "1")),
    "five variances": Points(
        (0, 1, 3, 2, 5), ("-1", "0", "1/5", "1/2", "1"), ("1/4", "1/3", "1/2", "2/3", "1")
    ),
}
REACH = 14


@claim.check(
    statement="S5",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "for points on the line with different variances the denominator has no zero with |Im z| <= "
        "analytic_radius() and |Re z| <= 14, by the argument principle; at its ends the largest term is more than "
        "twice the sum of the others, in the whole strip"
    ),
    domain="three sets of three and five points",
    hypotheses=(isotropic,),
    controls=(
        control("a tube four times as wide", refutes="zeros*", share=4),
        control(
            "pi v/diam(m) of the largest variance",
            refutes="zeros*",
            tube=lambda p: 3.15 * max(_floats(p.variances)),
        ),
        control("a reach of 1", refutes="beyond*", reach=Fraction(1)),
    ),
)
def tubes_of_different_variances(
    run: Run,
    *,
    share: int = 1,
    tube: Callable[[Points], float] | None = None,
    reach: Fraction | int = REACH,
) -> Verdict:
    """|term| in the strip is at most that on the line times exp(Im^2/(2 s_i)), and the widest is divided by its own."""
    parts: dict[str, Verdict] = {}
    with working_precision(128):
        for name, points in SETS.items():
            run.assume(isotropic, [Fraction(s) for s in points.variances])
            m, x, v = (_floats(one) for one in (points.codes, points.data, points.variances))
            decoder = ep.OptimalDecoder(np.array(m)[:, None], np.array(x)[:, None], np.array(v))
            height = share * arb(tube(points) if tube else decoder.analytic_radius())
            low, high = acb(-REACH, -height), acb(REACH, height)
            parts[f"zeros, {name}"] = ball_equal(zeros_inside(_relative(points), low, high), 1e-6)
            parts[f"beyond, {name}"] = ball_at_most(_others(points, ball(reach), height), 0.5)
    return all_of(parts)


def _floats(entries: tuple[Fraction | str | int, ...]) -> list[float]:
    return [float(Fraction(entry)) for entry in entries]


def _relative(points: Points) -> Callable[[acb], acb]:
    """Return the denominator over its widest term, which has no zero and no pole."""
    widest = max(range(len(points.codes)), key=lambda i: (Fraction(points.variances[i]), i))
    m, s = ball(points.codes[widest]), ball(points.variances[widest])

    def value(z: acb) -> acb:
        total = acb(0)
        for code, variance in zip(points.codes, points.variances, strict=True):
            n, t = ball(code), ball(variance)
            # (z - m)^2/(2s) - (z - n)^2/(2t), factored so that each z occurs in few places
            k = 1 / s - 1 / t
            exponent = z * (z * k / 2 + n / t - m / s) + m * m / (2 * s) - n * n / (2 * t)
            total += exponent.exp() * (s / t).sqrt()
        return total

    return value


def _others(points: Points, reach: arb, height: arb) -> arb:
    """Return the largest sum of the other terms over the largest one at |Re z| = reach in the strip."""
    found = arb(0)
    for z in (-reach, reach):
        sizes = [term.real for term in points.terms(acb(z))]
        widest = max(range(len(sizes)), key=lambda i: float(sizes[i]))
        scales = [(height * height / (2 * ball(s))).exp() for s in points.variances]
        others = [a * b for i, (a, b) in enumerate(zip(sizes, scales, strict=True)) if i != widest]
        found = found.max(sum(others, arb(0)) / sizes[widest])
    return found
