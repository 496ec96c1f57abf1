"""From a directory of claim modules to checks that can run; all mistakes are reported together."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from elboproof.checking import sources
from elboproof.checking.budget import share
from elboproof.checking.claim import Check, Claim
from elboproof.checking.code import Code
from elboproof.checking.description import rebuilt
from elboproof.checking.import_process import descriptions
from elboproof.checking.sentences import Sentences, read_sentences
from elboproof.checking.vocabulary import TIERS

LABELS = "labels.txt"


class UsageError(ValueError):
    """The request does not fit what there is: a wrong label, a missing directory, another seed."""


class CollectionError(UsageError):
    """The claim modules contain mistakes.

    Attributes
    ----------
    problems : list of str
        All of them; each names the file and, where there is one, the check.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} problem(s) in the claim modules:\n{lines}")


@dataclass(frozen=True)
class ClaimModule:
    """A claim together with its module: name, file, docstring sections, SHA-256 of its sources."""

    claim: Claim
    name: str
    file: Path
    sections: dict[str, str]
    digest: str


@dataclass(frozen=True)
class Collection:
    """All claims of a directory, in the order of its labels file (else by name), and where each check stands."""

    directory: Path
    claims: tuple[ClaimModule, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    sources: tuple[Sentences, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def _code(self) -> Code:
        return Code.read(self.directory)

    @cached_property
    def _digests(self) -> dict[tuple[str, Path], dict[str, str]]:
        return {}

    def freeze_code(self) -> None:
        """Read the source texts now, however late they are looked into."""
        _ = self._code

    def code_of(self, check: Check) -> dict[str, str]:
        """Return the digest of each module that a check rests on, see `elboproof.checking.code`."""
        # Many checks share a file: the closure of each is found once.
        key = check.claim.replace("-", "_"), self.files[check.id]
        if key not in self._digests:
            self._digests[key] = self._code.of(*key)
        return self._digests[key]

    def modules(self) -> dict[str, str]:
        """Return the digest of each module that any check rests on."""
        return {name: digest for check in self.checks for name, digest in self.code_of(check).items()}

    @property
    def checks(self) -> list[Check]:
        """Return all checks, by claim, statement and order of definition."""
        return [check for module in self.claims for check in sorted(module.claim.checks, key=_statement)]

    @property
    def false_alarm(self) -> float | None:
        """Return the false-alarm rate of one statistical test, None if there are no such checks."""
        tests = sum(check.tests for check in self.checks if check.method == "statistical")
        return share(tests) if tests else None


def _statement(check: Check) -> tuple[int, str]:
    digits = "".join(c for c in check.statement if c.isdigit())
    return int(digits or 0), check.statement


def collect(directory: Path) -> Collection:
    """Return what the claim modules of a directory declare; they are imported in another process.

    Raises
    ------
    UsageError
        If there is no such directory.
    CollectionError
        If anything is wrong with a module; it lists every problem.
    """
    if not directory.is_dir():
        raise UsageError(_no_directory(directory))
    if not hasattr(os, "killpg"):
        raise UsageError(
            "checks run in groups of processes, which Windows has not; run this under Linux (WSL)"
        )
    # All problems are collected before anything is raised: an author who mends one at a time runs this for each.
    names = sources.module_names(directory)
    described = list(descriptions(directory, names))
    problems = list(sources.name_problems(directory, names))
    problems += [problem for one in described for problem in one["problems"]]
    order = _order(directory, names, problems)
    if problems:
        raise CollectionError(problems)
    described.sort(key=lambda one: order.get(one["label"], len(order)))
    files = {name: Path(file) for one in described for name, file in one["files"].items()}
    lines = {name: line for one in described for name, line in one["lines"].items()}
    modules = tuple(_claim_module(one) for one in described)
    abstracts = read_sentences(directory, [check for one in modules for check in one.claim.checks], problems)
    if problems:
        raise CollectionError(problems)
    return Collection(directory, modules, files, abstracts, lines)


def _no_directory(directory: Path) -> str:
    # Whoever stands one folder too deep, or has none yet, is told how to go on.
    near = [one for one in Path.cwd().parents if (one / directory).is_dir()][:1]
    where = [f"run this in {one}, which has one" for one in near] or ["name one by --path DIR"]
    return (
        f"path: got {str(directory)!r}; expected a directory with claim modules: {where[0]}, or start with one: "
        "elboproof init FOLDER"
    )


def _claim_module(description: dict[str, Any]) -> ClaimModule:
    claim = rebuilt(description["claim"])
    return ClaimModule(
        claim, description["name"], Path(description["file"]), description["sections"], description["digest"]
    )


def _order(directory: Path, names: list[str], problems: list[str]) -> dict[str, int]:
    """Return the places of the labels in the file of labels, and add what is wrong with it."""
    file = directory / LABELS
    if not file.exists():
        return {}
    lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = [name.replace("_", "-") for name in names]
    places: dict[str, int] = {}
    for number, label in ((number, label) for number, label in enumerate(lines, start=1) if label):
        if label in places:
            problems.append(
                f"{file}:{number}: label {label!r} is listed twice, first in line {places[label]}"
            )
        elif label not in names:
            near = [one for one in difflib.get_close_matches(label, names, 1) if one not in lines]
            hint = (
                f"did you mean {near[0]!r}?" if near else f"expected {label.replace('-', '_')}.py beside it"
            )
            problems.append(f"{file}:{number}: label {label!r} has no claim module; {hint}")
        places.setdefault(label, number)
    problems += [
        f"{file}: the module of claim {name!r} is not listed; expected a line {name}"
        for name in names
        if name not in places
    ]
    return places


def select(
    collection: Collection, labels: Sequence[str] = (), *, method: str | None = None, tier: str = "default"
) -> tuple[list[Check], list[Check]]:
    """Return the checks to run, and those left out because of their tier or of what they need.

    Parameters
    ----------
    labels
        ``claim``, ``claim/S2`` or ``claim/S2/name``; none means all. A check named in full is run
        whatever its tier: who writes its name wants it.
    method
        Only checks of this method.
    tier
        "quick", "default" or "full".

    Raises
    ------
    UsageError
        If a label fits no check; the nearest labels are listed.
    """
    # A label that fits nothing is an error, not an empty selection: "0 of 0 hold" would look like success.
    unknown = [label for label in labels if not any(_fits(check, label) for check in collection.checks)]
    if unknown:
        raise UsageError("\n".join(_unknown(label, collection) for label in unknown))
    wanted = [c for c in collection.checks if not labels or any(_fits(c, label) for label in labels)]
    wanted = [c for c in wanted if method in (None, c.method)]
    limit = TIERS.index(tier)
    now = [c for c in wanted if not c.needs and (TIERS.index(c.tier) <= limit or c.id in labels)]
    return now, [c for c in wanted if c not in now]


def _fits(check: Check, label: str) -> bool:
    return f"{check.id}/".startswith(f"{label.rstrip('/')}/")


def _unknown(label: str, collection: Collection) -> str:
    known = list(dict.fromkeys(_names(collection)))
    near = difflib.get_close_matches(label, known, n=4, cutoff=0.5)
    near = near or [name for name in known if label.split("/")[0] in name][:4]
    claims = ", ".join(module.claim.label for module in collection.claims)
    hint = f"did you mean {', '.join(near)}?" if near else f"the claims are: {claims or 'none'}"
    return f"no check fits {label!r}; {hint} (elboproof verify --list shows all)"


def _names(collection: Collection) -> Iterator[str]:
    for check in collection.checks:
        yield from (check.claim, f"{check.claim}/{check.statement}", check.id)
