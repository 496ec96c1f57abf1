"""What is seen while checks run: a live display on a terminal, one line per check elsewhere."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from elboproof.checking.finding import Finding
from elboproof.checking.words import one_line, result

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Running = Callable[[], list[tuple[str, float]]]

SHOWN = 12
"""Running checks listed by the live display; a cluster can run hundreds."""


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
    """

    def __init__(self, console: "Console", total: int, running: Running) -> None:
        self._console, self._total, self._running = console, total, running
        self._done = self._held = 0
        self._live: Any = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
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
        """Count a finding and show it: on a terminal only if it does not hold."""
        self._done += 1
        self._held += finding.holds
        if self._live is not None:
            self._live.refresh()  # a fresh count below the line that is printed next
            if finding.holds:
                return
        # On a terminal only what does not hold stays; in a log every check has its line.
        digits = len(str(self._total))
        head = f"[{self._done:{digits}}/{self._total}] {result(finding):9} "
        line = f"{finding.id} ({finding.seconds:.1f} s)"
        if not finding.holds:
            line += f": {finding.reason}"
        from rich.text import Text

        style = "" if finding.holds else "red"
        # On a pipe a line is a record: never wrapped, so that it can be searched.
        limit = self._console.width if self._live is not None else 400
        self._console.print(Text(head + one_line(line, limit - len(head)), style=style), soft_wrap=True)

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
        failing = self._done - self._held
        head = f"{self._done} of {self._total} done, {self._held} hold"
        return Group(Text(head + (f", {failing} do not" if failing else ""), style="bold"), *lines)
