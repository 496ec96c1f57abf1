"""Certificates whose integrals are cut off at |z| = R: verified, refused when changed, and the check's own steps."""

import copy
import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from flint import arb
from scipy import integrate
from sympy import Symbol

import elboproof as ep
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.rechecking import best_posterior, integration
from elboproof.rechecking.best_posterior import Threshold
from elboproof.rechecking.document import CertificateError, Document
from elboproof.rechecking.integral_claims import IntegralClaims
from elboproof.rechecking.integration import Unable, log_integral_within
from elboproof.rechecking.recheck import _Checker
from tests.rechecking import test_recheck as certificates
from tests.rechecking.test_recheck import Content, Z
from tests.seeding import CAUGHT, Bug, Seeded, falsification, patched
from tests.theorems.test_truncation import bent, points, value_at

STATEMENTS: dict[str, tuple[Any, dict[str, tuple[str, str]]]] = {
    "above": (bent(ep.Gap) <= "1/10", {"c": ("0", "1/10"), "v": ("1/4", "1")}),
    "evidence": (bent(ep.LogEvidence).between(-3, 0), {"c": ("0", "1/10"), "v": ("1/10", "1")}),
    "below": (
        ep.Gap("z", ["z**2 + c*z**3"], "v", ["1/2"]).between("1/20", "1/2"),
        {"c": ("0", "1/20"), "v": ("2/5", "1/2")},
    ),
}


@lru_cache
def made(name: str) -> Content:
    return certificates.certificate(*STATEMENTS[name])


def every(content: Content, radius: str | None) -> None:
    """Have another radius everywhere, or none."""
    for record in (*content["leaves"], *content["integrals"]):
        record["radius"] = radius


def of_the_leaves(content: Content, radius: str | None) -> None:
    for leaf in content["leaves"]:
        leaf["radius"] = radius


def of_the_integrals(content: Content, radius: str | None) -> None:
    for integral in content["integrals"]:
        integral["radius"] = radius


def two_latents(content: Content) -> None:
    content["statement"]["latent"] = ["z", "y"]


def smaller_integrals(content: Content) -> None:
    for integral in content["integrals"]:
        integral["bounds"] = [str(Fraction(bound) - 1) for bound in integral["bounds"]]


TAMPERED: dict[str, tuple[Callable[[Content], None], str]] = {
    "a smaller radius": (partial(every, radius="1"), "bounds: got"),
    "a larger radius": (partial(every, radius="20"), "bounds: got"),
    "none": (partial(every, radius=None), "not seen to be bounded above"),
    "none in the leaves": (partial(of_the_leaves, radius=None), "one of its integrals is missing"),
    "another one in the leaves": (partial(of_the_leaves, radius="5"), "one of its integrals is missing"),
    "none in the integrals": (partial(of_the_integrals, radius=None), "not seen to be bounded above"),
    "another one in the integrals": (partial(of_the_integrals, radius="9"), "one of its integrals is missing"),
    "a negative one": (partial(every, radius="-11/2"), r"leaves\[0\].radius: got -11/2; expected 0 < radius"),
    "zero": (partial(every, radius="0"), r"leaves\[0\].radius: got 0; expected 0 < radius"),
    "a huge one": (partial(every, radius="1e9"), r"leaves\[0\].radius: got 1000000000; expected 0 < radius"),
    "no float64": (partial(every, radius="11/3"), "at a radius that is no float64"),
    "no number": (partial(every, radius="R"), r"leaves\[0\].radius: got 'R'"),
    "several latents": (two_latents, "of several latents"),
}  # fmt: skip


def refused(name: str, tamper: Callable[[Content], None], message: str) -> None:
    content = copy.deepcopy(made(name))
    tamper(content)
    with TemporaryDirectory() as folder, pytest.raises(CertificateError, match=message):
        certificates.check(content, Path(folder))


@pytest.mark.parametrize("change", TAMPERED)
@pytest.mark.parametrize("name", STATEMENTS)
def test_another_radius_is_refused(name: str, change: str) -> None:
    refused(name, *TAMPERED[change])


def test_a_smaller_radius_with_its_own_integrals_proves_less() -> None:
    """The integrals over |z| <= 3/2 are right, but the tail beyond is too large for the claims over the leaves."""
    refused("above", lambda content: _own_integrals(content, Fraction(3, 2)), "upper bound .* only .* holds")


def _own_integrals(content: Content, radius: Fraction) -> None:
    for record in content["integrals"]:
        theta = map(Fraction, record["theta"])
        powers = (int(name.rpartition("**")[2]) for name in content["statistics"])
        function = {Z**k: value for k, value in zip(powers, theta, strict=True)}
        value = float(log_integral_within(function, (Z,), radius))
        record["bounds"] = [str(Fraction(value) + sign * Fraction(1, 10**6)) for sign in (-1, 1)]
    every(content, str(radius))


def test_two_latents_are_not_cut_off() -> None:
    with pytest.raises(Unable, match="several latents"):
        log_integral_within({}, (certificates.Z, Symbol("y", real=True)), Fraction(2))


def test_lower_bounds_with_functions_are_cut_off_as_well(tmp_path: Path) -> None:
    """All Gaussians are compared then, as without a radius: the true bound passes, a false one does not."""
    statement = ep.Gap("z", ["tanh(2*z)"], "v", ["1/2"]) >= "1/1000"
    content = certificates.certificate(statement, {"v": ("1/4", "3/10")})
    every(content, "6")
    assert certificates.check(content, tmp_path) == statement
    claims_more(content)
    with pytest.raises(CertificateError, match=r"the lower bound .* could not be verified"):
        certificates.check(content, tmp_path)


# -- steps and seeded bugs --


def _accepted() -> None:
    with TemporaryDirectory() as folder:
        for name, (statement, _) in STATEMENTS.items():
            assert certificates.check(made(name), Path(folder)) == statement


def _integrals() -> None:
    """Over |z| <= R, of functions that grow to the left or to the right."""
    for sign in (1, -1):
        function = {Z: Fraction(1), Z**2: Fraction(-1, 2), Z**3: Fraction(sign, 8)}

        def density(z: float, sign: int = sign) -> float:
            return math.exp(z - z * z + sign * z**3 / 8) / math.sqrt(2 * math.pi)

        truth = math.log(integrate.quad(density, -4.5, 4.5, limit=400, epsabs=0, epsrel=1e-12)[0])
        found = log_integral_within(function, (Z,), Fraction(9, 2))
        assert found.rad() < 1e-6
        assert abs(float(found) - truth) < 1e-8


def _bounds(x: str, v: tuple[str, str], close: float) -> None:
    """What the check takes for the evidence's bounds, cut off at 1, at the parameters of a small box."""
    quantity, box = bent(ep.LogEvidence, x), {"c": ("0", "1/1000"), "v": v}
    content = copy.deepcopy(certificates.certificate(quantity.between(-50, 50), box))
    with working_precision(integration.BITS):
        _own_integrals(content, Fraction(1))
        checker = _Checker(Document(content))
        (leaf,) = checker.document.leaves
        controls = checker.exponent.controls(leaf.box)
        logs = [(ball_of(one.weight) / (2 * arb.pi())).log() / 2 for one in controls]
        high = max(float(checker._above(leaf, one).upper()) for one in controls)
        low = min(
            float((checker._tangent(leaf, one) + log).lower())
            for one, log in zip(controls, logs, strict=True)
        )
    true = [value_at(quantity, point) for point in points(box, 3)]
    assert low <= min(true)
    assert max(true) <= high <= max(true) + close


def claims_more(content: Content) -> None:
    """The gap is some 0.1."""
    content["statement"]["lower"] = "1/3"
    for leaf in content["leaves"]:
        leaf["bounds"] = ["1/3", "2/5"]


def _within_a_divergence() -> None:
    """ELBO(q) = 5 m - KL is greatest at the edge of KL < K: 5 m - K with m = sqrt(2 K) and variance 1."""
    function = {Z: Fraction(5), Z**2: Fraction(0)}
    for within, top in ((8.0, 12.0), (1.0, 5 * math.sqrt(2) - 1)):
        claims = [Threshold(function, top + shift, within) for shift in (0.2, -0.2)]
        assert best_posterior.bounded(claims, Z) == [True, False]


def _of_another_divergence() -> None:
    """The lower threshold holds within 1 nat; the higher one does not within 8."""
    claims = [Threshold({Z: Fraction(5)}, 6.2, 1.0), Threshold({Z: Fraction(5)}, 7.0, 8.0)]
    assert best_posterior.bounded(claims, Z) == [True, False]


def test_a_divergence_whose_cells_would_have_no_end_is_refused() -> None:
    with pytest.raises(ValueError, match="not seen to be bounded"):
        best_posterior.slabs_within(354.0)
    with pytest.raises(ValueError, match="not seen to be bounded"):
        best_posterior.slabs_within(math.nan)


CHECKS: dict[str, Callable[[], None]] = {
    "accepted": _accepted,
    "integrals": _integrals,
    "within a divergence": _within_a_divergence,
    "of another divergence": _of_another_divergence,
    "a false lower bound": partial(refused, "below", claims_more, "the lower bound .* could not be verified"),
    "a flat likelihood": partial(_bounds, "1/2", ("100", "101"), 0.02),
    "data beyond R": partial(_bounds, "3", ("4", "401/100"), 0.7),
    "a sharp likelihood": partial(_bounds, "1/2", ("1/4", "26/100"), 0.9),
    "integrals that are too small": partial(refused, "above", smaller_integrals, "bounds: got"),
    "another radius in the integrals": partial(refused, "above", *TAMPERED["another one in the integrals"]),
    "a smaller radius with its own integrals": test_a_smaller_radius_with_its_own_integrals_proves_less,
}

_PLACES = best_posterior._places
_ABOVE, _MASS, _INTERVAL = _Checker._mass_above, _Checker._mass, integration._interval


def _with(change: Callable[[arb, arb, arb], arb]) -> Callable[..., arb]:
    """Return the evidence from what is inside, the probability outside, and the constant."""

    def above(self: Any, function: Any, leaf: Any) -> arb:
        mass = _MASS(self, function, leaf)
        if leaf.radius is None:
            return mass
        return change(mass, (ball_of(leaf.radius) / arb(2).sqrt()).erfc(), ball_of(function.constant))

    return above


def _tails_below(self: Any, function: Any, leaf: Any) -> arb:
    """The tail counts in tangents, too: in what is taken off only where it is not."""
    mass: arb = _MASS(self, function, leaf)
    centred = function.terms == self.exponent.at(leaf.centre).terms
    return (mass.exp() + (ball_of(leaf.radius) / arb(2).sqrt()).erfc()).log() if centred else mass


def _of_any_radius(self: Any, function: Any, leaf: Any) -> arb:
    """A leaf takes the integral that is there, whatever its radius."""
    key = next(key for key in self.integrals.claimed if key[0] == function.key)
    value: arb = self.integrals.value(key) + ball_of(function.constant)
    return value


BUGS: dict[str, Bug] = {
    "the tail is dropped": patched(
        (_Checker, "_mass_above", _MASS),
        by=("a flat likelihood", "data beyond R", "a smaller radius with its own integrals"),
    ),
    "the tail of one side": patched(
        (_Checker, "_mass_above", _with(lambda mass, tail, _: (mass.exp() + tail / 2).log())),
        by="a flat likelihood",
    ),
    "the exponent's constant is forgotten": patched(
        (
            _Checker,
            "_mass_above",
            _with(lambda mass, tail, constant: ((mass - constant).exp() + tail).log() + constant),
        ),
        by="data beyond R",
    ),
    "the tail is taken off": patched(
        (_Checker, "_mass_above", _with(lambda mass, tail, _: (mass.exp() - tail).log())),
        by="a flat likelihood",
    ),
    "tangents have the tail": patched((_Checker, "_mass", _tails_below), by="a sharp likelihood"),
    "another radius is integrated": patched(
        (integration, "_interval", lambda f, z, r, tail: _INTERVAL(f, z, r + 1, tail)),
        by="integrals",
    ),
    "leaves take integrals of any radius": patched(
        (_Checker, "_mass", _of_any_radius), by="another radius in the integrals"
    ),
    "claims about integrals are not compared": patched(
        (IntegralClaims, "require", lambda _: None), by="integrals that are too small"
    ),
    "slopes decide at the edge": patched(
        (best_posterior, "_places", lambda c, w: (np.ones(len(w), dtype=bool), _PLACES(c, w)[1])),
        by="within a divergence",
    ),
    "Gaussians beyond count": patched(
        (best_posterior, "_places", lambda c, w: (_PLACES(c, w)[0], np.zeros(len(w), dtype=bool))),
        by="within a divergence",
    ),
    "cells at the edge are done": patched(
        (best_posterior, "_places", lambda c, w: ((p := _PLACES(c, w)[0]), ~p)), by="within a divergence"
    ),
    "the cells are too few": patched(
        (best_posterior, "slabs_within", lambda _: best_posterior.slabs(0.7, Fraction(0))),
        by="within a divergence",
    ),
    "one divergence stands for all": Seeded(
        best_posterior,
        "bounded",
        "(frozenset(claim.function.items()), claim.within)",
        "frozenset(claim.function.items())",
        "of another divergence",
    ),
    "few Gaussians are compared": patched(
        (_Checker, "_divergence_within", lambda *_: 0.01), by="a false lower bound"
    ),
    "more than the tail is added": patched(
        (_Checker, "_mass_above", _with(lambda mass, _, __: (mass.exp() + 1).log())), by="accepted"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (*CAUGHT, CertificateError))
)
