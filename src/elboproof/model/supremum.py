"""The supremum of a likelihood over all latents."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from elboproof.model.latent_model import LatentModel
from elboproof.numbers.nearest import nearest_doubles

_SUPREMA: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


def log_supremum(model: LatentModel) -> float:
    """Return an upper bound of log p(x|z) over all z, in nats; computed once for a model's quantities."""
    quantities = model.quantities
    if quantities not in _SUPREMA:
        entry = quantities.tape.lower(model.likelihood.log_supremum(model.data_dim))
        (value,) = nearest_doubles(quantities.tape, [entry])
        _SUPREMA[quantities] = float(np.nextafter(value, np.inf))
    return _SUPREMA[quantities]
