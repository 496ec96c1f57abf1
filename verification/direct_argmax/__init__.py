"""Direct optimisation through an arg max for discrete VAEs (Lorberbom, Gane, Jaakkola and Hazan 2019).

Claim
-----
The paper: discrete latents are written as z = argmax_k (a_k + g_k) with Gumbel noise g and, in place of a softmax
relaxation, the arg max itself is optimised, by direct loss minimisation: with z_eps = argmax_k (a_k + eps f_k + g_k)
the difference (e_{z_eps} - e_{z_opt})/eps estimates the gradient of E f(z) in a. It extends to structured latents whose
arg max is tractable, and VAEs are trained with it. Decided here:

- S1: the mean is (softmax(a + eps f) - softmax(a))/eps exactly; its limit is the gradient.
- S2: bias to leading order, with one side and two; for every eps at most eps R^2/(6 sqrt 3) in the sum of sizes, R the
  range of f: the best constant.
- S3: the joint law of both arg maxima in closed form.
- S4: variance exactly and to leading order, G/eps with G the mean difference of f; the best step for many samples, and
  that there is none for few; an unbiased estimate wins from some number of samples on.
- S5: coordinate by coordinate on independent latents the limit is the exact gradient; on coupled ones it is not.
- S6: against score function and Gumbel-softmax: bias, variance, invariance.
- S7: with the decoder values that it needs, the local expectation gradient is unbiased and its conditional mean.
- S8: structured latents: with a Gumbel for each variable the samples do not follow the softmax (Gibbs) law; the
  gradient identity holds all the same; with a Gumbel for each of the 2^n configurations both hold.
- S9: a categorical VAE on digits, trained by each estimator.

Hypotheses
----------
a positive step, positive weights, values that differ.

Relation
--------
Equality (S1, S3, S7, S8), inequality (S2, S4, S7), order (S2, S4, S5, S6), orders of merit of training runs (S9).

Method
------
Exponential clocks and piecewise affine integrals, symbolically; exact laws in balls; the library's estimator on drawn
Gumbels; Fractions for structured arg maxima, by enumeration; training with exact ELBO and evidence, by enumeration.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls and acb.integral through python-flint (certified); NumPy's and
torch's random numbers (statistical); torch in float64 (experiment).

What this does not show
-----------------------
Only the abstract and released scripts were seen: data, networks and numbers of the paper's own experiments are not
reproduced. Nothing is tuned, with one step size of Adam for all estimators. With a Gumbel for each variable of a
structured model the KL of an ELBO has no closed form; the VAE here has independent latents, and that of softmax(a).
"""

from elboproof.checking import Claim

claim = Claim("direct-argmax", title="Direct optimisation through an arg max")
