"""S4: the gap law of n replicates of an exponential family, symbolically.

The likelihood is exp(-n l(z)), l = A(t(z)) - t(z).mu0 with the natural parameter t and mu0 the mean statistic at z0:
1/n takes the place of a Gaussian's variance, and the gap depends on l as it did on |x - f|^2/2.
"""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.expansion.asymptotics import Mode
from elboproof.expansion.coefficients import gap_coefficient
from elboproof.model.metrics import cumulant

from .._shared.kept import kept
from . import claim
from .hypotheses import X, exponential_family, regular_metric
from .information import plain

THIRD, TWELFTH = Rational(1, 3), Rational(1, 12)
LEVI_CIVITA = control("the Levi-Civita connection, alpha = 0", alpha=Rational(0))
OPPOSITE = control("alpha = -1/3", alpha=Rational(-1, 3))
SIZES = ((1, 2), (2, 1), (2, 2))
"""Numbers of latents d, and of natural parameters K."""


def _symmetric(name: str, size: int, order: int) -> dict[tuple[int, ...], Symbol]:
    """Return a symmetric tensor of symbols, by any order of its indices."""
    named = {
        place: Symbol(f"{name}_{''.join(map(str, place))}", real=True)
        for place in combinations_with_replacement(range(size), order)
    }
    return {place: named[tuple(sorted(place))] for place in product(range(size), repeat=order)}


def _polynomial(arguments: Sequence[Expr], tensors: Sequence[dict[tuple[int, ...], Symbol]]) -> Expr:
    """Return the sum over orders of tensor(u, ..., u)/order!."""
    return sympy.Add(
        *(
            symbol * sympy.prod([arguments[i] for i in place]) / sympy.factorial(order)
            for order, tensor in enumerate(tensors, 1)
            for place, symbol in tensor.items()
        )
    )


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "at z0, l_ij = t_i'G t_j and l_ijk = t_ij'G t_k + t_ik'G t_j + t_jk'G t_i + C(t_i, t_j, t_k), C the third "
        "cumulants; for a curve l''' = 3 <D_t' t', t'> with D the connection alpha = 1/3: D_t' t' = t'' + (1 - "
        "alpha)/2 G^-1 C(t', t', .)"
    ),
    domain=(
        "d = 1, 2 latents and K = 1, 2 natural parameters, symbols for all derivatives of A and t to the third order"
    ),
    hypotheses=(exponential_family,),
    controls=(
        control("the Levi-Civita connection, alpha = 0", refutes="third*", alpha=Rational(0)),
        control("alpha = -1/3", refutes="third*", alpha=Rational(-1, 3)),
        control("G doubled", refutes="metric*", share=sympy.Integer(2)),
    ),
    tier="quick",
)  # fmt: skip
def third_derivatives(run: Run, *, alpha: Expr = THIRD, share: Expr = Rational(1)) -> Verdict:  # noqa: B008
    """The factor of C is 3 (1 - alpha)/2, which is 1 for alpha = 1/3 and for no other alpha."""
    parts = {}
    for latents, naturals in SIZES:
        z = sympy.symbols(f"z:{latents}", real=True)
        t = [_polynomial(z, [_symmetric(f"t{k}", latents, n) for n in (1, 2, 3)]) for k in range(naturals)]
        u = sympy.symbols(f"u:{naturals}", real=True)
        first, metric, cubic = (_symmetric(name, naturals, n) for n, name in ((1, "m"), (2, "G"), (3, "C")))
        partition = _polynomial(u, [first, metric, cubic])
        run.assume(exponential_family, X * u[0] - partition, X)
        misfit = partition.subs(dict(zip(u, t, strict=True)), simultaneous=True)
        misfit -= sympy.Add(*(first[(k,)] * t[k] for k in range(naturals)))
        name = f"d = {latents}, K = {naturals}"
        parts |= _orders(name, misfit, z, t, metric, cubic, alpha, share)
    return all_of(parts)


def _orders(
    name: str, misfit: Expr, z: Any, t: Any, metric: Any, cubic: Any, alpha: Expr, share: Expr
) -> dict[str, Verdict]:
    zero, K = dict.fromkeys(z, 0), range(len(t))

    def slope(k: int, *places: int) -> Expr:
        return t[k].diff(*(z[i] for i in places)).subs(zero)

    def inner(one: tuple[int, ...], other: tuple[int, ...]) -> Expr:
        return sympy.Add(*(metric[a, b] * slope(a, *one) * slope(b, *other) for a in K for b in K))

    second, third = [], []
    for i, j in combinations_with_replacement(range(len(z)), 2):
        second.append(misfit.diff(z[i], z[j]).subs(zero) - share * inner((i,), (j,)))
    for i, j, k in combinations_with_replacement(range(len(z)), 3):
        bends = inner((i, j), (k,)) + inner((i, k), (j,)) + inner((j, k), (i,))
        cumulants = sympy.Add(
            *(cubic[a, b, c] * slope(a, i) * slope(b, j) * slope(c, k) for a in K for b in K for c in K)
        )
        stated = bends + 3 * (1 - alpha) / 2 * cumulants
        third.append(misfit.diff(z[i], z[j], z[k]).subs(zero) - stated)
    return {f"metric, {name}": identity(second), f"third derivatives, {name}": identity(third)}


CURVES: dict[str, tuple[list[str], Any]] = {
    "Poisson, z": (["z"], ep.Poisson()),
    "Poisson, (z, z^2)": (["z", "z**2"], ep.Poisson()),
    "Poisson, log (1 + z/2)^2": (["log((1 + z/2)**2)"], ep.Poisson()),
    "binomial 5, z": (["z"], ep.Binomial(5)),
    "Bernoulli, 2 z": (["2*z"], ep.Bernoulli()),
    "gamma 3, z": (["z"], ep.Gamma(3)),
    "negative binomial 3, z": (["z"], ep.NegativeBinomial(3)),
}


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "the library's coefficient of 1/n in the gap is (3/4) <D_t' t', t'>^2/|t'|^6 with the connection alpha = 1/3, "
        "that is (3 t''Gt' + C(t', t', t'))^2/(12 (t'Gt')^3), as a function of the latent"
    ),
    domain=f"{', '.join(CURVES)}; x at the mean of the family at z, every z",
    hypotheses=(exponential_family, regular_metric),
    controls=(
        LEVI_CIVITA,
        control("alpha = -1/3", refutes=["P*z", "P*(z, z^2)", "b*", "B*"], alpha=Rational(-1, 3)),
        control("1/2 for 3/4", share=Rational(1, 2)),
    ),
)  # fmt: skip
def library_gives_the_law_of_curves(
    run: Run,
    *,
    alpha: Expr = THIRD,
    share: Expr = Rational(3, 4),  # noqa: B008
) -> Verdict:
    """The natural parameter and the cumulants are those of the library's records."""
    parts = {}
    for name, (decoder, likelihood) in CURVES.items():
        model = ep.LatentModel("z", decoder, likelihood)
        (z,) = model.latents
        run.assume(exponential_family, likelihood.log_density([z], [X]), X)
        terms = [_of_output(likelihood, f, z, alpha) for f in model.decoder]
        speed = sum(one for one, _ in terms)
        run.assume(regular_metric, sympy.Matrix([[speed.subs(z, 1)]]))
        stated = sympy.cancel(share * sum(two for _, two in terms) ** 2 / speed**3)
        parts[name] = identity(_coefficient(name) - stated)
    return all_of(parts)


@kept
def _coefficient(name: str) -> Expr:
    decoder, likelihood = CURVES[name]
    return plain(gap_coefficient(ep.LatentModel("z", decoder, likelihood)))


def _of_output(likelihood: Any, f: Expr, z: Symbol, alpha: Expr) -> tuple[Expr, Expr]:
    """Return |t'|^2 and <D_t' t', t'> of one output."""
    natural = plain(likelihood.log_density([f], [X]).diff(X))
    metric, cubic = (plain(cumulant(likelihood, order, f)) for order in (2, 3))
    first, second = natural.diff(z), natural.diff(z, 2)
    return metric * first**2, metric * first * second + (1 - alpha) / 2 * cubic * first**3


def _rates(f: Sequence[Symbol]) -> Expr:
    return sympy.Add(*map(sympy.exp, f))


Partition = Callable[[Sequence[Symbol]], Expr]
SURFACES: dict[str, tuple[list[str], Any, Partition]] = {
    "Poisson, (a, b)": (["a", "b"], ep.Poisson(), _rates),
    "Poisson, (a, b + a^2)": (["a", "b + a**2"], ep.Poisson(), _rates),
    "three classes, (a, b, 0)": (["a", "b", "0"], ep.Categorical(), lambda f: sympy.log(_rates(f))),
}


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "two latents: the library's coefficient is (1/12) sum l_ijk l_lmn g^il g^jm g^kn, with l_ijk from G and C as "
        "in `third_derivatives`"
    ),
    domain=f"{', '.join(SURFACES)}, every a, b",
    hypotheses=(exponential_family,),
    controls=(LEVI_CIVITA, OPPOSITE, control("1/8 for 1/12", share=Rational(1, 8))),
)
def library_gives_the_tensor_law(run: Run, *, alpha: Expr = THIRD, share: Expr = TWELFTH) -> Verdict:
    """G and C are the second and third derivatives of the log partition, which is written out here."""
    parts = {}
    for name, (decoder, likelihood, partition) in SURFACES.items():
        model = ep.LatentModel(["a", "b"], decoder, likelihood)
        data = sympy.symbols(f"x:{model.data_dim}", real=True)
        run.assume(exponential_family, likelihood.log_density(model.decoder, data), *data)
        stated = share * _contracted(model, partition, alpha)
        parts[name] = identity(gap_coefficient(model) - stated)
    return all_of(parts)


def _contracted(model: ep.LatentModel, partition: Partition, alpha: Expr) -> Expr:
    z, f, outputs = model.latents, sympy.Matrix(model.decoder), range(model.data_dim)
    named = sympy.symbols(f"f:{model.data_dim}", real=True)
    at = dict(zip(named, f, strict=True))

    def derivative(*places: int) -> Expr:
        return partition(named).diff(*(named[n] for n in places)).subs(at, simultaneous=True)

    slopes = f.jacobian(z)
    metric = sympy.Matrix(model.data_dim, model.data_dim, derivative)
    inverse = (slopes.T * metric * slopes).inv().applyfunc(sympy.cancel)

    def third(i: int, j: int, k: int) -> Expr:
        turns = ((i, j, k), (j, k, i), (k, i, j))
        bends = sum((f.diff(z[a]).diff(z[b]).T * metric * slopes[:, c])[0] for a, b, c in turns)
        cumulants = sum(
            derivative(*place) * slopes[place[0], i] * slopes[place[1], j] * slopes[place[2], k]
            for place in product(outputs, repeat=3)
        )
        return sympy.cancel(bends + 3 * (1 - alpha) / 2 * cumulants)

    places = list(product(range(2), repeat=3))
    tensor = {place: third(*place) for place in places}
    return sum(
        tensor[p] * tensor[q] * inverse[p[0], q[0]] * inverse[p[1], q[1]] * inverse[p[2], q[2]]
        for p in places
        for q in places
    )


def line_mode(values: dict[int, Expr]) -> Mode:
    """Return the mode on the line with these derivatives of l."""

    def derivative(order: int) -> Any:
        tensor = np.empty((1,) * order, dtype=object)
        tensor[...] = values.get(order, sympy.Integer(0) if order == 1 else Symbol(f"l{order}", real=True))
        return tensor

    return Mode(
        derivative,
        np.array([Symbol("z0", real=True)], dtype=object),
        lambda number: bool(sympy.simplify(number) == 0),
        lambda matrix: np.array([[1 / matrix[0, 0]]], dtype=object),
        sympy.Integer(1),
        sympy.expand,
    )
