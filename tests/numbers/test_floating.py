"""NumPy and torch: accurate where textbook forms are not, types kept, constants the nearest double."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING, TENSORS
from elboproof.numbers.nearest import nearest_doubles
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape
from tests.numbers.agreement import compiled, symbols

# relative; NumPy's, SciPy's and torch's functions were seen to err by at most 2.8 * 2**-53
ACCURACY = 4 * 2.0**-53
HARD = [("softplus(u)", t) for t in (-700.0, -30.0, 30.0, 700.0)]
HARD += [
    ("expm1(u)", 1e-12),
    ("log1p(u)", 1e-12),
    ("sigmoid(u)", -700.0),
    ("sigmoid(u)", 700.0),
    ("tanh(u)", 1e-12),
]


@pytest.mark.parametrize(("text", "at"), HARD)
def test_functions_are_accurate_at_hard_points(text: str, at: float) -> None:
    with working_precision(2000):
        truth = float(compiled(text, 1, REAL_BALLS)(arb(at))[0].mid())
    array = float(compiled(text, 1, FLOATING)(np.float64(at))[0])
    tensor = float(compiled(text, 1, TENSORS)(torch.tensor(at, dtype=torch.float64))[0])
    assert abs(array / truth - 1) <= ACCURACY
    assert abs(tensor / truth - 1) <= ACCURACY


def test_textbook_softplus_is_the_neighbour_that_fails() -> None:
    truth = np.exp(-30.0)
    assert abs(np.log(1 + np.exp(-30.0)) / truth - 1) > ACCURACY
    assert (
        abs(float(torch.nn.functional.softplus(torch.tensor(30.0, dtype=torch.float64))) - 30.0) < truth / 2
    )


@given(st.fractions(max_denominator=10**6))
def test_constant_is_the_nearest_double(value: Fraction) -> None:
    tape = Tape(())
    (double,) = nearest_doubles(tape, [tape.constant(value)])
    assert double == float(value)  # which Python rounds correctly


HIDDEN = {
    "cos(1)**2 + sin(1)**2 - 1": 0.0,  # zero, which no precision can tell from a small number
    "exp(1000)/exp(999) - exp(1)": 0.0,
    "1 - (1 - 1e-400)": 0.0,
    "(1 + 1e-300) - 1": 1e-300,
    "sin(exp(exp(6)))": -0.408726806409391895,  # 256 bits are too few for an argument of 582 bits
}


@pytest.mark.parametrize("text", HIDDEN)
def test_constant_is_sharp_whatever_it_cancels(text: str) -> None:
    tape = Tape(())
    assert nearest_doubles(tape, [tape.lower(parse(text, {}))]) == [
        pytest.approx(HIDDEN[text], rel=1e-15, abs=0)
    ]


@pytest.mark.parametrize("text", ["exp(1000)", "1e400", "sqrt(1 - pi)", "1/(cos(1)**2 + sin(1)**2 - 1)"])
def test_constant_without_a_double_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression: got a constant .*in the range of float64"):
        compiled(f"{text} + u", 1, FLOATING)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_keeps_the_type(dtype: torch.dtype) -> None:
    for text in ("u/3 + pi", "max(u, 1/3)", "softplus(u)", "(u**2 + 1)**(1/3)", "relu(u) + gelu(u)", "3**u"):
        value = compiled(text, 1, TENSORS)(torch.tensor([0.5, 2.0], dtype=dtype))[0]
        assert value.dtype == dtype, text


@pytest.mark.parametrize(
    "text", ["tanh(u) + softplus(3*u)", "erf(u)*sigmoid(u)", "gelu(u) + silu(u)", "asinh(u)**3"]
)
def test_torch_gradients_are_right(text: str) -> None:
    function = compiled(text, 1, TENSORS)
    points = torch.linspace(-2, 2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u: function(u)[0], (points,))
    tape = Tape(tuple(symbols(1).values()))
    slope = compile_tape(tape, [tape.derivative(tape.lower(parse(text, symbols(1))), 0)], TENSORS)
    (gradient,) = torch.autograd.grad(function(points)[0].sum(), points)
    torch.testing.assert_close(gradient, slope(points.detach())[0], rtol=1e-13, atol=1e-14)
    assert not torch.allclose(gradient, slope(points.detach() + 1e-3)[0], rtol=1e-13, atol=1e-14)
