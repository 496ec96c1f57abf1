"""The gap law: how log p(x) - ELBO falls with the variance, or with one over the replicates, at a mode's Gaussian.

For an isolated nondegenerate mode gap = (1/12) T + higher order with T = sum U_ijk U_lmn A^il A^jm A^kn. The series in
the variance v is in ``asymptotics.py``; here the mode is found, made exact where SymPy can, and enclosed where not.
"""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy.core.cache import clear_cache

from elboproof.arguments import require_positive, suggesting
from elboproof.expansion.asymptotics import Expansion, Mode
from elboproof.expansion.exhaustion import Alone, Others
from elboproof.expansion.hypotheses import affine, metric_of, rationals, require_derivatives
from elboproof.expansion.law import GapLaw as GapLaw
from elboproof.expansion.law import Number, float_of
from elboproof.expansion.misfit import BITS, Misfit
from elboproof.expansion.modes import MOST_OPERATIONS, UnwieldyError, ball_mode, exact_mode, leading
from elboproof.expansion.potential import Potential
from elboproof.expansion.preimages import Preimage, preimages
from elboproof.expansion.prior_terms import require_smooth_prior
from elboproof.expansion.replicates import NegativeLogLikelihood, require_replicates
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.likelihood import Gaussian
from elboproof.model.priors import Normal
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import exact
from elboproof.numbers.interruption import OutOfTimeError
from elboproof.numbers.undecided import Undecided


@suggesting
def gap_law(
    model: LatentModel, x: Sequence[object], *, nearest: bool = False, seconds: float = 60.0
) -> GapLaw:
    """Return the leading terms of log p(x) - ELBO at the stationary Gaussian of the mode, as v falls.

    Parameters
    ----------
    model
        With a prior that is positive and smooth on all of R^d. Of a Gaussian likelihood the variance v is what falls; a
        diagonal or full covariance C is scaled as v C. Of any other family v is 1/n, p(x|z)^n standing for n
        replicates. The decoder and the log density need derivatives of all orders; the decoder may be a network (its
        coefficients are then proved bounds).
    x
        Shape (D,). Floats are the exact binary doubles; strings and Fractions are exact. Of a family whose log density
        is affine in x (Bernoulli, binomial, Poisson, negative binomial, exponential, gamma, categorical, continuous
        Bernoulli) x is the mean of the n data, any number within the ends of its range; of others the datum that all
        replicates are equal to.
    nearest
        Take the nearest point of the decoder's image where x is not on it, of other families the latent of greatest
        likelihood where no latent's outputs are the best ones for x. Without this, such x is an error.
    seconds
        Limit for the x given.

    Returns
    -------
    GapLaw
        The coefficients in nats per power of v, with the modes and what was proved of them.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If x has another size or is no mean of data of its family; the prior is zero somewhere or has kinks; x is not on
        the image and ``nearest`` is false; there is no mode, as where a likelihood's supremum is at infinity; the mode
        is degenerate; the decoder or the log density has kinks; or ``seconds`` is no positive number.
    Undecided
        If a coefficient's bounds contain zero, so that the order is open, or if the time limit stopped the law.

    Notes
    -----
    Derivation in ``wick.py`` and ``asymptotics.py``: c_k = E_q[D^k U] at the stationary q,
    gap = c3.c3 / 12 + c4.c4 / 48 - c3.c3.c4 / 8 + c3^4 (1/24 for the tetrahedron, 1/16 for the necklace) + O(v^3),
    lines being S. For d = 1 and x = f(z0) the leading term is (3/4) v (f'.f'')^2 / |f'|^6; where f'.f'' vanishes
    along a unit-speed curve of curvature kappa it is kappa^4 v^2 / 48. For one latent, natural parameters t(z), metric
    G and third cumulants C it is (3 t''Gt' + C(t', t', t'))^2 / (12 n (t'Gt')^3).

    A float search looks for the modes, each of which is then proved to exist. That none was missed is proved in up to
    three latents by cells (``exhaustion.py``), where they suffice: ``complete`` and the status say so. Modes with less
    than 3e-20 of the heaviest one's mass are left out.

    n Poisson data of mean x have the gap of one with the log rate log n + f(z) at n x; Bernoulli ones that of
    ``ep.Binomial(n)``, exponential ones that of ``ep.Gamma(n)``, at n x.

    Examples
    --------
    >>> import elboproof as ep
    >>> law = ep.gap_law(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100")), ["0.7"])
    >>> print(law.order, law.leading)
    1 3675/22201
    >>> law = ep.gap_law(ep.LatentModel("z", ["z"], ep.Poisson()), [2])
    >>> print(law.order, law.leading, law.preimage[0])
    1 1/24 log(2)
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    (seconds,) = require_positive(seconds=seconds)
    data, deadline = rationals(model, x), time.monotonic() + seconds
    require_derivatives(model)
    require_smooth_prior(model)
    potential = _potential(model, data, deadline)
    try:
        # f'' = 0 makes the posterior of a Gaussian likelihood under a normal prior Gaussian for every variance; else
        # each mode that counts gets its law
        linear = isinstance(potential, Misfit) and isinstance(model.prior, Normal)
        if linear and affine(model, potential.interrupted()):
            return _exactly_zero(_variance(model))
        found = preimages(potential, nearest)
        common = _Common(_variance(model), found.others, _integrable(model, data))
        laws = [_law(potential, mode, common) for mode in found.modes]
    except OutOfTimeError:
        clear_cache()  # SymPy may have been stopped while it noted what it assumes of an expression
        stopped = f"stopped by the time limit of {seconds:g} s, in the search for modes or the arithmetic of their laws"
        raise Undecided(Enclosure(0.0, np.inf), (stopped,), "gap laws") from None
    return laws[0] if len(laws) == 1 else _several(laws)


def _potential(model: LatentModel, data: tuple[sympy.Rational, ...], deadline: float) -> Potential:
    """Return W: the misfit of a Gaussian likelihood, minus the log likelihood of another."""
    if isinstance(model.likelihood, Gaussian):
        return Misfit(model, data, metric_of(model.likelihood, model.data_dim), deadline)
    require_replicates(model, data)
    return NegativeLogLikelihood(model, data, deadline)


def _variance(model: LatentModel) -> Fraction:
    """Return v of the model."""
    likelihood = model.likelihood
    if isinstance(likelihood, Gaussian) and likelihood.scalar and likelihood.variance:
        return exact(likelihood.variance[0], "variance")
    return Fraction(1)


@dataclass(frozen=True)
class _Common:
    """What the laws of all modes share."""

    variance: Fraction
    others: Others
    integrable: bool

    @property
    def sentence(self) -> str:
        finite = (
            "every Gaussian's ELBO is finite (growth of the likelihood, proved)"
            if self.integrable
            else "that Gaussians have finite ELBOs was not proved: the likelihood outgrows the bounds known"
        )
        return f"that no other mode is as near: {self.others}; {finite}"


def _integrable(model: LatentModel, data: tuple[sympy.Rational, ...]) -> bool:
    """Return whether log p(x|z) is proved to be integrable under every Gaussian."""
    x = [BallArray.from_fraction(int(value.p), int(value.q)) for value in data]
    mid, rad = (np.array([float(getattr(ball, end)) for ball in x]) for end in ("mid", "rad"))
    return model.log_likelihood_majorant(BallArray(mid, rad)) is not None


def _exactly_zero(variance: Fraction) -> GapLaw:
    # A Gaussian posterior is itself in the family, where log p(x) - ELBO = 0. No mode is looked for
    zero = sympy.Integer(0)
    status = "exact: the decoder is affine, so the posterior is Gaussian and the gap is 0 for every variance"
    return GapLaw(None, zero, zero, (), math.nan, variance, 0.0, (), status, (0.0, 0.0), True, True)


def _law(misfit: Potential, at: Preimage, common: _Common) -> GapLaw:
    """Return one mode's law: exact where its numbers stay short enough for SymPy, else in balls."""
    if at.exact is not None:
        # balls around the same mode bound the same coefficients, so that to give up on exact numbers costs digits only,
        # never truth
        with suppress(UnwieldyError, ValueError):  # SymPy fails to factor some long rationals under roots
            return _settled(misfit, at, exact_mode(misfit, at.exact, MOST_OPERATIONS), common)
    with working_precision(BITS):
        return _settled(misfit, at, ball_mode(misfit, at.balls), common)


def _settled(misfit: Potential, at: Preimage, mode: Mode, common: _Common) -> GapLaw:
    # SymPy keeps no time limit of its own; the arithmetic of balls asks for the time between its steps
    # (`Mode.checked`)
    with misfit.interrupted() if mode.exact else nullcontext():
        order, first, following = leading(mode)
        correction = Expansion(mode, 2).correction
    point = at.exact if at.exact is not None else tuple(map(Enclosure.from_balls, at.balls))
    place = misfit.apart(at.distance)
    if at.on_image:
        place = misfit.met if at.distance == 0 else f"{misfit.met} to within {at.distance:.1g}"
    proved = "known exactly" if at.exact is not None else "proved to exist in its bounds (Krawczyk)"
    status = (
        f"{place}; mode {proved}, isolated and nondegenerate (Hessian of {misfit.name} positive definite, "
        f"proved); {common.sentence}"
    )
    return GapLaw(
        order=order,
        leading=_number(first),
        next_order=_number(following),
        preimage=point,
        distance=at.distance,
        variance=common.variance,
        limit=0.0,
        branches=(),
        status=status,
        log_mass=(misfit.log_mass(at.balls), float_of(_number(correction))),
        complete=common.others.alone is not Alone.NOT_PROVED,
        integrable=common.integrable,
    )


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
