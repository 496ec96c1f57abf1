"""STATE, MODE and BATCH: whether the number is a function of the data, the weights and the seed alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from elboproof.audit.learning import encoder_moves, real_means
from elboproof.audit.reach import modules_of
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session
from elboproof.audit.state import snapshot

Tensor = torch.Tensor


def check_state(session: Session) -> Result:
    """Call the loss twice with the same data, weights and seed; a state is put back from then on."""
    design = session.designer.design("state", session.designer.batches[0])
    back = snapshot(session.objects)
    before = _attributes(session.objects)
    values = [session.bench.call(design, session.seed(0)).loss.detach() for _ in range(3)]
    if not all(bool(one.isfinite().all()) for one in values):
        words = "the loss is not finite on designs of any mean and s: nothing can be told from its value"
        return result("state", "unknown", words, n=3)
    moved = _largest(values)
    if moved <= session.close:
        return result(
            "state", "ok", "the same seed gives the same number", found=moved, limit=session.close, n=3
        )
    changed = sorted(_changed(before, _attributes(session.objects)))
    back()
    session.bench.restore = snapshot(session.objects)
    again = _largest([session.bench.call(design, session.seed(0)).loss.detach() for _ in range(3)])
    where = f" ({', '.join(changed[:3])} changes)" if changed else ""
    words = f"the value moves from call to call at the same data, weights and seed{where}"
    if again <= session.close:
        sentence = f"{words}; it is put back before each call of this audit"
        return result("state", "note", sentence, found=moved, limit=session.close, n=6)
    sentence = (
        f"{words}, and putting back all that was found does not help: nothing else can be told from its value"
    )
    return result("state", "unknown", sentence, found=again, limit=session.close, n=6)


def _largest(values: list[Tensor]) -> float:
    size = 1 + max(float(one.abs().max()) for one in values)
    return max(float((one - values[0]).abs().max()) for one in values) / size


def _attributes(objects: list[Any]) -> dict[str, Any]:
    found = {}
    for one in [*objects, *modules_of(objects)]:
        for name, value in getattr(one, "__dict__", {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[f"{type(one).__name__}.{name}"] = value
    return found


def _changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    return (name for name, value in after.items() if before.get(name) != value)


def check_mode(session: Session) -> Result:
    """Look whether z is still drawn after ``eval()``: what is reported in validation uses it."""
    modules = modules_of(session.objects)
    if not modules:
        return result("mode", "note", "no module was found, so that there is no eval()")
    drawn = _draws(session)
    with _evaluating(modules):
        in_eval = _draws(session)
    if drawn and not in_eval:
        sentence = "eval(): z = mean; what you report in validation is no estimate of the ELBO"
        return result(
            "mode", "fails", sentence, n=4, hints=("M12: a condition on self.training around the noise",)
        )
    words = "z is drawn in train() and in eval()" if drawn else "z is not drawn in train() either"
    return result("mode", "ok" if drawn else "note", words, n=4)


def _draws(session: Session) -> bool:
    design = session.designer.design("mode", session.designer.batches[0])
    z = [session.bench.call(design, session.seed(n)).z.detach() for n in (1, 2)]
    return not torch.equal(*z)


@contextmanager
def _evaluating(modules: list[torch.nn.Module]) -> Iterator[None]:
    flags = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag


def check_batch(session: Session) -> Result:
    """Compare the real encoder's mean of a datum among others and among few."""
    limit = 1e-4 if session.bench.dtype == torch.float32 else 1e-8
    trained = real_means(session.adapter, session.bench.dtype)
    apart = float((trained[0] - trained[1]).abs().max())
    with _evaluating(modules_of(session.objects)):
        means = real_means(session.adapter, session.bench.dtype)
        in_eval = float((means[0] - means[1]).abs().max())
        moves = in_eval > limit and encoder_moves(session.adapter, session.bench.dtype)
    if moves:
        sentence = (
            "eval(): what the encoder says of a datum changes from call to call: whether it depends on the others in "
            "its batch cannot be told"
        )
        return result("batch", "unknown", sentence, found=in_eval, limit=limit, n=6)
    if in_eval > limit:
        sentence = "eval(): what the encoder says of a datum depends on the others in its batch"
        hints = ("unknown: statistics of the batch where running ones are meant",)
        return result("batch", "fails", sentence, found=in_eval, limit=limit, n=4, hints=hints)
    if apart > limit:
        sentence = (
            f"train(): what the encoder says of a datum depends on its batch (by {apart:.2g}: batch norm?)"
        )
        return result("batch", "note", sentence, found=apart, limit=limit, n=4)
    return result(
        "batch", "ok", "the encoder treats each datum alone", found=max(apart, in_eval), limit=limit, n=4
    )
