"""S5, its limits: under Laplace and Student-t likelihoods another decoder is better than f*.

At one z of one small instance, exactly. Two decoders that are continuous in z differ in the same sense nearby, so what
is better at one z is better on a set of positive measure under q(z).

Student-t with nu degrees of freedom and scale c has -log p(x|f) = (nu + 1)/2 log(lambda + (x - f)^2) + constant with
lambda = nu c^2, so all of them are one family with a single parameter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_poly

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, finite_moment

BITS = 120
CODES, VARIANCE = (-1, 0, 1), Fraction(1, 2)
DATA, LATENT = (-1, 0, 4), Fraction(1, 4)
ONE_EXAMPLE = "x = -1, 0, 4 with codes -1, 0, 1 and the shared variance 1/2, at z = 1/4"
