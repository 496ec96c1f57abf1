"""Claim
-----
The entropy of a Gaussian posterior N(m, s) is (1 + log(2 pi s))/2, which is said to be positive.

Hypotheses
----------
The variance s is positive.

Relation
--------
Equality; S2 a bound.

Method
------
S1 SymPy's integral; S2 ball arithmetic.

Trusted base
------------
SymPy, FLINT.

What this does not show
-----------------------
Anything about posteriors that are not Gaussian.
"""

from fractions import Fraction

import sympy
from flint import arb

from elboproof.checking import Claim, Hypothesis, Run, Verdict, ball_positive, control, identity

claim = Claim(
    "entropy-of-the-posterior", title="The entropy of N(m, s) is (1 + log(2 pi s))/2, and not always positive"
)

positive = Hypothesis("positive variance", "s > 0", lambda s: s > 0, accepts=[(1,)], rejects=[(0,), (-1,)])


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="the mean of -log q(z) is (1 + log(2 pi s))/2",
    domain="all real m and all s > 0",
    hypotheses=(positive,),
    controls=(control("without the 1", one=0),),
)
def entropy(run: Run, *, one: int = 1) -> Verdict:
    """Integrate minus the log density."""
    z, m = sympy.symbols("z m", real=True)
    s = sympy.symbols("s", positive=True)
    run.assume(positive, s)
    density = sympy.exp(-((z - m) ** 2) / (2 * s)) / sympy.sqrt(2 * sympy.pi * s)
    minus_log = (z - m) ** 2 / (2 * s) + sympy.log(2 * sympy.pi * s) / 2
    mean = sympy.integrate(sympy.expand(minus_log) * density, (z, -sympy.oo, sympy.oo))
    return identity(mean - (one + sympy.log(2 * sympy.pi * s)) / 2)


@claim.check(
    statement="S2",
    role="limits",
    method="certified",
    relation="<",
    states="the entropy is not always positive: it is negative for narrow posteriors",
    domain="s = 1/100",
    hypotheses=(positive,),
    controls=(control("a variance 1", s=Fraction(1)),),
)
def sign(run: Run, *, s: Fraction = Fraction(1, 100)) -> Verdict:
    """Enclose the entropy of one posterior."""
    run.assume(positive, s)
    variance = arb(s.numerator) / s.denominator
    return ball_positive(-(1 + (2 * arb.pi() * variance).log()) / 2)
