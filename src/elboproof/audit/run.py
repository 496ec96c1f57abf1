"""One audit: what is learnt first, the checks in their order, and everything put back."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from elboproof.arguments import bad, require_count, wrong_type
from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import Bench
from elboproof.audit.containers import tensors_of
from elboproof.audit.designs import Designer
from elboproof.audit.evidence import check_evidence
from elboproof.audit.extremes import check_extremes
from elboproof.audit.formulas import check_formula
from elboproof.audit.gradient import check_gradient
from elboproof.audit.heads import learnt
from elboproof.audit.learning import UnfitError, is_pair
from elboproof.audit.noise import check_noise
from elboproof.audit.place import place_of
from elboproof.audit.reach import modules_of, reachable
from elboproof.audit.report import Report
from elboproof.audit.reporting import check_report
from elboproof.audit.result import Result, result
from elboproof.audit.samples_words import check_samples
from elboproof.audit.session import Session
from elboproof.audit.state import as_written, generators_of, in_double, kept_generators, snapshot
from elboproof.audit.stateful import check_batch, check_mode, check_state
from elboproof.audit.traces import trace_of
from elboproof.checking.budget import FALSE_ALARM_RATE
from elboproof.checking.collect import UsageError

CHECKS: dict[str, Callable[[Session], Result]] = {
    "batch": check_batch,
    "state": check_state,
    "mode": check_mode,
    "formula": check_formula,
    "samples": check_samples,
    "noise": check_noise,
    "gradient": check_gradient,
    "extremes": check_extremes,
    "evidence": check_evidence,
    "report": check_report,
}
"""In the order in which they run: later ones use what earlier ones found."""
REAL, LAST = ("batch",), ("report",)
"""Those that call the user's own networks, before and after the others, for which stubs stand in their place."""
CLOSE = {torch.float64: 1e-8, torch.float32: 1e-5}


def audit(
    adapter: Adapter,
    *,
    seed: int = 0,
    alpha: float = FALSE_ALARM_RATE,
    draws: int = 700,
    checks: Sequence[str] | None = None,
) -> Report:
    """Say what the number is that an adapter's loss returns; the model is bitwise what it was afterwards.

    Parameters
    ----------
    adapter
        Loss, data and taps.
    seed
        Of all that is drawn.
    alpha
        Probability that anything true is refuted.
    draws
        Calls of the statistical check of the noise.
    checks
        Names of those to report; all if not given. What they need runs too.

    Returns
    -------
    Report
        The formula of the loss, one result for each check, and the places to look at; printed, it is one screen.

    Raises
    ------
    UsageError
        If a tap never fires or an output cannot be read; the user's own errors are results, "could not run".
    TypeError, ValueError
        If an argument is no such thing.

    Examples
    --------
    >>> import torch
    >>> from elboproof import audit
    >>> class VAE(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder, self.decoder = torch.nn.Linear(3, 2), torch.nn.Linear(1, 3)
    ...     def loss(self, x):
    ...         mean, log_variance = self.encoder(x).chunk(2, dim=-1)
    ...         z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
    ...         kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum()
    ...         return ((x - self.decoder(z)) ** 2).sum() / 2 + kl
    >>> model = VAE()
    >>> report = audit.audit(audit.Adapter(model.loss, torch.randn(8, 3), model.encoder, model.decoder))
    >>> report.formula.kind, report.formula.likelihood, report.formula.divergence
    ('UP TO A CONSTANT', 'Gaussian', 'closed form')
    """
    _require(adapter, seed, alpha, draws, checks)
    began = time.perf_counter()
    objects = reachable(roots_of(adapter))
    with kept_generators(), as_written():
        back = snapshot(objects)
        try:
            session, results = _run(adapter, objects, seed, alpha, draws, back, _needed(checks))
        finally:
            back()
    wanted = tuple(one for one in results if checks is None or one.id in checks)
    sizes = _sizes(session)
    formula = session.formula if session else None
    seconds = time.perf_counter() - began
    place = place_of(adapter.loss)
    return Report(adapter.name, adapter.claim, wanted, formula, sizes, alpha, seed, seconds, place)


def _require(adapter: object, seed: object, alpha: object, draws: object, checks: Any) -> None:
    if not isinstance(adapter, Adapter):
        raise wrong_type("adapter", adapter, "an audit.Adapter")
    require_count("seed", seed, 0)
    if not isinstance(alpha, float) or not 0.0 < alpha < 1.0:
        raise bad("alpha", alpha, "a probability strictly between 0 and 1")
    require_count("draws", draws, 10)
    for one in checks or ():
        if one not in CHECKS:
            raise bad("checks", one, f"names among {', '.join(CHECKS)}")


def roots_of(adapter: Adapter) -> list[Any]:
    """Return what an adapter's loss and taps begin with."""
    roots = [adapter.loss, *adapter.skip]
    roots += [] if adapter.report is None else [adapter.report.function]
    for tap in (adapter.encode, adapter.decode):
        roots += [tap] if isinstance(tap, torch.nn.Module) else list(tap) if is_pair(tap) else [tap[0]]
    return roots


def _sizes(session: Session | None) -> dict[str, Any]:
    if session is None:
        return {}
    shapes = session.bench.shapes
    heads = {"heads": list(session.heads)} if session.heads else {}
    return heads | {
        "D": shapes.data,
        "d": shapes.latents,
        "K": shapes.samples,
        "support": session.designer.support,
        "ranges": list(shapes.ranges),
        "dtype": str(session.bench.dtype).removeprefix("torch."),
    }


def _run(
    adapter: Adapter,
    objects: list[Any],
    seed: int,
    alpha: float,
    draws: int,
    back: Callable[[], None],
    needed: Sequence[str],
) -> tuple[Session | None, list[Result]]:
    """Run in float64, and where the user's code insists on float32 in that."""
    try:
        with in_double(modules_of(objects)):
            session = session_of(adapter, objects, seed, alpha, draws, torch.float64)
            return session, _checked(session, needed)
    except RetryError:
        back()
    except UnfitError as error:
        return None, [result("formula", "unknown", str(error))]
    try:
        session = session_of(adapter, objects, seed, alpha, draws, torch.float32)
    except RetryError as error:
        return None, [_broken("formula", error.cause)]
    return session, _checked(session, needed)


class RetryError(Exception):
    """The user's code raised an error before anything was decided."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def session_of(
    adapter: Adapter, objects: list[Any], seed: int, alpha: float, draws: int, dtype: torch.dtype
) -> Session:
    """Return the session of an audit: what is learnt before the checks.

    Raises
    ------
    RetryError
        If the user's code raises an error.
    UsageError, UnfitError
        If the taps cannot be used.
    """
    try:
        adapter, shapes, heads = learnt(adapter, dtype)
        widths = tuple(_width(one, shapes.lead) for one in _outputs(adapter, shapes.template_x))
        designer = Designer(shapes, adapter.support, seed, dtype, widths)
        bench = Bench(adapter, shapes, dtype, generators=generators_of(objects))
        session = Session(adapter, bench, designer, CLOSE[dtype], alpha, draws, objects, heads)
        with bench.installed():
            session.find_sampler()
    except (UsageError, UnfitError):
        raise
    except (Exception, SystemExit) as error:
        raise RetryError(error) from error
    return session


def _outputs(adapter: Adapter, template: Any) -> tuple[torch.Tensor, ...]:
    found = adapter.read_x(template) if adapter.read_x else tensors_of(template)
    return (found,) if isinstance(found, torch.Tensor) else tuple(found)


def _width(output: torch.Tensor, lead: tuple[int, ...]) -> int:
    import math

    rows = math.prod(lead)
    return (
        output.numel() // rows
        if output.numel() % rows == 0 and output.numel() >= rows
        else max(output.numel(), 1)
    )


def _checked(session: Session, needed: Sequence[str]) -> list[Result]:
    results = [_guarded(name, session) for name in needed if name in REAL]
    with session.bench.installed():
        results += [_guarded(name, session) for name in needed if name not in REAL + LAST]
    return results + [_guarded(name, session) for name in needed if name in LAST]


def _needed(checks: Sequence[str] | None) -> list[str]:
    """Return the checks to run, in their order: a state must be found first, and most use the formula."""
    if checks is None:
        return list(CHECKS)
    first = {"state"} | ({"formula"} if set(checks) - {"state", "mode", "batch"} else set())
    return [name for name in CHECKS if name in first | set(checks)]


def _guarded(name: str, session: Session) -> Result:
    began = time.perf_counter()
    try:
        found = CHECKS[name](session)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  (of the user's code: shown, and no verdict)
        found = _broken(name, error)
    return replace(found, seconds=time.perf_counter() - began)


def _broken(name: str, error: BaseException) -> Result:
    return result(name, "could not run", f"{type(error).__name__}: {error}", trace=trace_of(error))
