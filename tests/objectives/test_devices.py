"""Nothing of an objective leaves the device of its arguments: by tensors without numbers, and on a GPU where one is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from elboproof import objectives
from elboproof.objectives.tensors import variance_of

Tensor = torch.Tensor
BATCH, PIXELS, LATENTS = 6, 5, 3


class _Devices(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the device of every tensor that any operation returns."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.seen |= {one.device.type for one in tree_leaves(result) if isinstance(one, Tensor)}
        return result


@contextmanager
def devices_seen() -> Iterator[set[str]]:
    noted = _Devices()
    with noted:
        yield noted.seen


class Given:
    """Arguments on a device; the same numbers on each that has numbers."""

    def __init__(self, device: str, dtype: torch.dtype) -> None:
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(device, dtype)

        self.x, self.mean_x = normal(BATCH, PIXELS), normal(BATCH, PIXELS).requires_grad_()
        self.mean, self.log_variance = normal(BATCH, LATENTS).requires_grad_(), normal(BATCH, LATENTS)
        self.v = normal(PIXELS).square() + 0.5
        self.s = normal(LATENTS).square() + 0.5


OBJECTIVES: dict[str, Callable[[Given], Tensor]] = {
    "elbo": lambda g: objectives.elbo(g.x, g.mean_x, g.mean, g.log_variance, variance=0.3),
    "elbo, a variance for each output": lambda g: objectives.elbo(
        g.x, g.mean_x, g.mean, g.log_variance, variance=g.v
    ),
    "bilbo": lambda g: objectives.bilbo(g.x, g.mean_x, g.mean, posterior_variance=0.4),
    "bilbo, a variance for each latent": lambda g: objectives.bilbo(
        g.x, g.mean_x, g.mean, posterior_variance=g.s, variance=g.v
    ),
    "bilbo_baggins": lambda g: objectives.bilbo_baggins(g.x, g.mean_x, g.mean, g.v),
    "aggregate posterior": lambda g: objectives.aggregate_posterior_log_prob(
        g.mean, g.mean.detach(), g.log_variance / 2
    ),
} | {
    f"baggins, {mode}, {form}": lambda g, mode=mode, form=form: objectives.baggins(
        g.x - g.mean_x, g.v, mode=mode, form=form
    )
    for mode in ("isotropic", "per-dimension")
    for form in ("aggregate", "fixed", "clamp")
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_tensor_is_made_elsewhere(name: str, dtype: torch.dtype) -> None:
    given = Given("meta", dtype)
    with devices_seen() as seen:
        value = OBJECTIVES[name](given)
        value.sum().backward()  # type: ignore[no-untyped-call]
    assert seen == {"meta"}
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    slopes = [one.grad for one in (given.mean_x, given.mean) if one.grad is not None]
    assert slopes
    assert all(slope.dtype == dtype for slope in slopes)


def test_a_tensor_made_elsewhere_is_seen() -> None:
    like = torch.empty(2, 3, device="meta")
    with devices_seen() as seen:
        torch.as_tensor(0.5, dtype=like.dtype) * like.sum()
    assert seen == {"cpu", "meta"}
    assert variance_of(0.5, "variance", like).device == like.device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_values_and_gradients_on_a_gpu_are_those_of_the_cpu(name: str, dtype: torch.dtype) -> None:
    there, here = Given("cuda", dtype), Given("cpu", dtype)
    close = 1e-12 if dtype == torch.float64 else 1e-5
    values = [OBJECTIVES[name](given).sum() for given in (there, here)]
    assert values[0].device.type == "cuda"
    assert torch.allclose(values[0].cpu(), values[1], rtol=close, atol=close)
    for value in values:
        value.backward()  # type: ignore[no-untyped-call]
    for far, near in ((there.mean_x, here.mean_x), (there.mean, here.mean)):
        if near.grad is not None and far.grad is not None:
            assert torch.allclose(far.grad.cpu(), near.grad, rtol=close, atol=close)
