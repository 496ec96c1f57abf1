"""Two codes +-mu, equally likely, in Gaussian noise of variance 1: the rate of their moments, and their information."""

from fractions import Fraction

from flint import arb

from .balls import Line, ball

PIECES = 8
"""Of the line: log(1 + exp(-2 mu z)) has branch points at distance pi/(2 mu)."""


def rate(mu: Fraction) -> arb:
    """Return 1/2 log(1 + mu^2)."""
    return ball(1 + mu * mu).log() / 2


def information(mu: Fraction) -> arb:
    """Return I(x; z) of two codes +-mu in noise of variance 1: log 2 - E log(1 + exp(-2 mu z)), z ~ N(mu, 1)."""
    # |log(1 + exp(t))| <= log 2 + |t| <= 1 + 2 mu (mu + |u|), below 100 (1 + u^4)
    centre = ball(mu)
    # on the line the logarithm is never on its cut; beside it the integrator must see where it is
    softplus = Line(mu, Fraction(1)).expectation(
        lambda z: (1 + (-2 * centre * z).exp()).log(analytic=True), 100, PIECES
    )
    return arb(2).log() - softplus
