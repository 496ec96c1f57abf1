"""Compiled and scripted modules, losses that change what they are given, and generators of all kinds."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from elboproof.audit import Adapter, UsageError, audit
from tests.audit.small import DRAWS, Small, adapter_of, data, with_methods


def cut() -> Small:
    """Return a model whose deviation has no gradient."""
    return with_methods(sample=lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach())


@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "called before"])
def test_compiled_losses_are_audited_as_they_are_written(warm: bool) -> None:
    calls = []

    def backend(graph: Any, inputs: Any) -> Any:
        calls.append(graph)
        return graph.forward

    for model, failed in ((Small(), ()), (cut(), ("gradient",))):
        loss = torch.compile(model.loss, backend=backend)
        if warm:
            loss(data())
        compiled = len(calls)
        report = audit(Adapter(loss, data(), (model, "encode"), (model, "decode")), draws=DRAWS)
        assert report.failed == failed
        assert report.formula is not None
        assert report.formula.kind == "EXACT"
        assert len(calls) == compiled  # no graph is made for a stub
        if warm:
            loss(data())
            assert len(calls) == compiled  # and those that were made hold


def test_the_wrapper_of_a_compiled_module_is_no_tap_and_its_parts_are() -> None:
    model = Small()
    wrapper: Any = torch.compile(model, backend="eager")
    with pytest.raises(UsageError, match="of a compiled module the original"):
        audit(Adapter(model.loss, data(), (wrapper, "encode"), (wrapper, "decode")))
    model.decoder = torch.compile(model.decoder, backend="eager")  # type: ignore[assignment]
    report = audit(Adapter(model.loss, data(), (model, "encode"), model.decoder), draws=DRAWS)
    assert report.status == "passed"


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_traced_module_is_wrong_use() -> None:
    model = Small()
    jit: Any = torch.jit
    traced = jit.trace_module(model, {"loss": (data(),)}, check_trace=False)
    with pytest.raises(UsageError, match="encode: the tap never fired; expected the very object"):
        audit(Adapter(lambda x: traced.loss(x), data(), (model, "encode"), (model, "decode")))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.int64], ids=str)
def test_data_that_the_loss_changes_in_place_are_kept(kind: torch.dtype) -> None:
    model, x = Small(), (10 * data()).to(kind)
    before, condition = x.clone(), torch.arange(12)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        value = model.loss(x.to(torch.get_default_dtype()))
        x += 1
        y -= 1
        return value  # type: ignore[no-any-return]

    audit(Adapter(loss, (x, condition), (model, "encode"), (model, "decode")), draws=DRAWS)
    assert torch.equal(x, before)
    assert torch.equal(condition, torch.arange(12))


def test_generators_of_all_kinds_and_what_they_are_used_for_are_put_back() -> None:
    model = Small()
    inner, other = np.random.default_rng(3), random.Random(4)  # noqa: S311

    def loss(x: Tensor) -> Any:
        noise = np.random.rand() + inner.random() + random.random() + other.random()  # noqa: NPY002, S311
        return model.loss(x) + 0 * noise

    of_numpy: Any = np.random.get_state
    states = of_numpy()[1].copy(), random.getstate(), torch.get_rng_state()
    own = inner.bit_generator.state, other.getstate()
    report = audit(Adapter(loss, data(), (model, "encode"), (model, "decode")), draws=DRAWS)
    assert report.ok
    assert np.array_equal(of_numpy()[1], states[0])
    assert random.getstate() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    assert (inner.bit_generator.state, other.getstate()) == own


def test_hooks_and_optimisers_are_as_they_were() -> None:
    model = Small()
    seen: list[int] = []
    handle = model.decoder.register_forward_hook(lambda *_: seen.append(1))
    optimiser = torch.optim.Adam(model.parameters())
    model.loss(data()).backward()
    optimiser.step()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    moments = [state["exp_avg"].clone() for state in optimiser.state.values()]
    gradients = [one.grad.clone() for one in model.parameters() if one.grad is not None]
    count = len(seen)
    audit(adapter_of(model), draws=DRAWS)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(
        torch.equal(one["exp_avg"], old) for one, old in zip(optimiser.state.values(), moments, strict=True)
    )
    after = [one.grad for one in model.parameters() if one.grad is not None]
    assert all(torch.equal(one, old) for one, old in zip(after, gradients, strict=True))
    assert list(model.decoder._forward_hooks) == [handle.id]
    assert len(seen) >= count
    model.loss(data()).backward()
    optimiser.step()  # the very parameters that the optimiser knows
