"""The sentences of the papers' abstracts, and the labels of the statements that decide them.

Beside the claim modules there may be a folder ``sentences`` with one file for each source, such as ``author.toml``:

    source = "Author, Title, version; its abstract, in our words."

    [[sentence]]
    says = "the sentence, in words of one's own"
    decided_by = ["claim", "other-claim/S2", "other-claim/S3/check"]

    [[sentence]]
    says = "a sentence that nothing here can decide, or not all of it"
    decided_by = ["claim/S3"]
    not_decidable = "because its data are not public."

The verdict on a sentence is computed from the findings; nothing of it is written in the files.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from elboproof.checking.claim import Check

FOLDER = "sentences"
BECAUSE = "because "


@dataclass(frozen=True)
class Sentence:
    """One sentence, labels of the claims, statements or checks that decide it, and why the rest is not decidable."""

    says: str
    decided_by: tuple[str, ...]
    not_decidable: str = ""

    def covers(self, check: str) -> bool:
        """Return whether a check, given as ``claim/statement/name``, belongs to what decides it."""
        return not labels_of(check).isdisjoint(self.decided_by)


@dataclass(frozen=True)
class Sentences:
    """The sentences of one abstract, and where it stands."""

    source: str
    members: tuple[Sentence, ...]


def labels_of(check: str) -> set[str]:
    """Return the labels that stand for a check: of its claim, of its statement, and its own."""
    claim, statement, _ = check.split("/")
    return {claim, f"{claim}/{statement}", check}


def read_sentences(directory: Path, checks: Sequence[Check], problems: list[str]) -> tuple[Sentences, ...]:
    """Return the sources of a folder of claims; what is wrong with their files is added to the problems.

    The order of the sources is that of the first claims that decide any of their sentences; what nothing decides
    comes last.
    """
    # The files' names have no order of their own, and none is typed: the paper whose claims come first comes first.
    places: dict[str, int] = {}
    for check in checks:
        places.setdefault(check.claim, len(places))
    problems += _misplaced(directory)
    files = sorted((directory / FOLDER).glob("*.toml"))
    found = [one for file in files if (one := _read(file, checks, problems)) is not None]
    return tuple(sorted(found, key=lambda one: _place(one, places)))


def _misplaced(directory: Path) -> list[str]:
    # A file that nobody reads would leave out its sentences without a word.
    folder = directory / FOLDER
    found = [path for path in folder.glob("*") if path.suffix != ".toml"] + [*directory.glob("*.toml")]
    return [f"{path}: expected the sentences of a source in {FOLDER}/<author>.toml" for path in sorted(found)]


def _place(sentences: Sentences, places: dict[str, int]) -> int:
    claims = {label.partition("/")[0] for one in sentences.members for label in one.decided_by}
    return min((places.get(claim, len(places)) for claim in claims), default=len(places))


def _read(file: Path, checks: Sequence[Check], problems: list[str]) -> Sentences | None:
    try:
        text = file.read_text(encoding="utf-8")
        result = _sentences(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        problems.append(f"{file}: {error}")
        return None
    known = {label for check in checks for label in labels_of(check.id)}
    unknown = [label for one in result.members for label in one.decided_by if label not in known]
    for label in dict.fromkeys(unknown):
        near = get_close_matches(label, sorted(known), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        problems += [
            f"{place}: no check has the label {label!r}{hint}" for place in _places(file, text, label)
        ]
    return result


def _places(file: Path, text: str, label: str) -> list[str]:
    """Return ``file:line`` of each line with the label as a text; the file alone if it is written in another way."""
    numbers = [
        n for n, line in enumerate(text.splitlines(), 1) if f'"{label}"' in line or f"'{label}'" in line
    ]
    return [f"{file}:{number}" for number in numbers] or [str(file)]


def _sentences(content: dict[str, Any]) -> Sentences:
    if unknown := set(content) - {"source", "sentence"}:
        raise TypeError(f"got the key {min(unknown)!r}; expected source and sentence")
    tables = content.get("sentence")
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise TypeError(f"sentence: got {tables!r}; expected tables [[sentence]]")
    return Sentences(_text(content, "source"), tuple(_sentence(one) for one in tables))


def _sentence(table: dict[str, Any]) -> Sentence:
    labels = table.get("decided_by", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"decided_by: got {labels!r}; expected a list of labels")
    if unknown := set(table) - {"says", "decided_by", "not_decidable"}:
        raise TypeError(f"got the key {min(unknown)!r}; expected says, decided_by and not_decidable")
    return Sentence(_text(table, "says"), tuple(labels), _reason(table))


def _reason(table: dict[str, Any]) -> str:
    if "not_decidable" not in table:
        return ""
    reason = _text(table, "not_decidable")
    if not reason.startswith(BECAUSE) or not reason.removeprefix(BECAUSE).strip():
        raise TypeError(f"not_decidable: got {reason!r}; expected a reason that begins with 'because'")
    return reason


def _text(table: dict[str, Any], key: str) -> str:
    if not isinstance(table.get(key), str) or not table[key].strip():
        raise TypeError(f"{key}: got {table.get(key)!r}; expected a text")
    return str(table[key])
