"""Bad input: an error that names the argument, the value and the requirement."""

# ruff: noqa: E501 - a table reads best with one case a line

from collections.abc import Callable

import numpy as np
import pytest
import sympy
import torch
from flint import acb, arb

import elboproof as ep
from elboproof.numbers.balls import working_precision

G, B = ep.Gaussian(1), ep.Bernoulli()
MODEL = ep.LatentModel(["u", "v"], ["u", "v + u**2", "1/3"], G)
LINE = ep.LatentModel("z", ["z"], G)
BITS = ep.LatentModel("z", ["z"], B)
POLE = ep.LatentModel("z", ["1/(3*z - 1)"], G)
HIDDEN = ep.LatentModel("z", ["sqrt(100 - z**2)"], G)  # the probes do not see where it ends
STEEP = ep.LatentModel("z", ["exp(z**2)"], G)
TOWER = ep.LatentModel("z", ["2**(z**1000)"], G)
TINY = ep.LatentModel("z", ["z"], ep.Gaussian("1e-400"))
HUGE = 10**5000
KINK = ep.LatentModel("z", ["relu(z)"], G)
X = [0.0, 0.0, 0.0]
Z = sympy.Symbol("z")
DOUBLE = torch.float64


def deep() -> object:
    return np.full((2, 2, 2), 1.0)


CASES: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "latent of no kind": (lambda: ep.LatentModel(3, ["1"], G), TypeError, "latent: got 3"),  # type: ignore[arg-type]
    "no latent": (lambda: ep.LatentModel([], ["1"], G), ValueError, "latent: got .*at least one"),
    "latent twice": (lambda: ep.LatentModel(["z", "z"], ["1"], G), ValueError, "latent: .*distinct"),
    "latent no name": (lambda: ep.LatentModel("2z", ["1"], G), ValueError, "latent: got '2z'"),
    "no output": (lambda: ep.LatentModel("z", [], G), ValueError, "decoder: got .*at least one"),
    "decoder of no kind": (lambda: ep.LatentModel("z", 3, G), TypeError, "decoder: got 3"),
    "boolean output": (lambda: ep.LatentModel("z", [True], G), TypeError, r"decoder\[0\]: got True"),
    "unknown latent": (lambda: ep.LatentModel("z", ["z + y"], G), ValueError, "name 'y'.*latents z"),
    "unknown symbol": (
        lambda: ep.LatentModel("z", [sympy.Symbol("y")], G),
        ValueError,
        r"decoder\[0\]: got the symbol 'y'.*latents z",
    ),
    "positive symbol": (lambda: ep.LatentModel("z", [sympy.sqrt(sympy.Symbol("z", positive=True) ** 2)], G), ValueError, r"decoder\[0\]: got the Symbol z, which by its assumptions .*every real number; expected sympy.Symbol\('z', real=True\)"),
    "integer symbol": (lambda: ep.LatentModel("z", [sympy.sin(sympy.pi * (sympy.Symbol("z", integer=True) + sympy.Rational(1, 2)))], G), ValueError, "got the Symbol z, which by its assumptions"),
    "symbol without order": (lambda: ep.LatentModel("z", [sympy.Symbol("z", commutative=False)], G), ValueError, "got the Symbol z, which by its assumptions"),
    "dummies": (lambda: ep.LatentModel("_z", [sympy.Dummy("z") - sympy.Dummy("z")], G), ValueError, "got the Dummy _z, which by its assumptions or its kind"),
    "symbols of one name": (lambda: ep.LatentModel("z", [Z - 2 * sympy.Symbol("z", real=True)], G), ValueError, r"decoder\[0\]: got two different symbols called z in .*; expected one"),
    "function of its own": (lambda: ep.LatentModel("z", [type("sin", (sympy.sin,), {})(Z)], G), ValueError, r"got sin in sin\(z\); expected the functions"),
    "unknown function": (lambda: ep.LatentModel("z", [Z, sympy.gamma(Z)], G), ValueError, r"decoder\[1\]: got gamma in .*functions"),
    "long unknown function": (lambda: ep.LatentModel("z", [sympy.gamma(sum(Z**k for k in range(300)))], G), ValueError, r"got gamma in .*\.\.\.; expected the functions"),
    "complex constant": (lambda: ep.LatentModel("z", [sympy.I * Z], G), ValueError, "complex"),
    "infinite constant": (lambda: ep.LatentModel("z", [sympy.oo + Z], G), ValueError, "infinite"),
    "logarithm of z": (lambda: ep.LatentModel("z", ["1", "log(z)"], G), ValueError, r"decoder\[1\]: got 'log\(z\)'.*real"),
    "root of z": (lambda: ep.LatentModel("z", ["sqrt(z)"], G), ValueError, "not real at z"),
    "power of z": (lambda: ep.LatentModel("z", ["z**(1/3)"], G), ValueError, "not real at z"),
    "constant no double": (lambda: ep.LatentModel("z", ["z*exp(1000)"], G), ValueError, r"decoder\[0\]: got a constant"),
    "logarithm of a product": (lambda: ep.LatentModel(["u", "v"], ["log(u*v)"], G), ValueError, r"not real at z = \(-3.0, 3.0\)"),
    "power of SymPy": (lambda: ep.LatentModel("z", [Z ** 10**30], G), ValueError, r"decoder\[0\]: got a power that overflows.*at most 1000000"),
    "root of SymPy": (lambda: ep.LatentModel("z", [Z ** sympy.Rational(10**30, 7)], G), ValueError, "got a power that overflows"),
    "number of SymPy": (lambda: ep.LatentModel("z", [Z * sympy.Integer(2) ** 10**5], G), ValueError, r"decoder\[0\]: got a number that is too long; expected at most 50000 bits"),
    "number in the making": (lambda: ep.LatentModel("z", [sympy.Mul(Z, sympy.Pow(9, 10**9, evaluate=False), evaluate=False)], G), ValueError, "got a power that overflows"),
    "likelihood of no kind": (lambda: ep.LatentModel("z", ["z"], "normal"), TypeError, "likelihood: got"),  # type: ignore[arg-type]
    "likelihood's class": (lambda: ep.LatentModel("z", ["z"], ep.Gaussian), TypeError, r"likelihood: got .*ep.Gaussian\(variance=1\)"),  # type: ignore[arg-type]
    "variances too few": (lambda: ep.LatentModel("z", ["z"], ep.Gaussian([1, 2])), ValueError, "got 2 dimensions; expected 1"),
    "neither": (lambda: ep.Gaussian(), TypeError, "expected exactly one"),
    "both": (lambda: ep.Gaussian(1, covariance=[[1]]), TypeError, "expected exactly one"),
    "variance zero": (lambda: ep.Gaussian(0), ValueError, "variance: got 0; expected a positive"),
    "variance negative": (lambda: ep.Gaussian([1, "-1/2"]), ValueError, r"variance\[1\]: got '-1/2'"),
    "variance nan": (lambda: ep.Gaussian(float("nan")), ValueError, "variance: got nan"),
    "variance text": (lambda: ep.LatentModel("z", ["z"], ep.Gaussian("small")), ValueError, "variance: got the name 'small'"),
    "variance boolean": (lambda: ep.Gaussian(True), TypeError, "variance: got True"),
    "variance complex": (lambda: ep.Gaussian(1j), TypeError, "variance: got 1j"),
    "variance mapping": (lambda: ep.Gaussian({1: 2}), TypeError, "variance: got {1: 2}"),
    "variance of no double": (lambda: TINY.floating.energy([0.0], [0.0]), ValueError, "variance: got 1/10.*; expected one whose inverse is in the range of float64; exact"),
    "variance of no double, derivative": (lambda: TINY.floating.energy([0.0], [0.0], order=2), ValueError, "variance: got 1/10"),
    "variance of no double, torch": (lambda: TINY.tensors.log_likelihood(torch.zeros(1, dtype=DOUBLE), torch.zeros(1, dtype=DOUBLE)), ValueError, "variance: got 1/10"),
    "variance of no double, evidence": (lambda: ep.log_evidence(ep.LatentModel("z", ["sin(z)"], ep.Gaussian("1e-400")), ["0"]), ValueError, "variance: got 1/10"),
    "one variance of no double": (lambda: ep.LatentModel("z", ["z", "z"], ep.Gaussian([1, "1e-309"])).floating.energy([0.0], [0.0, 0.0]), ValueError, r"variance\[1\]: got 1/10"),
    "covariance of no double": (lambda: ep.LatentModel("z", ["z", "z"], ep.Gaussian(covariance=[[1, 0], [0, "1e-400"]])).floating.energy([0.0], [0.0, 0.0]), ValueError, r"covariance: got \(\(1, 0\).*; expected one whose inverse is"),
    "network's variance of no double": (lambda: ep.LatentModel.from_torch(torch.nn.Linear(1, 1), ep.Gaussian("1e-400")).floating.energy([0.0], [0.0]), ValueError, "variance: got 1/10"),
    "asymmetric and huge": (lambda: ep.Gaussian(covariance=[[1, HUGE], [0, 1]]), ValueError, r"covariance: got 0 at \[1\]\[0\] and a Integer too long to write"),
    "indefinite and huge": (lambda: ep.Gaussian(covariance=[[1, HUGE], [HUGE, 1]]), ValueError, "whose leading minor of size 2 is -9{59}; expected a positive definite"),
    "no variances": (lambda: ep.Gaussian([]), ValueError, "at least one variance"),
    "asymmetric": (lambda: ep.Gaussian(covariance=[[1, 0], ["1e-9", 1]]), ValueError, r"got 1/1000000000 at \[1\]\[0\].*symmetric"),
    "indefinite": (lambda: ep.Gaussian(covariance=[[1, 2], [2, 1]]), ValueError, "minor of size 2 is -3"),
    "singular": (lambda: ep.Gaussian(covariance=[[1, 1], [1, 1]]), ValueError, "minor of size 2 is 0"),
    "ragged covariance": (lambda: ep.Gaussian(covariance=[[1, 0], [0]]), ValueError, "covariance: got .*square"),
    "flat covariance": (lambda: ep.Gaussian(covariance=[1, 2]), TypeError, "covariance: got .*square"),  # type: ignore[list-item]
    "empty covariance": (lambda: ep.Gaussian(covariance=[]), ValueError, "covariance: got .*square"),
    # points
    "z infinite": (lambda: LINE.floating.decoder([np.inf]), ValueError, r"z: got inf at z\[0\]"),
    "x nan": (lambda: LINE.floating.energy([0.0], [np.nan]), ValueError, r"x: got nan at x\[0\]"),
    "z shape": (lambda: MODEL.floating.decoder([1.0]), ValueError, r"z: got shape \(1,\); expected shape \(2,\)"),
    "z scalar": (lambda: LINE.floating.decoder(1.0), ValueError, r"z: got shape \(\); expected shape \(1,\)"),
    "x shape": (lambda: MODEL.floating.energy([0.0, 0.0], [1.0]), ValueError, r"x: got shape \(1,\)"),
    "x deep": (lambda: MODEL.floating.energy([0.0, 0.0], deep()), ValueError, "x: got shape"),  # type: ignore[arg-type]
    "empty batch": (lambda: LINE.floating.decoder(np.empty((0, 1))), ValueError, "z: got .*no empty axis"),
    "ragged": (lambda: LINE.floating.decoder([[1.0], [1.0, 2.0]]), ValueError, "z: got .*rectangular"),
    "text": (lambda: LINE.floating.decoder(["1"]), TypeError, "z: got .*real numbers"),
    "booleans": (lambda: LINE.floating.decoder([True]), TypeError, "z: got .*real numbers"),
    "complex": (lambda: LINE.floating.energy([0.0], [1j]), TypeError, "x: got .*real numbers"),
    "no broadcast": (lambda: MODEL.floating.energy(np.ones((3, 2)), np.ones((2, 3))), ValueError, "x: got shape .*broadcast"),
    "no broadcast, torch": (lambda: MODEL.tensors.energy(torch.ones(3, 2), torch.ones(2, 3)), ValueError, "x: got shape .*broadcast"),
    "tensor of integers": (lambda: LINE.tensors.decoder(torch.tensor([1])), TypeError, "z: got .*floating-point"),
    "no tensor": (lambda: LINE.tensors.decoder([1.0]), TypeError, "z: got .*floating-point tensor"),  # type: ignore[arg-type]
    "tensor shape": (lambda: MODEL.tensors.decoder(torch.ones(1)), ValueError, r"z: got shape \(1,\)"),
    "tensor nan": (lambda: LINE.tensors.decoder(torch.tensor([float("nan")])), ValueError, "z: got infinite or NaN"),
    "coordinates too few": (lambda: MODEL.balls.decoder([1]), ValueError, "z: got 1 numbers; expected 2"),
    "text for a point": (lambda: LINE.balls.decoder("1"), TypeError, "z: got '1'"),
    "no axis": (lambda: LINE.balls.decoder(np.array(0.0)), TypeError, "z: got .*expected a sequence of 1 numbers"),  # type: ignore[arg-type]
    "no datum": (lambda: LINE.exact.energy([0], None), TypeError, "x: got None .*expected a sequence of 1 numbers"),  # type: ignore[arg-type]
    "no datum, balls": (lambda: LINE.balls.energy([0], None), TypeError, "x: got None .*expected a sequence of 1 numbers"),  # type: ignore[arg-type]
    "bad coordinate": (lambda: LINE.balls.decoder(["x"]), ValueError, r"z\[0\]: got 'x'"),
    "boolean coordinate": (lambda: LINE.exact.decoder([True]), TypeError, r"z\[0\]: got True"),
    "nan ball": (lambda: LINE.balls.decoder([arb.nan()]), ValueError, r"z\[0\]: got nan.*finite ball"),
    "complex datum": (lambda: LINE.balls.energy([0], [acb(1, 1)]), TypeError, r"x\[0\]: got .*real"),
    # data of a Bernoulli likelihood
    "half": (lambda: BITS.floating.energy([0.0], [0.5]), ValueError, r"x\[0\]: got 0.5; expected zeros and ones"),
    "half, torch": (lambda: BITS.tensors.energy(torch.zeros(1), torch.full((1,), 0.5)), ValueError, r"x\[0\]: got 0.5"),
    "nearly one": (lambda: BITS.exact.energy([0], ["1.00000000000000000000000001"]), ValueError, r"x\[0\]: got .*zeros and ones"),
    "nearly one, balls": (lambda: BITS.balls.energy([0], ["1.00000000000000000000000001"]), ValueError, r"x\[0\]: got .*zeros"),
    "ball round a bit": (lambda: BITS.balls.energy([0], [arb(0.5, 0.5)]), ValueError, r"x\[0\]: got .*zeros and ones"),
    # poles and ends
    "pole": (lambda: ep.LatentModel("z", ["1/z"], G).floating.decoder([0.0]), ValueError, r"z: got \[0.0\].*pole"),
    "pole, torch": (lambda: ep.LatentModel("z", ["1/z"], G).tensors.decoder(torch.zeros(1)), ValueError, "z: got .*pole"),
    "pole, exact": (lambda: POLE.exact.decoder(["1/3"]), ValueError, "z: got .*pole"),
    "pole at no double": (lambda: POLE.balls.decoder(["1/3"]), ValueError, "z: got .*pole.*53 bits"),
    "pole in a batch": (lambda: POLE.floating.decoder([[0.0], [1 / 3]]), ValueError, "z: got .*0.333"),
    "not real": (lambda: HIDDEN.floating.decoder([11.0]), ValueError, "z: got .*undefined"),
    "not real, exact": (lambda: HIDDEN.exact.decoder([11]), ValueError, "z: got .*real"),
    "not real, balls": (lambda: HIDDEN.balls.decoder([11]), ValueError, "z: got .*undefined"),
    "huge power, exact": (lambda: TOWER.exact.decoder([2]), ValueError, "z: got .*overflows.*a number of at most 16777216 bits"),
    "huge square, exact": (lambda: LINE.exact.energy([2 ** 10**7], [0]), ValueError, "z: got .*a number of at most 16777216 bits"),
    "overflow": (lambda: STEEP.floating.decoder([30.0]), ValueError, r"z: got \[30.0\].*overflows"),
    "overflow, order": (lambda: STEEP.floating.energy([26.6], [0.0], 2), ValueError, "derivative of order 2 of the energy"),
    # orders
    "order 5": (lambda: LINE.floating.decoder([0.0], 5), ValueError, "order: got 5; .*from 0 to 4"),
    "order -1": (lambda: LINE.balls.decoder([0], -1), ValueError, "order: got -1"),
    "order True": (lambda: LINE.exact.decoder([0], True), TypeError, "order: got True"),
    "order text": (lambda: LINE.tensors.decoder(torch.zeros(1), "1"), TypeError, "order: got '1'"),  # type: ignore[arg-type]
    "kink": (lambda: KINK.floating.decoder([1.0], 2), ValueError, "order: got .*jump"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(name: str) -> None:
    act, error, text = CASES[name]
    with pytest.raises(error, match=text) as refusal:
        act()
    assert len(str(refusal.value)) < 700


def test_good_neighbours_are_taken() -> None:
    assert POLE.floating.decoder([0.0]).tolist() == [-1.0]
    assert HIDDEN.exact.decoder([8])[0] == 6
    assert KINK.floating.decoder([1.0], 1).tolist() == [[1.0]]
    assert BITS.floating.energy([0.0], [1]) == pytest.approx(np.log(2) + np.log(2 * np.pi) / 2)
    assert ep.Gaussian(np.array(0.5)) == ep.Gaussian("1/2")
    assert ep.Gaussian(np.array([1.0, 2.0])).variance == (1, 2)
    assert STEEP.balls.decoder([30])[0] > 1e300
    assert TOWER.exact.decoder([1])[0] == 2
    assert ep.LatentModel("z", [Z**1000000], G).exact.decoder([2])[0] == sympy.Integer(2) ** 1000000
    with working_precision(200):
        assert not POLE.balls.decoder([arb(1, 1)])[0].is_finite()  # a ball that was given may hold a pole


def test_a_variance_of_no_double_is_one_for_balls_and_exact_numbers() -> None:
    assert TINY.floating.decoder([0.5]) == [0.5]
    assert TINY.exact.energy([0], [0], order=2) == [[10**400 + 1]]
    assert TINY.balls.energy([0], [0]).overlaps(arb(10).log() * -200 + (2 * arb.pi()).log())


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (ep.Gaussian(HUGE), "Gaussian(variance=a Integer too long to write)"),
        (
            ep.LatentModel("z", ["z"], ep.Gaussian(HUGE)),
            "LatentModel(latents=(z,), decoder=(z,), likelihood=Gaussian(",
        ),
        (
            ep.LatentModel("z", [Z * sympy.Rational(1, HUGE)], G),
            "LatentModel(latents=(z,), decoder=a tuple too long to write, likelihood=",
        ),
        (
            ep.GaussianPosterior([HUGE], [1]),
            "GaussianPosterior(mean=a tuple too long to write, covariance=((Fract",
        ),
        (ep.Gaussian("1/100"), "Gaussian(variance=1/100)"),
        (ep.Gaussian(["1/100", 1]), "Gaussian(variance=(1/100, 1))"),
        (ep.Gaussian(covariance=[[2, 1], [1, 2]]), "Gaussian(covariance=((2, 1), (1, 2)))"),
    ],
    ids=["variance", "model", "decoder", "posterior", "short", "variances", "covariance"],
)
def test_a_record_with_long_numbers_has_a_repr(record: object, text: str) -> None:
    assert repr(record).startswith(text)
    assert str(record).startswith(text)
