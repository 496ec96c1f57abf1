"""How the tests of a suite audit: what a mark says, else the options of the run, else the defaults of `audit`."""

from dataclasses import dataclass, fields, replace
from typing import Any

from elboproof.arguments import bad
from elboproof.audit.adapter import Adapter
from elboproof.checking.budget import FALSE_ALARM_RATE

MARK = "elboproof"


@dataclass(frozen=True)
class Settings:
    """The arguments of `audit`, the claim in place of the adapter's own, and whether "cannot tell" fails."""

    claim: str | None = None
    seed: int = 0
    alpha: float = FALSE_ALARM_RATE
    draws: int = 700
    strict: bool = False

    @property
    def of_audit(self) -> tuple[str | None, int, float, int]:
        """Return what a report depends on."""
        return self.claim, self.seed, self.alpha, self.draws

    def claimed(self, adapter: Adapter) -> Adapter:
        """Return the adapter under this claim."""
        return adapter if self.claim is None else replace(adapter, claim=self.claim)


def settings_of(request: Any) -> Settings:
    """Return the settings of a test: the nearest mark's, then the run's.

    Raises
    ------
    ValueError
        If a mark has an argument that there is none of.
    """
    names = [one.name for one in fields(Settings)]
    found = {name: request.config.getoption(f"--elboproof-{name}", default=None) for name in names}
    # the farthest first: the class's mark, then the test's own
    for mark in reversed(list(request.node.iter_markers(MARK))):
        for name, value in mark.kwargs.items():
            if name not in names:
                raise bad(f"pytest.mark.{MARK}", name, f"arguments among {', '.join(names)}")
            found[name] = value
    return Settings(**{name: value for name, value in found.items() if value is not None})
