"""S9: rival readings of the abstract, and which of the properties that it names each of them has.

C1 is this reconstruction; C2 a Gaussian of the fixed variance lambda v; C5 the best variance, clamped at lambda v: the
forms that the library offers. C4 is the full covariance, C6 a Student-t likelihood for each example. C3 chooses sigma^2
so that BILBO's rate is b bits per dimension: it needs the encoder, and is named only.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, all_of, control, equal

from . import claim
from .hypotheses import positive_bits, positive_variances

Array = NDArray[np.float64]
Rival = Callable[[Array, Array], float]
"""Residuals (B, D) and the data's covariance (D, D) to nats per example."""
BITS = 2.0
LAM = 1 / (4.0**BITS - 1)


def _library(form: Literal["aggregate", "fixed", "clamp"]) -> Rival:
    def value(residual: Array, covariance: Array) -> float:
        import torch

        from elboproof import objectives

        v = torch.tensor(np.diag(covariance).copy())
        return float(
            objectives.baggins(torch.tensor(residual), v, bits=BITS, mode="per-dimension", form=form)
        )

    return value


def _full(residual: Array, covariance: Array) -> float:
    """C4: 1/2 log det((1 + lambda) S_x) - 1/2 log det(S_r + lambda S_x)."""
    moments = residual.T @ residual / len(residual)
    return (
        float(np.linalg.slogdet((1 + LAM) * covariance)[1] - np.linalg.slogdet(moments + LAM * covariance)[1])
        / 2
    )


def _student(residual: Array, covariance: Array) -> float:
    """C6: -1/2 sum_j log1p(r_j / (lambda v_j)) of each example, averaged."""
    return float((BITS * np.log(2) - np.log1p(residual**2 / (LAM * np.diag(covariance))) / 2).sum(1).mean())


RIVALS: dict[str, Rival] = {
    "C1 aggregate": _library("aggregate"),
    "C2 fixed": _library("fixed"),
    "C4 full covariance": _full,
    "C5 clamp": _library("clamp"),
    "C6 Student-t": _student,
}
HAVE: dict[str, dict[str, bool]] = {
    "bounded": dict.fromkeys(RIVALS, True),
    "scale does not count": dict.fromkeys(RIVALS, True),
    "aggregate of the batch": {name: name != "C6 Student-t" for name in RIVALS},
    "fitted variance": {name: name in ("C1 aggregate", "C4 full covariance", "C5 clamp") for name in RIVALS},
    "gradient at small residuals": {name: name != "C5 clamp" for name in RIVALS},
    "no map of the data counts": {name: name == "C4 full covariance" for name in RIVALS},
}
"""Which property each rival has."""
SMALL = 1e-9


def _data(seed: int) -> tuple[Array, Array]:
    """Return residuals (40, 2) and a covariance that is not diagonal."""
    rng = np.random.default_rng(seed)
    covariance = np.array([[1.0, 0.6], [0.6, 4.0]])
    return rng.standard_normal((40, 2)) * np.array([0.5, 1.0]), covariance


def _bounded(rival: Rival) -> bool:
    """No residual, however small, gives more than none does."""
    residual, covariance = _data(0)
    return (
        max(rival(residual * k, covariance) for k in (1.0, 1e-3, 1e-150))
        <= rival(0 * residual, covariance) + SMALL
    )


def _scale_free(rival: Rival) -> bool:
    residual, covariance = _data(1)
    return all(
        abs(rival(k * residual, k * k * covariance) - rival(residual, covariance)) <= SMALL
        for k in (1e-3, 1e3)
    )


def _aggregate(rival: Rival) -> bool:
    """A batch and one with the same second moments in other examples have one value: signs and order turned."""
    residual, covariance = _data(2)
    moments = residual.T @ residual / len(residual)
    # all examples' squares spread evenly: rows +-sqrt(B/2) times the columns of a root of the moments
    root = np.linalg.cholesky(moments)
    other = np.concatenate([np.sqrt(len(residual) / 2) * np.vstack([root.T, -root.T]), np.zeros((36, 2))])
    return abs(rival(other, covariance) - rival(residual, covariance)) <= SMALL


def _fitted(rival: Rival) -> bool:
    """Residuals as large as the data give 0, and ten times as large still no less than -log 100 per dimension."""
    rng = np.random.default_rng(3)
    covariance = np.array([[1.0, 0.6], [0.6, 4.0]])
    white = rng.standard_normal((40, 2))
    white = white @ np.linalg.inv(np.linalg.cholesky(white.T @ white / 40)).T
    residual = white @ np.linalg.cholesky(covariance).T
    return abs(rival(residual, covariance)) <= SMALL and rival(10 * residual, covariance) >= -2 * np.log(
        100.0
    )


def _gradient(rival: Rival) -> bool:
    """Halving small residuals gains something."""
    residual, covariance = _data(4)
    return rival(5e-3 * residual, covariance) - rival(1e-2 * residual, covariance) > SMALL


def _any_map(rival: Rival) -> bool:
    residual, covariance = _data(5)
    turn = np.array([[1.0, 2.0], [-0.5, 3.0]])
    return abs(rival(residual @ turn.T, turn @ covariance @ turn.T) - rival(residual, covariance)) <= SMALL


TESTS: dict[str, Callable[[Rival], bool]] = {
    "bounded": _bounded,
    "scale does not count": _scale_free,
    "aggregate of the batch": _aggregate,
    "fitted variance": _fitted,
    "gradient at small residuals": _gradient,
    "no map of the data counts": _any_map,
}


def _turned(table: dict[str, dict[str, bool]]) -> dict[str, dict[str, bool]]:
    return {name: {rival: not has for rival, has in row.items()} for name, row in table.items()}


@claim.check(
    statement="S9",
    role="sharpens",
    method="numeric",
    relation="=",
    states=(
        "all five readings are bounded and do not count the scale; all but Student-t see the batch by its second "
        "moments only; C2 and C6 fit no variance; the clamp has no gradient at its cap; only the full covariance is "
        "free of every linear map: the abstract's words do not decide between C1, C4 and C5"
    ),
    domain="2 dimensions, batches of 40, 2 bits; float64; each property by its own test, within 1e-9 nats",
    hypotheses=(positive_variances, positive_bits),
    controls=(control("every entry turned", table=_turned(HAVE)),),
)
def readings_and_their_properties(run: Run, *, table: dict[str, dict[str, bool]] | None = None) -> Verdict:
    """Which reading is the paper's cannot be decided here; none is called the paper's."""
    run.assume(positive_variances, 1.0)
    run.assume(positive_bits, BITS)
    stated = table or HAVE
    parts: dict[str, Any] = {}
    for name, test in TESTS.items():
        for rival, function in RIVALS.items():
            parts[f"{name}: {rival}"] = equal(float(test(function)), float(stated[name][rival]), 0.5)
    return all_of(parts)
