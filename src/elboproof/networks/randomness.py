"""Independent streams of random numbers from one seed; torch's global generator is never touched."""

import zlib

import numpy as np
import torch

from elboproof.arguments import bad, wrong_type


def seed_of(rng: "int | torch.Generator") -> int:
    """Return a seed: the integer given, or one drawn from a generator.

    Raises
    ------
    TypeError, ValueError
        If it is neither a generator nor an integer from 0 to 2^63 - 1.
    """
    if isinstance(rng, torch.Generator):
        return int(torch.randint(2**62, (), generator=rng, device=rng.device))
    given: object = rng
    if isinstance(given, bool) or not isinstance(given, int):
        raise wrong_type("seed", rng, "an integer or a torch.Generator")
    if not 0 <= rng < 2**63:
        raise bad("seed", rng, "an integer from 0 to 2^63 - 1")
    return rng


def generator_of(seed: int, stream: str) -> torch.Generator:
    """Return the generator of a named stream; streams of different names or seeds are independent."""
    words = np.random.SeedSequence([seed, zlib.crc32(stream.encode())])
    return torch.Generator().manual_seed(int(words.generate_state(1, np.uint64)[0] >> 1))
