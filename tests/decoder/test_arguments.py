import re
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep

CODES, DATA = np.arange(10.0).reshape(5, 2), np.ones((5, 3))
INDEFINITE = np.array([np.eye(2)] * 3 + [[[1.0, 2.0], [2.0, 1.0]], np.eye(2)])
SKEW = np.array([np.eye(2)] * 2 + [[[1.0, 0.5], [0.0, 1.0]]] + [np.eye(2)] * 2)


@pytest.mark.parametrize(
    ("codes", "data", "covariances", "error", "message"),
    [
        (CODES * np.nan, DATA, 1.0, ValueError, r"codes: got nan at codes\[0\]\[0\]; expected finite"),
        (CODES, DATA * np.inf, 1.0, ValueError, r"data: got inf at data\[0\]\[0\]; expected finite"),
        (torch.tensor(CODES) / 0, DATA, 1.0, ValueError, r"codes: got nan at"),
        (CODES[0], DATA, 1.0, ValueError, r"codes: got shape \(2,\); expected shape \(N, d\)"),
        (CODES, DATA[:, 0], 1.0, ValueError, r"data: got shape \(5,\); expected shape \(N, D\)"),
        (CODES, DATA[:4], 1.0, ValueError, r"data: got 4 rows; expected N = 5"),
        (CODES[:0], DATA[:0], 1.0, ValueError, r"codes: got shape \(0, 2\); .* no empty axis"),
        (CODES[:, :0], DATA, 1.0, ValueError, r"codes: got shape \(5, 0\); .* no empty axis"),
        (CODES, DATA[:, :0], 1.0, ValueError, r"data: got shape \(5, 0\); .* no empty axis"),
        ("codes", DATA, 1.0, TypeError, "codes: got 'codes' of type str; expected real numbers"),
        (CODES, [["a"] * 3] * 5, 1.0, TypeError, "data: got .* expected real numbers"),
        (CODES, DATA * 1j, 1.0, TypeError, "data: got array"),
        (torch.arange(10).reshape(5, 2), DATA, 1.0, TypeError, "codes: got tensor"),
        (CODES, DATA, "1", TypeError, "covariances: got '1' of type str; expected a scalar"),
        (CODES, DATA, True, TypeError, "covariances: got True of type bool"),
        (CODES, DATA, [[1.0], [1.0, 2.0]], TypeError, "covariances: got .* of type list"),
        (CODES, DATA, 0.0, ValueError, "covariances: got 0.0; expected positive variances; entry 0 is not"),
        (CODES, DATA, [1, 2, -3, 4, 5], ValueError, "covariances: got -3.0; .* entry 2 is not"),
        (CODES, DATA, np.nan, ValueError, r"covariances: got nan at covariances\[0\]"),
        (
            CODES,
            DATA,
            [1.0, 2.0],
            ValueError,
            r"covariances: got shape \(2,\), which looks like one shared diagonal",
        ),
        (
            CODES,
            DATA,
            [1.0, 2.0, 3.0],
            ValueError,
            r"covariances: got shape \(3,\) with N = 5 and d = 2; expected",
        ),
        (CODES[:2], DATA[:2], [1.0, 2.0], ValueError, r"ambiguous because N = d; .* numpy.diag\(v\)"),
        (CODES, DATA, np.eye(5), ValueError, r"covariances: got shape \(5, 5\) with N = 5 and d = 2"),
        (CODES, DATA, np.ones((5, 1)), ValueError, r"covariances: got shape \(5, 1\)"),
        (CODES, DATA, np.array([np.eye(2)] * 4), ValueError, r"covariances: got shape \(4, 2, 2\)"),
        (CODES, DATA, SKEW, ValueError, "covariances: .* expected symmetric matrices; matrix 2 is not"),
        (
            CODES,
            DATA,
            INDEFINITE,
            ValueError,
            "covariances: got matrix 3 with smallest eigenvalue -1; expected",
        ),
        (CODES, DATA, np.zeros((2, 2)), ValueError, "covariances: got matrix 0 with smallest eigenvalue 0"),
        (
            CODES,
            DATA,
            1e-320,
            ValueError,
            r"covariances: got 1e-320; expected variances of at least 2\.23e-308",
        ),
        (
            CODES,
            DATA,
            np.eye(2) * 1e-310,
            ValueError,
            r"covariances: got 1e-310; expected variances of at least",
        ),
    ],
)
def test_bad_arguments_are_named(codes: Any, data: Any, covariances: Any, error: Any, message: Any) -> None:
    with pytest.raises(error, match=message):
        ep.OptimalDecoder(codes, data, covariances)


@pytest.mark.parametrize(
    "covariances", [1, 0.5, np.ones(5), np.eye(2), np.eye(2)[None], np.array([np.eye(2)] * 5), torch.ones(5)]
)
def test_every_documented_shape_is_accepted(covariances: Any) -> None:
    assert ep.OptimalDecoder(CODES, DATA, covariances)([0.5, 0.5]) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("z", "error", "message"),
    [
        ([1.0], ValueError, r"z: got shape \(1,\); expected shape \(\.\.\., 2\)"),
        (0.5, ValueError, r"z: got shape \(\); expected shape"),
        ([np.nan, 0], ValueError, r"z: got nan at z\[0\]; expected finite"),
        (torch.tensor([0.0, np.inf]), ValueError, r"z: got inf at z\[1\]; expected finite"),
        (torch.tensor([0, 1]), TypeError, "z: got .* floating-point"),
        ("ab", TypeError, "z: got 'ab' of type str"),
        ([1j, 0], TypeError, "z: got .* expected real numbers"),
    ],
)
@pytest.mark.parametrize("method", ["__call__", "weights", "log_density", "jacobian"])
def test_bad_queries_are_named(z: Any, error: Any, message: Any, method: Any) -> None:
    with pytest.raises(error, match=message):
        getattr(ep.OptimalDecoder(CODES, DATA, 1.0), method)(z)


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        (7, ValueError, "order: got 7; expected an integer from 0 to 6"),
        (-1, ValueError, "order: got -1"),
        (1.0, TypeError, "order: got 1.0 of type float"),
        (True, TypeError, "order: got True of type bool"),
    ],
)
def test_bad_orders_are_named(order: Any, error: Any, message: Any) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ep.OptimalDecoder(CODES, DATA, 1.0).derivative([0, 0], order)


@pytest.mark.parametrize(
    ("codes", "data", "covariances"),
    [(CODES, DATA, 1e-50), (CODES * 1e300, DATA, 1.0), (CODES, DATA * 1e300, 1.0)],
)
def test_a_precision_that_cannot_hold_the_arguments_is_refused(
    codes: Any, data: Any, covariances: Any
) -> None:
    decoder, z = ep.OptimalDecoder(codes, data, covariances), torch.tensor([0.5, 0.5])
    with pytest.raises(
        OverflowError, match=r"exceed the range of torch\.float32; expected .* a wider precision"
    ):
        decoder(z)
    assert decoder(z.double()).isfinite().all()


@pytest.mark.parametrize("method", ["__call__", "weights", "log_density", "jacobian"])
def test_a_tensor_at_the_end_of_its_range_gives_no_nan(method: str) -> None:
    decoder = ep.OptimalDecoder(CODES, DATA, np.linspace(0.1, 0.3, 5))
    with pytest.raises(OverflowError, match=r"exceed the range of torch\.float32"):
        getattr(decoder, method)(torch.tensor([3e38, 3e38]))


def test_a_log_density_out_of_range_is_an_error() -> None:
    decoder = ep.OptimalDecoder(CODES, DATA, 1.0)
    assert decoder.log_density([1e150, 0.0]) == pytest.approx(-5e299)
    with pytest.raises(OverflowError, match="z: got points where numbers exceed the range of float64"):
        decoder.log_density([1e160, 0.0])
