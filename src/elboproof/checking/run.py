"""What a check is given when it runs: its random numbers, its share of false alarms, its hypotheses."""

import hashlib
from typing import Any

import numpy as np

from elboproof.arguments import bad, shown, wrong_type
from elboproof.checking.claim import Hypothesis


class HypothesisViolated(ValueError):  # noqa: N818  (a state of the instance, not a slip of the caller)
    """An instance does not meet a hypothesis of the statement that it should illustrate."""


class HypothesisBlunt(ValueError):  # noqa: N818  (a state of the hypothesis)
    """A predicate is wrong on an instance that it must accept or reject."""


def try_instances(hypothesis: Hypothesis) -> None:
    """Try the predicate on the instances that it must accept, and on those that it must reject.

    Raises
    ------
    HypothesisBlunt
        If it is wrong on one.
    TypeError
        If it returns None, or an instance is no tuple of arguments.
    """
    # Both ways: a predicate that accepts all is no condition, and one that rejects all makes every run end here.
    for name, wanted in (("accepts", True), ("rejects", False)):
        for instance in getattr(hypothesis, name):
            given = instance() if callable(instance) else instance
            if not isinstance(given, tuple):
                raise wrong_type(f"hypothesis {hypothesis.name!r}: {name}", given, "a tuple of arguments")
            if _answer(hypothesis, given) != wanted:
                raise HypothesisBlunt(
                    f"hypothesis {hypothesis.name!r} {'rejects' if wanted else 'accepts'} {shown(given)}; "
                    f"expected an instance that it {name}"
                )


def _answer(hypothesis: Hypothesis, given: tuple[Any, ...]) -> bool:
    answer = hypothesis.predicate(*given)
    if answer is None:
        raise TypeError(f"predicate of hypothesis {hypothesis.name!r}: got None; expected true or false")
    return bool(answer)


def check_seed(seed: int, check_id: str) -> np.random.SeedSequence:
    """Return the seed of one check: a function of the run's seed and the check's name only.

    Selection, order and the number of workers therefore do not change the numbers that a check draws.
    """
    digest = hashlib.sha256(check_id.encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.SeedSequence([seed, *words])


class Run:
    """The context of one execution of a check, or of one of its controls.

    Parameters
    ----------
    check_id
        ``claim/statement/name``. A control gets the same one, hence the same random numbers: it differs
        from its check in the overridden arguments and in nothing else.
    seed
        Seed of the whole run, a non-negative integer.
    false_alarm
        Probability with which *one* statistical test of this check may refute a true statement, or None
        if the method is not statistical.
    drops
        Hypotheses that are violated on purpose.
    again
        Whether a certified check runs once more, at another precision, see `elboproof.checking.repetition`.

    Attributes
    ----------
    exercised : list of str
        Names of the hypotheses that were tested, in order of first use.
    drew : bool
        True once random numbers, or a seed of them, were asked for.

    Raises
    ------
    ValueError
        If the seed is negative.
    """

    def __init__(
        self,
        check_id: str,
        *,
        seed: int = 0,
        false_alarm: float | None = None,
        drops: tuple[Hypothesis, ...] = (),
        again: bool = False,
    ) -> None:
        if seed < 0:
            raise bad("seed", seed, "a non-negative integer")
        self.check_id = check_id
        self.exercised: list[str] = []
        self._sequence = check_seed(seed, check_id)
        self._rng: np.random.Generator | None = None
        self._false_alarm = false_alarm
        self.drew = False
        self._again = again
        self._dropped = {hypothesis.name for hypothesis in drops}

    @property
    def rng(self) -> np.random.Generator:
        """Return the random generator of this check; the same object on each access."""
        self.drew = True
        if self._rng is None:
            self._rng = np.random.default_rng(self._sequence)
        return self._rng

    @property
    def integer_seed(self) -> int:
        """Return a 32-bit seed for generators of other libraries, independent of `rng`'s state."""
        self.drew = True
        return int(self._sequence.generate_state(1)[0])

    def digits(self, number: float) -> float:
        """Return how many digits to ask of a function that proves so many: one more when a check runs again.

        For functions that compute in float64, which another precision of balls does not move.
        """
        return number + 1 if self._again else number

    @property
    def false_alarm(self) -> float:
        """Return the false-alarm rate of one statistical test of this check.

        A check declared with ``tests=k`` may run k tests, each at this rate.

        Raises
        ------
        ValueError
            If the method of the check is not "statistical".
        """
        # A rate given to a check of another method would not be counted in the budget of the run.
        if self._false_alarm is None:
            raise ValueError(
                f"false_alarm: {self.check_id} has no share of the error budget; "
                "expected a check with method='statistical'"
            )
        return self._false_alarm

    def assume(self, hypothesis: Hypothesis, *args: object) -> None:
        """Record that a hypothesis is used, and test it on the given objects.

        Raises
        ------
        HypothesisViolated
            If the predicate is false; or true in a control that claims to drop the hypothesis.
        TypeError
            If the predicate returns None.
        """
        # In a control that drops the hypothesis the instance must violate it: otherwise the control would be refuted,
        # or not, for another reason than it says.
        answer = _answer(hypothesis, args)
        if hypothesis.name not in self.exercised:
            self.exercised.append(hypothesis.name)
        dropped = hypothesis.name in self._dropped
        if answer == dropped:
            given = ", ".join(shown(arg) for arg in args)
            story = "is met although this control drops it" if dropped else "is not met"
            raise HypothesisViolated(
                f"hypothesis {hypothesis.name!r} {story}: {hypothesis.text} (got {given})"
            )
