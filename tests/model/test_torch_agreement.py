"""A torch module is read as what it computes: right values of modules used twice, and refusals of all that differs."""

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn
from torch.nn.modules import module as registry
from torch.nn.utils import parametrizations, parametrize

import elboproof as ep

VARIANCE = 0.25
QUADRATURE = 1e-8
"""Error of SciPy's quad of the torch module on the line, and of 8 certified digits; quad states less than 2e-9."""


class Sin(nn.Module):
    """The sine, or something else under its name."""

    def __init__(self, function: Callable[[torch.Tensor], Any] = torch.sin) -> None:
        super().__init__()
        self.function = function

    def forward(self, t: torch.Tensor) -> Any:
        return self.function(t)


class Learned(nn.Module):
    """A sine with a frequency for each of four units."""

    def __init__(self, *frequencies: float) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.tensor(frequencies))

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.frequencies * t)


Learned.__name__ = "Sin"


class Named(nn.Sequential):
    """A Sequential under another name, which computes the same."""


class Exponential(nn.Sequential):
    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        return torch.exp(super().__call__(t))


class Backwards(nn.Sequential):
    def __iter__(self) -> Any:
        return iter(list(self._modules.values())[::-1])


def three(middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, 4), middle, nn.Linear(4, 1))


def by_quadrature(module: nn.Module, x: float) -> float:
    """Return log p(x) from the module's own float64 output alone."""

    def density(z: float) -> float:
        with torch.no_grad():
            f = module(torch.tensor([[z]], dtype=torch.float64)).item()
        return float(np.exp(-((x - f) ** 2) / (2 * VARIANCE) - z**2 / 2) / (2 * np.pi * np.sqrt(VARIANCE)))

    value, error = quad(density, -12, 12, epsabs=1e-13, epsrel=1e-11, limit=400)
    assert error < 2e-9
    return float(np.log(value))


def repeated_activation() -> nn.Sequential:
    act = nn.Tanh()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(1, 8), act, nn.Linear(8, 8), act, nn.Linear(8, 1)).double()


def weighted(linear: nn.Linear, weight: list[list[float]], bias: list[float]) -> nn.Linear:
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight, dtype=torch.float64))
        linear.bias.copy_(torch.tensor(bias, dtype=torch.float64))
    return linear.double()


def tied() -> nn.Sequential:
    first = weighted(nn.Linear(1, 2), [[1.5], [-0.75]], [0.25, 0.5])
    twice = weighted(nn.Linear(2, 2), [[1.25, -2.0], [0.5, 1.75]], [0.5, -0.25])
    last = weighted(nn.Linear(2, 1), [[1.5, 2.0]], [-0.5])
    return nn.Sequential(first, nn.Tanh(), twice, nn.SiLU(), twice, nn.Sigmoid(), last)


def repeated_block() -> nn.Sequential:
    block = nn.Sequential(weighted(nn.Linear(1, 1), [[1.5]], [0.5]), nn.Sequential(nn.Tanh()))
    return nn.Sequential(block, block, block, block[0])


REPEATED: dict[str, tuple[Callable[[], nn.Sequential], str, float]] = {
    "activation": (repeated_activation, "1-8, tanh, 8-8, tanh, 8-1", -0.287500),
    "linear": (tied, "1-2, tanh, 2-2, silu, 2-2, sigmoid, 2-1", -2.963066),
    "block": (repeated_block, "1-1, tanh, 1-1, tanh, 1-1, tanh, 1-1", -1.817901),
}
"""Modules, what is read, and log p(x = 0.2) in nats to six decimals by SciPy's quad."""


@pytest.mark.parametrize("name", REPEATED)
def test_a_module_used_twice_is_two_layers(name: str) -> None:
    make, layers, value = REPEATED[name]
    module = make()
    model = ep.LatentModel.from_torch(module, ep.Gaussian(VARIANCE))
    assert repr(model.network) == f"Network({layers})"
    evidence = ep.log_evidence(model, [0.2], digits=8)
    independent = by_quadrature(module, 0.2)
    assert evidence.lower - QUADRATURE <= independent <= evidence.upper + QUADRATURE
    assert abs(independent - value) < 1e-6
    once = nn.Sequential(*dict.fromkeys(module)) if name != "block" else module[0]  # what was read before
    assert abs(by_quadrature(once, 0.2) - value) > 1e-2


def instance_forward() -> nn.Module:
    module = three(nn.Tanh())
    forward: Any = nn.Sequential.forward
    module.forward = MethodType(lambda s, t: torch.sigmoid(forward(s, t)), module)  # type: ignore[method-assign]
    return module


def layer_forward() -> nn.Module:
    module = three(nn.Tanh())
    linear: Any = module[2]
    linear.forward = lambda h: 2 * nn.functional.linear(h, linear.weight, linear.bias)
    return module


def call_replaced() -> nn.Module:
    module = three(nn.Tanh())
    module[1]._call_impl = torch.sigmoid  # type: ignore[method-assign]
    return module


def hooked(register: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        module = three(nn.Tanh())
        getattr(module[1], register)(lambda *_: None)
        return module

    return make


def looped() -> nn.Module:
    module = three(nn.Tanh())
    module.append(module)
    return module


def emptied() -> nn.Module:
    module = three(nn.Tanh())
    children: dict[str, Any] = module._modules
    children["1"] = None
    return module


def with_weight(value: Any, name: str = "weight") -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        linear = nn.Linear(2, 2)
        delattr(linear, name)
        setattr(linear, name, value)
        return nn.Sequential(linear)

    return make


class Wrapped(torch.Tensor):
    """A tensor that may compute as it likes."""


def _refuse(*_: object) -> None:
    raise RuntimeError("not this one")


def uncopied() -> nn.Module:
    sine = Sin()
    sine.open = (n for n in range(3))  # type: ignore[assignment]  # a generator cannot be copied
    return three(sine)


OTHER = "expected the function sin of each unit"
REFUSED: dict[str, tuple[Callable[[], nn.Module], type[Exception], str]] = {
    "omega_0": (
        lambda: three(Sin(lambda t: torch.sin(30 * t))),
        ValueError,
        rf"module\.1 \(Sin\): got .* in unit \d for .*, where what was read gives .*; {OTHER}",
    ),
    "almost the sine": (lambda: three(Sin(lambda t: torch.sin(t) + 1e-9)), ValueError, OTHER),
    "a sine near 0": (
        lambda: three(Sin(lambda t: torch.where(t.abs() > 500, 0, torch.sin(t)))),
        ValueError,
        OTHER,
    ),
    "a sine near 0, small weights": (
        lambda: nn.Sequential(
            weighted(nn.Linear(1, 1), [[1e-6]], [0.0]),
            Sin(lambda t: torch.where(t.abs() > 500, 0, torch.sin(t))),
        ),
        ValueError,
        OTHER,
    ),
    "the last unit differs far away": (
        lambda: nn.Sequential(
            weighted(nn.Linear(1, 4), [[1e-6]] * 4, [0.0] * 4),
            Sin(lambda t: torch.where((t.abs() > 500) & (torch.arange(4) == 3), 0, torch.sin(t))),
        ),
        ValueError,
        r"module\.1 \(Sin\): got 0 in unit 3",
    ),
    "overflow": (
        lambda: nn.Sequential(
            weighted(nn.Linear(1, 1).double(), [[1e308]], [1e308]),
            weighted(nn.Linear(1, 1).double(), [[1e308]], [0.0]),
        ),
        ValueError,
        r"module\.1 \(Linear\): got overflow in float64 at every point; expected finite values",
    ),
    "the lowest terms": (lambda: three(Sin(lambda t: t - t**3 / 6)), ValueError, OTHER),
    "one unit differs": (
        lambda: three(Learned(1.0, 1.0, 1.0, 2.0)),
        ValueError,
        r"module\.1 \(Sin\): got .* unit 3",
    ),
    "noise": (lambda: three(Sin(lambda t: torch.sin(t) + 0.1 * torch.randn_like(t))), ValueError, OTHER),
    "float32 inside": (lambda: three(Sin(lambda t: torch.sin(t.float()))), ValueError, OTHER),
    "nan": (lambda: three(Sin(lambda t: torch.sin(t) * np.nan)), ValueError, "got nan"),
    "another shape": (
        lambda: three(Sin(lambda t: torch.sin(t)[:, :2])),
        ValueError,
        "shape .*, 2.*; expected",
    ),
    "a vector": (
        lambda: three(Sin(lambda t: torch.sin(t).sum(1))),
        ValueError,
        r"\(Sin\): got \(32,\) for inputs",
    ),
    "no tensor": (lambda: three(Sin(lambda t: t.tolist())), ValueError, r"\(Sin\): got list for inputs"),
    "an error": (lambda: three(Sin(_refuse)), ValueError, r"\(Sin\): got an error .*not this one"),
    "no copy": (uncopied, TypeError, "module: got a Sequential that cannot be copied"),
    "instance forward": (
        instance_forward,
        TypeError,
        r"module \(Sequential\): got an object whose forward was replaced",
    ),
    "layer forward": (
        layer_forward,
        TypeError,
        r"module\.2 \(Linear\): got an object whose forward was replaced",
    ),
    "call of a layer": (
        call_replaced,
        TypeError,
        r"module\.1 \(Tanh\): got an object whose _call_impl was replaced",
    ),
    "subclass call": (lambda: Exponential(*three(nn.Tanh())), TypeError, r"module \(Exponential\): got"),
    "subclass order": (
        lambda: Backwards(nn.Linear(2, 2), nn.Tanh()),
        TypeError,
        r"module \(Backwards\): got",
    ),
    "forward hook": (
        hooked("register_forward_hook"),
        TypeError,
        r"module\.1 \(Tanh\): got a layer with hooks",
    ),
    "pre hook": (
        hooked("register_forward_pre_hook"),
        TypeError,
        r"module\.1 \(Tanh\): got a layer with hooks",
    ),
    "spectral norm": (
        lambda: three(parametrizations.spectral_norm(nn.Linear(4, 4))),
        TypeError,
        r"module\.1 \(ParametrizedLinear\): got .*parametrizations.*; expected plain weights.*remove_parametrizations",
    ),
    "threshold": (
        lambda: three(nn.Softplus(threshold=0.5)),
        TypeError,
        r"module\.1 \(Softplus\): got threshold=0\.5",
    ),
    "elu": (
        lambda: three(nn.ELU(float("nan"))),
        ValueError,
        "elu: got nan; expected a finite number",
    ),
    "selu": (
        lambda: three(nn.SELU()),
        TypeError,
        r"module\.1 \(SELU\): got SELU\(\); expected one of",
    ),
    "hard swish": (lambda: three(nn.Hardswish()), TypeError, r"module\.1 \(Hardswish\)"),
    "batch norm": (
        lambda: three(nn.BatchNorm1d(5)).eval(),
        ValueError,
        r"module\.1 \(BatchNorm1d\): got 5 inputs",
    ),
    "list": (
        lambda: three(nn.ModuleList([nn.Tanh()])),
        TypeError,
        r"module\.1 \(ModuleList\): got .*expected one of",
    ),
    "contains itself": (looped, ValueError, r"module\.3 \(Sequential\): got a module that contains itself"),
    "nothing there": (emptied, TypeError, r"module\.1: got None"),
    "no weight": (with_weight(None), TypeError, "weight: got None .*expected a plain torch tensor"),
    "flat weight": (
        with_weight(torch.ones(2)),
        TypeError,
        r"weight: got torch\.float32 of shape \(2,\).*with 2 axes",
    ),
    "sparse weight": (with_weight(torch.eye(2).to_sparse()), TypeError, "sparse_coo; expected real"),
    "integer weight": (with_weight(torch.eye(2, dtype=torch.int64)), TypeError, r"weight: got torch\.int64"),
    "meta weight": (lambda: nn.Linear(2, 2, device="meta"), TypeError, "weight: got .* on meta"),
    "tensor subclass": (
        with_weight(torch.eye(2).as_subclass(Wrapped)),
        TypeError,
        r"(?s)module\.0 \(Linear\)\.weight: got Wrapped.*expected a plain torch tensor",
    ),
    "bias of one": (
        with_weight(nn.Parameter(torch.ones(1)), "bias"),
        ValueError,
        r"bias: got \(1,\); expected shape \(2,\)",
    ),
    "bias inf": (
        with_weight(nn.Parameter(torch.tensor([0, np.inf])), "bias"),
        ValueError,
        r"bias: got inf at \[1\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_differs_is_refused_by_name(name: str) -> None:
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        ep.LatentModel.from_torch(make(), ep.Gaussian(1))


@pytest.mark.parametrize(
    ("register", "hook"),
    [
        ("register_module_forward_hook", lambda m, _, out: 2 * out if isinstance(m, nn.Tanh) else None),
        (
            "register_module_forward_pre_hook",
            lambda m, given: (2 * given[0],) if isinstance(m, nn.Tanh) else None,
        ),
    ],
)
def test_global_hooks_are_refused(register: str, hook: Callable[..., object]) -> None:
    handle = getattr(registry, register)(hook)
    try:
        with pytest.raises(TypeError, match=r"module: got global forward hooks of torch.*; expected none"):
            ep.LatentModel.from_torch(three(nn.Tanh()), ep.Gaussian(1))
    finally:
        handle.remove()
    ep.LatentModel.from_torch(three(nn.Tanh()), ep.Gaussian(1))


PATCHED: dict[str, tuple[type[nn.Module], Callable[..., object], str]] = {
    "activation": (
        nn.Tanh,
        lambda _, t: torch.tanh(2 * t),
        r"module\.1 \(Tanh\): .*expected the function tanh",
    ),
    "far away only": (
        nn.Tanh,
        lambda _, t: torch.tanh(t) - (t > 30) * 1e-6,
        r"module\.1 \(Tanh\): .*for \d\d",
    ),
    "linear": (
        nn.Linear,
        lambda s, t: nn.functional.linear(t, s.weight),
        r"module\.0 \(Linear\): .*expected W h \+ b",
    ),
    "identity": (nn.Identity, lambda _, t: -t, r"module\.3 \(Identity\): .*expected the identity"),
    "whole": (
        nn.Sequential,
        lambda s, t: 1.001 * s[3](s[2](s[1](s[0](t)))),
        r"module \(Sequential\): .*expected its layers one after the other",
    ),
}


@pytest.mark.parametrize("name", PATCHED)
def test_a_class_of_torch_that_was_changed_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, forward, message = PATCHED[name]
    module = nn.Sequential(*three(nn.Tanh()), nn.Identity())
    ep.LatentModel.from_torch(module, ep.Gaussian(1))
    monkeypatch.setattr(kind, "forward", forward)
    with pytest.raises(ValueError, match=message):
        ep.LatentModel.from_torch(module, ep.Gaussian(1))


def with_backward_hook() -> nn.Module:
    module = three(nn.Tanh())
    module.register_full_backward_hook(lambda *_: None)
    return module


def normed_and_plain_again() -> nn.Module:
    linear = parametrizations.weight_norm(nn.Linear(1, 4))
    parametrize.remove_parametrizations(linear, "weight")
    return nn.Sequential(linear, nn.Tanh())


def unusual_weights() -> nn.Module:
    turned, repeated, negative = (nn.Linear(2, 2, dtype=torch.float64) for _ in range(3))
    turned.weight = nn.Parameter(torch.arange(4.0, dtype=torch.float64).reshape(2, 2).T)
    repeated.weight = nn.Parameter(torch.tensor([[1.0], [2.0]], dtype=torch.float64).expand(2, 2))
    negative.weight = nn.Parameter((torch.eye(2) + 0.5j).to(torch.complex128).conj().imag)
    return nn.Sequential(turned, repeated, negative)


TAKEN: dict[str, Callable[[], nn.Module]] = {
    "frequency 1": lambda: three(Learned(1.0, 1.0, 1.0, 1.0)),
    "in place": lambda: nn.Sequential(
        nn.ReLU(inplace=True), nn.Linear(1, 4), nn.SiLU(inplace=True), Sin(torch.sin_)
    ),
    "other name": lambda: Named(nn.Linear(1, 4), nn.Tanh()),
    "empty parts": lambda: three(nn.Sequential(nn.Sequential(), nn.Identity())),
    "dropout of 0": lambda: three(nn.Dropout(0.0)),
    "backward hook": with_backward_hook,
    "norm removed": normed_and_plain_again,
    "float16": lambda: three(nn.GELU()).half(),
    "bfloat16": lambda: three(nn.Softplus()).bfloat16(),
    "float64": lambda: three(nn.Sigmoid()).double(),
    "no bias": lambda: nn.Sequential(nn.Linear(1, 3, bias=False), nn.Tanh()),
    "views": unusual_weights,
    "frozen": lambda: three(nn.Tanh()).requires_grad_(False),
}


def global_state() -> Any:
    """Return the state of NumPy's global generator."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].copy()


@pytest.mark.parametrize("name", TAKEN)
def test_what_agrees_is_taken_and_left_as_it_was(name: str) -> None:
    module = TAKEN[name]()
    before = copy.deepcopy(module.state_dict())
    modes = [(part.training, type(part)) for part in module.modules()]
    state = torch.get_rng_state(), global_state()
    model = ep.LatentModel.from_torch(module, ep.Gaussian(1))
    assert torch.equal(state[0], torch.get_rng_state())
    assert np.array_equal(state[1], global_state())
    assert modes == [(part.training, type(part)) for part in module.modules()]
    after = module.state_dict()
    assert list(after) == list(before)
    for key, value in before.items():
        assert after[key].dtype == value.dtype
        assert torch.equal(after[key], value)
    assert all(parameter.grad is None for parameter in module.parameters())
    z = np.linspace(-3, 3, 14).reshape(-1, model.latent_dim)
    with torch.no_grad():
        values = copy.deepcopy(module).double()(torch.tensor(z)).numpy()
    assert np.allclose(model.floating.decoder(z), values, rtol=1e-12, atol=1e-12)


def test_noise_in_a_refused_module_leaves_the_random_numbers() -> None:
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=OTHER):
        ep.LatentModel.from_torch(REFUSED["noise"][0](), ep.Gaussian(1))
    assert not torch.equal(state, torch.get_rng_state())  # the weights were drawn here
    module = REFUSED["noise"][0]()
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=OTHER):
        ep.LatentModel.from_torch(module, ep.Gaussian(1))
    assert torch.equal(state, torch.get_rng_state())


def test_reading_under_autocast_compares_in_float64() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model = ep.LatentModel.from_torch(tied(), ep.Gaussian(1))
    assert model.floating.decoder([0.5])[0] == pytest.approx(
        tied()(torch.tensor([[0.5]]).double()).item(), abs=1e-12
    )


def test_a_softplus_is_the_smooth_one_and_torch_is_2e_9_off_beyond_20() -> None:
    module = weighted(nn.Linear(1, 1), [[1.0]], [0.0])
    model = ep.LatentModel.from_torch(nn.Sequential(module, nn.Softplus()), ep.Gaussian(1))
    ours = model.balls.decoder(["20.001"])[0]
    difference = float(ours) - nn.Softplus()(torch.tensor(20.001, dtype=torch.float64)).item()
    assert 1e-9 < difference < 2.1e-9
