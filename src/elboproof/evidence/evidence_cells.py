"""The cells of one proof of log p(x): what the search integrated, what it only bounded, and what each holds.

With I the integral that a cell's bounds enclose, in u and relative to exp(shift), and P of log p(x) without its base
measure, the cell's share of p(x) is I exp(-shift) |det A| / exp(P), its posterior probability.
"""

import time
from typing import Any

import numpy as np

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.arrays import FloatArray
from elboproof.evidence.bases import log_bases, with_bases
from elboproof.evidence.by_arrays import prepared
from elboproof.evidence.cells_record import EvidenceCells
from elboproof.evidence.evidences import FLOAT_DIGITS, Evidence
from elboproof.evidence.log_integral import is_evidence
from elboproof.evidence.rounds import Rounds
from elboproof.evidence.search import TIME
from elboproof.evidence.summation import cell_sums
from elboproof.model.data import Given, data_of
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.placement import Placement
from elboproof.model.priors import Normal, Uniform
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.quadrature.cells import Cells, Index

MOST_LATENTS = 2
DIGITS = 5
"""Few by default, so that single cells can be seen."""
WHAT = "log evidences"


@suggesting
def evidence_cells(
    model: LatentModel, x: Given, digits: float = DIGITS, *, seconds: float = 60.0, most_cells: int = 200_000
) -> EvidenceCells:
    """Return the cells by which log p(x) is proved.

    The search is that of ``ep.log_evidence``, but over boxes of all latents: none is integrated out, and there are no
    pieces of a ReLU network and no cells along ridges.

    Parameters
    ----------
    model
        With one or two latents and an ``ep.Normal`` or ``ep.Uniform`` prior.
    x
        Shape (D,).
    digits
        Half width 10^-digits of log p(x), at most 12.
    seconds, most_cells
        Limits.

    Returns
    -------
    EvidenceCells
        B cells with the proved probability of each under p(z|x); ``plot()`` draws them.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.
    Undecided
        If the digits could not be proved within the limits.

    Examples
    --------
    >>> import elboproof as ep
    >>> cells = ep.evidence_cells(ep.LatentModel("z", ["z**2"], ep.Gaussian(variance="1/100")), ["0.7"])
    >>> int(cells.integrated.sum()) < len(cells), cells.outside < 1e-5
    (True, True)
    """
    digits, seconds, most_cells = require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    _require_cells(model, digits)
    data = data_of(model, x)
    if data.batch:
        raise bad("x", x, f"one data point of shape ({model.data_dim},)")
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        bases = log_bases(model.integrand, data, float(digits))
        deadline = time.monotonic() + seconds
        rounds = prepared(model.integrand, data, (float(digits), False), deadline)
        if rounds is None:
            raise Undecided(Enclosure(-np.inf, np.inf), (TIME,), WHAT)
        rounds.boxes = rounds.watched = True
        inner, statuses, visited = rounds.run(deadline, int(most_cells))
        whole = with_bases(Evidence(inner, statuses, visited, 0.0), bases, float(digits)).enclosure
        if any(statuses):
            raise Undecided(whole, statuses, WHAT)
        return _record(model, rounds, inner, whole[0])


def _require_cells(model: LatentModel, digits: float) -> None:
    if not isinstance(model, LatentModel):
        raise no_model(model)
    if model.latent_dim > MOST_LATENTS:
        raise bad("model", model, f"at most {MOST_LATENTS} latents")
    if not isinstance(model.prior, Normal | Uniform):
        raise bad("prior", model.prior, "an ep.Normal or ep.Uniform, whose cells are parallelograms in z")
    if not is_evidence(model):
        raise bad("likelihood", model.likelihood, "a normalised density, whose integral is an evidence")
    if digits > FLOAT_DIGITS:
        raise bad("digits", digits, f"at most {FLOAT_DIGITS}")


def _record(model: LatentModel, rounds: Rounds, inner: Enclosure, whole: Enclosure) -> EvidenceCells:
    """Return the record of a search that reached its digits."""
    # there was a search, since it reached its digits
    (where, found), (energy, shift) = rounds.last, rounds.scale  # type: ignore[misc]
    kept = [*zip(found.cells, found.sizes, found.errors, strict=True)]
    others = found.others or []
    cells = Cells.joined([*(one for one, _, _ in kept), *(one for one, _ in others)])
    count = sum(len(one) for one, _, _ in kept)
    low, high = np.zeros(len(cells)), np.zeros(len(cells))
    if kept:
        sums = _sums(energy, kept, shift)
        low[:count], high[:count] = sums.lower(), sums.upper()
    high[count:] = np.concatenate([np.zeros(0), *(mass for _, mass in others)])
    nodes = np.zeros(cells.half.shape, dtype=np.intp)
    nodes[:count] = np.concatenate(
        [np.zeros((0, cells.half.shape[1]), np.intp), *(sizes for _, sizes, _ in kept)]
    )
    frame, offset = _frame(model.integrand.placement, rounds.frames[0])
    return EvidenceCells(
        tuple(str(z) for z in model.latents),
        whole,
        cells.centre @ frame.T + offset,
        cells.half[:, :, None] * frame.T,
        np.arange(len(cells)) < count,
        nodes,
        _probabilities(low, high, float(shift[0]), float(where.log_volume[0]), inner),
        min(float((BallArray(where.log_tail) - BallArray(inner.lower)).exp().upper()[0]), 1.0),
    )


def _sums(energy: Any, kept: list[tuple[Cells, Index, FloatArray]], shift: FloatArray) -> BallArray:
    """Return balls around the integrals over the integrated cells, (B,): rules' values and their errors."""
    parts = [cell_sums(energy, cells, sizes, shift) for cells, sizes, _ in kept]
    errors = np.concatenate([error for _, _, error in kept])
    return BallArray.concatenate(parts) + BallArray(np.zeros(len(errors)), errors)


def _probabilities(
    low: FloatArray, high: FloatArray, shift: float, log_volume: float, p: Enclosure
) -> Enclosure:
    """Return the shares of p(x), between 0 and 1, of integrals between ``low`` and ``high``."""
    # all that divides is known before the cells are: two balls, rounded outward
    least = (BallArray(-shift) - BallArray(log_volume) - BallArray(p.upper)).exp().lower()
    most = (BallArray(-shift) + BallArray(log_volume) - BallArray(p.lower)).exp().upper()
    below = (BallArray(np.maximum(low, 0.0)) * BallArray(least)).lower()
    finite = np.isfinite(high)
    above = (BallArray(np.where(finite, high, 1.0)) * BallArray(most)).upper()
    return Enclosure(np.maximum(below, 0.0), np.where(finite, np.minimum(above, 1.0), 1.0))


def _frame(placement: Placement | None, frame: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the matrix and the offset of z = z(A u), which is affine, in floats."""
    if placement is None:
        return frame, np.zeros(len(frame))
    offset, *ends = (_place(placement, point) for point in (np.zeros(len(frame)), *np.eye(len(frame))))
    return np.stack([end - offset for end in ends], 1) @ frame, offset


def _place(placement: Placement, point: FloatArray) -> FloatArray:
    given = dict(zip(placement.symbols, point.tolist(), strict=True))
    return np.array([float(z.subs(given)) for z in placement.place])
