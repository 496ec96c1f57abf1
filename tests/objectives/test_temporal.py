"""The loss of pairs of times against torch.distributions and closed forms, rollouts, and arguments that do not fit."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from elboproof import objectives

Tensor = torch.Tensor
ROWS, STATES, LATENTS, OUTPUTS = 5, 4, 3, 2
Pair = tuple[Tensor, Tensor]


class Heads:
    """Four heads of which each depends on each of its arguments, and a record of how they were called."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(3)
        sizes = {
            "belief": (STATES, LATENTS),
            "smoother": (LATENTS + 2 * STATES + 1, LATENTS),
            "transition": (LATENTS + 1, LATENTS),
            "decoder": (LATENTS, OUTPUTS),
        }
        self.weights = {
            name: (0.4 * torch.randn(size[0], 2 * size[1], generator=generator, dtype=torch.float64)).to(
                dtype
            )
            for name, size in sizes.items()
        }
        self.calls: list[tuple[str, list[tuple[int, ...]]]] = []

    def _call(self, name: str, *given: Tensor) -> Pair:
        self.calls.append((name, [tuple(one.shape) for one in given]))
        weight = self.weights[name]
        rows = torch.cat([(one[:, None] if one.ndim == 1 else one).to(weight.dtype) for one in given], 1)
        mean, log_variance = (rows @ weight).chunk(2, dim=1)
        return mean, log_variance

    def belief(self, b: Tensor) -> Pair:
        return self._call("belief", b)

    def smoother(self, *given: Tensor) -> Pair:
        return self._call("smoother", *given)

    def transition(self, *given: Tensor) -> Pair:
        return self._call("transition", *given)

    def decoder(self, z: Tensor) -> Pair:
        return self._call("decoder", z)


def _given(dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    jump = torch.tensor([1, 2, 3, 4, 6])
    return {"b1": normal(ROWS, STATES), "b2": normal(ROWS, STATES), "x2": normal(ROWS, OUTPUTS), "jump": jump}


def _loss(heads: Heads, given: dict[str, Any], **options: Any) -> objectives.TDTerms:
    names = ("belief", "smoother", "transition", "decoder")
    functions = {name: getattr(heads, name) for name in names}
    return objectives.td_vae_loss(**functions, **given, **options)


def _law(pair: Pair) -> Any:
    normal: Any = Normal
    return Independent(normal(pair[0], (0.5 * pair[1]).exp()), 1)


def _reference(heads: Heads, given: dict[str, Any], seed: int) -> dict[str, Tensor]:
    """Return the terms by torch.distributions, with the same draws: z2 first, then z1."""
    generator = torch.Generator().manual_seed(seed)

    def draw(pair: Pair) -> Tensor:
        noise = torch.randn(pair[0].shape, generator=generator, dtype=torch.float64)
        return pair[0] + (0.5 * pair[1]).exp() * noise

    late, early = heads.belief(given["b2"]), heads.belief(given["b1"])
    z2 = draw(late)
    smooth = heads.smoother(z2, given["b1"], given["b2"], given["jump"])
    z1 = draw(smooth)
    ahead = _law(heads.transition(z1, given["jump"]))
    kl: Any = kl_divergence
    return {
        "kl": kl(_law(smooth), _law(early)),
        "sampled": _law(smooth).log_prob(z1) - _law(early).log_prob(z1),
        "transition": _law(late).log_prob(z2) - ahead.log_prob(z2),
        "reconstruction": -_law(heads.decoder(z2)).log_prob(given["x2"]),
    }


def test_each_term_is_that_of_torch_distributions() -> None:
    heads, given = Heads(), _given()
    wanted = _reference(heads, given, 7)
    found = _loss(heads, given, generator=torch.Generator().manual_seed(7))
    sampled = _loss(heads, given, generator=torch.Generator().manual_seed(7), kl="sampled")
    for name in ("kl", "transition", "reconstruction"):
        assert torch.allclose(getattr(found, name), wanted[name], rtol=1e-12), name
        assert getattr(found, name).shape == (ROWS,)
    assert torch.allclose(sampled.kl, wanted["sampled"], rtol=1e-12)
    assert torch.equal(found.loss, found.kl + found.transition + found.reconstruction)


def test_slopes_are_those_of_torch_distributions() -> None:
    heads, given = Heads(), _given()
    weights = [weight.requires_grad_() for weight in heads.weights.values()]
    found = _loss(heads, given, generator=torch.Generator().manual_seed(7)).loss.sum()
    wanted = _reference(heads, given, 7)
    whole = (wanted["kl"] + wanted["transition"] + wanted["reconstruction"]).sum()
    for ours, theirs in zip(
        torch.autograd.grad(found, weights), torch.autograd.grad(whole, weights), strict=True
    ):
        assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_belief_at_t2_comes_first_and_jumps_reach_the_heads() -> None:
    heads, given = Heads(), _given()
    _loss(heads, given)
    assert [name for name, _ in heads.calls] == ["belief", "belief", "smoother", "transition", "decoder"]
    shapes = dict(heads.calls)
    assert shapes["smoother"] == [(ROWS, LATENTS), (ROWS, STATES), (ROWS, STATES), (ROWS,)]
    assert shapes["transition"] == [(ROWS, LATENTS), (ROWS,)]
    near = _loss(heads, given, generator=torch.Generator().manual_seed(0))
    far = _loss(heads, given | {"jump": given["jump"] + 1}, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(near.transition, far.transition)
    assert torch.equal(near.reconstruction, far.reconstruction)


def test_a_generator_makes_it_repeatable() -> None:
    heads, given = Heads(), _given()
    first, again = (_loss(heads, given, generator=torch.Generator().manual_seed(5)).loss for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, _loss(heads, given, generator=torch.Generator().manual_seed(6)).loss)


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-5), (torch.float16, 3e-2), (torch.bfloat16, 2e-1)], ids=str
)
def test_narrow_types_agree_with_float64(dtype: torch.dtype, close: float) -> None:
    def value(kind: torch.dtype) -> Tensor:
        given, heads = _given(kind), Heads(kind)
        return _loss(
            heads, given | {"b1": given["b2"]}, generator=torch.Generator().manual_seed(2)
        ).reconstruction

    # the draws of another type are other draws: with variances of nearly 0 none matters
    def still(kind: torch.dtype) -> Tensor:
        given, heads = _given(kind), Heads(kind)
        narrow = lambda b: (heads.belief(b)[0], torch.full_like(heads.belief(b)[0], -40.0))  # noqa: E731
        terms = objectives.td_vae_loss(narrow, heads.smoother, heads.transition, heads.decoder, **given)
        return terms.reconstruction

    assert value(dtype).dtype == torch.float32
    assert torch.allclose(still(dtype).double(), still(torch.float64), rtol=close, atol=close)


def test_a_belief_that_is_its_own_target_leaves_the_reconstruction() -> None:
    """A jump that keeps z, a smoother that is q*: p_B(.|b2) is the pushed belief, so that S7's divergence is 0."""
    given = _given()
    zeros = torch.zeros(ROWS, 1, dtype=torch.float64)
    one = zeros + 0.0

    def belief(b: Tensor) -> Pair:
        # N(0, 1) at b1, N(0, 2) at b2, told apart by identity
        return zeros, one + (math.log(2) if b is given["b2"] else 0.0)

    def smoother(z2: Tensor, *_: Tensor) -> Pair:
        return z2 / 2, one - math.log(2)

    def transition(z1: Tensor, _: Tensor) -> Pair:
        return z1, one

    def decoder(z: Tensor) -> Pair:
        return z.expand(-1, OUTPUTS), torch.zeros(ROWS, OUTPUTS, dtype=torch.float64)

    terms = objectives.td_vae_loss(belief, smoother, transition, decoder, **given, kl="sampled")
    assert torch.allclose(terms.kl + terms.transition, torch.zeros(ROWS, dtype=torch.float64), atol=1e-12)


def test_small_variances_lose_no_digits() -> None:
    wide = torch.full((ROWS, 1), -60.0, dtype=torch.float64)
    centre = torch.full((ROWS, 1), 1e3, dtype=torch.float64)

    def head(*_: Tensor) -> Pair:
        return centre, wide

    x2 = centre.clone()
    b = torch.zeros(ROWS, 1, dtype=torch.float64)
    terms = objectives.td_vae_loss(
        head, head, head, lambda z: (z, torch.zeros_like(z)), b, b, x2, torch.ones(ROWS), kl="closed"
    )
    assert terms.kl.tolist() == [0.0] * ROWS
    assert bool(torch.isfinite(terms.loss).all())


def test_rollouts_jump_once_from_one_draw() -> None:
    heads, b = Heads(), _given()["b1"]
    x = objectives.td_vae_rollout(heads.belief, heads.transition, heads.decoder, b, [1, 3, 9], 8)
    assert x.shape == (8, ROWS, 3, OUTPUTS)
    assert [name for name, _ in heads.calls] == ["belief"] + ["transition", "decoder"] * 3
    assert all(shape[0][0] == 8 * ROWS for name, shape in heads.calls if name != "belief")


def test_rollouts_keep_examples_and_samples_apart() -> None:
    still = torch.full((2, 1), -80.0)
    b = torch.tensor([[1.0], [2.0]])
    x = objectives.td_vae_rollout(
        lambda b: (b, still), lambda z, jump: (z + 10 * jump[:, None], 0 * z - 80),
        lambda z: (z, 0 * z - 80), b, [1, 2], 3,
    )  # fmt: skip
    assert torch.allclose(x[:, :, :, 0], torch.tensor([[11.0, 21.0], [12.0, 22.0]]).expand(3, 2, 2))


B, X, J = torch.zeros(3, 2), torch.zeros(3, 1), torch.ones(3)


def _pair(rows: int = 3, columns: int = 1) -> Callable[..., Pair]:
    return lambda *_: (torch.zeros(rows, columns), torch.zeros(rows, columns))


def _call(**changes: Any) -> objectives.TDTerms:
    names = ("belief", "smoother", "transition", "decoder")
    given: dict[str, Any] = dict.fromkeys(names, _pair()) | {"b1": B, "b2": B, "x2": X, "jump": J}
    return objectives.td_vae_loss(**(given | changes))


def _roll(**changes: Any) -> Tensor:
    given: dict[str, Any] = {"belief": _pair(), "transition": _pair(), "decoder": _pair()}
    given |= {"b": B, "jumps": [1], "samples": 1}
    return objectives.td_vae_rollout(**(given | changes))


BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "x2 of integers": (lambda: _call(x2=X.long()), TypeError, "x2: got .*expected a floating-point tensor"),
    "empty": (lambda: _call(x2=torch.zeros(0, 1)), ValueError, "x2: got shape .*none of them empty"),
    "b1 rows": (lambda: _call(b1=B[:2]), ValueError, "b1: got shape .*expected 3 rows, one for each of x2"),
    "b2 shape": (
        lambda: _call(b2=B[:, :1]),
        ValueError,
        r"b2: got shape .*expected \(3, 2\), the shape of b1",
    ),
    "jump shape": (lambda: _call(jump=J[:2]), ValueError, r"jump: got shape \(2,\); expected \(3,\)"),
    "jump of 0": (lambda: _call(jump=0 * J), ValueError, "jump: got .*expected positive, finite times"),
    "jump back": (lambda: _call(jump=-J), ValueError, "jump: got .*expected positive, finite times"),
    "jump NaN": (lambda: _call(jump=math.nan * J), ValueError, "jump: got .*expected positive, finite times"),
    "jump a list": (lambda: _call(jump=[1, 1, 1]), TypeError, "jump: got .*expected a tensor of numbers"),
    "jump truths": (lambda: _call(jump=J.bool()), TypeError, "jump: got .*expected a tensor of numbers"),
    "generator": (
        lambda: _call(generator=3),
        TypeError,
        "generator: got 3 .*expected a torch.Generator, or None",
    ),
    "kl": (lambda: _call(kl="exact"), ValueError, "kl: got 'exact'; expected one of 'closed', 'sampled'"),
    "one output": (
        lambda: _call(belief=lambda b: b),
        TypeError,
        r"belief\(b2\): got .*expected a pair \(mean, log_variance\)",
    ),
    "variance shape": (
        lambda: _call(decoder=lambda z: (z, z[:1])),
        ValueError,
        r"decoder\(z2\): got a log_variance of shape \(1, 1\); expected \(3, 1\)",
    ),
    "smoother latents": (
        lambda: _call(smoother=_pair(3, 2)),
        ValueError,
        r"smoother\(z2, b1, b2, jump\): got a mean of shape \(3, 2\); expected \(3, 1\)",
    ),
    "transition rows": (
        lambda: _call(transition=_pair(2)),
        ValueError,
        r"transition\(z1, jump\): got a mean of shape \(2, 1\); expected \(3, 1\)",
    ),
    "decoder outputs": (
        lambda: _call(decoder=_pair(3, 2)),
        ValueError,
        r"decoder\(z2\): got a mean of shape \(3, 2\); expected \(3, 1\)",
    ),
    "NaN data": (lambda: _call(x2=X * math.nan), ValueError, "x2: got infinite or NaN entries"),
    "NaN head": (
        lambda: _call(transition=lambda *_: (X * math.nan, X)),
        ValueError,
        r"transition\(z1, jump\): mean: got infinite or NaN entries",
    ),
    "infinite variance": (
        lambda: _call(smoother=lambda *_: (X, X + math.inf)),
        ValueError,
        "smoother.*: log_variance: got infinite or NaN entries",
    ),
    "no samples": (lambda: _roll(samples=0), ValueError, "samples: got 0; expected an integer, at least 1"),
    "half a sample": (lambda: _roll(samples=1.5), TypeError, "samples: got 1.5 of type float"),
    "no jumps": (lambda: _roll(jumps=[]), ValueError, r"jumps: got \[\]; expected at least one time ahead"),
    "jump of 0 ahead": (lambda: _roll(jumps=[1, 0]), ValueError, "jumps: got 0.0; expected positive, finite"),
    "rollout latents": (
        lambda: _roll(transition=_pair(3, 2)),
        ValueError,
        r"transition\(z, jump\): got a mean of shape \(3, 2\); expected \(3, 1\)",
    ),
    "rollout NaN": (
        lambda: _roll(decoder=lambda z: (z * math.nan, z)),
        ValueError,
        r"decoder\(z\): mean: got infinite or NaN entries",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
