"""A bounded Gaussian likelihood that does not depend on the data's scale: BAGGINS, a RECONSTRUCTION.

The paper's formula could not be obtained. This one has the properties that its abstract names: Gaussian, bounded,
invariant to the data's scale, from the aggregate information of a batch, with a variance in closed form. With the
data's variances v_j, the batch's mean squared residuals r_j and lambda = 1/(4^b - 1), it is the log likelihood of the
data seen through noise of variance lambda v_j, at its best variance r_j + lambda v_j, relative to the data's Gaussian:

    1/2 sum_j log((1 + lambda) v_j / (r_j + lambda v_j)) = D b log 2 - 1/2 sum_j log1p(r_j / (lambda v_j)),

at most b bits per dimension, attained at r = 0. The right side is what is computed: it cancels nothing, and is BILBO's
own form with (residual, lambda v) for (code, posterior variance).
"""

import math
from typing import Literal

import torch

from elboproof.arguments import bad, plain, suggesting
from elboproof.objectives.gaussian import batch_rate
from elboproof.objectives.tensors import never_nan, require_batch, require_shape, surely, wide

Mode = Literal["isotropic", "per-dimension"]
Form = Literal["aggregate", "fixed", "clamp"]
MODES, FORMS = ("isotropic", "per-dimension"), ("aggregate", "fixed", "clamp")
MOST_BITS = 500.0
"""4^b is beyond the range of float64 for more than 512."""


@suggesting
def baggins(
    residual: torch.Tensor,
    data_variance: torch.Tensor,
    *,
    bits: float = 4.0,
    mode: Mode = "isotropic",
    form: Form = "aggregate",
) -> torch.Tensor:
    """Return the bounded likelihood of a batch, in nats per example, to be maximised; a reconstruction, see the module.

    Parameters
    ----------
    residual
        (B, D): x - decoder(z), one z ~ q(z|x) for each x.
    data_variance
        (D,): the variance of each dimension over the whole training set; a minibatch's own would move with it.
        Dimensions of variance 0 are left out.
    bits
        b > 0, the largest information per dimension.
    mode
        "isotropic": one ratio sum_j r_j / sum_j v_j for all dimensions, or "per-dimension": one for each.
    form
        "aggregate" is the reconstruction. Two rival readings: "fixed", a Gaussian of the fixed variance lambda v_j,
        sum_j [b log 2 + 1/2 - r_j / (2 lambda v_j)]; and "clamp", 1/2 sum_j log(v_j / max(r_j, lambda v_j)), whose
        gradient is 0 at the cap.

    Returns
    -------
    Tensor
        A scalar, at most D b log 2 in the form "aggregate", -inf where a squared residual overflows.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, holds NaN, or no dimension varies.

    Notes
    -----
    On minibatches of B it is optimistic by (r / (r + lambda v))^2 / (2 B) per dimension for Gaussian residuals, to
    leading order.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> objectives.baggins(torch.zeros(5, 3), torch.ones(3), bits=4) / torch.log(torch.tensor(2.0))  # 3 times 4 bits
    tensor(12.)
    """
    r = wide(residual, "residual")
    v = _data_variance(data_variance, r)
    _require_options(bits, mode, form)
    result = _bounded(r, v, float(bits), mode == "isotropic", form)
    return never_nan(result, {"residual": residual, "data_variance": data_variance}, ())


@suggesting
def bilbo_baggins(
    x: torch.Tensor,
    mean_x: torch.Tensor,
    mean: torch.Tensor,
    data_variance: torch.Tensor,
    *,
    bits: float = 4.0,
    mode: Mode = "isotropic",
    form: Form = "aggregate",
) -> torch.Tensor:
    """Return `baggins` of x - mean_x less the rate of `bilbo` at posterior variance 1, nats per example; a scalar.

    For networks with half the outputs: an encoder that gives means, a decoder that gives means, z = mean + noise.

    Parameters
    ----------
    x, mean_x
        (B, D): the data, and the decoder's output at one z ~ N(mean, I) for each.
    mean
        (B, d): the posterior means.
    data_variance, bits, mode, form
        As in `baggins`.

    Returns
    -------
    Tensor
        A scalar, of the batch.

    Raises
    ------
    TypeError, ValueError
        As `baggins`.

    Notes
    -----
    For the whole data set it is a lower bound of E log p(y) - E log N(y) of the data y seen through noise of variance
    lambda v, so that for independent Gaussian data it is at most 0 whatever the networks (per dimension). It does not
    change if the data and the decoder's outputs are scaled together.
    """
    data, centre, m = wide(x, "x"), wide(mean_x, "mean_x"), wide(mean, "mean")
    require_shape(centre, "mean_x", tuple(data.shape), "x")
    require_batch(m, "mean", x, "x")
    v = _data_variance(data_variance, data)
    _require_options(bits, mode, form)
    likelihood = _bounded(data - centre, v, float(bits), mode == "isotropic", form)
    given = {"x": x, "mean_x": mean_x, "mean": mean, "data_variance": data_variance}
    return never_nan(likelihood - batch_rate(m, 1.0), given, ())


def _bounded(
    residual: torch.Tensor, v: torch.Tensor, bits: float, isotropic: bool, form: str
) -> torch.Tensor:
    # residual: (B, D), v: (D,). Dimensions without variance count for nothing.
    kept = v > 0
    if isotropic:
        return kept.sum() * _per_dimension(_total(residual, kept) / v.sum(), bits, form)
    # replaced before the division, so that no gradient of the ratio is infinite
    ratio = torch.where(kept, residual.square().mean(0), 0.0) / torch.where(kept, v, 1.0)
    return torch.where(kept, _per_dimension(ratio, bits, form), 0.0).sum()


def _total(residual: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return the sum of the mean squares of the dimensions that are kept, a scalar."""
    # one sum over all numbers takes a third of the time of column means: it is used where all columns are seen to count
    if surely(kept.all()):
        return residual.square().sum() / len(residual)
    return torch.where(kept, residual.square().mean(0), 0.0).sum()


def _per_dimension(ratio: torch.Tensor, bits: float, form: str) -> torch.Tensor:
    """Return the nats of a dimension whose residual has ``ratio`` times the data's variance."""
    # 1/lambda = 4^b - 1; ratio / lambda, and not r / (lambda v), whose denominator may underflow
    inverse = math.expm1(bits * math.log(4))
    if form == "aggregate":
        return bits * math.log(2) - 0.5 * torch.log1p(ratio * inverse)
    if form == "fixed":
        return bits * math.log(2) + 0.5 - 0.5 * ratio * inverse
    return -0.5 * torch.log(torch.clamp(ratio, min=1 / inverse))


def _data_variance(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    given: object = value
    if not isinstance(given, torch.Tensor) or not value.is_floating_point():
        raise TypeError(
            f"data_variance: got {type(value).__name__}; expected a floating-point tensor of shape (D,)"
        )
    if tuple(value.shape) != (like.shape[1],):
        raise ValueError(
            f"data_variance: got shape {tuple(value.shape)}; expected ({like.shape[1]},), one for each dimension"
        )
    _require_variances(value)
    return value.to(torch.promote_types(value.dtype, torch.float32))


def _require_variances(value: torch.Tensor) -> None:
    # NaN fails the first comparison too
    if surely(~((value >= 0) & (value < math.inf)).all()):
        raise bad("data_variance", value.tolist(), "variances, finite and not negative")
    if surely(~(value > 0).any()):
        raise bad(
            "data_variance",
            value.tolist(),
            "at least one positive variance: constant data have no information",
        )


def _require_options(bits: float, mode: str, form: str) -> None:
    given: object = plain(bits)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= MOST_BITS:
        raise bad("bits", bits, f"a positive number of bits, at most {MOST_BITS:g}")
    if mode not in MODES:
        raise bad("mode", mode, f"one of {', '.join(map(repr, MODES))}")
    if form not in FORMS:
        raise bad("form", form, f"one of {', '.join(map(repr, FORMS))}")
