"""S5, sigma -> 0 with a refitted decoder: the optimisation to which an asymptotic argument leads, and what is seen.

The decoder becomes a step function, the tails of q_n reach the steps at distance r_n with s_n = r_n^2 / (2 log(1 /
sigma^2)), so that neighbours stand r_n + r_(n+1) apart, and what is left to maximise is mean_n (log r_n - m_n^2 / 2).
That argument is no proof; what is proved here is the optimum of that function, and the trend of the penalties.
"""

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim

FREE = (sympy.sqrt(Rational(2, 3)), sympy.sqrt(Rational(1, 6)), sympy.sqrt(Rational(2, 3)))
SHARED = sympy.sqrt(Rational(3, 8))
OTHER = (1 / sympy.sqrt(2), Rational(1, 2), 1 / sympy.sqrt(2))
REFITTED = sympy.log(Rational(1024, 729)) / 6
LEADING = sympy.log(2) / 6


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "mean_n (log r_n - m_n^2 / 2) with m = (c - r_1 - r_2, c, c + r_2 + r_3) is strictly concave; its maximum "
        "is at c = 0 and r^2 = (2/3, 1/6, 2/3), with one r at r^2 = 3/8; they differ by (1/6) log(1024/729) = .0566, "
        "while P* of the precisions 1/r_n^2 is (log 2) / 6 = .1155"
    ),
    domain="three data; the function of an asymptotic argument for sigma -> 0, not the ELBO",
    hypotheses="none",
    controls=(
        control(
            "r^2 = (1/2, 1/4, 1/2)",
            refutes=("slopes", "difference", "P*"),
            free=OTHER,
        ),
        control("one r with r^2 = 1/2", refutes=("slope of one r", "difference"), shared=1 / sympy.sqrt(2)),
        control("P* for the difference", refutes="difference", difference=LEADING),
        control("half of P*", refutes="P*", leading=LEADING / 2),
        control("without the logarithms' bend", refutes="bend", logs=0),
    ),
    tier="quick",
)
def limit_problem(
    run: Run,  # noqa: ARG001
    *,
    free: tuple[Expr, Expr, Expr] = FREE,
    shared: Expr = SHARED,
    difference: Expr = REFITTED,
    leading: Expr = LEADING,
    logs: int = 1,
) -> Verdict:
    """A zero slope is the global maximum of a concave function; its bend is minus a sum of squares."""
    r, c = sympy.symbols("r:3", positive=True), Symbol("c", real=True)
    places = (c - r[0] - r[1], c, c + r[1] + r[2])
    value = sum(sympy.log(one) - place**2 / 2 for one, place in zip(r, places, strict=True)) / 3
    unknowns = (*r, c)
    best = {**dict(zip(r, free, strict=True)), c: 0}
    one = Symbol("r", positive=True)
    tied = value.subs(dict.fromkeys(r, one))
    forms = [ImmutableMatrix([place.diff(u) for u in unknowns]) for place in places]
    bend = sympy.diag(*(-logs / u**2 for u in r), 0)
    for form in forms:
        bend = bend - form * form.T
    precisions = [1 / u**2 for u in free]
    penalty = (sympy.log(sum(precisions) / 3) - sum(map(sympy.log, precisions)) / 3) / 2
    both = value.subs(best) - tied.subs({one: shared, c: 0})
    return all_of(
        {
            "slopes": identity([value.diff(u).subs(best) for u in unknowns]),
            "slope of one r": identity([tied.diff(u).subs({one: shared, c: 0}) for u in (one, c)]),
            "bend": identity(3 * sympy.hessian(value, unknowns) - bend),
            "difference": identity(sympy.expand_log(both - difference, force=True)),
            "P*": identity(sympy.expand_log(penalty - leading, force=True)),
        }
    )
