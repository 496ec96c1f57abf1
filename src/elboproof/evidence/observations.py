r"""Gaussian observations of latents that enter linearly, and what is left of them when those are integrated out.

Row i says v_i = beta_i y + noise with variance w_i, y ~ N(0, a), all independent. -2 log of the density of the v is
sum_i v_i^2/w_i + sum_i log(2 pi w_i) when no latent is left, and each step below keeps that true for the rest:

- One row p is observed (Kalman): v_p has the variance s = w_p + a beta_p^2, and given v_p the latent has the mean
  k v_p, k = a beta_p / s, and the variance a w_p / s. So v_i becomes v_i - beta_i k v_p.
- A latent in one row alone only adds a beta_i^2 to its variance.
- Else all rows at once (Sherman and Morrison, completed to squares): with P = 1/a + sum beta_i^2/w_i and
  t = sum beta_i v_i / w_i / P, v' S^-1 v = sum (v_i - beta_i t)^2 / w_i + t^2/a and det S = a P prod w_i.

The form stays a sum of squares, no pivot is below 1/a, nothing is subtracted but multiples of rows, and where beta and
w are numbers so are the results, exactly. The first step is used where they are: a coefficient that is a number cannot
vanish somewhere. Other latents' coefficients are transformed with v, since all steps are linear in it.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from elboproof.numbers.tape import Tape


class Observations:
    """Rows v with variances w, entries of a tape; ``columns`` are the coefficients of latents that are not yet out.

    Attributes
    ----------
    values : list of int
        The v.
    variances : list of int
        The w.
    least : list of Fraction
        Lower bounds of the w.
    precisions : list of tuple of int and Fraction
        The P of the third step, and their lower bounds 1/a.
    """

    def __init__(
        self,
        tape: Tape,
        values: Sequence[int],
        columns: Sequence[Sequence[int]],
        variances: Sequence[Fraction],
        latent_variances: Sequence[Fraction],
    ) -> None:
        self.tape, self.values = tape, list(values)
        self._columns = [list(column) for column in columns]
        self._latent_variances = list(latent_variances)
        self.variances, self.least = [tape.constant(w) for w in variances], list(variances)
        self.precisions: list[tuple[int, Fraction]] = []

    def integrate(self) -> None:
        """Integrate all latents out, first those whose coefficients vary least."""
        while self._columns:
            varying = [sum(self.tape.value(c) is None for c in column) for column in self._columns]
            k = varying.index(min(varying))
            self._integrate(self._columns.pop(k), self._latent_variances.pop(k))

    def _integrate(self, column: list[int], variance: Fraction) -> None:
        # the latent's variance stays a number, because only rows of numbers are observed one by one
        for p in range(len(column)):
            coefficient, noise = self.tape.value(column[p]), self.tape.value(self.variances[p])
            if coefficient and noise:
                variance = self._observe(p, coefficient, noise, variance, column)
        rows = [i for i, c in enumerate(column) if self.tape.value(c) != 0]
        if len(rows) == 1:
            self._widen(rows[0], column[rows[0]], variance)
        elif rows:
            self._project(rows, column, variance)

    def _observe(
        self, p: int, coefficient: Fraction, noise: Fraction, variance: Fraction, column: list[int]
    ) -> Fraction:
        """Take row p into account, and return the variance that is left of the latent."""
        total = noise + variance * coefficient**2
        gain = self.tape.constant(variance * coefficient / total)
        column[p] = self.tape.constant(0)
        for vector in (self.values, *self._columns):
            mean = self.tape.multiply(gain, vector[p])
            self._subtract(vector, column, mean)
        self.variances[p], self.least[p] = self.tape.constant(total), total
        return variance * noise / total

    def _widen(self, i: int, coefficient: int, variance: Fraction) -> None:
        tape = self.tape
        square = tape.multiply(coefficient, coefficient)
        self.variances[i] = tape.add(self.variances[i], tape.multiply(tape.constant(variance), square))

    def _project(self, rows: Sequence[int], column: list[int], variance: Fraction) -> None:
        """Take all rows into account at once: another row t is what keeps the form a sum of squares."""
        tape = self.tape
        weighted = {i: tape.divide(column[i], self.variances[i]) for i in rows}
        squares = [tape.divide(tape.multiply(column[i], column[i]), self.variances[i]) for i in rows]
        precision = reduce(tape.add, squares, tape.constant(1 / variance))
        self.precisions.append((precision, 1 / variance))
        for vector in (self.values, *self._columns):
            products = [tape.multiply(weight, vector[i]) for i, weight in weighted.items()]
            mean = tape.divide(reduce(tape.add, products), precision)
            self._subtract(vector, column, mean)
            vector.append(mean)
        self.variances.append(tape.constant(variance))
        self.least.append(variance)

    def _subtract(self, vector: list[int], column: Sequence[int], mean: int) -> None:
        # what a zero multiplies is left as it is: the tape folds it
        for i, coefficient in enumerate(column):
            vector[i] = self.tape.subtract(vector[i], self.tape.multiply(coefficient, mean))

    def energy(self) -> int:
        """Return the entry of sum v^2/(2 w) + sum log(w)/2 + sum log(P)/2, for D rows without D log(2 pi)/2."""
        # equal numbers under the logarithm are counted, so that D equal variances are one logarithm
        tape = self.tape
        squares = [
            tape.divide(tape.multiply(v, v), w) for v, w in zip(self.values, self.variances, strict=True)
        ]
        under = [*self.variances, *(precision for precision, _ in self.precisions)]
        logs = [
            tape.multiply(tape.constant(under.count(entry)), tape.call("log", entry))
            for entry in dict.fromkeys(under)
        ]
        return tape.multiply(
            tape.constant(Fraction(1, 2)), reduce(tape.add, [*squares, *logs], tape.constant(0))
        )

    def least_factors(self) -> list[Fraction]:
        """Return numbers whose product is at most that of all w and P, the determinant of the covariance."""
        return [*self.least, *(least for _, least in self.precisions)]
