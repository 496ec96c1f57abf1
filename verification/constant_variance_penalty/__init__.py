"""One posterior covariance for all data costs little under mild conditions, else it discourages Hessian variation.

Claim
-----
The paper: with a constant posterior variance the ELBO is a little less under mild conditions, and otherwise what is
lost discourages variation of the Hessian. Precisions A_n = E_q[Hess U_n] of the data points, U = -log p(x, z); one
shared covariance S costs P(S) = (1/2) E_n[tr(S A_n) - log|S A_n| - d] nats in the local quadratic model. Made precise,
and limited, in these statements:

- S1: P(S) = P* + KL(N(0, S) || N(0, S*)), S* = (E A)^-1, P* = (1/2) (log|E A| - E log|A|).
- S2: if B <= A_n <= h B for one B, then P* <= (d/2) log Specht(h) <= (d/16) (log h)^2, and the first is sharp, also
  for matrices that do not commute. "Mild" is h: below 0.03 nats per latent if h <= 2. Two equally weighted points lose
  at most (d/2) log((1 + h) / (2 sqrt h)); three equally weighted matrices may lose more than d times what three numbers
  can.
- S3: P* = (1/4) E tr X^2 - (1/6) E tr X^3 + ..., X = (E A)^-1 (A - E A), and P* / ((1/4) E tr X^2) lies in
  [C(be), C(al)] if the spectrum of (E A)^-1 A lies in [al, be].
- S4: P*(A) = P*(E[A|G]) + E[P*(A|G)]: a mean-preserving spread raises P* by what its groups lose.
- S5: three penalties are not the same. Fixed decoder: the true loss of the best ELBOs is P* + O(sigma^2), from above
  or from below. Three data, decoder refitted to the encoder: less than P*, about half of it at sigma^2 = .03 and .01.
  Three data, decoder of the free optimum kept: a third number, more than the refitted one.
- S6: P* has no bound: two values, and the decoder e^(kz) over the prior, whose limit P0 is k^2.

Hypotheses
----------
positive definite precisions; ratio at most h, in Loewner's order (S2); equal weights (S2, where it says so); deviations
below 1 (S3's remainder); mean-preserving spread (S4); one preimage (S5, fixed decoder).

Relation
--------
Equality (S1, S4, and S2's equality laws), inequalities (S2, S3, S4), an order in sigma (S5), a limit (S6).

Method
------
S1 to S4 are algebra with symbols: laws enter by the means that the statement needs. Instances are enclosed in FLINT's
balls, by formulas written here and by ep.constant_variance_penalty. S5's true penalties are differences of ELBOs at
stationary points whose existence is proved by Krawczyk's test: ep.stationary_posterior and
ep.shared_stationary_posterior for a fixed decoder, for the refitted one a system of six unknowns written here.

Trusted base
------------
SymPy's expand, cancel, series and simplify, and FLINT's polynomials (symbolic); FLINT's ball arithmetic and
acb.integral, Krawczyk's test, and docs/trusted_base.md for the library's results (certified); NumPy in float64
(property).

What this does not show
-----------------------
That a data set or a trained network has a small h. In S5, that the stationary points are the best ones: they are
proved to be local maxima, next to a table of starts; searches from random starts (a check of the full tier) found no
better ones, which is no proof.
S5's laws in sigma are about two decoders between finitely many sigma; which sign true - P* has depends on the decoder.
The limit of the refitted decoder's penalty, (1/6) log(1024/729), comes from an asymptotic argument that is not proved.
"""

from elboproof.checking import Claim

claim = Claim(
    "constant-variance-penalty",
    title="A constant posterior variance costs little, or discourages Hessian variation",
)
