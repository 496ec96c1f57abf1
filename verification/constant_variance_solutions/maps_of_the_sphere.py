r"""S4 beyond the leading order: radial maps of a cap of the unit sphere, their penalties enclosed.

In coordinates y of length R(r), r the distance from the centre, the metric is a^2 along y and b^2 across, a = 1 /
R'(r), b = sin r / R. Over the cap of radius rho, uniform in area, sin r dr / (1 - cos rho), the penalty is

    P = log E[(a^2 + b^2) / 2] - E[log a + log b].
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, control, tends_to

from .._shared.balls import ball, working_precision
from . import claim

BITS = 120
Map = Callable[[acb], tuple[acb, acb]]
"""From r to R' and R / r."""


def bowed(b: Fraction) -> Map:
    """R = r + b r^3."""
    return lambda r: (1 + 3 * ball(b) * r * r, 1 + ball(b) * r * r)


MAPS: Mapping[str, tuple[Map, Fraction]] = {
    "r + r^3/48": (bowed(Fraction(1, 48)), Fraction(1)),
    "equidistant, r": (bowed(Fraction(0)), Fraction(10, 9)),
    "Lambert, 2 sin(r/2)": (lambda r: ((r / 2).cos(), _sinc(r / 2)), Fraction(2)),
    "stereographic, 2 tan(r/2)": (lambda r: ((r / 2).cos() ** -2, _sinc(r / 2) / (r / 2).cos()), Fraction(2)),
}
"""And the limits of their penalties over rho^4 / 192."""
CAPS = ("4/5", "2/5", "1/5", "1/10")
FACTOR = 0.09
"""Of rho^2, for the distance to the limit over that limit: at most 0.0834 was seen."""


def _sinc(t: acb) -> acb:
    """Return sin t / t."""
    return t.sinc()


def penalty(rho: arb, radial: Map) -> arb:
    """Return P, by four integrals in balls."""

    def expected(g: Callable[[acb, acb], acb]) -> arb:
        def integrand(r: acb, _: bool) -> acb:
            slope, ratio = radial(r)
            return g(1 / slope, _sinc(r) / ratio) * r.sin()

        return acb.integral(integrand, acb(0), acb(rho)).real / (1 - rho.cos())

    square = expected(lambda a, b: (a * a + b * b) / 2)
    return square.log() - expected(lambda a, b: a.log() + b.log())


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        f"the penalty over rho^4 / 192 is, relatively, within {FACTOR:g} rho^2 of 1 for R = r + r^3/48, of 10/9 for "
        "equidistant, and of 2 for Lambert's and stereographic coordinates"
    ),
    domain=f"caps of the unit sphere, rho = {', '.join(CAPS)}",
    hypotheses="none",
    controls=(
        control("K^2 rho^4 / 96", factor=Fraction(1, 96)),
        control("K^2 rho^4 / 256", factor=Fraction(1, 256)),
    ),
)
def radial_maps_of_the_sphere(run: Run, *, factor: Fraction = Fraction(1, 192)) -> Verdict:  # noqa: ARG001
    """At rho = .1, R = r + r^3/48: 5.2086e-7 nats; at .8, .0021."""
    parts, series = {}, {}
    with working_precision(BITS):
        for name, (radial, limit) in MAPS.items():
            found = [penalty(ball(rho), radial) for rho in CAPS]
            shares = [
                p / (ball(factor) * ball(rho) ** 4 * ball(limit)) for p, rho in zip(found, CAPS, strict=True)
            ]
            parts[name] = tends_to(CAPS, shares, 1, order=2, factor=FACTOR, quantity=1)
            series[name] = [float(p.mid()) for p in found]
    return all_of(parts).with_data(rho=[float(Fraction(rho)) for rho in CAPS], **series)
