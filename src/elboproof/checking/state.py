"""The state of a process that a check can leave behind: settings of Python, the system and the libraries.

`elboproof.checking.ambient` resets before every check what it can; a check that changes more ends its process.
The positions of random generators are no part of the state, as they are reset.
"""

import _thread
import contextlib
import decimal
import gc
import locale
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

State = Mapping[str, object]


def state(without: str = "") -> dict[str, object]:
    """Return the state of this process by name; values are compared by equality.

    Parameters
    ----------
    without
        A library that is not asked, because it is just being imported.
    """
    # Only libraries that are loaded are asked: to import one here would be an effect of its own.
    found = {name: look() for name, look in _PYTHON.items()}
    found |= {f"os.environ[{key!r}]": value for key, value in os.environ.items()}
    found |= {f"the handler of {number.name}": signal.getsignal(number) for number in _SIGNALS}
    for name, looks in _LIBRARIES.items():
        if name in sys.modules and name != without:
            found |= {what: look(sys.modules[name]) for what, look in looks.items()}
    return found


def changed(before: State, now: State) -> list[str]:
    """Return the names of what changed. What a library that was loaded in between adds is no change."""
    names = [name for name in before if not _equal(before[name], now.get(name))]
    return names + [name for name in now if name not in before and name.startswith("os.environ")]


def _equal(a: object, b: object) -> bool:
    # Types too: True equals 1, and a setting that changed its type has changed.
    return a is b or (type(a) is type(b) and bool(a == b))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _descriptors() -> list[tuple[str, str]]:
    """Return the open files by number, with what they are; none where the system does not list them."""
    if _OPEN is None:
        return []
    found = []
    for name in sorted(os.listdir(_OPEN)):  # noqa: PTH208  (names are all that is needed)
        with contextlib.suppress(OSError):  # of the one through which the folder was read
            found.append((name, _what_is(name)))
    return found


def _what_is(name: str) -> str:
    try:
        return os.readlink(f"{_OPEN}/{name}")  # noqa: PTH115
    except OSError:  # macOS has no links there
        status = os.fstat(int(name))
        return f"{status.st_dev}:{status.st_ino}"


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  (a text is compared)
    except OSError:
        return "a folder that is gone"


_SIGNALS = [one for one in signal.Signals if one.name not in ("SIGALRM", "SIGKILL", "SIGSTOP")]

_OPEN = next((folder for folder in ("/proc/self/fd", "/dev/fd") if os.path.isdir(folder)), None)  # noqa: PTH112
"""Where the system lists the files that a process has open: Linux, macOS."""

_PYTHON: dict[str, Callable[[], object]] = {
    "the working directory": _directory,
    "the umask": _umask,
    "the set of open files": _descriptors,
    "the number of threads": _thread._count,
    "the recursion limit": sys.getrecursionlimit,
    "the switch interval": sys.getswitchinterval,
    "the trace function": sys.gettrace,
    "the profile function": sys.getprofile,
    "the trace function of threads": threading.gettrace,
    "the profile function of threads": threading.getprofile,
    "the garbage collector": gc.isenabled,
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    "the standard streams": lambda: [(id(one), getattr(one, "closed", True)) for one in _streams()],
    "sys.path": lambda: list(sys.path),
    "sys.meta_path": lambda: list(sys.meta_path),
    "sys.path_hooks": lambda: list(sys.path_hooks),
    "sys.excepthook": lambda: sys.excepthook,
    "sys.displayhook": lambda: sys.displayhook,
    "warnings.showwarning": lambda: warnings.showwarning,
    "the filters of warnings": lambda: list(warnings.filters),
    "NumPy's handling of errors": np.geterr,
    "NumPy's print options": lambda: sorted((k, repr(v)) for k, v in np.get_printoptions().items()),
    "the decimal context": lambda: repr(decimal.getcontext())[: repr(decimal.getcontext()).index("flags")],
}

_LIBRARIES: dict[str, dict[str, Callable[[Any], object]]] = {
    "flint": {
        "FLINT's precision": lambda flint: (flint.ctx.prec, flint.ctx.cap, flint.ctx.threads),
        "FLINT's print options": lambda flint: (flint.ctx.pretty, flint.ctx.unicode),
    },
    "mpmath": {"mpmath's precision": lambda mpmath: (mpmath.mp.prec, mpmath.iv.prec)},
    "torch": {
        "torch's default type": lambda torch: torch.get_default_dtype(),
        "torch's number of threads": lambda torch: torch.get_num_threads(),
        "torch's gradient mode": lambda torch: (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "torch's determinism": lambda torch: torch.are_deterministic_algorithms_enabled(),
    },
}


def _streams() -> tuple[object, object, object]:
    return sys.stdin, sys.stdout, sys.stderr
