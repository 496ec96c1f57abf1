"""Specht's ratio, and the factors between a constant-variance penalty and its second-order form.

With B <= A_n <= h B for one B, P* <= (d/2) log Specht(h), and h = e^(2y) gives

    log Specht(h) = c - 1 - log c = y coth y - 1 + log(sinh y / y),    c = log h / (h - 1).

Proof, for B = I, which a congruence reaches: log x >= c (x - 1) on [1, h], the chord of a concave function. So
E log|A| >= c (tr E A - d), and log|E A| is the sum of log l over the eigenvalues l of E A; log l - c (l - 1) is at most
its value c - 1 - log c at l = 1/c. Nothing commutes on the way. (W. Specht 1960, for numbers.)

With the eigenvalues x of (E A)^-1 A_n, P* = (1/2) E sum (x - 1 - log x) as E sum (x - 1) = 0; and
x - 1 - log x = C(x) (x - 1)^2 / 2 with the C of `share`, which falls. So P* lies between C(be) and C(al) times
(1/4) E sum (x - 1)^2 if all x lie in [al, be].
"""

import math

from flint import arb

from elboproof.numbers.outward import above
from elboproof.numbers.precision import working_precision

BITS = 400
"""1 - c and t - 1 - log t lose twice the digits that h and t share with 1, which are at most 53 bits."""


def log_specht(h: arb) -> arb:
    """Return log Specht(h) for a ball h > 1, at the precision in force."""
    c = h.log() / (h - 1)
    return c - 1 - c.log()


def specht_bound(h: float, d: int) -> float:
    """Return (d/2) log Specht(h) in nats, rounded up, for a float h >= 1; infinite for an infinite one."""
    if h == 1 or math.isinf(h):
        return 0.0 if h == 1 else math.inf
    with working_precision(BITS):
        return above(d * log_specht(arb(h)) / 2)


def share(t: float) -> arb:
    """Return C(t) = 2 (t - 1 - log t) / (t - 1)^2 for a float t >= 0: it falls from infinity at 0 to 0 at infinity."""
    if t == 1 or math.isinf(t):
        return arb(1) if t == 1 else arb(0)
    if t == 0:
        return arb("inf")
    with working_precision(BITS):
        x = arb(t)
        return 2 * (x - 1 - x.log()) / (x - 1) ** 2
