"""All entries: importing this module enters them."""

from benchmarks.audit import (
    controls,
    conventions,
    conventions_more,
    divergences,
    likelihoods,
    more,
    noise,
    odd,
    thresholds,
    weights,
)
from benchmarks.audit.entries import CONTROLS, CONVENTIONS, MUTANTS, Control, Convention, Mutant, by_label

MODULES = (
    controls,
    conventions,
    conventions_more,
    divergences,
    likelihoods,
    more,
    noise,
    odd,
    thresholds,
    weights,
)
__all__ = ["CONTROLS", "CONVENTIONS", "MUTANTS", "Control", "Convention", "Mutant", "by_label"]
