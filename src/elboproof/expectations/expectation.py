"""E_q[g(z)] of any expression under a Gaussian q, as a proved enclosure.

A sum of terms c z^k exp(a.z), complex a, has a closed form (`closed_forms`). Everything else is integrated with proof
over the latents that occur in g: under q they are Gaussian too, with the rows of m and S that belong to them.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from flint import arb
from sympy import Expr, Symbol

from elboproof.arguments import bad, require_positive, suggesting, written, wrong_type
from elboproof.arrays import unwrapped
from elboproof.expectations.closed_forms import GaussianMoments, lower_triangle
from elboproof.expectations.exponential import ExponentialReader, OutsideTheClassError
from elboproof.expectations.integrands import EnclosedGaussian
from elboproof.expectations.rising_precision import narrowed, stopped
from elboproof.expectations.rules import ProvedRules
from elboproof.model.decoder_entries import entry_of, names_of, require_real_everywhere
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.quantities import Quantities
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.enclosed_rows import bounded_rows, row_of, shares, told
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of
from elboproof.numbers.tape import Tape
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import requested
from elboproof.running.rows import Items, Row

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_LATENTS = 3
"""For quadrature; closed forms take any number."""
MOST_MOMENTS = 10_000
"""A closed form of z^k takes the moments of all lower powers; more than these would take minutes."""


@suggesting
def expectation(
    g: str | Expr | Sequence[str | Expr],
    q: GaussianPosterior,
    digits: float = 10,
    *,
    latent: str | Sequence[str] | None = None,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: str | PathLike[str] | None = None,
) -> Enclosure:
    """Return E_q[g(z)], proved.

    Parameters
    ----------
    g
        An expression in the latents, or a list of N: strings as decoders are written, or SymPy expressions. Kinks
        (abs, max, relu) are allowed. At most 3 latents may occur in one that is no short sum of terms c z^k exp(a.z),
        sines and cosines included.
    q
        The Gaussian over all d latents.
    digits
        The enclosure's half width is at most 10^-digits; beyond float64 all digits stand in its ``exact``.
    latent
        The latents' names. If None, ``"z"`` for d = 1, else ``"z_0", "z_1", ...``, as those of networks.
    seconds
        Limit for each g.
    total_seconds, workers, progress, resume
        As for ``ep.log_evidence``; a row is one g.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,).

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, an expression is not real on all of R^d, or the names are not as
        many as q has dimensions.
    Undecided
        If the digits could not be proved: within the limit, or because g has a pole or may grow faster than every
        exp(a |z|); it carries the best enclosure and a status per g.

    Examples
    --------
    >>> import elboproof as ep
    >>> q = ep.GaussianPosterior("0.3", "1/4")
    >>> print(ep.expectation("tanh(z)", q).midpoint.round(8))
    0.2435347
    >>> print(ep.expectation(["u*v", "exp(u - v)"], ep.GaussianPosterior([0, 0], [1, 2]), latent=["u", "v"]).midpoint)
    [0.         4.48168907]
    """
    if not isinstance(q, GaussianPosterior):
        raise wrong_type("q", q, "an ep.GaussianPosterior")
    (digits,) = require_positive(digits=digits)
    request = requested(seconds, total_seconds, workers, progress, resume)
    entries, batch = _entries(g)
    symbols = _latents(latent, q.latent_dim)
    integrands = [_integrand(e, symbols, f"g[{j}]" if batch else "g") for j, e in enumerate(entries)]
    # each g apart: what is proved of one stays, whatever stops another
    rows = bounded_rows(
        partial(_rows, symbols, q, float(digits)),
        Items(tuple(integrands)),
        request,
        lambda: {
            "what": "expectation",
            "g": fingerprint([one.function for one in integrands], symbols),
            "q": fingerprint(q),
            "digits": repr(float(digits)),
        },
    )
    enclosure = told(rows, "expectations", "g")
    return enclosure if batch else enclosure[0]


def _rows(
    symbols: tuple[Symbol, ...], q: GaussianPosterior, digits: float, items: Items, seconds: float
) -> list[Row]:
    limits = shares(len(items), seconds)
    return [
        row_of(*_proved(integrand, symbols, q, digits, deadline))
        for integrand, deadline in zip(items.each, limits, strict=True)
    ]


def _entries(g: object) -> tuple[list[str | Expr], bool]:
    if isinstance(g, str | Expr):
        return [g], False
    given = unwrapped(g, "g")
    if not isinstance(given, list | tuple | np.ndarray) or np.ndim(cast(np.ndarray, given)) != 1:
        raise wrong_type("g", g, "a string, a SymPy expression, or a list of them")
    if not len(given):
        raise bad("g", g, "at least one expression")
    return list(given), True


def _latents(latent: str | Sequence[str] | None, d: int) -> tuple[Symbol, ...]:
    names = (["z"] if d == 1 else [f"z_{k}" for k in range(d)]) if latent is None else names_of(latent)
    if len(names) != d:
        raise bad("latent", latent, f"as many names as q has dimensions, {d}")
    return tuple(Symbol(name, real=True) for name in names)


@dataclass(frozen=True)
class _Function:
    """A function of the latents that occur in it, an `Integrand` for the rules."""

    latents: tuple[Symbol, ...]
    function: Expr

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by its parts, without what was compiled."""
        return type(self), (self.latents, self.function)

    @property
    def latent_dim(self) -> int:
        return len(self.latents)

    @cached_property
    def quantities(self) -> Quantities:
        return Quantities(
            self.latents,
            (),
            likelihood=None,
            decoder=(self.function,),
            lower=lambda _, tape: [tape.lower(self.function)],
            require_floats=lambda: None,
        )


def _integrand(entry: str | Expr, symbols: tuple[Symbol, ...], name: str) -> _Function:
    function = entry_of(entry, {str(symbol): symbol for symbol in symbols}, name)
    used = tuple(symbol for symbol in symbols if symbol in function.free_symbols)
    integrand = _Function(used, function)
    require_real_everywhere(integrand.quantities, 0, entry, name, "an expression")
    return integrand


def _marginal(q: GaussianPosterior, places: Sequence[int]) -> GaussianPosterior:
    """Return the law of some of the latents."""
    covariance = [[q.covariance[i][j] for j in places] for i in places]
    return GaussianPosterior([q.mean[i] for i in places], covariance)


def _proved(
    integrand: _Function, symbols: tuple[Symbol, ...], q: GaussianPosterior, digits: float, deadline: float
) -> tuple[arb, str]:
    """Return E_q[g] and what stopped its proof, empty if nothing did; precision rises until it is enough."""
    places = [k for k, symbol in enumerate(symbols) if symbol in integrand.latents]
    marginal = _marginal(q, places) if places else q
    formula = _closed_form(integrand)
    if formula is None and len(places) > MOST_LATENTS:
        short = f"at most {MOST_LATENTS} latents, unless it is a short sum of terms c z^k exp(a.z)"
        raise bad("g", written(integrand.function), short)
    if formula is None and time.monotonic() > deadline:
        whole = arb(0, float("inf"))
        return whole, stopped(whole, digits, "the time limit")

    def enclose(tolerance: float, floats: bool) -> tuple[arb, str]:
        if formula is not None:
            return _evaluated(formula, marginal, len(places)), ""
        return _integrated(integrand, marginal, tolerance, deadline, floats)

    return narrowed(enclose, digits, floats=formula is None and len(places) > 1)


def _closed_form(integrand: _Function) -> Compiled | None:
    """Return (m_1..m_d, S_11, S_21, S_22, ..) -> (E[g],) in balls, None where there is no closed form."""
    try:
        polynomial = ExponentialReader(integrand.latents).read(integrand.function)
    except OutsideTheClassError:
        return None
    if sum(math.prod(n + 1 for n in powers) for powers, _, _ in polynomial.terms) > MOST_MOMENTS:
        return None
    d = integrand.latent_dim
    mean = [Symbol(f"m_{i}", real=True) for i in range(d)]
    entries = {place: Symbol(f"S_{place[0]}_{place[1]}", real=True) for place in lower_triangle(d)}
    tape = Tape([*mean, *entries.values()])
    covariance = [[tape.lower(entries[max(i, j), min(i, j)]) for j in range(d)] for i in range(d)]
    root = GaussianMoments(tape, [tape.lower(m) for m in mean], covariance).expectation(polynomial)
    return compile_tape(tape, [root], REAL_BALLS)


def _evaluated(formula: Compiled, q: GaussianPosterior, d: int) -> arb:
    mean = [ball_of(entry) for entry in q.mean[:d]]
    covariance = [ball_of(q.covariance[i][j]) for i, j in lower_triangle(d)]
    (value,) = formula(*mean, *covariance)
    return value  # type: ignore[no-any-return]


def _integrated(
    integrand: _Function, q: GaussianPosterior, tolerance: float, deadline: float, floats: bool
) -> tuple[arb, str]:
    """Return the quadrature's enclosure at the current precision and what kept it from the tolerance."""
    point = EnclosedGaussian(q.mean_balls(), q.cholesky())
    rules = ProvedRules(integrand, [], point, [(0, 0)], [tolerance], deadline)
    return rules.sums(floats=floats)[0, 0, (0,) * integrand.latent_dim], rules.status
