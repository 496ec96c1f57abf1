"""Every script of ``examples/`` runs on its own, prints what it is about, and writes the files that it names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples"
PRINTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "audit_a_vae.py": (("correct: ok is True, failed []", "broken: ok is False, failed ['gradient']"), ()),
    "batch_with_resume.py": (("cut short: 40 of 40 rows", "mean log p(x) = -5.23638"), ("rows.jsonl",)),
    "evidence_of_your_decoder.py": (("log p(x) = -1.99921", "only bounded"), ("cells.png",)),
    "gap_of_a_trained_vae.py": (
        ("Decomposition of log p(x) - ELBO, 4 rows", "KL of the encoder's q"),
        ("gap.png", "posterior.png"),
    ),
    "swap_the_loss.py": (("elbo  ", "bilbo  ", "bilbo_baggins  "), ()),
    "theorem_over_a_box.py": (
        ("proved: gap <= 1/10", "\ngap <= 1/10\n", "refuted: gap <= 1/100"),
        ("certificate.json", "leaves.png"),
    ),
    "your_own_claim.py": (("S1 entropy: holds", "S2 sign: holds", "false neighbour, rejected"), ()),
}
"""What each prints, and the files that it writes."""


def test_every_example_is_run() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.py")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    texts, files = PRINTED[name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-W", "error", str(FOLDER / name)]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr
    assert [text for text in texts if text not in run.stdout] == []
    assert "NOT rejected" not in run.stdout
    assert [file for file in files if not (tmp_path / file).stat().st_size] == []


def test_every_example_says_what_it_is_for() -> None:
    for name, (_, files) in PRINTED.items():
        text = (FOLDER / name).read_text()
        assert f"python examples/{name}\n" in text
        assert all(file in text.partition('"""\n')[0] for file in files)
