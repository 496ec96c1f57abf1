"""A learned prior raises the ELBO by what the codes' law differs from the old one, and more once all is trained again.

Claim
-----
Xu, Li, Chen, Zhao, Lai and Pei (2019): the aggregate posterior q(z) = E q(z|x) may fail to match the unit Gaussian
prior; learning the prior, with RealNVP, is then necessary and effective, and may improve the reconstruction. Made
precise in eight statements:

- S1: the ELBO is E log p(x|z) - I(x; z) - KL(q(z) || p); only the last term knows the prior.
- S2: the best prior is q(z), and gains exactly KL(q(z) || p) over p.
- S3: the best of a family gains KL(q || p) less the least KL in the family; of Gaussians it has q's moments.
- S4: a flow prior with a decoder g is the prior N(0, I) with g after the flow's inverse and the encoder seen through
  the flow, which is then no Gaussian: that is where the gain lies.
- S5: q(z) of the training data as a prior is an overfit: it is worse at data that were held out.
- S6: the prior does not enter the best Gaussian decoder, nor the best likelihood variance.
- S7: over all priors, decoders and encoders the ELBO has the supremum of a mixture's mean log likelihood, certified
  by one maximum.
- S8: a learned prior may improve the reconstruction, and may worsen it.

Hypotheses
----------
a positive likelihood variance, densities that are positive where the codes are, an invertible flow.

Relation
--------
Equality (S1, S2, S3, S4, S6), inequalities (S5, S7, S8).

Method
------
Identities of finite laws and of moments, symbolically; enclosures of the terms of the ELBO for three data on the line,
a stationary encoder by Krawczyk's test, and Lindsay's certificate; torch against formulas written anew; a RealNVP prior
trained on three data and on two-dimensional codes of the digits.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls, acb.integral and Krawczyk's test (certified); torch in float64
(numeric); training in float32 (experiments); Jensen's inequality, given where it is used.

What this does not show
-----------------------
That the stationary encoder of S7 and S8 under N(0, 1) is the best one: searches found no better. That likelihoods on
image benchmarks are comparable to those of deep hierarchical VAEs: the networks and the data sets are not here. Whether
digits are reconstructed better is recorded over seeds and not asserted. Their networks are trained for N(0, I) first:
from one start the flow's own training costs more, at these numbers of steps, than its prior gains.
"""

from elboproof.checking import Claim

claim = Claim(
    "learned-prior", title="A learned prior gains what the codes' law differs from N(0, I), or more"
)
