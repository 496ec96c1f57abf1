"""A decoder of probabilities as one of logits: the sigmoid that it ends with is taken away, for proofs to read it."""

import torch
from torch import fx, nn

SIGMOIDS = (torch.sigmoid, torch.special.expit, nn.functional.sigmoid)


class Logits(nn.Module):
    """A recorded graph as a module with a forward of its own, which models can record once more."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__()
        self.traced = traced

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        found: torch.Tensor = fx.Interpreter(self.traced).run(z)
        return found


def without_sigmoid(module: nn.Module) -> nn.Module | None:
    """Return a module that computes the logits of another, None if it does not end with a sigmoid.

    What follows the sigmoid may only keep or flatten its numbers. The caller compares both at some points.
    """
    try:
        traced = fx.symbolic_trace(module)
    except Exception:  # noqa: BLE001  (a user's code that cannot be traced is called as it is)
        return None
    last = _sigmoid(traced)
    if last is None:
        return None
    last.replace_all_uses_with(last.args[0])  # type: ignore[arg-type]
    traced.graph.erase_node(last)
    traced.recompile()
    return Logits(traced)


def _sigmoid(traced: fx.GraphModule) -> fx.Node | None:
    (output,) = (node for node in traced.graph.nodes if node.op == "output")
    node = output.args[0]
    while isinstance(node, fx.Node) and len(node.users) == 1:
        part = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
        method = node.target if node.op == "call_method" else None
        if node.target in SIGMOIDS or method == "sigmoid" or isinstance(part, nn.Sigmoid):
            return node
        if not isinstance(part, nn.Identity | nn.Flatten) and method != "flatten":
            return None
        node = node.args[0]
    return None
