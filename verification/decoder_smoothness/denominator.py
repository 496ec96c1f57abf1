"""S4: the denominator stays away from zero in the tube, and what f* is there."""

from fractions import Fraction
from itertools import product

import sympy
from flint import acb, arb
from sympy import Expr, I, Rational

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, control, identity

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, shared_covariance, two_pairs

HALF = Rational(1, 2)
A, B, C, D, H = sympy.symbols("a b c d h", real=True)


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "phases within theta < pi of each other lie within theta/2 of one of them or their middle, so that |sum C_i "
        "e^(i phi_i)| >= sum C_i cos(phi_i - phi_0) >= cos(theta/2) sum C_i; for two equal terms with phases a, b "
        "the modulus is 2 cos((a-b)/2) itself. With h = log(y/(1-y)) = c + i d, |d| <= theta: |y - 1/2|^2 = (1/4) "
        "(cosh c - cos d)/(cosh c + cos d), which falls in cosh c if cos d < 0, where it is at most tan(d/2)^2/4, "
        "and is at most 1/4 otherwise"
    ),
    domain="all phases, all real c, d with cosh c + cos d > 0",
    hypotheses="none",
    controls=(
        control("cos((a-b)/4) for cos((a-b)/2)", refutes="two terms", divisor=4),
        control("tan(d) for tan(d/2)", refutes="at c = 0", half=1),
        control("plus for minus", refutes=("modulus", "slope*"), sign=-1),
    ),
    tier="quick",
)
def phases_within_a_half_plane(
    run: Run, *, divisor: int = 2, half: Expr | int = HALF, sign: int = 1
) -> Verdict:
    """(t - e)/(t + e) rises in t for e > 0 and falls for e < 0, t = cosh c >= 1: the last part has that factor."""
    del run
    modulus = sympy.expand((sympy.exp(I * A) + sympy.exp(I * B)) * (sympy.exp(-I * A) + sympy.exp(-I * B)))
    cosine = sympy.cos((A - B) / divisor).rewrite(sympy.exp)
    # y = 1/(1 + e^-h): y - 1/2 = (e^h - 1)/(2 (e^h + 1)), times its conjugate
    e, f = sympy.exp(C + I * D), sympy.exp(C - I * D)
    square = (e - 1) * (f - 1) / (4 * (e + 1) * (f + 1))
    cosh, cos = (part.rewrite(sympy.exp) for part in (sympy.cosh(C), sympy.cos(D)))
    t, s = sympy.symbols("t s", real=True)
    ratio = (t - s) / (t + s)
    return all_of(
        {
            "two terms": identity(modulus - 4 * cosine**2),
            "modulus": identity(square - (cosh - sign * cos) / (4 * (cosh + sign * cos))),
            "at c = 0": identity((1 - sympy.cos(H)) / (1 + sympy.cos(H)) - sympy.tan(half * H) ** 2),
            "slope in cosh c": identity(ratio.diff(t) - sign * 2 * s / (t + s) ** 2),
        }
    )


Codes = tuple[tuple[str, ...], ...]

CODES: dict[str, Codes] = {
    "two codes, d = 1": (("-3/4",), ("1/2",)),
    "two codes, d = 2": (("-1", "1/2"), ("1", "-1/4")),
    "four codes, d = 1": (("-1",), ("-1/4",), ("1/2",), ("5/4",)),
    "four codes, d = 2": (("0", "0"), ("1", "1/4"), ("1/3", "1"), ("-1/2", "2/3")),
    "five codes, d = 3": (
        ("0", "0", "0"),
        ("1", "0", "1/4"),
        ("0", "1", "-1/3"),
        ("1/2", "1/2", "1"),
        ("-1/2", "1", "0"),
    ),
}
VALUES = ("0", "1", "1/4", "3/4", "2/5")
VARIANCE = Fraction(2, 5)
SHARES = ("1/10", "1/2", "9/10", "99/100")
"""Of theta = pi, where the two sides are compared."""
GRID = (-2, -1, 0, 1, 2)


def _difference(one: tuple[str, ...], two: tuple[str, ...]) -> list[arb]:
    return [ball(a) - ball(b) for a, b in zip(one, two, strict=True)]


def _norm(v: list[arb]) -> arb:
    return sum((c * c for c in v), arb(0)).sqrt()


def farthest(codes: Codes) -> list[arb]:
    """Return m_i - m_j of two codes with the largest distance."""
    pairs = [_difference(one, two) for k, one in enumerate(codes) for two in codes[:k]]
    return max(pairs, key=lambda v: float(_norm(v)))


def places(codes: Codes) -> list[tuple[list[arb], list[arb]]]:
    """Return pairs (a, direction of b): the middle of the farthest codes, and a grid with other directions."""
    d, away = len(codes[0]), farthest(codes)
    size = _norm(away)
    first, second = [ball(c) for c in codes[0]], [ball(c) for c in codes[1]]
    middle = [(p + q) / 2 for p, q in zip(first, second, strict=True)]
    found = [(middle, [c / size for c in away])]
    for k in GRID:
        other = [arb(k + j) / (3 + j) for j in range(d)]
        direction = [arb(1 + (k * (j + 1)) % 3) for j in range(d)]
        length = _norm(direction)
        found += [(other, [c / length for c in direction]), (other, [c / size for c in away])]
    return found


def terms(codes: Codes, a: list[arb], b: list[arb]) -> list[acb]:
    """Return exp(-(z - m_i)^2/(2 s^2)) at z = a + ib, relative to the first at b = 0."""
    found = []
    for code in codes:
        z = [acb(p - ball(m), q) for p, q, m in zip(a, b, code, strict=True)]
        found.append((-sum((c * c for c in z), acb(0)) / (2 * ball(VARIANCE))).exp())
    return found


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation=">=",
    states=(
        "with w the width of the codes along b times |b|, at most |b| diam(m), and theta = w/s^2 < pi: |D(a+ib)| >= "
        "exp(|b|^2/(2s^2)) cos(theta/2) D(a), with equality for two codes at their midpoint and b along them; so the "
        "tube has the base w < pi s^2, of which pi s^2/diam(m) is the inner radius. A coordinate y of f*, scaled to "
        "[0, 1], has |y - 1/2| <= max(1, tan(theta/2))/2 there, which is diam(x)/2 up to half the tube"
    ),
    domain=(
        "two, four and five codes in d = 1, 2, 3, s^2 = 2/5; 11 places and directions of b each, theta = 0.1, 0.5, "
        "0.9, 0.99 of pi"
    ),
    hypotheses=(shared_covariance, definite_encoder, two_pairs),
    controls=(
        control("cos(theta/2.02)", refutes="two codes*: away*", divisor="202/100"),
        control("cos(theta/4)", refutes="*: away*", divisor="4"),
        control("equality at three quarters between the codes", refutes="*: equal*", shift=Fraction(1, 4)),
        control("tan(theta/2.2) for tan(theta/2)", refutes="two codes*: values", tangent="22/10"),
        control("diam(x)/4 for diam(x)/2 up to half the tube", refutes="*: values", half="1/4", tangent="4"),
    ),
    tier="quick",
)
def denominators_stay_away_from_zero(
    run: Run, *, divisor: str = "2", shift: Fraction | int = 0, tangent: str = "2", half: str = "1/2"
) -> Verdict:
    """Each side is a ball at exact places; the quotient is compared with 1."""
    parts: dict[str, Verdict] = {}
    with working_precision(160):
        s = ball(VARIANCE)
        for name, codes in CODES.items():
            run.assume(shared_covariance, ["2/5"] * len(codes))
            run.assume(definite_encoder, VARIANCE)
            away, values = _ratios(codes, s, divisor, half, tangent)
            # two codes reach both bounds, so that balls around 1 are allowed for, 1e-30 wide
            parts[f"{name}: away from zero"] = ball_at_most(away - ball("1e-30"), 1)
            parts[f"{name}: values"] = ball_at_most(values - ball("1e-30"), 1)
            if len(codes) == 2:
                run.assume(two_pairs, (codes, VALUES[:2]))
                parts[f"{name}: equality"] = ball_equal(_at_the_middle(codes, s, shift), 1e-30)
    return all_of(parts)


def _ratios(codes: Codes, s: arb, divisor: str, half: str, tangent: str) -> tuple[arb, arb]:
    """Return the largest of the stated lower bound over |D|, and of |y - 1/2| over its bound."""
    away, values = arb(0), arb(0)
    for share, (a, direction) in product(SHARES, places(codes)):
        theta = ball(share) * arb.pi()
        size = theta * s / _width(codes, direction)
        here = terms(codes, a, [c * size for c in direction])
        total, real = sum(here, acb(0)), sum(terms(codes, a, [c * 0 for c in a]), acb(0)).real
        bound = (size * size / (2 * s)).exp() * (theta / ball(divisor)).cos() * real
        away = away.max(bound / abs(total))
        top = sum((t * ball(x) for t, x in zip(here, VALUES[: len(codes)], strict=True)), acb(0))
        limit = ball(half) * arb(1).max((theta / ball(tangent)).tan())
        values = values.max(abs(top / total - acb("0.5")) / limit)
    return away, values


def _width(codes: Codes, direction: list[arb]) -> arb:
    """Return the width of the codes along a unit vector."""
    heights = [sum((ball(m) * c for m, c in zip(code, direction, strict=True)), arb(0)) for code in codes]
    highest, lowest = heights[0], heights[0]
    for one in heights[1:]:
        highest, lowest = highest.max(one), lowest.min(one)
    return highest - lowest


def _at_the_middle(codes: Codes, s: arb, shift: Fraction | int) -> arb:
    away = farthest(codes)
    b0, size = arb(1), _norm(away)
    t = ball(Fraction(1, 2) + shift)
    middle = [ball(p) * (1 - t) + ball(q) * t for p, q in zip(codes[0], codes[1], strict=True)]
    here = terms(codes, middle, [c * b0 / size for c in away])
    real = terms(codes, middle, [arb(0)] * len(middle))
    cosine = (b0 * size / (2 * s)).cos()
    return abs(sum(here, acb(0))) / (b0 * b0 / (2 * s)).exp() / sum(real, acb(0)).real - abs(cosine)
