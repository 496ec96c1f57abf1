"""As the likelihood variance vanishes, a Gaussian VAE becomes a normalising flow.

Claim
-----
The paper: the ELBO is optimal in the limit as the likelihood variances approach zero, where it is equivalent to the
change of variables used in normalising flows. Made precise in seven statements, p_0 the law of f(z), z ~ N(0, I), and
z0 the preimage of x:

- S1: for d = D and a diffeomorphism f, log p(x) and the best Gaussian ELBO both tend to log p_0(x) = log N(z0; 0, I) -
  log |det J|. The ELBO needs E_q |f|^2 to be finite: not every diffeomorphism has that.
- S2: the first correction is sigma^2 times a coefficient, for the evidence that of the heat equation; that of the ELBO
  is smaller by the gap law.
- S3: for d < D and x on the image, log p(x) + (D - d)/2 log(2 pi sigma^2) tends to log N(z0; 0, I) - 1/2 log det J'J,
  for embeddings; an injective immersion is not enough.
- S4: the supremum over all decoders of the mean log evidence does not fall as sigma does.
- S5: for restricted decoders it may: linear ones peak at the mean discarded eigenvalue.
- S6: for a coupling flow the layers' formula, automatic differentiation and the limit of proved evidences agree.
- S7: gradient descent on the plain likelihood is stable only for steps below 2 sigma^2 / E z^2.

Hypotheses
----------
a regular point (f' is not 0), x on the image, growth below exp(c |z|^2) for the ELBO, an embedding for S3.

Relation
--------
Equality and order (S2, S3, S5, S6, S7), limits (S1), inequalities (S3's counterexample, S4).

Method
------
Laplace's expansion of the evidence and of the best Gaussian's ELBO in sigma, symbolically from the integrand; proved
evidences and ELBOs at small sigma; an enclosure of the maximum that certifies the supremum over all mixtures (Lindsay);
automatic differentiation by torch.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); ep.log_evidence and ep.stationary_posterior, see docs/trusted_base.md, and
FLINT's balls (certified); torch in float64 (numeric); that Laplace's expansion of an integrand with one nondegenerate
mode is asymptotic, and Lindsay's inequality log E(p/p_mu) <= log max D, given where it is used.

What this does not show
-----------------------
The expansions are derived for d = 1; in several dimensions the laws are compared with proved numbers. That ordinary
training is unstable is shown for gradient descent on a line, and not for Adam, whose steps do not scale with the loss.
"Optimal in the limit" holds for all decoders (S4) and fails for linear ones (S5).
"""

from elboproof.checking import Claim

claim = Claim(
    "flow-limit", title="In the limit of no likelihood variance the ELBO is the change of variables"
)
