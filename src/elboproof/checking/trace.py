"""The traceback of a check that raised, for the eyes of whoever ran it: it holds paths and is no part of a finding."""

import traceback
from pathlib import Path

FRAMES = 30
"""Frames that are kept."""


def trace(error: BaseException) -> str:
    """Return the traceback of an error in a check, without the frames of the process that ran it."""
    frames = traceback.extract_tb(error.__traceback__)
    runner = str(Path(__file__).parent / "worker.py")
    while frames and frames[0].filename == runner:
        frames.pop(0)
    # The innermost calls are kept, as a recursion without end has a thousand.
    lines = [f"... {len(frames) - FRAMES} frames"] if len(frames) > FRAMES else []
    lines += [line.rstrip() for line in traceback.format_list(frames[-FRAMES:])]
    return "\n".join(lines)
