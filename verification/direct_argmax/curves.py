"""Series of the figure: exact squared errors against the step."""

from collections.abc import Callable
from fractions import Fraction

from flint import arb

from .._shared.kept import kept
from .independent import Latents, apart
from .laws import TOY, Categories, best_baseline, score_variance
from .variance import error

STEPS = tuple(Fraction(round(1000 * 10 ** (k / 8)), 10**5) for k in range(29))
"""From 1/100 to about 31, eight to a decade."""
MANY = (1, 100, 10**4)
SIDES = (("one side", False), ("two sides", True))
Series = dict[str, list[float]]


def _floats(values: list[arb]) -> list[float]:
    return [float(value.mid()) for value in values]


@kept
def one_variable() -> Series:
    """Return the errors of ten categories for each M, and that of the score function with its best baseline."""
    found = {"eps": list(map(float, STEPS)), "samples": list(map(float, MANY))}
    for M in MANY:
        for name, two_sided in SIDES:
            found[f"{name}, M = {M}"] = _floats([error(TOY, step, M, two_sided) for step in STEPS])
    best = score_variance(TOY, best_baseline(TOY))
    return found | {"score": _floats([best / M for M in MANY])}


@kept
def several_latents(mean: Callable[[Fraction, bool], Callable[[Categories], list[arb]]]) -> Series:
    """Return the errors of three latents for each M, and those of the local expectation gradient.

    ``mean`` gives, for a step and the sides, the direct estimator's mean of one variable.
    """
    latents, gradient = Latents(), Latents().gradient()
    found = {"eps": list(map(float, STEPS)), "samples": list(map(float, MANY))}
    for name, two_sided in SIDES:
        terms = [
            (apart(latents.mean(mean(step, two_sided)), gradient), latents.direct_variance(step, two_sided))
            for step in STEPS
        ]
        for M in MANY:
            found[f"{name}, M = {M}"] = _floats([bias + variance / M for bias, variance in terms])
    own = latents.variance_of_means(Categories.gradient)
    return found | {"local expectation": _floats([own / M for M in MANY])}
