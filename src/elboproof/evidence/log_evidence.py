"""The exact log evidence of a latent-variable model, as a proved enclosure."""

import time
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from sympy import Symbol

from elboproof.arguments import bad, require_positive, wrong_type
from elboproof.evidence import affine, mixtures
from elboproof.evidence.bases import cancelled_digits, log_bases, with_bases
from elboproof.evidence.batch_rows import head_of, require_bounded
from elboproof.evidence.batches import prove_rows
from elboproof.evidence.by_arrays import by_arrays, nothing
from elboproof.evidence.domain import tails_of
from elboproof.evidence.elimination import latents_left, reduced
from elboproof.evidence.evidences import FLOAT_DIGITS, Evidence, told
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.line_point import line_functions
from elboproof.evidence.log_integral import NO_DATA, TOTAL_DIGITS, LogIntegral, PriorIntegrand, require_one
from elboproof.evidence.one_by_one import one_by_one
from elboproof.evidence.search import TAIL
from elboproof.evidence.selection import selection
from elboproof.model.data import Data, Given, data_of
from elboproof.model.latent_model import LatentModel
from elboproof.model.mixture import Mixture
from elboproof.model.prior_density import PriorDensity
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.running.progress import Listener, require_listener
from elboproof.running.row_file import RowFile

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_LATENTS = 4
TOO_MANY = f"at most {MOST_LATENTS} latents, not counting those that enter a Gaussian's mean linearly"
CELLS, CELLS_EACH = 2_000_000, 200
"""The default limit on cells: in all, and more for each data point."""
MOST_ON_LINE = 6
"""Data points of one latent up to which balls of python-flint, one point after the other, beat arrays."""


def log_evidence(
    model: LatentModel,
    x: Given,
    digits: float = 10,
    *,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    most_cells: int | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: str | PathLike[str] | None = None,
) -> Enclosure:
    """Return log p(x) in nats, proved.

    Parameters
    ----------
    model
        With any number of latents that enter the mean of a Gaussian likelihood linearly, given the others, under a
        normal prior: they are integrated out exactly. Of others at most 4; 4 are practical at about 4 digits.
    x
        Shape (D,) or (N, D). Floats are the exact binary doubles that they are; strings and Fractions are exact.
    digits
        The enclosure's half width is at most 10^-digits. Beyond float64 all digits stand in ``enclosure.exact``, and in
        what is printed; ``lower`` and ``upper`` are the doubles around them.
    seconds
        Limit for each x. It is kept within a tenth, but for a step that cannot be interrupted: the first use of a model
        compiles its functions, which takes seconds for thousands of operations.
    total_seconds
        Limit for all x together; None for none.
    most_cells
        Limit on cells for each x, 2 million if it is not given; a cell takes some 200 bytes at most, so it limits the
        memory, too.
    workers
        A number of processes, or an executor, such as that of a Dask client (``client.get_executor()``). A script that
        asks for processes guards what it runs by ``if __name__ == "__main__":``.
    progress
        Called with an ``ep.Progress`` after each block of rows.
    resume
        A file that each row is written to when it is known: a call with the same model, x and digits that was
        interrupted goes on there, with what is undecided and what is missing.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,); an ``ep.LogIntegral``, which says so, where a density is not normalised.

    Raises
    ------
    TypeError, ValueError
        If x, a limit or the file is not of the kind described, or a prior claimed to be normalised is not.
    OSError
        If the file cannot be written.
    Undecided
        If the digits could not be proved within the limits; it carries the best enclosure and a status per x.
    """
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    # x is read once; what follows takes it as it was read.
    data, most_cells = data_of(model, x), CELLS if most_cells is None else most_cells
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    if total_seconds is not None:
        require_positive(total_seconds=total_seconds)
    require_listener(progress)
    prove_block = partial(_block, model, float(digits), int(most_cells))
    if not data.batch and resume is None:
        evidence = prove_block(data, seconds)
    else:
        require_bounded(model, data)
        rows = data if data.batch else Data(data.array[None])
        file = None if resume is None else RowFile(resume, head_of(model, data, digits))
        evidence = prove_rows(
            prove_block,
            rows,
            seconds=seconds,
            total_seconds=total_seconds,
            workers=workers,
            progress=progress,
            file=file,
        )
    proper = model.prior.normalised and getattr(model.likelihood, "normalised", True)
    enclosure = evidence.enclosure if proper else LogIntegral.of(evidence.enclosure)
    what = "log evidences" if proper else "log integrals"
    if any(evidence.statuses):
        raise Undecided(enclosure, evidence.statuses, what)
    if data.batch:
        return enclosure
    return enclosure[0] if proper else LogIntegral.of(enclosure[0])


def _block(model: LatentModel, digits: float, most_cells: int, data: Data, seconds: float) -> Evidence:
    """Prove some rows together; an array's cells are more than those of one row by a few for each other."""
    most = most_cells + CELLS_EACH * len(data)
    return evidence_of(model, data, digits, seconds=seconds, most_cells=most)


def evidence_of(
    model: LatentModel,
    x: Data | Given,
    digits: float,
    *,
    seconds: float,
    most_cells: int,
    began: float | None = None,
) -> Evidence:
    """Return what `prove` does, for the model without the latents that can be integrated out exactly."""
    began = time.monotonic() if began is None else began
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    chosen, data = selection(model), data_of(model, x)
    if chosen is not None and not chosen.rest:
        return affine.evidence(model, chosen, data, float(digits), began, seconds)
    if latents_left(model) > MOST_LATENTS:
        raise bad("model", model, TOO_MANY)
    return prove(reduced(model) or model, data, digits, seconds=seconds, most_cells=most_cells, began=began)


def prove(
    integrand: Integrand,
    x: Data | Given,
    digits: float,
    *,
    seconds: float,
    most_cells: int,
    began: float | None = None,
) -> Evidence:
    """Return the evidences by cells, with statuses instead of an error; arguments as in `log_evidence`.

    The limits are for all x together; the time counts from ``began``, on the clock ``time.monotonic()``.
    """
    began = time.monotonic() if began is None else began
    if not isinstance(x, Data) and not isinstance(integrand, LatentModel):
        raise wrong_type("model", integrand, "an ep.LatentModel")
    if integrand.latent_dim > MOST_LATENTS:
        raise bad("model", integrand, f"at most {MOST_LATENTS} latents")
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    data = data_of(integrand, x) if isinstance(integrand, LatentModel) else x
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        bases = log_bases(integrand, data, float(digits))
        aim = float(digits), digits > FLOAT_DIGITS - cancelled_digits(bases)
        limits = began + seconds, int(most_cells)
        if isinstance(integrand, LatentModel):
            found = _of_model(integrand, data, aim, *limits)
        else:
            found = _proved(integrand, data, aim, *limits)
        found = with_bases(found, bases, float(digits))
    return replace(found, seconds=time.monotonic() - began)


Aim = tuple[float, bool]
"""Digits, and whether sums are to be taken in arb from the start."""


def _of_model(model: LatentModel, data: Data, aim: Aim, deadline: float, most: int) -> Evidence:
    """Return the evidences of a model in its prior's coordinates, of a mixture component by component."""
    prior = model.prior
    require_probability(model, deadline)
    if not isinstance(prior, Mixture):
        return _proved(model.integrand, data, aim, deadline, most)
    # log-sum-exp averages the components' errors, so that each needs no more digits than their sum.
    most //= len(prior.components)
    parts = [_of_model(model.with_prior(part), data, aim, deadline, most) for part in prior.components]
    pairs = [found.balls or mixtures.pairs(found.enclosure) for found in parts]
    ends = mixtures.summed(pairs, prior.weights, aim[0])
    reasons = [next(filter(None, column), "") for column in zip(*(f.statuses for f in parts), strict=True)]
    enclosure, statuses = told(ends, aim[0], reasons)
    return Evidence(enclosure, statuses, sum(found.cells for found in parts), 0.0, ends)


def require_probability(model: LatentModel, deadline: float) -> None:
    """Raise ``ValueError`` unless each density that is claimed to be normalised is, ``Undecided`` if that is open."""
    prior = model.prior
    for part in prior.components if isinstance(prior, Mixture) else (prior,):
        if isinstance(part, PriorDensity) and part.normalised:
            require_one(part, _total(part, model.latents, deadline))


_TOTALS: dict[tuple[PriorDensity, tuple[Symbol, ...]], Enclosure] = {}
"""Logarithms of densities' integrals, proved once."""


def _total(prior: PriorDensity, latents: tuple[Symbol, ...], deadline: float) -> Enclosure:
    """Return bounds of the log of a density's own integral."""
    if (prior, latents) not in _TOTALS:
        whole = PriorIntegrand(prior.placement(latents))
        found = _proved(whole, NO_DATA, (TOTAL_DIGITS[len(latents)], False), deadline, CELLS)
        total = Enclosure(found.enclosure.lower[0], found.enclosure.upper[0])
        if found.statuses[0]:
            raise Undecided(total, found.statuses, "integrals of a density", "prior")
        _TOTALS[prior, latents] = total
    return _TOTALS[prior, latents]


def _proved(
    integrand: Integrand, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> Evidence:
    """Prove ``wanted``, digits and whether in arb, with arrays or row by row."""
    digits, sharp = wanted
    integrand.ceiling(
        data.balls
    )  # raises where nothing bounds the integral over z, with the number of the row
    _ = data.balls.mid  # raises where a number is beyond float64
    tails = tails_of(integrand.placement)
    if tails is not None and not tails.bounded:
        return nothing(integrand, data, digits, TAIL)
    if integrand.latent_dim == 1 and (len(data) <= MOST_ON_LINE or sharp):
        functions = line_functions(integrand)
        if functions is not None:
            return one_by_one(functions, data, wanted, deadline, most)
    return by_arrays(integrand, data, wanted, deadline, most)
