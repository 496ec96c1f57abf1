"""Beliefs several steps ahead: the loss of a TD-VAE for pairs of times t1 < t2, and its rollouts in one jump.

b_t is what a network makes of x_1, ..., x_t. Four Gaussian heads: the belief p_B(z|b), the smoother q_S(z1|z2, b1, b2),
the jump p_T(z2|z1, t2 - t1) and the decoder p_D(x|z). Each returns a mean and the logarithm of a VARIANCE per
dimension. The loss follows Gregor et al. (2019) as released code and secondary sources have it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from elboproof.arguments import bad, require_count, suggesting, wrong_type
from elboproof.objectives.tensors import never_nan, require_batch, require_shape, surely, wide

Pair: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Means and logarithms of variances, both (B, d)."""
Head: TypeAlias = Callable[..., Pair]
Divergence = Literal["closed", "sampled"]


@dataclass(frozen=True)
class TDTerms:
    """The terms of the loss, (B,) each, in nats per pair of times, to be MINIMISED.

    Attributes
    ----------
    kl : Tensor
        KL(q_S(z1|z2, b1, b2) || p_B(z1|b1)), at least 0 in its closed form.
    transition : Tensor
        log p_B(z2|b2) - log p_T(z2|z1, t2 - t1).
    reconstruction : Tensor
        -log p_D(x2|z2).
    """

    kl: torch.Tensor
    transition: torch.Tensor
    reconstruction: torch.Tensor

    @property
    def loss(self) -> torch.Tensor:
        """Return the sum of the three, (B,)."""
        return self.kl + self.transition + self.reconstruction


@suggesting
def td_vae_loss(
    belief: Head,
    smoother: Head,
    transition: Head,
    decoder: Head,
    b1: torch.Tensor,
    b2: torch.Tensor,
    x2: torch.Tensor,
    jump: torch.Tensor,
    generator: torch.Generator | None = None,
    *,
    kl: Divergence = "closed",
) -> TDTerms:
    """Return the terms of the loss at one draw z2 ~ p_B(.|b2), then z1 ~ q_S(.|z2, b1, b2), for each pair of times.

    Parameters
    ----------
    belief, smoother, transition, decoder
        ``belief(b)``, ``smoother(z2, b1, b2, jump)``, ``transition(z1, jump)`` and ``decoder(z)`` return (mean,
        log_variance) of diagonal Gaussians: (B, d) of a latent, (B, D) of the decoder. The belief is called for b2
        first. A transition that does not look at ``jump`` is fitted to the mixture of all jumps.
    b1, b2
        (B, H): what is known of the past at t1, and at t2.
    x2
        (B, D): the observation at t2.
    jump
        (B,): t2 - t1 > 0.
    generator
        Of the two draws; torch's own if None.
    kl
        "closed", or "sampled": log q_S(z1) - log p_B(z1) at the draw. With it the loss of exact beliefs over one step
        is -log p(x2|x_1, ..., x_t1) at every draw, without noise.

    Returns
    -------
    TDTerms
        The mean of minus their sum is a lower bound of log int p_B(z1|b1) p_T(z2|z1, jump) p_D(x2|z2).

    Raises
    ------
    TypeError, ValueError
        If an argument or what a head returns is not of the kind described, or a term is NaN.

    Notes
    -----
    Gregor et al. (2019), as released code and secondary sources have it.

    Whatever the heads, the best smoother is proportional to p_B(z1|b1) p_T(z2|z1): it does not depend on b2. With it
    the mean is KL(p_B(.|b2) || int p_T(.|z1) p_B(z1|b1)) - E log p_D(x2|z2). Logarithms of variances are the heads' to
    bound: nothing is clipped here.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> zeros = torch.zeros(4, 1)
    >>> def head(*_): return zeros, zeros
    >>> terms = objectives.td_vae_loss(head, head, head, head, zeros, zeros, zeros, torch.ones(4))
    >>> terms.kl
    tensor([0., 0., 0., 0.])
    """
    _require_options(generator, kl)
    data, early, late = wide(x2, "x2"), wide(b1, "b1"), wide(b2, "b2")
    require_batch(early, "b1", x2, "x2")
    require_shape(late, "b2", tuple(early.shape), "b1")
    steps = _jumps(jump, len(data))
    target = _Gaussian.of(belief(b2), "belief(b2)", len(data))
    z2, log_target = target.draw(generator)
    past = _Gaussian.of(belief(b1), "belief(b1)", len(data), z2.shape[1])
    smooth = _Gaussian.of(smoother(z2, b1, b2, steps), "smoother(z2, b1, b2, jump)", len(data), z2.shape[1])
    z1, log_smooth = smooth.draw(generator)
    ahead = _Gaussian.of(transition(z1, steps), "transition(z1, jump)", len(data), z2.shape[1])
    seen = _Gaussian.of(decoder(z2), "decoder(z2)", len(data), data.shape[1])
    divergence = smooth.divergence(past) if kl == "closed" else log_smooth - past.log_prob(z1)
    terms = TDTerms(divergence, log_target - ahead.log_prob(z2), -seen.log_prob(data))
    never_nan(terms.loss, {"x2": x2} | _named(target, past, smooth, ahead, seen), ())
    return terms


@suggesting
def td_vae_rollout(
    belief: Head,
    transition: Head,
    decoder: Head,
    b: torch.Tensor,
    jumps: Sequence[float],
    samples: int,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Return observations ahead, (S, B, J, D): z ~ p_B(.|b), then one jump for each, no steps between.

    Parameters
    ----------
    belief, transition, decoder
        As in `td_vae_loss`; they are called with S B rows, sample by sample, and the belief with B.
    b
        (B, H).
    jumps
        J times ahead, positive. All start from the same draw of z.
    samples
        S, at least 1.
    generator
        As in `td_vae_loss`.

    Returns
    -------
    Tensor
        (S, B, J, D).

    Raises
    ------
    TypeError, ValueError
        As `td_vae_loss`.
    """
    _require_options(generator, "closed")
    samples = require_count("samples", samples)
    if len(jumps) == 0:
        raise bad("jumps", jumps, "at least one time ahead")
    rows = len(wide(b, "b"))
    now = _Gaussian.of(belief(b), "belief(b)", rows).repeated(samples)
    z = now.draw(generator)[0]
    seen = [_observed(transition, decoder, z, float(jump), generator) for jump in jumps]
    return torch.stack([one.reshape(samples, rows, -1) for one in seen], dim=2)


def _observed(
    transition: Head, decoder: Head, z: torch.Tensor, jump: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Return a draw of x one jump after z, (S B, D)."""
    if not 0 < jump < math.inf:
        raise bad("jumps", jump, "positive, finite times ahead")
    steps = torch.full((len(z),), jump, dtype=z.dtype, device=z.device)
    ahead = _Gaussian.of(transition(z, steps), "transition(z, jump)", *z.shape)
    seen = _Gaussian.of(decoder(ahead.draw(generator)[0]), "decoder(z)", len(z))
    x = seen.draw(generator)[0]
    return never_nan(x, _named(ahead, seen), ())


@dataclass(frozen=True)
class _Gaussian:
    """A batch of diagonal Gaussians, (B, d), and the name of the head that returned them."""

    mean: torch.Tensor
    log_variance: torch.Tensor
    name: str

    @classmethod
    def of(cls, value: Pair, name: str, rows: int, columns: int | None = None) -> "_Gaussian":
        given: object = value
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise wrong_type(name, value, "a pair (mean, log_variance)")
        mean, log_variance = wide(value[0], f"{name}: mean"), wide(value[1], f"{name}: log_variance")
        wanted = (rows, mean.shape[1] if columns is None else columns)
        for part, tensor in (("mean", mean), ("log_variance", log_variance)):
            if tuple(tensor.shape) != wanted:
                raise ValueError(f"{name}: got a {part} of shape {tuple(tensor.shape)}; expected {wanted}")
        return cls(mean, log_variance, name)

    def repeated(self, times: int) -> "_Gaussian":
        return _Gaussian(self.mean.repeat(times, 1), self.log_variance.repeat(times, 1), self.name)

    def draw(self, generator: torch.Generator | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a reparameterised draw, (B, d), and its log density, (B,)."""
        mean = self.mean
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        # (z - m)^2 / v is noise^2: a difference of z and m would lose digits where v is small, and has the same slopes
        log_density = -0.5 * (noise.square() + self.log_variance + math.log(2 * math.pi)).sum(1)
        return mean + (0.5 * self.log_variance).exp() * noise, log_density

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        square = (value - self.mean).square() * (-self.log_variance).exp()
        return -0.5 * (square + self.log_variance + math.log(2 * math.pi)).sum(1)

    def divergence(self, other: "_Gaussian") -> torch.Tensor:
        """Return KL(self || other), (B,)."""
        # expm1(l) - l, and not exp(l) - 1 - l, whose digits cancel near l = 0
        change = self.log_variance - other.log_variance
        shift = (self.mean - other.mean).square() * (-other.log_variance).exp()
        return 0.5 * (torch.expm1(change) - change + shift).sum(1)


def _named(*heads: _Gaussian) -> dict[str, "float | torch.Tensor"]:
    return {f"{one.name}: {part}": getattr(one, part) for one in heads for part in ("mean", "log_variance")}


def _require_options(generator: torch.Generator | None, kl: str) -> None:
    given: object = generator
    if given is not None and not isinstance(given, torch.Generator):
        raise wrong_type("generator", generator, "a torch.Generator, or None")
    if kl not in ("closed", "sampled"):
        raise bad("kl", kl, "one of 'closed', 'sampled'")


def _jumps(value: torch.Tensor, rows: int) -> torch.Tensor:
    given: object = value
    if not isinstance(given, torch.Tensor) or value.dtype == torch.bool or value.is_complex():
        raise wrong_type("jump", value, "a tensor of numbers of shape (B,)")
    if tuple(value.shape) != (rows,):
        raise ValueError(f"jump: got shape {tuple(value.shape)}; expected ({rows},), one for each row of x2")
    # NaN fails the first comparison
    if surely(~((value > 0) & (value < math.inf)).all()):
        raise bad("jump", value.tolist(), "positive, finite times from t1 to t2")
    return value
