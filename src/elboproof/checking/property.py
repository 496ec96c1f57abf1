"""Verdicts on statements about generated instances, with Hypothesis as the generator."""

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from elboproof.arguments import bad, shown, wrong_type
from elboproof.checking.verdict import WHOLE, Verdict, all_of, reached

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


Answer: TypeAlias = "bool | np.bool_ | Mapping[str, bool | np.bool_]"


class _Falsified(Exception):  # noqa: N818  (a signal to Hypothesis, never seen outside)
    pass


def property_holds(
    *generators: "SearchStrategy[Any]",
    property: Callable[..., Answer],  # noqa: A002  (read: for all integers, property ...)
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
        Called with one instance of each; returns true or false, or a mapping of names to such, each of which
        is a part of the verdict, with the shortest counterexample found. Its exceptions are not
        counterexamples: they end the check as errors.
    examples
        Number of instances to try.
    at_least
        Number of instances below which nothing is established; half of ``examples`` if not given. A
        generator with few values needs a smaller one, and so does a part that few instances have.
    seed
        Usually ``run.integer_seed``.

    Returns
    -------
    Verdict
        Of the method "property"; ``reason`` has the counterexample, or the number of instances.

    Raises
    ------
    ValueError
        If there are no generators, or the numbers are not positive, or the property returns no parts.
    TypeError
        If the property returns anything but truth values.
    """
    if not generators:
        raise bad("generators", generators, "at least one Hypothesis strategy")
    if examples < 1:
        raise bad("examples", examples, "a positive number of instances")
    enough = (examples + 1) // 2 if at_least is None else at_least
    if enough < 1:
        raise bad("at_least", enough, "a positive number of instances")
    # Counted are the instances that were tried, not those that were asked for: filters may leave none.
    tally = _search(generators, property, examples, seed)
    if set(tally) == {WHOLE}:
        return _verdict(*tally[WHOLE], enough)
    return all_of({name: _verdict(*found, enough) for name, found in tally.items()})


def _verdict(count: int, counterexample: str | None, enough: int) -> Verdict:
    if counterexample is not None:
        return reached("property", "refuted", f"false for {counterexample}", computed=counterexample)
    if count < enough:
        reason = f"only {count} instances were generated, fewer than the {enough} asked for"
        return reached("property", "undecided", reason, computed=count)
    return reached(
        "property", "established", f"no counterexample among {count} generated instances", computed=count
    )


def _search(
    generators: "tuple[SearchStrategy[Any], ...]",
    property: Callable[..., Answer],  # noqa: A002
    examples: int,
    seed: int,
) -> dict[str, tuple[int, str | None]]:
    """Return for each part the number of instances and the counterexample, if there is one."""
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings, strategies
    from hypothesis import seed as seeded

    # A single property raises at its counterexample, which lets Hypothesis shrink it; named ones are all
    # tallied, as each needs its own verdict, and the shortest counterexample seen is kept.
    tally: dict[str, tuple[int, str | None]] = {}

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
        answer = property(*instance)
        named = isinstance(answer, Mapping)
        truths = answer if isinstance(answer, Mapping) else {WHOLE: answer}
        if not truths:
            raise bad("property", answer, f"at least one named truth value (for {shown(instance)})")
        for name, truth in truths.items():
            count, before = tally.get(name, (0, None))
            if _truth(truth, instance):
                tally[name] = count + 1, before
            elif named:
                tally[name] = count + 1, min(filter(None, (before, shown(instance, 300))), key=len)
            else:
                tally[name] = count + 1, shown(instance, 300)  # ends with a replay of the smallest one
                raise _Falsified

    with contextlib.suppress(_Falsified):
        search()
    return tally


def _truth(answer: object, instance: tuple[object, ...]) -> bool:
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise wrong_type("property", answer, f"true or false (for {shown(instance)})")
