"""The gap law: how log p(x) - ELBO falls with the likelihood's variance, at the stationary Gaussian of a mode.

For an isolated nondegenerate mode gap = (1/12) T + higher order with T = sum U_ijk U_lmn A^il A^jm A^kn. The series in
the variance v is in ``asymptotics.py``; here the mode is found, made exact where SymPy can, and enclosed where not.
"""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy
from flint import arb
from sympy import Expr
from sympy.core.cache import clear_cache

from elboproof.arguments import bad, require_positive, suggesting, written
from elboproof.expansion.asymptotics import Expansion, Mode
from elboproof.expansion.hypotheses import affine, gaussian, metric_of, rationals, require_derivatives
from elboproof.expansion.misfit import BITS, Misfit
from elboproof.expansion.modes import MOST_OPERATIONS, UnwieldyError, ball_mode, exact_mode, leading
from elboproof.expansion.preimages import Preimage, preimages
from elboproof.expansion.prior_terms import require_smooth_prior
from elboproof.model.latent_model import LatentModel
from elboproof.model.priors import Normal
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import exact
from elboproof.numbers.interruption import OutOfTimeError
from elboproof.numbers.undecided import Undecided
from elboproof.printing import screen

Number: TypeAlias = Expr | Enclosure
"""An exact SymPy number, or proved bounds."""


@dataclass(frozen=True, repr=False)
class GapLaw:
    """gap = limit + leading v^order + next_order v^(order + 1) + O(v^(order + 2)), v the likelihood's variance.

    Attributes
    ----------
    order : int or None
        Power of v of the leading term; None where the gap is exactly zero (affine decoder).
    leading, next_order : sympy.Expr or Enclosure
        Coefficients in nats per power of v: exact where the mode is known exactly, else proved bounds.
    preimage : tuple of (sympy.Expr or Enclosure), length d
        The mode z0 as v -> 0: f(z0) = x, or the point of the image nearest to x.
    distance : float
        |x - f(z0)|.
    variance : Fraction
        v of the model: its scalar variance, or 1 where the likelihood has a full or diagonal covariance, which v
        then multiplies.
    limit : float
        Of the gap as v -> 0 in nats: 0 for one mode, -log of the mode's share of the posterior mass for several.
    branches : tuple of GapLaw
        The laws of all modes found, by falling mass, where there are several; each tells the gap to its own share
        of p(x). Empty for one mode.
    status : str
        The hypotheses, and what was proved of them.
    log_mass : (float, float)
        Coefficients of v^0 and v^1 in the log of the mode's share of p(x), without
        -|x - f|^2 / 2v - ((D-d)/2) log(2 pi v).
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

    def __repr__(self) -> str:
        n, limit = self.order, f"{self.limit:.6g} + " if self.limit else ""
        law = (
            "0" if n is None else f"{limit}a v^{n} + b v^{n + 1} + O(v^{n + 2}), v the likelihood's variance"
        )
        rows = {
            "gap": law,
            "a": "" if n is None else _in_words(self.leading),
            "b": "" if n is None else _in_words(self.next_order),
            "mode": ", ".join(map(_in_words, self.preimage)),
            "distance": "" if n is None else f"{self.distance:.6g} of x from f(mode)",
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
            local = _float(self.leading) * v**self.order + _float(self.next_order) * v ** (self.order + 1)
        own = self.log_mass[0] + self.log_mass[1] * v
        masses = [math.exp(law.log_mass[0] + law.log_mass[1] * v - own) for law in self.branches]
        return local + (math.log(math.fsum(masses)) if masses else 0.0)


@suggesting
def gap_law(
    model: LatentModel, x: Sequence[object], *, nearest: bool = False, seconds: float = 60.0
) -> GapLaw:
    """Return the leading terms of log p(x) - ELBO at the stationary Gaussian of the mode, as the variance falls.

    Parameters
    ----------
    model
        With a Gaussian likelihood, and a prior that is positive and smooth on all of R^d. The variance v is what
        falls; a diagonal or full covariance C is scaled as v C. The decoder needs derivatives of all orders; it may
        be a network (its coefficients are then proved bounds).
    x
        Shape (D,). Floats are the exact binary doubles; strings and Fractions are exact.
    nearest
        Take the nearest point of the decoder's image where x is not on it. Without this, such x is an error.
    seconds
        Limit for the x given.

    Returns
    -------
    GapLaw

    Raises
    ------
    TypeError
        If the likelihood is not Gaussian, or an argument is of the wrong kind.
    ValueError
        If x has another size; the prior is zero somewhere or has kinks; x is not on the image and ``nearest`` is
        false; the mode is degenerate; the decoder has kinks; or ``seconds`` is no positive number.
    Undecided
        If a coefficient's bounds contain zero, so that the order is open, or if the time limit stopped the law.

    Notes
    -----
    Derivation in ``wick.py`` and ``asymptotics.py``: c_k = E_q[D^k U] at the stationary q,
    gap = c3.c3 / 12 + c4.c4 / 48 - c3.c3.c4 / 8 + c3^4 (1/24 for the tetrahedron, 1/16 for the necklace) + O(v^3),
    lines being S. For d = 1 and x = f(z0) the leading term is (3/4) v (f'.f'')^2 / |f'|^6; where f'.f'' vanishes
    along a unit-speed curve of curvature kappa it is kappa^4 v^2 / 48.

    That the modes found are all there are is not proved: a float search looks for them. Modes with less than 3e-20 of
    the heaviest one's mass are left out.

    Examples
    --------
    >>> import elboproof as ep
    >>> law = ep.gap_law(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100")), ["0.7"])
    >>> print(law.order, law.leading)
    1 3675/22201
    """
    likelihood = gaussian(model)
    (seconds,) = require_positive(seconds=seconds)
    data, deadline = rationals(model, x), time.monotonic() + seconds
    require_derivatives(model)
    require_smooth_prior(model)
    variance = Fraction(1)
    if likelihood.scalar and likelihood.variance:
        variance = exact(likelihood.variance[0], "variance")
    misfit = Misfit(model, data, metric_of(likelihood, model.data_dim), deadline)
    try:
        # f'' = 0 makes the posterior under a normal prior Gaussian for every variance; else each mode that counts
        # gets its law
        if isinstance(model.prior, Normal) and affine(model, misfit.interrupted()):
            return _exactly_zero(variance)
        modes = preimages(misfit, nearest)
        laws = [_law(misfit, mode, variance) for mode in modes]
    except OutOfTimeError:
        clear_cache()  # SymPy may have been stopped while it noted what it assumes of an expression
        stopped = f"stopped by the time limit of {seconds:g} s, in the search for modes or the arithmetic of their laws"
        raise Undecided(Enclosure(0.0, np.inf), (stopped,), "gap laws") from None
    return laws[0] if len(laws) == 1 else _several(laws)


def _exactly_zero(variance: Fraction) -> GapLaw:
    # A Gaussian posterior is itself in the family, where log p(x) - ELBO = 0. No mode is looked for
    zero = sympy.Integer(0)
    status = "exact: the decoder is affine, so the posterior is Gaussian and the gap is 0 for every variance"
    return GapLaw(None, zero, zero, (), math.nan, variance, 0.0, (), status, (0.0, 0.0))


def _law(misfit: Misfit, at: Preimage, variance: Fraction) -> GapLaw:
    """Return one mode's law: exact where its numbers stay short enough for SymPy, else in balls."""
    if at.exact is not None:
        # balls around the same mode bound the same coefficients, so that to give up on exact numbers costs digits only,
        # never truth
        with suppress(UnwieldyError, ValueError):  # SymPy fails to factor some long rationals under roots
            return _settled(misfit, at, exact_mode(misfit, at.exact, MOST_OPERATIONS), variance)
    with working_precision(BITS):
        return _settled(misfit, at, ball_mode(misfit, at.balls), variance)


def _settled(misfit: Misfit, at: Preimage, mode: Mode, variance: Fraction) -> GapLaw:
    # SymPy keeps no time limit of its own; the arithmetic of balls asks for the time between its steps
    # (`Mode.checked`)
    with misfit.interrupted() if mode.exact else nullcontext():
        order, first, following = leading(mode)
        correction = Expansion(mode, 2).correction
    point = at.exact if at.exact is not None else tuple(map(Enclosure.from_balls, at.balls))
    place = f"z0 is the nearest point, at distance {at.distance:.6g}"
    if at.on_image:
        place = "x = f(z0)" if at.distance == 0 else f"x = f(z0) to within {at.distance:.1g}"
    proved = "known exactly" if at.exact is not None else "proved to exist in its bounds (Krawczyk)"
    status = (
        f"{place}; mode {proved}, isolated and nondegenerate (Hessian of |x - f|^2 / 2 positive definite, "
        "proved); that no other mode is as near was searched for in floats, not proved"
    )
    return GapLaw(
        order, _number(first), _number(following), point, at.distance, variance, 0.0, (), status,
        (_float(misfit.log_mass(at.balls)), _float(_number(correction))),
    )  # fmt: skip


def _several(laws: list[GapLaw]) -> GapLaw:
    """Return the law of the heaviest mode, with the logarithm of its share of the mass."""
    # by falling mass at v = 0; each term of the sum is at most 1, that of the heaviest is 1, so nothing overflows.
    # Equal masses keep their order. Terms of v^1 in the shares are in ``log_mass``, for `as_float`
    ordered = tuple(sorted(laws, key=lambda law: -law.log_mass[0]))
    best = ordered[0]
    limit = math.log(math.fsum(math.exp(law.log_mass[0] - best.log_mass[0]) for law in ordered))
    status = (
        f"{len(laws)} modes are equally near; the gap at the best one tends to -log of its share of the posterior "
        f"mass, {limit:.6g} nats, and the leading terms tell its gap to that share; {best.status}"
    )
    return replace(best, limit=limit, branches=ordered, status=status)


def _number(value: Any) -> Number:
    return Enclosure.from_balls(value) if isinstance(value, arb) else sympy.sympify(value)


def _float(value: Any) -> float:
    return float(value.midpoint) if isinstance(value, Enclosure) else float(value)


def _in_words(value: Number) -> str:
    """Return proved digits, or an exact expression with its double."""
    if isinstance(value, Enclosure):
        return f"{value:.12S}"
    text = written(value)
    return text if value.is_Integer else f"{text} = {float(value):.10g}" if value.is_number else text
