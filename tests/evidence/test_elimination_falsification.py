"""Bugs seeded into the integration of linear latents: each is caught by a check that the library passes."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from flint import acb, arb

import elboproof as ep
from elboproof.evidence import affine, elimination, observations
from elboproof.evidence import selection as selections
from elboproof.evidence.log_evidence import evidence_of
from elboproof.model import linearity, whitening
from elboproof.numbers import tape_copies
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.floating import FLOATING
from tests.evidence import truth
from tests.evidence.cases import Missed
from tests.evidence.test_elimination import by_flint, holds
from tests.seeding import Seeded, emptied, falsification

X = ["0.3", "0.2", "0.1"]
CORRELATED = [["1", "1/2", "0"], ["1/2", "1", "1/3"], ["0", "1/3", "1"]]


def _zero(_: acb) -> acb:
    return acb(0)


def _one(_: acb) -> acb:
    return acb(1)


def _exact(rows: list[list[str]]) -> list[list[Fraction]]:
    return [[Fraction(entry) for entry in row] for row in rows]


def _same(model: ep.LatentModel, x: list[str], value: arb) -> None:
    """Raise unless what is proved holds the truth; an evidence that cannot be proved is no miss."""
    try:
        found = evidence_of(model, x, 8, seconds=5.0, most_cells=10**5)
    except ValueError as error:  # bounds that contradict each other
        raise Missed(str(error)) from error
    if not holds(found.enclosure, value):
        raise Missed(f"{found.enclosure} has not {value}")


def _diagonal(variance: Fraction, size: int) -> list[list[Fraction]]:
    return [[variance * (i == j) for j in range(size)] for i in range(size)]


def _chain() -> None:
    """Rows of numbers one by one, then one row alone."""
    model = ep.LatentModel(["a", "b", "c"], ["a", "b + a**2", "c + a*b"], ep.Gaussian("1/100"))
    value = by_flint(
        [lambda z: z, lambda z: z * z, _zero],
        [[_zero, _zero], [_one, _zero], [lambda z: z, _one]],
        _diagonal(Fraction(1, 100), 3),
        [Fraction(x) for x in X],
    )
    _same(model, X, value)


def _varying() -> None:
    """Two columns that vary, of which the second one has to be carried through the first one's steps."""
    decoder = ["sin(a) + a*b + c", "b*sin(a) - a*c", "(1 + tanh(a))*b + c*a"]
    model = ep.LatentModel(["a", "b", "c"], decoder, ep.Gaussian("1/5"))
    value = by_flint(
        [lambda z: z.sin(), _zero, _zero],
        [[lambda z: z, _one], [lambda z: z.sin(), lambda z: -z], [lambda z: 1 + z.tanh(), lambda z: z]],
        _diagonal(Fraction(1, 5), 3),
        [Fraction(x) for x in X],
    )
    _same(model, X, value)


def _carried() -> None:
    """Columns of numbers that stand in each other's rows."""
    model = ep.LatentModel(["a", "b", "c"], ["sin(a) + b + 2*c", "b - c", "3*b + c"], ep.Gaussian("1/5"))
    value = by_flint(
        [lambda z: z.sin(), _zero, _zero],
        [[_one, lambda _: acb(2)], [_one, lambda _: acb(-1)], [lambda _: acb(3), _one]],
        _diagonal(Fraction(1, 5), 3),
        [Fraction(x) for x in X],
    )
    _same(model, X, value)


def _correlated() -> None:
    model = ep.LatentModel(["a", "b"], ["sin(a) + b", "a*b", "a**2 - a"], ep.Gaussian(covariance=CORRELATED))
    value = by_flint(
        [lambda z: z.sin(), _zero, lambda z: z * z - z],
        [[_one], [lambda z: z], [_zero]],
        _exact(CORRELATED),
        [Fraction(x) for x in X],
    )
    _same(model, X, value)


def _bent(decoder: str, f: Callable[[acb], acb]) -> Callable[[], None]:
    """One latent that is not linear, and must stay."""

    def check() -> None:
        value = by_flint([f], [[_zero]], [[Fraction(1, 5)]], [Fraction(1, 2)])
        _same(ep.LatentModel("y", [decoder], ep.Gaussian("1/5")), ["1/2"], value)

    return check


def _product() -> None:
    """u and v are linear, each given the other."""
    value = by_flint([_zero], [[lambda z: z]], [[Fraction(1, 5)]], [Fraction(1, 2)])
    _same(ep.LatentModel(["u", "v"], ["u*v"], ep.Gaussian("1/5")), ["1/2"], value)


def _linear(rows: list[list[str]], x: list[str]) -> Callable[[], None]:
    def check() -> None:
        names = ["a", "b", "c"][: len(rows[0])]
        decoder = ["+".join(f"({w})*{n}" for w, n in zip(row, names, strict=True)) + "+1/3" for row in rows]
        (value,) = truth.linear(rows, ["1/3"] * len(rows), "1/5", [x])
        _same(ep.LatentModel(names, decoder, ep.Gaussian("1/5")), x, value)

    return check


def _supremum() -> None:
    """The bound of p(x|z') is one at the data that are the most likely."""
    model = ep.LatentModel(["a", "b"], ["a", "sin(a)*b", "b + a**2"], ep.Gaussian("1/5"))
    integrand = elimination.reduced(model)
    if integrand is None:
        raise Missed("nothing was reduced")
    energy = integrand.quantities.compiled("energy", 0, FLOATING)
    z = np.linspace(-1, 1, 21)
    (values,) = energy(z, z, 0.0, z**2)
    if (
        not (z**2 / 2 + np.log(2 * np.pi) / 2 - values).max()
        <= integrand.ceiling(BallArray(np.zeros((1, 3)))).suprema[0] + 1e-12
    ):
        raise Missed("the supremum is exceeded")


CHECKS: dict[str, Callable[[], None]] = {
    "chain": _chain,
    "varying columns": _varying,
    "carried columns": _carried,
    "correlated": _correlated,
    "square": _bent("y**2/3 + y", lambda z: z * z / 3 + z),
    "function": _bent("sin(y)", lambda z: z.sin()),
    "product": _product,
    "few outputs": _linear([["1", "2", "-1"], ["1/2", "0", "3"]], ["0.3", "0.2"]),
    "few latents": _linear([["1", "2"], ["1/2", "0"], ["-1", "1/3"]], ["0.3", "0.2", "0.7"]),
    "supremum": _supremum,
}

_O = observations.Observations
BUGS = {
    "the variance that is left is the old one": Seeded(
        _O, "_observe", "return variance * noise / total", "return variance", "chain"
    ),
    "a coefficient is not squared": Seeded(
        _O, "_observe", "coefficient**2", "abs(coefficient)", "carried columns"
    ),
    "another column is not carried through": Seeded(
        _O, "_observe", "(self.values, *self._columns)", "(self.values,)", "carried columns"
    ),
    "a row alone gets the prior's variance": Seeded(
        _O, "_widen", "tape.constant(variance)", "tape.constant(1)", "chain"
    ),
    "a row alone is forgotten": Seeded(_O, "_widen", "tape.constant(variance)", "tape.constant(0)", "chain"),
    "the prior counts twice in the pivot": Seeded(
        _O, "_project", "tape.constant(1 / variance)", "tape.constant(2 / variance)", "varying columns"
    ),
    "the rows' square for the latent itself is left out": Seeded(
        _O, "_project", "vector.append(mean)", "vector.append(tape.constant(0))", "varying columns"
    ),
    "the pivots' logarithms are left out": Seeded(
        _O,
        "energy",
        "[*self.variances, *(precision for precision, _ in self.precisions)]",
        "[*self.variances]",
        "varying columns",
    ),
    "the bound of the pivots is too high": Seeded(
        _O, "least_factors", "[*self.least,", "[*(w * 2 for w in self.least),", "supremum"
    ),
    "L for its inverse": Seeded(whitening, "_inverse", "-= factor", "+= factor", "correlated"),
    "pivots in the wrong order": Seeded(
        elimination,
        "observations",
        "for pivot in white.pivots",
        "for pivot in white.pivots[::-1]",
        "correlated",
    ),
    "a square is linear": Seeded(
        linearity,
        "_dependence",
        '{"add", "sub", "neg", "mul", "div"}:',
        '{"add", "sub", "neg", "mul", "div", "square"}:',
        "square",
    ),
    "a function is linear": Seeded(
        linearity,
        "_dependence",
        '{"add", "sub", "neg", "mul", "div"}:',
        '{"add", "sub", "neg", "mul", "div", "sin"}:',
        "function",
    ),
    "products make no pairs": Seeded(linearity, "_dependence", '{"mul", "div"}:', '{"div"}:', "product"),
    "both latents of a pair are taken": Seeded(
        selections, "_unpaired", "[j for j in others if not pairs[k] >> j & 1]", "others", "product"
    ),
    "a difference is turned": Seeded(
        tape_copies, "put", "target.subtract", "lambda i, j: target.subtract(j, i)", "correlated"
    ),
    "C + B' B": Seeded(
        affine, "_by_outputs", "slopes * slopes.transpose()", "slopes * slopes.transpose() * 2", "few outputs"
    ),
    "the identity is left out": Seeded(
        affine, "_by_latents", " + _diagonal([arb(1)] * slopes.ncols())", "", "few latents"
    ),
    "a determinant is left out": Seeded(affine, "_by_latents", "matrix.det().log()", "arb(0)", "few latents"),
}


FOUND_BEFORE = (selections.selection, elimination.reduced, whitening.whitening)

test_the_library_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (Missed,), around=partial(emptied, FOUND_BEFORE))
)
