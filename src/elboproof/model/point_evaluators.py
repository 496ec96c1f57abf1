"""Evaluators at single points: a model's decoder, energy and derivatives in exact numbers and in balls."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from numpy.typing import NDArray
from sympy import Expr

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import number_list
from elboproof.model.base_measures import BALLS, SYMBOLS
from elboproof.model.quantities import Evaluator, not_finite
from elboproof.numbers.exact import ball_of, exact, rational
from elboproof.numbers.precision import current_bits, steady_precision
from elboproof.numbers.symbols import EXACT


class ExactEvaluator(Evaluator):
    """SymPy numbers. z and x are sequences of exact numbers: ints, Fractions, strings, or floats as what they are."""

    def decoder(self, z: Sequence[object], order: int = 0) -> NDArray[np.object_]:
        """Return f(z) or its derivatives as SymPy numbers, an object array of shape (D,) + (d,) * order."""
        # One point: (distinct * D,) -> (D,) + (d,) * order.
        index = self._index(order)
        order = index.ndim
        values = self._run("decoder", order, z, None)
        parts = np.array(values, dtype=object).reshape(-1, self._outputs)[index]
        return np.moveaxis(parts, -1, 0)

    def energy(self, z: Sequence[object], x: Sequence[object], order: int = 0) -> Any:
        """Return U(z) = -log p(x, z) in nats as a SymPy number, or its derivatives as an object array (d,) * order."""
        index = self._index(order)
        order = index.ndim
        values = self._run("energy", order, z, self._support.numbers(number_list(x, "x", self._D)))
        return np.array(values, dtype=object)[index]

    def _run(
        self, quantity: str, order: int, z: Sequence[object], x: Sequence[object] | None
    ) -> tuple[Expr, ...]:
        # Rational numbers in, SymPy numbers out; what is neither finite nor real is refused.
        points = [rational(value, f"z[{j}]") for j, value in enumerate(number_list(z, "z", self._d))]
        self._require_inside(quantity, points, lambda end: rational(end, "end"), bool)
        data: list[object] = [None] * self._D
        if x is not None:
            data = [rational(value, f"x[{j}]") for j, value in enumerate(x)]
            self._support.require_row(data, "x")
        try:
            values = self._quantities.compiled(quantity, order, EXACT)(*points, *data)
        except OverflowError as error:
            raise not_finite(quantity, order, points, str(error)) from error
        if not all(map(_is_real_number, values)):
            raise not_finite(quantity, order, points, "finite and real")
        if quantity == "decoder":
            return values
        return tuple(self._with_base(quantity, order, value, data, SYMBOLS) for value in values)


class BallEvaluator(Evaluator):
    """Balls of python-flint at the precision in force, ``flint.ctx.prec``, which no other thread changes meanwhile.

    z and x are sequences of exact numbers (ints, Fractions, strings, floats as the binary doubles that they are) or of
    balls. With an ``acb`` among z the complex extension is evaluated; ``analytic=True`` then demands that it is
    analytic on the whole ball. Balls that are not finite come back as they are for points that were given as balls;
    for points given as numbers they are an error.
    """

    def decoder(self, z: Sequence[object], order: int = 0, *, analytic: bool = False) -> NDArray[np.object_]:
        """Return f(z) or its derivatives as balls, an object array of shape (D,) + (d,) * order."""
        index = self._index(order)
        order = index.ndim
        values = self._run("decoder", order, z, None, analytic)
        parts = np.array(values, dtype=object).reshape(-1, self._outputs)[index]
        return np.moveaxis(parts, -1, 0)

    def energy(
        self, z: Sequence[object], x: Sequence[object], order: int = 0, *, analytic: bool = False
    ) -> Any:
        """Return U(z) = -log p(x, z) in nats as a ball, or its derivatives as an object array (d,) * order."""
        index = self._index(order)
        order = index.ndim
        data = self._support.numbers(number_list(x, "x", self._D))
        return np.array(self._run("energy", order, z, data, analytic), dtype=object)[index]

    def _run(
        self, quantity: str, order: int, z: Sequence[object], x: Sequence[object] | None, analytic: bool
    ) -> tuple[arb | acb, ...]:
        # No other thread changes the precision between two operations of one evaluation.
        with steady_precision():
            return self._at_precision(quantity, order, z, x, analytic)

    def _at_precision(
        self, quantity: str, order: int, z: Sequence[object], x: Sequence[object] | None, analytic: bool
    ) -> tuple[arb | acb, ...]:
        from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS

        # Numbers are enclosed at the precision in force, balls are taken as they are; one complex latent makes
        # all of them and the data complex. At numbers, also at balls without a radius, a value that is not
        # finite is a pole or an overflow, an error; over a wider ball it only says that nothing is known, and
        # comes back.
        entries = number_list(z, "z", self._d)
        points = [_ball(value, f"z[{j}]") for j, value in enumerate(entries)]
        if not any(isinstance(point, acb) for point in points):
            self._require_inside(quantity, points, lambda end: ball_of(Fraction(end)), bool)
        data: list[Any] = [None] * self._D
        if x is not None:
            data = [_real_ball(value, f"x[{j}]") for j, value in enumerate(x)]
            self._support.require_row([_exact(value, f"x[{j}]") for j, value in enumerate(x)], "x")
        if any(isinstance(point, acb) for point in points):
            complex_function = self._quantities.compiled(quantity, order, COMPLEX_BALLS)
            values = complex_function(
                *map(acb, points),
                *(None if value is None else acb(value) for value in data),
                analytic=analytic,
            )
            return self._based(quantity, order, values, data)
        values = self._quantities.compiled(quantity, order, REAL_BALLS)(*points, *data)
        numbers = all(
            point.is_exact() or not isinstance(given, arb)
            for point, given in zip(points, entries, strict=True)
        )
        if numbers and not all(value.is_finite() for value in values):
            place = [str(point) for point in points]
            raise not_finite(quantity, order, place, f"finite at {current_bits()} bits")
        return self._based(quantity, order, values, data)

    def _based(
        self, quantity: str, order: int, values: tuple[arb | acb, ...], data: list[Any]
    ) -> tuple[arb | acb, ...]:
        if quantity == "decoder":
            return values
        return tuple(self._with_base(quantity, order, value, data, BALLS) for value in values)


def _is_real_number(value: Expr) -> bool:
    """Whether a SymPy number is finite and real; where its rules do not know, 30 digits decide."""
    if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo) or value.is_real is False:
        return False
    if value.is_real:
        return True
    return bool(value.evalf(30, maxn=1000).is_real)


def _real_ball(value: object, name: str) -> arb:
    ball = _ball(value, name)
    if not isinstance(ball, arb):
        raise wrong_type(name, value, "a real number or a real ball")
    return ball


def _exact(value: object, name: str) -> object:
    """Return a number exactly, whatever the precision; a ball as it is."""
    return value if isinstance(value, arb) else exact(value, name)


def _ball(value: object, name: str) -> arb | acb:
    if isinstance(value, arb | acb):
        if not value.is_finite():
            raise bad(name, value, "a finite ball")
        return value
    # Exact as far as here; the ball holds the one rounding to the precision in force.
    number = exact(value, name)
    return ball_of(number)
