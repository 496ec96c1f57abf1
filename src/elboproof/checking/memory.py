"""What a check's process holds of the memory, and whom the system ends when there is none left.

Linux answers in ``/proc``; where it does not, nothing is done and nothing is told.
"""

import contextlib
import os
from pathlib import Path

OFFERED = 500
"""Added to the system's score, the thousandths of the memory that a process holds: a check is ended before the run
that waits for it and before other programs, but not in the place of one that holds half of the memory more."""
GIB = 2**30
GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container's limit stands."""


def offer(process: int) -> None:
    """Let the system end this process, and those that it starts, before others when the memory is full."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/oom_score_adj").write_text(str(OFFERED))


def held(process: int) -> int:
    """Return the bytes of memory that a process holds; 0 if that is not known."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def words(most: int) -> str:
    """Return how much was held at most, of how much there is; nothing if that is not known."""
    if not most:
        return ""
    return f" (it held up to {most / GIB:.1f} of {_whole() / GIB:.1f} GiB)"


def _whole() -> int:
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in GROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max" where there is none
            limits.append(int(path.read_text()))
    return min(limits)
