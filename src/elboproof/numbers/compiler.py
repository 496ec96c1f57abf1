"""From a tape to a Python function of one number system, by generated source.

The source is straight-line code: one statement an entry, registers reused as soon as a value is no longer needed
(so that arrays are freed early). What does not depend on an input is computed once, with proof, and never inside the
function: as the nearest double for the floating systems, as balls that are renewed whenever the precision changes for
the ball systems. No text of a user reaches the source; it consists of the templates of a ring and of entry numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from elboproof.numbers.tape import Entry, Tape, operands

Compiled = Callable[..., tuple[Any, ...]]

INFIX = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "square": "{0} * {0}",
}
"""Templates of the operations that Python's operators write in every ring of plain numbers."""


@dataclass(frozen=True)
class Ring:
    """How one number system is written in Python source.

    Attributes
    ----------
    name
        The system's name.
    templates
        Source of every operation, ``{0}`` and ``{1}`` standing for the operands.
    namespace
        Returns the names that the templates use.
    fixed
        Where constants live: ``"nearest"`` writes the nearest double into the source, ``"renewed"`` recomputes them
        when ``precision()`` changes, ``"inline"`` leaves them in the flow.
    constant
        Template of a rational constant, with fields ``p`` and ``q``.
    parameters
        Source of further parameters of the compiled function.
    doubles
        For ``"nearest"``: returns the nearest doubles of a tape's entries, see `elboproof.numbers.nearest`.
    """

    name: str
    templates: Mapping[str, str]
    namespace: Callable[[], Mapping[str, Any]]
    fixed: Literal["nearest", "renewed", "inline"]
    constant: str = ""
    parameters: str = ""
    doubles: Callable[[Tape, Sequence[int]], list[float]] | None = None


def compile_tape(tape: Tape, roots: Sequence[int], ring: Ring) -> Compiled:
    """Return the function (inputs of the tape) -> (values of the roots) in one number system."""
    source = _Source(tape, roots, ring)
    namespace = dict(ring.namespace())
    exec(compile(source.text(), f"<{ring.name}>", "exec"), namespace)  # noqa: S102 - templates and entry numbers only
    return namespace["make"]()  # type: ignore[no-any-return]


class _Source:
    """The text of one compiled function."""

    def __init__(self, tape: Tape, roots: Sequence[int], ring: Ring) -> None:
        self.tape, self.roots, self.ring = tape, tuple(roots), ring
        # entries that vary stay in the flow; the others are constants, made once by proof, of which
        # only those that the flow or a root uses directly need a name inside of the function
        needed = tape.reachable(roots)
        flows = [i for i in needed if tape.varies[i] or ring.fixed == "inline"]
        self.flow = [i for i in flows if tape.entries[i][0] != "input"]
        self.fixed = [i for i in needed if not tape.varies[i] and ring.fixed != "inline"]
        used = {j for i in self.flow for j in operands(tape.entries[i])} | set(self.roots)
        self.constants = [i for i in self.fixed if i in used]
        self.names: dict[int, str] = {
            i: f"v{entry[1]}" for i, entry in enumerate(tape.entries) if entry[0] == "input"
        }

    def text(self) -> str:
        prepare = {"nearest": self._nearest, "renewed": self._renewed, "inline": list}[self.ring.fixed]
        setup = prepare()
        body = self._renewal() + self._statements()
        arguments = ", ".join(f"v{k}" for k in range(len(self.tape.inputs)))
        values = "".join(f"{self.names[i]}, " for i in self.roots)
        lines = [
            "def make():",
            *(f"    {line}" for line in setup),
            f"    def function({arguments}{self.ring.parameters}):",
            *(f"        {line}" for line in body),
            f"        return ({values})",
            "    return function",
        ]
        return "\n".join(lines)

    def _nearest(self) -> list[str]:
        if self.ring.doubles is not None:
            for i, value in zip(self.constants, self.ring.doubles(self.tape, self.constants), strict=True):
                self.names[i] = f"({value!r})"
        return []

    def _renewed(self) -> list[str]:
        own = self.ring.parameters.lstrip(", ")  # their defaults: a constant is a point, analytic or not
        lines = ["known = None, None", f"def renew({own}):"]
        for i in self.fixed:
            self.names[i] = f"c{i}"
            lines.append(f"    c{i} = {self._expression(self.tape.entries[i])}")
        lines.append(f"    return ({''.join(f'c{i}, ' for i in self.constants)})")
        lines += ["def renewed():", "    bits, constants = precision(), renew()"]
        # balls that were made while another thread changed the precision enclose all the same, but
        # are not kept
        lines.append("    return (bits if bits == precision() else None), constants")
        return lines

    def _renewal(self) -> list[str]:
        if self.ring.fixed != "renewed" or not self.constants:
            return []
        names = ", ".join(f"c{i}" for i in self.constants)
        return [
            "nonlocal known",  # read and written as one pair: no thread sees the bits of one and the balls of another
            "bits, constants = known",
            "if bits != precision():",
            "    known = bits, constants = renewed()",
            f"({names},) = constants",
        ]

    def _statements(self) -> list[str]:
        # A register is free again after the last entry that uses it, unless a root needs it. An
        # operand's register may be taken by the entry itself: Python evaluates the right side
        # before it assigns.
        last = {j: i for i in self.flow for j in operands(self.tape.entries[i])}
        free: list[str] = []
        owned: set[int] = set()
        lines = []
        for i in self.flow:
            text = self._expression(self.tape.entries[i])
            used = set(operands(self.tape.entries[i])) & owned - set(self.roots)
            free.extend(self.names[j] for j in sorted(used) if last[j] == i)
            self.names[i] = free.pop() if free else f"r{len(owned)}"
            owned.add(i)
            lines.append(f"{self.names[i]} = {text}")
        return lines

    def _expression(self, entry: Entry) -> str:
        if entry[0] == "constant":
            value: Fraction = entry[1]  # type: ignore[assignment]
            # in hexadecimal, because Python reads and writes no decimal integer of more than 4300 digits
            return self.ring.constant.format(p=hex(value.numerator), q=hex(value.denominator))
        return self.ring.templates[str(entry[0])].format(*(self.names[j] for j in operands(entry)))
