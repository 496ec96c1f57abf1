"""The state that libraries keep between calls: set to the same before every check.

A child process runs many checks. Without this a check could find another precision, other error handling
or other global random numbers depending on what ran before it, hence on the order and number of workers.
"""

import decimal
import random
import sys
from functools import _lru_cache_wrapper

import numpy as np

from elboproof.checking.run import check_seed


def settle(check_id: str, seed: int, precision: int = 1) -> None:
    """Reset precision, error handling, caches and global random generators of the loaded libraries.

    Balls have ``precision`` times the bits that are asked for, see `elboproof.numbers.precision.sharpen`.
    """
    # Drawn from the check's own seed: a check that uses a global generator is still a function of seed and name.
    word = int(check_seed(seed, check_id).generate_state(1)[0])
    random.seed(word)
    np.random.seed(word)  # noqa: NPY002  (the legacy generator is the one that hides in other libraries)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    decimal.setcontext(decimal.Context())
    if "mpmath" in sys.modules:
        sys.modules["mpmath"].mp.dps = 15
    if "flint" in sys.modules or precision != 1:  # what is imported later shall find it so
        from elboproof.numbers.precision import reset_precision, sharpen

        reset_precision()
        sharpen(precision)
    if "sympy" in sys.modules:
        sys.modules["sympy.core.cache"].clear_cache()
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.manual_seed(word)
        torch.set_default_dtype(torch.float32)


def forget(*places: str) -> None:
    """Clear what the functions of modules whose names begin with one of ``places`` keep of earlier calls."""
    for name, module in list(sys.modules.items()):
        if name.startswith(places) and not name.startswith(__package__):
            for value in list(vars(module).values()):
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()
