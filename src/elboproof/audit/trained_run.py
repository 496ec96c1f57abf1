"""Diagnostics of an adapter's own trained networks: its loss says which likelihood they have, and what s is.

`trained` takes an `Adapter`, or a model of which the posteriors, the decoder and the likelihood are known already.
"""

from dataclasses import replace
from typing import Any

import torch
from numpy.typing import ArrayLike

from elboproof.arguments import suggesting, wrong_type
from elboproof.audit.adapter import Adapter
from elboproof.audit.formulas import check_formula
from elboproof.audit.laws import NORMAL
from elboproof.audit.learning import UnfitError
from elboproof.audit.networks import Networks
from elboproof.audit.reach import modules_of, reachable
from elboproof.audit.run import RetryError, roots_of, session_of
from elboproof.audit.session import Session
from elboproof.audit.state import in_double, kept_generators, snapshot
from elboproof.audit.trained_law import NoLawError, law_of
from elboproof.checking.budget import FALSE_ALARM_RATE
from elboproof.checking.collect import UsageError
from elboproof.diagnostics.diagnose import trained as of_fitted
from elboproof.diagnostics.diagnostics import Diagnostics
from elboproof.diagnostics.fitted import Fitted
from elboproof.networks.trained import Trained

LEAST_DRAWS = 10
"""Of a session whose noise is not looked at."""


@suggesting
def trained(
    model: "Adapter | Fitted | Trained",
    x: ArrayLike | None = None,
    *,
    rows: int = 32,
    draws: int = 16,
    simulated: int = 0,
    seconds: float = 60.0,
    scale: float = 1.0,
    seed: int = 0,
) -> Diagnostics:
    """Return what the nats of a trained VAE are made of, in nats per example.

    Parameters
    ----------
    model
        An `Adapter`, whose data should be the whole training set; a `Fitted`; or what ``networks.train`` returned.
    x, rows, draws, simulated, seconds, scale, seed
        As of ``elboproof.diagnostics.trained``.

    Returns
    -------
    Diagnostics
        As of ``elboproof.diagnostics.trained``.

    Raises
    ------
    UsageError
        If a tap never fires, the loss cannot run in float64, or q is no Gaussian of the encoder's outputs.
    TypeError, ValueError
        If an argument is not of the kind described.

    Notes
    -----
    An adapter's networks compute in float64 and in evaluation, and are bitwise what they were afterwards. Its
    likelihood is that of the formula recognised, whose variance, fitted to some 8 digits, is taken for the simple ratio
    next to it; where none is recognised, that of ``audit.Declared``; without both, only the posteriors are looked at.
    """
    options = {"rows": rows, "draws": draws, "simulated": simulated, "seconds": seconds, "scale": scale}
    if not isinstance(model, Adapter):
        return of_fitted(model, x, seed=seed, **options)  # type: ignore[arg-type]
    if x is not None:
        raise wrong_type("x", x, "nothing beside an adapter, which has its data")
    objects = reachable(roots_of(model))
    with kept_generators():
        back = snapshot(objects)
        try:
            with in_double(modules_of(objects)):
                fitted = _fitted(model, objects, seed)
                return of_fitted(fitted, seed=seed, **options)  # type: ignore[arg-type]
        finally:
            back()


def _fitted(adapter: Adapter, objects: list[Any], seed: int) -> Fitted:
    """Return an adapter's model; its modules are in evaluation from here on."""
    try:
        session = session_of(adapter, objects, seed, FALSE_ALARM_RATE, LEAST_DRAWS, torch.float64)
    except RetryError as error:
        raise UsageError(f"loss: cannot run in float64: {error}") from error
    except UnfitError as error:
        raise UsageError(str(error)) from error
    with session.bench.installed():
        check_formula(session)
    parameter = _parameter(session)
    for module in modules_of(objects):
        module.training = False
    seen = Networks(session.adapter, session.bench.shapes.latent)  # which may be tapped inside
    means, s = seen.encoded()
    logs = parameter.variance(s).log()
    known = Fitted(seen.x, means, logs, name=adapter.name)
    try:
        decode = seen.decoder()
        return law_of(session, decode).applied(known, decode, seen.module())
    except NoLawError as error:
        return replace(known, unknown=str(error))


def _parameter(session: Session) -> Any:
    """Return what s is."""
    if session.flow:
        raise UsageError("trained: a flow stands between the draw and the decoder; expected a Gaussian q")
    if session.law is not NORMAL:
        name = "of no law known" if session.law is None else session.law.name
        raise UsageError(f"trained: the noise of q is {name}; expected a Gaussian q")
    found = session.found or session.multi
    parameter = session.parameter or (found.parameter if found is not None else None)
    if parameter is None:
        raise UsageError(
            "trained: what s is cannot be told from the loss; expected a Gaussian sample of mean and s"
        )
    return parameter
