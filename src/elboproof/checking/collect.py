"""From a directory of claim modules to checks that can run; all mistakes are reported together."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from elboproof.checking import sources
from elboproof.checking.budget import share
from elboproof.checking.claim import TIERS, Check, Claim
from elboproof.checking.code import Code
from elboproof.checking.problems import claim_problems, docstring_problems, sections

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
    """All claims of a directory, in the order of its labels file (else by name), with the files of the checks."""

    directory: Path
    claims: tuple[ClaimModule, ...]
    files: Mapping[str, Path] = field(default_factory=dict)

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
    """Import the claim modules of a directory and return what they declare.

    Raises
    ------
    UsageError
        If there is no such directory.
    CollectionError
        If anything is wrong with a module; it lists every problem.
    """
    if not directory.is_dir():
        raise UsageError(f"path: got {str(directory)!r}; expected a directory with claim modules")
    sources.forget(directory)
    problems: list[str] = []
    found = [_load(directory, name, problems) for name in sources.module_names(directory)]
    problems += sources.foreign_imports(directory)
    modules = [module for module in found if module is not None]
    ordered = _ordered(directory, modules, problems)
    if problems:
        raise CollectionError(problems)
    files = {check.id: Path(check.file) for module in ordered for check in module.claim.checks}
    return Collection(directory, tuple(ordered), files)


def _load(directory: Path, name: str, problems: list[str]) -> ClaimModule | None:
    file = (
        directory / f"{name}.py" if (directory / f"{name}.py").exists() else directory / name / "__init__.py"
    )
    try:
        with _os_exit_refused():
            module = sources.import_claim(directory, name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever a claim module raises is its problem)
        place = sources.where(error, directory) or str(file)
        problems.append(f"{place}: import failed: {type(error).__name__}: {error}")
        return None
    problems += [f"{file}: {problem}" for problem in docstring_problems(module.__doc__)]
    claim = _claim_of(module, name, file, problems)
    if claim is None:
        return None
    problems += claim_problems(claim, file)
    return ClaimModule(claim, name, file, sections(module.__doc__), sources.claim_digest(directory, name))


@contextmanager
def _os_exit_refused() -> Iterator[None]:
    """Let ``os._exit`` raise in this process while a module is imported: exit code 0 would say that all claims hold.

    Children that the module forks end as they would, and so does what keeps the function for later.
    """
    exit_at_once, process, importing = os._exit, os.getpid(), True

    def refuse(status: int) -> NoReturn:
        if importing and os.getpid() == process:
            raise SystemExit(f"os._exit({status}); expected a module that can be imported")
        exit_at_once(status)

    os._exit = refuse
    try:
        yield
    finally:
        os._exit, importing = exit_at_once, False


def _claim_of(module: ModuleType, name: str, file: Path, problems: list[str]) -> Claim | None:
    claim = getattr(module, "claim", None)
    if not isinstance(claim, Claim):
        problems.append(f"{file}: has no `claim = Claim(...)`")
        return None
    if claim.label != name.replace("_", "-"):
        problems.append(f"{file}: label is {claim.label!r}; expected {name.replace('_', '-')!r}")
    return claim


def _ordered(directory: Path, modules: list[ClaimModule], problems: list[str]) -> list[ClaimModule]:
    file = directory / LABELS
    if not file.exists():
        return modules
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    labels = [line for line in lines if line]
    names = [name.replace("_", "-") for name in sources.module_names(directory)]
    problems += [
        f"{file}: label {label!r} is listed twice" for label in set(labels) if labels.count(label) > 1
    ]
    problems += [f"{file}: label {label!r} has no claim module" for label in labels if label not in names]
    problems += [
        f"{file}: the module of claim {name!r} is not listed" for name in names if name not in labels
    ]
    order = {label: i for i, label in enumerate(labels)}
    return sorted(modules, key=lambda module: order.get(module.claim.label, len(order)))


def select(
    collection: Collection, labels: Sequence[str] = (), *, method: str | None = None, tier: str = "default"
) -> tuple[list[Check], list[Check]]:
    """Return the checks to run, and those left out only because of their tier.

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
    unknown = [label for label in labels if not any(_fits(check, label) for check in collection.checks)]
    if unknown:
        raise UsageError("\n".join(_unknown(label, collection) for label in unknown))
    wanted = [c for c in collection.checks if not labels or any(_fits(c, label) for label in labels)]
    wanted = [c for c in wanted if method in (None, c.method)]
    limit = TIERS.index(tier)
    now = [c for c in wanted if TIERS.index(c.tier) <= limit or c.id in labels]
    return now, [c for c in wanted if c not in now]


def _fits(check: Check, label: str) -> bool:
    return f"{check.id}/".startswith(f"{label.rstrip('/')}/")


def _unknown(label: str, collection: Collection) -> str:
    known = list(dict.fromkeys(_names(collection)))
    near = difflib.get_close_matches(label, known, n=4, cutoff=0.5)
    near = near or [name for name in known if label.split("/")[0] in name][:4]
    claims = ", ".join(module.claim.label for module in collection.claims)
    hint = f"did you mean {', '.join(near)}?" if near else f"the claims are: {claims or 'none'}"
    return f"no check fits {label!r}; {hint}"


def _names(collection: Collection) -> Iterator[str]:
    for check in collection.checks:
        yield from (check.claim, f"{check.claim}/{check.statement}", check.id)
