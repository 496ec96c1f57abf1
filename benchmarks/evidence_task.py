"""What all methods of the evidence benchmark are given: an integrand in four forms, its modes and its scale."""

import contextlib
import math
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property

import numpy as np
from flint import acb, arb, fmpq
from numpy.typing import NDArray

import elboproof as ep
from elboproof.model.problems import Problem
from elboproof.numbers.balls import COMPLEX_BALLS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING, SCALARS

Floats = NDArray[np.float64]
REACH = 8.0
"""Half width of the domain: the prior leaves 1.2e-15 outside."""
SCAN = {1: 1601, 2: 81, 3: 25}
"""Points an axis of the scan for modes."""
STARTS, MODES = 24, 12
WIDTHS = 8.0
"""Standard deviations on each side of a mode at which quad is told to cut."""


class Task:
    """A problem with everything that the methods are given, made before the clock starts.

    Parameters
    ----------
    problem
        An entry of the problem table.
    digits
        Relative accuracy of p(x) that is asked for.
    """

    def __init__(self, problem: Problem, digits: int) -> None:
        self.problem, self.digits = problem, digits
        self.model: ep.LatentModel = problem.model()
        self.d = self.model.latent_dim
        self.x = [float(Decimal(number)) for number in problem.x]
        self.exact_x = [acb(_ball(number)) for number in problem.x]

    def warm(self) -> None:
        """Find the modes and call every function once, so that nobody's compilation is timed."""
        best = self._modes[0][self._modes[1].argmin()]
        self.vector(best[None])
        self.scalar(*best.tolist())
        self.log_likelihood(*best.tolist())
        self.ball([acb(t) for t in best.tolist()], False)
        with contextlib.suppress(ep.Undecided):
            ep.log_evidence(self.model, list(self.problem.x), 1, seconds=1.0)

    @property
    def tolerance(self) -> float:
        """The relative accuracy asked for."""
        return float(10.0**-self.digits)

    @cached_property
    def scalar(self) -> Callable[..., float]:
        """The integrand of d Python floats."""
        energy, x, shift = self._scalar("energy"), self.x, self.shift
        return lambda *z: math.exp(shift - energy(*z, *x)[0])

    @cached_property
    def log_likelihood(self) -> Callable[..., float]:
        """Log p(x|z) of d Python floats, in nats."""
        function, x = self._scalar("log_likelihood"), self.x
        return lambda *z: float(function(*z, *x)[0])

    def _scalar(self, quantity: str) -> Callable[..., tuple[float, ...]]:
        quantities = self.model.quantities
        return compile_tape(quantities.tape, quantities.derivative(quantity, ()), SCALARS)

    def vector(self, z: Floats) -> Floats:
        """Return the integrand at z (N, d), shape (N,)."""
        with np.errstate(all="ignore"):
            return np.asarray(np.exp(self.shift - self._floats(0, z)[..., 0]))

    def ball(self, z: list[acb], analytic: bool) -> acb:
        """Return the integrand on complex balls."""
        function = self.model.quantities.compiled("energy", 0, COMPLEX_BALLS)
        value: acb = (acb(self.shift) - function(*z, *self.exact_x, analytic)[0]).exp()
        return value

    def _floats(self, order: int, z: Floats) -> Floats:
        function = self.model.quantities.compiled("energy", order, FLOATING)
        with np.errstate(all="ignore"):
            values = function(*np.moveaxis(z, -1, 0), *self.x)
        return np.stack([np.broadcast_to(value, z.shape[:-1]) for value in values], -1)

    @property
    def shift(self) -> float:
        """U_min, the energy of the deepest mode found, in nats."""
        return float(self._modes[1].min())

    @cached_property
    def _modes(self) -> tuple[Floats, Floats]:
        """Modes (M, d) and their energies (M,)."""
        from scipy.optimize import minimize

        axes = np.meshgrid(*[np.linspace(-6, 6, SCAN[self.d])] * self.d, indexing="ij")
        grid = np.stack(axes, -1).reshape(-1, self.d)
        energies = np.nan_to_num(self._floats(0, grid)[:, 0], nan=np.inf)
        ends = [
            minimize(
                lambda z: self._floats(0, z)[0], start, jac=lambda z: self._floats(1, z), method="BFGS"
            ).x
            for start in grid[_starts(energies, self.d)]
        ]
        z = np.array(ends)
        return z, self._floats(0, z)[:, 0]

    @cached_property
    def breaks(self) -> list[float]:
        """Each mode and WIDTHS standard deviations on both sides, inside the domain; for d = 1."""
        z, energies = self._modes
        near = z[energies < energies.min() + 40.0][:, 0]
        distinct = np.unique(np.round(near, 9))[:MODES]
        widths = WIDTHS / np.sqrt(np.maximum(self._floats(2, distinct[:, None])[:, 0], 1.0))
        places = np.unique(np.concatenate([distinct - widths, distinct, distinct + widths]))
        return [float(p) for p in places[np.abs(places) < REACH]]


def _starts(energies: Floats, d: int) -> NDArray[np.intp]:
    """Return the best points of a scan; in one dimension the best of its local minima."""
    order = np.argsort(energies, kind="stable")
    if d > 1:
        return order[:STARTS]
    inner = np.r_[np.inf, energies, np.inf]
    lowest = (inner[1:-1] <= inner[:-2]) & (inner[1:-1] <= inner[2:])
    return np.asarray(order[lowest[order]][:STARTS])


def _ball(text: str) -> arb:
    ratio = Decimal(text).as_integer_ratio()
    return arb(fmpq(*ratio))
