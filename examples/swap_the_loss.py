"""Train the same networks on three losses: the ELBO, BILBO and BILBO with BAGGINS, which needs half the outputs.

python examples/swap_the_loss.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from elboproof import objectives

LATENTS, STEPS = 8, 200
x = torch.from_numpy(load_digits().data).float() / 16
variance = x.var(0).clamp_min(1e-3)  # of all data, not of a batch
images = len(x)


def networks(outputs: int) -> tuple[nn.Module, nn.Module]:
    """Return an encoder with so many outputs, and a decoder; the same numbers each time."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, outputs))
    return encoder, nn.Sequential(nn.Linear(LATENTS, 64), nn.SiLU(), nn.Linear(64, 64))


def elbo(batch: torch.Tensor, encoder: nn.Module, decoder: nn.Module) -> torch.Tensor:
    """Take a mean and a log variance of each latent: the ordinary one."""
    mean, log_variance = encoder(batch).chunk(2, 1)
    z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
    return objectives.elbo(batch, decoder(z), mean, log_variance, variance=0.05)


def bilbo(batch: torch.Tensor, encoder: nn.Module, decoder: nn.Module) -> torch.Tensor:
    """Take no log variances: q has variance 1, and the prior floats."""
    mean = encoder(batch)
    return objectives.bilbo(batch, decoder(mean + torch.randn_like(mean)), mean, variance=0.05)


def bilbo_baggins(batch: torch.Tensor, encoder: nn.Module, decoder: nn.Module) -> torch.Tensor:
    """Take no variance of the likelihood either."""
    mean = encoder(batch)
    return objectives.bilbo_baggins(batch, decoder(mean + torch.randn_like(mean)), mean, variance)


for objective, outputs in ((elbo, 2 * LATENTS), (bilbo, LATENTS), (bilbo_baggins, LATENTS)):
    encoder, decoder = networks(outputs)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 3e-3)
    for _ in range(STEPS):
        batch = x[torch.randint(images, (128,))]
        loss = -objective(batch, encoder, decoder).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        error = (x - decoder(encoder(x)[:, :LATENTS])).square().mean()
        value = objective(x, encoder, decoder).mean()
    # the three numbers are of three objectives, and not to be compared; the errors are
    print(f"{objective.__name__:14} {value:8.2f} nats per image, squared error of a pixel {error:.4f}")
