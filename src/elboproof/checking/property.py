"""Verdicts on statements about generated instances, with Hypothesis as the generator."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad, shown, wrong_type
from elboproof.checking.verdict import Verdict

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class _Falsified(Exception):  # noqa: N818  (a signal to Hypothesis, never seen outside)
    pass


def for_all(
    *generators: "SearchStrategy[Any]",
    property: Callable[..., bool],  # noqa: A002  (read: for all integers, property ...)
    examples: int = 200,
    at_least: int | None = None,
    seed: int = 0,
) -> Verdict:
    """Decide that a property holds for generated instances.

    Established if no counterexample turned up among at least ``at_least`` instances, refuted by the
    smallest counterexample that Hypothesis finds, undecided if the generators gave too few instances.
    The instances are a function of the seed: no database, no deadline.

    Parameters
    ----------
    *generators
        Hypothesis strategies, one per argument of the property.
    property
        Called with one instance of each; returns true or false. Its exceptions are not counterexamples:
        they end the check as errors.
    examples
        Number of instances to try.
    at_least
        Number of instances below which nothing is established; half of ``examples`` if not given. A
        generator with few values needs a smaller one.
    seed
        Usually ``run.integer_seed``.

    Raises
    ------
    ValueError
        If there are no generators, or the numbers are not positive.
    TypeError
        If the property returns anything but a truth value.
    """
    if not generators:
        raise bad("generators", generators, "at least one Hypothesis strategy")
    if examples < 1:
        raise bad("examples", examples, "a positive number of instances")
    enough = (examples + 1) // 2 if at_least is None else at_least
    if enough < 1:
        raise bad("at_least", enough, "a positive number of instances")
    count, counterexample = _search(generators, property, examples, seed)
    if counterexample is not None:
        return Verdict(
            "refuted", f"false for {shown(counterexample, 300)}", computed=shown(counterexample, 300)
        )
    if count < enough:
        reason = f"only {count} instances were generated, fewer than the {enough} asked for"
        return Verdict("undecided", reason, computed=count)
    return Verdict("established", f"no counterexample among {count} generated instances", computed=count)


def _search(
    generators: "tuple[SearchStrategy[Any], ...]",
    property: Callable[..., bool],  # noqa: A002
    examples: int,
    seed: int,
) -> tuple[int, tuple[object, ...] | None]:
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings, strategies
    from hypothesis import seed as seeded

    seen: list[tuple[object, ...]] = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        # Slow or large instances are what a mathematical property has; too much filtering stays an error.
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    )
    @given(strategies.tuples(*generators))
    def search(instance: tuple[object, ...]) -> None:
        seen.append(instance)
        if not _truth(property(*instance), instance):
            raise _Falsified

    try:
        search()
    except _Falsified:
        return len(seen), seen[-1]  # Hypothesis ends with a replay of the smallest one
    return len(seen), None


def _truth(answer: object, instance: tuple[object, ...]) -> bool:
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise wrong_type("property", answer, f"true or false (for {shown(instance)})")
