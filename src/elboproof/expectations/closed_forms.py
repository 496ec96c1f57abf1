r"""Closed forms of Gaussian expectations, on a tape.

For z ~ N(m, S) and complex a,

    E[z^k exp(a.z)] = exp(a.m + a'Sa/2) E[y^k],   y ~ N(m + S a, S),
    E[y^(k + e_j)] = (m + S a)_j E[y^k] + sum_l S_jl k_l E[y^(k - e_l)]

(completing the square; Stein's lemma; both hold for complex a by analytic continuation). On the tape these are
operations on m and S, compiled for balls as every other quantity; its derivatives are the tape's.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import sympy
from sympy import Expr, PolynomialError, Symbol

from elboproof.expectations.exponential import ExponentialPolynomial, ExponentialReader, OutsideTheClassError
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    from flint import arb

Number = tuple[int, int]
"""Tape entries of a real and an imaginary part."""
LONG_BITS = 10_000
"""Of numbers that SymPy must not print: Python writes no integer of more than 4300 digits."""
Rate = tuple[tuple[Expr, ...], tuple[Expr, ...]]


class GaussianMoments:
    """Expectations under N(m, S) as entries of a tape.

    Parameters
    ----------
    tape
        Grows by what is needed.
    mean, covariance
        Its entries of m, (d,), and S, (d, d).
    """

    def __init__(self, tape: Tape, mean: Sequence[int], covariance: Sequence[Sequence[int]]) -> None:
        self.tape, self.mean, self.covariance = tape, list(mean), covariance
        self._shifted: dict[Rate, tuple[Number, list[Number]]] = {}
        self._powers: dict[tuple[Rate, tuple[int, ...]], Number] = {}
        self._zero = tape.constant(0)

    def expectation(self, g: ExponentialPolynomial) -> int:
        """Return the entry of E[g(z)] for a real g."""
        total = self._zero
        for (k, growth, frequency), (real, imag) in g.terms.items():
            value = self._moment(k, (growth, frequency))
            # g is real, so its terms come in conjugate pairs and the imaginary parts of the sum cancel identically:
            # only the real ones are added
            c = self.tape.lower(real), self.tape.lower(imag)
            total = self.tape.add(total, self._product(c, value)[0])
        return total

    def _moment(self, k: tuple[int, ...], rate: Rate) -> Number:
        """Return E[z^k exp(a.z)]; of conjugate rates only one is computed."""
        growth, frequency = rate
        # E[z^k exp(conj(a).z)] is the conjugate, as z and k are real. The sign of the first frequency names one of the
        # pair
        first = next((b for b in frequency if b != 0), None)
        if first is not None and first.could_extract_minus_sign():
            real, imag = self._moment(k, (growth, tuple(-b for b in frequency)))
            return real, self.tape.negate(imag)
        if rate not in self._shifted:
            self._shifted[rate] = self._shift(rate)
        return self._product(self._shifted[rate][0], self._power(rate, k))

    def _shift(self, rate: Rate) -> tuple[Number, list[Number]]:
        """Return exp(a.m + a'Sa/2) and m + S a."""
        tape = self.tape
        # with a = g + i f: a'Sa = g'Sg - f'Sf + 2i g'Sf, and S is symmetric; so Re = g.m + (g'Sg - f'Sf)/2, Im = f.m +
        # g'Sf, and the centre is m + S g + i S f. Entries of a tape: four real vectors of length d
        growth, frequency = ([tape.lower(part) for part in parts] for parts in rate)
        along, across = self._times(growth), self._times(frequency)
        half = tape.constant(Fraction(1, 2))
        square = tape.subtract(self._dot(growth, along), self._dot(frequency, across))
        size = tape.add(self._dot(growth, self.mean), tape.multiply(half, square))
        angle = tape.add(self._dot(frequency, self.mean), self._dot(growth, across))
        centre = [(tape.add(m, u), v) for m, u, v in zip(self.mean, along, across, strict=True)]
        return self._exponential(size, angle), centre

    def _exponential(self, size: int, angle: int) -> Number:
        tape = self.tape
        # exp(size + i angle) by its parts. Only entries that are the constant zero are left out, which is exact
        modulus = tape.constant(1) if tape.value(size) == 0 else tape.call("exp", size)
        if tape.value(angle) == 0:
            return modulus, self._zero
        return tape.multiply(modulus, tape.call("cos", angle)), tape.multiply(
            modulus, tape.call("sin", angle)
        )

    def _power(self, rate: Rate, k: tuple[int, ...]) -> Number:
        """Return E[y^k] by the recursion."""
        if not any(k):
            return self.tape.constant(1), self._zero
        if (rate, k) not in self._powers:
            # the module's recursion with k - e_j for k, along the first axis that has a power: every call has one power
            # less, and the memory makes each exponent below k one entry
            j = next(i for i, n in enumerate(k) if n)
            lower = _changed(k, j)
            total = self._product(self._shifted[rate][1][j], self._power(rate, lower))
            for i, n in enumerate(lower):
                if n:
                    weight = self.tape.multiply(self.covariance[j][i], self.tape.constant(n))
                    part = self._product((weight, self._zero), self._power(rate, _changed(lower, i)))
                    total = self.tape.add(total[0], part[0]), self.tape.add(total[1], part[1])
            self._powers[rate, k] = total
        return self._powers[rate, k]

    def _times(self, vector: Sequence[int]) -> list[int]:
        return [self._dot(row, vector) for row in self.covariance]

    def _dot(self, first: Sequence[int], second: Sequence[int]) -> int:
        total = self._zero
        for a, b in zip(first, second, strict=True):
            total = self.tape.add(total, self.tape.multiply(a, b))
        return total

    def _product(self, first: Number, second: Number) -> Number:
        (a, b), (c, e), tape = first, second, self.tape
        real = tape.subtract(tape.multiply(a, c), tape.multiply(b, e))
        return real, tape.add(tape.multiply(a, e), tape.multiply(b, c))


def _changed(k: tuple[int, ...], j: int) -> tuple[int, ...]:
    return (*k[:j], k[j] - 1, *k[j + 1 :])


@lru_cache
def data_symbols(data_dim: int) -> tuple[Symbol, ...]:
    """Return the symbols that stand for x: the same for all models, because equal models share what is cached here."""
    return tuple(sympy.Dummy(f"x_{j}", real=True) for j in range(data_dim))


@lru_cache(maxsize=64)
def likelihood_terms(model: LatentModel) -> tuple[tuple[Expr, ExponentialPolynomial], ...] | None:
    """Return the tilted log p(x|z) as a sum of c(x) g(z), or None if it is not of the class.

    It is log p(x, z) - log N(z; 0, I); the likelihood must be a polynomial in the decoder's outputs, as the Gaussian
    one is.
    """
    if not model.decoder:
        return None
    # the density is a polynomial in D symbols that stand for the outputs, so that reading it and reading the D entries
    # are apart: products of entries are formed in the class, never expanded by SymPy. What is not of the class, or too
    # long, is left to quadrature, so None is always a right answer
    outputs = sympy.symbols(f"f_:{len(model.outputs)}", real=True, cls=sympy.Dummy)
    density = model.likelihood.log_density(outputs, data_symbols(model.data_dim))
    reader = ExponentialReader(model.latents)
    try:
        monomials = _monomials(density, outputs)
        entries = [reader.read(f) for f in model.outputs]
        tilt = [] if model.prior.standard else _tilt(model, reader)
        return (*((c, _monomial(reader, entries, k)) for k, c in monomials), *tilt)
    except (OutsideTheClassError, PolynomialError):
        return None


def _tilt(model: LatentModel, reader: ExponentialReader) -> list[tuple[Expr, ExponentialPolynomial]]:
    """Return log p(z) - log N(z; 0, I), its constant apart: the class has no logarithms."""
    constant, function = sympy.expand(model.prior.tilt(model.latents)).as_independent(
        *model.latents, as_Add=True
    )
    one = reader.constant(sympy.Integer(1))
    return [(constant, one), (sympy.Integer(1), reader.read(function))]


def _monomials(density: Expr, outputs: Sequence[Symbol]) -> list[tuple[tuple[int, ...], Expr]]:
    """Return the polynomial's exponents and coefficients; long numbers are hidden, as SymPy sorts by what it prints."""
    # a substitution of symbols for numbers that is undone in the coefficients: the polynomial in the outputs is the
    # same
    long = {n: sympy.Dummy() for n in density.atoms(sympy.Rational) if max(n.p, n.q).bit_length() > LONG_BITS}
    shown = {dummy: number for number, dummy in long.items()}
    return [(k, c.xreplace(shown)) for k, c in sympy.Poly(density.xreplace(long), *outputs).terms()]


def _monomial(
    reader: ExponentialReader, entries: Sequence[ExponentialPolynomial], k: Sequence[int]
) -> ExponentialPolynomial:
    total = reader.constant(sympy.Integer(1))
    for entry, n in zip(entries, k, strict=True):
        if n:
            total = total * entry.power(n)
    return total


def expected_log_likelihood(
    model: LatentModel, tape: Tape, mean: Sequence[int], covariance: Sequence[Sequence[int]]
) -> int | None:
    """Return the tape's entry of E_q[log p(x|z)] in nats, None where there is no closed form.

    The symbols ``data_symbols(D)`` must be inputs of the tape.
    """
    terms = likelihood_terms(model)
    if terms is None:
        return None
    # the sum over c(x) g(z) is finite and each g integrable against any Gaussian, so the expectation may be taken term
    # by term
    moments = GaussianMoments(tape, mean, covariance)
    total = tape.constant(0)
    for c, g in terms:
        total = tape.add(total, tape.multiply(tape.lower(c), moments.expectation(g)))
    return total


def lower_triangle(d: int) -> list[tuple[int, int]]:
    """Return the places (i, j), i >= j, of a Cholesky factor, row by row."""
    return [(i, j) for i in range(d) for j in range(i + 1)]


def multiplied(tape: Tape, factor: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the entries of S = L L'; row i of ``factor`` has its i + 1 entries."""
    size = len(factor)
    covariance = [[tape.constant(0)] * size for _ in range(size)]
    for i, j in lower_triangle(size):
        total = tape.constant(0)
        # j <= i, and row j ends at its diagonal, where zip stops: beyond it L_jk = 0
        for a, b in zip(factor[i], factor[j], strict=False):
            total = tape.add(total, tape.multiply(a, b))
        covariance[i][j] = covariance[j][i] = total
    return covariance


@lru_cache(maxsize=64)
def compiled_expectation(model: LatentModel) -> Compiled | None:
    """Return (m_1..m_d, L_11, L_21, L_22, .., x_1..x_D) -> (E_q[log p(x|z)],) in balls, None without closed form."""
    from elboproof.numbers.balls import REAL_BALLS

    d = model.latent_dim
    mean = [Symbol(f"m_{i}", real=True) for i in range(d)]
    places = lower_triangle(d)
    entries = {place: sympy.Dummy(f"L_{place[0]}{place[1]}", real=True) for place in places}
    # the function is in m and L, not in S: balls of L give a positive semidefinite L L' for every member, and the
    # Cholesky factor is what q's have
    tape = Tape([*mean, *entries.values(), *data_symbols(model.data_dim)])
    factor = [[tape.lower(entries[i, j]) for j in range(i + 1)] for i in range(d)]
    root = expected_log_likelihood(model, tape, [tape.lower(m) for m in mean], multiplied(tape, factor))
    return None if root is None else compile_tape(tape, [root], REAL_BALLS)


def closed_form(
    model: LatentModel, x: "Sequence[arb]", mean: "Sequence[arb]", cholesky: "Sequence[Sequence[arb]]"
) -> "arb | None":
    """Return E_q[log p(x|z)] in nats at the current precision, None where there is no closed form."""
    function = compiled_expectation(model)
    if function is None:
        return None
    # the compiled function evaluates every operation in balls, so that the result holds the expectation for every
    # member of the balls of x, m and L
    factor = [cholesky[i][j] for i, j in lower_triangle(model.latent_dim)]
    (value,) = function(*mean, *factor, *x)
    return value  # type: ignore[no-any-return]
