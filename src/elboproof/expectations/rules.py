"""Gaussian expectations of any function by quadrature with proof: a lattice or a plan of cells, summed."""

import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from flint import arb

from elboproof.expectations.integrand import Integrand
from elboproof.expectations.integrands import EnclosedGaussian, Integrands, LateError
from elboproof.expectations.lattice import Lattice, lattice
from elboproof.expectations.plan import Plan, left_undone, plan
from elboproof.expectations.sums import arb_sums, float_sums
from elboproof.numbers.majorant_ranges import NoMajorantError

GRACE, GRACE_SHARE = 2.0, 0.3
"""Seconds before the deadline, and their share at most of the time there is: what a plan that is stopped then has found
is still added up, in float64 balls."""
Values = dict[tuple[int, int, tuple[int, ...]], arb]
"""Balls for (order of derivative, component, exponents of eps)."""


class ProvedRules:
    """Proved rules for the expectations of derivatives of g(z; x) times monomials in eps, z = m + L eps.

    Parameters
    ----------
    model
        The function g, log p(x|z) of a latent-variable model.
    x
        D balls.
    gaussian
        m and L. The rules' errors are bounded for all members of these balls.
    degrees
        Pairs (order of derivative, highest degree in eps).
    tolerance
        For each pair, the absolute error of the quadrature that is aimed at.
    deadline
        On the clock ``time.monotonic()``.

    Attributes
    ----------
    status : str
        Why the tolerance was not reached; empty where it was.
    """

    def __init__(
        self,
        model: Integrand,
        x: Sequence[arb],
        gaussian: EnclosedGaussian,
        degrees: Sequence[tuple[int, int]],
        tolerance: Sequence[float],
        deadline: float,
    ) -> None:
        # everything here is proved for the balls of m and L as a whole, so that one set of rules serves every point in
        # them
        self._grace = min(GRACE, GRACE_SHARE * max(deadline - time.monotonic(), 0.0))
        self.gaussian, self._deadline = gaussian, deadline - self._grace
        self.integrands = Integrands(model, x, degrees, self._deadline)
        by_order = {order: t for (order, _), t in zip(degrees, tolerance, strict=True)}
        aims = np.array([by_order[order] for order in self.integrands.orders])
        self._rules: Plan | Lattice | None = None
        self.status = ""
        # the lattice is the better rule where it exists; without time for its suprema, or for an integrand that is not
        # analytic, the plan stands, whose cells have an enclosure whatever stopped it
        if time.monotonic() > deadline:  # no rule: every sum is the whole line
            self.status = "the time limit"
            return
        try:
            with suppress(LateError):  # the plan then has its first cells only
                self._rules = lattice(self.integrands, gaussian, aims)
            if self._rules is None:
                self._rules = plan(self.integrands, gaussian, aims)
                self.status = self._rules.stopped
        except NoMajorantError as error:
            self.status = f"the tails cannot be bounded: {error}"

    def sums(self, gaussian: EnclosedGaussian | None = None, *, floats: bool = False) -> Values:
        """Return a ball for every (order, component, exponents).

        Parameters
        ----------
        gaussian
            Any balls inside those of the rules; all of them if None.
        floats
            Sum in float64 balls instead of in arb at the current precision.
        """
        work, entries = self._rules, self.integrands.entries
        if work is None:
            return dict.fromkeys(entries, arb(0, float("inf")))
        # rule + error holds the expectation whatever was summed: the error was bounded with the rule, before
        given = self.gaussian if gaussian is None else gaussian
        sums = self._added_up(given, work, floats)
        values = [_completed(total, work, q) for q, total in enumerate(sums)]
        return dict(zip(entries, values, strict=True))

    def _added_up(self, gaussian: EnclosedGaussian, work: Plan | Lattice, floats: bool) -> list[arb]:
        """Return the sums; what the deadline left undone in arb is summed in float64, or else crudely enclosed."""
        rest: Plan | Lattice | None = work
        totals = [arb(0)] * len(self.integrands.entries)
        # each stage takes over what the one before left, and says what it left itself: every cell is enclosed once, and
        # the parts add up. The last stage has no limit but encloses all cells at once
        if not floats:
            totals, rest = arb_sums(self.integrands, gaussian, work, self._deadline)
        if rest is not None:
            self.status = self.status if floats else "the time limit"
            more, rest = float_sums(self.integrands, gaussian, rest, self._deadline + self._grace)
            totals = [a + b for a, b in zip(totals, more, strict=True)]
        if rest is not None:
            self.status = "the time limit"
            totals = [a + b for a, b in zip(totals, _crude(self.integrands, gaussian, rest), strict=True)]
        return totals


def _crude(integrands: Integrands, gaussian: EnclosedGaussian, rest: Plan | Lattice) -> list[arb]:
    """Return first-order enclosures of the integrals over cells that were not summed; a lattice is one cell."""
    d = integrands.d
    if isinstance(rest, Lattice):
        centre, half = np.zeros((1, d)), np.full((1, d), rest.half)
    else:
        centre, half = np.concatenate(rest.centres), np.concatenate(rest.halves)
    total = left_undone(integrands, gaussian, centre, half)
    return [arb(float(total[q].mid), float(total[q].rad)) for q in range(len(integrands.entries))]


def _completed(total: arb, work: Plan | Lattice, q: int) -> arb:
    """Add the flat cells and all errors."""
    error = float(work.error[q])
    if not np.isfinite(error):
        return arb(0, float("inf"))
    flat = (
        arb(0)
        if isinstance(work, Lattice) or work.flat is None
        else arb(float(work.flat.mid[q]), float(work.flat.rad[q]))
    )
    return total + flat + arb(0, error)
