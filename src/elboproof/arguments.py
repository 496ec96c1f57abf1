"""What every room asks of its arguments, and the one form of the errors: argument, value, requirement.

Messages read ``name: got <value>; expected <requirement>``.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

MOST_DIGITS = 100_000
"""Of a proof: beyond, one multiplication takes longer than any limit on time is looked at."""


def shown(value: object, limit: int = 60) -> str:
    """Return a short text of a value for an error message."""
    try:
        text = repr(value)
    except (
        ValueError,
        RecursionError,
    ):  # Python writes no integer of more than 4300 digits, and no deep nesting
        text = f"a {type(value).__name__} too long to write"
    if "\n" in text:  # of arrays; an error is one line
        text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[:limit]}..."


def written(value: object) -> str:
    """Return ``str(value)``, or what it is where Python does not write it."""
    try:
        return str(value)
    except ValueError:
        return f"a {type(value).__name__} too long to write"


def record_text(record: Any) -> str:
    """Return the repr of a dataclass, whatever its fields hold: Python writes no integer of more than 4300 digits."""
    texts = (f"{one.name}={shown(getattr(record, one.name), sys.maxsize)}" for one in fields(record))
    return f"{type(record).__name__}({', '.join(texts)})"


def bad(name: str, value: object, requirement: str) -> ValueError:
    """Return the error for an argument of the right type and a forbidden value."""
    return ValueError(f"{name}: got {shown(value)}; expected {requirement}")


def wrong_type(name: str, value: object, requirement: str) -> TypeError:
    """Return the error for an argument of the wrong type."""
    if isinstance(value, type):
        return TypeError(f"{name}: got the class {value.__name__} itself; expected {requirement}")
    return TypeError(f"{name}: got {shown(value)} of type {type(value).__name__}; expected {requirement}")


class Sealed:
    """A record that is what its fields say.

    Proofs read the fields of such a record. A subclass that computes something else in their place would be read as
    what it is not, so that there is none outside this package.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        base = next(one for one in cls.__mro__[1:] if issubclass(one, Sealed))
        if base is not Sealed and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            raise TypeError(
                f"{cls.__name__}: got a subclass of {base.__name__}; expected none: proofs read the fields of a "
                f"{base.__name__}, and nothing that a subclass puts in their place"
            )


def plain(value: Any) -> Any:
    """Return a NumPy number, or an array or tensor without axes, as Python's own number; other values as they are.

    Python's own: a float32 added to a clock would round it to milliseconds, and FLINT knows no NumPy integers.
    """
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item"):
        return value
    try:
        number = value.item()
    except (RuntimeError, ValueError, TypeError):  # of tensors without numbers, on "meta"
        return value
    # the item of a long double is one again; a span of time has an integer for its item, and is no number
    if hasattr(number, "dtype") and number.dtype.kind == "f":
        return float(number)
    return number if isinstance(number, int | float) and not _is_time(value) else value


def _is_time(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in {"m", "M"}


def require_positive(**limits: object) -> tuple[Any, ...]:
    """Return the arguments, given by their names, as Python's numbers, each positive and finite, digits below a limit.

    Raises
    ------
    ValueError
        If one is not.
    """
    numbers = tuple(map(plain, limits.values()))
    for name, value in zip(limits, numbers, strict=True):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value <= sys.float_info.max:
            raise bad(name, value, "a positive number, an int or a float")
        if name == "digits" and value > MOST_DIGITS:
            raise bad(name, value, f"a positive number of digits, at most {MOST_DIGITS}")
    return numbers


def require_count(name: str, value: object, least: int = 1, why: str = "") -> int:
    """Return an integer, NumPy's among them, as Python's own.

    Parameters
    ----------
    least
        The smallest one that is allowed.
    why
        What a smaller one would mean, for the message.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If it is smaller.
    """
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise wrong_type(name, value, f"an integer, at least {least}")
    if number < least:
        raise bad(name, value, f"an integer, at least {least}{f': {why}' if why else ''}")
    return number


def file_path(value: object, name: str) -> Path:
    """Return ``value`` as a path.

    Raises
    ------
    TypeError
        If it is neither text nor a path; an integer would be a file descriptor elsewhere.
    ValueError
        If it holds a null character, which no file's name does.
    """
    if not isinstance(value, str | PathLike) or not isinstance(fspath(value), str):
        raise wrong_type(name, value, "the path of a file, a string or a pathlib.Path")
    if "\0" in fspath(value):
        raise bad(name, value, "the path of a file, without null characters")
    return Path(value)


_DEVIATIONS = {"std", "stddev", "stdev", "sigma", "sd", "scale", "deviation", "standard_deviation"}
_LOGARITHMS = {"logvar", "log_var", "logvariance", "log_variance", "log_variances"}
_SISTERS = {
    "variance": {"var", "v", "noise_variance", "likelihood_variance", "variances", "covariance", "cov"},
    "covariance": {"cov", "variance", "var", "variances", "covariances", "s"},
    "covariances": {"cov", "covs", "covariance", "variance", "variances", "var"},
    "mean": {"mu", "loc", "location", "means", "m"},
    "means": {"mu", "loc", "mean", "codes"},
    "scale": _DEVIATIONS | {"variance", "var", "b"},
    "q": {"posterior", "encoder"},
    "seconds": {"timeout", "time", "time_limit", "max_seconds"},
    "digits": {"precision", "accuracy", "tol"},
    "workers": {"n_jobs", "jobs", "processes", "n_workers", "num_workers", "max_workers", "executor", "pool"},
    "progress": {"callback", "verbose", "on_progress"},
    "resume": {"checkpoint", "cache", "file", "path"},
}
"""Other words for arguments, in small letters; those of a variance that mean its root or logarithm apart."""
_VARIANCES = ("variance", "variances", "covariance", "covariances", "posterior_variance")


Thing = TypeVar("Thing", bound=Callable[..., Any])


def suggesting(thing: Thing) -> Thing:
    """Return a function, or a class, that says what was meant where an argument has a name that it does not know."""
    if isinstance(thing, type):
        made: Any = thing
        made.__init__ = _suggesting(made.__init__, thing.__name__)
        return thing
    wrapped: Thing = _suggesting(thing, thing.__qualname__)
    return wrapped


def _suggesting(function: Any, name: str) -> Any:
    parameters = signature(function).parameters.values()
    known = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    names = [one for one in known if one != "self"]

    @wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        for given in (one for one in keywords if one not in known):
            listed = ", ".join(names)
            raise TypeError(f"{name}: got an argument {given!r}; expected {listed}{meant(given, names)}")
        return function(*arguments, **keywords)

    return called


def meant(given: str, names: Sequence[str]) -> str:
    """Return the question whether another argument was meant, and how it follows from this one; empty if none is near.

    Examples
    --------
    >>> meant("std", ["variance", "covariance"])
    '; did you mean variance = std**2? A standard deviation is no variance'
    """
    word = given.lower()
    variance = next((one for one in _VARIANCES if one in names), None)
    if variance and word in _DEVIATIONS and "scale" not in names:
        return f"; did you mean {variance} = {given}**2? A standard deviation is no variance"
    if variance and word in _LOGARITHMS:
        return f"; did you mean {variance} = exp({given})? A log variance is no variance"
    if "scale" in names and "variance" not in names and word in _DEVIATIONS | {"variance", "var"}:
        return f"; did you mean scale? It is no variance and, in general, no standard deviation, as {given} may be"
    sister = next((one for one in names if word in _SISTERS.get(one, ())), None)
    near = [*get_close_matches(word, names, 1), *(one for one in names if one.startswith(word))]
    found = sister or next(iter(near), None)
    return f"; did you mean {found}?" if found else ""
