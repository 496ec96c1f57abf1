"""Certificates tampered with entry by entry: a `CertificateError`, or a statement that is true."""

import copy
import json
import re
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from elboproof.numbers.parser import parse
from elboproof.rechecking.document import LARGEST_FILE
from elboproof.statements import Elbo, Gap, Statement

CUBIC = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"])
NARROW = {"c": ("0", "0.3"), "v": ("0.5", "1")}
STATEMENTS: dict[str, tuple[Statement, Any]] = {
    "ELBO": (
        ep.Elbo("z", ["z + c*z**3"], "v", ["7/10"], ep.GaussianPosterior("0.4", "0.2")).between(-20, "-0.5"),
        NARROW,
    ),
    "evidence": (
        ep.LogEvidence("z", ["tanh(z)"], "1/w", ["y"]) >= -3,
        {"y": ("-1/2", "1/2"), "w": ("1", "9")},
    ),
    "gap": (CUBIC <= "0.1", NARROW),
    "two latents": (
        ep.Gap(["a", "b"], ["a*b"], "v", ["x"]) <= "0.3",
        {"x": ("0.6", "0.8"), "v": ("0.5", "1")},
    ),
    "functions of two": (
        ep.Gap(["a", "b"], ["sin(a) + b", "tanh(b)"], "v", ["x", "1/3"]) <= "0.3",
        {"x": ("0.6", "0.8"), "v": ("0.5", "1")},
    ),
    "gap from below": (
        ep.Gap("z", ["z**2"], "sigma**2", ["x"]).between("0.6", "0.9"),
        {"sigma": ("0.2", "0.3"), "x": ("0.6", "0.8")},
    ),
    "cut off": (
        ep.LogEvidence("z", ["z + c*z**2"], "v", ["1/2"]).between(-3, 0),
        {"c": ("0", "1/10"), "v": ("1/10", "1")},
    ),
}
QUICK = ("ELBO", "evidence")
NUMBERS = [
    "1e9999",
    "-1e9999",
    "1e-9999",
    "9e9999/7",
    "1e999999999",
    "1e-999999999",
    "9" * 1999,
    "1e300",
    "1e-300",
]
TEXTS = ["nan", "inf", "", "1/0", "0", "-1", "2", "0x1", "٣", "\ud800", "a" * 100]
EXPRESSIONS = [
    "10**10**10",
    "z**1000",
    "((z+c+v)**30)**20",
    "exp(" * 50 + "z" + ")" * 50,
    "__import__('os')",
    "1/z",
]
OTHERS: list[Any] = [None, True, 1.5, 10**400, [], {}, [["1"]], {"mean": ["0"]}]
LONGEST = 20.0
"""Seconds for one tampered certificate; the slowest took 2 on one core of 2020."""
Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module")
def contents() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, (statement, box) in STATEMENTS.items():
        answer = ep.for_all(statement, box)
        assert isinstance(answer, ep.Proof), answer
        made[name] = json.loads(answer.certificate.to_json())
    return made


def places(content: Any, place: Path_ = ()) -> Iterator[Path_]:
    """Yield the place of every entry; of long lists the first, a middle and the last one."""
    yield place
    entries: Any = content.items() if isinstance(content, dict) else ()
    if isinstance(content, list):
        kept = sorted({0, len(content) // 2, len(content) - 1}) if content else []
        entries = [(k, content[k]) for k in kept]
    for key, entry in entries:
        yield from places(entry, (*place, key))


def tampered(content: Any, place: Path_) -> Iterator[Any]:
    """Yield the content with one entry replaced, left out, or doubled."""
    for value in (*NUMBERS, *TEXTS, *EXPRESSIONS, *OTHERS):
        yield changed(content, place, lambda holder, key, value=value: holder.__setitem__(key, value))
    yield changed(content, place, lambda holder, key: holder.__delitem__(key))
    yield changed(content, place, double)


def double(holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder["another"] = copy.deepcopy(holder[key])


def changed(content: Any, place: Path_, change: Any) -> Any:
    whole = [copy.deepcopy(content)]
    holder: Any = whole
    key: Any = 0
    for step in place:
        holder, key = holder[key], step
    change(holder, key)
    return whole[0] if whole else None


def implied(found: Statement, true: Statement) -> bool:
    """Whether a statement follows from a proved one; a gap is never negative."""
    least: Fraction | None = true.lower
    if isinstance(true.quantity, Gap):
        least = max(least or Fraction(0), Fraction(0))
    below = found.lower is None or (least is not None and found.lower <= least)
    above = found.upper is None or (true.upper is not None and found.upper >= true.upper)
    return found.quantity == true.quantity and below and above


def holds_at_points(found: Statement, box: dict[str, list[str]]) -> bool:
    """Whether a statement holds at the corners and the centre of a box, by the quantities' other routes."""
    sides = [[Fraction(low), Fraction(high)] for low, high in box.values()]
    points = [*product(*sides), tuple((low + high) / 2 for low, high in sides)]
    return all(holds_at(found, dict(zip(box, point, strict=True))) for point in points)


def holds_at(found: Statement, point: dict[str, Fraction]) -> bool:
    quantity = found.quantity

    def at(text: str) -> str:
        for name, value in point.items():
            text = re.sub(rf"\b{name}\b", f"({value})", text)
        return text

    decoder, variance = [at(f) for f in quantity.decoder], str(parse(at(quantity.variance), {}))
    x = [str(parse(at(value), {})) for value in quantity.x]
    model = ep.LatentModel(list(quantity.latent), decoder, ep.Gaussian(variance))
    if isinstance(quantity, Elbo):
        value = ep.elbo(model, x, quantity.q, 6)
    else:
        value = ep.gap(model, x, 4) if isinstance(quantity, Gap) else ep.log_evidence(model, x, 6)
    above = found.upper is None or Fraction(float(value.lower)) <= found.upper
    return above and (found.lower is None or Fraction(float(value.upper)) >= found.lower)


def require_sound(content: Any, true: Statement, file: Path) -> bool:
    """Recheck; return whether it was refused."""
    file.write_text(json.dumps(content))
    began = time.monotonic()
    found, refusal = None, ""
    try:
        found = ep.recheck(file)
    except ep.CertificateError as error:
        refusal = str(error)
    assert time.monotonic() - began < LONGEST
    assert "Exceeds the limit" not in refusal, "the requirement is named, not a limit of Python"
    if found is not None:
        assert isinstance(found, Statement)
        assert implied(found, true) or holds_at_points(found, content["box"]), (found, content["statement"])
    return found is None


@pytest.mark.parametrize(
    ("name", "stride"),
    [(name, 7) for name in QUICK]
    + [
        pytest.param(name, {"gap from below": 5, "functions of two": 11}.get(name, 1), marks=pytest.mark.slow)
        for name in STATEMENTS
    ],
)
def test_every_entry_tampered_with(name: str, stride: int, contents: dict[str, Any], tmp_path: Path) -> None:
    content, true = contents[name], STATEMENTS[name][0]
    others = [other for place in places(content) for other in tampered(content, place)][::stride]
    refused = [require_sound(other, true, tmp_path / "c.json") for other in others]
    assert len(refused) > 1000 / stride
    assert sum(refused) > 0.85 * len(refused), "else the tampering changes nothing"


TAMPERED_NUMBERS: list[tuple[Path_, str, str]] = [
    (
        ("leaves", 0, "bounds", 1),
        "1e9999",
        r"leaves\[0\].bounds: got '1e9999'; .* of at most 14000 bits",
    ),
    (("leaves", 0, "box", 0, 0), "1e-9999", r"leaves\[0\].box: got '1e-9999'; expected a number of at most"),
    (("statement", "upper"), "1e9999", r"statement.upper: got '1e9999'; expected a number of at most"),
    (("integrals", 0, "bounds", 0), "-1e9999", r"integrals\[0\].bounds: got '-1e9999'; expected a number of"),
    (("integrals", 0, "theta", 0), "9e9999/7", r"integrals\[0\].theta: got '9e9999/7'; expected a number of"),
    (
        ("leaves", 0, "posterior", "mean", 0),
        "1e9999",
        r"leaves\[0\].posterior: got '1e9999'; expected a number",
    ),
    (("box", "c", 1), "1e9999", r"box\['c'\]: got '1e9999'; expected a number of at most 10000 bits"),
    (
        ("leaves", 0, "bounds", 1),
        "1e999999999",
        r"leaves\[0\].bounds: got '1e999999999'; expected an exact real",
    ),
]


@pytest.mark.parametrize(("place", "text", "message"), TAMPERED_NUMBERS)
def test_numbers_too_long_to_write_are_named(
    place: Path_, text: str, message: str, contents: dict[str, Any], tmp_path: Path
) -> None:
    other = changed(contents["gap"], place, lambda holder, key: holder.__setitem__(key, text))
    (tmp_path / "c.json").write_text(json.dumps(other))
    with pytest.raises(ep.CertificateError, match=message):
        ep.recheck(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "file: got what is no JSON"),
        (b"\xff\xfe\x00", "file: got what is no JSON"),
        (b'\xef\xbb\xbf{"schema": 1}', "file: got what is no JSON"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "file: got what is no JSON"),
        (b'{"a":' * 100_000, "file: got what is no JSON"),
        (b'{"schema": Infinity}', "file: got the number Infinity; expected finite numbers"),
        (
            b'{"schema": 1, "schema": 1}',
            "file: got the name 'schema' twice in one object; expected distinct names",
        ),
        (b"[" * 900 + b"]" * 900, r"schema: got .*; expected 'elboproof.for_all/1'"),
    ],
    ids=["empty", "other bytes", "BOM", "long number", "deep", "infinity", "twice", "nested"],
)
def test_bytes_that_are_no_certificate(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(data)
    with pytest.raises(ep.CertificateError, match=message):
        ep.recheck(tmp_path / "c.json")


def test_a_name_that_occurs_twice_deep_inside(contents: dict[str, Any], tmp_path: Path) -> None:
    """The reader of a certificate may see the first upper bound, where the check sees the second."""
    text = json.dumps(contents["gap"]).replace('"upper": "1/10"', '"upper": "1/100", "upper": "1/10"', 1)
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ep.CertificateError, match="file: got the name 'upper' twice"):
        ep.recheck(tmp_path / "c.json")


def test_a_file_without_end_is_not_read_to_the_end() -> None:
    with pytest.raises(ep.CertificateError, match=f"file: got more than {LARGEST_FILE} bytes; expected"):
        ep.recheck("/dev/zero")
