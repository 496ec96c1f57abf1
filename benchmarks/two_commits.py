"""The same calls on two commits, side by side: what a change of the sources costs.

    python benchmarks/two_commits.py --before f315c20            the working tree against that commit
    python benchmarks/two_commits.py --before f315c20 --write    and into benchmarks/README.md

Every row is a call of the public API. The two trees take turns, one process each, ``--rounds`` times; a process calls
each row once to warm up, then times it. Medians are compared. Rows under 50 ms are taken as one sum: single ones of
them vary by more than the 10 % that is asked about.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

from benchmarks import section

ROOT = Path(__file__).resolve().parents[1]
SHORT = 0.05
"""Seconds below which rows are summed."""
REPEATS = 3
"""Calls of a short row in one process; the least time counts."""
Row = tuple[str, Callable[[], Any]]


def _answer(call: Callable[[], Any]) -> Any:
    """Return what a call returns or raises: an undecided answer takes its time, too."""
    import elboproof as ep

    try:
        return call()
    except ep.Undecided as error:
        return error


def _evidences() -> Iterator[Row]:
    import numpy as np

    import elboproof as ep
    from elboproof.model.problem_decoders import softmax_average

    gaussian = ep.Gaussian(variance="1/100")
    for text, digits in (("sinh(z)", 10), ("sin(3*z) + z", 10), ("sinh(z)", 25)):
        model = ep.LatentModel("z", [text], gaussian)
        yield (
            f"log_evidence, {text}, {digits} digits",
            partial(ep.log_evidence, model, ["0.7"], digits),
        )
    line = ep.LatentModel("z", ["sinh(z)"], gaussian)
    many = np.linspace(-2, 2, 500)[:, None]
    yield "log_evidence, sinh(z), 500 x", lambda: ep.log_evidence(line, many, 10)
    for outputs, x in (
        (["u", "v + u**2"], ["0.7", "0.2"]),
        (["sin(u) + v", "u*v"], ["0.5", "0.3"]),
        (["tanh(u + v)", "tanh(u - 2*v)", "u"], ["0.5", "0.3", "0.1"]),
    ):
        model = ep.LatentModel(["u", "v"], outputs, gaussian)
        yield f"log_evidence, ({', '.join(outputs)})", partial(ep.log_evidence, model, x, 8)
    solid = ep.LatentModel(["a", "b", "c"], ["a", "b + a**2", "c + a*b"], gaussian)
    yield "log_evidence, chain of three latents", lambda: ep.log_evidence(solid, ["0.3", "0.2", "0.1"], 6)
    average = [text.strip() for text in softmax_average(50, 50).split(";")]
    points = ep.LatentModel(["a", "b"], average, gaussian)
    for digits in (6, 10):
        yield (
            f"log_evidence, softmax of 50 points, {digits} digits",
            partial(ep.log_evidence, points, ["0.4", "-0.3"], digits),
        )
    yield "log_evidence, network 2-16-16-10", lambda: ep.log_evidence(_network(), _image(), 6)


def _network() -> Any:
    import numpy as np
    import torch

    import elboproof as ep

    layers = [torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Tanh()]
    module = torch.nn.Sequential(*layers, torch.nn.Linear(16, 10)).double()
    rng = np.random.default_rng(3)
    for weights in module.parameters():  # as torch draws them, without its global seed
        reach = 1 / np.sqrt(weights.shape[-1])
        weights.data = torch.tensor(rng.uniform(-reach, reach, tuple(weights.shape)))
    return ep.LatentModel.from_torch(module, ep.Gaussian(variance="1/20"))


def _image() -> list[float]:
    return [0.1 * k - 0.4 for k in range(10)]


def _posteriors() -> Iterator[Row]:
    import elboproof as ep

    line = ep.LatentModel("z", ["tanh(2*z)"], ep.Gaussian(variance="1/25"))
    plane = ep.LatentModel(["u", "v"], ["u", "v + u**2"], ep.Gaussian(variance="1/100"))
    q = ep.GaussianPosterior(["0.6", "-0.1"], [["0.01", "-0.005"], ["-0.005", "0.02"]])
    yield "elbo, closed form", lambda: ep.elbo(plane, ["0.7", "0.2"], q)
    yield "elbo, tanh(2 z)", lambda: ep.elbo(line, ["0.7"], ep.GaussianPosterior("0.5", "0.02"))
    yield "elbo, network", lambda: ep.elbo(_network(), _image(), q, 6)
    yield "stationary_posterior, tanh(2 z)", lambda: ep.stationary_posterior(line, ["0.7"])
    yield "stationary_posterior, parabola", lambda: ep.stationary_posterior(plane, ["0.7", "0.2"])
    yield "gap, parabola", lambda: ep.gap(plane, ["0.7", "0.2"])
    yield "gap, tanh(2 z)", lambda: ep.gap(line, ["0.7"])
    yield "gap_law, parabola", lambda: ep.gap_law(plane, ["0.7", "0.2"])


def _theorems() -> Iterator[Row]:
    import elboproof as ep

    cubic, box = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"]), {"c": ("0", "0.3"), "v": ("0.01", "1")}
    square = ep.Gap("z", ["z**2"], "sigma**2", ["x"])
    sine = ep.Gap("z", ["a*sin(z) + b*z"], "v", ["1/2"])
    wide = {"a": ("0.2", "0.5"), "b": ("0.6", "0.8"), "v": ("0.1", "1")}
    yield "for_all, cubic <= .05", lambda: ep.for_all(cubic <= "0.05", box)
    between = square.between("0.6", "0.9")
    yield "for_all, square", lambda: ep.for_all(between, {"sigma": ("0.05", "0.3"), "x": ("0.6", "0.8")})
    yield "for_all, sine <= .05", lambda: ep.for_all(sine <= "0.05", wide)
    file = Path(tempfile.mkdtemp()) / "certificate.json"
    proof: Any = ep.for_all(cubic <= "0.05", box)
    proof.certificate.save(file)
    yield "recheck, cubic", lambda: ep.recheck(file)


def _decoders() -> Iterator[Row]:
    import numpy as np

    import elboproof as ep

    rng = np.random.default_rng(0)
    decoder = ep.OptimalDecoder(rng.normal(size=(5000, 2)), rng.normal(size=(5000, 64)), 0.05)
    z = rng.normal(size=(500, 2))
    yield "OptimalDecoder, 5,000 codes, 500 queries", lambda: decoder(z)
    yield "OptimalDecoder, Jacobians", lambda: decoder.jacobian(z[:50])
    yield "OptimalDecoder, Lipschitz bound", lambda: decoder.lipschitz_bound()
    small = ep.OptimalDecoder(rng.normal(size=(40, 2)), rng.normal(size=(40, 3)), 0.05)
    yield "OptimalDecoder, enclose", lambda: small.enclose(["1/3", "1/5"])


def rows() -> Iterator[Row]:
    """Yield the calls by name."""
    for group in (_evidences, _posteriors, _theorems, _decoders):
        yield from group()


def measure(small: bool) -> dict[str, float]:
    """Return the seconds of every row in this process."""
    found = {}
    for name, call in list(rows())[: 2 if small else None]:
        _answer(call)
        times = [_timed(call)]
        times += [_timed(call) for _ in range(REPEATS - 1) if times[0] < SHORT]
        found[name] = min(times)
    return found


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    _answer(call)
    return time.perf_counter() - start


def _measured(source: Path, small: bool) -> dict[str, float]:
    """Return `measure` of a process that imports the library from a folder of sources."""
    words = [sys.executable, __file__, "--rows", *(["--small"] if small else [])]
    environment = os.environ | {"PYTHONPATH": str(source)}
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - own words
    return dict(json.loads(found.stdout))


def _summed(times: dict[str, list[list[float]]]) -> dict[str, list[list[float]]]:
    """Return the rows with those that are short in both trees as one sum."""
    short = [name for name, pair in times.items() if max(map(median, pair)) < SHORT]
    kept = {name: pair for name, pair in times.items() if name not in short}
    if not short:
        return kept
    sums = [[sum(run) for run in zip(*(times[name][side] for name in short), strict=True)] for side in (0, 1)]
    return kept | {f"{len(short)} rows under {1000 * SHORT:.0f} ms, as one sum": sums}


def report(before: str, rounds: int, small: bool) -> str:
    """Return the table in Markdown."""
    times: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", "-q", str(tree), before], check=True)  # noqa: S603 - fixed words
        try:
            for turn in range(rounds):
                for side, source in enumerate((tree / "src", ROOT / "src")):
                    for name, seconds in _measured(source, small).items():
                        times.setdefault(name, [[], []])[side].append(seconds)
                print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)  # noqa: S603 - fixed words
    lines = [f"| call | {before}, s | now, s | ratio |", "|---|---:|---:|---:|"]
    for name, pair in _summed(times).items():
        first, second = map(median, pair)
        lines.append(f"| {name} | {first:.3f} | {second:.3f} | {second / first:.2f} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", metavar="COMMIT", help="the commit to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tree (default %(default)s)")
    parser.add_argument("--small", action="store_true", help="the first two rows: a smoke test")
    parser.add_argument("--write", action="store_true", help="replace the section in benchmarks/README.md")
    parser.add_argument("--rows", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.rows:
        print(json.dumps(measure(options.small)))
        return
    if options.before is None:
        parser.error("--before: got nothing; expected a commit")
    text = report(options.before, options.rounds, options.small)
    print(text)
    if options.write:
        section.write("two-commits", text)


if __name__ == "__main__":
    main()
