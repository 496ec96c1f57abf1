"""Which latents enter linearly: read off the operations, and never claimed of a pair that bends."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import Symbol

import elboproof as ep
from elboproof.model.linearity import dependences, outputs_of
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import JumpError
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape
from elboproof.strategies import NAMES, expressions

SYMBOLS = [Symbol(name, real=True) for name in NAMES]
POINTS = np.random.default_rng(4).normal(size=(3, 8))


def pairs(text: str) -> set[str]:
    """Return the pairs of latents u, v, w that an expression is not known to be linear in, such as {"uv"}."""
    tape = Tape(SYMBOLS)
    (found,) = dependences(tape, [tape.lower(parse(text, dict(zip(NAMES, SYMBOLS, strict=True))))], 3)
    return {NAMES[j] + NAMES[k] for j, mask in enumerate(found.pairs) for k in range(j, 3) if mask >> k & 1}


EXPECTED = {
    "u + 2*v - w/3 + 5": set(),
    "u*v + w": {"uv"},
    "u**2 + v": {"uu"},
    "sin(u)*v": {"uu", "uv"},
    "sin(u + v)": {"uu", "uv", "vv"},
    "u/(v**2 + 1)": {"uv", "vv"},
    "1/(u + 3)": {"uu"},
    "max(u, v)": {"uu", "uv", "vv"},
    "abs(u)*(v + w)": {"uu", "uv", "uw"},
    "(u + v)*(v + w)": {"uv", "uw", "vv", "vw"},
    "2**u": {"uu"},
    "0*u**2 + v": set(),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_pairs(text: str) -> None:
    assert pairs(text) == EXPECTED[text]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_pair_that_is_not_made_has_no_second_derivative(data: st.DataObject) -> None:
    try:
        expression = parse(data.draw(expressions(3)), dict(zip(NAMES, SYMBOLS, strict=True)))
    except ValueError:  # numbers beyond the parser's limits
        return
    tape = Tape(SYMBOLS)
    root = tape.lower(expression)
    (found,) = dependences(tape, [root], 3)
    for j in range(3):
        for k in range(j, 3):
            if found.pairs[j] >> k & 1:
                continue
            try:
                entry = tape.derivative(tape.derivative(root, j), k)
                with np.errstate(all="ignore"):
                    (value,) = compile_tape(tape, [entry], FLOATING)(*POINTS)
            except (JumpError, ValueError):
                assert False, "a kink was called linear"  # noqa: B011, PT015
            assert np.nan_to_num(np.abs(value)).max() == 0.0


def test_polynomials_are_expanded_where_that_helps() -> None:
    one = outputs_of(ep.LatentModel(["y", "z"], ["(y + z)**2 - y**2"], ep.Gaussian(1)))
    assert one is not None
    assert one.pairs == (0b10, 0b11)
    high = outputs_of(ep.LatentModel(["y", "z"], ["(y + z)**12 - y**12"], ep.Gaussian(1)))
    assert high is not None
    assert high.pairs[0] & 1  # beyond the degree that is expanded


def test_slopes_of_an_affine_network_are_its_exact_weights() -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 2)).double()
    outputs = outputs_of(ep.LatentModel.from_torch(network, ep.Gaussian(1)))
    assert outputs is not None
    assert outputs.affine
    weight = (network[1].weight @ network[0].weight).detach().numpy()
    for k in range(2):
        found = [float(outputs.tape.value(entry) or 0) for entry in outputs.slopes(k)]
        assert np.allclose(found, weight[:, k], rtol=1e-14, atol=1e-15)
        derived = [float(outputs.tape.value(outputs.tape.derivative(e, k)) or 0) for e in outputs.entries]
        assert derived == found
