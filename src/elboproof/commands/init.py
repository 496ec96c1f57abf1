"""``elboproof init``: a folder with one claim, its figure and its tests, to begin a paper of one's own with.

What it writes lies in ``commands/paper``, each file with ``.txt`` at the end of its name: so neither Python nor any
tool takes them for code of the library.
"""

from pathlib import Path

from elboproof.arguments import bad
from elboproof.checking.collect import UsageError

TEMPLATES = Path(__file__).parent / "paper"
SUFFIX = ".txt"


def main(folder: Path) -> int:
    """Run the command with what its options say."""
    for path in start_paper(folder):
        print(f"{path}: written")
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print(f"next: {where}elboproof verify && elboproof figures && pytest")
    return 0


def start_paper(folder: Path) -> list[Path]:
    """Write the files of a new paper, and return their paths.

    Raises
    ------
    UsageError
        If the folder is no folder, is not empty, or cannot be written to. Nothing of what was there is changed.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(str(bad("FOLDER", str(folder), "a new or an empty folder, not a file")))
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(str(bad("FOLDER", str(folder), "a new or an empty folder; this one has files")))
    templates = sorted(path for path in TEMPLATES.rglob(f"*{SUFFIX}") if path.is_file())
    paths = [folder / path.relative_to(TEMPLATES).with_suffix("") for path in templates]
    try:
        for template, path in zip(templates, paths, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(template.read_bytes())
    except OSError as error:
        raise UsageError(f"FOLDER: got {error}; expected a folder to write to") from error
    return paths
