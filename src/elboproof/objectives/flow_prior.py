"""A prior that learns its shape: a normalising flow of affine coupling layers (RealNVP) over the latents."""

import math

import torch

from elboproof.arguments import require_count, suggesting, wrong_type
from elboproof.objectives.surgery import points
from elboproof.objectives.tensors import never_nan

LARGEST_LOG_SCALE = 2.0
"""Of one layer, in size: 2 tanh(s/2) for what a network says is s, so that no layer ever is singular."""


class Coupling(torch.nn.Module):
    """One layer: the second half of the latents is scaled and shifted by what a network makes of the first half.

    Parameters
    ----------
    kept, changed
        How many latents the network sees, and how many are changed.
    hidden
        Width of its one hidden layer, tanh.
    generator
        Draws the first weights; the last layer starts at 0, so that the map starts as the identity.
    """

    def __init__(
        self, kept: int, changed: int, hidden: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.inner = torch.nn.Parameter(torch.randn(hidden, kept, generator=generator) / math.sqrt(kept))
        self.inner_bias = torch.nn.Parameter(torch.randn(hidden, generator=generator))
        self.outer = torch.nn.Parameter(torch.zeros(2 * changed, hidden))
        self.outer_bias = torch.nn.Parameter(torch.zeros(2 * changed))

    def forward(self, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log scales and shifts, (B, changed) each, of the latents that are kept, (B, kept)."""
        hidden = torch.tanh(kept @ self.inner.T + self.inner_bias)
        raw, shift = (hidden @ self.outer.T + self.outer_bias).chunk(2, -1)
        return LARGEST_LOG_SCALE * torch.tanh(raw / LARGEST_LOG_SCALE), shift


@suggesting
class FlowPrior(torch.nn.Module):
    """p(z) = N(h(z); 0, I) |det dh/dz|, h of affine coupling layers: a learned prior, N(0, I) before any training.

    Parameters
    ----------
    d
        Latents, at least 2: a layer needs two halves.
    couplings
        Layers, at least 1; they change one half and the other in turn.
    hidden
        Width of the network in each layer.
    generator
        A ``torch.Generator`` for the first weights; torch's own if None.

    Raises
    ------
    TypeError, ValueError
        If a number is no such integer.

    Notes
    -----
    h is that of Dinh, Sohl-Dickstein and Bengio (2017), scale first: y = x exp(s) + t, with |s| < 2 whatever the
    network says, so that h is invertible for all finite weights. log |det dh/dz| is the sum of the s.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> prior = objectives.FlowPrior(2, generator=torch.Generator().manual_seed(0))
    >>> prior.log_prob(torch.zeros(1, 2)).detach()  # - log 2 pi
    tensor([-1.8379])
    """

    def __init__(
        self, d: int, couplings: int = 6, hidden: int = 32, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        require_count("d", d, 2, "a coupling layer needs two halves")
        require_count("couplings", couplings, 1, "a flow without layers learns nothing")
        require_count("hidden", hidden, 1, "the width of a network")
        self.d = d
        low, high = d - d // 2, d // 2
        sizes = [(low, high), (high, low)]
        self.layers = torch.nn.ModuleList(
            Coupling(*sizes[k % 2], hidden, generator) for k in range(couplings)
        )

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z) in nats, shape (...), of latents (..., d).

        Raises
        ------
        TypeError, ValueError
            If z is no floating-point tensor of that shape, or an entry or a weight is not finite.
        """
        flat = self._typed(points(z, "z", self.d))
        noise, log_determinant = self.to_noise(flat)
        density = -0.5 * (noise**2).sum(-1) - 0.5 * self.d * math.log(2 * math.pi) + log_determinant
        weights = dict(self.named_parameters())
        return never_nan(density, {"z": z, **weights}, ()).reshape(z.shape[:-1])

    def to_noise(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return h(z), (B, d), and log |det dh/dz|, (B,), of latents (B, d)."""
        low, high = self._halves(z)
        log_determinant = torch.zeros_like(z[:, 0])
        for k, layer in enumerate(self.layers):
            # in turn: an even layer changes the high half, an odd one the low half
            kept, changed = (low, high) if k % 2 == 0 else (high, low)
            log_scale, shift = layer(kept)
            changed = changed * log_scale.exp() + shift
            low, high = (kept, changed) if k % 2 == 0 else (changed, kept)
            log_determinant = log_determinant + log_scale.sum(-1)
        return torch.cat([low, high], -1), log_determinant

    def from_noise(self, noise: torch.Tensor) -> torch.Tensor:
        """Return the latents z, (B, d), with h(z) = noise, (B, d): the layers undone from the last to the first."""
        low, high = self._halves(noise)
        for k, layer in reversed(list(enumerate(self.layers))):
            kept, changed = (low, high) if k % 2 == 0 else (high, low)
            log_scale, shift = layer(kept)
            changed = (changed - shift) * (-log_scale).exp()
            low, high = (kept, changed) if k % 2 == 0 else (changed, kept)
        return torch.cat([low, high], -1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return n independent latents z ~ p, shape (n, d), without a graph.

        Raises
        ------
        TypeError, ValueError
            If n is no positive integer, or a weight is not finite.
        """
        require_count("n", n, 1, "a number of samples")
        like = next(self.parameters())
        with torch.no_grad():
            noise = torch.randn(n, self.d, generator=generator, dtype=like.dtype, device=like.device)
            return never_nan(self.from_noise(noise), dict(self.named_parameters()), ())

    def _typed(self, z: torch.Tensor) -> torch.Tensor:
        wanted = next(self.parameters()).dtype
        if z.dtype != wanted:
            raise wrong_type(
                "z", z.dtype, f"{wanted}, the type of the weights: .to({z.dtype}) changes theirs"
            )
        return z

    def _halves(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cut = self.d - self.d // 2
        return z[:, :cut], z[:, cut:]
