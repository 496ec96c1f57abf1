"""S2 on instances: Taylor coefficients against cumulants in balls, and the package's derivatives."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, finite_data, shared_covariance
from .partitions import Joint, central_moment, cumulant, derivative
from .points import Points

SHARED = Points(("-1", "0", "5/2"), ("-1", "1/4", "3/2"), ("1/2",) * 3)
OWN = Points(("-1", "0", "5/2"), ("-1", "1/4", "3/2"), ("1/5", "1/2", "2"))
PLACE, ORDERS = Fraction(1, 3), (0, 1, 2, 3, 4, 5, 6)
WITHIN = 1e-30
DIGITS = {
    0: "0.3327010891669909810086",
    1: "1.37628545529983969164",
    2: "1.031967366603544529209",
    3: "0.3862493400783884079730",
}
"""To be reproduced, not evidence: each is compared with both routes."""
LAST_PLACE = 1e-19


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        f"k! times the Taylor coefficients of the quotient are the cumulants within {WITHIN:.0e}; for one variance "
        "f*, f*', f*'', f*''' are 0.33270108916699098101, 1.37628545529983969164, 1.0319673666035445292, "
        ".38624934007838840797"
    ),
    domain=(
        f"x = (-1, 0, 5/2), m = (-1, 1/4, 3/2), z = 1/3; s^2 = 1/2, and s_i^2 = 1/5, 1/2, 2; k = 0..{ORDERS[-1]}"
    ),
    hypotheses=(definite_encoder, finite_data, shared_covariance),
    controls=(
        control(
            "central moments for cumulants",
            refutes=("*k = 3", "*k = 4", "*k = 5", "*k = 6"),
            joint=central_moment,
        ),
        control("S for S^-1", refutes=("one variance, k = [1-6]",), inverse=False),
        control("without blocks of two", refutes="own variances, k = [2-6]", largest=1),
        control(
            "a place off by 1e-15",
            refutes=("digits*", "one variance, k = 0", "own*"),
            shift=Fraction(1, 10**15),
        ),
    ),
    tier="quick",
)
def taylor_coefficients_are_cumulants(
    run: Run, *, joint: Joint = cumulant, inverse: bool = True, largest: int = 2, shift: Fraction | int = 0
) -> Verdict:
    """Two routes: division of power series, and moments under the weights at the point."""
    run.assume(shared_covariance, list(SHARED.variances))
    parts: dict[str, Verdict] = {}
    with working_precision(200):
        for name, points in {"one variance": SHARED, "own variances": OWN}.items():
            run.assume(definite_encoder, [[[float(Fraction(s))]] for s in points.variances])
            run.assume(finite_data, points.data)
            z = ball(PLACE + shift)
            coefficients = points.taylor(ball(PLACE), ORDERS[-1])
            for k in ORDERS:
                found = _derivative(points, z, k, joint, inverse, largest)
                parts[f"{name}, k = {k}"] = ball_equal(coefficients[k] * arb(k).fac() - found, WITHIN)
                if points is SHARED and k in DIGITS:
                    parts[f"digits, k = {k}"] = ball_equal(
                        found + arb(0, LAST_PLACE / 10) - ball(DIGITS[k]), LAST_PLACE
                    )
    return all_of(parts)


def _derivative(points: Points, z: arb, k: int, joint: Joint, inverse: bool, largest: int) -> arb:
    weights, x = points.weights(z), points.x()
    if points is SHARED:  # the cumulant of S^-1 m itself
        s = [ball(one) ** (-1 if inverse else 1) for one in points.variances]
        natural = [ball(m) * p for m, p in zip(points.codes, s, strict=True)]
        return arb(joint(weights, [x, *[natural] * k]))
    along = {1: points.slopes(z), 2: points.bends()}
    if k == 0:
        return arb(joint(weights, [x]))
    return arb(derivative(weights, x, lambda block: along[len(block)], k, joint, largest))


KINDS = ("one variance", "one matrix", "own variances", "own matrices")
HIGHEST, LATENTS, POINTS = 4, 2, 5
TOLERANCE = 1e-9
"""Of the largest entry, in float64; worst seen 2e-13."""
Array = NDArray[np.float64]


@claim.check(
    statement="S2",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "OptimalDecoder.derivative(z, k) is the sum over partitions of joint cumulants, every entry, within "
        f"{TOLERANCE:.0e} of the largest"
    ),
    domain=f"drawn points, N = {POINTS}, d = {LATENTS}, four kinds of covariances, k = 1..{HIGHEST}, float64",
    hypotheses=(definite_encoder, finite_data),
    controls=(
        control("central moments for cumulants", refutes=("*k = 3", "*k = 4"), joint=central_moment),
        control("without blocks of two", refutes="own*k = [234]", largest=1),
        control("one order higher", lift=1),
    ),
)
def package_derivatives_are_cumulants(
    run: Run, *, joint: Joint = cumulant, largest: int = 2, lift: int = 0
) -> Verdict:
    """The weights come from the densities written out here."""
    parts: dict[str, Verdict] = {}
    for kind in KINDS:
        m, x, S = run.rng.normal(size=(POINTS, LATENTS)), run.rng.normal(size=POINTS), _covariances(run, kind)
        run.assume(definite_encoder, S)
        run.assume(finite_data, x)
        z = run.rng.normal(size=LATENTS)
        given = {"one variance": S[0, 0, 0], "one matrix": S[0], "own variances": S[:, 0, 0]}.get(kind, S)
        decoder = ep.OptimalDecoder(m, x[:, None], given)
        for k in range(1, HIGHEST + 1):
            ours = np.asarray(decoder.derivative(z, k))[0]
            theirs = _tensor(m, x, S, z, k + lift, joint, largest)
            size = float(np.abs(ours).max())
            shown = theirs if not lift else theirs[0]
            parts[f"{kind}, k = {k}"] = equal(shown / size, ours / size, TOLERANCE)
    return all_of(parts)


def _covariances(run: Run, kind: str) -> Array:
    roots = run.rng.normal(size=(POINTS, LATENTS, LATENTS))
    matrices: Array = roots @ roots.mT + 0.3 * np.eye(LATENTS)
    matrices = (matrices + matrices.mT) / 2
    if kind.endswith(("variance", "variances")):
        matrices = matrices[:, :1, :1] * np.eye(LATENTS)
    return np.broadcast_to(matrices[:1], matrices.shape) if kind.startswith("one") else matrices


def _tensor(m: Array, x: Array, S: Array, z: Array, order: int, joint: Joint, largest: int) -> Array:
    P = np.linalg.inv(S)
    slopes = np.einsum("njk,nk->nj", P, m - z)
    logs = -0.5 * np.einsum("nj,nj->n", m - z, slopes) + 0.5 * np.linalg.slogdet(P)[1]
    w = np.exp(logs - logs.max())
    w /= w.sum()

    def along(axes: Sequence[int]) -> Any:
        return lambda block: (
            slopes[:, axes[block[0]]] if len(block) == 1 else -P[:, axes[block[0]], axes[block[1]]]
        )

    found = [
        derivative(w, x, along(axes), order, joint, largest) for axes in product(range(LATENTS), repeat=order)
    ]
    return np.array(found).reshape((LATENTS,) * order)
