"""ep.decompose: against closed forms and quadrature, row by row, and on 80 columns."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize

import elboproof as ep
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of
from elboproof.posterior import decompose as module
from elboproof.posterior import decomposed_rows as rows
from elboproof.posterior.decomposition import Decomposition, _cell
from elboproof.posterior.stationary import stationary_posteriors
from tests.seeding import Bug, Seeded, falsification, patched

V = 0.25
SINH = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/4"))
PLANE = ep.LatentModel(["u", "v"], ["u + 2*v", "3*u - v + 1", "u"], ep.Gaussian(variance="1/2"))
W, B = np.array([[1.0, 2], [3, -1], [1, 0]]), np.array([0.0, 1, 0])
XS = np.array([[0.5, 0.25, -1.0], [1.5, -0.5, 0.25]])


def _log_normal(x: Any, mean: Any, covariance: Any) -> float:
    r = np.asarray(x) - mean
    return float(-(r @ np.linalg.solve(covariance, r) + np.linalg.slogdet(2 * np.pi * covariance)[1]) / 2)


def _divergence(m: Any, S: Any, mean: Any, covariance: Any) -> float:
    inverse, r = np.linalg.inv(covariance), np.asarray(m) - mean
    logs = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(S)[1]
    return float((np.trace(inverse @ S) + r @ inverse @ r - len(r) + logs) / 2)


def _plane(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return log p(x) and the moments of p(z|x)."""
    S = np.linalg.inv(np.eye(2) + 2 * W.T @ W)
    return _log_normal(x, B, W @ W.T + np.eye(3) / 2), 2 * S @ W.T @ (x - B), S


def _is(enclosure: ep.Enclosure, truth: float, slack: float = 1e-9) -> None:
    """The enclosure is narrow and holds a number that is known to ``slack``."""
    assert float(enclosure.width) <= 4e-4
    assert float(enclosure.lower) - slack <= truth <= float(enclosure.upper) + slack


def linear_parts_are_closed_forms() -> None:
    """With the family of diagonal q and one S: each of the three parts is a divergence of Gaussians."""
    S = [0.0625, 0.25]
    codes = [[0.25, 0.5], [-0.25, 0.125]]
    found = ep.decompose(PLANE, XS, [ep.GaussianPosterior(m, S) for m in codes], family="diagonal", shared=S)
    assert found.statuses == ("", "")
    assert found.shared is not None
    assert found.constant_variance is not None
    for n, (x, m) in enumerate(zip(XS, codes, strict=True)):
        log_p, mean, covariance = _plane(x)
        own = _divergence(mean, np.diag(1 / np.diag(np.linalg.inv(covariance))), mean, covariance)
        one, all_of_it = (_divergence(at, np.diag(S), mean, covariance) for at in (mean, np.array(m)))
        for enclosure, truth in (
            (found.evidence, log_p),
            (found.best, log_p - own),
            (found.shared, log_p - one),
            (found.encoder, log_p - all_of_it),
            (found.approximation, own),
            (found.constant_variance, one - own),
            (found.amortisation, all_of_it - one),
        ):
            _is(enclosure[n], truth)


def a_gaussian_posterior_leaves_no_approximation_gap() -> None:
    codes = [ep.GaussianPosterior([0, 0], [1, 1])] * 2
    found = ep.decompose(PLANE, XS, codes)
    assert found.approximation.lower.tolist() == found.approximation.upper.tolist() == [0.0, 0.0]
    for n, x in enumerate(XS):
        log_p, mean, covariance = _plane(x)
        _is(found.best[n], log_p)
        _is(found.amortisation[n], _divergence([0, 0], np.eye(2), mean, covariance))


def curved_parts_are_quadratures() -> None:
    """Sinh in one latent: log p by quadrature, ELBOs by Gauss-Hermite sums, the best q by a search in floats."""
    for x, m, s in ((0.7, 0.5, 0.125), (-2.0, -1.0, 0.25)):
        found = ep.decompose(SINH, [str(x)], ep.GaussianPosterior(m, s))
        log_p = np.log(quad(lambda z, x=x: np.exp(_joint(z, x)), -9, 9, epsabs=1e-13, limit=200)[0])
        best = -minimize(lambda t, x=x: -_elbo(x, t[0], np.exp(t[1])), [m, np.log(s)], tol=1e-10).fun
        _is(found.evidence[0], log_p)
        _is(found.best[0], best, 1e-7)
        _is(found.encoder[0], _elbo(x, m, s))
        _is(found.approximation[0], log_p - best, 1e-7)
        _is(found.amortisation[0], best - _elbo(x, m, s), 1e-7)


def _joint(z: Any, x: float) -> Any:
    return -((x - np.sinh(z)) ** 2) / (2 * V) - z**2 / 2 - np.log(2 * np.pi) - np.log(V) / 2


def _elbo(x: float, m: float, s: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    mean = weights @ _joint(m + np.sqrt(s) * nodes, x) / np.sqrt(2 * np.pi)
    return float(mean + (1 + np.log(2 * np.pi * s)) / 2)


def a_row_that_fails_leaves_the_others() -> None:
    """A row with no time: a status and true bounds; the next one is as it would be alone."""
    found = _with_one_row_late()
    alone = ep.decompose(SINH, ["0.7"], ep.GaussianPosterior("1/2", "1/8"))
    assert "no stationary point" in found.statuses[0]
    assert "log p(x): no digits" in found.statuses[0]
    assert found.statuses[1] == ""
    assert abs(found.best[1].midpoint - alone.best[0].midpoint) < 1e-4
    truth = alone.best[0]
    assert found.best[0].lower <= truth.lower
    assert found.best[0].upper >= truth.upper
    assert found.approximation[0].lower == 0.0
    assert found.points[0] is None
    assert found.points[1] is not None


def _with_one_row_late() -> Decomposition:
    points, evidence, calls = stationary_posteriors, evidence_of, [0, 0]

    def late_points(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        return points(*args, **options | ({"seconds": 1e-9} if calls[0] == 1 else {}))

    def late_evidence(*args: Any, **options: Any) -> Evidence:
        calls[1] += 1
        return evidence(*args, **options | ({"seconds": 1e-9} if calls[1] == 1 else {}))

    changes = ((module, "stationary_posteriors", late_points), (module, "evidence_of", late_evidence))
    with patched(*changes, by=()).seeded():
        return ep.decompose(SINH, [["0.7"], ["0.7"]], [ep.GaussianPosterior("1/2", "1/8")] * 2)


def an_encoder_above_the_point_is_told() -> None:
    """Two hills, and only the lower one found: its ELBO is no bound of the encoder's on the higher one."""
    model = ep.LatentModel("z", ["z**2 - z/10"], ep.Gaussian(variance="1/100"))
    low = ep.stationary_posteriors(model, ["1"])[-1]
    high = ep.stationary_posterior(model, ["1"]).posterior
    assert low.elbo < ep.elbo(model, ["1"], high)
    with patched((module, "stationary_posteriors", lambda *_, **__: (low,)), by=()).seeded():
        found = ep.decompose(model, ["1"], high)
    assert "encoder's ELBO is above" in found.statuses[0]
    assert found.points == (None,)
    assert found.best[0].lower == found.encoder[0].lower
    assert found.best[0].upper == found.evidence[0].upper


CHECKS = {
    "linear": linear_parts_are_closed_forms,
    "gaussian": a_gaussian_posterior_leaves_no_approximation_gap,
    "curved": curved_parts_are_quadratures,
    "late": a_row_that_fails_leaves_the_others,
    "above": an_encoder_above_the_point_is_told,
}
ROW = module._Row
BUGS: dict[str, Bug] = {
    "family left to its default": Seeded(
        ROW, "parts", '"best Gaussian", self.family', '"best Gaussian", "full"', "linear"
    ),
    "shared as another family": Seeded(
        ROW, "parts", '"fixed", self.covariance', "self.family, None", "linear"
    ),
    "amortisation from the own best": Seeded(
        rows, "joined", "(best if shared is None else shared) - encoder", "best - encoder", "linear"
    ),
    "constant variance from the evidence": Seeded(
        rows, "joined", "else best - shared", "else evidence - shared", "linear"
    ),
    "parts exchanged": Seeded(rows, "joined", "(evidence - best)", "(best - encoder)", ("curved", "linear")),
    "a Gaussian posterior is not seen": patched(
        (module, "has_gaussian_posterior", lambda _: False), by="gaussian"
    ),
    "what is known begins at its end": Seeded(
        rows, "between", "Enclosure(low.lower,", "Enclosure(high.upper,", ("late", "above")
    ),
    "an encoder above is not seen": Seeded(
        ROW, "_best", "encoder.lower > point", "encoder.lower > 9e9 + point", "above"
    ),
    "gaps below zero": Seeded(rows, "joined", ".at_least(0)", "", "late"),
}
test_passes, test_catches, test_is_needed = falsification(CHECKS, BUGS)


def test_a_trained_network_adds_up_and_prints_on_80_columns() -> None:
    g = torch.Generator().manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g, dtype=torch.float64))
    model, S = ep.LatentModel.from_torch(net, likelihood=ep.Gaussian(variance="1/4")), ["1/8", "1/4"]
    x = net(torch.tensor([[0.5, -1.0], [1.0, 0.25]]).double()).detach().numpy().round(2)
    q = [ep.GaussianPosterior(m, S) for m in ([0.5, -0.75], [0.75, 0.5])]
    found = ep.decompose(model, x, q, 3, shared=S)
    assert found.statuses == ("", "")
    assert found.constant_variance is not None
    total = found.approximation + found.constant_variance + found.amortisation
    gap = found.evidence - found.encoder
    for part in (found.approximation, found.constant_variance, found.amortisation):
        assert float(part.lower.min()) > 0
    assert (total.lower <= gap.midpoint).all()
    assert (gap.midpoint <= total.upper).all()
    lines = repr(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert "at most" in lines[2]
    assert "at least" in lines[2]
    assert len(lines) == 6


def test_long_tables_are_cut_and_statuses_wrapped() -> None:
    many = ep.Enclosure(np.full(30, -1234567.25), np.full(30, -1234567.125))
    gaps, none = (
        ep.Enclosure(np.zeros(30), np.full(30, 1e-5)),
        ep.Enclosure(np.full(30, -np.inf), np.full(30, 3.0)),
    )
    found = Decomposition(
        none, many, many, gaps, many, ("stopped by a reason that is long " * 9,) * 30, many, gaps
    )
    lines = repr(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert "  ... and 10 more rows" in lines
    assert lines[-1] == "... and 10 more rows undecided"
    assert lines[3].startswith("0     <=3.0e+0  -1.2e+06")
    assert "<=1.1e-5" in lines[3]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.0, 0.0, "0"),
        (1.25, 1.26, "1.255(6)"),
        (-1.0, np.inf, "?"),
        (-1.0, 0.2, "<=2.1e-1"),
        (-9e99, -8.9e99, "-8.95(5)e+99"),
    ],
)
def test_a_cell_says_what_is_certain(low: float, high: float, text: str) -> None:
    assert _cell(ep.Enclosure(low, high), 13) == text


Q = ep.GaussianPosterior("1/2", "1/8")


@pytest.mark.parametrize(
    ("given", "options", "error", "match"),
    [
        ((SINH, ["0.7"], [Q, Q]), {}, ValueError, "posteriors: got 2 posteriors; expected 1"),
        (
            (SINH, ["0.7"], [0.5]),
            {},
            TypeError,
            r"posteriors\[0\]: got 0.5 of type float; expected an ep.Gaussian",
        ),
        ((SINH, ["0.7"], 0.5), {}, TypeError, "posteriors: got 0.5"),
        ((PLANE, XS[0], Q), {}, ValueError, r"posteriors: got 1 dimensions; expected 2"),
        (
            (SINH, ["0.7"], Q),
            {"shared": "1/4"},
            ValueError,
            r"posteriors\[0\]: .*expected the covariance given as shared",
        ),
        ((SINH, ["0.7"], Q), {"shared": "-1"}, ValueError, "covariance: got"),
        (
            (SINH, ["0.7"], Q),
            {"family": "fixed"},
            ValueError,
            "family: got 'fixed'; expected one of 'full', 'diag",
        ),
        ((SINH, ["0.7"], Q), {"digits": 0}, ValueError, "digits: got 0"),
        ((SINH, ["0.7"], Q), {"seconds": -1}, ValueError, "seconds: got -1"),
        ((SINH, ["0.7", "1"], Q), {}, ValueError, "x: got shape"),
        (("sinh", ["0.7"], Q), {}, TypeError, "model: got 'sinh'"),
    ],
)
def test_bad_arguments_are_named(
    given: tuple[Any, ...], options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        ep.decompose(*given, **options)


def test_a_full_covariance_is_no_member_of_the_diagonal_family() -> None:
    q = ep.GaussianPosterior([0, 0], [[1, "1/2"], ["1/2", 1]])
    with pytest.raises(
        ValueError, match=r"posteriors\[0\]: .*a diagonal covariance, for the family 'diagonal'"
    ):
        ep.decompose(PLANE, XS[0], q, family="diagonal")


def test_fractions_are_exact_on_the_way() -> None:
    found = ep.decompose(SINH, [Fraction(7, 10)], Q)
    assert found.encoder[0].contains(ep.elbo(SINH, ["0.7"], Q, 12).midpoint)
