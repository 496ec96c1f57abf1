"""A bounded Gaussian likelihood, invariant to the data's scale, makes the limit of small variances trainable.

Claim
-----
The paper: ordinary optimisation is unstable as the likelihood variance vanishes; Bounded Aggregate Information Sampling
(BAGGINS) is a Gaussian likelihood that is bounded and invariant to the scale of the data, from a measure of the
aggregate information of a batch. What is decided here: with data variances v_j, mean squared residuals r_j of a batch
and lambda = 1/(4^b - 1), BAGGINS = 1/2 sum_j log((1 + lambda) v_j / (r_j + lambda v_j)) nats per example.

- S1: it is the Gaussian log likelihood at its best variance of data seen through noise of variance lambda v, relative
  to these data's own Gaussian.
- S2: it is at most b bits per dimension, reached at r = 0; 0 where the decoder predicts the mean; not bounded below.
- S3: it does not change under x -> a x + c with decoder outputs that scale too.
- S4: as lambda -> 0 it is the Gaussian log likelihood with its best variance, up to the entropy of the data's Gaussian.
- S5: its slope in r is at most 1/(2 lambda v) and its curvature in a decoder's weight is bounded, where the plain
  likelihood's are not: gradient descent has a step that is stable at every residual.
- S6: on minibatches it is too large on average, to order 1/B.
- S7: with BILBO it is a lower bound of E log p(y) - E log N(y) of the noised data y, hence bounded by the data.
- S8: up to a constant it is BILBO's own form, with (residual, lambda v) for (code, posterior variance).
- S9: rival reconstructions, and which of the properties that the abstract names each of them has.

Reconstruction
--------------
The formula: made from the properties that the abstract names, not the paper's own, which could not be obtained.

Hypotheses
----------
positive data variances, a positive number of bits.

Relation
--------
Equality (S1, S3, S8), inequalities (S2, S5, S6, S7), limit (S4), a table of both (S9).

Method
------
Moments of the noise and derivatives, symbolically; enclosures of the entropies of two-point data and of minibatch
means; the library's function against formulas written anew; gradient descent on a line.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls, acb.integral and special functions through python-flint
(certified); torch in float64 (numeric).

What this does not show
-----------------------
That this is the paper's formula, nor that it trains better than its rivals: claim half-output-networks tries that. The
third reading, sigma^2 chosen so that the rate is b bits per dimension, is named in S9 and not implemented. Adam is not
gradient descent: S5 says nothing about it.
"""

from elboproof.checking import Claim

claim = Claim("baggins", title="A bounded, scale-invariant likelihood (a reconstruction)")
