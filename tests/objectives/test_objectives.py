"""Objectives at extremes, in every precision, compiled, and with arguments that do not fit."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from elboproof import objectives

Tensor = torch.Tensor
RANGES = {  # data scales in which values and gradients are finite
    torch.float64: (1e-30, 1.0, 1e30),
    torch.float32: (1e-15, 1.0, 1e15),
    torch.float16: (1e-2, 1.0, 1e2),
    torch.bfloat16: (1e-2, 1.0, 1e2),
}
AGREES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 3e-2, torch.bfloat16: 2e-1}
"""Relative to float64 on unrounded inputs: rounding of the inputs, 2^-11 and 2^-8 in the half types."""
BATCH, PIXELS, LATENTS = 16, 784, 3
CASES = [(dtype, scale) for dtype, scales in RANGES.items() for scale in scales]


def _given(dtype: torch.dtype, scale: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x = normal(BATCH, PIXELS) * scale
    given = {"x": x, "mean_x": x + 0.3 * scale * normal(BATCH, PIXELS), "mean": 1 + normal(BATCH, LATENTS)}
    return {name: value.to(dtype).requires_grad_(name != "x") for name, value in given.items()}


def _all(given: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """Return every objective's mean at inputs of a scale; half of the data's variance."""
    x, mean_x, mean = given["x"], given["mean_x"], given["mean"]
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    v = torch.full((PIXELS,), scale**2, dtype=wide)
    log_variance = torch.tensor([-20.0, 3.0, 0.0]).expand(mean.shape).to(x.dtype)
    values = {
        "elbo": objectives.elbo(x, mean_x, mean, log_variance, variance=scale**2).mean(),
        "bilbo": objectives.bilbo(x, mean_x, mean, variance=scale**2).mean(),
    }
    for mode in ("isotropic", "per-dimension"):
        for form in ("aggregate", "fixed", "clamp"):
            options: dict[str, Any] = {"mode": mode, "form": form}
            values[f"baggins {mode} {form}"] = objectives.baggins(x - mean_x, v, **options)
    return values | {"bilbo_baggins": objectives.bilbo_baggins(x, mean_x, mean, v)}


@pytest.mark.parametrize(("dtype", "scale"), CASES, ids=str)
def test_values_and_gradients_are_finite_and_agree_with_float64(dtype: torch.dtype, scale: float) -> None:
    given = _given(dtype, scale)
    exact = _all(_given(torch.float64, scale), scale)
    for name, value in _all(given, scale).items():
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert math.isclose(
            float(value.detach()), float(exact[name].detach()), rel_tol=AGREES[dtype], abs_tol=1e-3
        ), name
        leaves = [given["mean_x"], given["mean"]]
        slopes = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        assert all(bool(torch.isfinite(slope).all()) for slope in slopes), name


@pytest.mark.parametrize("dtype", RANGES, ids=str)
@pytest.mark.parametrize("size", [-40.0, 40.0])
def test_extreme_log_variances(size: float, dtype: torch.dtype) -> None:
    """Of half types in float32; the gradient comes back in their own, whose largest number it may exceed."""
    close = 1e-13 if dtype == torch.float64 else 1e-5
    mean = torch.zeros(2, 3, dtype=dtype)
    log_variance = torch.full((2, 3), size, dtype=dtype, requires_grad=True)
    value = objectives.elbo(mean, mean, mean, log_variance)
    exact = -1.5 * math.log(2 * math.pi) - 1.5 * (math.expm1(size) - size)
    assert value.tolist() == pytest.approx([exact, exact], rel=close)
    (slope,) = torch.autograd.grad(value.sum(), log_variance)
    wanted = -0.5 * math.expm1(size)
    if abs(wanted) > torch.finfo(dtype).max:
        wanted = math.copysign(math.inf, wanted)
    assert slope.flatten().tolist() == pytest.approx([wanted] * 6, rel=max(close, torch.finfo(dtype).eps))


def test_a_variance_for_each_output_or_example() -> None:
    given = _given(torch.float64, 1.0)
    plain = objectives.elbo(
        given["x"], given["mean_x"], given["mean"], torch.zeros_like(given["mean"]), variance=2
    )
    for shape in ((), (1,), (PIXELS,), (BATCH, 1), (1, PIXELS), (BATCH, PIXELS)):
        v = torch.full(shape, 2.0, dtype=torch.float64)
        found = objectives.elbo(
            given["x"], given["mean_x"], given["mean"], torch.zeros_like(given["mean"]), variance=v
        )
        assert torch.allclose(found, plain, rtol=1e-13), shape


def test_bilbo_is_the_public_reference_formula() -> None:
    given = _given(torch.float64, 1.0)
    x, mean_x, m = given["x"], given["mean_x"], given["mean"]
    s = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    # -1/2 sum log1p(mean of m^2 over mean of s) - mean distortion, distortion the negative log likelihood
    distortion = 0.5 * ((x - mean_x) ** 2).sum(1) + 0.5 * PIXELS * math.log(2 * math.pi)
    wanted = -0.5 * torch.log1p((m**2).mean(0) / s).sum() - distortion.mean()
    found = objectives.bilbo(x, mean_x, m, posterior_variance=s).mean()
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-14)


def test_bilbo_is_the_elbo_of_its_fitted_prior() -> None:
    x = torch.zeros(4, 2, dtype=torch.float64)
    m = torch.tensor([[0.1], [-0.3], [0.2], [0.9]], dtype=torch.float64)
    s, v = 0.4, float((m**2).mean()) + 0.4
    # in coordinates where the fitted prior N(0, v) is standard, the ELBO with q = N(m, s)
    log_s = torch.full_like(m, math.log(s / v))
    wanted = objectives.elbo(x, x, m / math.sqrt(v), log_s).mean()
    assert float(objectives.bilbo(x, x, m, posterior_variance=s).mean()) == pytest.approx(
        float(wanted), abs=1e-14
    )


def test_the_bounded_likelihood_is_bounded_and_baggins_meets_bilbo() -> None:
    given = _given(torch.float64, 1.0)
    v = given["x"].var(0)
    both = objectives.bilbo_baggins(given["x"], given["mean_x"], given["mean"], v, bits=2.0)
    apart = objectives.baggins(given["x"] - given["mean_x"], v, bits=2.0)
    rate = 0.5 * torch.log1p((given["mean"] ** 2).mean(0)).sum()
    assert float((both - apart + rate).detach()) == pytest.approx(0, abs=1e-11)
    assert float(objectives.baggins(0 * given["x"], v, bits=2.0).detach()) == pytest.approx(
        PIXELS * math.log(4), rel=1e-14
    )


def test_batches_of_one_and_constant_pixels() -> None:
    x = torch.tensor([[0.5, 0.0, 1.0]], dtype=torch.float64)
    v = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    mean_x = torch.tensor([[0.4, 7.0, 1.1]], dtype=torch.float64, requires_grad=True)
    for mode in ("isotropic", "per-dimension"):
        value = objectives.bilbo_baggins(x, mean_x, torch.ones(1, 2, dtype=torch.float64), v, mode=mode)
        two = objectives.bilbo_baggins(
            x[:, [0, 2]],
            mean_x[:, [0, 2]],
            torch.ones(1, 2, dtype=torch.float64),
            v[[0, 2]],
            mode=mode,
        )
        assert float(value.detach()) == pytest.approx(float(two.detach()), rel=1e-14)
        (slope,) = torch.autograd.grad(value, mean_x)
        assert slope[0, 1] == 0


def test_what_overflows_is_minus_infinity_and_never_nan() -> None:
    x = torch.full((2, 3), 3e38)
    zeros = torch.zeros(2, 1)
    assert objectives.elbo(x, -x, zeros, zeros).tolist() == [-math.inf] * 2
    assert objectives.elbo(zeros, zeros, zeros, zeros + 100).tolist() == [-math.inf] * 2
    assert float(objectives.baggins(x, torch.ones(3))) == -math.inf
    tiny = torch.full((2, 3), 1e-45)
    assert bool(torch.isfinite(objectives.elbo(tiny, tiny, zeros, zeros)).all())


@pytest.mark.parametrize("name", ["elbo", "bilbo", "bilbo_baggins", "baggins"])
def test_compiled_and_vectorised_values_are_the_same(name: str) -> None:
    given = _given(torch.float64, 1.0)
    arguments = {
        "elbo": [given["x"], given["mean_x"], given["mean"], torch.zeros_like(given["mean"])],
        "bilbo": [given["x"], given["mean_x"], given["mean"]],
        "baggins": [given["mean_x"], torch.ones(PIXELS, dtype=torch.float64)],
        "bilbo_baggins": [
            given["x"],
            given["mean_x"],
            given["mean"],
            torch.ones(PIXELS, dtype=torch.float64),
        ],
    }[name]
    function: Callable[..., Tensor] = getattr(objectives, name)
    plain = function(*arguments)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(*arguments), plain, rtol=1e-12)
    leaves = [given["mean_x"]]
    slopes = [
        torch.autograd.grad(one(*arguments).sum(), leaves, retain_graph=True)[0]
        for one in (compiled, function)
    ]
    assert torch.allclose(slopes[0], slopes[1], rtol=1e-12)
    stacked = [torch.stack([one, one]) for one in arguments]
    assert torch.allclose(torch.func.vmap(function)(*stacked), torch.stack([plain, plain]), rtol=1e-12)


def test_nothing_global_is_touched() -> None:
    given = _given(torch.float64, 1.0)
    before = torch.get_rng_state()
    _all(given, 1.0)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32


X, M = torch.zeros(4, 3), torch.zeros(4, 2)
V = torch.ones(3)
BAD: dict[str, tuple[Callable[[], Tensor], type[Exception], str]] = {
    "x": (lambda: objectives.elbo([[1.0]], X, M, M), TypeError, "x: got .* expected a floating-point tensor"),  # type: ignore[arg-type]
    "integers": (
        lambda: objectives.elbo(X.long(), X, M, M),
        TypeError,
        "x: got .*expected a floating-point tensor",
    ),
    "axes": (lambda: objectives.elbo(X[0], X, M, M), ValueError, r"x: got shape \(3,\); expected two axes"),
    "empty": (lambda: objectives.elbo(X[:0], X[:0], M[:0], M[:0]), ValueError, r"x: got shape \(0, 3\)"),
    "mean_x": (
        lambda: objectives.elbo(X, X[:2], M, M),
        ValueError,
        r"mean_x: got shape \(2, 3\); expected \(4, 3\)",
    ),
    "rows": (lambda: objectives.elbo(X, X, M[:2], M[:2]), ValueError, "mean: got shape .*expected 4 rows"),
    "log_variance": (lambda: objectives.elbo(X, X, M, M[:, :1]), ValueError, "log_variance: got shape"),
    "variance": (
        lambda: objectives.elbo(X, X, M, M, variance=0.0),
        ValueError,
        "variance: got 0.0; expected a positive",
    ),
    "negative": (
        lambda: objectives.elbo(X, X, M, M, variance=-torch.ones(3)),
        ValueError,
        "variance: got -1.0; expected positive variances",
    ),
    "variance text": (lambda: objectives.elbo(X, X, M, M, variance="1"), TypeError, "variance: got '1'"),  # type: ignore[arg-type]
    "variance shape": (
        lambda: objectives.elbo(X, X, M, M, variance=torch.ones(2)),
        ValueError,
        r"variance: got shape \(2,\)",
    ),
    "nan": (lambda: objectives.elbo(X * math.nan, X, M, M), ValueError, "x: got infinite or NaN entries"),
    "nan mean": (
        lambda: objectives.bilbo(X, X, M * math.nan),
        ValueError,
        "mean: got infinite or NaN entries",
    ),
    "infinite": (
        lambda: objectives.elbo(X + math.inf, X + math.inf, M, M),
        ValueError,
        "x: got infinite or NaN",
    ),
    "one variance for all x": (
        lambda: objectives.bilbo(X, X, M, posterior_variance=torch.ones(4, 2)),
        ValueError,
        "posterior_variance: got shape .*the same for all x",
    ),
    "posterior variance": (
        lambda: objectives.bilbo(X, X, M, posterior_variance=-1),
        ValueError,
        "posterior_variance: got -1",
    ),
    "bits": (
        lambda: objectives.baggins(X, V, bits=0),
        ValueError,
        "bits: got 0; expected a positive number of bits",
    ),
    "many bits": (lambda: objectives.baggins(X, V, bits=1e3), ValueError, "bits: got 1000.0"),
    "mode": (lambda: objectives.baggins(X, V, mode="both"), ValueError, "mode: got 'both'; expected one of"),  # type: ignore[arg-type]
    "form": (lambda: objectives.baggins(X, V, form="C2"), ValueError, "form: got 'C2'; expected one of"),  # type: ignore[arg-type]
    "data_variance": (
        lambda: objectives.baggins(X, V[:2]),
        ValueError,
        r"data_variance: got shape \(2,\); expected \(3,\)",
    ),
    "a number": (lambda: objectives.baggins(X, 1.0), TypeError, "data_variance: got float"),  # type: ignore[arg-type]
    "constant data": (lambda: objectives.baggins(X, 0 * V), ValueError, "at least one positive variance"),
    "negative data variance": (
        lambda: objectives.baggins(X, -V),
        ValueError,
        "data_variance: got .*not negative",
    ),
    "nan residual": (
        lambda: objectives.baggins(X * math.nan, V),
        ValueError,
        "residual: got infinite or NaN",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
