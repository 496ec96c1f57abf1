"""An instance of a model with its data: the same for the same seed."""

import torch
from torch import Tensor

from benchmarks.audit.vae import PIXELS, Vae

EXAMPLES = 13
"""Of the data, apart from all other sizes."""


def build(model_class: type[Vae], seed: int = 0) -> Vae:
    """Return a model in its precision, with weights of this seed; the global generator is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model_class().to(model_class.precision)


def data(model_class: type[Vae], seed: int = 0, examples: int = EXAMPLES) -> Tensor:
    """Return x (N, D) of a model's support."""
    generator = torch.Generator().manual_seed(seed + 1)
    shape = (examples, PIXELS)
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    draws = {
        "real": torch.randn(shape, generator=generator, dtype=torch.float64),
        "binary": (uniform < 0.5).double(),
        "unit": uniform,
        "count": (6 * uniform**2).floor(),
    }
    return draws[model_class.support].to(model_class.precision)
