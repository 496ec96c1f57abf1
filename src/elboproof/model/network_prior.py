"""The jets of a prior's functions, which are on a tape, among those of a network."""

from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Any

from elboproof.model.network_algebra import Arrays
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.jets import Jet


def prior_jet(
    function: Compiled, algebra: Arrays, z: Any, order: int, rows: int, options: dict[str, Any]
) -> Jet:
    """Return the jet of a compiled function with ``rows`` entries, coefficients (rows, P), at arguments z (d, P).

    The function gives the derivatives of all orders up to ``order``, as `Quantities.compiled_jet` makes it.
    """
    columns = algebra.each_row(z)
    values = iter(function(*columns, **options))
    # The tape's derivatives come order by order and direction by direction, ``rows`` at a time; a Taylor coefficient is
    # the derivative over the factorials of its direction.
    result: Jet = {}
    for degree in range(order + 1):
        for key in combinations_with_replacement(range(len(columns)), degree):
            column = algebra.matrix([next(values) for _ in range(rows)], algebra.points(z))
            scale = prod(factorial(key.count(k)) for k in set(key))
            result[key] = column if scale == 1 else column / float(scale)
    return result
