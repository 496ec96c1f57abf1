"""The command ``elboproof train``: networks of a variant, trained on a file or a known data set."""

import csv
import io
import json
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from elboproof.arguments import bad
from elboproof.files import replace_text
from elboproof.networks.datasets import digits, mnist
from elboproof.networks.records import TrainingError
from elboproof.networks.saving import save
from elboproof.networks.settings import Request
from elboproof.networks.splits import Splits, split
from elboproof.networks.trained import Trained
from elboproof.networks.training import Training, prepared
from elboproof.networks.variants import Variant, variant_of

TRAINED, NOT_FINITE, USAGE = 0, 1, 4


def main(data: str, out: Path, **words: Any) -> int:
    """Train, print how it goes, write into the folder, and return the exit code."""
    # only what was typed can be wrong up to here; a ValueError of the loop is a defect, and keeps its traceback
    try:
        training = _request(data, out, words)
    except (TypeError, ValueError, OSError) as error:
        print(f"elboproof train: error: {error}", file=sys.stderr)
        return USAGE
    try:
        trained = training.go(lambda progress: print(progress, flush=True))
    except TrainingError as error:
        print(f"elboproof train: {error}", file=sys.stderr)
        return NOT_FINITE
    _write(trained, out)
    print(_summary_text(trained, out))
    return TRAINED


def _request(data: str, out: Path, words: Mapping[str, Any]) -> Training:
    splits = _splits(data, words["seed"])
    out.mkdir(parents=True, exist_ok=True)
    given = {**words, "variant": _variant(words["variant"], words["bits"]), "hidden": _sizes(words["hidden"])}
    del given["bits"]
    given["patience"] = words["patience"] or None
    return prepared(splits, Request(**given), out / "checkpoint.pt")


def _variant(name: str, bits: float | None) -> Variant:
    variant = variant_of(name)
    if bits is None:
        return variant
    if not variant.bounded:
        raise bad("bits", bits, f"none: {name} has no bounded likelihood")
    return replace(variant, bits=bits)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise bad("hidden", text, "sizes such as 128,64") from error


def _splits(data: str, seed: int) -> Splits:
    if data == "digits":
        return digits(seed=seed)
    name, colon, path = data.partition(":")
    if name == "mnist":
        return mnist(path if colon else None, seed=seed)
    return split(_table(Path(data)), seed=seed, name=Path(data).name)


def _table(file: Path) -> Any:
    """Return the array of a file; text that is no number is an error, and so is a pickle inside a .npy file."""
    if file.suffix not in (".npy", ".csv"):
        raise bad("data", str(file), "digits, mnist, mnist:PATH, or a .npy or .csv file")
    if not file.is_file():
        raise bad("data", str(file), "a file; there is none of that name")
    try:
        if file.suffix == ".npy":
            return np.load(file, allow_pickle=False)
        with warnings.catch_warnings():  # of a file without numbers: its shape is refused
            warnings.simplefilter("ignore", UserWarning)
            return np.loadtxt(file, delimiter=",", ndmin=2, comments="#")
    except (ValueError, EOFError, BadZipFile) as error:
        if file.suffix == ".npy":  # NumPy's own words advise to load what is pickled
            raise bad("data", str(file), "a NumPy array of numbers, without pickled objects") from error
        raise bad("data", str(file), f"rows of as many numbers each ({error})") from error


def _write(trained: Trained, out: Path) -> None:
    save(trained, out / "networks.pt")
    curve = io.StringIO(newline="")
    table = csv.writer(curve)
    table.writerow(("step", "objective", "likelihood", "rate"))
    for point in trained.curve:
        terms = point.terms
        table.writerow((point.step, terms.objective, terms.likelihood, terms.rate))
    replace_text(out / "curve.csv", curve.getvalue())
    replace_text(out / "summary.json", json.dumps(_summary(trained), indent=2) + "\n")


def _summary(trained: Trained) -> dict[str, Any]:
    return {
        "schema": 1,
        "settings": asdict(trained.settings),
        "step": trained.step,
        "stopped": trained.stopped,
        "terms": {
            name: {"objective": terms.objective, "likelihood": terms.likelihood, "rate": terms.rate}
            for name, terms in trained.terms.items()
        },
        "variance": trained.variance,
        "variance_factor": trained.variance_factor,
        "prior_variance": trained.prior_variance.tolist(),
        "scale": trained.constants.scale,
        "versions": dict(trained.versions),
    }


def _summary_text(trained: Trained, out: Path) -> str:
    lines = [f"{trained.stopped}; parameters of step {trained.step}, written to {out}"]
    for name, terms in trained.terms.items():
        lines.append(
            f"{name}: objective {terms.objective:.6g} = likelihood {terms.likelihood:.6g} - rate {terms.rate:.6g} nats"
        )
    return "\n".join(lines)
