"""S3, S4 and S5 on three small data sets: f* in the complex plane with its poles, and its slope on the line."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import acb, arb

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, control

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, isotropic, shared_covariance
from .points import Points
from .strips import exact_strip, width

BITS = 90
REAL, HEIGHT, STEPS = 3, Fraction(18, 5), (60, 36)
"""The rectangle |Re z| <= 3, 0 <= Im z <= 18/5, and its steps: the lower half plane is its mirror image."""
ODD = (1, 3, 5, 7, 9, 11, 13)
"""Multiples of i pi that the log ratio of two variances takes at the poles shown."""
LARGEST = 100.0
"""Recorded for what is larger, near poles."""
ROOM = 1e-20


@dataclass(frozen=True)
class Plane:
    """Three numbers of a data set with x in [0, 1]: the tube, where it is known exactly, and the bound of the slope."""

    points: Points
    tube: arb
    exact: arb
    bound: arb
    poles: list[acb]


def shared(codes: tuple[str, ...], data: tuple[str, ...], exact: arb, heights: list[arb]) -> Plane:
    """Return a set with s^2 = 1 and poles on the imaginary axis."""
    points = Points(data, codes, ("1",) * len(codes))
    size = ball(max(Fraction(m) for m in codes) - min(Fraction(m) for m in codes))
    return Plane(points, width(points), exact, size / 4, [acb(0, y) for y in heights])


def planes(average: bool) -> dict[str, Plane]:
    """Return the data sets; ``average`` gives the last one the bound of its average variance."""
    pi, three = arb.pi(), exact_strip(arb(1))
    narrow, wide = ball("1/5"), ball("9/5")
    k = 1 / narrow - 1 / wide
    top = (wide / narrow).log() / 2 + 1 / (2 * (wide - narrow))
    centre = -1 / wide / k
    poles = [centre + sign * acb(2 * top / k, -sign * 2 * n * pi / k).sqrt() for sign in (-1, 1) for n in ODD]
    radius = (((top * top + pi * pi).sqrt() - top) / k).sqrt()
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [1.0]], [0.2, 1.8])
    bound = arb(1) / 4 if average else arb(decoder.lipschitz_bound())
    mixed = Points(("0", "1"), ("0", "1"), ("1/5", "9/5"))
    return {
        "two codes": shared(("-1", "1"), ("0", "1"), pi / 2, [pi / 2]),
        "three codes": shared(("-1", "0", "1"), ("0", "3/4", "1"), three, [three, 2 * pi - three]),
        "two variances": Plane(
            mixed, pi, radius, bound, [pole if pole.imag > 0 else pole.conjugate() for pole in poles]
        ),
    }


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="<=",
    states=(
        "on a grid |f*'| is at most diam(m)/(4 s^2), for two variances at most OptimalDecoder.lipschitz_bound; in "
        "the tube pi s^2/diam(m) of one variance |f* - 1/2| <= max(1, tan(theta/2))/2; the denominator vanishes at "
        "the poles that are shown"
    ),
    domain=(
        "d = D = 1: codes -1, 1 and -1, 0, 1 with s^2 = 1, and codes 0, 1 with variances 1/5, 9/5; |Re z| <= 3, 0 "
        "<= Im z <= 18/5"
    ),
    hypotheses=(definite_encoder, shared_covariance, isotropic),
    controls=(
        control("1/8 for 1/4", refutes=("two codes: slope", "three codes: slope"), quarter=Fraction(1, 2)),
        control("the bound of the average variance", refutes="two variances: slope", average=True),
        control("1/4 for 1/2 in the tube", refutes="*: values", half=Fraction(1, 4)),
        control("poles lower by 1 %", refutes="*: poles", share=Fraction(99, 100)),
    ),
)
def decoders_in_the_plane(
    run: Run,
    *,
    quarter: Fraction | int = 1,
    average: bool = False,
    half: Fraction = Fraction(1, 2),
    share: Fraction | int = 1,
) -> Verdict:
    """Grid points are exact; what is recorded for the figure are midpoints of balls."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Any] = {}
    with working_precision(BITS):
        for name, plane in planes(average).items():
            run.assume(isotropic, [Fraction(s) for s in plane.points.variances])
            run.assume(definite_encoder, [[[float(Fraction(s))]] for s in plane.points.variances])
            series |= {f"{name}: {key}": value for key, value in _widths(plane).items()}
            slopes, found = _slopes(plane)
            series |= {f"{name}: {key}": value for key, value in slopes.items()}
            parts[f"{name}: slope"] = ball_at_most(found / plane.bound / ball(quarter) - ball(str(ROOM)), 1)
            grid, inside = _modulus(plane, ball(half))
            series |= {f"{name}: {key}": value for key, value in grid.items()}
            if name != "two variances":
                run.assume(shared_covariance, plane.points.variances)
                parts[f"{name}: values"] = ball_at_most(inside - ball(str(ROOM)), 1)
            zeros = [abs(plane.points.denominator(acb(z.real, z.imag * ball(share)))) for z in plane.poles]
            parts[f"{name}: poles"] = ball_equal(_largest(zeros), 1e-18)
    return all_of(parts).with_data(**series)


def _largest(found: list[arb]) -> arb:
    largest = found[0]
    for one in found[1:]:
        largest = largest.max(one)
    return largest


def _widths(plane: Plane) -> dict[str, list[float]]:
    numbers = {"tube": [plane.tube], "exact": [plane.exact], "bound": [plane.bound]}
    places = {"pole, re": [z.real for z in plane.poles], "pole, im": [z.imag for z in plane.poles]}
    codes = {"codes": [ball(m) for m in plane.points.codes]}
    return {key: [float(one.mid()) for one in value] for key, value in (numbers | places | codes).items()}


def _slopes(plane: Plane) -> tuple[dict[str, list[float]], arb]:
    """Return f* and |f*'| on the line, and the largest of the latter."""
    places = [ball(Fraction(2 * REAL * k, 160) - REAL) for k in range(161)]
    series = [plane.points.taylor(z, 1) for z in places]
    recorded = {
        "z": [float(z) for z in places],
        "decoder": [float(value.mid()) for value, _ in series],
        "slope": [abs(float(slope.mid())) for _, slope in series],
    }
    return recorded, _largest([abs(slope) for _, slope in series])


def _modulus(plane: Plane, half: arb) -> tuple[dict[str, list[float]], arb]:
    """Return |f* - 1/2| on the grid, and its largest ratio to the bound in the tube."""
    recorded: dict[str, list[float]] = {"re": [], "im": [], "modulus": []}
    worst = arb(0)
    for j in range(STEPS[1] + 1):
        y = ball(HEIGHT * j / STEPS[1])
        theta = arb.pi() * y / plane.tube
        limit = half * arb(1).max((theta / 2).tan()) if theta < arb.pi() else None
        for k in range(STEPS[0] + 1):
            x = ball(Fraction(2 * REAL * k, STEPS[0]) - REAL)
            size = abs(plane.points.decode(acb(x, y)) - acb("0.5"))
            if limit is not None:
                worst = worst.max(size / limit)
            shown = float(size.mid()) if size.is_finite() else LARGEST
            for key, value in (("re", float(x)), ("im", float(y)), ("modulus", min(shown, LARGEST))):
                recorded[key].append(value)
    return recorded, worst
