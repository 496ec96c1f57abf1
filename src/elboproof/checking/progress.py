"""What is seen while checks run: a live display on a terminal, elsewhere lines that also tell what is not done yet."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from elboproof.checking.finding import Finding
from elboproof.checking.remaining import Remaining
from elboproof.checking.words import duration, one_line, result

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Running = Callable[[], list[tuple[str, float]]]

SHOWN = 12
"""Running checks listed by the live display; a cluster can run hundreds."""

SILENCE = 10.0
"""Seconds after which a log gets a line although no check ended."""

NAMED = 2
"""Running checks named in a line of a log."""


class Progress:
    """The display of a run; a context manager.

    Parameters
    ----------
    console
        Where it is shown.
    total
        Number of checks to run.
    running
        Returns check and seconds for each check that runs now.
    remaining
        The time left.
    every
        Whether a log gets a line for each check, not only for those that do not hold.
    silent
        Show nothing at all.
    """

    def __init__(
        self,
        console: "Console",
        total: int,
        running: Running,
        remaining: Remaining | None = None,
        *,
        every: bool = True,
        silent: bool = False,
    ) -> None:
        self._console, self._total, self._running = console, total, running
        self._remaining, self._every = remaining or Remaining({}, [], None), every
        self._silent = silent
        self._done = self._held = 0
        self._live: Any = None
        self._start = self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._silent:
            from rich.live import Live

            self._live = Live(console=self._console, transient=True, get_renderable=self._picture)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def finished(self, finding: Finding) -> None:
        """Count a finding and show it: on a terminal, and in a short log, only if it does not hold."""
        self._done += 1
        self._held += finding.holds
        self._remaining.finished(finding.id)
        if self._live is not None:
            self._live.refresh()  # a fresh count below the line that is printed next
        if self._silent or (finding.holds and (self._live is not None or not self._every)):
            return
        digits = len(str(self._total))
        head = f"[{self._done:{digits}}/{self._total}] {result(finding):9} "
        line = f"{finding.id} ({finding.seconds:.1f} s)"
        if not finding.holds:
            line += f": {finding.reason}"
        # On a pipe a line is a record: never wrapped, so that it can be searched.
        limit = self._console.width if self._live is not None else 400
        self._say(head + one_line(line, limit - len(head)), "" if finding.holds else "red")

    def tick(self) -> None:
        """Write a line to a log that was silent for long; to be called often."""
        if self._silent or self._live is not None or time.monotonic() - self._spoke < SILENCE:
            return
        running = self._running()
        named = ", ".join(f"{check} ({seconds:.0f} s)" for check, seconds in running[:NAMED])
        more = f" and {len(running) - NAMED} more" if len(running) > NAMED else ""
        self._say(self._head() + (f"; running {named}{more}" if running else ""))

    def _say(self, line: str, style: str = "") -> None:
        from rich.text import Text

        self._spoke = time.monotonic()
        self._console.print(Text(line, style=style), soft_wrap=True)

    def _head(self) -> str:
        failing = self._done - self._held
        head = f"{self._done} of {self._total} done, {self._held} hold"
        elapsed = time.monotonic() - self._start
        left = self._remaining.seconds(self._running(), elapsed)
        head += f", {failing} do not" if failing else ""
        head += f"; {duration(elapsed)} so far"
        if left is None:
            return head
        return f"{head}, about {duration(left)} left" if left >= 1.0 else f"{head}, nearly done"

    def _picture(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        running = self._running()
        width = self._console.width
        lines = [
            Text(f"  {seconds:5.0f} s  {one_line(check, width - 12)}", style="dim")
            for check, seconds in running[:SHOWN]
        ]
        if len(running) > SHOWN:
            lines.append(Text(f"  and {len(running) - SHOWN} more", style="dim"))
        return Group(Text(self._head(), style="bold"), *lines)
