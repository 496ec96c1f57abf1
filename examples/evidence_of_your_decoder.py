"""Prove log p(x) of a torch decoder, and look at how: the cells that were integrated, and those only bounded.

    python examples/evidence_of_your_decoder.py

writes cells.png into the current folder.
"""

import torch
from torch import nn

import elboproof as ep

torch.manual_seed(1)
decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3)).double()
model = ep.LatentModel.from_torch(decoder, ep.Gaussian(variance="1/10"))
x = ["0.5", "-0.2", "0.1"]  # strings are exact decimals

proved = ep.log_evidence(model, x, digits=6)
print(f"log p(x) = {proved:S} nats, proved")

gap = ep.gap(model, x, digits=4)
print(f"log p(x) - ELBO at the best Gaussian found: {gap:.4S} nats")

cells = ep.evidence_cells(model, x, digits=3)
print(cells)
cells.plot().figure.savefig("cells.png")
