"""S5: with several preimages the gap tends to -log of the best one's share of the posterior mass."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr

import elboproof as ep
from elboproof.checking import (
    Hypothesis,
    Route,
    Run,
    Verdict,
    all_of,
    ball_at_most,
    control,
    identity,
    routes_agree,
    tends_to,
)

from .._shared.balls import ball, spanned, working_precision
from .._shared.symbols import normal_expectation
from .._shared.verdicts import answered, proved_twice, rechecked
from . import claim
from .slopes import STEPS, Instance, recorded

two_preimages = Hypothesis(
    "two preimages",
    "x > 0, so that z^2 = x has two solutions",
    lambda x: x > 0,
    accepts=[(1,)],
    rejects=[(0,), (-1,)],
)

Number = str | float | int
GAP = ep.Gap("z", ["z**2"], "s**2", ["x"])
BOX = {"s": ("0.05", "0.3"), "x": ("0.6", "0.8")}
LOG_2, LOG_3 = ("0.6", "0.9"), ("1.0", "1.2")
"""Around log 2 = .693 and log 3 = 1.099."""


def leaves(answer: ep.Proof) -> dict[str, list[float]]:
    """Return the leaves' edges and the proved upper bounds of the gap over them."""
    columns: dict[str, list[float]] = {k: [] for k in ("s_low", "s_high", "x_low", "x_high", "upper")}
    for leaf in answer.certificate.content["leaves"]:
        edges = [Fraction(end) for side in leaf["box"] for end in side]
        numbers = [*edges, Fraction(leaf["bounds"][1])]
        for column, number in zip(columns.values(), numbers, strict=True):
            column.append(float(number))
    return columns


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="<=",
    states=(
        f"f(z) = z^2: {LOG_2[0]} <= log p(x) - best ELBO <= {LOG_2[1]} nats over a whole box, proved by ep.for_all and "
        "once more by ep.recheck: 'the ELBO equals the evidence' fails for every parameter of it"
    ),
    domain=f"all sigma in [{', '.join(BOX['s'])}] and x in [{', '.join(BOX['x'])}]; the best of all Gaussian q",
    hypotheses=(two_preimages,),
    controls=(
        control("around log 3", refutes="proof", bounds=LOG_3),
        control("'equals': the gap is 0", refutes="proof", bounds=(0, 0)),
        control("'nearly equals': the gap is below 0.1", refutes="proof", bounds=(0, "0.1")),
        control("at most 0.75, by the same certificate", refutes="again", claimed={"upper": "3/4"}),
    ),
    tier="quick",
)
def gap_over_a_box(
    run: Run, *, bounds: tuple[Number, Number] = LOG_2, claimed: Mapping[str, str] | None = None
) -> Verdict:
    """No point of the box is left out, and no q."""
    run.assume(two_preimages, min(map(float, BOX["x"])))
    answer = ep.for_all(GAP.between(*bounds), BOX)
    parts = all_of(
        {"proof": answered(answer, "ep.recheck, the part 'again'"), "again": rechecked(answer, claimed)}
    )
    return parts.with_data(**leaves(answer)) if isinstance(answer, ep.Proof) else parts


SMALL = {
    "x = 0.7, sigma from .01 to .05": ("7/10", {"s": ("1/100", "1/20")}, ("0.69", "0.71")),
    "x = 0.7, sigma from .005 to .01": ("7/10", {"s": ("1/200", "1/100")}, ("0.691", "0.695")),
    "x about 0.7, sigma from .005 to .006": (
        "x",
        {"s": ("1/200", "3/500"), "x": ("0.699", "0.701")},
        ("0.69", "0.697"),
    ),
}
"""x, the box, and bounds of the gap around log 2 = 0.6931..."""


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="<=",
    states=(
        "f(z) = z^2: the gap stays around log 2 = 0.6931...: in "
        f"{', '.join(f'[{low}, {high}]' for _, _, (low, high) in SMALL.values())} nats, "
        "proved by ep.for_all and once more by ep.recheck"
    ),
    domain=f"{'; '.join(SMALL)}: all of these boxes; the best of all Gaussian q",
    hypotheses=(two_preimages,),
    controls=(
        control("around log 3", shift=Fraction("0.4055")),
        control("around log(3/2)", shift=Fraction("-0.2877")),
    ),
    tier="quick",
)
def gap_over_boxes_of_small_sigma(run: Run, *, shift: Fraction = Fraction(0)) -> Verdict:
    """With x free smaller sigma needs narrower boxes: the posterior moves by its own width in x / sigma."""
    parts = {}
    for name, (x, box, (lower, upper)) in SMALL.items():
        run.assume(two_preimages, float(Fraction(box.get("x", (x,))[0])))
        gap = ep.Gap("z", ["z**2"], "s**2", [x])
        claimed = gap.between(Fraction(lower) + shift, Fraction(upper) + shift)
        parts[name] = proved_twice(ep.for_all(claimed, box))
    return all_of(parts)


SQUARE = Instance(("z",), ("z**2",), ("7/10",), STEPS, 10)
SHIFTED = Instance(("z",), ("(z+1/4)**2",), ("7/10",), STEPS, 10)
PREIMAGES = {"z^2": (SQUARE, Fraction(0)), "(z + 1/4)^2": (SHIFTED, Fraction(1, 4))}
"""Instances, and c in (z + c)^2 = x."""
FACTOR = 1.0
"""Of sigma^2, which bounds |gap + log share|: at most 0.42 for z^2 and 0.61 for (z + 1/4)^2, both at sigma = 0.1."""


def share_of_the_best(shift: Fraction, x: arb) -> arb:
    """Mass p(z0) / |f'(z0)|: both preimages have one slope, so the nearer one has 1 / (1 + exp((z-^2 - z+^2) / 2))."""
    c = ball(shift)
    near, far = x.sqrt() - c, -x.sqrt() - c
    return 1 / (1 + ((near**2 - far**2) / 2).exp())


def one_third(shift: Fraction, x: arb) -> arb:  # noqa: ARG001
    """Three preimages of one mass."""
    return arb(1) / 3


def one_half(shift: Fraction, x: arb) -> arb:  # noqa: ARG001
    """Two preimages of one mass, wherever they are."""
    return arb(1) / 2


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="limit",
    states=(
        "|gap + log(share of the best preimage)| <= sigma^2 at these sigma, where -log share is log 2 for z^2 and "
        "log(1 + exp(-sqrt(x)/2)) for (z + 1/4)^2"
    ),
    domain="x = 0.7, gaps proved at sigma = .1, .01, .001, 1e-4: at the best stationary Gaussian found",
    hypotheses=(two_preimages,),
    controls=(
        control("log 3: a third preimage", share=one_third),
        control("log 2 for both: the prior's weights forgotten", refutes="(z + 1/4)^2", share=one_half),
    ),
    tier="quick",
)
def gap_tends_to_the_missing_mass(
    run: Run, *, share: Callable[[Fraction, arb], arb] = share_of_the_best
) -> Verdict:
    """At sigma = 1e-4 the gap is log 2 to eight places."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Sequence[float]] = {}
    for name, (instance, shift) in PREIMAGES.items():
        (x,) = (Fraction(value) for value in instance.x)
        run.assume(two_preimages, x)
        gaps = instance.proved(run)
        series |= recorded(name, gaps, ep.gap_law(instance.model(), instance.x))
        with working_precision(120):
            limit = -share(shift, ball(x)).log()
            parts[name] = tends_to(list(gaps), list(gaps.values()), limit, order=1.0, factor=FACTOR)
    return all_of(parts).with_data(**series)


def stationarity(m: Expr, s: Expr, v: Expr, x: Expr) -> tuple[Expr, Expr]:
    """E_q[U'] = m (1 + 2 (m^2 + 3 s - x) / v) and E_q[U''] = 1 + 2 (3 m^2 + 3 s - x) / v for f = z^2."""
    return m * (1 + 2 * (m**2 + 3 * s - x) / v), 1 + 2 * (3 * m**2 + 3 * s - x) / v


def with_one_pairing(m: Expr, s: Expr, v: Expr, x: Expr) -> tuple[Expr, Expr]:
    """The same with E[z^3] = m^3 + m s and E[z^2] = m^2, as if noise and noise were paired once."""
    return m * (1 + 2 * (m**2 + s - x) / v), 1 + 2 * (3 * m**2 - x) / v


Conditions = Callable[[Expr, Expr, Expr, Expr], tuple[Expr, Expr]]


def branches(variance: arb, x: arb) -> dict[str, tuple[arb, arb]]:
    """Return all stationary (m, s) of f = z^2 with m >= 0, in closed form.

    With `stationarity`, E_q[U'] = 0 and E_q[U''] = 1 / s: m = 0 and 6 s^2 + (v - 2 x) s = v, or
    m^2 = x - v/2 - 3 s and 12 s^2 - (4 x - 2 v) s + v = 0.
    """
    half = variance - 2 * x
    found = {"m = 0": (arb(0), (-half + (half**2 + 24 * variance).sqrt()) / 12)}
    trace = 4 * x - 2 * variance
    inside = trace**2 - 48 * variance
    if inside > 0:
        for name, sign in (("m > 0, narrow", -1), ("m > 0, wide", 1)):
            s = (trace + sign * inside.sqrt()) / 24
            square = x - variance / 2 - 3 * s
            if square > 0:
                found[name] = (square.sqrt(), s)
    return found


def square_elbo(variance: arb, x: arb, m: arb, s: arb) -> arb:
    """ELBO of N(m, s) for f = z^2: Gaussian moments."""
    second, fourth = m**2 + s, m**4 + 6 * m**2 * s + 3 * s**2
    fit = -(x**2 - 2 * x * second + fourth) / (2 * variance) - (2 * arb.pi() * variance).log() / 2
    return fit + (1 + s.log() - second) / 2


PLACES = Fraction(1, 10000)
"""Half width of the gaps as they are stated, in nats."""


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "sigma = .3, x = .6: of all stationary Gaussians, in closed form, the best is m = 0 with the gap 0.6182 nats, "
        "not a preimage's (m > 0, 0.7408), both within 1e-4, and ep.stationary_posteriors finds it"
    ),
    domain="f(z) = z^2, one corner of the box: all stationary points with m >= 0, m < 0 by symmetry",
    hypotheses=(two_preimages,),
    controls=(
        control("only the branch m > 0", refutes=("best gap", "found by the search"), among="m > 0"),
        control("x = 0.61", refutes=("best gap", "gap of m > 0"), x="61/100"),
        control("E[z^3] = m^3 + m s", refutes="conditions", conditions=with_one_pairing),
    ),
    tier="quick",
)
def the_best_branch_is_no_preimage(
    run: Run, *, among: str = "", x: str = "3/5", conditions: Conditions = stationarity
) -> Verdict:
    """Where sigma is large enough, one wide Gaussian over both preimages beats a narrow one at either."""
    run.assume(two_preimages, Fraction(x))
    model = ep.LatentModel("z", ["z**2"], ep.Gaussian(variance="9/100"))
    found = ep.stationary_posteriors(model, [x], digits=12)[0].ball
    evidence = ep.log_evidence(model, [x], digits=12)
    with working_precision(120):
        v, log_p = ball("9/100"), spanned(evidence)
        elbos = {name: square_elbo(v, ball(x), *q) for name, q in branches(v, ball(x)).items()}
        best, preimage = _highest(elbos, among), _highest(elbos, "m > 0")
        parts = {
            "conditions": identity(_defects(conditions)),
            "best gap": ball_at_most(abs(log_p - best - ball("0.6182")), PLACES),
            "gap of m > 0": ball_at_most(abs(log_p - preimage - ball("0.7408")), PLACES),
            "found by the search": routes_agree(best, Route("ep.stationary_posteriors", found), 1e-12),
        }
    return all_of(parts)


def _defects(conditions: Conditions) -> list[Expr]:
    """E_q[U'] and E_q[U''] by the moments of standard noise, minus what is stated."""
    m, x, z, eps = sympy.symbols("m x z eps", real=True)
    s, v = sympy.symbols("s v", positive=True)
    energy = z**2 / 2 + (x - z**2) ** 2 / (2 * v)
    noise = sympy.ImmutableMatrix([eps])
    moments = [normal_expectation(energy.diff(z, k).subs(z, m + sympy.sqrt(s) * eps), noise) for k in (1, 2)]
    return [moment - stated for moment, stated in zip(moments, conditions(m, s, v, x), strict=True)]


def _highest(elbos: Mapping[str, arb], among: str) -> arb:
    """Return the highest ELBO of the branches whose name begins so."""
    return max(
        (value for name, value in elbos.items() if name.startswith(among)), key=lambda b: float(b.mid())
    )
