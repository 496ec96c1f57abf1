"""A model that is written in a Python file: ``my_model.py:model``."""

import re
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from elboproof.arguments import bad, wrong_type
from elboproof.model.latent_model import LatentModel

WORD = re.compile(r"(?P<path>.+\.py):(?P<name>[^\W\d]\w*)")
MODULE = "elboproof_model_file"


class CouldNotRunError(ValueError):
    """The file's own code raised; its traceback was shown."""


def names_a_file(words: list[str] | tuple[str, ...]) -> bool:
    """Whether the decoder is one word of the form FILE.py:NAME."""
    return len(words) == 1 and WORD.fullmatch(words[0].strip()) is not None


def model_in(word: str) -> LatentModel:
    """Return the model of that name in a file, whose code is run.

    Raises
    ------
    CouldNotRunError
        If the code raises.
    ValueError, TypeError
        If there is no such file, no such name, or it is no model.
    """
    found = WORD.fullmatch(word.strip())
    if found is None:
        raise bad("decoder", word, "the form FILE.py:NAME")
    path, name = Path(found["path"]), found["name"]
    if not path.is_file():
        raise bad("decoder", word, f"a file; there is none at {path}")
    module = vars(_run(path))
    if name not in module:
        raise bad("decoder", word, f"a name that {path} has")
    model = module[name]
    if not isinstance(model, LatentModel):
        raise wrong_type(
            f"decoder, {word}", model, "an ep.LatentModel; of a network ep.LatentModel.from_torch makes one"
        )
    return model


def _run(path: Path) -> object:
    spec = spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise bad("decoder", str(path), "a Python file")
    module = module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses of the file look for their module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        raise CouldNotRunError(f"{path}: could not run") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module
