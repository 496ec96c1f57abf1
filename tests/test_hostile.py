"""Hostile text and files, made by Hypothesis: each is refused or read in little time, and none of it is run.

The fast tests try `FEW` of each kind, those of the slow tier `MANY`.
"""

import io
import json
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import elboproof as ep
from elboproof import networks
from elboproof.checking.clock import slowness
from elboproof.checking.collect import UsageError
from elboproof.checking.document import read_document
from elboproof.checking.finding import SEAL
from elboproof.checking.record_reading import read_record
from elboproof.checking.seal import bound, file_edits, with_digest
from elboproof.commands.evidence_input import read_points
from elboproof.networks import checkpoints
from elboproof.numbers.functions import WRITABLE
from elboproof.running.batches import prove_all
from elboproof.running.row_file import RowFile
from elboproof.running.rows import BOUNDS, Items, Row

FEW, MANY = 50, 500
SECONDS = 2.0
"""Of processor, on the machine on which limits were set, for one string or file."""
PROVED, EXACT = (
    Row(0.0, 1.0, None, "", 1),
    Row(0.0, 1.0, (Fraction(1, 3), Fraction(10**30 + 1, 10**30)), "", 1),
)
MODEL = ep.LatentModel("z", ["z"], ep.Gaussian("1/4"))

# -- what must not happen --

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "shutil.rmtree",
)
_watched: list[str] | None = None


def _hook(event: str, _: object) -> None:
    if _watched is not None and event in FORBIDDEN:
        _watched.append(event)


sys.addaudithook(_hook)  # hooks stay for the life of a process: this one looks only where it is asked to


@contextmanager
def nothing_is_run() -> Iterator[None]:
    """Fail if anything begins a process, connects, or deletes, or if it takes too long."""
    global _watched
    began, _watched = time.process_time(), []
    try:
        yield
    finally:
        seen, _watched = _watched, None
    assert seen == []
    assert time.process_time() - began < SECONDS * slowness()


def test_the_hook_sees_what_it_must() -> None:
    with pytest.raises(AssertionError, match=r"os\.system"), nothing_is_run():
        sys.audit("os.system", "true")


class Harm:
    """What a pickle of it does when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.audit, ("os.system", "harm")


def test_a_pickle_that_is_read_is_seen() -> None:
    with pytest.raises(AssertionError, match=r"os\.system"), nothing_is_run():
        pickle.loads(pickle.dumps(Harm()))  # noqa: S301 - our own


# -- strings --

CODE = (
    *(
        "__import__('os').system('true')",
        "open('x', 'w')",
        "().__class__.__bases__[0].__subclasses__()",
        "exec(z)",
    ),
    *(
        "z.__class__",
        "lambda: z",
        "sin.__globals__",
        "eval('1')",
        "{z}",
        "f'{z}'",
        "z\n;import os",
        "sin(z)#",
        "z@z",
    ),
)
NUMBERS = (
    *("0", "1", "2", "-1", "1/3", "0.1", "100", "1e300", "1e-300", "1e9999", "9" * 400, "0." + "3" * 300),
    *("1e1000000", "1e-99999999", "2**1000", "7**33", "(1/3)**100", "0**0", "1/0", "pi"),
)
SCRAPS = (
    *(
        "(",
        ")",
        "*",
        "**",
        "+",
        "-",
        "/",
        ",",
        "z",
        "1",
        "9e9",
        "sin",
        "exp(",
        "\0",
        "\n",
        "π",
        "ⅷ",
        "²",
        "１",
        "_",
    ),
    *("'", '"', "\\", "∞", "nan", "inf", "oo", "I", "E", "zoo", "lambda", "\ud800"),
)


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts that hold others, some of them many times."""
    ones = st.sampled_from(sorted(name for name, known in WRITABLE.items() if known.arity == 1))
    twos = st.sampled_from(sorted(name for name, known in WRITABLE.items() if known.arity == 2))
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "**-"]), inner).map(
            lambda t: f"({''.join(t)})"
        ),
        st.tuples(ones, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(twos, inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(ones, inner, st.integers(2, 70)).map(lambda t: f"{t[0]}(" * t[2] + t[1] + ")" * t[2]),
        st.tuples(inner, st.sampled_from([" + ", "*", "**", "/"]), st.integers(2, 200)).map(
            lambda t: t[1].join([t[0]] * t[2])[:12_000]
        ),
    )


WRITTEN = st.recursive(st.sampled_from(NUMBERS[:7]) | st.just("z"), deeper, max_leaves=8)
STRINGS = st.one_of(
    WRITTEN,
    WRITTEN,
    st.recursive(st.sampled_from(NUMBERS) | st.just("z") | st.just("u"), deeper, max_leaves=12),
    st.lists(st.sampled_from(SCRAPS), max_size=60).map("".join),
    st.sampled_from(CODE),
    st.tuples(WRITTEN, st.sampled_from(CODE)).map(" + ".join),
    st.text(max_size=200),
)


def read_string(text: str) -> None:
    """Make a model of a string, and prove its evidence for half a second."""
    with suppress(ValueError, ep.Undecided):
        model = ep.LatentModel("z", [text], ep.Gaussian("1/100"))
        ep.log_evidence(model, ["0.5"], 3, seconds=0.5)


# -- files --

ENDS = (
    "1e999999999",
    "-1e-999999999",
    "9" * 5000,
    "1/0",
    "0x1p99999",
    "nan",
    "inf",
    "",
    " ",
    "\0",
    "ⅷ",
    *CODE[:3],
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(ENDS),
    st.sampled_from(
        [None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), [], {}, [[]], {"a": None}]
    ),
    st.integers(1, 2000).map(lambda n: ["1"] * n),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the entries of a JSON value stand."""
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def with_value(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a JSON value with one entry of another value."""
    if not path:
        return value
    made = dict(content) if isinstance(content, dict) else list(content)
    made[path[0]] = with_value(content[path[0]], path[1:], value)
    return made


@st.composite
def changed_json(draw: st.DrawFn, content: Any) -> Any:
    """Return a JSON value with one to three entries of other values."""
    for _ in range(draw(st.integers(1, 3))):
        found = sorted(places(content), key=str)
        if found:
            content = with_value(content, draw(st.sampled_from(found)), draw(VALUES))
    return content


@st.composite
def changed_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Return bytes with some places cut, doubled or overwritten."""
    for _ in range(draw(st.integers(1, 4))):
        start, size = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        new = draw(
            st.sampled_from([b"", data[start : start + size] * 2, b"\xff" * size, b"[" * 20_000, b"9" * 5000])
        )
        data = data[:start] + draw(st.just(new) | st.binary(max_size=9)) + data[start + size :]
    return data


class Content(bytes):
    """What a file holds; a test that fails shows its beginning."""

    def __repr__(self) -> str:
        return f"{bytes(self[:2000])!r}"


@dataclass(frozen=True)
class Kind:
    """A kind of file: a whole one, who reads it, and what he may answer."""

    name: str
    whole: bytes
    read: Callable[[Path], object]
    expected: tuple[type[Exception], ...] = (ValueError, TypeError)
    lines: bool = False
    seal: Callable[[tuple[Any, ...]], bytes] = field(default_factory=lambda: _joined)
    more: Callable[[], st.SearchStrategy[bytes]] | None = None

    def files(self) -> st.SearchStrategy[bytes]:
        """Return changed files of this kind, and such as never were any."""
        other = st.one_of(
            st.binary(max_size=300),
            st.sampled_from([pickle.dumps(Harm()), b"[" * 100_000, b"", b"null", b"\0" * 999]),
        )
        kinds = [changed_bytes(self.whole), other, *([] if self.more is None else [self.more()])]
        if self.whole[:1] == b"{":
            kinds = [*self.of_json(), *kinds]
        return st.one_of(*kinds).map(Content)

    def of_json(self) -> list[st.SearchStrategy[bytes]]:
        """Return files whose entries are changed, sealed anew where lines have digests."""
        contents = [json.loads(line) for line in (self.whole.splitlines() if self.lines else [self.whole])]
        written = st.tuples(*[changed_json(one) | st.just(one) for one in contents])
        return [
            written.map(self.seal),
            written.map(_joined),
            changed_json(contents[0]).map(lambda one: _joined((one,))),
        ]


def _joined(contents: tuple[Any, ...]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in contents) + b"\n"


def _sealed_rows(contents: tuple[Any, ...]) -> bytes:
    from elboproof.running import row_file

    lines: list[Any] = [one.get("line") if isinstance(one, dict) else one for one in contents]
    return b"".join(row_file._sealed(line) + b"\n" for line in lines)


def _sealed_document(contents: tuple[Any, ...]) -> bytes:
    return _joined(tuple(map(_sealed, contents)))


def _sealed_record(contents: tuple[Any, ...]) -> bytes:
    head, *findings = contents
    made = [_sealed(head)]
    for one in findings:
        try:
            made.append(bound(one, head["environment"]))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            made.append(one)
    return _joined(tuple(made))


def _sealed(content: Any) -> Any:
    try:
        return with_digest(content)
    except (TypeError, AttributeError, ValueError):
        return content


def changed_state(data: bytes, *, sealed: bool = False) -> st.SearchStrategy[bytes]:
    """Return files of torch whose entries are changed, sealed anew or not."""
    state = torch.load(io.BytesIO(data), weights_only=True)

    def written(content: Any) -> bytes:
        whole = io.BytesIO()
        torch.save({**content, checkpoints.DIGEST: checkpoints.digest(content)} if sealed else content, whole)
        return whole.getvalue()

    if sealed:
        del state[checkpoints.DIGEST]
    return changed_json(state).map(written)


def _findings(path: Path) -> None:
    content, _ = read_document(path)
    list(file_edits(content))


def _resumed(path: Path) -> None:
    found = prove_all(
        lambda items, _: [PROVED for _ in items.each],
        Items(("a", "b")),
        BOUNDS,
        seconds=1.0,
        file=RowFile(path, {}),
    )
    assert [row.status for row in found] == ["", ""]


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds of files that the library reads."""
    with TemporaryDirectory() as folder:
        made = Path(folder) / "file"
        np.save(made.with_suffix(".npy"), np.array([[0.5], [0.7]]))
        with RowFile(made.with_suffix(".jsonl"), {}) as file:
            file.add({n: row.to_json() for n, row in enumerate((PROVED, EXACT))})
        ep.log_evidence(MODEL, ["0.5"], 3, certificate=made.with_suffix(".evidence"))
        x = np.random.default_rng(0).standard_normal((60, 2))
        networks.save(
            networks.train(x, latents=1, hidden=(4,), steps=5, checkpoint=made.with_suffix(".pt")), made
        )
        proofs = {
            name: ep.for_all(claim, {"c": ("0", "1/4")})
            for name, claim in {
                "gap": ep.Gap("z", ["c*z**3 + z"], "1", ["1"]) <= "1/2",
                "evidence bound": ep.LogEvidence("z", ["c*sin(z)"], "1", ["1"]) >= "-3",
            }.items()
        }
        whole = {path.suffix: path.read_bytes() for path in Path(folder).iterdir()}
    findings = json.loads(Path("paper_checks.json").read_text(encoding="utf-8"))
    places = [with_digest({"version": "1"})]
    some = [bound({**one, SEAL: {**one[SEAL], "environment": 0}}, places) for one in findings["findings"][:2]]
    document = with_digest({**findings, "findings": some, "environment": places})
    head = with_digest({"schema": findings["schema"], "claims": {}, "seed": 0, "environment": places})
    each = [
        Kind("npy", whole[".npy"], lambda path: read_points([str(path)], MODEL)),
        Kind("csv", b"x\n0.5\n0.7\n1/3\n", lambda path: read_points([str(path)], MODEL)),
        Kind("rows", whole[".jsonl"], _resumed, lines=True, seal=_sealed_rows),
        Kind("networks", whole[""], networks.load, more=partial(changed_state, whole[""], sealed=True)),
        Kind(
            "checkpoint",
            whole[".pt"],
            lambda path: networks.train(x, latents=1, hidden=(4,), steps=5, checkpoint=path),
            more=partial(changed_state, whole[".pt"]),
        ),
        Kind("findings", _joined((document,)), _findings, (UsageError,), seal=_sealed_document),
        Kind("record", _joined((head, *some)), read_record, (UsageError,), lines=True, seal=_sealed_record),
        Kind("evidence certificate", whole[".evidence"], ep.recheck, (ep.CertificateError,)),
    ]
    for name, proof in proofs.items():
        assert isinstance(proof, ep.Proof)
        text = proof.certificate.to_json().encode()
        each.append(Kind(f"{name} certificate", text, ep.recheck, (ep.CertificateError,)))
    return {kind.name: kind for kind in each}


NAMES = (
    *("npy", "csv", "rows", "networks", "checkpoint", "findings", "record"),
    *("evidence certificate", "gap certificate", "evidence bound certificate"),
)
ENDINGS = {"npy": ".npy", "csv": ".csv"}


def try_strings(count: int) -> None:
    """Read so many strings."""
    read_string("sinh(z)")  # what is imported and compiled once is no string's time

    @_examples(count)
    @given(STRINGS)
    def each(text: str) -> None:
        with nothing_is_run():
            read_string(text)

    each()


def try_files(name: str, count: int, folder: Path) -> None:
    """Read so many files of a kind."""
    kind = kinds()[name]
    path = folder / f"file{ENDINGS.get(name, '')}"
    path.write_bytes(kind.whole)
    kind.read(path)

    @_examples(count)
    @given(kind.files())
    def each(data: bytes) -> None:
        path.write_bytes(data)
        with nothing_is_run(), suppress(*kind.expected):
            kind.read(path)

    each()


def _examples(count: int) -> Callable[[Any], Any]:
    # what fails is shown as it is: to shrink what takes long takes very long
    phases = (Phase.explicit, Phase.generate)
    return settings(
        max_examples=count,
        phases=phases,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_strings_are_refused_or_read() -> None:
    try_strings(FEW)


@pytest.mark.slow
def test_many_strings_are_refused_or_read() -> None:
    try_strings(MANY)


def test_every_kind_of_file_is_tried() -> None:
    assert set(kinds()) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_refused_or_read(name: str, tmp_path: Path) -> None:
    try_files(name, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_files_are_refused_or_read(name: str, tmp_path: Path) -> None:
    try_files(name, MANY, tmp_path)
