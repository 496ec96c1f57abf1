"""The last step for more digits than float64 holds: sums, determinant and logarithm in arb.

The cells, their rules and the bounds of what is left out come from the search in float64: they are bounds, and need few
digits themselves.
"""

from fractions import Fraction

import numpy as np
from flint import arb, arb_mat

from elboproof.arrays import FloatArray
from elboproof.evidence.domain import Domain
from elboproof.evidence.energy import Energy
from elboproof.evidence.found import Found, abandon
from elboproof.evidence.search import TIME
from elboproof.evidence.summation import sum_rules_in_arb
from elboproof.evidence.target import Target
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import bits_for
from elboproof.quadrature.cells import Cells

Ends = tuple[arb, arb]
Rows = list[list[Fraction]]
SPARE_BITS = 80
"""For the cancellation in the energies."""


def log_bounds(
    energy: Energy, data: Rows, where: Domain, target: Target, found: Found, digits: float
) -> list[Ends]:
    """Return (lower, upper) of log p for each data point; a lower bound of -inf is ``arb.neg_inf()``."""
    # Totals are one arb a data point. What the deadline leaves out is bounded like any other cell that is not
    # finished.
    bits, shift = bits_for(digits, SPARE_BITS), target.shift
    totals = [arb(0)] * len(shift)
    if found.cells:
        cells, sizes = Cells.joined(found.cells), np.concatenate(found.sizes)
        totals, done = sum_rules_in_arb(energy, cells, sizes, data, shift, bits, found.pace.late)
        if done < len(cells):
            found.stopped = TIME
            abandon(energy, [cells[done:]], target, found)
    with working_precision(bits):
        return [_one(energy, where, shift, found, n, total) for n, total in enumerate(totals)]


def _one(energy: Energy, where: Domain, shift: FloatArray, found: Found, n: int, total: arb) -> Ends:
    """Return the bounds of data point n from its sum, which is in u; the tail is in z."""
    # Doubles are exact as arbs; |det A| comes from arb's own determinant of the exact frame, so the bound of
    # its logarithm is not needed here.
    error = arb(float(found.safe(found.rule_error)[n]))
    volume = abs(arb_mat([[arb(a) for a in row] for row in energy.frames[n].tolist()]).det())
    inside = arb(float(found.safe(found.discarded + found.unfinished)[n]))
    tail = (arb(float(where.log_tail[n])) + arb(float(shift[n]))).exp()
    low = ((total - error) * volume).lower()
    high = ((total + error + inside) * volume + tail).upper()
    scale = arb(float(shift[n]))
    lower = (low.log() - scale).lower() if low > 0 else arb.neg_inf()
    supremum = arb(float(where.log_supremum[n]))
    upper = (high.log() - scale).upper() if high.is_finite() and high > 0 else supremum
    return lower, upper if upper < supremum else supremum
