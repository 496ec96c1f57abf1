"""The reference: a page for each heading of the stub that holds the public API, and one for each other public room."""

import importlib
import re
from pathlib import Path
from typing import Any

import elboproof

STUB = Path(elboproof.__file__).with_suffix(".pyi")
HEADING = re.compile(r"# ([A-Z][A-Za-z ]+)$")
IMPORT = re.compile(r"from [a-z_.]+ import (?:\(\n\s*)?([A-Za-z_]+) as \1")
ARRAY_LIKE = re.compile(r"~?[\w.]*_Buffer \| .*?_NestedSequence\[complex \| bytes \| str\]")
LITERAL = re.compile(r"(``.*?``)")
ROOMS = ("objectives", "networks", "diagnostics", "audit", "strategies", "checking")
"""Packages with a public API of their own, in the order in which they are listed."""
INDEX = """What ``import elboproof as ep`` gives, in the order of the stub ``elboproof/__init__.pyi``; then the
rooms that are imported by themselves.
"""


def groups() -> dict[str, list[str]]:
    """Return the public names below each heading of the stub, in its order.

    Raises
    ------
    ValueError
        If a name stands below no heading, so that it would have no page.
    """
    found: dict[str, list[str]] = {}
    lines = STUB.read_text(encoding="utf-8")
    for block in re.split(r"\n(?=# [A-Z])", lines.partition("\n\n")[2]):
        title = HEADING.match(block.partition("\n")[0])
        if title:
            found[title[1].removeprefix("Its ").capitalize()] = IMPORT.findall(block)
    listed = {name for names in found.values() for name in names}
    missing = sorted({name for name in elboproof.__all__ if name[0] != "_"} - listed)
    if missing:
        raise ValueError(
            f"{STUB.name}: got no heading above {', '.join(missing)}; expected one for each name"
        )
    return found


def pages() -> dict[str, str]:
    """Return the pages of the reference by file name."""
    named = {"reference_" + "_".join(re.findall("[a-z]+", title.lower())): title for title in groups()}
    shown: set[int] = set()
    result = {
        f"{stem}.rst": _page(title, "elboproof", groups()[title], shown) for stem, title in named.items()
    }
    for room in ROOMS:
        name = f"elboproof.{room}"
        members = list(importlib.import_module(name).__all__)
        result[f"reference_{room}.rst"] = _page(name, name, members, shown, about=True)
    entries = "\n".join(f"   {stem}" for stem in [*named, *(f"reference_{room}" for room in ROOMS)])
    index = f"{_title('Reference')}{INDEX}\n.. toctree::\n   :maxdepth: 1\n\n{entries}\n"
    return result | {"reference.rst": index}


def _page(title: str, package: str, names: list[str], shown: set[int], about: bool = False) -> str:
    # A name that two packages offer is described on both pages, and indexed on the first.
    head = f".. automodule:: {package}\n   :no-members:\n   :no-index:\n\n" if about else ""
    source = importlib.import_module(package)
    entries = []
    for name in names:
        thing = getattr(source, name)
        entries.append(_entry(thing, f"{package}.{name}", again=id(thing) in shown))
        shown.add(id(thing))
    return _title(title) + head + "\n".join(entries)


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def _entry(thing: Any, name: str, again: bool) -> str:
    index = "   :no-index:\n" if again else ""
    if isinstance(thing, type):
        members = "" if issubclass(thing, BaseException) else "   :members:\n"
        return f".. autoclass:: {name}\n{members}{index}"
    kind = "autofunction" if callable(thing) else "autodata"
    return f".. {kind}:: {name}\n{index}"


def plain_bars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape the bars of absolute values and determinants, which reStructuredText takes for substitutions."""
    code = False
    for n, line in enumerate(lines):
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        if not code:
            parts = LITERAL.split(line)
            parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
            lines[n] = "".join(parts)


def short_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, answer: str | None
) -> tuple[str | None, str | None]:
    """Write ArrayLike for what NumPy means by it, which fills lines."""
    return tuple(text and ARRAY_LIKE.sub("~numpy.typing.ArrayLike", text) for text in (signature, answer))  # type: ignore[return-value]


def linked(app: Any, environment: Any, node: Any, content: Any) -> Any:
    """Link a public name to its page, where a signature has it by the module that defines it."""
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in elboproof.__all__:
        return None
    domain = environment.get_domain("py")
    target = f"elboproof.{name}"
    if target not in domain.objects:
        return None
    document = node.get("refdoc", environment.docname)
    return domain.resolve_xref(environment, document, app.builder, "obj", target, node, content)
