r"""The ELBO as a function of q's parameters, with its gradient and Hessian.

The unknowns are theta = (m; t; l): q = N(m, L L') with L_ii = L0_ii exp(t_i) and L_ij = l_ij below the diagonal. With
z = m + L eps, l(z) = log p(x|z), and indices (i, j) of L for t_i = (i, i),

    ELBO    = E[l(z)] + sum_i [(1 - m_i^2 - sum_j L_ij^2)/2 + log L_ii],
    d/dm_i  = E[l_i] - m_i,        d/dL_ij = E[l_i eps_j] - L_ij,        d/dt_i = L_ii d/dL_ii + 1,
    d2/dm_i dm_k = E[l_ik] - [i=k],   d2/dm_i dL_kl = E[l_ik eps_l],   d2/dL_ij dL_kl = E[l_ik eps_j eps_l] - [i=k][j=l]

(differentiation under the integral; no third derivatives of the decoder are needed), and the chain rule for t. They
are closed forms where the decoder allows it, derived once on a tape, else quadratures with proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

from flint import arb
from sympy import Dummy
from sympy.core.cache import clear_cache

from elboproof.expectations.closed_forms import data_symbols, expected_log_likelihood, multiplied
from elboproof.expectations.integrands import EnclosedGaussian
from elboproof.expectations.rules import ProvedRules, Values
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.exact import ball_of
from elboproof.numbers.interruption import Interruption, OutOfTimeError
from elboproof.numbers.tape import Tape

FAMILIES = ("full", "diagonal", "fixed")
Vector = list[Any]
Matrix = list[list[Any]]
Lookup = Callable[[int, tuple[int, ...], tuple[int, ...]], Any]
"""(order, derivative's indices, indices of the eps factors) -> an expectation."""


@dataclass(frozen=True)
class Unknown:
    """One unknown: m_i if ``column`` is None, else t_i (``column`` = i) or l_ij."""

    row: int
    column: int | None

    @property
    def diagonal(self) -> bool:
        """Whether it is t_i."""
        return self.column == self.row

    @property
    def factors(self) -> tuple[int, ...]:
        """The indices of the eps that its derivative brings."""
        return () if self.column is None else (self.column,)


def unknowns(d: int, family: str) -> list[Unknown]:
    """Return the unknowns of a family: "full", "diagonal" (S diagonal) or "fixed" (S given)."""
    found = [Unknown(i, None) for i in range(d)]
    if family != "fixed":
        found += [Unknown(i, i) for i in range(d)]
    if family == "full":
        found += [Unknown(i, j) for i in range(d) for j in range(i)]
    return found


def gradient_of(wanted: Sequence[Unknown], mean: Vector, factor: Matrix, expected: Lookup) -> Vector:
    """Return the gradient of the ELBO from expectations; for numbers of any kind."""
    result = []
    for u in wanted:
        # -theta's own quadratic: -m_i and -L_ij from the prior's part of the ELBO. log L_ii contributes 1 / L_ii to
        # d/dL_ii, which times L_ii is the 1 of d/dt_i
        own = mean[u.row] if u.column is None else factor[u.row][u.column]
        slope = expected(1, (u.row,), u.factors) - own
        result.append(slope * own + 1 if u.diagonal else slope)
    return result


def hessian_of(wanted: Sequence[Unknown], factor: Matrix, expected: Lookup) -> Matrix:
    """Return the Hessian of the ELBO from expectations; for numbers of any kind."""
    # second derivatives in L first, E[l_ik eps_j eps_l] - [same entry]; the chain rule for L_ii = L0_ii e^t multiplies
    # by L_ii for each t and adds the slope in L_ii times L_ii where both are the same t
    size = len(wanted)
    matrix: Matrix = [[None] * size for _ in range(size)]
    for a, u in enumerate(wanted):
        for b, v in enumerate(wanted[: a + 1]):
            value = expected(2, (u.row, v.row), u.factors + v.factors) - int(u == v)
            for w in (u, v):
                if w.diagonal:
                    value = value * factor[w.row][w.row]
            if u == v and u.diagonal:
                own = factor[u.row][u.row]
                value = value + own * (expected(1, (u.row,), u.factors) - own)
            matrix[a][b] = matrix[b][a] = value
    return matrix


@dataclass(frozen=True)
class Reference:
    """The point around which q is sought: theta = (mean, 0, what is below the diagonal of ``factor``).

    Attributes
    ----------
    mean : list of Fraction
    factor : function () -> rows of balls
        L at the current precision.
    """

    mean: Sequence[Fraction]
    factor: Callable[[], list[list[arb]]]

    def point(self, wanted: Sequence[Unknown], offset: Sequence[arb]) -> EnclosedGaussian:
        """Return q at theta = reference + offset."""
        mean = [ball_of(m) for m in self.mean]
        # at the current precision: the reference is exact, and offsets may be boxes, over which every operation
        # encloses
        factor = [list(row) for row in self.factor()]
        for u, delta in zip(wanted, offset, strict=True):
            if u.column is None:
                mean[u.row] += delta
            elif u.diagonal:
                factor[u.row][u.row] *= delta.exp()
            else:
                factor[u.row][u.column] += delta
        return EnclosedGaussian(mean, factor)


@lru_cache(maxsize=64)
def closed_forms(model: LatentModel, family: str) -> tuple[Compiled, Compiled] | None:
    """Return gradient and Hessian (lower triangle, by rows) as functions of (m, t, l, L0's rows, x), or None."""
    from elboproof.numbers.balls import REAL_BALLS

    d = model.latent_dim
    wanted = unknowns(d, family)
    offset = [Dummy(f"theta_{k}", real=True) for k in range(len(wanted))]
    places = [(i, j) for i in range(d) for j in range(i + 1)]
    # the reference enters as symbols, so that one compiled pair serves all places, precisions and x of a model and
    # family. Slopes and curves are the tape's own derivatives with respect to theta, the first inputs: exact algebra on
    # exact algebra
    base = {place: Dummy(f"L_{place}", real=True) for place in places}
    centre = [Dummy(f"m_{i}", real=True) for i in range(d)]
    tape = Tape([*offset, *centre, *base.values(), *data_symbols(model.data_dim)])
    root = _elbo_entry(model, tape, wanted, (offset, centre, base))
    if root is None:
        return None
    slopes = [tape.derivative(root, k) for k in range(len(wanted))]
    curves = [tape.derivative(slopes[a], b) for a in range(len(wanted)) for b in range(a + 1)]
    return compile_tape(tape, slopes, REAL_BALLS), compile_tape(tape, curves, REAL_BALLS)


def prepared(model: LatentModel, family: str, deadline: float) -> bool:
    """Derive and compile the closed forms; return whether that was done before the deadline."""
    try:
        with Interruption(deadline):  # the work is on a tape of its own, which is dropped with it
            closed_forms(model, family)
    except OutOfTimeError:
        clear_cache()
        return False
    return True


def _elbo_entry(model: LatentModel, tape: Tape, wanted: Sequence[Unknown], symbols: Any) -> int | None:
    """Return the entry of the ELBO up to a constant."""
    # theta enters as in the module's text: m = m0 + delta, L_ii = L0_ii e^t, L_ij = L0_ij + delta; log L_ii is t +
    # const
    offset, centre, base = symbols
    d = model.latent_dim
    mean = [tape.lower(m) for m in centre]
    factor = [[tape.lower(base[i, j]) for j in range(i + 1)] for i in range(d)]
    logs = tape.constant(0)
    for u, symbol in zip(wanted, offset, strict=True):
        delta = tape.lower(symbol)
        if u.column is None:
            mean[u.row] = tape.add(mean[u.row], delta)
        elif u.diagonal:
            factor[u.row][u.row] = tape.multiply(factor[u.row][u.row], tape.call("exp", delta))
            logs = tape.add(logs, delta)
        else:
            factor[u.row][u.column] = tape.add(factor[u.row][u.column], delta)
    covariance = multiplied(tape, factor)
    root = expected_log_likelihood(model, tape, mean, covariance)
    if root is None:
        return None
    squares = tape.constant(0)
    for i, m in enumerate(mean):
        squares = tape.add(squares, tape.add(tape.multiply(m, m), covariance[i][i]))
    return tape.add(tape.add(root, logs), tape.multiply(tape.constant(Fraction(-1, 2)), squares))


@dataclass(frozen=True)
class Equations:
    """The stationarity of the ELBO of one x, around a reference.

    Attributes
    ----------
    model, family
    x : list of Fraction
    reference
        The origin of theta.
    deadline
        On the clock ``time.monotonic()``.
    """

    model: LatentModel
    x: Sequence[Fraction]
    family: str
    reference: Reference
    deadline: float

    @property
    def wanted(self) -> list[Unknown]:
        """The unknowns in order."""
        return unknowns(self.model.latent_dim, self.family)

    def data(self) -> list[arb]:
        """Return x at the current precision."""
        return [ball_of(value) for value in self.x]

    def at(self, box: Sequence[arb], tolerance: tuple[float, float]) -> tuple[Vector, Matrix]:
        """Return the gradient at the reference and the Hessian over a box of theta around it.

        Entries are infinite where a quadrature fails.

        Parameters
        ----------
        box
            theta relative to the reference.
        tolerance
            Of the quadratures of l_i, for the gradient, and of l_ik.
        """
        # n unknowns. Gradient at the reference, Hessian over the box: all that Krawczyk's test needs. Quadratures for
        # the box bound the expectations for every q in it, as their m and L are balls; those at the point may share the
        # box's rules, because the point is one of its members
        forms = closed_forms(self.model, self.family)
        if forms is not None:
            gradient = list(forms[0](*self._inputs([arb(0)] * len(box))))
            return gradient, _symmetric(list(forms[1](*self._inputs(box))), len(box))
        wide = self.reference.point(self.wanted, box)
        sharp = self.reference.point(self.wanted, [arb(0)] * len(box))
        first, second = (1, self._degree), (2, 2 * self._degree)
        floats = self.model.latent_dim > 1
        if not floats:  # one set of rules serves both: planning is dearer than summing
            rules = self._rules(wide, [first, second], list(tolerance))
            at_point, over_box = rules.sums(sharp), rules.sums()
        else:
            at_point = self._rules(sharp, [first], [tolerance[0]]).sums(floats=True)
            loose = [tolerance[1] * wide_unit(wide), tolerance[1]]
            over_box = self._rules(wide, [first, second], loose).sums(floats=True)
        gradient = gradient_of(self.wanted, list(sharp.mean), _rows(sharp), self._lookup(at_point))
        return gradient, hessian_of(self.wanted, _rows(wide), self._lookup(over_box))

    @property
    def _degree(self) -> int:
        return 0 if self.family == "fixed" else 1

    def _inputs(self, offset: Sequence[arb]) -> list[arb]:
        rows = self.reference.factor()
        factor = [rows[i][j] for i in range(len(rows)) for j in range(i + 1)]
        mean = [ball_of(m) for m in self.reference.mean]
        return [*offset, *mean, *factor, *self.data()]

    def _rules(
        self, point: EnclosedGaussian, degrees: list[tuple[int, int]], tolerance: list[float]
    ) -> ProvedRules:
        return ProvedRules(self.model, self.data(), point, degrees, tolerance, self.deadline)

    def _lookup(self, values: Values) -> Lookup:
        d = self.model.latent_dim
        numbers = {
            order: {c: n for n, c in enumerate(combinations_with_replacement(range(d), order))}
            for order in (1, 2)
        }

        def expected(order: int, indices: tuple[int, ...], factors: tuple[int, ...]) -> arb:
            # derivatives commute, so that sorted indices name one; eps_j eps_l is the monomial of its exponents
            exponents = tuple(factors.count(k) for k in range(d))
            return values[order, numbers[order][tuple(sorted(indices))], exponents]

        return expected


def wide_unit(point: EnclosedGaussian) -> float:
    """Return the largest deviation of a coordinate of z, a float that steers."""
    return max(slope for _, slope in point.sizes())


def _rows(point: EnclosedGaussian) -> Matrix:
    return [list(row) for row in point.factor]


def _symmetric(lower: Sequence[arb], size: int) -> Matrix:
    matrix: Matrix = [[arb(0)] * size for _ in range(size)]
    # the lower triangle by rows fills both: second derivatives are symmetric
    entries = iter(lower)
    for a in range(size):
        for b in range(a + 1):
            matrix[a][b] = matrix[b][a] = next(entries)
    return matrix
