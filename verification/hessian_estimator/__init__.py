"""The posterior variance is part of a stochastic estimator of the decoder's Hessian.

Claim
-----
The paper: sampling z = m + L eps in a VAE's loss is a stochastic estimate of the decoder's Hessian, in which the
posterior covariance S = L L' is the covariance of the probing noise. Made precise in four statements:

- S1: Bonnet and Price: d/dm E_q[g] = E_q[grad g] and d/dS E_q[g] = 1/2 E_q[Hess g].
- S2: Stein's estimator: E_eps[(eps eps' - I) g(m + L eps)] = L' E_q[Hess g] L.
- S3: stationarity of the ELBO in S is S^-1 = I + E_q[J'J - sum_i (x_i - f_i) Hess f_i] / sigma^2, and to second order
  the noise adds 1/2 tr(S Hess) to the loss (Hutchinson); what is left is of second order in S.
- S4: the single-sample estimator is unbiased, the error of its mean falls like n^(-1/2), and for quadratic g the
  variance of each entry has a closed form.

Hypotheses
----------
positive definite covariance; g and its first two derivatives grow slower than the Gaussian density falls; for S3 a
twice differentiable decoder and a Gaussian likelihood of constant variance; for S4 fresh noise in each sample.

Relation
--------
Equality (S1, S2, S3, S4), an order in the size of S (the remainder of S3) and in the number of samples (S4).

Method
------
The Gaussian density solves a transport and a heat equation, dN/dm = -dN/dz and dN/dS = 1/2 d^2 N/dz^2; integration by
parts, which no check repeats, moves the derivatives to g. The symbolic checks prove the two equations for symbolic S,
and the statements for z^n and exp(a'z) with symbols n and a; the coefficients of the powers of a are the statements for
polynomials. The certified checks integrate both sides in balls for saturating g, which no finite number of moments
describes. The order in the number of samples follows from E X, E X^2 and E X X', which are balls.

Trusted base
------------
SymPy, and FLINT's polynomials as a second program (symbolic); FLINT's ball arithmetic and acb.integral through
python-flint, with the Gaussian tail bound in ``_shared/balls.py``, and the trusted base of ``ep.expectation``
(certified); NumPy in float64 (property); the empirical Bernstein inequality, for noise within six deviations, which
moves means by less than 1e-6 (statistical).

What this does not show
-----------------------
Nothing about how well a trained network uses the estimate, nor about biased variants with smaller variance. The
certified checks are in one latent dimension, those of S1 in up to three, the symbolic ones in up to three. S2 to S4 are
for the functions that each check names, not for every g of slow growth.
"""

from elboproof.checking import Claim

claim = Claim("hessian-estimator", title="The posterior variance probes the decoder's Hessian")
