"""Which modules a module depends on, read from its text: nothing is imported.

Every import counts, wherever in the text it stands. A package that loads its public names when they are first
used has a module-level ``__getattr__``; which module ``package.name`` comes from is read from its imports under
``if TYPE_CHECKING`` or in its stub, and from tables of texts that name modules. Where a name cannot be resolved, all
modules of the table count. Not seen: a module whose name is put together from parts, unless the text begins with it.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from elboproof.checking.syntax import executed, is_type_checking, parsed

Chain = tuple[str, ...]

STUB = ".pyi"
"""End of the name of a package's stub: the package reads it, but what it imports is not run."""


@dataclass
class _Facts:
    """What a text says about other modules.

    Attributes
    ----------
    imports
        Module, names taken from it, and the names they are bound to; without names for ``import module``.
    chains
        ``("ep", "elbo")`` for ``ep.elbo``; a name alone has length one.
    texts
        Text constants, which may name modules.
    beginnings
        What a composed text begins with, such as ``f"package.{name}"``.
    lazy
        Public names that ``__getattr__`` loads, with their modules; None without ``__getattr__``.
    defined
        Names that are bound at the top level.
    """

    imports: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    chains: set[Chain] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    beginnings: set[str] = field(default_factory=set)
    lazy: dict[str, str] | None = None
    defined: set[str] = field(default_factory=set)


class Graph:
    """The import graph of some modules.

    Parameters
    ----------
    texts
        Source text by dotted name.
    packages
        Names among them that are packages: relative imports start there.
    """

    def __init__(self, texts: Mapping[str, bytes], packages: frozenset[str]) -> None:
        self._texts, self._packages = texts, packages
        self._facts: dict[str, _Facts] = {}
        self._edges: dict[str, frozenset[str]] = {}

    def closure(self, names: frozenset[str]) -> frozenset[str]:
        """Return some modules with all that they import, however indirectly, packages around them included."""
        found: set[str] = set()
        todo = {module for name in names for module in self._with_parents(name)}
        while todo:
            name = todo.pop()
            found.add(name)
            todo |= self.edges(name) - found
        return frozenset(found)

    def edges(self, name: str) -> frozenset[str]:
        """Return the modules that one module imports."""
        if name not in self._edges:
            self._edges[name] = frozenset(self._targets(name))
        return self._edges[name]

    def _with_parents(self, name: str) -> Iterator[str]:
        # Importing a.b runs a too.
        parts = name.split(".")
        yield from (
            module for k in range(1, len(parts) + 1) if (module := ".".join(parts[:k])) in self._texts
        )

    def _targets(self, name: str) -> Iterator[str]:
        # An edge too many costs a run; one too few lets a stale finding pass. So whatever cannot be resolved
        # stands for all that it may be.
        facts = self._of(name)
        if facts.lazy is not None and f"{name}{STUB}" in self._texts:
            yield f"{name}{STUB}"
        bound: dict[str, str] = {}
        for module, taken, alias in facts.imports:
            yield from self._with_parents(module)
            if taken is None:
                bound[alias or module.partition(".")[0]] = module if alias else module.partition(".")[0]
            elif f"{module}.{taken}" in self._texts:
                yield f"{module}.{taken}"
                bound[alias or taken] = f"{module}.{taken}"
            else:
                yield from self._attribute(module, taken)
        for chain in facts.chains:
            if chain[0] in bound:
                yield from self._follow(bound[chain[0]], chain[1:])
        if facts.lazy is None:
            for text in facts.texts & self._texts.keys():
                yield from self._with_parents(text)
            for start in facts.beginnings:
                yield from (module for module in self._texts if module.startswith(start))

    def _follow(self, module: str, attributes: Chain) -> Iterator[str]:
        # a.b.c may be module a.b with attribute c, or module a.b.c: the longest chain of modules is followed.
        for k, attribute in enumerate(attributes):
            if f"{module}.{attribute}" not in self._texts:
                yield from self._attribute(module, attributes[k])
                return
            module = f"{module}.{attribute}"
            yield module
        yield from self._attribute(module, "*")  # the module itself is used, its attributes are not seen

    def _attribute(self, module: str, attribute: str) -> Iterator[str]:
        """Yield where an attribute of a module comes from if the module loads it lazily."""
        # A name that the module defines itself needs no other module than those that it imports anyway.
        if module not in self._texts:
            return
        facts = self._of(module)
        if facts.lazy is None or attribute in facts.defined or attribute.startswith("__"):
            return
        for target in [facts.lazy[attribute]] if attribute in facts.lazy else facts.lazy.values():
            yield from self._with_parents(target)

    def _of(self, name: str) -> _Facts:
        if name not in self._facts:
            self._facts[name] = self._read(name)
        return self._facts[name]

    def _read(self, name: str) -> _Facts:
        facts = _Facts()
        if name.endswith(STUB):
            return facts
        try:
            tree = parsed(self._texts[name])
        except (SyntaxError, ValueError):
            return facts
        package = name if name in self._packages else name.rpartition(".")[0]
        _collect(tree, package, facts)
        facts.defined = set(_defined(tree))
        if "__getattr__" in facts.defined:
            facts.lazy = dict(_typed(tree, package)) | dict(self._tables(tree, package))
            if f"{name}{STUB}" in self._texts:
                facts.lazy |= _taken(parsed(self._texts[f"{name}{STUB}"]).body, package)
        return facts

    def _tables(self, tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
        """Yield name and module from tables such as ``{"elbo": "elboproof.posterior.elbo"}``."""
        for table in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
            for key, value in zip(table.keys, table.values, strict=True):
                name, target = _text(key), _text(value)
                if name and target:
                    yield from ((name, m) for m in (target, f"{package}.{target}") if m in self._texts)


def _collect(node: ast.AST, package: str, facts: _Facts) -> None:
    """Add what stands in a node and below it."""
    # A chain of attributes is taken whole and its inner nodes are not visited: "ep" alone would stand for every lazy
    # name of the package.
    if isinstance(node, ast.Import):
        facts.imports += [(alias.name, None, alias.asname) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        facts.imports += [(_base(node, package), alias.name, alias.asname) for alias in node.names]
    elif isinstance(node, ast.Attribute | ast.Name):
        root, chain = _chain(node)
        if isinstance(root, ast.Name):
            facts.chains.add((root.id, *chain))
        else:
            _collect(root, package, facts)
        return
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
        facts.texts.add(node.value)
    elif isinstance(node, ast.JoinedStr) and node.values:
        start = _text(node.values[0])
        if start and "." in start and start.partition(".")[0] == package.partition(".")[0]:
            facts.beginnings.add(start)
    for child in executed(node):
        _collect(child, package, facts)


def _chain(node: ast.AST) -> tuple[ast.AST, Chain]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return node, tuple(reversed(names))


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module after ``from``."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = ".".join(parts[: len(parts) - node.level + 1])
    return f"{above}.{node.module}" if node.module else above


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _typed(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Yield name and module of the imports under ``if TYPE_CHECKING``."""
    for block in tree.body:
        if isinstance(block, ast.If) and is_type_checking(block.test):
            yield from _taken(block.body, package)


def _taken(statements: Sequence[ast.stmt], package: str) -> Iterator[tuple[str, str]]:
    for node in (node for node in statements if isinstance(node, ast.ImportFrom)):
        yield from ((alias.asname or alias.name, _base(node, package)) for alias in node.names)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
