"""Bugs seeded into the evidences by pieces, their forms and their sums: each is caught by a check."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from unittest.mock import patch

import elboproof as ep
from elboproof.evidence import piece_arrays, piece_bounds, piece_forms, piece_sums, pieces, polygons
from elboproof.model import piecewise, piecewise_networks, piecewise_tapes
from elboproof.quadrature import gaussian_pieces, gaussian_polygons
from tests.evidence import test_piece_bounds as arrays
from tests.evidence.cases import Missed
from tests.evidence.piecewise_cases import by_pieces, require_instance
from tests.evidence.test_polygons import _log_relu
from tests.seeding import Bug, Seeded, emptied, falsification


def _instance(seed: int) -> Callable[[], None]:
    return lambda: require_instance(seed)


def _held(model: ep.LatentModel, x: list[str], truth: float, digits: float = 9) -> None:
    found = by_pieces(model, x, digits).enclosure
    if not found.lower[0] - 1e-9 <= truth <= found.upper[0] + 1e-9:
        raise Missed(f"{found} has not {truth}")


def _product(variances: list[str], **options: object) -> Callable[[], None]:
    """Two latents that do not meet."""

    def check() -> None:
        model = ep.LatentModel(["a", "b"], ["relu(a)", "relu(b)"], ep.Gaussian(variances), **options)  # type: ignore[arg-type]
        logs = [
            _log_relu(x, str(1 / Fraction(v)), 12) for x, v in zip(("0.7", "0.5"), variances, strict=True)
        ]
        _held(model, ["0.7", "0.5"], float(logs[0] + logs[1]))

    return check


def _small_box(prior: ep.Normal | None = None) -> Callable[[], None]:
    """With a box of one deviation nothing is decided, but what is told holds the truth."""

    def check() -> None:
        given = ep.Normal() if prior is None else prior
        model = ep.LatentModel(["a", "b"], ["relu(a)/1000", "relu(b)/1000"], ep.Gaussian("1"), prior=given)
        with patch.object(polygons, "RADII", (1.0,)):
            _held(model, ["0", "0"], -math.log(2 * math.pi) - 1e-6)

    return check


def _correlated() -> None:
    plain = by_pieces(
        ep.LatentModel(["a", "b"], ["abs(a)", "relu(b) - a"], ep.Gaussian(["1/4", "1/9"])), ["1/3", "1"]
    ).enclosure
    covariance = [["1/4", "1/8"], ["1/8", "25/144"]]
    model = ep.LatentModel(
        ["a", "b"], ["abs(a)", "abs(a)/2 + relu(b) - a"], ep.Gaussian(covariance=covariance)
    )
    _held(model, ["1/3", "7/6"], float(plain.midpoint[0]))


def _placed() -> None:
    """A prior with a mean and a covariance, and z in place of the standard latents."""
    plain = by_pieces(
        ep.LatentModel(["a", "b"], ["abs(2*a + 1/2)", "relu(b - a)"], ep.Gaussian("1/4")), ["1/3", "1"]
    ).enclosure
    prior = ep.Normal(["1/2", 0], [[4, -2], [-2, 2]])  # z_0 = 2 a + 1/2, z_1 = b - a
    _held(
        ep.LatentModel(["u", "v"], ["abs(u)", "relu(v)"], ep.Gaussian("1/4"), prior=prior),
        ["1/3", "1"],
        float(plain.midpoint[0]),
    )


def _few_digits() -> None:
    """Pieces that are left out are bounded: on a line, where integrals have no error of their own."""
    decoder = ["relu(z) + relu(z - 1)/2 + abs(z + 1)/3 - relu(-z - 2) + abs(z - 2)"]
    model = ep.LatentModel("z", decoder, ep.Gaussian("1"))
    fine = by_pieces(model, ["1"], 12).enclosure.midpoint[0]
    with patch.object(piece_sums, "SHARE", 5.0):
        for digits in (0.3, 0.6, 1.0):
            _held(model, ["1"], fine, digits)


def _minimum() -> None:
    """max and min."""
    plain = ["(a + b + abs(a - b))/2", "(a + b - abs(a - b))/2"]
    by_abs = ep.LatentModel(["a", "b"], plain, ep.Gaussian("1/10"))
    model = ep.LatentModel(["a", "b"], ["max(a, b)", "min(a, b)"], ep.Gaussian("1/10"))
    _held(model, ["0.8", "0.3"], float(by_pieces(by_abs, ["0.8", "0.3"]).enclosure.midpoint[0]))


def _bad_places() -> None:
    """Bounds hold for any z_0."""
    with patch.object(piece_bounds, "_least", lambda corners, _: corners[:, 0] * 0.5 + corners[:, 1] * 0.25):
        try:
            arrays.require_bounds("leaky", False)
        except Missed as error:
            if "loose" not in str(error):
                raise


CHECKS: dict[str, Callable[[], None]] = {
    "networks": _instance(2),
    "relu": _instance(20),
    "network with a kept last layer": _instance(26),
    "product": _product(["1/100", "1/25"]),
    "small box": _small_box(),
    "small box of a prior": _small_box(ep.Normal([0, 0], [[4, 0], [0, 4]])),
    "correlated": _correlated,
    "placed": _placed,
    "few digits": _few_digits,
    "max and min": _minimum,
    "bounds where z_0 is bad": _bad_places,
    "bounds of forms": lambda: arrays.require_bounds("leaky", False),
    "bounds of arrays": lambda: arrays.require_bounds("leaky", True),
    "same energies": lambda: arrays.require_same("leaky"),
    "same energies of fewer outputs": lambda: arrays.require_same("fewer outputs"),
    "left out at once": arrays.require_rest,
    "balls of FLINT": arrays.require_balls,
}

_P, _F = gaussian_polygons, gaussian_pieces
BUGS: dict[str, Bug] = {
    "half the circle": Seeded(_P, "measure", "2 * arb.pi() if inside", "arb.pi() if inside", "networks"),
    "the determinant's root": Seeded(
        _F, "whitened", "- determinant.log() / 2", "- determinant.log()", "product"
    ),
    "the lower factor is left out": Seeded(_F, "whitened", "first * x + low * y", "first * x", "networks"),
    "relu is abs": Seeded(
        piecewise_networks,
        "_slopes",
        'fmpq(0 if function == "relu" else -1)',
        "fmpq(-1)",
        "relu",
        (piecewise.piecewise, piecewise.kinked, pieces._pieces),
    ),
    "slopes are exchanged": Seeded(
        piecewise_networks.PiecewiseNetwork,
        "after",
        "above if sign > 0 else below",
        "below if sign > 0 else above",
        "networks",
        (pieces._pieces,),
    ),
    "the last bias is left out": Seeded(
        piece_forms.PieceForms,
        "_map",
        "[*row, *last]",
        "[*row, 0 * last[0]]",
        "network with a kept last layer",
    ),
    "the bias of fewer outputs is left out": Seeded(
        piece_forms.PieceForms, "_add", "+= bias[j, 0]", "+= 0 * bias[j, 0]", "relu"
    ),
    "max is min": Seeded(
        piecewise_tapes.PiecewiseTape,
        "_chosen",
        'entry[0] == "max"',
        'entry[0] == "min"',
        "max and min",
        (pieces._pieces,),
    ),
    "the data's square is left out": Seeded(
        piece_forms.PieceForms, "joined", "result[d, d] += data.square", "pass", "product"
    ),
    "one variance for all": Seeded(
        piece_forms.PieceForms,
        "pivots",
        "fmpq(int(v.p), int(v.q))",
        "fmpq(int(variances[0].p), int(variances[0].q))",
        "product",
    ),
    "rows are not turned": Seeded(
        piece_forms.PieceForms,
        "_weighted",
        "turn.transpose() * _divided(turn * columns",
        "_divided(turn * columns",
        "correlated",
    ),
    "the prior's determinant is left out": Seeded(
        piece_forms.PieceForms, "prior", "half + arb(determinant).log() / 2", "half", "placed"
    ),
    "the prior's mean is left out": Seeded(
        piece_forms.PieceForms, "prior", "shift = precision * mean", "shift = 0 * mean", "placed"
    ),
    "pieces left out are nothing": Seeded(piece_sums, "_integrated", "rests[done]", "arb(0)", "few digits"),
    "the tail is nothing": Seeded(polygons, "_ends", " + (log_tail + found.shift).exp()", "", "small box"),
    "the tail of one latent": Seeded(
        polygons, "log_beyond", "(d * (arb(radius)", "((arb(radius)", "small box"
    ),
    "the box of another prior": Seeded(
        polygons,
        "box_of",
        "size * _root_above(flint_rational(prior.covariance[k][k]))",
        "size",
        "small box of a prior",
    ),
    "energies may fall off beyond z_0": Seeded(
        piece_bounds.Places,
        "log_bounds",
        "np.minimum(_finite(fall.lower().min(1)), 0.0)",
        "0 * fall.mid.min(1)",
        "bounds where z_0 is bad",
    ),
    "the slope is halved": Seeded(
        piece_bounds.Places,
        "log_bounds",
        "(slopes[k] + energy.slopes[k]) * 0.5",
        "(slopes[k] + energy.slopes[k])",
        "bounds of forms",
    ),
    "the size of a piece is left out": Seeded(
        piece_bounds.Places, "of", "size.log().upper()", "0 * size.mid - 20", "bounds of forms"
    ),
    "some corners are forgotten": Seeded(
        piece_bounds.Places,
        "of",
        "np.minimum(np.arange(most), len(row) - 1)",
        "np.arange(most) % 2",
        "bounds where z_0 is bad",
    ),
    "roots of units are exchanged": Seeded(
        piece_arrays.OneLayerEnergies,
        "_slopes",
        "self._signs[part] > 0",
        "self._signs[part] < 0",
        "same energies",
    ),
    "the last bias is left out of the form": Seeded(
        piece_arrays.OneLayerEnergies, "_block", "columns[-1] + bias[:, None]", "columns[-1]", "same energies"
    ),
    "the last entry of the data is left out": Seeded(
        piece_arrays.OneLayerEnergies,
        "of",
        "columns[-1] + last",
        "columns[-1]",
        "same energies of fewer outputs",
    ),
    "the prior is left out of the form": Seeded(
        piece_arrays.OneLayerEnergies, "_forms", " + prior[i][j]", "", "same energies"
    ),
    "data count once in the constant": Seeded(
        piece_arrays, "joined", "linear[d] * 2.0", "linear[d]", "bounds of arrays"
    ),
    "what is left out at once is nothing": Seeded(
        piece_sums, "_integrated", "(others - top).exp()", "arb(0)", "left out at once"
    ),
    "radii are forgotten": Seeded(
        piece_bounds,
        "balls_of",
        "rads + np.abs(mids) * 2.0**-52",
        "np.abs(mids) * 2.0**-52",
        "balls of FLINT",
    ),
}

FOUND_BEFORE = (piecewise.piecewise, piecewise.kinked, pieces._pieces, polygons._kept)

test_the_library_passes, test_bugs_are_caught, test_no_check_is_idle = falsification(
    CHECKS, BUGS, around=partial(emptied, FOUND_BEFORE)
)
