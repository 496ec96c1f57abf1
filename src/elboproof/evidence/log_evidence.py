"""The exact log evidence of a latent-variable model, as a proved enclosure."""

import time
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elboproof.arguments import bad, file_path, require_positive, suggesting
from elboproof.evidence import affine, certificates, mixtures, piece_cells, polygons, shared_rows
from elboproof.evidence.bases import cancelled_digits, log_bases, with_bases
from elboproof.evidence.batch_rows import BeforeWork, head_of, require_bounded
from elboproof.evidence.batches import Prove, prove_rows
from elboproof.evidence.elimination import latents_left, reduced
from elboproof.evidence.evidences import FLOAT_DIGITS, Evidence, told
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.log_integral import LogIntegral, is_evidence
from elboproof.evidence.prior_totals import Totals, remember, require_probability
from elboproof.evidence.proved import proved
from elboproof.evidence.selection import selection
from elboproof.model.data import Data, Given, data_of
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.mixture import Mixture
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.running.progress import Listener
from elboproof.running.request import LEAST, requested

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_LATENTS = 4
TOO_MANY = f"at most {MOST_LATENTS} latents, not counting those that enter a Gaussian's mean linearly"
CELLS, CELLS_EACH = 2_000_000, 200
"""The default limit on cells: in all, and more for each data point."""


@suggesting
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
    certificate: str | PathLike[str] | None = None,
) -> Enclosure:
    """Return log p(x) in nats, proved.

    Parameters
    ----------
    model
        With any number of latents that enter the mean of a Gaussian likelihood linearly, given the others, under a
        normal prior: they are integrated out exactly. Of others at most 4; 4 are practical at about 4 digits. Decoders
        that are piecewise linear (ReLU, LeakyReLU, abs, max, min) with one or two latents and a normal or uniform prior
        are cut into their pieces, once for all x: under a Gaussian likelihood of constant covariance and a normal prior
        each has a closed form, and any digits; else each is integrated as smooth decoders are, as it is where a network
        has a sigmoid, tanh, softplus, GELU, SiLU or sine of the outputs at its end.
    x
        Shape (D,) or (N, D). Floats are the exact binary doubles that they are; strings and Fractions are exact.
    digits
        The enclosure's half width is at most 10^-digits. Beyond float64 all digits stand in ``enclosure.exact``, and in
        what is printed; ``lower`` and ``upper`` are the doubles around them.
    seconds
        Limit for each x. It is kept within a tenth, but for a step that cannot be interrupted: the first use of a model
        compiles its functions, which takes seconds for thousands of operations. Rows that stay open in a block with
        others are proved once more, each alone with the whole limit: many x may take twice their limits together.
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
    certificate
        A file that the cells and rules of a proof are written to, for one x of shape (D,): ``ep.recheck`` verifies it
        without the search. At most two latents; cells take another search, within the same limits.

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

    Notes
    -----
    The space of the latents is cut into cells. Over each a Gauss-Legendre rule is summed, whose error is bounded on a
    Bernstein ellipse (Trefethen, Approximation Theory and Approximation Practice, Theorem 19.3), or the integrand is
    only bounded; what lies outside of all cells has a bound of its own. The modules with the proofs are listed in
    ``docs/trusted_base.md``.

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel(["u", "v"], ["sin(u) + v", "u*v"], ep.Gaussian(variance="1/100"))
    >>> print(f"{ep.log_evidence(model, ['0.5', '0.3'], digits=6):S}")
    -4.02832301(7)
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    # x is read once; what follows takes it as it was read.
    data, most_cells = data_of(model, x), CELLS if most_cells is None else most_cells
    digits, most_cells = require_positive(digits=digits, most_cells=most_cells)
    request = requested(seconds, total_seconds, workers, progress, resume)
    file = None if certificate is None else _certifiable(model, data, certificate)
    if not data.batch and resume is None and progress is None:
        evidence = _block(model, float(digits), int(most_cells), {}, data, request.limit)
    else:
        rows = data if data.batch else Data(data.array[None])
        require_bounded(model, rows)
        evidence = prove_rows(
            block_prover(model, digits, most_cells, request.limit),
            rows,
            seconds=request.seconds,
            end=request.end,
            workers=request.workers,
            progress=request.progress,
            file=request.file(lambda: head_of(model, data, digits)),
            kind=BeforeWork(model, rows).kind,
            together=shared_rows.ROWS if shared_rows.applies(model, digits) else 0,
            easy=latents_left(model) <= 1,
        )
    proper = is_evidence(model)
    enclosure = evidence.enclosure if proper else LogIntegral.of(evidence.enclosure)
    what = "log evidences" if proper else "log integrals"
    if any(evidence.statuses):
        raise Undecided(enclosure, evidence.statuses, what)
    if data.batch:
        return enclosure
    if file is not None:
        certificates.save(file, model, data, float(digits), enclosure[0], request.limit, int(most_cells))
    return enclosure[0] if proper else LogIntegral.of(enclosure[0])


def _certifiable(model: LatentModel, data: Data, certificate: str | PathLike[str]) -> Path:
    """Return the path of a certificate; raise unless ``ep.recheck`` has methods for the model."""
    path = file_path(certificate, "certificate")
    if data.batch:
        raise bad("certificate", certificate, f"x of shape ({model.data_dim},): a certificate is of one x")
    if reason := certificates.unverifiable(model):
        raise ValueError(
            f"certificate: got a model with {reason}; expected one that ep.recheck has methods for"
        )
    return path


def block_prover(model: LatentModel, digits: float, most_cells: int, seconds: float) -> Prove:
    """Return what proves some rows together, in any process.

    Raises
    ------
    ValueError
        If a prior claimed to be normalised is not.
    Undecided
        If that could not be proved within so many seconds: a block's time is for its rows.
    """
    totals = require_probability(model, time.monotonic() + seconds)
    return partial(_block, model, float(digits), int(most_cells), totals)


def _block(
    model: LatentModel, digits: float, most_cells: int, totals: Totals, data: Data, seconds: float
) -> Evidence:
    """Prove some rows together, within the cells of one and a few for each other, and never more than of each alone."""
    remember(totals)
    most = min(most_cells * len(data), most_cells + CELLS_EACH * (len(data) - 1))
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
    """Return what `prove` does, piece by piece where the decoder is piecewise linear, else by cells.

    Those of trained decoders are shared by many rows.

    Cells are those of the model without the latents that can be integrated out exactly.
    """
    began = time.monotonic() if began is None else began
    if not isinstance(model, LatentModel):
        raise no_model(model)
    digits, seconds, most_cells = require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    chosen, data = selection(model), data_of(model, x)
    if chosen is not None and not chosen.rest:
        return affine.evidence(model, chosen, data, float(digits), began, seconds)
    if latents_left(model) > MOST_LATENTS:
        raise bad("model", model, TOO_MANY)
    if polygons.applies(model):
        found = polygons.evidence(model, data, float(digits), began + seconds, int(most_cells))
        if found is not None:
            return replace(found, seconds=time.monotonic() - began)

    def by_cells(part: Data, left: float, most: int) -> Evidence:
        return prove(reduced(model) or model, part, digits, seconds=max(left, LEAST), most_cells=most)

    if shared_rows.applies(model, digits):
        found = shared_rows.evidence(model, data, float(digits), began + seconds, int(most_cells), by_cells)
        return replace(found, seconds=time.monotonic() - began)
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
        raise no_model(integrand)
    if integrand.latent_dim > MOST_LATENTS:
        raise bad("model", integrand, f"at most {MOST_LATENTS} latents")
    digits, seconds, most_cells = require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    data = data_of(integrand, x) if isinstance(integrand, LatentModel) else x
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        bases = log_bases(integrand, data, float(digits))
        aim = float(digits), digits > FLOAT_DIGITS - cancelled_digits(bases)
        limits = began + seconds, int(most_cells)
        if isinstance(integrand, LatentModel):
            found = _of_model(integrand, data, aim, *limits)
        else:
            found = proved(integrand, data, aim, *limits)
        found = with_bases(found, bases, float(digits))
    return replace(found, seconds=time.monotonic() - began)


def _of_component(model: LatentModel, data: Data, aim: "Aim", deadline: float, most: int) -> Evidence:
    """Return the evidences under one component of a prior, piece by piece where the decoder is piecewise linear."""
    found = polygons.evidence(model, data, aim[0], deadline, most) if polygons.applies(model) else None
    return _of_model(model, data, aim, deadline, most) if found is None else found


Aim = tuple[float, bool]
"""Digits, and whether sums are to be taken in arb from the start."""


def _of_model(model: LatentModel, data: Data, aim: Aim, deadline: float, most: int) -> Evidence:
    """Return the evidences of a model in its prior's coordinates, of a mixture component by component."""
    prior = model.prior
    require_probability(model, deadline)
    if not isinstance(prior, Mixture):
        found = piece_cells.evidence(model, data, aim, deadline, most) if piece_cells.applies(model) else None
        return proved(model.integrand, data, aim, deadline, most) if found is None else found
    # log-sum-exp averages the components' errors, so that each needs no more digits than their sum.
    most //= len(prior.components)
    parts = [_of_component(model.with_prior(part), data, aim, deadline, most) for part in prior.components]
    pairs = [found.balls or mixtures.pairs(found.enclosure) for found in parts]
    ends = mixtures.summed(pairs, prior.weights, aim[0])
    reasons = [next(filter(None, column), "") for column in zip(*(f.statuses for f in parts), strict=True)]
    enclosure, statuses = told(ends, aim[0], reasons)
    return Evidence(enclosure, statuses, sum(found.cells for found in parts), 0.0, ends)
