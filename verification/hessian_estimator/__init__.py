"""The posterior variance is part of a stochastic estimator of the decoder's Hessian.

Claim
-----
The paper: sampling z = m + L eps in a VAE's loss is a stochastic estimate of the decoder's Hessian, in which the
posterior covariance S = L L' is the covariance of the probing noise. Made precise in four statements:

- S1: Bonnet and Price: d/dm E_q[g] = E_q[grad g] and d/dS E_q[g] = 1/2 E_q[Hess g].
- S2: Stein's estimator: E_eps[(eps eps' - I) g(m + L eps)] = L' E_q[Hess g] L.
- S3: stationarity of the ELBO in S is S^-1 = I + E_q[J'J - sum_i (x_i - f_i) Hess f_i] / sigma^2, and to second order
  the noise adds 1/2 tr(S Hess) to the loss (Hutchinson); what is left is of second order in S.
- S4: the single-sample estimator is unbiased, and for quadratic g its variance has a closed form.

Hypotheses
----------
positive definite covariance; g and its first two derivatives grow slower than the Gaussian density falls; for S3 a
twice differentiable decoder and a Gaussian likelihood of constant variance; for S4 fresh noise in each sample.

Relation
--------
Equality (S1, S2, S3, S4), an order in the size of S (the remainder of S3).

Method
------
The Gaussian density solves a transport and a heat equation, dN/dm = -dN/dz and dN/dS = 1/2 d^2 N/dz^2; integration by
parts moves the derivatives to g. The symbolic checks prove the two equations for symbolic S, and the statements for
z^n and exp(a z) with symbols n and a: the moment generating function covers every polynomial at once. The certified
checks integrate both sides in balls for saturating g, which no finite number of moments describes.

Trusted base
------------
SymPy's expand, cancel and combsimp (symbolic); FLINT's ball arithmetic and acb.integral through python-flint, and the
Gaussian tail bound in ``integrals.py`` (certified); NumPy in float64 (property); the empirical Bernstein inequality
(statistical).

What this does not show
-----------------------
Nothing about how well a trained network uses the estimate, nor about biased variants with smaller variance. The
certified checks are in one latent dimension, the symbolic ones in up to three.
"""

from elboproof.checking import Claim

claim = Claim("hessian-estimator", title="The posterior variance probes the decoder's Hessian")
