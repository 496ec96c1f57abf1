"""Non-trivial stationary points with constant posterior variance.

Claim
-----
The paper: there are non-trivial stationary points whose posterior variance is the same for every x. At a stationary
q = N(m, S), S^-1 = E_q[Hess U]. Made precise, and limited, in these statements:

- S1: for an affine decoder S = (I + W'R^-1 W)^-1 for every x, and S = I for W = 0 alone. For learned probabilistic
  PCA S = sigma^2 Lambda^-1 in principal axes, and E m_j^2 + s_j = 1.
- S2: the same for nonlinear decoders. With a prior flat on the line and x on the curve: the circle has s = -2
  W(-sigma^2 / (2 r rho)), W Lambert's function, where sigma^2 < 2 r rho / e, a local maximum of an ELBO without
  upper bound; the helix has 1/s = (c^2 + r^2 e^(-s/2)) / sigma^2, uniquely for every sigma if and only if c/r >=
  1/e; the torus of R^4 has one such equation for each latent. Off the circle s depends on |x|. With a prior of
  precision e, S varies over x by O(e^2).
- S3: every regular curve of infinite length has a parameter of unit speed t(z). Pushed forward, the prior leaves
  p(x) as it is, and for x on the curve the gap of the best q Gaussian in t is kappa^4 sigma^4 / 48 + O(sigma^6),
  where q Gaussian in z leaves (3/4) sigma^2 (f'.f'')^2 / |f'|^6.
- S4: for two latents a constant J'J needs a decoder whose metric is flat: det J'J = 1 is not enough (Lambert's
  equal-area coordinates of the sphere). Over a geodesic disc of radius rho the least penalty of a shared
  covariance, over all coordinates, is K^2 rho^4 / 192 to leading order.

Hypotheses
----------
an affine decoder (S1), eigenvalues above sigma^2 (pPCA), x on the curve and a flat prior (S2), sigma^2 below the
fold (circle), a regular curve of infinite length and x on it (S3), a smooth metric (S4).

Relation
--------
Equality (S1, S2), an order in the prior's precision (S2) and in sigma^2 (S3), a limit (S4).

Method
------
S1 and the equations of S2 are calculus with symbols; their roots are proved by changes of sign and Krawczyk's test,
and beside Lambert's function, Bessel functions or an integral. S3 is ep.unit_speed, whose ELBOs are proved, beside
curves whose arc length has a closed form. S4 is Brioschi's formula, and linear elasticity: curvature is an
incompatibility, and Airy's stress function gives the least strain, in polynomials.

Trusted base
------------
SymPy's expand and cancel, and FLINT's polynomials (symbolic); FLINT's ball arithmetic and float64 balls, with the
theorems of docs/trusted_base.md (certified).

What this does not show
-----------------------
That there are no other constant solutions: that |f(z) - f(z')| depends on z - z' alone is shown to be sufficient,
not to be necessary. S3's orders are shown between finitely many sigma, at the best stationary Gaussian found. S4's
obstruction is for smooth coordinates (isometric embeddings that are once differentiable evade it), its penalty law
is to leading order in rho, and beyond that order it is enclosed for radial maps of the sphere alone.
"""

from elboproof.checking import Claim

claim = Claim(
    "constant-variance-solutions", title="There are stationary points with constant posterior variance"
)
