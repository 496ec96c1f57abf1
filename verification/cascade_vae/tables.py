"""Exact tables of a chain y - x - z - u, and information between its members in balls."""

from fractions import Fraction
from itertools import product

from flint import arb

from .._shared.balls import ball

Row = list[Fraction]
Joint = dict[tuple[int, ...], Fraction]
"""Masses of (y, x, z, u)."""
AXES = "yxzu"


def chain(x_given_y: list[Row], z_given_x: list[Row], u_given_z: list[Row]) -> Joint:
    """Return the joint law; the classes y are equally likely."""
    share = Fraction(1, len(x_given_y))
    sizes = len(x_given_y), len(z_given_x), len(u_given_z), len(u_given_z[0])
    return {
        (y, x, z, u): share * x_given_y[y][x] * z_given_x[x][z] * u_given_z[z][u]
        for y, x, z, u in product(*map(range, sizes))
    }


def marginal(joint: Joint, axes: str) -> Joint:
    """Return the law of some members."""
    found: Joint = {}
    for key, mass in joint.items():
        short = tuple(key[AXES.index(axis)] for axis in axes)
        found[short] = found.get(short, Fraction(0)) + mass
    return found


def entropy(joint: Joint, axes: str) -> arb:
    """Return H of some members in nats."""
    masses = [ball(mass) for mass in marginal(joint, axes).values() if mass]
    return -sum((mass * mass.log() for mass in masses), arb(0))


def information(joint: Joint, first: str, second: str) -> arb:
    """Return I(first; second) = H + H - H of both."""
    return entropy(joint, first) + entropy(joint, second) - entropy(joint, first + second)


def lost(joint: Joint, first: str, second: str, given: str) -> arb:
    """Return I(first; second | given), from the logarithms of ratios of masses."""
    three, pairs = (
        marginal(joint, first + second + given),
        (marginal(joint, first + given), marginal(joint, second + given)),
    )
    alone = marginal(joint, given)
    terms = [
        ball(mass) * ball(mass * alone[(c,)] / (pairs[0][(a, c)] * pairs[1][(b, c)])).log()
        for (a, b, c), mass in three.items()
        if mass
    ]
    return sum(terms, arb(0))
