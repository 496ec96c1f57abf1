"""The ELBO at its stationary points equals the exact log evidence.

Claim
-----
The paper: the ELBO at its stationary points equals the exact log evidence. For fixed x and decoder, stationarity over
Gaussian q = N(m, S) is E_q[grad U] = 0 and S^-1 = E_q[Hess U] (Opper and Archambeau 2009), U = -log p(x, z). Made
precise, and limited, in these statements:

- S1: over all densities q the ELBO is stationary iff q = p(z|x), and there it is log p(x).
- S2: for an affine decoder there is exactly one stationary (m, S), and its ELBO is log p(x).
- S3: the gap law. At an isolated mode gap = (1/12) T + higher order, T = sum U_ijk U_lmn A^il A^jm A^kn; on the
  decoder's curve (d = 1, x = f(z0)) that is (3/4) sigma^2 (f'.f'')^2 / |f'|^6.
- S4: on a unit-speed curve of curvature kappa the gap is kappa^4 sigma^4 / 48 + O(sigma^6).
- S5: with several preimages of x the gap tends to -log(posterior mass of the best one), for z^2 to log 2.
- S6: on finite data, with the decoder refitted to the encoder, the gap grows as sigma^2 falls.
- S7: with learned sigma^2 and a learnable latent scale, at every stationary point the ELBO is a sum of entropies,
  mean_n H[q_n] - H[p(z)] - H[p(x|z)] (Damm, Forster, Velychko, Dai, Fischer and Luecke, AISTATS 2023).
- S8: a linear VAE with learned W and sigma^2 ends at pPCA's maximum likelihood from random starts (Lucas, Tucker,
  Grosse and Norouzi 2019); the collapsed point W = V = 0 is stationary too, and S2 and S7 hold there.

Hypotheses
----------
positive definite covariances, an affine decoder (S2, S8), an isolated mode with positive definite Hessian (S3), unit
speed (S4), x on the image (S3 for curves, S4), two preimages (S5), a refitted decoder (S6), learned sigma^2 and a
learnable latent scale (S7), stationarity where it is claimed.

Relation
--------
Equality (S1, S2, S7, S8), an order in sigma^2 (S3, S4), a limit and bounds over a box (S5), an order of numbers (S6).

Method
------
S1 is the first variation of the ELBO and the strict convexity of t log t. S2 is linear algebra, done with symbols and
with non-commuting matrices of any size. S3 and S4 come from two derivations that share nothing: vacuum diagrams at the
stationary Gaussian (``elboproof.posterior``), and plain power series of log p(x) and of the best ELBO. S7 is two
scaling arguments; it and S8 are also checked where optimisers stop, on data. On instances of S2 to S6 the stationary
point is proved to exist (Krawczyk's test), log p(x) and the ELBO are enclosed, and so the gap is an interval, down to
sigma = 1e-4; over boxes of parameters the gap's bounds are proved by ep.for_all, by convexity.

Trusted base
------------
SymPy's expand and cancel (symbolic); FLINT's ball arithmetic and float64 balls, with the theorems of
docs/trusted_base.md (certified); NumPy, SciPy and torch in float64, scikit-learn's digits (numeric, experiment).

What this does not show
-----------------------
For other decoders "equals" is false at every positive sigma: S3 says by how much. The symbolic derivations are formal
power series; certified instances show their order on finitely many values of sigma, not for every decoder. S6 and S8
show where optimisers went from finitely many starts, not that no other optimum exists; in S2's instances and in S3 and
S4 the stationary point is the best one that was found, while S5's box is about the best of all Gaussian q.
"""

from elboproof.checking import Claim

claim = Claim("stationary-evidence", title="The ELBO at its stationary points equals the log evidence")
