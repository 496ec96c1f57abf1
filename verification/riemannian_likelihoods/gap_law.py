"""S4: the gap law of n replicates of an exponential family, symbolically.

The likelihood is exp(-n l(z)), l = A(t(z)) - t(z).mu0 with the natural parameter t and mu0 the mean statistic at z0:
1/n takes the place of a Gaussian's variance, and the gap depends on l as it did on |x - f|^2/2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import Any

import sympy
from sympy import Expr, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
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


def _polynomial(arguments: Sequence[Any], tensors: Sequence[dict[tuple[int, ...], Symbol]]) -> Any:
    """Return the sum over orders of tensor(u, ..., u)/order!, of symbols or of polynomials."""
    terms = [
        sympy.prod([arguments[i] for i in place]) * (symbol / sympy.factorial(order))
        for order, tensor in enumerate(tensors, 1)
        for place, symbol in tensor.items()
    ]
    return sum(terms[1:], terms[0])


@dataclass(frozen=True)
class Jet:
    """l = A(t) - t.mu0 about z0 = 0 with symbols for the derivatives of A and t."""

    latents: int
    slopes: list[dict[tuple[int, ...], Symbol]]
    bends: list[dict[tuple[int, ...], Symbol]]
    metric: dict[tuple[int, ...], Symbol]
    cubic: dict[tuple[int, ...], Symbol]
    misfit: sympy.Poly

    def derivative(self, *places: int) -> Expr:
        """Return a derivative of l at 0, from the coefficient of its monomial."""
        powers = [places.count(k) for k in range(self.latents)]
        factor = sympy.prod([sympy.factorial(power) for power in powers])
        return self.misfit.coeff_monomial(tuple(powers)) * factor

    def inner(self, one: tuple[int, ...], other: tuple[int, ...]) -> Expr:
        """Return the metric of two derivatives of t."""
        size, of = range(len(self.slopes)), {1: self.slopes, 2: self.bends}
        return sympy.Add(
            *(self.metric[a, b] * of[len(one)][a][one] * of[len(other)][b][other] for a in size for b in size)
        )


@kept
def _jet(latents: int, naturals: int) -> Jet:
    z = sympy.symbols(f"z:{latents}", real=True)
    tensors = [[_symmetric(f"t{k}", latents, n) for n in (1, 2, 3)] for k in range(naturals)]
    t = [sympy.Poly(_polynomial(z, own), *z) for own in tensors]
    first, metric, cubic = (_symmetric(name, naturals, n) for n, name in ((1, "m"), (2, "G"), (3, "C")))
    misfit = _polynomial(t, [first, metric, cubic]) - sum(
        (one * first[(k,)] for k, one in enumerate(t)), sympy.Poly(0, *z)
    )
    return Jet(latents, [own[0] for own in tensors], [own[1] for own in tensors], metric, cubic, misfit)


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
    parts: dict[str, Verdict] = {}
    u = sympy.symbols("u:2", real=True)
    run.assume(exponential_family, X * u[0] - _polynomial(u, [_symmetric("A", 2, n) for n in (1, 2, 3)]), X)
    for latents, naturals in SIZES:
        name, jet = f"d = {latents}, K = {naturals}", _jet(latents, naturals)
        pairs = combinations_with_replacement(range(latents), 2)
        second = [jet.derivative(i, j) - share * jet.inner((i,), (j,)) for i, j in pairs]
        places = combinations_with_replacement(range(latents), 3)
        third = [jet.derivative(*place) - _stated(jet, *place, alpha) for place in places]
        parts[f"metric, {name}"] = identity(second)
        parts[f"third derivatives, {name}"] = identity(third)
    return all_of(parts)


def _stated(jet: Jet, i: int, j: int, k: int, alpha: Expr) -> Expr:
    """Return the sum of t_ij'G t_k over its three orders and 3 (1 - alpha)/2 C(t_i, t_j, t_k)."""
    t, size = jet.slopes, range(len(jet.slopes))
    bends = jet.inner((i, j), (k,)) + jet.inner((i, k), (j,)) + jet.inner((j, k), (i,))
    cumulants = sympy.Add(
        *(jet.cubic[a, b, c] * t[a][(i,)] * t[b][(j,)] * t[c][(k,)] for a in size for b in size for c in size)
    )
    return bends + 3 * (1 - alpha) / 2 * cumulants


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
    tier="full",
)
def library_gives_the_tensor_law(run: Run, *, alpha: Expr = THIRD, share: Expr = TWELFTH) -> Verdict:
    """G and C are the second and third derivatives of the log partition, which is written out here."""
    parts = {}
    for name, (_, likelihood, _) in SURFACES.items():
        model = _surface(name)
        data = sympy.symbols(f"x:{model.data_dim}", real=True)
        run.assume(exponential_family, likelihood.log_density(model.decoder, data), *data)
        parts[name] = identity(_tensor_coefficient(name) - share * _contracted(name, alpha))
    return all_of(parts)


def _surface(name: str) -> ep.LatentModel:
    decoder, likelihood, _ = SURFACES[name]
    return ep.LatentModel(["a", "b"], decoder, likelihood)


def _in_odds(name: str, expression: Expr) -> Expr:
    """Return an expression of classes in e^a and e^b, in which it is rational."""
    a, b = _surface(name).latents
    odds = {a: sympy.log(Symbol("e_a", positive=True)), b: sympy.log(Symbol("e_b", positive=True))}
    return expression.subs(odds) if name.startswith("three") else expression


@kept
def _tensor_coefficient(name: str) -> Expr:
    return _in_odds(name, gap_coefficient(_surface(name)))


@kept
def _cubics(name: str) -> tuple[sympy.ImmutableMatrix, dict[tuple[int, ...], tuple[Expr, Expr]]]:
    """Return the inverse of g, and for each i, j, k the part of l_ijk with G and the one with C."""
    model, partition = _surface(name), SURFACES[name][2]
    z, f, outputs = model.latents, sympy.Matrix(model.decoder), range(model.data_dim)
    named = sympy.symbols(f"f:{model.data_dim}", real=True)
    at, log_partition = dict(zip(named, f, strict=True)), partition(named)

    def derivative(*places: int) -> Expr:
        found = log_partition.diff(*(named[n] for n in places)).subs(at, simultaneous=True)
        return _in_odds(name, found)

    slopes = f.jacobian(z)
    metric = sympy.Matrix(model.data_dim, model.data_dim, derivative)
    third: dict[tuple[int, ...], Expr] = {
        place: derivative(*place) for place in combinations_with_replacement(outputs, 3)
    }
    found: dict[tuple[int, ...], tuple[Expr, Expr]] = {}
    for i, j, k in combinations_with_replacement(range(2), 3):
        turns = ((i, j, k), (j, k, i), (k, i, j))
        bends = sum((f.diff(z[a]).diff(z[b]).T * metric * slopes[:, c])[0] for a, b, c in turns)
        cumulants = sum(
            third[tuple(sorted(place))] * slopes[place[0], i] * slopes[place[1], j] * slopes[place[2], k]
            for place in product(outputs, repeat=3)
        )
        found[i, j, k] = sympy.cancel(bends), sympy.cancel(cumulants)
    return (slopes.T * metric * slopes).inv().applyfunc(sympy.cancel), found


def _contracted(name: str, alpha: Expr) -> Expr:
    inverse, cubics = _cubics(name)
    tensor = {place: bends + 3 * (1 - alpha) / 2 * own for place, (bends, own) in cubics.items()}
    places = list(product(range(2), repeat=3))
    whole = {place: tensor[tuple(sorted(place))] for place in places}
    return sum(
        whole[p] * whole[q] * inverse[p[0], q[0]] * inverse[p[1], q[1]] * inverse[p[2], q[2]]
        for p in places
        for q in places
    )
