r"""S2 with a wide prior N(0, 1/e): how far S then depends on x. Circle and helix, f = (r cos z, r sin z, c z).

For x = f(phi) the stationary q = N(m, s) of the branch near phi solves

    (r^2/v) e^(-s/2) sin(m - phi) + (c^2/v) (m - phi) + e m = 0,
    1/s = (r^2/v) e^(-s/2) cos(m - phi) + c^2/v + e,                       v = sigma^2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from sympy import Rational, Symbol

from elboproof.arrays import FloatArray
from elboproof.checking import Run, Verdict, all_of, ball_positive, ball_slope, control, identity, tends_to
from elboproof.numbers.krawczyk import zero_near

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import on_the_curve

E, PHI, S0 = Symbol("e", real=True), Symbol("phi", real=True), Symbol("s0", positive=True)
K, C2 = sympy.symbols("K C2", positive=True)
HALF = Rational(1, 2)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "with the prior's precision e, s = s_0 + s_1 e + s_2 e^2 + O(e^3), where s_1 is the same for every phi and s_2 "
        "- s_2(phi = 0) = s_0^4 K phi^2 / (2 (1 - K s_0^2 / 2)), K = (r^2/v) e^(-s_0/2); s_0^3 phi^2 / (2 - s_0) for "
        "the circle"
    ),
    domain="every r, c, v and phi, as formal power series at the branch 1/s_0 = K + c^2/v; c = 0 for the circle",
    hypotheses=(on_the_curve,),
    controls=(
        control("x off the curve: |x| = r (1 + phi)", refutes="first order", drops=(on_the_curve,), off=1),
        control("s_0^3 for s_0^4", refutes="second order", power=3),
        control("4 - s_0 for 2 - s_0", refutes="circle", edge=4),
    ),
    tier="quick",
)  # fmt: skip
def variation_is_of_second_order(run: Run, *, off: int = 0, power: int = 4, edge: int = 2) -> Verdict:
    """The equations in powers of e, with (r^2/v) e^(-s/2) = K e^(-(s - s_0)/2) and 1/s_0 = K + c^2/v."""
    run.assume(on_the_curve, [off * PHI])
    m1, s1, s2 = sympy.symbols("m1 s1 s2", real=True)
    pull = K * (1 + off * PHI)
    m, s = E * m1, s1 * E + s2 * E**2
    damping = pull * sympy.exp(-s / 2)
    first = damping * sympy.sin(m) + C2 * m + E * (PHI + m)
    second = 1 / (S0 + s) - damping * sympy.cos(m) - (1 / S0 - K) - E
    order = [[f.diff(E, k).subs(E, 0) / k for k in (1, 2)] for f in (first, second)]
    where = {C2: 1 / S0 - K}
    found_m = sympy.solve(order[0][0].subs(where), m1)[0]
    found_s = sympy.solve(order[1][0].subs(m1, found_m), s1)[0]
    last = sympy.solve(order[1][1].subs({m1: found_m, s1: found_s}), s2)[0]
    stated = S0**power * K * PHI**2 / (2 * (1 - K * S0**2 / 2))
    return all_of(
        {
            "first order": identity(sympy.together(found_s.diff(PHI))),
            "second order": identity(sympy.together(last - last.subs(PHI, 0) - stated)),
            "circle": identity(stated.subs(K, 1 / S0) - S0 ** (power - 1) * PHI**2 / (edge - S0)),
        }
    )


BITS = 200
RADIUS = 1e-30
"""Of the box of Krawczyk's test."""
STEPS = 60


@dataclass
class Branch:
    """The equations at (m, s), moved by exact balls; r rho for r^2."""

    square: arb
    pitch: arb
    precision: arb
    phi: arb
    place: list[arb]

    def enclosed(self, radius: float) -> tuple[Sequence[arb], Sequence[Sequence[arb]]]:
        """Return the equations and their Jacobian, the second multiplied by -s."""
        m, s = self.place
        wide_m, wide_s = m + arb(0, radius), s + arb(0, radius)
        value = self._equations(m, s)
        damping = self.square * (-wide_s / 2).exp()
        sine, cosine = (wide_m - self.phi).sin(), (wide_m - self.phi).cos()
        jacobian = [
            [damping * cosine + self.pitch + self.precision, -damping * sine / 2],
            [damping * sine, -1 / wide_s**2 + damping * cosine / 2],
        ]
        return value, jacobian

    def _equations(self, m: arb, s: arb) -> list[arb]:
        damping, turn = self.square * (-s / 2).exp(), m - self.phi
        return [
            damping * turn.sin() + self.pitch * turn + self.precision * m,
            1 / s - damping * turn.cos() - self.pitch - self.precision,
        ]

    def move(self, step: FloatArray) -> bool:
        """Take Newton's step; the place keeps all bits."""
        self.place = [(old + arb(float(part))).mid() for old, part in zip(self.place, step, strict=True)]
        return True


def variance(v: str, pitch: str, radius: str, precision: str, phi: str, rho: str) -> arb:
    """Return the s of the branch, proved."""
    square, along = ball(radius) * ball(rho) / ball(v), ball(pitch) ** 2 / ball(v)
    start = ball(v) / (ball(radius) * ball(rho) + ball(pitch) ** 2)
    branch = Branch(square, along, ball(precision), ball(phi), [ball(phi).mid(), start.mid()])
    zero = zero_near(branch, (RADIUS,), STEPS)
    if zero is None:
        raise ArithmeticError("Krawczyk's test accepts no point of the branch")
    return branch.place[1] + zero.place[1]


CURVES = {
    "circle": ("0", "1", ("1/100", "1/10000", "1/1000000")),
    "helix": ("4/5", "3/5", ("1", "1/100", "1/10000")),
}
"""c, r and the precisions e."""
WITHIN = {"circle": (0.005, 0.0005), "helix": (0.15, 0.002)}
"""Of the slope 2: the next terms count at the larger e."""
NOISE = "9/100"
FACTOR = 1.0
"""Of e, for the distance of (s(1) - s(0)) / e^2 to its limit, over that limit."""
EVERY = ", ".join(f"{name}, e = {', '.join(each)}" for name, (_, _, each) in CURVES.items())


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "s at x = f(1) less s at x = f(0), both proved by Krawczyk's test, is positive, has the slopes 2 in the "
        "prior's precision e, step by step, and over e^2 s_0^4 K / (2 (1 - K s_0^2 / 2)) it is within e of 1"
    ),
    domain=f"sigma = .3; {EVERY}",
    hypotheses=(on_the_curve,),
    controls=(
        control("x = .8 f(1) for f(1)", refutes=("*slopes", "*limit"), drops=(on_the_curve,), rho=Fraction(4, 5)),
        control("the order 1 in e", refutes="*slopes", order=1),
        control("s_0^3 for s_0^4", refutes="*limit", power=3),
        control("s at f(0) less s at f(1)", refutes="*positive", sign=-1),
    ),
)  # fmt: skip
def variation_falls_with_the_precision(
    run: Run, *, rho: Fraction = Fraction(1), order: int = 2, power: int = 4, sign: int = 1
) -> Verdict:
    """Circle: 4.389e-8, 4.4068e-12, 4.40702e-16; helix: 9.555e-5, 1.3543e-8, 1.35927e-12."""
    run.assume(on_the_curve, [sympy.Rational(rho) - 1])
    parts: dict[str, Verdict] = {}
    for name, (pitch, radius, precisions) in CURVES.items():
        with working_precision(BITS):
            steps, shares = [], []
            for e in precisions:
                far = variance(NOISE, pitch, radius, e, "1", str(Fraction(radius) * rho))
                steps.append(far - variance(NOISE, pitch, radius, e, "0", radius))
                shares.append(steps[-1] / ball(e) ** 2 / _limit(pitch, radius, power))
            parts[f"{name}, positive"] = ball_positive(sign * steps[-1])
            parts[f"{name}, slopes"] = ball_slope(
                precisions, [abs(step) for step in steps], order, WITHIN[name]
            )
            parts[f"{name}, limit"] = tends_to(precisions, shares, 1, order=1, factor=FACTOR, quantity=1)
    return all_of(parts)


def _limit(pitch: str, radius: str, power: int) -> arb:
    """s_0^power K / (2 (1 - K s_0^2 / 2)) of the flat prior."""
    s = variance(NOISE, pitch, radius, "0", "0", radius)
    pull = ball(radius) ** 2 / ball(NOISE) * (-s / 2).exp()
    return s**power * pull / (2 * (1 - pull * s * s / 2))
