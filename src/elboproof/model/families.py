"""The likelihood families by the words that the command line takes, read from their records."""

import re
from dataclasses import fields
from typing import Any

import elboproof.model.continuous  # noqa: F401 - its classes are found below
from elboproof.arguments import bad
from elboproof.model.discrete import Categorical
from elboproof.model.likelihood import Likelihood
from elboproof.model.per_output import PerOutput
from elboproof.model.separable import Separable


def word_of(kind: type) -> str:
    """Return the word of a family: NegativeBinomial is negative-binomial."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


# by module, in whatever order they were imported
_KINDS = sorted(Separable.__subclasses__(), key=lambda kind: kind.__module__)
WORDS: dict[str, Any] = {word_of(kind): kind for kind in (*_KINDS, Categorical)}
"""Every family but the Gaussian one, whose parameter is a variance."""


def spelled(text: str) -> Likelihood:
    """Return the likelihood that a word with its parameters spells: poisson, binomial:10, student-t:3:1/2,2.

    Parameters stand after colons in their order, those of several outputs with commas between.

    Raises
    ------
    TypeError, ValueError
        If there is no such family, or a parameter is missing or not of its kind.
    """
    word, *given = text.strip().lower().split(":")
    if word not in WORDS:
        raise bad("likelihood", text, f"one of {', '.join(WORDS)}")
    kind = WORDS[word]
    names = [one.name for one in fields(kind)]
    if len(given) > len(names) or (kind is not Categorical and len(given) < len(names)):
        wanted = ":".join([word, *(name.upper() for name in names)])
        raise bad("likelihood", text, f"{wanted}, all parameters in their order")
    values = [[entry.strip() for entry in part.split(",")] for part in given]
    if kind is Categorical:
        if not all(entry.isdigit() for part in values for entry in part):
            raise bad("likelihood", text, "categorical:K1,K2,..., the numbers of classes")
        return Categorical(*([int(entry) for entry in part] for part in values))
    likelihood: Likelihood = kind(*(part if len(part) > 1 else part[0] for part in values))
    return likelihood


def parameters(likelihood: Likelihood) -> dict[str, list[str]]:
    """Return a family's parameters as exact texts, by name."""
    found: dict[str, list[str]] = {}
    for one in fields(likelihood):  # type: ignore[arg-type]
        value = getattr(likelihood, one.name)
        if value is not None:
            found[one.name] = [
                str(entry) for entry in (value.values if isinstance(value, PerOutput) else value)
            ]
    return found
