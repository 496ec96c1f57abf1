"""Runs that are killed: whatever the moment, the same command ends with the same numbers."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elboproof import networks
from elboproof.networks.checkpoints import read, write
from elboproof.networks.settings import Request
from elboproof.networks.training import prepared, train
from tests.killing import child, ended

STEPS, EVERY = 120, 10
MOMENTS = 6
"""Random ones, besides those inside the writing of a checkpoint."""
DIGITS = networks.digits()
SMALL: dict[str, Any] = {"latents": 2, "hidden": (16,), "every": EVERY, "batch": 64}


def run(checkpoint: Path | None, variant: str = "bilbo-baggins", **options: Any) -> networks.Trained:
    words: dict[str, Any] = {"steps": STEPS, **SMALL, **options}
    return train(DIGITS, variant=variant, checkpoint=checkpoint, **words)


def numbers(trained: networks.Trained) -> tuple[object, ...]:
    state = {name: value.numpy().tobytes() for name, value in trained.networks.state_dict().items()}
    return state, trained.curve, trained.step, trained.stopped, trained.variance, dict(trained.terms)


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    # a fork has none of the threads of its parent, and would wait for them
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("variant", ["bilbo-baggins", "vae-learned", "sigma-vae-shared"])
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(variant: str, tmp_path: Path) -> None:
    wanted = numbers(run(None, variant))  # the first run of a process takes longer than the others
    began = time.monotonic()
    assert numbers(run(None, variant)) == wanted
    length = time.monotonic() - began
    file, rng, kills = tmp_path / "run.pt", random.Random(variant), 0  # noqa: S311
    for _ in range(MOMENTS):
        process = child(lambda: run(file, variant))
        time.sleep(rng.uniform(0, length / 2))
        os.kill(process, signal.SIGKILL)
        kills += ended(process) == signal.SIGKILL
    assert kills >= 1
    assert numbers(run(file, variant)) == wanted


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["half written", "not flushed", "not renamed", "renamed"])
def test_a_run_that_is_killed_while_it_writes_ends_with_the_same_numbers(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = numbers(run(None))
    file = tmp_path / "run.pt"
    for count in (1, 3):
        killed = child(partial(killed_in, moment, count, file, monkeypatch))
        assert ended(killed) == signal.SIGKILL
        assert file.exists() == (count > 1 or moment == "renamed")
    assert numbers(run(file)) == wanted


def killed_in(moment: str, count: int, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run, and die in a moment of the writing of a checkpoint, the first or a later one."""
    save, fsync, replace = torch.save, os.fsync, Path.replace
    writes = 0

    def saved(state: object, stream: object) -> None:
        nonlocal writes
        writes += 1
        save(state, stream)  # type: ignore[arg-type]

    def flushed(descriptor: int) -> None:
        if moment == "half written" and writes == count:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        if moment == "not flushed" and writes == count:
            die()
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        if moment == "not renamed" and writes == count:
            die()
        result = replace(self, target)
        if moment == "renamed" and writes == count:
            die()
        return result

    monkeypatch.setattr(torch, "save", saved)
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    run(file)


class StopError(Exception):
    pass


@pytest.mark.parametrize("variant", sorted(networks.VARIANTS))
def test_every_variant_goes_on_from_every_checkpoint(variant: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"steps": 30, "every": 7}
    wanted = numbers(run(None, variant, **options))

    def stop(progress: networks.Progress) -> None:
        if progress.step % 30:
            raise StopError

    file = tmp_path / "run.pt"
    stops = 0
    while True:
        try:
            found = run(file, variant, progress=stop, **options)
        except StopError:
            stops += 1
            continue
        break
    assert stops == 4
    assert numbers(found) == wanted


def test_convolutions_and_early_stopping_go_on(tmp_path: Path) -> None:
    options: dict[str, Any] = {"architecture": "conv", "steps": 60, "patience": 1, "learning_rate": 0.05}
    wanted = run(None, **options)
    assert wanted.stopped.startswith("no gain")
    file = tmp_path / "run.pt"
    others: dict[str, Any] = {"activation": "silu", "variant": "bilbo-baggins", "seed": 0}
    prepared(DIGITS, Request(**{**SMALL, **others, **options}), file)
    assert not file.exists()
    assert numbers(run(file, **options)) == numbers(wanted)
    assert numbers(run(file, **options)) == numbers(wanted)  # a run that has ended is told again


def test_a_lost_generator_would_be_seen(tmp_path: Path) -> None:
    """A checkpoint whose noise or optimiser is that of another step gives other numbers: the comparison can fail."""
    wanted = numbers(run(None))
    for key in ("noise", "optimiser", "batches"):
        states: list[dict[str, Any]] = []

        def keep(progress: networks.Progress, states: list[dict[str, Any]] = states, key: str = key) -> None:
            states.append(read(tmp_path / f"{key}.pt"))
            if progress.step == 50:
                raise StopError

        file = tmp_path / f"{key}.pt"
        with pytest.raises(StopError):
            run(file, progress=keep)
        early, late = states[1], states[-1]
        write(file, {**late, key: early[key]})
        assert numbers(run(file)) != wanted


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    run(file, steps=10)
    with pytest.raises(ValueError, match="of a run with steps 10; expected steps 20, or another file"):
        run(file, steps=20)
    with pytest.raises(ValueError, match="of a run with seed 0; expected seed 1"):
        run(file, steps=10, seed=1)
    other = networks.Splits("other", DIGITS.train[::-1].copy(), DIGITS.validation, DIGITS.test)
    with pytest.raises(ValueError, match=r"of a run with train data \(1197, 64\)"):
        train(other, latents=2, hidden=(16,), steps=10, every=EVERY, batch=64, checkpoint=file)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    file.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"checkpoint: got .*run\.pt; expected a file that this command wrote"
    ):
        run(file)


def test_a_checkpoint_that_would_execute_something_is_refused(tmp_path: Path) -> None:
    file, mark = tmp_path / "run.pt", tmp_path / "executed"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (mark,)

    torch.save({"request": {}, "x": Hostile()}, file)
    with pytest.raises(ValueError, match="expected a file that this command wrote, whole"):
        run(file)
    assert not mark.exists()
    torch.load(file, weights_only=False)
    assert mark.exists()  # it would have


def test_a_trained_record_is_kept_in_a_file(tmp_path: Path) -> None:
    trained = run(None, steps=10)
    networks.save(trained, tmp_path / "networks.pt")
    found = networks.load(tmp_path / "networks.pt")
    assert numbers(found) == numbers(trained)
    assert found.settings == trained.settings
    assert dict(found.versions) == dict(trained.versions)
    for a, b in zip(found.encode(DIGITS.test), trained.encode(DIGITS.test), strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(found.decode([[0.1, 0.2]]), trained.decode([[0.1, 0.2]]))
    assert found.objective(DIGITS.test) == trained.objective(DIGITS.test)


def test_a_checkpoint_is_no_trained_record(tmp_path: Path) -> None:
    run(tmp_path / "run.pt", steps=10)
    with pytest.raises(ValueError, match=r"path: got .*; expected a file that `save` wrote"):
        networks.load(tmp_path / "run.pt")
    with pytest.raises(ValueError, match=r"path: got .*; expected a file in a folder that exists"):
        networks.save(run(None, steps=10), tmp_path / "none" / "networks.pt")
