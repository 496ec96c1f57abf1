"""The state that libraries keep between calls: set to the same before every check.

A child process runs many checks. Without this a check could find another precision, other error handling
or other global random numbers depending on what ran before it, hence on the order and number of workers.
"""

import decimal
import random
import sys

import numpy as np

from elboproof.checking.run import check_seed


def settle(check_id: str, seed: int) -> None:
    """Reset precision, error handling, caches and global random generators of the loaded libraries."""
    # Drawn from the check's own seed: a check that uses a global generator is still a function of seed and name.
    word = int(check_seed(seed, check_id).generate_state(1)[0])
    random.seed(word)
    np.random.seed(word)  # noqa: NPY002  (the legacy generator is the one that hides in other libraries)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    decimal.setcontext(decimal.Context())
    if "mpmath" in sys.modules:
        sys.modules["mpmath"].mp.dps = 15
    if "flint" in sys.modules:
        from elboproof.numbers.precision import reset_precision

        reset_precision()
    if "sympy" in sys.modules:
        sys.modules["sympy.core.cache"].clear_cache()
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.manual_seed(word)
        torch.set_default_dtype(torch.float32)
