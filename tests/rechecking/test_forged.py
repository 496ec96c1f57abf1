"""Certificates that were forged by hand for false statements, or for models that are none: each is refused."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sympy

import elboproof as ep
from elboproof.numbers.functions import Sigmoid
from elboproof.rechecking import expectations, functions, integration
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.functions import Exponent
from elboproof.rechecking.integration import Unable
from tests.rechecking import test_recheck as certificates
from tests.rechecking.test_recheck import CUBIC, Content, Z
from tests.seeding import CAUGHT, Bug, Seeded, falsification, patched

A, B, C = sympy.symbols("a b c", real=True)
STANDARD = {"mean": ["0"], "covariance": [["1"]]}


def forged(quantity: str, decoder: str, x: str, box: dict[str, list[str]], **more: Any) -> Content:
    """A certificate without leaves and integrals, of variance v unless told."""
    statement = {
        "quantity": quantity,
        "latent": ["z"],
        "decoder": [decoder],
        "variance": "v",
        "x": [x],
        "lower": None,
        "upper": None,
        **more,
    }
    return {
        "schema": ep.statements.SCHEMA,
        "version": ep.__version__,
        "statement": statement,
        "box": box,
        "leaves": [],
        "statistics": [],
        "integrals": [],
    }


def one_leaf(content: Content, posterior: Any = None) -> Content:
    """The whole box as the only leaf, which claims what the statement does."""
    sides, statement = list(content["box"].values()), content["statement"]
    middle = [str((Fraction(low) + Fraction(high)) / 2) for low, high in sides]
    bounds = [statement["lower"], statement["upper"]]
    return content | {"leaves": [{"box": sides, "centre": middle, "posterior": posterior, "bounds": bounds}]}


def elbo(decoder: str, lower: str, q: Any = STANDARD, latent: tuple[str, ...] = ("z",)) -> Content:
    """ELBO >= lower at x = 0, for all v in [1, 2]."""
    more = {"lower": lower, "q": q, "latent": list(latent)}
    return one_leaf(forged("ELBO", decoder, "0", {"v": ["1", "2"]}, **more))


def gap_of_a_number() -> Content:
    """Under the parameter z the exponent is a number, the integral 1 and the gap of the prior 0; that of z^2 is .7."""
    named = {"z": ["0", "1"]}
    content = forged("gap", "z**2", "1/2", named, variance="1/100", upper="1/1000")
    integral = {"theta": [], "bounds": ["-1/1000000", "1/1000000"]}
    return one_leaf(content, STANDARD) | {"integrals": [integral]}


def jensen(decoder: str, v: tuple[str, str], variance: str = "v") -> Content:
    return forged("gap", decoder, "1/2", {"v": list(v)}, lower="0", variance=variance)


THREE = {"mean": ["0", "0", "10"], "covariance": [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]]}
"""Of 10 c: E (10 c)^2 / 2 is 5050, where c^2 would count as 1 it were 50."""
WIDE = {"mean": ["0"], "covariance": [["100"]]}
FORGED: dict[str, tuple[Content, str]] = {
    "a parameter called like the latent": (gap_of_a_number(), "box: got the latent 'z'; expected parameters"),
    "three latents": (elbo("10*c", "-110", THREE, ("a", "b", "c")), "more than two latents"),
    "an infinite expectation": (elbo("1/z", "-10"), "'1/z'; expected .* real"),
    "a root": (elbo("sqrt(z)", "-10"), "'sqrt\\(z\\)'; expected .* real"),
    "another root": (elbo("z**(3/2)", "-10"), "'z\\*\\*\\(3/2\\)'; expected .* real"),
    "a function that is not bounded": (elbo("1/sigmoid(z)", "-1e85", WIDE), "no bound of Sigmoid"),
    "a negative variance": (jensen("z", ("-2", "-1")), "variance is not seen to be positive"),
    "a variance of both signs": (jensen("z", ("-1", "1")), "variance is not seen to be positive"),
    "a variance that touches 0": (jensen("z + v", ("-1", "1"), "v**2"), "variance is not seen to be positive"),
    "a logarithm": (jensen("log(z)", ("1", "2")), "'log\\(z\\)'; expected .* real"),
    "a logarithm whose coefficient vanishes": (
        jensen("z + v*log(z)", ("-1", "1"), "1"),
        "'v\\*log\\(z\\) \\+ z'; expected .* real",
    ),
}  # fmt: skip


def refused(name: str) -> None:
    content, message = FORGED[name]
    with TemporaryDirectory() as folder, pytest.raises(CertificateError, match=message):
        certificates.check(content, Path(folder))


@pytest.mark.parametrize("name", FORGED)
def test_forged_certificates_are_refused(name: str) -> None:
    refused(name)


def test_those_of_true_statements_are_accepted(tmp_path: Path) -> None:
    for content in (
        elbo("z", "-10"),
        elbo("tanh(z) + abs(z)*0", "-10"),
        jensen("z + tanh(v*0 + z)", ("1", "2")),
        jensen("z", ("1/1000", "2"), "v**2 - v + 1/4 + v/1000"),
        jensen("z", ("1", "2"), "-v/(-2 - v)"),
    ):
        statement = certificates.check(content, tmp_path)
        assert statement.quantity.decoder == tuple(content["statement"]["decoder"])


def test_a_proof_says_whether_its_decoder_is_seen_to_be_real(tmp_path: Path) -> None:
    for decoder, seen in (("log(2 + z**2)", True), ("log(2 + sin(z))", False)):
        proof = ep.for_all(ep.Gap("z", [decoder], "v", ["1/2"]) >= 0, {"v": ("1", "2")})
        assert isinstance(proof, ep.Proof)
        assert ("not seen to be real" in str(proof)) is not seen
        proof.certificate.save(tmp_path / "proof.json")
        if seen:
            assert ep.recheck(tmp_path / "proof.json") == proof.statement
        else:
            with pytest.raises(CertificateError, match="seen to be real"):
                ep.recheck(tmp_path / "proof.json")


# -- steps and seeded bugs --


def _expectations() -> None:
    """Of several latents, and of powers that are no natural ones, nothing is known."""
    q = ep.GaussianPosterior(["0", "0", "1"], [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]])
    with pytest.raises(Unable, match="more than two latents"):
        expectations.expectation({C: Fraction(1)}, (A, B, C), q)
    for function in (1 / Z, Z ** sympy.Rational(1, 2), Z ** sympy.Rational(5, 2)):
        with pytest.raises(Unable, match="no bound"):
            expectations.expectation({function: Fraction(1)}, (Z,), ep.GaussianPosterior("0", "1"))


def _integrals_over_planes() -> None:
    """exp(-(b + 1/a)^2/2) is no Gaussian in a."""
    for power in (-1, sympy.Rational(1, 2)):
        function = functions.terms(-((B + A**power) ** 2) / 2)
        with pytest.raises(Unable, match="not quadratic"):
            integration.log_integral(function, (A, B))


def _majorants() -> None:
    """|1/sigmoid| is larger than any number, although sigmoid is at most 1."""
    with pytest.raises(Unable, match="no bound"):
        integration.majorant({1 / Sigmoid(Z): Fraction(1)}, Z)
    assert integration.majorant({Z * Sigmoid(Z) ** 2: Fraction(-3)}, Z) == [0, 3, 0]


def _constants() -> None:
    """A majorant of 1/pi is not below it."""
    (size,) = (c for c in integration.majorant({Z / sympy.pi: Fraction(1)}, Z) if c)
    assert 1 / math.pi <= size < 1.001 / math.pi


def _accepted() -> None:
    with TemporaryDirectory() as folder:
        test_those_of_true_statements_are_accepted(Path(folder))
        statement = certificates.check(
            certificates.certificate(CUBIC >= 0, certificates.CUBIC_BOX), Path(folder)
        )
        assert statement == (CUBIC >= 0)


CHECKS: dict[str, Callable[[], None]] = {
    **{name: partial(refused, name) for name in FORGED},
    "expectations": _expectations,
    "integrals over planes": _integrals_over_planes,
    "majorants": _majorants,
    "constants": _constants,
    "accepted": _accepted,
}
NAMED_ALIKE = "set(quantity.latent) & set(names)"
UNREAL = (
    "an infinite expectation",
    "a root",
    "another root",
    "a logarithm",
    "a logarithm whose coefficient vanishes",
)
BUGS: dict[str, Bug] = {
    "latents may be parameters": Seeded(
        Exponent, "__init__", NAMED_ALIKE, "set()", "a parameter called like the latent"
    ),
    "decoders need not be real": patched((functions, "_real", lambda e, _: e), by=UNREAL),
    "variances need not be positive": patched(
        (Exponent, "require_positive", lambda *_: None),
        by=("a negative variance", "a variance of both signs", "a variance that touches 0"),
    ),
    "variances are looked at as a whole": patched(
        (Exponent, "require_positive", lambda self, box: self.weights(box)), by="accepted"
    ),
    "one half of a box is looked at": Seeded(
        functions, "_halves", "((low, middle), (middle, high))", "((middle, high),)", "a variance of both signs"
    ),
    "three latents are two": Seeded(
        expectations, "expectation", "len(latents) > 2", "len(latents) > 3", ("three latents", "expectations")
    ),
    "negative powers are natural": Seeded(
        functions, "natural_powers", " or p < 0", "", ("expectations", "integrals over planes")
    ),
    "roots are natural": Seeded(
        functions, "natural_powers", " or not p.is_Integer", "", ("expectations", "integrals over planes")
    ),
    "what is bounded has a bounded inverse": Seeded(
        integration,
        "majorant",
        "exponent.is_Integer and exponent >= 0",
        "exponent.is_Integer",
        ("a function that is not bounded", "majorants", "constants"),
    ),
}  # fmt: skip

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (*CAUGHT, CertificateError))
)
