r"""Gaussian q(z): ELBO, stationary points and gap, proved.

The way of a number
-------------------
``model.gaussian_posterior``  q = N(m, S) in exact numbers.
``expectations.exponential``, ``closed_forms``  E_q of sums of c z^k exp(a.z): exact algebra, then a tape in (m, L).
``expectations.integrands``  for all other decoders: what is integrated against N(0, I), in every number system.
``numbers.majorants``, ``growth``, ``network_growth``  how it grows: the tails.
``expectations.lattice``  the rule of choice: midpoints on a cube, where the integrand is analytic.
``expectations.plan``, ``suprema``  else: Gauss-Legendre on cells that are halved; cells with a kink keep their range.
``expectations.rules``, ``sums``  the rules of any expectation, and their sums in float64 balls or in arb.
``elbo``  the ELBO: the rest of it is elementary.
``equations``  its gradient and Hessian in the parameters of q.
``ascent``, ``critical_points``  where it may be stationary, in floats; trusted for nothing.
``whitened``, ``certification``, ``stationary_search``, ``shared``  that it is, once, in a box (`numbers.krawczyk`).
``stationary``  such points of one x or of many; ``stationary_point`` the record of one, ``stationary_rows`` of a row's.
``gap``  log p(x) - ELBO there.
``exact_posterior``, ``questions``  what p(z|x) says of z: ``ratios`` of integrals over a ``region``, in a ``root`` box;
``quantile`` between two places with proved probabilities.
``decompose``  its parts for an encoder's q, by ``decomposed_rows``; ``decomposition`` the record and its table.
``unit_speed``  a curve decoder in its arc length; ``unit_speed_regular`` what that needs, ``unit_speed_curve`` lengths,
``unit_speed_panels`` expectations, ``unit_speed_stationary`` stationary points.
``constant_variance``  what one covariance for all data costs, of precisions that ``precision_input`` has read.
``precision_stacks``, ``loewner``, ``specht``  their determinants in balls, the order B <= A <= h B, and its bound.
``core``, ``outside``  log p(x) from a lattice around q, for digits that float64 does not hold.

What the proofs rest on
-----------------------
FLINT's balls and this package's float64 balls (`numbers.ball_rounding`); the theorems stated in `numbers.krawczyk`,
`quadrature.gauss_legendre` and, of the room `expectations`, in `closed_forms`, `majorants` and `lattice`;
differentiation of E_q under the integral, which the majorants of the derivatives justify. A decoder is
taken to be real on all of R^d, as `LatentModel` demands. Not shown: that there are no further stationary points.
"""
