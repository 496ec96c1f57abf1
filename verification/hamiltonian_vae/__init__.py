"""A variational auto-encoder whose samples follow Hamilton's equations of the posterior, and cool down.

Claim
-----
Caterini, Doucet and Sejdinovic 2018: with an optimal choice of reverse kernels, Hamiltonian importance sampling gives
low-variance unbiased estimators of the ELBO and its gradients by reparameterisation; it is a normalising flow that
knows its target and needs a few gradients of the likelihood and trivial Jacobians. As in the module
elboproof.objectives.hamiltonian: z ~ q0, gamma ~ N(0, I), rho = T_0 gamma; K leapfrog steps of size e, the momentum
cooled by T_k/T_(k-1) after each; log w = log p(x, z_K) - |rho_K|^2/2 + |gamma|^2/2 - log q0(z_0).

- S1: E w = p(x) for every step size, number of steps and temperature, and for any differentiable field in place of the
  gradient: unbiasedness does not see a wrong gradient.
- S2: the map's determinant is T_0^-d; leapfrog steps are undone by turning momenta around, cooling by the reversed
  schedule.
- S3: the gap log p - ELBO of a Gaussian posterior in closed form, its bound sqrt(V) - 1 - 1/2 log(L s0^2), V =
  L (s0^2 + (m - mu)^2), and when one step attains it.
- S4: the reverse kernel that is the path's own time reversal is best for every convex function of the weight.
- S5: the ELBO does not rise with the number of steps.
- S6: the entropy of place and momentum is that of the start for every schedule, which bounds the gap for every q0.
- S7: the reparameterised gradient is that of the ELBO, and what it costs.
- S8: the log weight is that of the VAE plus cooling less the integrator's energy errors.
- S9: without cooling all gain is integrator error; the best step, and the likelihood variance that it fits.
- S10: the gap is that of the places plus that of the momenta: what another reverse kernel of the momenta would gain.
- S11: variance of the log weight and second moment of the weight in closed form.
- S12: the paper's Gaussian experiment, with exact evidence.

Hypotheses
----------
a log joint with a continuous gradient, q0 > 0 everywhere, beta_0 in (0, 1]; a Gaussian posterior for what is in closed
form (S3, S5, S9 to S12).

Relation
--------
Equality (S1, S2, S4, S6 to S11), inequalities (S3, S4, S6), orders (S8, S9, S12).

Method
------
Determinants, moments and Gaussian integrals, symbolically; balls through the same maps; sums over lattices in float64;
the library's function by generated instances, sampling and training.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls and ep.log_evidence (certified); torch and NumPy in float64
(numeric, statistical and experiment).

What this does not show
-----------------------
Anything about the paper's experiments on images. That closed forms for Gaussian posteriors carry over to others: for
these S1, S2, S7 and S8 hold, and the gap is not known. That two steps attain the bound for 256/81 < V < 4 is shown at
three V, up to 1e-20. "Optimal reverse kernels" is optimal for the momentum's fixed target N(0, I) (S4), not over its
kernels (S10). The paper's rivals, a mean-field Gaussian and normalising flows, are not trained; nor are ten steps.
"""

from elboproof.checking import Claim

claim = Claim("hamiltonian-vae", title="Hamiltonian paths give low-variance unbiased estimates of the ELBO")
