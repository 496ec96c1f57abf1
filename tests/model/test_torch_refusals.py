"""A torch module that computes something else than its layers say is refused by name."""

from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as registry
from torch.nn.utils import parametrizations

import elboproof as ep
from tests.model.torch_modules import Backwards, Exponential, Learned, Sin, three, weighted


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
