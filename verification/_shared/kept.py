"""Results that outlast a change of precision."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def kept(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Keep the results of a function of few arguments that knows no precision: a search or training in floats, symbols.

    What `functools.lru_cache` keeps is forgotten when a certified check runs again at another precision, as it may be
    balls; these would only be found again.
    """
    results: dict[object, Result] = {}

    @wraps(function)
    def call(*given: Given.args, **named: Given.kwargs) -> Result:
        key = given, tuple(sorted(named.items()))
        if key not in results:
            results[key] = function(*given, **named)
        return results[key]

    return call
