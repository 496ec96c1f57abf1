"""Numbers as people have them: scalars of NumPy and torch, booleans that count, frames, long doubles."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep
from elboproof import objectives
from elboproof.arguments import require_positive
from elboproof.arrays import finite_array
from elboproof.commands.evidence_input import build_model, read_points
from elboproof.frames import is_frame
from elboproof.model.data import data_of

LINE = ep.LatentModel("z", ["sin(z)"], ep.Gaussian(variance="1/4"))
PAIR = ep.LatentModel("z", ["z", "2*z"], ep.Gaussian(variance="1/4"))
BINARY = ep.LatentModel("z", ["z + 1", "2*z"], ep.Bernoulli())
BIG = 2**53 + 1
"""No double."""


class Column:
    """What a frame gives for a name."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.values, dtype)


class Frame:
    """A stand-in for a frame of pandas: as a whole it makes floats of everything."""

    def __init__(self, columns: dict[Any, Any], names: list[Any] | None = None) -> None:
        self.content, self.columns = columns, names or list(columns)

    def __getitem__(self, name: Any) -> Column:
        return Column(self.content[name])

    def __len__(self) -> int:
        return len(next(iter(self.content.values())))

    def to_numpy(self) -> Any:
        return np.array(list(self.content.values()), dtype=np.float64).T

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.to_numpy(), dtype)


FIVE: list[Any] = [np.int64(5), np.float32(5), np.array(5), torch.tensor(5), np.uint16(5), np.longdouble(5)]


@pytest.mark.parametrize("five", FIVE, ids=lambda five: type(five).__name__)
def test_scalars_of_other_libraries_are_limits(five: Any) -> None:
    (given,) = require_positive(digits=five)
    assert type(given) in {int, float}
    assert given == 5
    assert str(ep.log_evidence(LINE, [0.5], five, seconds=10 * five, most_cells=five * 100)) == str(
        ep.log_evidence(LINE, [0.5], 5, seconds=50, most_cells=500)
    )


@pytest.mark.parametrize(
    "given",
    [
        np.float64("nan"),
        np.int64(0),
        np.bool_(True),
        np.timedelta64(5, "s"),
        np.array([5]),
        torch.tensor(True),
    ],
    ids=str,
)
def test_what_is_no_positive_number_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"seconds: got .*; expected a positive number"):
        ep.log_evidence(LINE, [0.5], 5, seconds=given)
    with pytest.raises(ValueError, match=r"digits: got tensor.*meta.*; expected a positive number"):
        ep.log_evidence(LINE, [0.5], torch.empty((), device="meta"))  # type: ignore[arg-type]


def test_every_public_call_takes_them() -> None:
    q = ep.GaussianPosterior([0], [["1/4"]])
    digits, seconds = np.int64(4), np.float32(20)
    calls: list[Callable[[Any, Any], Any]] = [
        lambda d, s: ep.elbo(LINE, [0.5], q, d, seconds=s),
        lambda d, s: ep.expectation("sin(z)", q, d, seconds=s),
        lambda d, s: ep.gap(LINE, [0.5], d, seconds=s),
        lambda d, s: ep.stationary_posterior(LINE, [0.5], digits=d, seconds=s).elbo,
        lambda d, s: ep.gap_law(PAIR, ["0", "0"], seconds=s * d / d),
    ]
    for call in calls:
        assert str(call(digits, seconds)) == str(call(4, 20.0))


def test_orders_and_bits_may_be_numbers_of_numpy() -> None:
    assert LINE.floating.energy([0.5], [0.5], np.uint8(1)) == LINE.floating.energy([0.5], [0.5], 1)  # type: ignore[arg-type]
    assert LINE.balls.decoder([0.5], np.int64(1)).shape == (1, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"order: got 1.0 of type float; expected an integer"):
        LINE.floating.energy([0.5], [0.5], np.float32(1))  # type: ignore[arg-type]
    residual, data = torch.ones(4, 2), torch.tensor([2.0, 3.0])
    given = objectives.baggins(residual, data, bits=np.float32(3))  # type: ignore[arg-type]
    assert given == objectives.baggins(residual, data, bits=3)


BOOLEANS: dict[str, Any] = {
    "list": [True, False],
    "mixed list": [True, 0],
    "array": np.array([0.7, 0.1]) > 0.5,
    "tensor": torch.tensor([True, False]),
    "objects": np.array([True, 0.0], dtype=object),
    "frame row": Frame({"a": [True], "b": [False]}),
}


@pytest.mark.parametrize("kind", BOOLEANS)
def test_booleans_are_binary_data(kind: str) -> None:
    x = BOOLEANS[kind]
    got, other = ep.log_evidence(BINARY, x, 5), ep.log_evidence(BINARY, [0, 1], 5)
    want = ep.log_evidence(BINARY, [1, 0], 5)
    assert str(np.ravel(got.lower)[0]) == str(want.lower)
    assert np.ravel(got.upper)[0] < other.lower or np.ravel(got.lower)[0] > other.upper


@pytest.mark.parametrize("family", [ep.Bernoulli(), ep.Binomial(3), ep.Poisson(), ep.Categorical()], ids=repr)
def test_evaluators_count_booleans_where_data_are_whole_numbers(family: Any) -> None:
    model = ep.LatentModel("z", ["z", "2*z"], family)
    rows = np.array([[True, False], [False, True]])
    for x in (rows, rows.tolist()):
        assert (
            model.floating.energy([[0.5], [0.25]], x)
            == model.floating.energy([[0.5], [0.25]], [[1, 0], [0, 1]])
        ).all()
    assert model.exact.energy([1], [True, False]) == model.exact.energy([1], [1, 0])
    assert str(model.balls.energy([1], rows[0])) == str(model.balls.energy([1], [1, 0]))
    z = torch.tensor([0.5])
    assert model.tensors.energy(z, torch.tensor(rows[0])) == model.tensors.energy(z, torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize(
    "x", [[True], np.array([True]), torch.tensor([True])], ids=["list", "array", "tensor"]
)
def test_a_boolean_is_no_real_number(x: Any) -> None:
    with pytest.raises(TypeError, match=r"x\[0\]: got True of type bool; expected an exact real number"):
        ep.log_evidence(LINE, x, 5)
    with pytest.raises(TypeError, match=r"x: got .*; expected real numbers"):
        LINE.floating.energy([0.5], x)


def test_a_binary_model_still_refuses_other_numbers() -> None:
    with pytest.raises(ValueError, match=r"x\[1\]: got .*2.*; expected zeros and ones"):
        ep.log_evidence(BINARY, [True, 2], 5)


def test_long_doubles_are_the_numbers_that_they_are() -> None:
    third = np.longdouble(1) / 3
    assert data_of(LINE, np.array([third])).rows == [[Fraction(*third.as_integer_ratio())]]
    assert data_of(LINE, [third]).rows != [[Fraction(1 / 3)]]
    assert ep.Gaussian(third).variance == (Fraction(*third.as_integer_ratio()),)
    with pytest.raises(ValueError, match=r"x\[0\]: got .*nan.*; expected a finite number"):
        ep.log_evidence(LINE, np.array([np.nan], np.longdouble), 5)


def test_frames_are_rows_of_their_columns_in_order() -> None:
    frame: Any = Frame({"b": np.array([0.1, 0.2], np.float32), "a": [1, 2]})
    assert is_frame(frame)
    assert data_of(PAIR, frame).rows == [
        [Fraction(float(np.float32(0.1))), 1],
        [Fraction(float(np.float32(0.2))), 2],
    ]
    assert finite_array(frame, "codes", ("N", 2)).tolist() == [
        [float(np.float32(0.1)), 1],
        [float(np.float32(0.2)), 2],
    ]


def test_integers_beside_floats_in_a_frame_are_not_rounded() -> None:
    frame: Any = Frame({"a": [0.5], "b": [BIG]})
    assert int(np.asarray(frame)[0, 1]) != BIG  # as the frame itself converts them
    assert data_of(PAIR, frame).rows == [[Fraction(1, 2), BIG]]
    with pytest.raises(TypeError, match=r"codes: got .*; expected real numbers"):
        finite_array(frame, "codes", ("N", 2))


FRAMES: dict[str, tuple[Any, type[Exception], str]] = {
    "twice": (Frame({"a": [1.0]}, ["a", "a"]), ValueError, r"x\.columns: got 'a'; expected a different name"),
    "missing": (
        Frame({"a": [1.0, np.nan], "b": [1, 2]}),
        ValueError,
        r"x: got nan at x\[1\]\[0\]|x\[1\]\[0\]: got nan",
    ),
    "words": (Frame({"a": ["u"], "b": [1]}), ValueError, r"x\[0\]\[0\]: got 'u'; expected an exact real"),
    "narrow": (Frame({"a": [1.0]}), ValueError, r"x: got shape \(1, 1\); expected \(2,\) or \(N, 2\)"),
    "deep": (Frame({"a": [[1.0]], "b": [2.0]}), ValueError, r"x\['a'\]: got \(1, 1\); expected one entry"),
    "booleans": (Frame({"a": [True], "b": [1.0]}), TypeError, r"x\[0\]\[0\]: got True"),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_without_numbers_are_refused_by_place(kind: str) -> None:
    frame, error, message = FRAMES[kind]
    with pytest.raises(error, match=message):
        ep.log_evidence(PAIR, frame, 5)


def test_classes_and_modules_are_no_models() -> None:
    with pytest.raises(
        TypeError, match=r"model: got the class LatentModel itself; expected an ep.LatentModel"
    ):
        ep.log_evidence(ep.LatentModel, [0.5])  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"model: got a Linear, a torch module; .*from_torch\(module, likelihood\)"
    ):
        ep.elbo(torch.nn.Linear(1, 1), [0.5], None)  # type: ignore[arg-type]


def test_booleans_at_the_shell(tmp_path: Path) -> None:
    model = build_model(["z", "2*z"], None, None, True)
    np.save(tmp_path / "x.npy", np.array([[True, False], [False, True]]))
    (tmp_path / "x.csv").write_text("first,second\nTrue,False\nFALSE,true\n")
    for name in ("x.npy", "x.csv"):
        values = [list(map(int, p.values)) for p in read_points([str(tmp_path / name)], model)]
        assert values == [[1, 0], [0, 1]]
    assert list(map(int, read_points(["True,0"], model)[0].values)) == [1, 0]
    gaussian = build_model(["z", "2*z"], None, "1/4", False)
    for name in ("x.npy", "x.csv"):
        with pytest.raises((TypeError, ValueError), match=r"x, .*: got .*; expected .*real number"):
            read_points([str(tmp_path / name)], gaussian)


ROW = np.array([0.5, 0.25])
SAME: dict[str, Any] = {
    "gradients": torch.tensor(ROW, requires_grad=True),
    "bfloat16": torch.tensor(ROW, dtype=torch.bfloat16),
    "float32": ROW.astype(np.float32),
    "list of scalars": [np.float32(0.5), torch.tensor(0.25)],
    "strings": ["1/2", "0.25"],
    "fractions": [Fraction(1, 2), Fraction(1, 4)],
    "exact beside floats": ["1/2", 0.25],
    "longdouble": ROW.astype(np.longdouble),
    "tuple": (0.5, 0.25),
}
"""One x in two numbers that every kind holds exactly."""


@pytest.mark.parametrize("kind", SAME)
def test_an_x_of_every_kind_is_the_same_x(kind: str) -> None:
    q = ep.GaussianPosterior("0.3", "0.1")
    calls: list[Callable[[Any], Any]] = [
        lambda x: ep.log_evidence(PAIR, x, 5),
        lambda x: ep.elbo(PAIR, x, q, 5),
        lambda x: ep.decompose(PAIR, x, q, 3).amortisation,
        lambda x: ep.Posterior(PAIR, x, 3).mean(),
    ]
    for call in calls:
        assert str(call(SAME[kind])) == str(call(ROW))


NO_X: dict[str, tuple[Any, type[Exception], str]] = {
    "meta": (
        torch.empty(2, device="meta"),
        TypeError,
        r"x: got .*; expected a tensor whose numbers can be looked at",
    ),
    "sparse": (
        torch.tensor(ROW).to_sparse(),
        TypeError,
        r"x: got .*; expected a dense tensor of real numbers",
    ),
    "without axes": (np.array(0.5), ValueError, r"x: got shape \(\); expected \(2,\) or \(N, 2\)"),
    "one number": (0.5, ValueError, r"x: got shape \(\); expected \(2,\) or \(N, 2\)"),
    "no rows": (np.zeros((0, 2)), ValueError, r"x: got shape \(0, 2\); expected \(2,\) or \(N, 2\)"),
    "too deep": (np.zeros((1, 1, 2)), ValueError, r"x: got shape \(1, 1, 2\); expected"),
    "a class": (np.ndarray, TypeError, r"x: got the class ndarray itself"),
    "nothing": (None, TypeError, r"x: got None of type NoneType; expected an array, a tensor"),
    "infinite": ([0.5, np.inf], ValueError, r"x: got inf at x\[1\]; expected finite numbers"),
}


@pytest.mark.parametrize("kind", NO_X)
def test_what_is_no_x_is_refused_in_every_call(kind: str) -> None:
    x, error, message = NO_X[kind]
    q = ep.GaussianPosterior("0.3", "0.1")
    calls: list[Callable[[], Any]] = [
        lambda: ep.log_evidence(PAIR, x, 5),
        lambda: ep.elbo(PAIR, x, q, 5),
        lambda: ep.gap(PAIR, x, 3),
        lambda: ep.decompose(PAIR, x, q, 3),
        lambda: ep.Posterior(PAIR, x, 3),
        lambda: ep.stationary_posterior(PAIR, x),
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call()


class Vae(torch.nn.Module):
    """A whole auto-encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = torch.nn.Linear(2, 1), torch.nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.decoder(self.encoder(x))
        return result


def test_a_whole_auto_encoder_is_told_which_part_to_pass() -> None:
    with pytest.raises(TypeError, match=r"module: got a Vae.*pass its decoder: vae\.decoder"):
        ep.LatentModel.from_torch(Vae(), ep.Gaussian("1/4"))
    model = ep.LatentModel.from_torch(Vae().decoder, ep.Gaussian("1/4"))
    assert ep.gap(model, ROW).upper == 0.0  # affine, as an affine string is


def test_csv_files_have_a_header_or_none(tmp_path: Path) -> None:
    model = build_model(["z", "2*z"], None, "1/4", False)
    for text, rows in (("a,b\n1,2\n3,4\n", 2), ("1,2\n3,4\n", 2), ("1,2\n", 1)):
        (tmp_path / "x.csv").write_text(text)
        assert len(read_points([str(tmp_path / "x.csv")], model)) == rows
    (tmp_path / "x.csv").write_text("nan,nan\n1,2\n")  # no header, but numbers that are missing
    with pytest.raises(ValueError, match=r"x, .*line 1\[0\]: got 'nan'; expected an exact real number"):
        read_points([str(tmp_path / "x.csv")], model)
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 4]]))
    assert list(map(int, read_points([str(tmp_path / "x.npy")], model)[1].values)) == [3, 4]


def test_long_calls_read_what_people_have() -> None:
    """Scalars of NumPy for workers, arrays of expressions, booleans for a law, modules and boxes that do not fit."""
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    posterior = ep.Posterior(model, ["0.7"], 3, workers=np.int64(1))  # type: ignore[arg-type]
    assert posterior.expectation(np.array(["z", "z**2"])).shape == (2,)
    heads = ep.LatentModel("z", ["z", "z"], ep.Bernoulli())
    law, other = (ep.gap_law(heads, x, nearest=True) for x in ([True, False], [1, 0]))
    assert law.leading == other.leading
    one = np.array([[0.5]])
    with pytest.raises(ValueError, match=r"x: got .*; expected one data point of shape \(1,\)"):
        ep.gap_law(model, one)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="box: got 2 numbers; expected 1"):
        posterior.probability([("0", "1"), ("0", "1")])
    module: Any = torch.nn.Linear(1, 1)
    for call in (ep.Posterior, ep.evidence_cells, partial(ep.decompose, posteriors=module)):
        with pytest.raises(TypeError, match=r"model: got a Linear, a torch module; expected .*from_torch"):
            call(module, x=["0.7"])
    with pytest.raises(ValueError, match=r"workers: got np.int64\(0\); expected at least 1"):
        ep.gap(model, ["0.7"], workers=np.int64(0))  # type: ignore[arg-type]
