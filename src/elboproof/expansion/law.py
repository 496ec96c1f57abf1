"""The law of a gap as a record: its terms, what they are about, and what was proved of them."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from sympy import Expr

from elboproof.arguments import bad, written
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import exact
from elboproof.printing import screen

Number: TypeAlias = Expr | Enclosure
"""An exact SymPy number, or proved bounds."""


@dataclass(frozen=True, repr=False)
class GapLaw:
    """gap = limit + leading v^order + next_order v^(order + 1) + O(v^(order + 2)).

    v is a Gaussian likelihood's variance; of another family it is 1/n for n replicates of the data.

    Attributes
    ----------
    order : int or None
        Power of v of the leading term; None where the gap is exactly zero (affine decoder).
    leading, next_order : sympy.Expr or Enclosure
        Coefficients in nats per power of v: exact where the mode is known exactly, else proved bounds.
    preimage : tuple of (sympy.Expr or Enclosure), length d
        The mode z0 as v -> 0: f(z0) = x, or the point of the image nearest to x; of another family the latent of
        greatest likelihood.
    distance : float
        |x - f(z0)|; of another family the size of the outputs' scores d log p(x|f) / df at z0, such as |x - E[x|z0]|
        for Bernoulli, binomial, Poisson and categorical ones.
    variance : Fraction
        v of the model: its scalar variance, or 1 where the likelihood has a full or diagonal covariance, which v
        then multiplies; 1, which is one datum, for another family.
    limit : float
        Of the gap as v -> 0 in nats: 0 for one mode, -log of the mode's share of the posterior mass for several.
    branches : tuple of GapLaw
        The laws of all modes found, by falling mass, where there are several; each tells the gap to its own share
        of p(x). Empty for one mode.
    status : str
        The hypotheses, and what was proved of them.
    log_mass : (float, float)
        Coefficients of v^0 and v^1 in the log of the mode's share of p(x), without
        -|x - f|^2 / 2v - ((D-d)/2) log(2 pi v); of another family of that of int p(z) p(x|z)^(1/v) dz, without
        log p(x|z0) / v + (d/2) log(2 pi v).
    complete : bool
        Whether it is proved that no other mode in a box of six deviations of the prior about its mean is as near, but
        for those left out for their mass: none was missed. The status tells the box, or that no box is needed.
    integrable : bool
        Whether it is proved that every Gaussian's ELBO is finite, as far as the likelihood goes. Where none is, as for
        rates exp(sinh(z)), gaps are infinite, and the law says nothing.
    """

    order: int | None
    leading: Number
    next_order: Number
    preimage: tuple[Number, ...]
    distance: float
    variance: Fraction
    limit: float
    branches: tuple["GapLaw", ...]
    status: str
    log_mass: tuple[float, float]
    complete: bool
    integrable: bool

    def __repr__(self) -> str:
        n, limit = self.order, f"{self.limit:.6g} + " if self.limit else ""
        law = (
            "0"
            if n is None
            else f"{limit}a v^{n} + b v^{n + 1} + O(v^{n + 2}), v the variance or 1 / replicates"
        )
        rows = {
            "gap": law,
            "a": "" if n is None else _in_words(self.leading),
            "b": "" if n is None else _in_words(self.next_order),
            "mode": ", ".join(map(_in_words, self.preimage)),
            "distance": "" if n is None else f"{self.distance:.6g} of x from the image at the mode",
            "modes": f"{len(self.branches)}, each with a law in .branches" if self.branches else "",
            "status": self.status,
        }
        return screen("GapLaw", rows)

    def as_float(self, variance: object = None) -> float:
        """Return the law's value in nats, without the terms that it leaves out.

        Parameters
        ----------
        variance
            A positive number; the model's if not given.

        Raises
        ------
        TypeError, ValueError
            If the variance is no positive number, or the law's terms at it are beyond the range of float64.
        """
        # the terms may overflow for a variance far from the law's use
        given = self.variance if variance is None else exact(variance, "variance")
        if not given > 0:
            raise bad("variance", variance, "a positive variance")
        try:
            value = self._at(float(given))
            if math.isfinite(value):
                return value
            raise OverflowError  # SymPy's numbers become infinite floats without an error
        except OverflowError as error:
            raise bad(
                "variance", given, "one at which the law's terms are in the range of float64"
            ) from error

    def _at(self, v: float) -> float:
        # log p(x) is the log of the sum of all modes' shares, and the ELBO is that of one mode: the law is the mode's
        # own gap to its share, plus -log of that share of the sum. Shares are divided by the own one before exp
        local = 0.0
        if self.order is not None:
            local = float_of(self.leading) * v**self.order + float_of(self.next_order) * v ** (self.order + 1)
        own = self.log_mass[0] + self.log_mass[1] * v
        masses = [math.exp(law.log_mass[0] + law.log_mass[1] * v - own) for law in self.branches]
        return local + (math.log(math.fsum(masses)) if masses else 0.0)


def float_of(value: Any) -> float:
    """Return the double of an exact number, or of the middle of bounds."""
    return float(value.midpoint) if isinstance(value, Enclosure) else float(value)


def _in_words(value: Number) -> str:
    """Return proved digits, or an exact expression with its double."""
    if isinstance(value, Enclosure):
        return f"{value:.12S}"
    text = written(value)
    return text if value.is_Integer else f"{text} = {float(value):.10g}" if value.is_number else text
