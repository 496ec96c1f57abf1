"""Points in files for ``elboproof evidence``: tables and arrays that are read exactly, or refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from elboproof.commands.evidence_input import build_model, read_points

TWO = build_model(["u", "v"], None, "1", bernoulli=False)
ROW = [(Fraction(1, 2), Fraction(3, 10))]
READABLE = {
    "tabs": "0.5\t0.3\n",
    "semicolons": "0.5;0.3",
    "blanks": "  0.5   0.3  \n",
    "quotes": '"0.5", "0.3"\n',
    "blank beside a comma": "0.5 ,\t0.3",
    "CRLF and BOM": "\ufefffirst,second\r\n0.5,0.3\r\n",
    "old line ends": "a,b\r0.5,0.3\r",
    "comments": "# made by u; v, w\n\n0.5,0.3\n#\n",
    "header with tabs": "u\tv\n0.5\t0.3",
    "header with a comma": '"u, here";v\n0.5;0.3',
    "header with blanks": "u v\n0.5 0.3",
    "header of NumPy": "#u,v\n0.5,0.3",
    "ratios": "1/2 ; 3/10",
}


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("name", ["x.csv", "X.CSV"])
def test_tables_are_read_right(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(READABLE[kind].encode())
    assert [point.values for point in read_points([str(tmp_path / name)], TWO)] == ROW


UNREADABLE = {
    "nan,nan\n0.5,0.3\n": r"line 1\[0\]: got 'nan'; expected an exact real number",
    "NA,NA\n0.5,0.3\n": r"line 1\[0\]: got 'NA'; expected an exact real number",
    "NaN\tinf\n1\t2": r"line 1\[0\]: got 'NaN'; expected",
    "-inf;+Infinity\n1;2": r"line 1\[0\]: got '-inf'; expected",
    "n/a,null\n1,2": r"line 1\[0\]: got 'n/a'; expected",
    "#N/A,#N/A\n1,2": r"line 1\[0\]: got '#N/A'; expected",
    "#DIV/0!,#NUM!\n1,2": r"line 1\[0\]: got '#DIV/0!'; expected",
    "nan(ind),None\n1,2": r"line 1\[0\]: got 'nan\(ind\)'; expected",
    "true,false\n1,2": r"line 1\[0\]: got 'true'; expected",
    "-,?\n1,2": r"line 1\[0\]: got '-'; expected",
    "name,NA\n1,2": r"line 1\[0\]: got 'name'; expected",
    "0.5x,0.3y\n1,2": r"line 1\[0\]: got '0.5x'; expected",
    "u,v\nnan,1\n": r"line 2\[0\]: got 'nan'; expected",
    ",\n0.5,0.3": r"line 1\[0\]: got ''; expected",
    "0.5,0.3\n,\n": r"line 2\[0\]: got ''; expected",
    "\t\n0.5\t0.3": r"line 1\[0\]: got ''; expected",
    "0,5;0,3\n": "expected one delimiter, a comma or a semicolon or a tab, and decimal points",
    "0,5\t0,3\n": "line 1: got 3 in .*; expected 2 numbers",
    "0,5 0,3\n": "line 1: got 3 in .*; expected 2 numbers",
    '"0,5","0,3"': r"line 1\[0\]: got '0,5'; expected",
    "0.5,0.3,\n": "line 1: got 3 in .*; expected 2 numbers",
    "0.5,0.3\n# 1\n\n1": "line 4: got 1 in '1'; expected 2 numbers",
    '"0.5,0.3\n1,2': "expected a text file of comma-separated numbers",
    "1e999999999,2": r"line 1\[0\]: got '1e999999999'; expected",
    "u,v\n": "expected at least one row of numbers",
    "": "expected at least one row of numbers",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_tables_that_cannot_be_read_with_certainty_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"x(, .*x\.csv |: got .*x\.csv'; ){UNREADABLE[text]}"):
        read_points([str(tmp_path / "x.csv")], TWO)


@pytest.mark.parametrize("text", ["0,5\n", "1;\n", "0.5 0.3", "nan\n1", "NA\n1"])
def test_tables_of_one_column_are_not_cut(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    one = build_model(["z"], None, "1", bernoulli=False)
    with pytest.raises(ValueError, match=r"x, .* line 1.*: got .*; expected"):
        read_points([str(tmp_path / "x.csv")], one)
    (tmp_path / "x.csv").write_text("my z\n\n1 / 3\n")
    assert [point.values for point in read_points([str(tmp_path / "x.csv")], one)] == [(Fraction(1, 3),)]


def save(array: object, file: Path) -> None:
    with file.open("wb") as stream:
        np.save(stream, array)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray([[0.5, 2.0], [3.0, 4.0]]),
        np.array([[0.5, 2.0], [3.0, 4.0]], np.float16),
        np.array([[0.5, 2.0], [3.0, 4.0]], ">f4"),
        np.array([[0.5, 2.0], [3.0, 4.0]], np.longdouble),
    ],
    ids=["Fortran order", "half", "big endian", "long double"],
)
def test_numpy_files_are_read_right(array: object, tmp_path: Path) -> None:
    save(array, tmp_path / "x.NPY")
    values = [point.values for point in read_points([str(tmp_path / "x.NPY")], TWO)]
    assert values == [(Fraction(1, 2), Fraction(2)), (Fraction(3), Fraction(4))]


def test_integers_of_numpy_files_are_exact(tmp_path: Path) -> None:
    save(np.array([[1, 2**60 + 1]]), tmp_path / "x.npy")
    (point,) = read_points([str(tmp_path / "x.npy")], TWO)
    assert point.values == (Fraction(1), Fraction(2**60 + 1))
    assert point.texts == ("1", str(2**60 + 1))


WRONG_ARRAYS = {
    "boolean": (np.ones((1, 2), bool), "expected real numbers"),
    "complex": (np.ones((1, 2), complex), "expected real numbers"),
    "record": (np.ones(2, [("a", float), ("b", float)]), "expected real numbers"),
    "text": (np.array([["0.1", "2"]]), "expected real numbers"),
    "time": (np.array([[1, 2]], "m8[ns]"), "expected real numbers"),
    "object": (np.array([[0.5, None]], object), "expected a NumPy file of one array of numbers"),
    "rounded": (np.array([[1, 1 / np.longdouble(3)]]), "expected numbers that float64 holds exactly"),
    "empty": (np.ones((0, 2)), r"got shape \(0, 2\); expected shape \(N, 2\)"),
}


@pytest.mark.parametrize("kind", WRONG_ARRAYS)
def test_numpy_files_of_other_things_are_refused(kind: str, tmp_path: Path) -> None:
    array, message = WRONG_ARRAYS[kind]
    save(array, tmp_path / "x.npy")
    with pytest.raises((TypeError, ValueError), match=rf"x.*: (got )?.*{message}"):
        read_points([str(tmp_path / "x.npy")], TWO)


def npy(head: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + body


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # NumPy leaves a file open
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no archive",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2), }\n"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }\n", bytes(16)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }\n", bytes(8)),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }\n", b"cos\nsystem\n(S'true'\ntR."),
        npy("(" * 9000),
    ],
    ids=["empty", "half an archive", "huge", "negative", "cut off", "pickle", "nested"],
)
def test_broken_numpy_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    wanted = ", not an archive" if content.startswith(b"PK") else " of numbers"
    with pytest.raises(ValueError, match=rf"x: got .*x\.npy'; expected a NumPy file of one array{wanted}"):
        read_points([str(tmp_path / "x.npy")], TWO)
