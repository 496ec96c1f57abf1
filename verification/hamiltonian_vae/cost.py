"""S7: what a path costs: gradients on the way forward, curvatures on the way back, counted."""

from typing import Any

from elboproof.checking import Run, Verdict, all_of, control, equal

from . import claim
from .fields import Tensor


class Counter:
    """Counts the gradients of a log joint, and the products of its second derivatives with vectors."""

    def __init__(self) -> None:
        self.gradients = self.products = 0

    def log_joint(self, z: Tensor, scale: Tensor) -> Tensor:
        """Return -scale |z|^4/4 summed over the last axis, with a gradient that counts its calls."""
        found: Tensor = self._value().apply(z, scale)
        return found

    def _value(self) -> Any:
        """Return the log joint, whose backward pass is one gradient."""
        import torch

        slope = self._slope()

        class Value(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, place: Tensor, factor: Tensor) -> Tensor:
                ctx.save_for_backward(place, factor)
                return -(factor * place**4).sum(-1) / 4

            @staticmethod
            def backward(ctx: Any, *grads: Tensor) -> Any:
                return slope.apply(*ctx.saved_tensors, grads[0]), None

        return Value

    def _slope(self) -> Any:
        """Return the gradient, whose backward pass is one product of the second derivatives with a vector."""
        import torch

        counter = self

        class Slope(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, place: Tensor, factor: Tensor, weight: Tensor) -> Tensor:
                counter.gradients += 1
                ctx.save_for_backward(place, factor, weight)
                return -factor * place**3 * weight[..., None]

            @staticmethod
            def backward(ctx: Any, *grads: Tensor) -> Any:
                counter.products += 1
                place, factor, weight = ctx.saved_tensors
                curvature = -3 * factor * place**2 * weight[..., None] * grads[0]
                return curvature, None, -(factor * place**3 * grads[0]).sum(-1)

        return Slope


def counted(steps: int) -> tuple[int, int, int]:
    """Return gradients on the way forward; gradients and products with second derivatives on the way back."""
    import torch

    from elboproof import objectives

    counter = Counter()
    mean = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    log_w, _, _ = objectives.hvae_elbo(
        counter.log_joint, torch.ones(2, 3, dtype=torch.float64), mean, torch.zeros_like(mean), steps=steps,
        step_size=0.1, inverse_temperature=0.8, generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    forward = counter.gradients
    log_w.mean().backward()  # type: ignore[no-untyped-call]
    return forward, counter.gradients - forward, counter.products


STEPS = (1, 2, 5, 10)


@claim.check(
    statement="S7",
    role="confirms",
    method="numeric",
    relation="=",
    states="the library's weights take K + 1 gradients of the log joint, and no determinant: two half kicks share one",
    domain=f"K = {', '.join(map(str, STEPS))}; counted",
    hypotheses="none",
    controls=(
        control("K gradients", more=0),
        control("2 K gradients", refutes=["K = 2", "K = 5", "K = 10"], per_step=2, more=0),
    ),
)
def gradients_forward(run: Run, *, per_step: int = 1, more: int = 1) -> Verdict:  # noqa: ARG001
    """Each gradient is asked for all samples and examples at once."""
    return all_of({f"K = {k}": equal(counted(k)[0], per_step * k + more, 0.0) for k in STEPS})


@claim.check(
    statement="S7",
    role="limits",
    method="numeric",
    relation="=",
    states=(
        "training differentiates the gradients: K + 1 products of second derivatives with vectors on the way back, "
        "and one "
        "more gradient, so that 'only gradients' is said of the way forward"
    ),
    domain=f"K = {', '.join(map(str, STEPS))}; counted",
    hypotheses="none",
    controls=(
        control("no second derivatives", refutes="products*", products=0),
        control("one product for each step", refutes="products*", more=0),
        control("K gradients more", refutes="gradients*", again=10),
    ),
)
def curvatures_backward(run: Run, *, products: int = 1, more: int = 1, again: int = 1) -> Verdict:  # noqa: ARG001
    """The last log joint is differentiated once, each kick a second time."""
    parts = {}
    for steps in STEPS:
        _, gradients, found = counted(steps)
        parts[f"products, K = {steps}"] = equal(found, products * (steps + more), 0.0)
        parts[f"gradients, K = {steps}"] = equal(gradients, again, 0.0)
    return all_of(parts)
