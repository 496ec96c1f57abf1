"""`elboproof.verify`: what the command ``elboproof verify`` finds, as frozen findings in Python."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from elboproof.arguments import bad, file_path, suggesting, wrong_type
from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError, collect, select
from elboproof.checking.execute import job_of
from elboproof.checking.finding import Finding
from elboproof.checking.pool import ClusterPool, LocalPool, Pool, cores
from elboproof.checking.runner import outcomes
from elboproof.checking.suites import suite_folder
from elboproof.checking.vocabulary import METHODS, TIERS


@suggesting
def verify(
    labels: str | Sequence[str] = (),
    *,
    path: str | os.PathLike[str] | None = None,
    suite: str | None = None,
    method: str | None = None,
    tier: str = "default",
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | None = None,
) -> tuple[Finding, ...]:
    """Run the checks of claim modules and return what they found; no file is written.

    Parameters
    ----------
    labels
        ``claim``, ``claim/S2`` or ``claim/S2/check``, one or several; all claims if not given. A check named in full
        is run in any tier.
    path
        The folder of the claim modules; ``verification`` if neither this nor ``suite`` is given.
    suite
        In place of ``path``, the claim modules that an installed package brings, such as ``"fyffe2019"``.
    method
        Only checks of this method: "symbolic", "certified", "numeric", "property", "statistical" or "experiment".
    tier
        "quick", "default" or "full".
    seed
        Of the random numbers, not negative.
    workers
        Processes on this machine; one per core if not given.
    scheduler
        Address of a Dask cluster to run on in their place.

    Returns
    -------
    tuple of Finding
        One for each check that was selected, in the order of the report; ``finding.holds`` says whether what is stated
        was established with all its controls. A check that dies, hangs or raises is a finding that does not hold.

    Raises
    ------
    ValueError
        If an argument is none of those described, a label fits no check, nothing is selected, or the claim modules
        have mistakes; all of these are named.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> import elboproof as ep
    >>> findings = ep.verify("bilbo/S1", path="verification")  # doctest: +SKIP
    >>> all(finding.holds for finding in findings)  # doctest: +SKIP
    True
    """
    names = _labels(labels)
    _require(method, tier, seed, workers)
    collection = collect(_folder(path, suite))
    checks, left_out = select(collection, names, method=method, tier=tier)
    if not checks:
        slower = f"; {len(left_out)} of a slower tier were left out, see tier" if left_out else ""
        raise UsageError(f"labels: got {names!r}, of which nothing is selected{slower}")
    pool: Pool = (
        LocalPool(min(workers or cores(), len(checks))) if scheduler is None else ClusterPool(scheduler)
    )
    return findings_of(checks, collection, pool, seed)


def findings_of(
    checks: Sequence[Check], collection: Collection, pool: Pool, seed: int
) -> tuple[Finding, ...]:
    """Return the findings of checks in their order; the pool is stopped."""
    collection.freeze_code()
    try:
        jobs = [job_of(check, collection, seed) for check in checks]
        found = {outcome.finding.id: outcome.finding for outcome in outcomes(jobs, pool)}
    finally:
        pool.stop()
    return tuple(found[check.id] for check in checks)


def _labels(labels: Any) -> list[str]:
    # A text is a sequence of texts too: "bilbo" alone would be five labels.
    if not isinstance(labels, Iterable):
        raise wrong_type("labels", labels, "a text such as 'claim/S2', or several")
    names = [labels] if isinstance(labels, str) else list(labels)
    for name in names:
        if not isinstance(name, str):
            raise wrong_type("labels", name, "texts such as 'claim/S2'")
    return names


def _require(method: Any, tier: Any, seed: Any, workers: Any) -> None:
    if method is not None and method not in METHODS:
        raise bad("method", method, f"one of {', '.join(METHODS)}")
    if tier not in TIERS:
        raise bad("tier", tier, f"one of {', '.join(TIERS)}")
    for name, number, least in (("seed", seed, 0), ("workers", 1 if workers is None else workers, 1)):
        if not isinstance(number, int) or isinstance(number, bool):
            raise wrong_type(name, number, "a whole number")
        if number < least:
            raise bad(name, number, f"a whole number, at least {least}")


def _folder(path: str | os.PathLike[str] | None, suite: str | None) -> Path:
    if suite is None:
        return file_path("verification" if path is None else path, "path")
    if path is not None:
        raise bad("suite", suite, "no path beside it, as each names the claim modules")
    return suite_folder(suite)
