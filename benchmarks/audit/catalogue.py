"""All entries: importing this module enters them."""

from benchmarks.audit import controls, conventions, divergences, likelihoods, noise, odd, weights
from benchmarks.audit.entries import CONTROLS, CONVENTIONS, MUTANTS, Control, Convention, Mutant, by_label

MODULES = (controls, conventions, divergences, likelihoods, noise, odd, weights)
__all__ = ["CONTROLS", "CONVENTIONS", "MUTANTS", "Control", "Convention", "Mutant", "by_label"]
