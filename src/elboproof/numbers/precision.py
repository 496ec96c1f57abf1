"""The one door to the precision of balls.

python-flint keeps one precision for the whole process: every operation of every thread takes it from ``flint.ctx``. A
thread that sets it therefore changes what the others compute. No enclosure becomes wrong by that, but digits are lost.
So whoever needs a precision holds the door while it computes, and whoever finds the door held waits.

What the door cannot do: arithmetic of a user's own on balls, outside of the door, takes the precision that is in
force at that moment; and a user who sets ``flint.ctx.prec`` while another thread is inside changes that thread's
precision, until it leaves and puts back what it found.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from flint import ctx

from elboproof.arguments import bad

DOUBLE_BITS = 53
"""Of a float, and python-flint's own precision: where nothing asks for more, results do not depend on the user's."""

_door = threading.RLock()
_outside: list[int] = []  # the precisions that the blocks now inside will put back, the outermost first
_multiple = [1]  # of all precisions that are asked for, see `sharpen`


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Set the precision of balls inside a ``with`` block, or in a function that it decorates; other threads wait.

    Parameters
    ----------
    bits
        Of the midpoints, at least 2. Twice as many are taken after ``sharpen(2)``.

    Raises
    ------
    ValueError
        If ``bits`` is no int of at least 2.

    Notes
    -----
    Blocks may be nested; each puts back the precision that it found, whatever happened inside. A block must not wait
    for another thread that computes with balls (a thread pool's results, say): that one waits for the block. Nor may
    it yield or await. A process forked from within a block, or while another thread is in one, has a door of its own.
    """
    if type(bits) is not int or bits < 2:
        raise bad("bits", bits, "an int of at least 2")
    # the lock's own `with`: an interrupt cannot fall between taking it and the promise to give it back
    with _door:
        before, depth = ctx.prec, len(_outside)
        try:
            _outside.append(before)
            ctx.prec = _multiple[0] * bits
            yield
        finally:
            ctx.prec = before
            del _outside[depth:]


@contextmanager
def series_terms(count: int) -> Iterator[None]:
    """Set the number of terms of python-flint's power series inside a ``with`` block; rules as above.

    Raises
    ------
    ValueError
        If ``count`` is no positive int.
    """
    if type(count) is not int or count < 1:
        raise bad("count", count, "a positive int")
    with _door:
        before = ctx.cap
        try:
            ctx.cap = count
            yield
        finally:
            ctx.cap = before


def steady_precision() -> AbstractContextManager[object]:
    """Return the door, for a ``with`` block that keeps the precision in force; for it the same rules hold as above."""
    return _door


def current_bits() -> int:
    """Return the precision in force, which is the caller's own if it holds the door."""
    return int(ctx.prec)


def reset_precision() -> None:
    """Put python-flint's settings back to what they are at its import, and the multiple of `sharpen` to 1."""
    with _door:
        ctx.default()
        _multiple[0] = 1


def sharpen(multiple: int) -> None:
    """Compute with a multiple of every precision from now on, of python-flint's own and of each that is asked for.

    For a second opinion on what was computed before: whoever asks for a precision need not know. What asks python-flint
    past this door, and what computes in float64, is as it was.

    Raises
    ------
    ValueError
        If ``multiple`` is no positive int.
    """
    if type(multiple) is not int or multiple < 1:
        raise bad("multiple", multiple, "a positive int")
    with _door:
        ctx.prec = ctx.prec // _multiple[0] * multiple
        _multiple[0] = multiple


def _open_in_child() -> None:
    """Give a forked process a door that no thread holds which the fork did not copy."""
    global _door
    if _door._is_owned():  # type: ignore[attr-defined]  # the thread that forked is inside, and will leave
        return
    _door = threading.RLock()
    if _outside:
        ctx.prec = _outside[0]
        _outside.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_in_child)
