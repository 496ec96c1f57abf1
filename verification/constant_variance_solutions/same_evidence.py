"""S3: p(x) and ELBOs in t, for curves whose arc length has a closed form; and where there is no such parameter.

f = sinh z and the catenary f = (z, cosh z) have |f'| = cosh z, so t = sinh z: the prior is N(asinh t) / sqrt(1 + t^2),
and the decoders are t and (asinh t, sqrt(1 + t^2)).
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

import mpmath
from flint import acb, arb

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control, equal

from .._shared.balls import ball, spanned, working_precision
from . import claim
from .hypotheses import regular_curve

Curve = Callable[[acb], list[acb]]
Case = tuple[Sequence[str], Sequence[str], Curve, Sequence[str]]
"""Decoder, x, the curve in t, and the same as text."""
CASES: Mapping[str, Case] = {
    "sinh z": (["sinh(z)"], ["0.7"], lambda t: [t], ["z"]),
    "catenary": (
        ["z", "cosh(z)"],
        ["1/2", "1.2"],
        lambda t: [t.asinh(), (1 + t * t).sqrt()],
        ["asinh(z)", "sqrt(1 + z**2)"],
    ),
}
NOISE = ("1/4", "1/100", "1/10000")
BITS = 160
EDGE = 40
"""Beyond |t| = 40 the likelihood's outputs are more than 38 from x: exp(-38^2 / (2 v)) <= exp(-2888)."""
TWELVE = 2e-12
EQUAL = 1e-10


def evidence_in_t(x: Sequence[str], curve: Curve, v: str, jacobian: int) -> arb:
    """Return log int p(x | g(t)) N(asinh t) (1 + t^2)^(-jacobian / 2) dt."""
    noise, data = ball(v), [acb(ball(value)) for value in x]

    def density(t: acb, analytic: bool) -> acb:
        fit = sum(((value - g) ** 2 for value, g in zip(data, curve(t), strict=True)), acb(0))
        z = t.asinh()
        if analytic and not (t.real.is_exact() or abs(t.imag) < 1):  # the cuts of asinh and of the root
            return acb(arb.nan(), arb.nan())
        return (-fit / (2 * noise) - z * z / 2).exp() * (1 + t * t).rsqrt() ** jacobian

    ends = [ball(cut) for cut in (-EDGE, -4, -1, "2/5", "3/5", "4/5", 1, 4, EDGE)]
    inner = sum((acb.integral(density, a, b).real for a, b in pairwise(ends)), arb(0))
    # the prior's mass is at most sqrt(2 pi), with its jacobian
    tail = (-(arb(38) ** 2) / (2 * noise)).exp() * (2 * arb.pi()).sqrt()
    constants = len(x) * (2 * arb.pi() * noise).log() / 2 + (2 * arb.pi()).log() / 2
    return (inner + arb(0, 1) * tail).log() - constants


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "log p(x) as an integral over t, with the prior pushed forward, is ep.log_evidence of the model in z within "
        f"{TWELVE:g} nats; the ELBO of ep.unit_speed is that of ep.expectation with the closed form of z(t), "
        f"within {EQUAL:g}"
    ),
    domain=f"{', '.join(CASES)}, sigma^2 = {', '.join(NOISE)}; q = N(3/5, sigma^2)",
    hypotheses=(regular_curve,),
    controls=(
        control("without z'(t) in the prior", refutes=("*, evidence", "*, ELBO"), jacobian=0),
        control("z'(t) squared", refutes=("*, evidence", "*, ELBO"), jacobian=2),
    ),
)  # fmt: skip
def evidence_and_elbo_in_t(run: Run, *, jacobian: int = 1) -> Verdict:
    """Routes in t know the closed form of z(t); those of the package integrate |f'| in z."""
    parts = {}
    for name, (decoder, x, curve, text) in CASES.items():
        run.assume(regular_curve, decoder)
        for v in NOISE:
            model = ep.LatentModel("z", list(decoder), ep.Gaussian(v))
            evidence = ep.log_evidence(model, x, 12.5)
            q = ep.GaussianPosterior("3/5", v)
            elbo = ep.unit_speed(model).elbo(x, q, 11)
            with working_precision(BITS):
                difference = spanned(evidence) - evidence_in_t(x, curve, v, jacobian)
                parts[f"{name}, sigma^2 = {v}, evidence"] = ball_equal(difference, TWELVE)
                other = _elbo_in_t(x, text, v, q, jacobian)
                parts[f"{name}, sigma^2 = {v}, ELBO"] = ball_equal(spanned(elbo) - other, EQUAL)
    return all_of(parts)


def _elbo_in_t(x: Sequence[str], curve: Sequence[str], v: str, q: ep.GaussianPosterior, jacobian: int) -> arb:
    """E_q[log p(x | g(t)) + log p_T(t)] + H(q), g as text."""
    squares = " - ".join(f"(({value}) - {g})**2/(2*({v}))" for value, g in zip(x, curve, strict=True))
    mean = ep.expectation(f"-{squares} - asinh(z)**2/2 - {jacobian}*log(1 + z**2)/2", q, 11)
    constants = len(x) * (2 * arb.pi() * ball(v)).log() / 2 + (2 * arb.pi()).log() / 2
    return spanned(mean) - constants + q.entropy()


PARABOLA = ("1/100", "1/400", "1/1600")
"""sigma^2."""
PIECES, REACH, DECIMALS = 12, 12, 25
"""Of mpmath's quadratures: intervals, deviations on both sides, digits."""
RELATIVE = 1e-5
"""Of gaps that are proved to 6 significant digits."""


@claim.check(
    statement="S3",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        f"the parabola's gaps in t are those of mpmath's quadratures with L(z) = z sqrt(1 + 4 z^2) / 2 + asinh(2 z) / "
        f"4, relatively within {RELATIVE:g}"
    ),
    domain=f"f = (z, z^2), x = f(7/10), sigma^2 = {', '.join(PARABOLA)}, at ep.unit_speed's stationary q",
    hypotheses=(regular_curve,),
    controls=(
        control("without log z'(t) in the prior", jacobian=0),
        control("L without its asinh", bowed=0),
    ),
)
def parabola_by_quadrature(run: Run, *, jacobian: int = 1, bowed: int = 1) -> Verdict:
    """Two programs that share no step: 2.018e-7, 5.131e-9, 2.242e-10."""
    run.assume(regular_curve, ["z", "z**2"])
    parts = {}
    for v in PARABOLA:
        curve = ep.unit_speed(ep.LatentModel("z", ["z", "z**2"], ep.Gaussian(v)))
        q = curve.stationary_posterior(X, 14).posterior
        gap = _gap_by_mpmath(Fraction(v), q, jacobian, bowed)
        parts[f"sigma^2 = {v}"] = equal(float(curve.gap(X).midpoint) / gap, 1.0, RELATIVE)
    return all_of(parts)


X = ("7/10", "49/100")


def _gap_by_mpmath(v: Fraction, q: ep.GaussianPosterior, jacobian: int, bowed: int) -> float:
    """Return log p(x) - ELBO at q, with z as the variable of both integrals."""
    with mpmath.workdps(DECIMALS):
        noise, mean, spread = (_number(n) for n in (v, q.mean[0], q.covariance[0][0]))
        width, centre = mpmath.sqrt(noise), mpmath.mpf(7) / 10
        ends = [centre + REACH * width * (2 * k - PIECES) / PIECES for k in range(PIECES + 1)]

        def joint(z: mpmath.mpf) -> mpmath.mpf:
            fit = (centre - z) ** 2 + (centre**2 - z * z) ** 2
            return (
                -fit / (2 * noise)
                - mpmath.log(2 * mpmath.pi * noise)
                - z * z / 2
                - mpmath.log(2 * mpmath.pi) / 2
            )

        def part(z: mpmath.mpf) -> mpmath.mpf:
            speed = mpmath.sqrt(1 + 4 * z * z)
            length = z * speed / 2 + bowed * mpmath.asinh(2 * z) / 4
            u = (length - mean) / mpmath.sqrt(spread)
            density = mpmath.npdf(u) / mpmath.sqrt(spread)
            return density * speed * (joint(z) - jacobian * mpmath.log(speed))

        evidence = mpmath.log(mpmath.quad(lambda z: mpmath.exp(joint(z)), ends))
        elbo = mpmath.quad(part, ends) + mpmath.log(2 * mpmath.pi * mpmath.e * spread) / 2
        return float(evidence - elbo)


def _number(value: Fraction) -> mpmath.mpf:
    return mpmath.mpf(value.numerator) / value.denominator


FAR = (2, 5, 20)


SHORT = 1e-30


@claim.check(
    statement="S3",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "f = tanh z: the arc length of [0, z] is tanh z, below 1, so that the prior of t has no mass outside [-1, 1], "
        "where every Gaussian q(t) has some, and every ELBO is minus infinity; ep.unit_speed refuses it"
    ),
    domain=f"z = {', '.join(map(str, FAR))}; the mass of q = N(0, 1/100) beyond 1",
    hypotheses="none",
    controls=(
        control("asinh z for tanh z", refutes=("length, *", "below*", "refused"), name="asinh"),
        control("the mass beyond 1 less 1e-20", refutes="mass", less=Fraction(1, 10**20)),
    ),
)  # fmt: skip
def a_curve_of_finite_length(run: Run, *, name: str = "tanh", less: Fraction = Fraction(0)) -> Verdict:  # noqa: ARG001
    """The length is the integral of f' = 1 - tanh^2 > 0, in balls."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for z in FAR:
            length = acb.integral(SPEEDS[name], acb(0), acb(z)).real
            parts[f"length, z = {z}"] = ball_equal(length - ball(z).tanh(), SHORT)
            parts[f"below 1, z = {z}"] = ball_positive(1 - length)
        parts["mass"] = ball_positive((10 / arb(2).sqrt()).erfc() / 2 - ball(less))
    accepted = regular_curve.predicate([f"{name}(z)"])
    parts["refused"] = ball_equal(Fraction(bool(accepted)), 0.5)
    return all_of(parts)


SPEEDS: Mapping[str, Callable[[acb, bool], acb]] = {
    "tanh": lambda z, _: 1 - z.tanh() ** 2,
    "asinh": lambda z, analytic: (1 + z * z).rsqrt(analytic=analytic),
}
