"""ep.unit_speed: lengths, ELBOs and gaps by other routes, the law, and what is refused."""

import pickle
from fractions import Fraction

import mpmath
import pytest
from flint import arb

import elboproof as ep
from elboproof.numbers.balls import working_precision
from elboproof.posterior.unit_speed_curve import Curve
from elboproof.posterior.unit_speed_regular import Regular, proved_regular
from tests.posterior.routes import DIGITS, gaussian_joint, number

X = ("0.7", "0.49")
PARABOLA = ep.unit_speed(ep.LatentModel("z", ["z", "z**2"], ep.Gaussian("1/100")))
SINH = ep.unit_speed(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/10")))


def parabola(variance: object) -> ep.UnitSpeed:
    return ep.unit_speed(ep.LatentModel("z", ["z", "z**2"], ep.Gaussian(variance)))


def parabola_length(z: mpmath.mpf) -> mpmath.mpf:
    return z * mpmath.sqrt(1 + 4 * z * z) / 2 + mpmath.asinh(2 * z) / 4


def elbo_in_z(mean: str, variance: str, noise: str) -> mpmath.mpf:
    """Return the parabola's ELBO of N(mean, variance) in t, with the closed form of L, by mpmath in z."""
    with mpmath.workdps(DIGITS):
        m, s = number(mean), mpmath.sqrt(number(variance))
        joint = gaussian_joint(lambda z: [z, z * z], X, noise)

        def part(z: mpmath.mpf) -> mpmath.mpf:
            speed = mpmath.sqrt(1 + 4 * z * z)
            density = mpmath.npdf((parabola_length(z) - m) / s) / s * speed
            return density * (joint(z) - mpmath.log(speed))

        ends = [mpmath.findroot(lambda z, k=k: parabola_length(z) - m - k * s, m) for k in range(-14, 15)]
        return mpmath.quad(part, ends) + (1 + mpmath.log(2 * mpmath.pi)) / 2 + mpmath.log(s)


@pytest.mark.parametrize(
    ("mean", "variance", "noise"),
    [("0.9", "1/100", "1/100"), ("-0.4", "1/4", "1"), ("0", "1/10000", "9/100")],
)
def test_elbo_agrees_with_mpmath_in_z(mean: str, variance: str, noise: str) -> None:
    truth = float(elbo_in_z(mean, variance, noise))
    for digits in (2, 12):
        found = parabola(noise).elbo(X, ep.GaussianPosterior(mean, variance), digits)
        assert found.lower <= truth <= found.upper
        assert found.width <= 2.1 * 10.0**-digits


def test_elbo_agrees_with_mpmath_in_t() -> None:
    """L = sinh z for f = sinh z: z(t) = asinh t, and the decoder is t."""
    with mpmath.workdps(DIGITS):
        m, s = mpmath.mpf("0.6"), mpmath.sqrt(mpmath.mpf("0.08"))

        def part(e: mpmath.mpf) -> mpmath.mpf:
            t = m + s * e
            likelihood = -((mpmath.mpf("0.7") - t) ** 2) * 5 - mpmath.log(2 * mpmath.pi / 10) / 2
            prior = -(mpmath.asinh(t) ** 2) / 2 - mpmath.log(2 * mpmath.pi * (1 + t * t)) / 2
            return mpmath.npdf(e) * (likelihood + prior)

        truth = mpmath.quad(part, mpmath.linspace(-14, 14, 29)) + mpmath.log(2 * mpmath.pi * mpmath.e) / 2
        truth = float(truth + mpmath.log(s))
    found = SINH.elbo(["0.7"], ep.GaussianPosterior("0.6", "0.08"), 13)
    assert found.lower <= truth <= found.upper


def test_lengths_and_latents_are_inverse() -> None:
    for z in ("0.7", "-2", "0", "1e-9"):
        length = PARABOLA.arc_length(z)
        assert length.lower <= float(parabola_length(mpmath.mpf(z))) <= length.upper
        back = PARABOLA.latent(float(length.midpoint))
        assert abs(back.midpoint - float(z)) <= 1e-15 * max(1.0, abs(float(z))) + back.width
    two = SINH.latent("2")
    assert two.lower <= float(mpmath.asinh(2)) <= two.upper


@pytest.mark.parametrize(
    ("noise", "known"),
    [
        ("1/100", 2.01834627058841e-7),
        ("1/400", 5.13084117078916e-9),
        ("1/1600", 2.2418253794393e-10),
        ("1/6400", 1.25730362642442e-11),
    ],
)
def test_gaps_of_the_parabola_are_those_of_mpmath(noise: str, known: float) -> None:
    """The numbers are from 40 digits of mpmath, in t."""
    assert parabola(noise).gap(X, 8).midpoint == pytest.approx(known, rel=1e-8)


def test_gap_tends_to_its_law() -> None:
    """kappa^4 sigma^4 / 48 + O(sigma^6), kappa = 2 / (1 + 4 z^2)^(3/2)."""
    law = (2 / (1 + 4 * 0.49) ** 1.5) ** 4 / 48
    off = [parabola(v).gap(X).midpoint / law / float(Fraction(v)) ** 2 - 1 for v in ("1e-4", "1e-6", "1e-8")]
    assert off[0] / off[1] == pytest.approx(100, rel=0.02)
    assert off[2] == pytest.approx(0, abs=3e-6)


def test_covariances_measure_the_speed() -> None:
    """Scaling an output and its deviation by 3 changes nothing but the unit of x."""
    plain = ep.unit_speed(ep.LatentModel("z", ["z", "z**2"], ep.Gaussian("1/10")))
    scaled = ep.unit_speed(
        ep.LatentModel("z", ["z", "3*z**2"], ep.Gaussian(covariance=[["1/10", "0"], ["0", "9/10"]]))
    )
    turned = ep.unit_speed(
        ep.LatentModel("z", ["z", "z**2 + z"], ep.Gaussian(covariance=[["1/10", "1/10"], ["1/10", "1/5"]]))
    )
    gaps = [
        model.gap(x).midpoint
        for model, x in ((plain, X), (scaled, ("0.7", "1.47")), (turned, ("0.7", "1.19")))
    ]
    assert gaps[1] == pytest.approx(gaps[0], rel=1e-5)
    assert gaps[2] == pytest.approx(gaps[0], rel=1e-5)


def test_a_line_has_no_gap_and_its_posterior_is_that_in_z_five_times_as_long() -> None:
    model = ep.LatentModel("z", ["3*z", "4*z"], ep.Gaussian("1/10"))
    curve, x = ep.unit_speed(model), ["0.5", "0.25"]
    assert curve.gap(x).upper == 0
    point, known = curve.stationary_posterior(x), ep.stationary_posterior(model, x)
    assert point.kind == "maximum"
    assert point.mean.midpoint == pytest.approx(5 * known.mean.midpoint, rel=1e-14)
    assert point.covariance.midpoint == pytest.approx(25 * known.covariance.midpoint, rel=1e-13)
    assert point.elbo.midpoint == pytest.approx(ep.log_evidence(model, x).midpoint, abs=1e-10)


def test_evidence_is_that_of_the_model_and_rows_are_rows() -> None:
    rows = [list(X), ["0", "0"]]
    difference = PARABOLA.log_evidence(rows) - ep.log_evidence(PARABOLA.model, rows)
    assert difference.contains(0)
    gaps = PARABOLA.gap(rows, 4)
    assert gaps.lower.shape == (2,)
    assert gaps.lower.min() > 0
    both = PARABOLA.elbo(rows, ep.GaussianPosterior("0.8", "0.01"))
    assert both.lower[0] > both.upper[1]


@pytest.mark.parametrize(
    ("decoder", "words"),
    [
        (["tanh(z)"], "finite length over z >= 0"),
        (["exp(z)"], "finite length over z <= 0"),
        (["softplus(z)", "sigmoid(z)"], "finite length over z <= 0"),
        (["z", "abs(z)"], "without kinks"),
    ],
)
def test_refused_curves(decoder: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ep.unit_speed(ep.LatentModel("z", decoder, ep.Gaussian(1)))


@pytest.mark.parametrize(
    ("decoder", "words"),
    [
        (["z**2"], "a regular curve, .* for z in"),
        (["z**3 - z"], "a regular curve"),
        (["z", "exp(z**2)"], "growth"),
        (["log(1 + log(1 + z**2)) + sin(z)/1000"], "c / "),
    ],
)
def test_what_is_not_shown_is_undecided(decoder: list[str], words: str) -> None:
    with pytest.raises(ep.Undecided, match=words):
        ep.unit_speed(ep.LatentModel("z", decoder, ep.Gaussian(1)))


def test_other_models_are_refused() -> None:
    with pytest.raises(TypeError, match="model: got"):
        ep.unit_speed("z")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Gaussian likelihood"):
        ep.unit_speed(ep.LatentModel("z", ["z"], ep.Bernoulli()))
    with pytest.raises(ValueError, match="one latent"):
        ep.unit_speed(ep.LatentModel(["u", "v"], ["u", "v"], ep.Gaussian(1)))


def test_other_priors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel("z", ["z", "z**2"], ep.Gaussian("1/100"))
    monkeypatch.setattr(type(model), "energy", property(lambda one: one.latents[0] ** 2 - one.log_likelihood))
    with pytest.raises(ValueError, match=r"the prior N\(0, 1\)"):
        ep.unit_speed(model)


def test_each_row_has_its_own_posterior() -> None:
    posteriors = ep.GaussianPosteriors([[0.25], [0.5]], [[0.01], [0.02]])
    found = PARABOLA.elbo([X, X], posteriors, 5)
    for n, q in enumerate(posteriors):
        assert PARABOLA.elbo(X, q, 5).lower == found.lower[n]
    assert found.upper[0] < found.lower[1] or found.upper[1] < found.lower[0]


def test_bad_arguments_are_named() -> None:
    with pytest.raises(TypeError, match=r"q\[0\]: got 0 .*; expected an ep.GaussianPosterior"):
        PARABOLA.elbo(X, (0, 1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="q: got 2 dimensions"):
        PARABOLA.elbo(X, ep.GaussianPosterior([0, 0], [1, 1]))
    with pytest.raises(ValueError, match="digits: got -1"):
        PARABOLA.gap(X, -1)
    with pytest.raises(ValueError, match="x: got"):
        PARABOLA.stationary_posterior([X, X])
    with pytest.raises(ValueError, match="z: got"):
        PARABOLA.arc_length("one")


def test_no_time_is_no_answer() -> None:
    with pytest.raises(ep.Undecided, match=r"time limit|none that"):
        PARABOLA.gap(X, seconds=1e-9)


def test_bounds_of_the_speed_are_bounds() -> None:
    """The parabola's infimum of v (1 + |z|) is 1, at 0."""
    with working_precision(64):
        found = proved_regular(Curve(PARABOLA.model))
        assert 0.7 < float(found.everywhere) <= 1
        assert float(found.least(1.0, 1)) <= float(mpmath.sqrt(5)) * 2
        assert float(found.least(-1.0, 1)) <= 1


def test_the_least_speed_beyond_an_end_is_that_of_the_cells_and_the_half_line_there() -> None:
    """Each side has its own cells and half-line, the cell that holds the end among them; by hand."""
    cells = [(k, k + 1, bound) for k, bound in zip((-2, -1, 0, 1), (8, 4, 5, 7), strict=True)]
    found = Regular(
        tuple((float(low), float(high), arb(bound)) for low, high, bound in cells),
        (2, arb(9)),
        (2, arb(6)),
        Curve(PARABOLA.model).growth(),
    )
    # on the right of -1.5 lie all four cells, of 0.5 the last two and the half-line's 6; beyond 2 only the half-line
    right = {-1.5: 4, -0.5: 4, 0.5: 5, 1.5: 6, 2.0: 6, 5.0: 6, -5.0: 4}
    left = {1.5: 4, 0.5: 4, -0.5: 4, -1.5: 8, -2.0: 9, -5.0: 9, 5.0: 4}
    assert {end: float(found.least(end, 1)) for end in right} == right
    assert {end: float(found.least(end, -1)) for end in left} == left


def test_a_model_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(PARABOLA))  # noqa: S301 - our own
    assert again == PARABOLA
    assert again.arc_length("1").midpoint == PARABOLA.arc_length("1").midpoint
