"""Arrays that say more than numbers, at every input: read as what they are, or refused by the argument's name."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

import elboproof as ep
from elboproof.arrays import finite_array, float_array, number_list, plain_array
from elboproof.checking.floats import equal
from elboproof.checking.plain import plain_series
from elboproof.checking.statistics import mean_equals
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.exact import exact

MODEL = ep.LatentModel("z", ["z + z**2/10"], ep.Gaussian("1/4"))
POSTERIOR = ep.GaussianPosterior("0.4", "0.2")
DECODER = ep.OptimalDecoder([[0.0], [1.0]], [[1.0], [2.0]], 1.0)
Use = Callable[[Any], Any]


class Foreign:
    """An object of another library that becomes an array, as pandas' and xarray's do."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


class Metres(np.ndarray):
    """An array whose numbers have a unit."""


ONE_NUMBER: dict[str, tuple[str, Use]] = {
    "log_evidence": ("x", lambda v: ep.log_evidence(MODEL, v, 3)),
    "elbo": ("x", lambda v: ep.elbo(MODEL, v, POSTERIOR, 3)),
    "gap": ("x", lambda v: ep.gap(MODEL, v, 3)),
    "gap_law": ("x", lambda v: ep.gap_law(MODEL, v)),
    "stationary_posterior": ("x", lambda v: ep.stationary_posterior(MODEL, v)),
    "variance": ("variance", lambda v: ep.Gaussian(v)),
    "mean": ("mean", lambda v: ep.GaussianPosterior(v, "1")),
    "covariance of q": ("covariance", lambda v: ep.GaussianPosterior("0", v)),
    "decoder": ("z", lambda v: DECODER(v)),
    "weights": ("z", lambda v: DECODER.weights(v)),
    "enclose": ("z", lambda v: DECODER.enclose(v)),
    "variances of codes": ("covariances", lambda v: ep.OptimalDecoder([[0.0]], [[1.0]], v)),
    "floating z": ("z", lambda v: MODEL.floating.decoder(v)),
    "floating x": ("x", lambda v: MODEL.floating.energy([0.5], v)),
    "exact z": ("z", lambda v: MODEL.exact.decoder(v)),
    "exact x": ("x", lambda v: MODEL.exact.energy([0], v)),
    "balls z": ("z", lambda v: MODEL.balls.decoder(v)),
    "balls x": ("x", lambda v: MODEL.balls.energy([0], v)),
    "ball array": ("mid", lambda v: BallArray(v)),
    "radius": ("rad", lambda v: BallArray([0.0], v)),
    "complex balls": ("value", lambda v: ComplexBallArray.exact(v)),
    "enclosure": ("lower", lambda v: ep.Enclosure(v, [2.0])),
    "contains": ("value", lambda v: ep.Enclosure(0.0, 1.0).contains(v)),
    "verdict": ("computed", lambda v: equal(v, 0.5, 0.0)),
    "series": ("data['a']", lambda v: plain_series({"a": v})),
    "finite_array": ("a", lambda v: finite_array(v, "a", (1,))),
    "float_array": ("a", lambda v: float_array(v, "a", (1,))),
}
MATRIX: dict[str, tuple[str, Use]] = {
    "codes": ("codes", lambda v: ep.OptimalDecoder(v, [[1.0]], 1.0)),
    "data": ("data", lambda v: ep.OptimalDecoder([[1.0]], v, 1.0)),
    "covariance": ("covariance", lambda v: ep.Gaussian(covariance=v)),
    "covariance of q": ("covariance", lambda v: ep.GaussianPosterior("0", v)),
    "fixed covariance": (
        "covariance",
        lambda v: ep.stationary_posterior(MODEL, ["1/2"], family="fixed", covariance=v),
    ),
    "batch": ("x", lambda v: ep.log_evidence(MODEL, v, 3)),
    "shared": ("x", lambda v: ep.shared_stationary_posterior(MODEL, v)),
    "exact matrix": ("entries", lambda v: ExactMatrix(v)),
}


def masked_wraps(shape: tuple[int, ...]) -> list[Any]:
    hidden = np.ma.array(np.full(shape, 0.5), mask=np.full(shape, True))
    return [hidden, [hidden[0]], Foreign(hidden), hidden.astype(np.float32), hidden.astype(int)]


@pytest.mark.parametrize("use", ONE_NUMBER)
@pytest.mark.parametrize("kind", range(5), ids=["array", "list", "foreign", "float32", "int"])
def test_masked_entries_are_refused(use: str, kind: int) -> None:
    name, call = ONE_NUMBER[use]
    with pytest.raises(
        ValueError, match=r": got a masked entry at .*; expected numbers without a mask"
    ) as error:
        call(masked_wraps((1,))[kind])
    assert str(error.value).startswith(name), "the argument is named"


@pytest.mark.parametrize("use", MATRIX)
@pytest.mark.parametrize("kind", range(5), ids=["array", "list", "foreign", "float32", "int"])
def test_masked_entries_of_matrices_are_refused(use: str, kind: int) -> None:
    name, call = MATRIX[use]
    with pytest.raises(
        ValueError, match=r": got a masked entry at .*; expected numbers without a mask"
    ) as error:
        call(masked_wraps((1, 1))[kind])
    assert str(error.value).startswith(name)


def test_the_first_masked_entry_is_named() -> None:
    data = np.ma.array(np.ones((3, 2)), mask=[[False, False], [False, True], [True, False]])
    with pytest.raises(ValueError, match=r"data: got a masked entry at data\[1\]\[1\]; expected"):
        ep.OptimalDecoder(np.ones((3, 1)), data, 1.0)


@pytest.mark.parametrize("use", ONE_NUMBER)
def test_a_masked_array_without_masked_entries_is_an_array(use: str) -> None:
    call = ONE_NUMBER[use][1]
    assert str(call(np.ma.array([0.5], mask=[False]))) == str(call(np.array([0.5])))


def test_numbers_under_no_mask_are_read_right() -> None:
    free = np.ma.array([0.25], mask=False)
    assert ep.Gaussian(free) == ep.Gaussian(["1/4"])
    assert ep.Gaussian(np.ma.array(0.25)) == ep.Gaussian("1/4")
    assert ep.GaussianPosterior(free, free) == ep.GaussianPosterior(["1/4"], ["1/4"])
    with pytest.raises(ValueError, match="variance: got a masked entry"):
        ep.Gaussian(np.ma.array(0.25, mask=True))


WRONG: dict[str, Any] = {
    "None": [None],
    "array of None": np.array([None]),
    "no number beside masks": [np.ma.masked],
    "sparse matrix": sparse.csr_matrix([[0.5]]),
    "sparse array": sparse.coo_array([0.5]),
    "record": np.array([(0.5,)], dtype=[("a", float)]),
    "time span": np.array([1], "m8[ns]"),
    "date": np.array([1], "M8[ns]"),
    "boolean": np.array([True]),
    "letters' codes": bytearray(b"1"),
    "bytes": np.array([b"0.5"]),
    "set": {0.5},
    "dictionary": {0.5: 1},
    "unit": np.array([0.5]).view(Metres),
    "deep nesting": None,
    "sparse tensor": torch.tensor([0.5]).to_sparse(),
    "complex tensor": torch.tensor([0.5 + 0j]),
    "boolean tensor": torch.tensor([True]),
}
_DEEP: Any = [0.5]
for _ in range(100_000):
    _DEEP = [_DEEP]
WRONG["deep nesting"] = _DEEP


@pytest.mark.parametrize("use", ONE_NUMBER)
@pytest.mark.parametrize("kind", WRONG)
def test_what_holds_no_real_numbers_is_refused_by_name(kind: str, use: str) -> None:
    name, call = ONE_NUMBER[use]
    with pytest.raises((TypeError, ValueError), match=r": got .*; expected ") as error:
        call(WRONG[kind])
    assert str(error.value).startswith(name)


def quantized() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates them
        return torch.quantize_per_tensor(torch.tensor([0.5]), 0.1, 0, torch.qint8)


def masked_tensor() -> torch.Tensor:
    from torch.masked import masked_tensor as make

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a prototype, says torch
        return make(torch.tensor([0.5]), torch.tensor([False]))


def nested() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.tensor([0.5])])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [quantized, masked_tensor, nested])
@pytest.mark.parametrize(
    "use", ["log_evidence", "decoder", "variance", "floating x", "ball array", "enclose"]
)
def test_tensors_that_do_not_store_their_numbers_are_refused(use: str, make: Callable[[], Any]) -> None:
    name, call = ONE_NUMBER[use]
    tensor = make()
    with pytest.raises(TypeError, match=rf"{name}: got .*; expected a (dense )?tensor of real"):
        call(tensor)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [quantized, masked_tensor, lambda: torch.tensor([0.5]).to_sparse()])
def test_the_tensor_evaluator_refuses_them_too(make: Callable[[], Any]) -> None:
    tensor = make()
    with pytest.raises(TypeError, match=r"z: got .*; expected a (dense|floating-point) tensor"):
        MODEL.tensors.decoder(tensor)


HALF = [
    torch.tensor([0.5], requires_grad=True),
    torch.tensor([0.5], dtype=torch.bfloat16),
    torch.tensor([0.5]).to(torch.float8_e4m3fn),
    torch.tensor([1 - 0.5j]).conj().imag,
    [torch.tensor(0.5)],
    Foreign(np.array([0.5])),
    np.array([0.5], np.float16),
    np.asfortranarray([0.5]),
    np.array([0.5], ">f8"),
]


@pytest.mark.parametrize("half", HALF, ids=range(len(HALF)))
@pytest.mark.parametrize(
    "use", ["log_evidence", "variance", "mean", "enclose", "floating x", "exact x", "ball array"]
)
def test_numbers_in_other_wrappings_are_the_numbers(use: str, half: Any) -> None:
    call = ONE_NUMBER[use][1]
    assert str(call(half)) == str(call(np.array([0.5])))


@pytest.mark.filterwarnings("ignore")  # NumPy would rather not have them
def test_a_matrix_of_numpy_is_a_matrix() -> None:
    square = np.matrix([[2.0, 1.0], [1.0, 3.0]])
    assert ep.Gaussian(covariance=square) == ep.Gaussian(covariance=[[2, 1], [1, 3]])  # type: ignore[arg-type]
    assert ep.GaussianPosterior([0, 0], square) == ep.GaussianPosterior([0, 0], [[2, 1], [1, 3]])


@pytest.mark.parametrize(
    "value", [np.array([2**60 + 1]), np.array([-(2**53) - 1]), np.array([2**64 - 1], np.uint64)]
)
def test_integers_that_floats_would_round_are_refused(value: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"a: got {value[0]} at a\[0\]; expected numbers that float64 holds"
    ):
        finite_array(value, "a", (1,))
    with pytest.raises(ValueError, match=r"entries: got .*; expected numbers that float64 holds exactly"):
        ExactMatrix(value[None])
    assert finite_array(np.array([2**60]), "a", (1,)) == 2.0**60


def test_a_span_of_time_is_no_integer() -> None:
    with pytest.raises(TypeError, match=r"x: got .*timedelta64.*; expected an exact real number"):
        exact(np.timedelta64(5, "ns"), "x")
    assert BallArray.coerce(np.timedelta64(5, "ns")) is None


def test_samples_and_numbers_of_a_check_may_not_be_masked() -> None:
    hidden = np.ma.array([0.1, 0.2, 0.3], mask=[False, True, False])
    with pytest.raises(ValueError, match=r"samples: got a masked entry at samples\[1\]"):
        mean_equals(hidden, 0.2, (0.0, 1.0), 1e-6)
    with pytest.raises(ValueError, match=r"computed: got a masked entry at computed\[1\]"):
        equal(hidden, 0.2, 1.0)


def test_lists_keep_their_exact_numbers() -> None:
    assert plain_array(["1/3", 0.1], "x", dtype=object).tolist() == ["1/3", 0.1]
    assert number_list(range(3), "x", 3) == [0, 1, 2]
