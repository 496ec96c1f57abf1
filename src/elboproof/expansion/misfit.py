"""The misfit W = |x - f|^2 / 2 of a decoder with its derivatives, in SymPy's numbers and in balls."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_mat, fmpq
from sympy import Expr, Rational
from sympy.utilities.iterables import multiset_permutations

from elboproof.arrays import FloatArray
from elboproof.expansion.asymptotics import misfit_derivatives
from elboproof.expansion.inversion import exact_solutions
from elboproof.expansion.potential import ON_IMAGE, SAME, Floats, float_data
from elboproof.expansion.wick import Tensor
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.interruption import Interruption
from elboproof.numbers.tape import Tape

BITS = 300
"""Of the balls: the boxes are some 1e-60 wide, and the highest derivatives lose a few digits of that."""

LONGEST = 1100
"""Bits of a rational that SymPy is given; doubles have up to 1075. It factors what stands under roots, and prints what
it sorts, though Python writes no number of over 14,000 bits: longer ones end in errors of its own, or take minutes."""


@dataclass(frozen=True)
class Misfit:
    """W(z) = (x - f)' P (x - f) / 2 with its derivatives, exact and in balls.

    Attributes
    ----------
    model : LatentModel
    data : (D,)
        x, rationals; or expressions in the latents.
    metric : (D, D)
        P, rationals.
    deadline
        On the clock ``time.monotonic()``: `OutOfTimeError` is raised in what goes on after it.
    """

    model: LatentModel
    data: tuple[Expr, ...]
    metric: sympy.ImmutableMatrix
    deadline: float = math.inf

    def interrupted(self) -> Interruption:
        """Return the time limit for a block of SymPy's work."""
        return Interruption(self.deadline)

    @property
    def name(self) -> str:
        """What W is called in sentences."""
        return "|x - f|^2 / 2"

    @property
    def met(self) -> str:
        """What the mode is where x is on the image."""
        return "x = f(z0)"

    @cached_property
    def short(self) -> bool:
        """Whether the model is written in expressions, and all rationals are short enough for SymPy."""
        return short([*self.model.decoder, *self.data, *self.metric]) and bool(self.model.decoder)

    def exact_derivative(self, order: int, point: tuple[Expr, ...]) -> Tensor:
        """Return D^k W at an exact point, shape (d,) * k."""
        f = {k: _exact_decoder(self.model, k, point) for k in range(order + 1)}
        residual = np.array([a - b for a, b in zip(self.data, f[0], strict=True)], dtype=object)
        # ring operations on exact numbers only, then expanded: the result is D^k W itself, in a form in which sums
        # cancel
        metric = np.array(self.metric.tolist(), dtype=object)
        return _each(sympy.expand, misfit_derivatives(f, residual, metric, order))

    def ball_derivative(self, order: int, point: tuple[arb, ...]) -> Tensor:
        """Return enclosures of D^k W over a box, shape (d,) * k."""
        f = {k: ball_decoder(self.model, k, point) for k in range(order + 1)}
        residual = np.array([ball(a) - b for a, b in zip(self.data, f[0], strict=True)], dtype=object)
        # each ball of D^j f holds the values over the whole box, and ring operations on balls hold those on all
        # members
        metric = np.array([[ball(entry) for entry in row] for row in self.metric.tolist()], dtype=object)
        return misfit_derivatives(f, residual, metric, order)

    def log_mass(self, at: tuple[arb, ...]) -> float:
        """Return log p(z0) - log det Hess W / 2 + log det P / 2 for the prior p, in nats."""
        # midpoints: the mass steers and is told, it is not proved. det P and det Hess W are quotients of exact numbers
        # or balls of 300 bits, so that determinants beyond the range of doubles have logarithms
        with working_precision(BITS):
            (energy,) = self.model.prior_quantities.compiled("energy", 0, REAL_BALLS)(*at)
            hessian = arb_mat(self.ball_derivative(2, at).tolist()).det()
            logarithm = float(ball(self.metric.det()).log() - hessian.log())
        return logarithm / 2 - float(energy.mid())

    @cached_property
    def _floating(self) -> tuple[FloatArray, FloatArray]:
        """Data x (D,) and P (D, D)."""
        return float_data(self.data), np.array(self.metric.tolist(), dtype=float)

    def floats(self, z: FloatArray) -> Floats:
        """Return W (N,), grad W (N, d) and Hess W (N, d, d) at points (N, d), W infinite where f overflows."""
        # f (N, D), J (N, D, d), H (N, D, d, d); Hess W = J' P J - (P r) . H with r = x - f, P symmetric
        x, metric = self._floating
        f, J, H = (_float_decoder(self.model, z, order) for order in (0, 1, 2))
        dual = (x - f) @ metric
        gauss = np.einsum("nik,ij,njl->nkl", J, metric, J)
        misfit: FloatArray = np.einsum("ni,ni->n", dual, x - f) / 2
        return np.where(np.isfinite(misfit), misfit, np.inf), -_with(dual, J), gauss - _with(dual, H)

    @property
    def tolerance(self) -> float:
        """The distance below which x counts as on the image."""
        x, metric = self._floating
        return ON_IMAGE * (1 + float(np.abs(x).max())) * math.sqrt(float(metric.trace()))

    def distance_at(self, z: FloatArray) -> float:
        """Return the distance of x from f(z) in the metric P, in floats."""
        return math.sqrt(2 * float(self.floats(z[None])[0][0]))

    def as_near(self, levels: FloatArray) -> FloatArray:
        """Return which of the minima with these W are the lowest ones, by their distances."""
        distances = np.sqrt(2 * levels)
        return np.asarray(distances <= distances.min() * (1 + SAME) + self.tolerance)

    def distance(self, at: tuple[arb, ...]) -> float:
        """Return |x - f| at a mode."""
        residual = [ball(a) - b for a, b in zip(self.data, ball_decoder(self.model, 0, at), strict=True)]
        return float(sum((r * r for r in residual), arb(0)).mid().sqrt())

    def away(self, lowest: float) -> str:
        """Return why x is refused where it is not on the image."""
        return (
            f"at distance {lowest:.6g} from the decoder's image; expected a point of the image (or pass "
            "nearest=True for the law at the nearest point)"
        )

    def apart(self, distance: float) -> str:
        """Return what the mode is where x is not on the image."""
        return f"z0 is the nearest point, at distance {distance:.6g}"

    def nowhere(self) -> str:
        """Return why x is refused where no minimum was found."""
        return "no nearest point was found; expected x near the image"

    def solutions(self) -> list[tuple[Expr, ...]]:
        """Return points where entries of f equal those of x, as far as elementary inverses find them."""
        return exact_solutions(self.model.latents, list(zip(self.model.decoder, self.data, strict=True)))


def short(parts: Iterable[Any]) -> bool:
    """Return whether all rationals in some expressions are short enough for SymPy."""
    numbers = {n for part in parts for n in sympy.sympify(part).atoms(Rational)}
    return all(max(abs(int(n.p)), int(n.q)).bit_length() <= LONGEST for n in numbers)


def _with(dual: FloatArray, derivative: FloatArray) -> FloatArray:
    product: FloatArray = np.einsum("ni,ni...->n...", dual, derivative)
    return product


def _float_decoder(model: LatentModel, z: FloatArray, order: int) -> FloatArray:
    """Return the derivatives of f of one order, shape (N, D) + (d,) * order; not finite where they overflow."""
    d, D = model.latent_dim, model.data_dim
    # compiled derivatives come by direction, the D entries within each; partial derivatives commute, so that one value
    # fills all orders of its direction. A constant entry is a scalar, which the assignment spreads over the N points
    values = model.quantities.compiled("decoder", order, FLOATING)(*z.T, *[None] * D)
    result = np.empty((D, *(d,) * order, len(z)))
    for n, direction in enumerate(combinations_with_replacement(range(d), order)):
        for place in _orders(direction):
            for j in range(D):
                result[(j, *place)] = values[n * D + j]
    return np.moveaxis(result, -1, 0)


@lru_cache(maxsize=512)
def _exact_decoder(model: LatentModel, order: int, point: tuple[Expr, ...]) -> Tensor:
    """Return D^k f at an exact point, shape (D,) + (d,) * k."""
    d = model.latent_dim
    values = dict(zip(model.latents, point, strict=True))
    # a point that is the latents' own symbols leaves the derivatives as they are; elsewhere all symbols are put in at
    # once, so that a value that contains a latent's name is not put in twice. Partial derivatives commute: one entry
    # for all orders of a direction
    same = all(symbol == value for symbol, value in values.items())
    result = np.empty((model.data_dim, *(d,) * order), dtype=object)
    for j, entry in enumerate(model.decoder):
        for direction in combinations_with_replacement(range(d), order):
            slope = entry.diff(*(model.latents[a] for a in direction)) if direction else entry
            number = slope if same else sympy.simplify(slope.subs(values, simultaneous=True))
            for place in _orders(direction):
                result[(j, *place)] = number
    return result


def ball_decoder(model: LatentModel, order: int, point: tuple[arb, ...]) -> Tensor:
    """Return enclosures of D^k f over a box, shape (D,) + (d,) * k."""
    d, D = model.latent_dim, model.data_dim
    # D entries for each direction, as compiled; (D,) + (d,) * k has d^k places for its binomial(d + k - 1, k) values
    values = model.quantities.compiled("decoder", order, REAL_BALLS)(*point, *[None] * D)
    result = np.empty((D, *(d,) * order), dtype=object)
    for n, direction in enumerate(combinations_with_replacement(range(d), order)):
        for j in range(D):
            for place in _orders(direction):
                result[(j, *place)] = values[n * D + j]
    return result


def _orders(direction: tuple[int, ...]) -> set[tuple[int, ...]]:
    return {tuple(p) for p in multiset_permutations(list(direction))} if direction else {()}


def _each(function: Any, tensor: Tensor) -> Tensor:
    result = np.empty(tensor.shape, dtype=object)
    for index in np.ndindex(tensor.shape):
        result[index] = function(tensor[index])
    return result


def ball(number: Any) -> arb:
    """Return a ball around a SymPy constant, at the working precision."""
    expression = sympy.sympify(number)
    if isinstance(expression, Rational):
        return arb(fmpq(int(expression.p), int(expression.q)))
    # the tape has no inverse circular function but atan: the others are written by it and by log, identities on [-1, 1]
    # for asin and acos and within for atanh. Elsewhere balls answer with no number, which every test after refuses
    expression = expression.replace(sympy.acos, lambda c: sympy.pi / 2 - _asin(c))
    expression = expression.replace(sympy.asin, _asin).replace(sympy.atanh, _atanh)
    tape = Tape(())
    return arb(compile_tape(tape, [tape.lower(expression)], REAL_BALLS)()[0])


def _asin(c: Expr) -> Expr:
    """Return asin(c) by the arc tangent, which balls have."""
    return 2 * sympy.atan(c / (1 + sympy.sqrt(1 - c**2)))


def _atanh(c: Expr) -> Expr:
    return sympy.log((1 + c) / (1 - c)) / 2
