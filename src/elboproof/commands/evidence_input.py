"""What the words of ``elboproof evidence`` mean: the model, and data points that stay exact."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tokenize import TokenError

import numpy as np

from elboproof.arguments import bad, file_path, shown
from elboproof.arrays import finite_array, real_array, require_finite, require_shape
from elboproof.model.families import spelled
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.model.supports import Support
from elboproof.numbers.exact import exact
from elboproof.numbers.functions import CONSTANTS, WRITABLE
from elboproof.numbers.parser import parse

LONGEST_NAME = 255
"""Of a file, in bytes, on every common file system; the system refuses to look for a longer one."""
MOST_BITS = 14_000
FILES = (".csv", ".npy")
NPY, ARCHIVE = b"\x93NUMPY", b"PK"
"""How NumPy's files begin, of one array and of several."""

MISSING = frozenset(
    {
        "nan",
        "qnan",
        "snan",
        "na",
        "n/a",
        "nat",
        "null",
        "none",
        "nil",
        "missing",
        "inf",
        "infinity",
        "true",
        "false",
        "div/0!",
        "num!",
        "value!",
        "ref!",
        "name?",
        "null!",
    }
)
"""What programs write where there is no number, in small letters and without a leading #: no name in a header."""

BOOLEANS = {"true": 1, "false": 0}
"""In small letters; missing numbers where data are not whole numbers."""

_COMMENT = re.compile(r"\s*#(\s|$)")
_QUOTED = re.compile(r'"[^"]*"')
_NAME = re.compile(r"(?<![\w.])([^\W\d]\w*)(\s*\()?")


@dataclass(frozen=True)
class Point:
    """One data point.

    Attributes
    ----------
    values : tuple of Fraction
        Its D coordinates, exactly.
    texts : tuple of str
        The same as they were written; floats of a NumPy file in their shortest form that reads back.
    """

    values: tuple[Fraction, ...]
    texts: tuple[str, ...]


def build_model(
    decoder: Sequence[str],
    latent: str | None,
    variance: str | None,
    bernoulli: bool,
    likelihood: str | None = None,
) -> LatentModel:
    """Return the model that the command line describes.

    Parameters
    ----------
    decoder
        One expression per data dimension.
    latent
        Names with commas between; the free names of the decoder if None.
    variance
        One exact number, or D of them with commas between; not used with ``bernoulli``.
    likelihood
        Another family with its parameters, such as ``binomial:10``.

    Raises
    ------
    ValueError
        If a name, an expression or a variance is not of that form; the message names it.
    """
    # The words are split here and read by the library's own parsers, so that the command line accepts what
    # `ep.LatentModel` accepts. Variances are looked at first for their length, because they are printed as
    # ratios.
    names = [name.strip() for name in latent.split(",")] if latent is not None else free_names(decoder)
    entries = [text.strip() for text in (variance or "").split(",")]
    if bernoulli or likelihood is not None:
        return LatentModel(names, list(decoder), spelled("bernoulli" if likelihood is None else likelihood))
    for text in entries:
        _require_short(exact(text, "variance"), text)
    return LatentModel(names, list(decoder), Gaussian(entries if len(entries) > 1 else entries[0]))


def _require_short(variance: Fraction, text: str) -> None:
    """Raise unless the variance can be printed as a ratio: Python writes no integer of more than 4300 digits."""
    if max(abs(variance.numerator), variance.denominator).bit_length() > MOST_BITS:
        raise bad("variance", text, f"a number of at most {MOST_BITS} bits, which is printed exactly")


def free_names(decoder: Sequence[str]) -> list[str]:
    """Return the names in expressions that are neither functions nor constants, in order of first appearance.

    Raises
    ------
    ValueError
        If there is none, or an expression without one is not readable.
    """
    # A dictionary keeps the order of first appearance, which is the order of the latents.
    found: dict[str, None] = {}
    for text in decoder:
        for name, call in _NAME.findall(text):
            if not call and name not in WRITABLE and name not in CONSTANTS:
                found[name] = None
    if not found:
        for k, text in enumerate(decoder):
            parse(text, {}, f"decoder[{k}]")  # a slip in an expression is named first
        raise bad("decoder", " ".join(decoder), "at least one latent, a free name such as z")
    return list(found)


def read_points(texts: Sequence[str], model: LatentModel) -> list[Point]:
    """Return the data points of every ``--x``.

    Parameters
    ----------
    texts
        Each one point, its coordinates with commas between, or a file ``.csv`` or ``.npy`` with a point a row.

    Raises
    ------
    ValueError
        If a file cannot be read, a row has not D entries, or an entry is no exact number, or outside of the
        likelihood's support. The message names the place.
    """
    # All points are read before any is proved: an error in the last file comes at once. Zeros and ones are
    # compared as exact numbers, so that 1.0 and 1e0 are ones.
    points = [point for text in texts for point in _read(text, model.data_dim, model.likelihood.support)]
    for point in points:
        model.likelihood.support.require_row(point.values, f"x, {','.join(point.texts)}")
    return points


def _read(text: str, width: int, support: Support) -> list[Point]:
    # What a word is follows from its ending alone: a file that appears or vanishes does not turn a point into a
    # name. A word that is a file under another name is an oversight, and said to be one.
    path = file_path(text, "x")
    if path.suffix.lower() not in FILES:
        if len(text) < LONGEST_NAME and path.is_file():
            raise bad("x", text, "a point such as 0.7,0.2, or a file whose name ends in .csv or .npy")
        return [_point(text.split(","), width, "x", support)]
    try:
        return (_read_csv if path.suffix.lower() == ".csv" else _read_npy)(path, width, support)
    except OSError as error:
        raise _unreadable(path, f"a file that can be read ({error.strerror})") from error


def _unreadable(path: Path, requirement: str) -> ValueError:
    """Return the error for a file, its path in full."""
    return ValueError(f"x: got {str(path)!r}; expected {requirement}")


def _read_csv(path: Path, width: int, support: Support) -> list[Point]:
    """Return the rows of a text file; comments and blank lines hold none, and a first row of names is a header."""
    # A mark at the beginning of the file is no part of its first number ("utf-8-sig").
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        rows = _rows(lines, _delimiter(lines, width, path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, f"a text file of comma-separated numbers ({error})") from error
    # A header has names in all of its entries; one number among them makes a row of data, whose other entries
    # are then refused.
    if rows and all(map(_is_name, rows[0][1])):
        rows = rows[1:]
    if not rows:
        raise _unreadable(path, "at least one row of numbers")
    return [_point(row, width, f"x, {path} line {number}", support) for number, row in rows]


def _delimiter(lines: Sequence[str], width: int, path: Path) -> str:
    """Return what stands between the entries of a file: commas or semicolons, else tabs, else blanks.

    With commas and semicolons, one of them is inside the numbers, as in 0,5;0,3: no reading is certain.
    """
    # What is quoted and what is commented does not count: a comma in a comment separates nothing.
    text = "\n".join(_QUOTED.sub("", line).strip(" ") for line in lines if not _COMMENT.match(line))
    if "," in text and ";" in text:
        raise _unreadable(path, "one delimiter, a comma or a semicolon or a tab, and decimal points")
    for mark in ",;\t":
        if mark in text:
            return mark
    return " " if width > 1 else ","


def _rows(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the entries of each row with the number of its line."""
    rows = []
    for number, line in enumerate(lines, 1):
        text = line.strip(" ") if delimiter == "\t" else line.strip()  # tabs alone are a row of nothing
        if text and not _COMMENT.match(text):
            reader = csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True)
            rows.append((number, next(reader)))
    return rows


def _is_name(entry: str) -> bool:
    """Whether an entry can stand in a header: no number, no mark of a missing one, nor a number with a slip in it."""
    # A first row of missing numbers must not pass for a header: a row of data would be lost in silence.
    name = entry.strip().removeprefix("#").strip()
    return name[:1].isidentifier() and name.lower() not in MISSING and not name.lower().startswith("nan(")


def _read_npy(path: Path, width: int, support: Support) -> list[Point]:
    # np.load opens archives under any name, and leaves broken ones open
    with path.open("rb") as file:
        beginning = file.read(len(NPY))
    if beginning[: len(ARCHIVE)] == ARCHIVE:
        raise _unreadable(path, "a NumPy file of one array, not an archive")
    try:
        if beginning != NPY:
            raise ValueError("it does not begin as such a file does")
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # maps no more than the file holds
    except (ValueError, EOFError, OverflowError, MemoryError, RecursionError, TokenError) as error:
        raise _unreadable(path, "a NumPy file of one array of numbers") from error
    # Integers stay as they are, of any size; floats of half precision and up are exact doubles, or refused.
    name = f"x, {path}"
    table = real_array(support.numbers(array), name)
    require_shape(table, name, ("N", width))
    require_finite(table, name)
    if table.dtype.kind == "f":
        table = finite_array(table, name, ("N", width))
    return [Point(tuple(map(Fraction, row)), tuple(map(repr, row))) for row in table.tolist()]


def _point(entries: Sequence[str], width: int, name: str, support: Support) -> Point:
    # The text is kept beside the number, so that a result shows what was typed.
    if len(entries) != width:
        numbers = "number" if width == 1 else "numbers"
        requirement = f"{width} {numbers}, one per decoder entry"
        raise ValueError(f"{name}: got {len(entries)} in {shown(','.join(entries))}; expected {requirement}")
    return Point(
        tuple(exact(_counted(entry, support), f"{name}[{j}]") for j, entry in enumerate(entries)),
        tuple(entry.strip() for entry in entries),
    )


def _counted(entry: str, support: Support) -> str | int:
    """Return 1 or 0 for a word such as True or FALSE where data are whole numbers; other entries as they are."""
    return BOOLEANS.get(entry.strip().lower(), entry) if support.whole else entry
