"""S1, S2: a kick and a drift are shears, whatever the field; cooling alone changes the volume."""

from typing import Any

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .gaussian import schedule

HALF = Rational(1, 2)
STEP, FIRST = Symbol("e", positive=True), Symbol("T", positive=True)


def _field(name: str, size: int) -> ImmutableMatrix:
    """Return the derivatives of any field at a place: no symmetry, as it need not be a gradient."""
    return ImmutableMatrix(size, size, lambda i, j: Symbol(f"{name}{i}{j}", real=True))


def _step(before: ImmutableMatrix, after: ImmutableMatrix, factor: Expr, kicked: bool) -> ImmutableMatrix:
    """Return the derivative of half kick, drift, half kick and cooling with respect to (z, rho)."""
    one, none = sympy.eye(before.rows), sympy.zeros(before.rows)
    kick = ImmutableMatrix([[one, none], [-HALF * STEP * before, one]])
    drift = ImmutableMatrix([[one, STEP * one], [none, one]])
    again = ImmutableMatrix([[one, none], [-HALF * STEP * after, factor * one]])
    cool = ImmutableMatrix([[one, none], [-HALF * STEP * factor * after, factor * one]])
    last = cool if factor != 1 else again
    if kicked:
        return last * drift * kick
    # the drift by the momentum before the kick: both from the old pair, and then the second kick
    return last * ImmutableMatrix([[one, STEP * one], [-HALF * STEP * before, one]])


def path_derivative(steps: int, size: int = 1, more: int = 0, inverted: bool = False) -> ImmutableMatrix:
    """Return the derivative of K steps with cooling; ``more`` steps are those of the schedule that are not made."""
    temperatures = schedule(FIRST, steps + more)
    matrix = sympy.eye(2 * size)
    for k in range(steps):
        ratio = temperatures[k + 1] / temperatures[k]
        factor = 1 / ratio if inverted else ratio
        matrix = _step(_field(f"p{k}", size), _field(f"p{k + 1}", size), factor, True) * matrix
    return matrix


def free_path(steps: int) -> tuple[ImmutableMatrix, Expr]:
    """Return the derivative of K steps with free cooling factors for d = 1, and the T_0 from which they cool to 1."""
    factors = [Symbol(f"f{k}", positive=True) for k in range(steps)]
    matrix = sympy.eye(2)
    for k, factor in enumerate(factors):
        matrix = _step(_field(f"p{k}", 1), _field(f"p{k + 1}", 1), factor, True) * matrix
    return matrix, 1 / sympy.prod(factors)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="half kick, drift and half kick together have the determinant 1, whatever the kicks' derivatives are",
    domain="d = 1, 2, any field: its derivatives at both places are free matrices; every e > 0",
    hypotheses="none",
    controls=(control("a drift by the momentum before the kick: det(I + e^2/2 field')", kicked=False),),
    tier="quick",
)
def any_field_keeps_volume(run: Run, *, kicked: bool = True) -> Verdict:  # noqa: ARG001
    """Each of the three is a shear, as the field at the place of a kick does not depend on the momentum."""
    parts = {}
    for size in (1, 2):
        matrix = _step(_field("p", size), _field("q", size), sympy.Integer(1), kicked)
        parts[f"d = {size}"] = identity(matrix.det(method="berkowitz") - 1)
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states="K steps with cooling have the determinant T_0^-d = beta_0^(d/2)",
    domain="K = 1, 2, 3 for d = 1, K = 1 for d = 2; any field, every e > 0 and T_0 > 0",
    hypotheses="none",
    controls=(
        control("momenta heated by T_(k-1)/T_k", inverted=True),
        control("a schedule that ends above 1: k^2/(K + 1)^2", more=1),
    ),
    tier="quick",
)
def cooling_alone_changes_volume(run: Run, *, inverted: bool = False, more: int = 0) -> Verdict:  # noqa: ARG001
    """The factors telescope to T_K/T_0 = 1/T_0, each to the power d."""
    parts = {}
    for size, steps in ((1, 1), (1, 2), (1, 3), (2, 1)):
        matrix = path_derivative(steps, size, more, inverted)
        parts[f"d = {size}, K = {steps}"] = identity(matrix.det(method="berkowitz") - FIRST**-size)
    return all_of(parts)


def _move(z: Expr, rho: Expr, field: Any) -> tuple[Expr, Expr]:
    middle = rho - HALF * STEP * field(z)
    place = z + STEP * middle
    return place, middle - HALF * STEP * field(place)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "a leapfrog step, momenta turned around, is its own inverse; with cooling it is undone by warming by the "
        "same "
        "factor first, so that K steps are undone by the reversed schedule and not by the same one"
    ),
    domain="one step, d = 1, every field a + b z + c z^2, every e > 0, T_0 and T_1 > 0",
    hypotheses="none",
    controls=(
        control("momenta not turned around", turned=1),
        control("cooled again for warmed", refutes="with cooling*", again=True),
    ),
    tier="quick",
)
def steps_are_undone(run: Run, *, turned: int = -1, again: bool = False) -> Verdict:  # noqa: ARG001
    """Steps compose, so that what undoes one undoes K of them in the opposite order."""
    a, b, c, z, rho = sympy.symbols("a b c z rho", real=True)
    factor = Symbol("r", positive=True)

    def field(place: Expr) -> Expr:
        return a + b * place + c * place**2

    place, momentum = _move(z, rho, field)
    parts = {}
    for name, cool in (("without cooling", sympy.Integer(1)), ("with cooling", factor)):
        warm = cool * cool * momentum if again else momentum
        found = _move(place, turned * warm, field)
        parts[f"{name}: place"] = identity(found[0] - z)
        parts[f"{name}: momentum"] = identity(turned * found[1] - rho)
    return all_of(parts)
