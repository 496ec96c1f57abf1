"""The ELBO at its stationary points equals the exact log evidence.

Claim
-----
The paper: the ELBO at its stationary points equals the exact log evidence. For fixed x and decoder, stationarity over
Gaussian q = N(m, S) is E_q[grad U] = 0 and S^-1 = E_q[Hess U] (Opper and Archambeau 2009), U = -log p(x, z). Made
precise, and limited, in these statements:

- S1: over all densities q the ELBO is stationary at q = p(z|x), with the value log p(x) and a gap that is positive
  elsewhere; for finite latents it is stationary nowhere else.
- S2: for an affine decoder there is exactly one stationary (m, S), and its ELBO is log p(x).
- S3: the gap law. At an isolated mode gap = (1/12) T + higher order, T = sum U_ijk U_lmn A^il A^jm A^kn; on the
  decoder's curve (d = 1, x = f(z0)) that is (3/4) sigma^2 (f'.f'')^2 / |f'|^6.
- S4: on a unit-speed curve of curvature kappa the gap is kappa^4 sigma^4 / 48 + O(sigma^6), unless the curve returns.
- S5: with several preimages of x the gap stays near -log(posterior mass of the best one), for z^2 near log 2.
- S6: on three data, with the decoder refitted to the encoder, the gap of the best encoder found grows as sigma^2
  falls.
- S7: with learned sigma^2 and a learnable latent scale, at every stationary point the ELBO is a sum of entropies,
  mean_n H[q_n] - H[p(z)] - H[p(x|z)] (Damm, Forster, Velychko, Dai, Fischer and Luecke, AISTATS 2023).
- S8: a linear VAE with learned W and sigma^2 ends at pPCA's maximum likelihood from random starts (Lucas, Tucker,
  Grosse and Norouzi 2019); the collapsed point W = V = 0 is stationary too, and S2 and S7 hold there.

Hypotheses
----------
positive joint densities (S1), positive definite covariances, an affine decoder (S2, S8), an isolated mode with positive
definite Hessian (S3), unit speed (S4), x on the image (S3 for curves, S4), two preimages (S5), a refitted decoder (S6),
learned sigma^2 and a learnable latent scale (S7), stationarity where it is claimed.

Relation
--------
Equality (S1, S2, S7, S8), an order in sigma^2 (S3, S4), a limit and bounds over a box (S5), an order of numbers (S6).

Method
------
S1 is the first and second variation of the ELBO and the strict convexity of t log t. S2 is linear algebra, done with
symbols, and its matrix identities with non-commuting matrices of any size. S3 and S4 come from two derivations that
share nothing: vacuum diagrams at the stationary Gaussian (``elboproof.expansion``), and plain power series of log p(x)
and of the best ELBO. S7 is two scaling arguments; it and S8 are also checked where optimisers stop, on data. On
instances of S2 to S6 log p(x) and the ELBO are enclosed, and so the gap is an interval, down to sigma = 1e-4; the
stationary point is proved to exist by Krawczyk's test in S2 to S5, and its slopes are enclosed in S6. Over boxes of
parameters the gap's bounds are proved by ep.for_all, by convexity.

Trusted base
------------
SymPy's expand and cancel, and FLINT's polynomials (symbolic); FLINT's ball arithmetic and float64 balls, with the
theorems of docs/trusted_base.md (certified); NumPy, SciPy and torch in float64, scikit-learn's digits (numeric,
experiment).

What this does not show
-----------------------
For other decoders "equals" is false at every sigma at which S3 to S6 enclose the gap: they say by how much. The
symbolic derivations are formal power series; certified instances show their order between finitely many values of
sigma, not for every decoder, and a rate at finitely many sigma, not a limit. S6 and S8 show where optimisers went from
finitely many starts, not that no other optimum exists; in S2's instances and in S3, S4 and the limits of S5 the
stationary point is the best one that was found, while S5's boxes are about the best of all Gaussian q.
"""

from elboproof.checking import Claim

claim = Claim("stationary-evidence", title="The ELBO at its stationary points equals the log evidence")
