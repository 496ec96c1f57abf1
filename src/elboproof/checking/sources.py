"""Where claim modules lie, how they are imported, and what identifies their text."""

import hashlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

PACKAGE = "elboproof_claims_"
"""What the names of all imported claim modules begin with."""


def package_name(directory: Path) -> str:
    """Return the name under which the claim modules of a directory are imported.

    It is made from the path: two repositories that both call their directory ``verification`` must not
    meet in ``sys.modules``.
    """
    return f"{PACKAGE}{hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]}"


def module_names(directory: Path) -> list[str]:
    """Return the names of the claim modules and packages in a directory; ``_helpers`` are none."""
    found = {path.stem for path in directory.glob("*.py")}
    found |= {path.parent.name for path in directory.glob("*/__init__.py")}
    return sorted(name for name in found if not name.startswith("_"))


def name_problems(directory: Path, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the names of claim modules."""
    # The label of a claim names its module with - for _, and of a file and a folder of one name Python sees the folder.
    for name in names:
        file, folder = directory / f"{name}.py", directory / name
        if file.exists() and (folder / "__init__.py").exists():
            yield f"{file}: there is a folder {folder} too; expected one module of this name"
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            yield f"{file if file.exists() else folder}: expected a name of lower-case words joined by underscores"


def import_claim(directory: Path, name: str) -> ModuleType:
    """Import a claim module and, if it is a package, all its submodules; return the module."""
    # Submodules are imported too: a check registers itself when its file is imported, and one that is not
    # would be missing without a word.
    package = package_name(directory)
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [str(directory.resolve())]
        sys.modules[package] = parent
    module = importlib.import_module(f"{package}.{name}")
    for path in sorted(Path(place) for place in getattr(module, "__path__", ())):
        for file in sorted(path.glob("*.py")):
            if file.stem != "__init__":
                importlib.import_module(f"{module.__name__}.{file.stem}")
    return module


def foreign_imports(directory: Path) -> Iterator[str]:
    """Yield files of the directory that were imported by an absolute name, so that they exist twice."""
    # Such a module exists twice, with two sets of constants and classes: a patch or a test of one misses the other.
    package, root = package_name(directory), directory.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not name.startswith(package) and name != "__main__" and root in Path(file).parents:
            yield f"{file}: imported as {name}; expected relative imports between claim modules"


def claim_files(directory: Path, name: str) -> list[Path]:
    """Return the files whose text decides the findings of a claim, helpers of the directory included."""
    single = directory / f"{name}.py"
    own = [single] if single.exists() else list((directory / name).rglob("*"))
    helpers = [*directory.glob("_*.py"), *directory.glob("_*/**/*")]
    return sorted(p for p in [*own, *helpers] if p.is_file() and "__pycache__" not in p.parts)


def claim_digest(directory: Path, name: str) -> str:
    """Return the SHA-256 of the sources of a claim, see `claim_files`."""
    return digest(claim_files(directory, name), directory)


def digest(files: list[Path], root: Path) -> str:
    """Return the SHA-256 of some files with their names relative to a root."""
    # Names and lengths enter too: bytes that move from one file to the next change the digest.
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


@cache
def library_digest() -> str:
    """Return the SHA-256 of elboproof's own sources: findings depend on them too.

    Read once per process, close to the time at which the process imported them.
    """
    root = Path(__file__).parents[1]
    return digest(sorted([*root.rglob("*.py"), *root.rglob("*.pyi")]), root)


def where(error: BaseException, directory: Path) -> str | None:
    """Return ``file:line`` of the innermost frame of a traceback that lies in the directory, or of its wrong syntax."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    places = [place_in(directory, file, line) for file, line in frames]
    return next((place for place in reversed(places) if place), None)


def where_defined(function: Callable[..., object], directory: Path) -> str | None:
    """Return ``file:line`` of a function that is defined in the directory; its decorators count."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else place_in(directory, code.co_filename, code.co_firstlineno)


def place_in(directory: Path, file: str | Path, line: int | None) -> str | None:
    """Return ``file:line`` with the name of the directory, and nothing of the machine; None outside of it."""
    root, path = directory.resolve(), Path(file).resolve()
    if root not in path.parents:
        return None
    name = f"{root.name}/{path.relative_to(root).as_posix()}"
    return name if line is None else f"{name}:{line}"
