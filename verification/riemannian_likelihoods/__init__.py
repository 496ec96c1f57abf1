"""The analysis of a VAE with a Gaussian likelihood extends to likelihoods with a Riemannian metric, in part as it is.

Claim
-----
The paper: the analysis extends to any likelihood that induces a Riemannian metric. Made precise in four statements,
t(z) the parameters that the decoder gives, J = dt/dz and G the Fisher metric in t:

- S1: G is the mean observed information, the mean squared score, and the second-order term of KL, for the families of a
  table. The Gaussian's (mean, log deviation) are a hyperbolic plane of curvature -1/2, classes a sphere of radius 2. K
  logits have a singular G, hence no Riemannian metric. Laplace has a metric and no second derivative: that of the
  distribution must be taken, and KL has a cubic kink.
- S2: what J'J/sigma^2 was becomes three things. (i) At fixed z, E_{x|z}[Hess U] = I + J'GJ. (ii) At fixed x the
  stationary Gaussian has S^-1 = I + E_q[J' obs(x, t) J - sum_k score_k Hess t_k]: the observed information, which is G
  for canonical parameters only and may be negative. (iii) Over the population E_x E_{p(z|x)}[Hess U] = I +
  E_N(0,I)[J'GJ], the inverse of the van Trees bound of the mean posterior variance.
- S3: Bernoulli, Poisson and categorical decoders of one and two latents have proved evidences, stationary Gaussians
  with positive gaps, and the penalty of one covariance to leading order.
- S4: the gap law does NOT hold with G in place of J'J/sigma^2: it has the third cumulant too. With n replicates of an
  exponential family the gap is (3 t''Gt' + C(t', t', t'))^2/(12 n (t'Gt')^3), which is the connection alpha = 1/3, and
  not the metric's own, alpha = 0. A coordinate with constant posterior variance does not cancel the gap, unless C = 0.

Hypotheses
----------
positive parameters, a smooth density (not Laplace), an exponential family for S4, a regular metric, data at the mean of
one latent alone.

Relation
--------
Equality (S1, S2, S3), order in 1/n (S1's KL in the step, S4), inequalities (van Trees, gaps, the penalty).

Method
------
Second derivatives, means and cumulants of the library's records, symbolically; sums and integrals over x of its
densities, evidences, stationary Gaussians and gaps, certified; the gap law through the library's diagrams,
symbolically, and on instances by proved gaps.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); ep.log_evidence, ep.stationary_posterior, ep.gap, ep.elbo, ep.expectation and
ep.constant_variance_penalty, see docs/trusted_base.md, and FLINT's balls, integrals and Bessel functions (certified);
that the expansion in 1/n is asymptotic for one nondegenerate mode.

What this does not show
-----------------------
"Any likelihood" is decided for the families named, not for all. The gap law is stated for exponential families; for
others the third derivatives of -log p at the data are to be used as they are. That a stationary Gaussian found is the
best one is not proved. For Gaussian q in place of p(z|x), (iii) is not exact.
"""

from elboproof.checking import Claim

claim = Claim(
    "riemannian-likelihoods",
    title="Likelihoods with a Riemannian metric: what extends as it is, and what does not",
)
