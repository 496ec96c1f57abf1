"""What `recheck` has methods for: a proof that says nothing is verified, one that says why not is refused."""

import re
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from elboproof.statements import Statement

BOX = {"a": ("0.1", "0.12")}
Q1, Q2 = ep.GaussianPosterior("0.4", "0.2"), ep.GaussianPosterior([0, 0], [1, 1])


def gap(decoder: str) -> ep.Gap:
    return ep.Gap("z", [decoder], "0.5", ["0.7"])


def elbo(decoder: str) -> Statement:
    return ep.Elbo("z", [decoder], "0.5", ["0.7"], Q1).between(-99, 1)


def evidence(decoder: str) -> Statement:
    return ep.LogEvidence("z", [decoder], "0.5", ["0.7"]).between(-9, 1)


def of_two(kind: Any, decoder: str, **more: Any) -> Any:
    return kind(["u", "v"], [decoder], 1, ["0.7"], **more)


VERIFIED: dict[str, Statement] = {
    "polynomial, above": gap("z + a*z**3") <= 5,
    "polynomial, below": gap("z + a*z**3") >= "1e-9",
    "sin, below": gap("a*z + sin(z)") >= "1e-9",
    "cos, below": gap("z + a*cos(2*z)") >= "1e-9",
    "tanh, below": gap("z + a*tanh(z)") >= "1e-9",
    "sigmoid, below": gap("z + a*sigmoid(2*z + 1)") >= "1e-9",
    "a product, below": gap("a*sin(z)**3*z") >= "1e-9",
    "irrational factors, below": gap("a*z + sin(z)/sqrt(2)") >= "1e-9",
    "sin of a square, above": gap("z + a*sin(z**2)") <= 5,
    "atan, above": gap("z + a*atan(z)") <= 5,
    "erf, evidence": evidence("z + a*erf(z)"),
    "sinh alone": gap("a*sinh(z)") <= 5,
    "sinh alone, elbo": elbo("a*sinh(z)"),
    "one latent linear": of_two(ep.Gap, "u + a*v**2") <= 5,
    "an odd curvature": of_two(ep.Gap, "v + a*u*v") <= 5,
    "functions of one of two": of_two(ep.Gap, "u + a*sin(v)") <= 5,
    "functions of two": of_two(ep.Gap, "a*tanh(u - 2*v) + cos(v/2)") <= 5,
    "functions of two, evidence": of_two(ep.LogEvidence, "a*sigmoid(u + v) - v").between(-9, 1),
    "functions of two, elbo": of_two(ep.Elbo, "u**2*tanh(v)*a + sin(u)", q=Q2).between(-99, 1),
    "powers of two, elbo": of_two(ep.Elbo, "u**2*v**2*a", q=Q2).between(-99, 1),
}
NOT: dict[str, tuple[Statement, str]] = {
    "sinh and z": (gap("z + a*sinh(z)") <= 5, r"a decoder with sinh\(z\)"),
    "exp": (gap("a*exp(z)") <= 5, r"a decoder with exp\(z\)"),
    "exp, elbo": (elbo("a*exp(z)"), r"a decoder with exp\(z\)"),
    "softplus": (gap("z + a*softplus(z)") <= 5, r"a decoder with softplus\(z\)"),
    "abs": (gap("a*z + abs(z)") <= 5, r"a decoder with abs\(z\)"),
    "softplus of two": (
        of_two(ep.Gap, "a*softplus(u - v)") <= 5,
        r"a decoder with softplus\(u - v\)",
    ),
    "sin of a product": (of_two(ep.Gap, "a*sin(u*v)") <= 5, r"a decoder with sin\(u\*v\) under two latents"),
    "a square beside tanh": (
        of_two(ep.Gap, "a*u*tanh(v)") <= 5,
        "or above 1 beside a function, in two latents",
    ),
    "powers of two": (of_two(ep.Gap, "u**2*v**2*a") <= 5, "an exponent of degree above 2 in each latent"),
    "powers of two, evidence": (of_two(ep.LogEvidence, "u**2*v**2*a") <= 1, "degree above 2 in each latent"),
}


def proved(statement: Statement, folder: Path) -> ep.Proof:
    answer = ep.for_all(statement, BOX)
    assert isinstance(answer, ep.Proof), answer
    answer.certificate.save(folder / "proof.json")
    return answer


@pytest.mark.parametrize("name", VERIFIED)
def test_what_says_nothing_is_verified(name: str, tmp_path: Path) -> None:
    answer = proved(VERIFIED[name], tmp_path)
    assert answer.unverifiable == ""
    assert "recheck" not in answer.status
    assert ep.recheck(tmp_path / "proof.json") == VERIFIED[name]


@pytest.mark.parametrize("name", NOT)
def test_what_says_why_not_is_refused(name: str, tmp_path: Path) -> None:
    statement, why = NOT[name]
    answer = proved(statement, tmp_path)
    with pytest.raises(ep.CertificateError, match="cannot be verified"):
        ep.recheck(tmp_path / "proof.json")
    assert answer.status.endswith(f"; not verifiable by ep.recheck: {answer.unverifiable}")
    assert re.search(why, answer.unverifiable)
