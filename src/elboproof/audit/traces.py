"""The traceback of what a user's code raised, without the frames of the audit that called it."""

import traceback
from pathlib import Path
from types import TracebackType

HERE = str(Path(__file__).parents[1])


def trace_of(error: BaseException) -> str:
    """Return the traceback as text, from the first frame outside of this package on; all of it if there is none."""
    first = error.__traceback__
    while first is not None and _own(first):
        first = first.tb_next
    shown = error.__traceback__ if first is None else first
    return "".join(traceback.format_exception(type(error), error, shown))


def _own(one: TracebackType) -> bool:
    file = one.tb_frame.f_code.co_filename
    return file.startswith((HERE, "<frozen importlib"))
