"""The code that a finding rests on: files of its claim, of the library, and of the runner, with their digests."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from elboproof.checking.imports import STUB, Graph
from elboproof.checking.sources import claim_files
from elboproof.checking.syntax import syntax_digest

LIBRARY = __name__.partition(".")[0]
RUNNER = f"{__package__}.worker"
"""What runs every check: a finding rests on it too."""


@dataclass(frozen=True)
class Code:
    """The source texts of the library and of a directory of claim modules, as they are at one moment.

    Attributes
    ----------
    directory
        The claim modules.
    texts
        Source text by dotted name; those of claims begin with the name of the directory.
    packages
        Names that are packages.
    """

    directory: Path
    texts: Mapping[str, bytes]
    packages: frozenset[str]

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Return the texts as they are now; they are parsed when they are asked for."""
        texts: dict[str, bytes] = {}
        packages: set[str] = set()
        # Read whole and at once, before anything runs: a file that is edited during a run still has its digest
        # of before.
        for root, name in ((_library_root(), LIBRARY), (directory.resolve(), directory.resolve().name)):
            for file in sorted(root.rglob("*.py")):
                module = _dotted(file, root, name)
                texts[module] = file.read_bytes()
                if file.stem == "__init__":
                    packages.add(module)
                    stub = file.with_suffix(STUB)
                    texts |= {f"{module}{STUB}": stub.read_bytes()} if stub.exists() else {}
        return cls(directory.resolve(), texts, frozenset(packages))

    @cached_property
    def _graph(self) -> Graph:
        return Graph(self.texts, self.packages)

    @cached_property
    def _runner(self) -> frozenset[str]:
        return self._graph.closure(frozenset({RUNNER}))

    def of(self, claim: str, file: Path) -> dict[str, str]:
        """Return the digest of each module and data file that a check rests on, by name.

        Parameters
        ----------
        claim
            Name of the claim's module or package.
        file
            The file that defines the check.

        Notes
        -----
        The modules are that file's, the claim's own, those of the claim that import the file (they may have
        registered a function that it made), and all that these import. A file outside the claim stands for
        all modules of the claim.
        """
        # The runner's own modules count for every check: a bug there can change any verdict. Data files have no
        # syntax tree, so that every byte of theirs counts.
        starts = self._starts(claim, file.resolve())
        modules = self._graph.closure(starts) | self._runner
        digests = {name: syntax_digest(self.texts[name]) for name in modules}
        for path in claim_files(self.directory, claim):
            if path.suffix != ".py":
                name = f"{self.directory.name}/{path.relative_to(self.directory).as_posix()}"
                digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return dict(sorted(digests.items()))

    def _starts(self, claim: str, file: Path) -> frozenset[str]:
        # Too many modules make a finding stale without need; too few let one pass that is older than its code. So
        # where a check was registered by code that cannot be traced, all modules of the claim count.
        own = f"{self.directory.name}.{claim}"
        members = {name for name in self.texts if name == own or name.startswith(f"{own}.")}
        inside = self.directory in file.parents
        module = _dotted(file, self.directory, self.directory.name) if inside else ""
        if module not in members:
            return frozenset(members)
        users = {name for name in members if module in self._reach(name, members)}
        return frozenset({own, module} | users)

    def _reach(self, name: str, members: set[str]) -> set[str]:
        """Return the members that one of them imports by ways within the claim."""
        found: set[str] = set()
        todo = {name}
        while todo:
            found |= todo
            todo = {target for one in todo for target in self._graph.edges(one)} & members - found
        return found


def combined(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of digests with their names."""
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield the names whose digests differ, among those that are needed now."""
    yield from (name for name, digest in now.items() if before.get(name) != digest)


def _library_root() -> Path:
    # Found without an import, since the library may be the very thing that does not import.
    spec = find_spec(LIBRARY)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the sources of {LIBRARY} are not to be found")
    return Path(spec.origin).parent


def _dotted(file: Path, root: Path, name: str) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join([name, *(parts[:-1] if parts[-1] == "__init__" else parts)])
