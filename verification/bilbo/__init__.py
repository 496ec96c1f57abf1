"""With constant posterior variances the ELBO simplifies to a batch form, BILBO.

Claim
-----
The paper: once the posterior variance is constant, the ELBO can be written as an expectation over a batch, the Batch
Information Lower Bound. Made precise in six statements, with q(z|x_n) = N(m_n, diag s), s the same for all n:

- S1: over all centred diagonal priors N(0, diag v) the mean divergence of q from the prior is least at v_j = E m_j^2 +
  s_j, where it is the rate 1/2 sum_j log(1 + E m_j^2 / s_j); any other prior costs KL(N(0, v*) || N(0, v)) more.
- S2: a prior with a free mean has Var m_j in place of E m_j^2, a full covariance the determinant of I + S^-1 E mm'.
- S3: means and deviations may be scaled together, the decoder undoing it: one posterior variance may be set to 1.
- S4: the rate is the information of the code plus the divergence of the aggregate posterior from the fitted prior.
- S5: if the posterior variances vary, the rate with their mean is below the divergence to the fitted prior.
- S6: on minibatches of B the rate is too small on average, to order 1/B, and less so for larger ones.

Hypotheses
----------
positive posterior variances, codes with second moments, Gaussian codes (the exact minibatch means of S6 only).

Relation
--------
Equality (S1 to S5, the exact minibatch mean of S6); inequalities (S4, S5, S6).

Method
------
The divergence of Gaussians is derived from the densities by moments of the noise, symbolically, and compared with the
stated rate; logarithms stand as symbols, so that the identities are rational. Information and minibatch means are
integrated with proof, by two routes each. The losses of the library are compared with a search over the prior.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's ball arithmetic, acb.integral and its incomplete gamma and digamma
functions through python-flint, and the tail bounds beside the integrals (certified); torch and SciPy in float64
(numeric); Hypothesis generates codes (property).

What this does not show
-----------------------
That a constant posterior variance loses nothing: claims constant-variance-penalty and constant-variance-solutions. The
symbolic checks fix the number of codes at 2 and 3 and of latents at 1 and 2. That the expansion in 1/B holds for every
law of codes is not proved; the exact means are those of Gaussian codes and of finite sets of codes.
"""

from elboproof.checking import Claim

claim = Claim("bilbo", title="With constant posterior variances the ELBO becomes a batch form")
