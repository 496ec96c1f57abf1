"""S1, S2, S3, S8: what the reconstruction is, its cap, its invariance, and its mirror image."""

from collections.abc import Callable

import sympy
from sympy import Expr, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, equal, identity

from .._shared.digits import digits
from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .hypotheses import positive_bits, positive_variances

HALF, ONE = Rational(1, 2), Rational(1)
SIZES = (2, 3)
SIZES_TEXT = " and ".join(map(str, SIZES))


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "of data seen through noise of variance lambda v, E (residual + noise)^2 = r + lambda v; the mean Gaussian log "
        "likelihood -1/2 log(2 pi u) - (r + lambda v)/(2 u) is greatest at u = r + lambda v, where it exceeds that of "
        "the noised data's own Gaussian by 1/2 [log((1 + lambda) v) - log(r + lambda v)]"
    ),
    domain=f"any residuals of N = {SIZES_TEXT} examples, r their mean square, all lambda, v > 0; dimensions add up",
    hypotheses=(positive_variances,),
    controls=(
        control("noise that is not independent of the residual", refutes="second moment*", mixed=1),
        control("the own Gaussian without its noise", refutes="difference*", noised=0),
        control("u = r, the best variance without noise", refutes="slope*", share=0),
    ),
    tier="quick",
)
def likelihood_of_noised_data(run: Run, *, mixed: int = 0, noised: int = 1, share: int = 1) -> Verdict:
    """Logarithms stand as symbols; at the best variance the quadratic term is 1/2 on both sides."""
    lam, v, u = sympy.symbols("lam v u", positive=True)
    run.assume(positive_variances, v, u)
    parts = {}
    for size in SIZES:
        residuals, noise = free_vector("e", size), free_vector("n", 1)
        shift = sympy.sqrt(lam * v) * noise[0]
        seen = sympy.Add(*((e + shift) ** 2 + mixed * e * noise[0] ** 2 for e in residuals)) / size
        r = sympy.Add(*(e**2 for e in residuals)) / size
        parts[f"second moment, N = {size}"] = identity(normal_expectation(seen, noise) - (r + lam * v))
        best = r + share * lam * v
        slope = (-sympy.log(u) / 2 - (r + lam * v) / (2 * u)).diff(u).subs(u, best)
        parts[f"slope at the best variance, N = {size}"] = identity(slope)
        # -1/2 log(2 pi u) - moment/(2 u) at the best u and at the own Gaussian's (1 + lambda) v, as exponentials
        own = (1 + noised * lam) * v
        ratio = (1 + lam) * v / (r + lam * v)
        parts[f"difference of the logarithms, N = {size}"] = identity(own / (r + lam * v) - ratio)
    return all_of(parts)


def four_to(bits: Expr) -> Expr:
    """4^b as exp(b log 4), one symbol to SymPy and to FLINT."""
    return sympy.exp(bits * 2 * sympy.log(2))


Noise = Callable[[Expr], Expr]


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="<=",
    states=(
        "with lambda = 1/(4^b - 1): at r = 0 the ratio (1 + lambda) v/(lambda v) is 4^b, so the value is b log 2 = b "
        "bits; at r = v it is 1, so the value is 0; its slope in r is -1/(2 (r + lambda v)) < 0: it is largest at r = "
        "0 and falls without bound"
    ),
    domain="every b > 0, v > 0, r >= 0, one dimension; dimensions add up",
    hypotheses=(positive_variances, positive_bits),
    controls=(
        control(
            "lambda = 4^-b, whose cap is 1/2 log2(1 + 4^b)", refutes="cap", noise=lambda b: 1 / four_to(b)
        ),
        control("without the own Gaussian's noise", refutes="mean*", noised=0),
        control("the slope without 1/2", refutes="slope", half=ONE),
    ),
    tier="quick",
)
def bits_are_the_cap(
    run: Run,
    *,
    noise: Noise = lambda b: 1 / (four_to(b) - 1),
    noised: int = 1,
    half: Expr = HALF,
) -> Verdict:
    """Bounded above only: the value tends to minus infinity with r."""
    b, v, r = sympy.symbols("b v r", positive=True)
    run.assume(positive_variances, v)
    run.assume(positive_bits, b)
    lam = Symbol("lam", positive=True)
    value = sympy.log((1 + noised * lam) * v / (r + lam * v)) / 2
    cap = ((1 + lam) / lam).subs(lam, noise(b))
    return all_of(
        {
            "cap": identity(cap - four_to(b)),
            "mean predicted": identity((1 + noised * lam) * v / (v + lam * v) - 1),
            "slope": identity(value.diff(r) + half / (r + lam * v)),
        }
    )


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "x -> a x + c, f -> a f + c makes a^2 r of r and a^2 v of v, and leaves (1 + lambda) v/(r + lambda v) as it "
        "is, for one dimension and for the sums over two with one common a"
    ),
    domain="every a > 0, c, x, f; isotropic: one a for all dimensions; per dimension: one for each",
    hypotheses=(positive_variances,),
    controls=(
        control(
            "a floor of 1/1000 in place of lambda v",
            refutes=["per dimension", "isotropic"],
            floor=Rational(1, 1000),
        ),
        control("decoder outputs that do not scale", refutes="residual", stays=1),
    ),
    tier="quick",
)
def scale_does_not_count(run: Run, *, floor: Expr = 0 * ONE, stays: int = 0) -> Verdict:
    """In the isotropic form R = r_1 + r_2 and V = v_1 + v_2 stand for r and v."""
    a, lam, r, v, r2, v2 = sympy.symbols("a lam r v r2 v2", positive=True)
    x, f, c = sympy.symbols("x f c", real=True)
    run.assume(positive_variances, v, v2)

    def ratio(residual: Expr, variance: Expr) -> Expr:
        return (1 + lam) * variance / (residual + (floor or lam * variance))

    scaled = f if stays else a * f + c
    return all_of(
        {
            "residual": identity(((a * x + c) - scaled) ** 2 - a**2 * (x - f) ** 2),
            "per dimension": identity(ratio(a**2 * r, a**2 * v) - ratio(r, v)),
            "isotropic": identity(ratio(a**2 * (r + r2), a**2 * (v + v2)) - ratio(r + r2, v + v2)),
        }
    )


@claim.check(
    statement="S8",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "(1 + lambda) v/(r + lambda v) = 4^b / (1 + r/(lambda v)) with lambda = 1/(4^b - 1): the value is b log 2 - "
        "1/2 log(1 + r/(lambda v)), BILBO's rate 1/2 log(1 + E m^2 / s) with residuals for codes and lambda v for s"
    ),
    domain="every b, v > 0, r >= 0",
    hypotheses=(positive_variances, positive_bits),
    controls=(
        control("r/v in place of r/(lambda v)", scale=lambda _: ONE),
        control("lambda = 4^-b", noise=lambda b: 1 / four_to(b)),
    ),
    tier="quick",
)
def mirror_image_of_bilbo(
    run: Run, *, scale: Noise = lambda lam: lam, noise: Noise = lambda b: 1 / (four_to(b) - 1)
) -> Verdict:
    """The right side cancels nothing and is exactly the cap at r = 0: the library computes it."""
    b, v, r = sympy.symbols("b v r", positive=True)
    run.assume(positive_variances, v)
    run.assume(positive_bits, b)
    lam = noise(b)
    return identity((1 + lam) * v / (r + lam * v) - four_to(b) / (1 + r / (scale(lam) * v)))


BITS = (0.25, 1.0, 4.0, 12.0)
CLOSE = 1e-12
"""Relative to 1 and the value; sums of 64 logarithms in float64, the plain form cancels up to 12 bits."""


@claim.check(
    statement="S8",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "elboproof.objectives.baggins is 1/2 sum_j log((1 + lambda) v_j/(r_j + lambda v_j)), in both modes, within "
        f"{CLOSE:g} of 1 + its size, and elboproof.objectives.bilbo_baggins is that less 1/2 sum log1p(E m^2)"
    ),
    domain=(
        "1,797 digits, 64 pixels of which 3 are constant, images blended with a tenth of their mean as the decoder's, "
        f"b = {', '.join(map(str, BITS))}"
    ),
    hypotheses=(positive_variances, positive_bits),
    controls=(
        control("lambda = 4^-b", refutes=["*, 0.25 bits", "*, 1 bits", "*, 4 bits"], excess=0.0),
        control("deviations for variances", power=0.5),
    ),
)
def the_library_computes_it(run: Run, *, excess: float = 1.0, power: float = 1.0) -> Verdict:
    """Constant pixels count for nothing."""
    import numpy as np
    import torch

    from elboproof import objectives

    images = digits()
    v = images.var(0)
    run.assume(positive_variances, float(v[v > 0].min()))
    run.assume(positive_bits, min(BITS))
    centre = 0.9 * images + 0.1 * images.mean(0)
    x, mean_x, codes = (torch.tensor(one) for one in (images, centre, images[:, [20, 21]]))
    parts = {}
    for bits in BITS:
        lam = 1 / (4.0**bits - excess)
        r, kept = ((images - centre) ** 2).mean(0), v > 0
        u = v[kept] ** power
        apart = np.log((1 + lam) * u / (r[kept] + lam * u)).sum() / 2
        total_v, total_r = (v**power)[kept].sum(), r[kept].sum()
        together = kept.sum() * np.log((1 + lam) * total_v / (total_r + lam * total_v)) / 2
        rate = np.log1p((images[:, [20, 21]] ** 2).mean(0)).sum() / 2
        for mode, stated in (("per-dimension", apart), ("isotropic", together)):
            found = objectives.bilbo_baggins(x, mean_x, codes, torch.tensor(v), bits=bits, mode=mode)  # type: ignore[arg-type]
            tolerance = CLOSE * (1 + abs(stated))
            parts[f"{mode}, {bits:g} bits"] = equal(float(found) + rate, float(stated), tolerance)
    return all_of(parts)
