"""What the author of a claim writes down: the claim, its hypotheses, its checks and their controls.

Nothing is validated while a claim module is imported: a decorator that raised would hide every later
mistake in the file. `elboproof.checking.problems` looks at the finished objects and reports all of them.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from elboproof.arguments import bad, suggesting
from elboproof.checking.vocabulary import NONE

if TYPE_CHECKING:
    from elboproof.checking.verdict import Verdict

    CheckFunction = TypeVar("CheckFunction", bound=Callable[..., Verdict])

LABEL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

Instance: TypeAlias = "tuple[Any, ...] | Callable[[], tuple[Any, ...]]"
"""The arguments of a predicate, or a function that makes them."""


@dataclass(frozen=True)
class Hypothesis:
    """A named side condition of a statement, with the predicate that decides it.

    Parameters
    ----------
    name, text
        A short name, and the condition as a sentence.
    predicate
        Called with the objects of an instance; true if the condition is met.
    accepts, rejects
        Instances for which the predicate must be true, and false: tuples of its arguments, or functions
        without arguments that make one. At least one of each; every check that declares the hypothesis
        tries them first, so that no predicate is always true.
    """

    name: str
    text: str
    predicate: Callable[..., object]
    accepts: Sequence[Instance] = field(default=(), compare=False)
    rejects: Sequence[Instance] = field(default=(), compare=False)


@dataclass(frozen=True)
class Control:
    """A false neighbour of a statement: the same check with some keyword arguments replaced.

    Attributes
    ----------
    overrides : mapping
        Values for keyword-only parameters of the check.
    drops : tuple of Hypothesis
        Hypotheses that this neighbour violates on purpose. `Run.assume` lets them pass while the control
        runs, and insists that they are indeed violated.
    refutes : tuple of str
        Patterns of the parts of the check that must be refuted, see `control`.
    name : str
        What makes the neighbour false.
    """

    name: str
    overrides: Mapping[str, object]
    drops: tuple[Hypothesis, ...] = ()
    refutes: tuple[str, ...] = ("*",)


def control(
    name: str,
    /,
    *,
    refutes: str | Sequence[str] = "*",
    drops: Sequence[Hypothesis] = (),
    **overrides: object,
) -> Control:
    """Return a control: the check must be *refuted* when it runs with these keyword arguments.

    Parts are known by their names, so a name must not depend on what a control overrides.

    Parameters
    ----------
    name
        What makes this neighbour false, such as "without the 1/2".
    refutes
        The parts of the check that must each be refuted: a name, a pattern as of `fnmatch`, or several.
        All of them if not given. A part of the check that no control refutes is a mistake of the check.
    drops
        Declared hypotheses that the neighbour violates, see `Control`.
    **overrides
        New values for keyword-only parameters of the check.

    Returns
    -------
    Control
        For the argument ``controls`` of `Claim.check`.
    """
    # A text is a sequence of texts too: tuple("ab") would name the parts "a" and "b".
    patterns = (refutes,) if isinstance(refutes, str) else tuple(refutes)
    return Control(name, dict(overrides), tuple(drops), patterns)


@dataclass(frozen=True)
class Check:
    """One decidable statement together with the function that decides it; made by `Claim.check`.

    Attributes
    ----------
    claim, name : str
        Labels of the claim and of the function.
    function : callable
        ``function(run, *, ...) -> Verdict``.
    statement, role, method, relation, states, domain, hypotheses, controls, tier, time_limit, tests, needs
        As of `Claim.check`.
    none_on_purpose : bool
        Whether the check says "none" of its hypotheses, rather than nothing.
    """

    claim: str
    name: str
    function: "Callable[..., Verdict]"
    statement: str
    role: str
    method: str
    relation: str
    states: str
    domain: str
    hypotheses: tuple[Hypothesis, ...]
    controls: tuple[Control, ...]
    tier: str
    time_limit: float
    tests: int
    none_on_purpose: bool = False
    needs: str = ""

    @property
    def id(self) -> str:
        """Return ``claim/statement/name``, unique within a run."""
        return f"{self.claim}/{self.statement}/{self.name}"

    @property
    def file(self) -> str:
        """Return the path of the file that defines the check."""
        return inspect.getsourcefile(self.function) or "unknown file"

    @property
    def line(self) -> int:
        """Return the line of that file where the check begins, with its decorator; 0 if it is not known."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return 0 if code is None else int(code.co_firstlineno)

    def control(self, name: str) -> Control:
        """Return the control of that name.

        Raises
        ------
        ValueError
            If the check has none.
        """
        # Two controls of one name are a problem that collection reports, so that the first is the only one.
        for one in self.controls:
            if one.name == name:
                return one
        raise bad("name", name, f"a control of {self.id}")

    @property
    def place(self) -> str:
        """Return ``file:line`` of the check, as seen from the current folder where that is around it."""
        file = Path(self.file)
        seen = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        return f"{seen}:{self.line}" if self.line else str(seen)


@dataclass
class Claim:
    """A claim of a paper: its label, its title and the checks that decide its statements.

    Parameters
    ----------
    label
        Lower-case words joined by hyphens; the name of the module or package with ``-`` for ``_``.
    title
        The claim as a short sentence.
    checks
        Filled by `Claim.check`; nothing is passed here.

    Raises
    ------
    ValueError
        If the label has another form.

    Examples
    --------
    >>> from elboproof.checking import Claim, control, identity
    >>> claim = Claim("difference-of-squares", "A difference of squares is a product.")
    >>> @claim.check(
    ...     statement="S1", role="confirms", method="symbolic", relation="=", states="(a + b)(a - b) = a^2 - b^2",
    ...     domain="all real a, b", hypotheses="none", controls=[control("another sign", sign=1)],
    ... )
    ... def it_is_a_product(run, *, sign=-1):
    ...     import sympy
    ...     a, b = sympy.symbols("a b", real=True)
    ...     return identity((a + b) * (a - b) - (a**2 + sign * b**2))
    >>> [check.id for check in claim.checks]
    ['difference-of-squares/S1/it_is_a_product']
    """

    label: str
    title: str
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The one mistake that is raised at once: without a label no other problem could say which claim it is about.
        if not LABEL.fullmatch(self.label):
            raise bad("label", self.label, "lower-case words joined by hyphens")

    @suggesting
    def check(
        self,
        function: object = None,
        /,
        *,
        statement: str = "",
        role: str = "",
        method: str = "",
        relation: str = "",
        states: str = "",
        domain: str = "",
        hypotheses: Sequence[Hypothesis] | str = (),
        controls: Sequence[Control] = (),
        tier: str = "default",
        time_limit: float = 60.0,
        tests: int = 1,
        needs: str = "",
    ) -> "Callable[[CheckFunction], CheckFunction]":
        """Return a decorator that registers ``function(run, *, ...) -> Verdict`` as a check.

        Parameters
        ----------
        statement
            Number of the statement within the claim, such as "S2".
        role
            "confirms", "sharpens" or "limits".
        method
            "symbolic", "certified", "numeric", "property", "statistical" or "experiment". A verdict knows how
            it was reached; a declared method that is stronger than that is an error of the check.
        relation
            "=", "<=", "<", ">=", ">", "order" or "limit".
        states
            What is established if the check holds, as a formula or a sentence.
        domain
            For which instances it is established.
        hypotheses
            The conditions; the check must exercise each with ``run.assume``. A check without any says "none".
        controls
            At least one.
        tier
            "quick", "default" or "full": the smallest selection that runs the check.
        time_limit
            Seconds of processor time for one run of the function, more on a slow machine, and as many of
            waiting, see `elboproof.checking.clock`. The check and each of its controls have it separately, because
            a control is a complete re-run; importing the claim module does not count.
        tests
            Number of statistical tests inside the function. ``run.false_alarm`` is the share of one.
        needs
            What this machine lacks to run the check, such as data that not everybody has, and where to get it; empty
            if it lacks nothing. The check is then left out of every run, a finding of it that was recorded where
            it could run is kept, and none is asked for.

        Raises
        ------
        TypeError
            If it is used as a decorator itself, without brackets.

        Notes
        -----
        All are required in practice, up to the last four. They have defaults so that a missing one is
        reported at collection, with all other mistakes, instead of stopping the import.
        """
        if function is not None:
            name = getattr(function, "__name__", str(function))
            raise TypeError(
                f"claim.check: got the function {name!r} itself; expected brackets: "
                '@claim.check(statement="S1", role="confirms", ...)'
            )

        def register(function: "CheckFunction") -> "CheckFunction":
            # The function is returned as it was, so that a claim module can call one check from another.
            self.checks.append(
                Check(
                    claim=self.label,
                    name=function.__name__,
                    function=function,
                    statement=statement,
                    role=role,
                    method=method,
                    relation=relation,
                    states=states,
                    domain=domain,
                    hypotheses=() if hypotheses == NONE else tuple(hypotheses),  # type: ignore[arg-type]
                    controls=tuple(controls),
                    tier=tier,
                    time_limit=time_limit,
                    tests=tests,
                    none_on_purpose=hypotheses == NONE,
                    needs=needs,
                )
            )
            return function

        return register
