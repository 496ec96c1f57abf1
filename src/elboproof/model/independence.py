"""Outputs of a decoder in latents that are independent under a normal prior: z = m + L w, C = L D L'."""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

import sympy

from elboproof.model.linearity import Outputs, dependences
from elboproof.model.priors import Normal
from elboproof.numbers import tape_copies
from elboproof.numbers.exact import rational
from elboproof.numbers.symmetric import ldl
from elboproof.numbers.tape import Tape


def independent(
    outputs: Outputs, prior: Normal, order: Sequence[int], units: int
) -> tuple[Outputs, tuple[Fraction, ...]]:
    """Return the outputs in w, and the variances of all but the first ``units`` of them, which have the variance 1.

    L is triangular in the order given: latent ``order[i]`` depends on w_0 to w_i only. What is linear in the latents
    from ``order[units]`` on is therefore linear in the w from there on.

    Parameters
    ----------
    outputs
        f(z), z ~ N(m, C).
    prior
        With a mean.
    order
        All latents.
    units
        How many w are scaled by sqrt(D), which need not be a rational number, to have the variance 1.
    """
    mean, covariance = prior.mean or (), prior.covariance or ()
    unit, pivots = ldl([[covariance[j][k] for k in order] for j in order])
    tape = Tape(tuple(sympy.Dummy(f"w_{i}", real=True) for i in range(len(order))))
    w = [tape.lower(symbol) for symbol in tape.inputs]
    for i, pivot in enumerate(pivots[:units]):
        w[i] = tape.multiply(tape.lower(sympy.sqrt(rational(pivot, "prior"))), w[i])
    z = [0] * len(order)
    for i, k in enumerate(order):
        terms = [tape.multiply(tape.constant(factor), w[j]) for j, factor in enumerate(unit[i][: i + 1])]
        z[k] = reduce(tape.add, terms, tape.constant(mean[k]))
    entries = tape_copies.put(outputs.tape, outputs.entries, tape, z)
    found = dependences(tape, entries, len(order))
    return Outputs(tape, tuple(entries), tuple(found)), tuple(pivots[units:])
