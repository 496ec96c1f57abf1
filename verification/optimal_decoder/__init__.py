"""The optimal decoder of a Gaussian VAE has a closed form.

Claim
-----
The paper: for a Gaussian VAE whose encoder is given, the decoder that maximises the ELBO can be written down. It is
the posterior mean of the data given the latent, an average of the training examples weighted by how likely each one's
posterior is at that latent. Made precise, and extended, in seven statements:

- S1: f*(z) = E_q[x|z] = sum_i w_i(z) x_i, w_i(z) = q(z|x_i) / sum_j q(z|x_j), is the unique maximiser of the ELBO.
- S2: every other decoder loses ELBO(f*) - ELBO(f) = 1/2 E_q(z) ||f - f*||^2 in the metric of R^-1.
- S3: the best constant likelihood covariance for f* is R* = E_q(z) Cov_q(x|z); the best isotropic one its mean
  diagonal entry; the best one that may depend on z is Cov_q(x|z).
- S4: at f* the first variation of the ELBO is zero and the second is negative definite.
- S5: the same f* is optimal for every likelihood whose negative log is a Bregman divergence in its mean. It need not
  be for others: in an example it is optimal for no Laplace and no Student-t likelihood, whatever their scale and
  degrees of freedom, and the weighted median is better under all of the former and some of the latter.
- S6: a decoder network trained on the ELBO against the frozen encoder ends near f*, nearer than the optimal decoders
  of encoders with other noise are; S2 measures how far it is.
- S7: with one shared covariance, f* is softmax attention.

Hypotheses
----------
finite second moment, positive definite covariances, fixed likelihood covariance, one shared covariance (S7 only),
a decoder may be any measurable function (no architecture limits it; S6 shows what an architecture costs).

Relation
--------
Equality (S1, S2, S3, S4, S5, S7); inequalities for the training runs of S6, the limits of S5 and the tanh of S7.

Method
------
Pointwise in z the ELBO is a weighted least-squares problem. E[(x-f)' P (x-f)] - E[(x-f*)' P (x-f*)] = (f-f*)' P (f-f*)
for f* = E[x] follows by expanding, for any law with second moments; integrating over q(z) gives S1, S2 and S4 at once.
The symbolic checks derive this for symbolic moments, the certified ones prove it for instances whose two sides are
integrated separately, the others confirm it on generated instances and on the 1,797 scikit-learn digits with 2-D codes
from PCA and from a trained encoder, where expectations are quadratures.

Trusted base
------------
SymPy's expand and cancel, and FLINT's polynomials (symbolic); that identities at each z may be integrated over q(z);
FLINT's ball arithmetic and acb.integral through python-flint, the Gaussian tail bound in ``integrals.py``, and
Descartes' rule of signs in ``heavy_tails.py`` (certified); NumPy, SciPy and torch in float64, and the quadrature rules
of ``real_data.py``, whose errors were seen and not proved (numeric); one training run each (experiment).

What this does not show
-----------------------
Nothing about encoders that are trained together with the decoder: f* is optimal for one encoder, and the encoder that
is optimal for f* is another question (claim stationary-evidence). Nothing about generalisation: f* averages the
training examples. The symbolic proofs fix the dimensions of data and latents at 1, 2 or 3 and, where densities are
written out, the number of points at 2, 3 or 4; the moments stand for any law. No bound on how fast, or whether,
training in general approaches f*.
"""

from elboproof.checking import Claim

claim = Claim("optimal-decoder", title="The optimal decoder has a closed form")
