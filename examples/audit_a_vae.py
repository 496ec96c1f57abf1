"""Audit the loss of a VAE, correct and with the deviation detached: what the number is, and which gradient is wrong.

python examples/audit_a_vae.py
"""

from functools import partial

import torch
from torch import nn

from elboproof import audit

torch.manual_seed(0)
encoder, decoder = nn.Linear(8, 4), nn.Linear(2, 8)
data = torch.randn(64, 8)


def loss(x: torch.Tensor, detach: bool = False) -> torch.Tensor:
    """Half the squared error plus the divergence: the negative ELBO of a variance of 1, less its constant."""
    mean, log_variance = encoder(x).chunk(2, 1)
    deviation = torch.exp(log_variance / 2)
    z = mean + torch.randn_like(mean) * (deviation.detach() if detach else deviation)
    divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2
    each: torch.Tensor = ((x - decoder(z)) ** 2).sum(1) / 2 + divergence
    return each.mean()


for name, detach in (("correct", False), ("broken", True)):
    adapter = audit.Adapter(partial(loss, detach=detach), data=data, encode=encoder, decode=decoder)
    report = audit.audit(adapter)
    print(f"--- {name}: ok is {report.ok}, failed {list(report.failed)}")
    print(report)
