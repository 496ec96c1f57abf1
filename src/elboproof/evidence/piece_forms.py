"""The energy on a piece of a piecewise linear decoder: a quadratic form in (z, 1), in balls of any precision.

With the units h = S z~, z~ = (z, 1), and the outputs W h + b = [W b] (S z~, 1), a Gaussian of covariance C = L D L' has

    -2 log p(x|z) = (x - W h - b)' C^-1 (x - W h - b) + log det(2 pi C)
                  = s' G s - 2 y's + x' C^-1 x + ...,       s = (S z~, 1),  G = [W b]' C^-1 [W b],  y = [W b]' C^-1 x,

so that a piece costs S' G S once, and S' y for each x. Where there are fewer outputs than units, the outputs take the
place of the units.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb, arb_mat, fmpq, fmpq_mat

from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.model.priors import Normal
from elboproof.model.whitening import whitening
from elboproof.numbers.exact import ball_of, flint_rational


@dataclass(frozen=True)
class DataForms:
    """What the forms take of one data point: x' C^-1 x and [W b]' C^-1 x, (n + 1) x 1."""

    square: arb
    linear: arb_mat


class PieceForms:
    """The forms of a model under N(0, I) or another normal prior; made at the precision in force, and for it.

    Parameters
    ----------
    model
        With a Gaussian likelihood of constant covariance.
    function
        Its decoder.

    Attributes
    ----------
    apart : bool
        Whether S are the units; otherwise the outputs, which are fewer, stand in their place.
    """

    def __init__(self, model: LatentModel, function: Piecewise) -> None:
        self.function, self.d = function, model.latent_dim
        self._likelihood: Gaussian = model.likelihood  # type: ignore[assignment]
        self._prior: Normal = model.prior  # type: ignore[assignment]
        self._outputs = model.data_dim
        weight = function.weight
        self.apart = weight is not None and weight.ncols() <= weight.nrows()

    def of_units(self, units: fmpq_mat) -> tuple[arb_mat, arb_mat]:
        """Return S' and the prior's form plus S' G S, of a piece whose units are given; a last row of S is (0, 1)."""
        rows, weight, bias = arb_mat(units), self.function.weight, self.function.bias
        if weight is not None and bias is not None and not self.apart:
            rows = arb_mat(weight) * rows
            self._add(arb_mat(bias), rows)
        last = [arb(0)] * self.d + [arb(1)]
        turned = arb_mat([*rows.tolist(), last]).transpose()
        return turned, self.prior[0] + turned * (self._gram * turned.transpose())

    def _add(self, bias: arb_mat, rows: arb_mat) -> None:
        for j in range(rows.nrows()):
            rows[j, self.d] += bias[j, 0]

    def of_data(self, row: list[Fraction]) -> DataForms:
        """Return what the forms take of a data point."""
        x = arb_mat([[ball_of(value)] for value in row])
        weighted = self._weighted(x)
        return DataForms((x.transpose() * weighted)[0, 0], self._map.transpose() * weighted)

    def joined(self, turned: arb_mat, form: arb_mat, data: DataForms) -> arb_mat:
        """Return Q with U = z~' Q z~ / 2 less the constant."""
        linear = turned * data.linear
        d = self.d
        result = form + arb_mat(d + 1, d + 1)
        for k in range(d + 1):
            result[k, d] -= linear[k, 0]
            result[d, k] -= linear[k, 0]
        result[d, d] += data.square
        return result

    @property
    def constant(self) -> arb:
        """Log det(2 pi C)/2 and the prior's own."""
        pivots = self.pivots
        size = (2 * arb.pi()).log() * self._outputs
        return (size + sum((pivot.log() for pivot in pivots), arb(0))) / 2 + self.prior[1]

    @cached_property
    def prior(self) -> tuple[arb_mat, arb]:
        """The prior's form, and the logarithm of its normaliser."""
        half = (2 * arb.pi()).log() * self.d / 2
        precision, mean, determinant = normal_form(self._prior, self.d)
        shift = precision * mean
        rows = [[*row, -shift[k, 0]] for k, row in enumerate(precision.table())]
        rows.append([*(-shift[k, 0] for k in range(self.d)), (mean.transpose() * shift)[0, 0]])
        return arb_mat(fmpq_mat(rows)), half + arb(determinant).log() / 2

    @cached_property
    def _map(self) -> arb_mat:
        """[W b], or the identity and a column of zeros where the units are the outputs."""
        if self.apart:
            weight, bias = self.function.weight.table(), self.function.bias.table()  # type: ignore[union-attr]
            return arb_mat(fmpq_mat([[*row, *last] for row, last in zip(weight, bias, strict=True)]))
        size = self._outputs
        return arb_mat(fmpq_mat([[int(j == k) for k in range(size + 1)] for j in range(size)]))

    @cached_property
    def _gram(self) -> arb_mat:
        return self._map.transpose() * self._weighted(self._map)

    @cached_property
    def pivots(self) -> list[arb]:
        """The diagonal D of C = L D L', the variances where there is no other."""
        likelihood = self._likelihood
        if likelihood.covariance is not None:
            return [arb(pivot) for pivot in whitening(likelihood.covariance).pivots]
        variances = (likelihood.variance or ()) * (self._outputs if likelihood.scalar else 1)
        return [arb(fmpq(int(v.p), int(v.q))) for v in variances]

    def _weighted(self, columns: arb_mat) -> arb_mat:
        """Return C^-1 times columns."""
        covariance = self._likelihood.covariance
        if covariance is None:
            return _divided(columns, self.pivots)
        white = whitening(covariance)
        rows = [[*row, *[fmpq(0)] * (self._outputs - len(row))] for row in white.rows]
        turn = arb_mat(fmpq_mat(rows))
        return turn.transpose() * _divided(turn * columns, self.pivots)


def _divided(columns: arb_mat, divisors: list[arb]) -> arb_mat:
    return arb_mat([[v / by for v in row] for row, by in zip(columns.tolist(), divisors, strict=True)])


def normal_form(prior: Normal, d: int) -> tuple[fmpq_mat, fmpq_mat, fmpq]:
    """Return a normal prior's precision, its mean as a column, and the determinant of its covariance."""
    identity = fmpq_mat([[int(j == k) for k in range(d)] for j in range(d)])
    if prior.mean is None or prior.covariance is None:
        return identity, fmpq_mat(d, 1), fmpq(1)
    covariance = fmpq_mat([[flint_rational(entry) for entry in row] for row in prior.covariance])
    return covariance.inv(), fmpq_mat([[flint_rational(m)] for m in prior.mean]), covariance.det()
