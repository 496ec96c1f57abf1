"""Certificates: verified as they are, refused with a reason when anything in them is changed."""

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sympy import Symbol, sin

import elboproof as ep
from elboproof.rechecking import best_posterior, trapezoids
from elboproof.rechecking.best_posterior import Threshold
from elboproof.rechecking.integration import Unable
from elboproof.theorems import (
    best_elbo,
    leaf_estimates,
    log_partition,
    natural,
    search,
    sufficient_statistics,
)
from elboproof.theorems.certificates import Certificate

CUBIC = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"])
CUBIC_BOX = {"c": ("0", "0.3"), "v": ("0.01", "1")}
Z = Symbol("z", real=True)
Content = dict[str, Any]


def certificate(statement: Any, box: Any) -> Content:
    answer = ep.for_all(statement, box)
    assert isinstance(answer, ep.Proof), answer
    return dict(json.loads(answer.certificate.to_json()))


@pytest.fixture(scope="module")
def from_above() -> Content:
    return certificate(CUBIC <= "0.1", CUBIC_BOX)


@pytest.fixture(scope="module")
def from_below() -> Content:
    square = ep.Gap("z", ["z**2"], "sigma**2", ["x"])
    return certificate(square.between("0.6", "0.9"), {"sigma": ("0.2", "0.3"), "x": ("0.6", "0.8")})


def check(content: object, folder: Path) -> Any:
    file = folder / "certificate.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return ep.recheck(file)


STATEMENTS = [
    (CUBIC <= "0.05", CUBIC_BOX),
    (CUBIC >= 0, CUBIC_BOX),
    (CUBIC.between("0.001", "0.1"), {"c": ("0.1", "0.3"), "v": ("0.1", "0.3")}),
    (
        ep.Gap("z", ["a*sin(z) + b*z"], "v", ["1/2"]) <= "0.1",
        {"a": ("0.2", "0.5"), "b": ("0.6", "0.8"), "v": ("0.2", "1")},
    ),
    (
        ep.Gap("z", ["a*tanh(2*z) + sigmoid(z)/2"], "v", ["1/2"]) <= "0.2",
        {"a": ("0.5", "1"), "v": ("0.2", "1")},
    ),
    (
        ep.Gap(["a", "b"], ["a", "b + a**2"], "v", ["1/2", "x"]) <= "0.1",
        {"x": ("0.6", "0.8"), "v": ("0.5", "1")},
    ),
    (ep.Gap(["a", "b"], ["a*b"], "v", ["x"]) <= "0.3", {"x": ("0.6", "0.8"), "v": ("0.5", "1")}),
    (ep.LogEvidence("z", ["z + c*z**3"], "v", ["7/10"]).between(-2, 0), CUBIC_BOX),
    (ep.Gap("z", ["c*sinh(z)"], "v", ["1/2"]) <= "0.1", {"c": ("0.5", "0.8"), "v": ("0.2", "1")}),
    (ep.LogEvidence("z", ["tanh(z)"], "1/w", ["y"]) >= -3, {"y": ("-1/2", "1/2"), "w": ("1", "9")}),
    (
        ep.Elbo("z", ["z + c*z**3"], "v", ["7/10"], ep.GaussianPosterior("0.4", "0.2")).between(-20, -0.5),
        CUBIC_BOX,
    ),
]


@pytest.mark.parametrize(
    ("statement", "box"), STATEMENTS, ids=[str(s)[:24] + s.quantity.decoder[-1] for s, _ in STATEMENTS]
)
def test_what_is_proved_is_verified(statement: Any, box: Any, tmp_path: Path) -> None:
    answer = ep.for_all(statement, box)
    assert isinstance(answer, ep.Proof)
    answer.certificate.save(tmp_path / "proof.json")
    assert ep.recheck(tmp_path / "proof.json") == statement
    again = ep.for_all(statement, box)
    assert isinstance(again, ep.Proof)
    assert again.certificate.to_json() == answer.certificate.to_json()


def moved_vertex(content: Content) -> None:
    low, high = content["leaves"][0]["box"][0]
    content["leaves"][0]["box"][0] = [low, str((Fraction(low) + Fraction(high)) / 2)]


def moved_outside(content: Content) -> None:
    content["leaves"][0]["box"][0][0] = "-1"


def reversed_side(content: Content) -> None:
    content["leaves"][0]["box"][0].reverse()


def missing_leaf(content: Content) -> None:
    del content["leaves"][3]


def doubled_leaf(content: Content) -> None:
    content["leaves"][3] = copy.deepcopy(content["leaves"][4])


def no_leaves(content: Content) -> None:
    content["leaves"] = []


def wider_box(content: Content) -> None:
    content["box"]["c"] = ["0", "0.4"]


def stronger_claim(content: Content) -> None:
    content["statement"]["upper"] = "0.05"


def stronger_everywhere(content: Content) -> None:
    content["statement"]["upper"] = "0.01"
    for leaf in content["leaves"]:
        leaf["bounds"][1] = "0.01"


def other_decoder(content: Content) -> None:
    content["statement"]["decoder"] = ["z + 2*c*z**3"]


def other_data(content: Content) -> None:
    content["statement"]["x"] = ["4"]


def bad_posterior(content: Content) -> None:
    content["leaves"][0]["posterior"]["mean"] = ["2"]


def negative_covariance(content: Content) -> None:
    content["leaves"][0]["posterior"]["covariance"] = [["-1"]]


def two_latents(content: Content) -> None:
    content["leaves"][0]["posterior"] = {"mean": ["0", "0"], "covariance": [["1", "0"], ["0", "1"]]}


def no_posterior(content: Content) -> None:
    content["leaves"][0]["posterior"] = None


def swapped_integral(content: Content) -> None:
    content["integrals"][0]["bounds"].reverse()


def smaller_integral(content: Content) -> None:
    low, high = (Fraction(bound) for bound in content["integrals"][0]["bounds"])
    content["integrals"][0]["bounds"] = [str(low - 1), str(high - 1)]


def missing_integral(content: Content) -> None:
    del content["integrals"][0]


def changed_theta(content: Content) -> None:
    content["integrals"][0]["theta"][0] = "1/3"


def growing_integral(content: Content) -> None:
    content["integrals"][0]["theta"][-1] = "1"


def not_a_number(content: Content) -> None:
    content["leaves"][0]["bounds"][1] = "nan"


def huge_text(content: Content) -> None:
    content["leaves"][0]["bounds"][1] = "9" * 100_000


def huge_exponent(content: Content) -> None:
    content["leaves"][0]["bounds"][1] = "1e99999999"


def a_float(content: Content) -> None:
    content["leaves"][0]["bounds"][1] = 0.05


def code(content: Content) -> None:
    content["statement"]["decoder"] = ["__import__('os').system('true')"]


def huge_expression(content: Content) -> None:
    content["statement"]["decoder"] = ["z**" * 5000 + "z"]


def root(content: Content) -> None:
    content["statement"]["decoder"] = ["sqrt(z) + c*z**3 + v*0"]


def high_degree(content: Content) -> None:
    content["statement"]["decoder"] = ["((z + c + v)**30)**20"]


def other_schema(content: Content) -> None:
    content["schema"] = "elboproof.for_all/2"


def no_bound(content: Content) -> None:
    content["statement"]["upper"] = None


def other_quantity(content: Content) -> None:
    content["statement"]["quantity"] = "log evidence"


TAMPERED: list[tuple[Callable[[Content], None], str]] = [
    (moved_vertex, "leaves: they cover 0.9.* of the box"),
    (moved_outside, r"leaves\[0\].box: got \[-1, .*expected a part of"),
    (reversed_side, r"leaves\[0\].box: got"),
    (missing_leaf, "leaves: they cover 0.* of the box"),
    (doubled_leaf, "leaves: leaves.* overlap"),
    (no_leaves, "leaves: they cover 0 of the box"),
    (wider_box, "leaves: they cover 0.75 of the box"),
    (stronger_claim, r"leaves\[\d+\].bounds: got the upper bound .*expected one up to 1/20"),
    (stronger_everywhere, r"leaves\[\d+\].bounds: got the upper bound 0.01; only 0.0.* holds"),
    (other_decoder, "one of its integrals is missing"),
    (other_data, "one of its integrals is missing|only .* holds"),
    (bad_posterior, r"leaves\[0\].bounds: got the upper bound .*; only .* holds"),
    (negative_covariance, r"leaves\[0\].posterior: covariance.*expected"),
    (two_latents, r"leaves\[0\].posterior: got 2 latents"),
    (no_posterior, r"leaves\[0\].posterior: got none; expected a Gaussian"),
    (swapped_integral, r"integrals\[0\].bounds: got lower .* above upper"),
    (smaller_integral, r"integrals\[0\].bounds: got .*the integral's logarithm is"),
    (missing_integral, "one of its integrals is missing in the certificate"),
    (changed_theta, r"integrals\[0\].bounds: got .*the integral's logarithm is"),
    (growing_integral, "integrals: cannot be verified: the exponent is not seen to be bounded above"),
    (not_a_number, r"leaves\[0\].bounds: got 'nan'; expected an exact real number"),
    (huge_text, r"leaves\[0\].bounds: got '999.*expected an exact real number"),
    (huge_exponent, r"leaves\[0\].bounds: got '1e99999999'; expected an exact real number"),
    (a_float, r"leaves\[0\].bounds: got 0.05; expected a number as a string"),
    (code, "certificate: cannot be verified: decoder"),
    (huge_expression, "certificate: cannot be verified: decoder"),
    (root, "one of its integrals is missing|cannot be verified"),
    (high_degree, "certificate: cannot be verified: decoder.0.: got a degree of 600; expected at most 30"),
    (other_schema, "schema: got 'elboproof.for_all/2'; expected 'elboproof.for_all/1'"),
    (no_bound, "statement: got no bound; expected at least one"),
    (other_quantity, r"leaves\[\d+\].centre: got none|upper bound"),
]


@pytest.mark.parametrize(("tamper", "message"), TAMPERED, ids=[tamper.__name__ for tamper, _ in TAMPERED])
def test_tampering_is_refused(
    tamper: Callable[[Content], None], message: str, from_above: Content, tmp_path: Path
) -> None:
    content = copy.deepcopy(from_above)
    tamper(content)
    with pytest.raises(ep.CertificateError, match=message):
        check(content, tmp_path)


def weaker_lower(content: Content) -> None:
    content["statement"]["lower"] = "0.61"


def lower_everywhere(content: Content) -> None:
    content["statement"]["lower"] = "0.65"
    for leaf in content["leaves"]:
        leaf["bounds"][0] = "0.65"


def swapped_bounds(content: Content) -> None:
    content["leaves"][0]["bounds"].reverse()


def centre_outside(content: Content) -> None:
    content["leaves"][0]["centre"] = ["10", "10"]


def no_centre(content: Content) -> None:
    content["leaves"][0]["centre"] = None


def other_centre(content: Content) -> None:
    content["leaves"][0]["centre"] = [side[0] for side in content["leaves"][0]["box"]]


TAMPERED_BELOW: list[tuple[Callable[[Content], None], str]] = [
    (weaker_lower, r"leaves\[0\].bounds: got the lower bound .*expected one from 61/100"),
    (lower_everywhere, r"leaves\[\d+\].bounds: the lower bound 0.65 could not be verified"),
    (swapped_bounds, r"leaves\[0\].bounds: got lower .* above upper"),
    (centre_outside, r"leaves\[0\].centre: got .*expected a point of the leaf"),
    (no_centre, r"leaves\[0\].centre: got none; expected a point"),
    (other_centre, "one of its integrals is missing"),
]


@pytest.mark.parametrize(("tamper", "message"), TAMPERED_BELOW, ids=[t.__name__ for t, _ in TAMPERED_BELOW])
def test_tampering_with_lower_bounds_is_refused(
    tamper: Callable[[Content], None], message: str, from_below: Content, tmp_path: Path
) -> None:
    content = copy.deepcopy(from_below)
    tamper(content)
    with pytest.raises(ep.CertificateError, match=message):
        check(content, tmp_path)


def test_the_fixtures_are_verified_untouched(
    from_above: Content, from_below: Content, tmp_path: Path
) -> None:
    assert str(check(from_above, tmp_path)) == "gap <= 1/10"
    assert str(check(from_below, tmp_path)) == "3/5 <= gap <= 9/10"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file: got what is no JSON"),
        (
            '{"schema": "elboproof.for_all/1", "stat',
            "file: got what is no JSON .*expected a whole certificate",
        ),
        ("[1, 2]", r"schema: got \[1, 2\]; expected 'elboproof.for_all/1'"),
        ('{"schema": NaN}', "file: got the number NaN; expected finite numbers"),
        ("[" * 100_000, "file: got what is no JSON"),
        ('{"schema": "elboproof.for_all/1"}', "statement: got None; expected an object"),
    ],
)
def test_files_that_are_no_certificates_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ep.CertificateError, match=message):
        check(text, tmp_path)


def test_truncation_is_refused(from_above: Content, tmp_path: Path) -> None:
    text = json.dumps(from_above)
    for share in (0.1, 0.5, 0.999):
        with pytest.raises(ep.CertificateError, match="no JSON"):
            check(text[: int(len(text) * share)], tmp_path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ep.recheck(tmp_path / "none.json")


@pytest.mark.parametrize("path", [3, b"proof.json", None, True])
def test_what_is_no_path_is_named(path: Any, from_above: Content) -> None:
    message = rf"path: got {path} of type {type(path).__name__}; expected the path of a file"
    with pytest.raises(TypeError, match=message):
        ep.recheck(path)
    with pytest.raises(TypeError, match=message):
        Certificate(from_above).save(path)


def test_a_null_character_is_in_no_path() -> None:
    with pytest.raises(ValueError, match=r"path: got 'a\\x00'; expected the path of a file, without null"):
        ep.recheck("a\0")


def test_lower_bounds_with_functions_are_not_verified_by_mistake(tmp_path: Path) -> None:
    """A function that is no polynomial must not pass as one (E sin(z) is not E 1), and only what holds is verified."""
    wave = ep.Gap("z", ["a*sin(2*z)"], "v", ["1/2"])
    content = certificate(wave >= "0.1", {"a": ("0.9", "1"), "v": ("0.1", "0.12")})
    assert str(check(content, tmp_path)) == "gap >= 1/10"
    content["statement"]["lower"] = "0.275"  # at a = .9, v = .12 the gap is .26997
    for leaf in content["leaves"]:
        leaf["bounds"][0] = "0.275"
    with pytest.raises(ep.CertificateError, match=r"the lower bound 0\.275 could not be verified"):
        check(content, tmp_path)
    with pytest.raises(Unable, match=r"sigmoid of a \+ b z only; got sin\(z\*\*2\)"):
        trapezoids.bounded([Threshold({sin(Z**2): Fraction(1)}, 5.0)], Z)
    with pytest.raises(Unable, match=r"verified for polynomials only; got sin\(z\)"):
        best_posterior.bounded([Threshold({sin(Z): Fraction(1)}, 5.0)], Z)


@pytest.mark.parametrize("method", [best_posterior, trapezoids])
def test_a_margin_whose_cells_would_have_no_end_is_refused(method: Any) -> None:
    """Slabs grow from exp(-2K): where that is 0 in floats, multiples of it would never reach the top."""
    with pytest.raises(ValueError, match="the ELBO is not seen to be bounded"):
        method.bounded([Threshold({Z: Fraction(1)}, -1000.0)], Z)
    edges = best_posterior.slabs(best_posterior._LARGEST_MARGIN)[:, 2:]
    assert 0 < edges[0, 0] <= float.fromhex("0x1p-1020")
    assert (edges[1:, 0] == edges[:-1, 1]).all()
    assert (edges[:, 0] < edges[:, 1]).all()


def test_an_enormous_claim_ends_with_a_refusal(from_below: Content, tmp_path: Path) -> None:
    content = copy.deepcopy(from_below)
    content["statement"]["upper"] = None
    for leaf in content["leaves"]:
        leaf["bounds"] = ["5000", None]
    with pytest.raises(ep.CertificateError, match="the ELBO is not seen to be bounded"):
        check(content, tmp_path)


def forget_a_control(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = natural.Natural.controls
    monkeypatch.setattr(
        natural.Natural,
        "controls",
        lambda self, box: sorted(whole(self, box) or [], key=lambda c: c.weight)[:-3],
    )


def shrink_integrals(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = log_partition.Integrals.bounds

    def bounds(self: log_partition.Integrals, wanted: Any, seconds: float) -> None:
        whole(self, wanted, seconds)
        self.known.update({theta: (low - 0.01, high - 0.01) for theta, (low, high) in self.known.items()})

    monkeypatch.setattr(log_partition.Integrals, "bounds", bounds)


def lose_a_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "halves", lambda *arguments: natural.halves(*arguments)[:1])


def half_the_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sufficient_statistics.divergence
    monkeypatch.setattr(sufficient_statistics, "divergence", lambda q: whole(q) * 0.9)


def ignore_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_elbo.BestElbo, "proved", lambda _, claims, *__: [True] * len(claims))
    monkeypatch.setattr(leaf_estimates.Estimates, "promising", lambda *_: True)


MUTANTS = [forget_a_control, shrink_integrals, lose_a_leaf, half_the_divergence]


@pytest.mark.parametrize("mutate", MUTANTS, ids=[mutate.__name__ for mutate in MUTANTS])
def test_the_check_catches_a_search_that_errs(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mutate(monkeypatch)
    content = certificate(CUBIC <= "0.1", CUBIC_BOX)
    with pytest.raises(ep.CertificateError):
        check(content, tmp_path)


def test_the_check_catches_a_search_that_ignores_branches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ignore_branches(monkeypatch)
    square = ep.Gap("z", ["z**2"], "sigma**2", ["x"])
    content = certificate(square >= "0.65", {"sigma": ("0.28", "0.3"), "x": ("0.6", "0.62")})  # truth .618
    with pytest.raises(ep.CertificateError, match=r"the lower bound 0\.65 could not be verified"):
        check(content, tmp_path)


NARROW = {"y": ("1/10", "101/1000"), "w": ("4", "401/100")}
"""A box over which each quantity is the same within 1/100."""
TILTED = ep.GaussianPosterior("0.1", "0.2")
QUANTITIES: dict[str, tuple[Any, Any]] = {
    "log evidence": (
        ep.LogEvidence("z", ["tanh(z)"], "1/w", ["y"]),
        lambda model: ep.log_evidence(model, ["1/10"], 8),
    ),
    "elbo": (
        ep.Elbo("z", ["tanh(z)"], "1/w", ["y"], TILTED),
        lambda model: ep.elbo(model, ["1/10"], TILTED, 8),
    ),
}


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_bounds_that_are_true_and_a_little_more_are_told_apart(name: str, side: str, tmp_path: Path) -> None:
    quantity, value = QUANTITIES[name]
    truth = Fraction(float(value(ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/4"))).midpoint))
    outward = Fraction(-1, 100) if side == "lower" else Fraction(1, 100)
    true, false = str(truth + outward), str(truth - outward)
    content = certificate(quantity >= true if side == "lower" else quantity <= true, NARROW)
    check(content, tmp_path)
    content["statement"][side] = false
    for leaf in content["leaves"]:
        leaf["bounds"] = [false, None] if side == "lower" else [None, false]
    with pytest.raises(ep.CertificateError, match="bound"):
        check(content, tmp_path)
