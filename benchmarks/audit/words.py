"""What the documents say of the catalogue as a whole, from its entries: how many bugs fail, and under what."""

from benchmarks.audit.catalogue import MUTANTS, by_label

NOT_RECOGNISED: dict[str, str] = {}
"""Bugs that no check fails on, each with its cause: the loss is not known, which --strict fails on."""
MISSED: dict[str, str] = {}
"""Bugs that nothing sees, each with its cause."""


def paragraph() -> str:
    """Return the paragraph of docs/audit.md."""
    kinds = {shown: _labels(shown) for shown in ("fails", "named", "declared")}
    by_variance = [one for one in kinds["declared"] if MUTANTS[one].variance is not None]
    by_claim = [one for one in kinds["declared"] if one not in by_variance]
    return (
        f"Of the {len(MUTANTS)} bugs of the catalogue {len(kinds['fails'])} fail a check with nothing declared. "
        f"{len(kinds['named'])} fail once they are claimed to be the bound that the correct model is: "
        f"{', '.join(kinds['named'])}. {len(kinds['declared'])} are valid bounds, "
        f"and fail once the one that is meant is declared: {', '.join(by_variance)} by its variance, "
        f'{", ".join(by_claim)} by `claim="-iwae"`. {_rest()}'
    )


def _labels(shown: str) -> list[str]:
    left = NOT_RECOGNISED | MISSED
    return [one.label for one in by_label(MUTANTS.values()) if one.shown == shown and one.label not in left]


def _rest() -> str:
    parts = [
        f"{label} {words}: {cause}"
        for table, words in ((NOT_RECOGNISED, 'is "not recognised"'), (MISSED, "passes"))
        for label, cause in table.items()
    ]
    return f"{'; '.join(parts)}." if parts else "There is none on which no check fails."
