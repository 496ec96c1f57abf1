"""The optimal decoder is smooth: how smooth, and with which hypotheses.

Claim
-----
The paper: the optimal decoder of a Gaussian VAE is always smooth. Made precise, sharpened and limited in five
statements about f*(z) = sum_i w_i(z) x_i, w_i(z) = q(z|x_i) / sum_j q(z|x_j), q(z|x_i) = N(m_i, S_i):

- S1: f* is real-analytic on R^d for finite data and any positive definite S_i, and for any data law with E|x| finite
  and S(x) >= c I; without a common c it may have a kink.
- S2: its derivatives are joint cumulants under w(z): D^k f* = kappa(x, S^-1 m, ..., S^-1 m) for a shared S; for
  different ones a sum over partitions into blocks of one and two.
- S3: for a shared S, ||J(z)|| <= diam(x) diam(S^-1 m) / 4 at every z, reached by two points; with it a Hilbert-metric
  form, a modulus of continuity with tanh, a local form, one for the nuclear norm, and the second derivative's
  1 / (6 sqrt 3). For different S_i the bound holds pointwise, with the diameter of the slopes at z.
- S4: for a shared S, f* extends analytically to the tube |Im z| < pi / diam(S^-1 m), with a lower bound of the
  denominator there; the exact strips of two and of three codes on a line; in the plane the width is sharp for an
  equilateral triangle, and not attained.
- S5: for different covariances there is no bound in terms of diam(x), diam(m) and the average variance. On the line,
  and for isotropic S_i, each data set has a finite bound and a tube, which depend on the variances and the number of
  points; in the plane two points with unequal diagonal covariances have no Lipschitz constant and no tube at all.

So "always smooth" holds as analyticity, for finite data or variances bounded below, and fails as worded for infinite
data (S1, limits); a quantitative form needs one shared covariance (S3, S4), and fails for different ones (S5).

Hypotheses
----------
finite data or covariances bounded below (S1), positive definite covariances, one shared covariance (S3 but for its
pointwise form, S4), two distinct pairs where a bound is reached, a weight of at least 1/2 (the local form of S3),
equilateral codes (S4 in the plane), isotropic covariances (S5).

Relation
--------
Equality (S1, S2, S5's closed forms), inequalities with their cases of equality (S3, S4, S5), limits (S4, S5).

Method
------
S1: the modulus of each term depends on Im z only, exp(|Im z|^2 / (2 c)) at most; so numerator and denominator are
entire, and the denominator is positive on R^d. S2: the weights are an exponential family in z. S3: J = Cov_w(x, S^-1
m), and inequalities between covariances and ranges; symbolic checks have the identities whose remainders have a sign,
certified ones the cases of equality, generated data sets try every form. S4: at a + ib the terms have phases b.S^-1
m_i; where they lie in a half plane the sum is not 0; zeros are counted by the argument principle, certified by balls.
S5: closed forms of two points, and for more of them Jensen's inequality with the entropy of the weights.

Trusted base
------------
SymPy's expand and cancel, and FLINT's polynomials (symbolic); the inequalities of Cauchy-Schwarz, Popoviciu, Bhatia and
Davis, and Jensen, Jung's theorem, and Banach's on the norm of symmetric forms (steps of the proofs in S3 that are
cited); FLINT's ball arithmetic and acb.integral, and the argument principle (certified); NumPy, SciPy and
scikit-learn's digits in float64 (numeric, property).

What this does not show
-----------------------
That the constants of S3 for derivatives of order 3 and higher are the least ones: only two bounds around them are
proved. That 1/4 bounds Frobenius' norm too. Where the first pole is for codes in the plane that are not on one line,
other than triangles of this kind. That the bounds of S5 for more than two points are sharp, or that none is finite
where no covariance is above all others. Symbolic checks fix the number of points at 2 or 3 and the dimensions at 1, 2
or 3. Nothing about a decoder that is trained rather than optimal, nor about how large diam(S^-1 m) is for trained
encoders: on the digits with PCA codes the bound is some 4 times what a search finds.
"""

from elboproof.checking import Claim

claim = Claim("decoder-smoothness", title="The optimal decoder is smooth")
