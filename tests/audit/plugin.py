"""Runs of pytest in a process of its own, which finds the plugin as that of an installed package."""

import subprocess
import sys
import tomllib
from pathlib import Path

import elboproof

ROOT = Path(__file__).parents[2]
SOURCE = str(Path(elboproof.__file__).parents[1])


def declared() -> dict[str, str]:
    """Return the pytest plugins that the package declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = project["entry-points"]["pytest11"]
    return found


def pytest_run(folder: Path, *words: str, ini: str = "") -> str:
    """Return what a run in a folder prints; the package's metadata stand in it, as where it is installed."""
    metadata = folder / "elboproof-0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: elboproof\nVersion: 0\n", encoding="utf-8"
    )
    points = "".join(f"{name} = {module}\n" for name, module in declared().items())
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{points}", encoding="utf-8")
    (folder / "own.ini").write_text(f"[pytest]\n{ini}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(folder / "own.ini")]
    run = subprocess.run(  # noqa: S603
        [*command, "--rootdir", str(folder), *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            "PYTHONPATH": f"{SOURCE}:{ROOT}:{folder}",
            "PATH": "",
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        },
    )
    return run.stdout + run.stderr
