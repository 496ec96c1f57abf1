"""How often a whole run may refute something true: the false-alarm rate and its division."""

from elboproof.arguments import bad

FALSE_ALARM_RATE = 1e-6
"""Probability that at least one statistical test of a complete run refutes a true statement."""


def share(tests: int) -> float:
    """Return the false-alarm rate of one of ``tests`` statistical tests.

    By the union bound the rates of all tests sum to `FALSE_ALARM_RATE`. The number counts every collected
    test, selected or not, so that a check decides the same alone as in a full run.

    Controls take no share: a false alarm is the refutation of a *true* statement, and a control is false.
    What chance can do to a control is to let it survive, which fails the check instead of passing it.

    Raises
    ------
    ValueError
        If ``tests`` is not positive.
    """
    # The union bound needs no independence of the tests, which share random numbers and data.
    if tests < 1:
        raise bad("tests", tests, "a positive number of statistical tests")
    return FALSE_ALARM_RATE / tests
