"""The decoder that is optimal for a given Gaussian encoder, in closed form."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from elboproof.arguments import bad, suggesting, wrong_type
from elboproof.arrays import is_tensor
from elboproof.decoder import (
    attention,
    averaging,
    derivatives,
    enclosing,
    gaussians,
    per_query,
    smoothness,
    stacks,
    tensors,
)
from elboproof.decoder.attention import Attention
from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import Table


@suggesting
class OptimalDecoder:
    """The optimal decoder f*(z) = E_q[x | z] of a Gaussian VAE, for the encoder q(z|x_i) = N(m_i, S_i).

    f*(z) = sum_i w_i(z) x_i with w_i(z) = N(z; m_i, S_i) / sum_j N(z; m_j, S_j) is the unique maximiser of the
    ELBO over all decoders, whatever the likelihood's covariance: any other decoder loses half its mean squared
    distance from f* (in the metric of that covariance) under q(z). With one shared covariance it is softmax attention.

    Parameters
    ----------
    codes : (N, d)
        The means m_i.
    data : (N, D)
        The examples x_i.
    covariances
        A scalar (one shared isotropic VARIANCE), shape (N,) (one isotropic variance per point), (d, d) or
        (1, d, d) (one shared covariance), or (N, d, d) (one covariance per point). A shared diagonal is passed as
        ``numpy.diag(v)``; a vector of length d > 1 is refused, also when N = d.
    variances : (N, d), optional
        In place of ``covariances``: the diagonals of diagonal covariances, one row per point, as an encoder gives
        them. VARIANCES, never logarithms of them or standard deviations.

    Raises
    ------
    TypeError
        If an argument does not consist of real numbers, or both or none of covariances and variances are given.
    ValueError
        If a shape does not fit, an axis is empty, a number is not finite, a variance is not positive, or a
        covariance is not symmetric and positive definite.

    Notes
    -----
    Each argument is a NumPy array, anything that becomes one, or a torch tensor; none is copied, so do not
    write into it afterwards. A NumPy z gives NumPy results in the precision of ``data`` (float32 or float64),
    with densities computed in float64. A tensor z gives tensors on its device in its precision, differentiable
    in z and in each argument that is a tensor.

    Examples
    --------
    >>> import elboproof as ep
    >>> decoder = ep.OptimalDecoder([[-1.0], [1.0]], [[0.0], [1.0]], 0.5)  # two codes, variance 1/2
    >>> decoder([0.0]), decoder.jacobian([0.0])  # halfway between the data, slope diam(x) diam(m) / (4 s^2)
    (array([0.5]), array([[1.]]))
    """

    def __init__(self, codes: Any, data: Any, covariances: Any = None, *, variances: Any = None) -> None:
        self.codes: Table = tensors.numbers(codes, "codes", ("N", "d"))
        self.data: Table = tensors.numbers(data, "data", ("N", "D"))
        points, dimensions = self.codes.shape
        if len(self.data) != points:
            raise ValueError(f"data: got {len(self.data)} rows; expected N = {points}, one per row of codes")
        self.covariances: Table = stacks.stack_of(covariances, variances, points, dimensions)
        stack = tensors.plain(self.covariances, "covariances").astype(np.float64)
        gaussians.require_covariances(stack)
        if (stack == stack[:1]).all() and not getattr(self.covariances, "requires_grad", False):
            self.covariances, stack = self.covariances[:1], stack[:1]
        self._gaussians = gaussians.gaussians(np, tensors.plain(self.codes).astype(np.float64), stack)
        self._exact: enclosing.Exact | None = None

    def __repr__(self) -> str:
        (points, dimensions), outputs = self.codes.shape, self.data.shape[1]
        kind = "one shared covariance" if self._gaussians.shared else "one covariance per point"
        return f"OptimalDecoder(N={points}, d={dimensions}, D={outputs}, {kind})"

    def __call__(self, z: Table) -> Table:
        """Return f*(z), shape (..., D), for z of shape (..., d).

        Raises
        ------
        TypeError, ValueError
            If z does not consist of real numbers, has another last axis than d, or is not finite.
        OverflowError
            If z is so far away (some 1e150 in float64) that its log densities are out of range, or a tensor z is of a
            precision that cannot hold the codes, data or covariances.
        """
        # (..., d) to (..., D). Tensors keep their graph, so every pair is computed and
        # differentiated; NumPy queries may skip blocks of codes (`streaming`). The result has the
        # shape and precision of the docstring either way.
        z = self._queries(z)
        g, data = self._on(z)
        if is_tensor(z):
            parts = [per_query.weights(g, part) @ data for part in per_query.parts(g, z)]
            return self._shaped(parts, z, (data.shape[1],))
        flat = z.reshape(math.prod(z.shape[:-1]), z.shape[-1]).astype(np.float64)
        return self._shaped([averaging.average(self._gaussians, data, flat)], z, (data.shape[1],))

    def weights(self, z: Table) -> Table:
        """Return the weights w_i(z), shape (..., N): non-negative, with sum 1."""
        z = self._queries(z)
        g, _ = self._on(z)
        return self._shaped(
            [per_query.weights(g, part) for part in per_query.parts(g, z)], z, (len(self.codes),)
        )

    def log_density(self, z: Table) -> Table:
        """Return log q(z) in nats, shape (...), with q(z) = (1/N) sum_i N(z; m_i, S_i).

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for the decoder itself; the last also if log q(z) is below the range of the result's precision.
        """
        z = self._queries(z)
        g, _ = self._on(z)
        with np.errstate(over="ignore"):  # `_shaped` looks at the result
            return self._shaped([per_query.log_density(g, part) for part in per_query.parts(g, z)], z, ())

    def jacobian(self, z: Table) -> Table:
        """Return the derivative of f* at z, shape (..., D, d): Cov_w(x, grad log q(z|x_i))."""
        return self.derivative(z, 1)

    def derivative(self, z: Table, order: int) -> Table:
        """Return the derivative of any order 0, ..., 6 of f* at z, shape (..., D, d, ..., d).

        With a shared covariance it is the joint cumulant of x and ``order`` copies of S^-1 m under w(z). Computed
        by the recursion of `elboproof.decoder.derivatives`.

        Raises
        ------
        TypeError, ValueError
            If the order is no integer or outside 0, ..., 6, or z is refused.
        OverflowError
            If z is so far away, or the covariances are so small, that a number exceeds the range of its precision.
        """
        if isinstance(order, bool) or not isinstance(order, int | np.integer):
            raise wrong_type("order", order, "an integer")
        if not 0 <= order <= derivatives.MAX_ORDER:
            raise bad("order", order, f"an integer from 0 to {derivatives.MAX_ORDER}")
        order = int(order)  # a tuple times a NumPy integer is an array
        if order == 0:
            return self(z)
        z = self._queries(z)
        g, data = self._on(z)
        # one plane (Q, N) for each multi-index up to the order is held at once: the parts of z are
        # so much smaller
        held = len(derivatives.indices(z.shape[-1], order))
        with np.errstate(over="ignore", invalid="ignore"):  # `_shaped` looks at the result
            parts = [per_query.derivative(g, data, part, order) for part in per_query.parts(g, z, held)]
            return self._shaped(parts, z, (data.shape[1], *(z.shape[-1],) * order))

    def lipschitz_bound(self) -> float:
        """Return a bound of the spectral norm ||J(z)||_2 over all z, in units of x per unit of z, rounded up.

        One shared covariance S: diam(x) diam(S^-1 m) / 4, attained by two points; for S = s^2 I it is diam(x) diam(m)
        / (4 s^2). Two points, one of whose covariances is strictly above the other: the supremum itself. More: a bound
        that grows with sqrt(log N) (`elboproof.decoder.unequal`) if all covariances are isotropic, as for d = 1, or
        one is strictly above all that differ from it. Otherwise infinite: no bound was proved, and for two points with
        covariances in no order there is none.

        The diameters are exact: for 60,000 points in 784 dimensions that takes one to two minutes on one thread.

        Raises
        ------
        ArithmeticError
            If a shared S is so ill-conditioned that float64 cannot bound its inverse.

        Examples
        --------
        >>> OptimalDecoder([[-1.0], [1.0]], [[0.0], [3.0]], 0.5).lipschitz_bound()  # 3 * 2 / (4 * 0.5)
        3.0000000000000...
        """
        return smoothness.lipschitz(self._gaussians, tensors.plain(self.data))

    def analytic_radius(self) -> float:
        """Return a rho such that f* is analytic where |Im z| < rho, in units of z, rounded down.

        One shared covariance S: pi / diam(S^-1 m), which is pi s^2 / diam(m) for S = s^2 I; but for at most 64 codes on
        one line (exactly, as for d = 1) the widest tube in which the denominator has no zero, if it is found. Two
        points, one of whose covariances is strictly above the other: the distance of the first pole. More: a proved
        width where `lipschitz_bound` is finite. Otherwise 0: no tube was proved, and for two points with covariances in
        no order there is none. Infinite if all data, or all codes and covariances, are equal. Errors as of
        `lipschitz_bound`.

        Examples
        --------
        >>> three = OptimalDecoder([[-1.0], [0.0], [1.0]], [[0.0], [1.0], [3.0]], 1.0)
        >>> three.analytic_radius()  # arccos(-sqrt(e) / 2), more than pi / 2
        2.5398681061318...
        """
        return smoothness.radius(self._gaussians, tensors.plain(self.data))

    def modulus(self, distance: Any) -> Any:
        """Return a bound of |f*(z) - f*(z')| over all z, z' at a distance (...), in units of x, rounded up.

        One shared covariance S: diam(x) tanh(diam(S^-1 m) distance / 4), attained by two points; otherwise the least of
        diam(x) and `lipschitz_bound` times the distance, which may be infinite. Errors as of `lipschitz_bound`, and
        TypeError or ValueError if a distance is no real number of at least 0.

        Examples
        --------
        >>> OptimalDecoder([[-1.0], [1.0]], [[0.0], [3.0]], 0.5).modulus([0.0, 1.0])  # 3 tanh(1)
        array([0.        , 2.28478247])
        """
        return smoothness.modulus(self._gaussians, tensors.plain(self.data), distance)

    def attention(self) -> Attention:
        """Return keys, values, bias and scale with which softmax attention reproduces the decoder.

        Arrays are of the kind and precision of ``data``. In float32 the bias loses |m|^2 / (2 s^2) 6e-8 nats.

        Raises
        ------
        ValueError
            If the covariances differ: the logits are quadratic in z then.
        """
        g = self._on(self.data)[0] if is_tensor(self.data) else self._gaussians
        return attention.attention(g, self.data)

    def enclose(self, z: Any, digits: int = 15) -> enclosing.EnclosedAverage:
        """Return proved bounds of f*(z) for one exact z of shape (d,).

        Parameters
        ----------
        z
            d numbers: a float is the binary number that it is; a string or Fraction is exact.
        digits : int
            Correct digits of each component, relative to itself; of a component that may be zero, relative to
            1e-30 max_i |x_i|.

        Raises
        ------
        TypeError, ValueError
            If z or digits is refused.
        ArithmeticError
            If 32,768 bits do not give the digits.
        """
        # exact from here on: floats are the binary numbers that they are, and all arithmetic is that of balls
        if isinstance(digits, bool) or not isinstance(digits, int | np.integer):
            raise wrong_type("digits", digits, "a positive integer")
        if digits < 1:
            raise bad("digits", digits, "a positive integer")
        return enclosing.enclose(self._exactly(), enclosing.exact_point(z, self.codes.shape[1]), int(digits))

    def ball_values(self, z: Sequence[Any]) -> list[Any]:
        """Return f*(z) as D balls for d balls z (all arb, or all acb), at the working precision of python-flint.

        f* is meromorphic, so the flag ``analytic`` of `acb.integral` needs no attention: where the denominator may
        vanish the result is not finite. Use ``lambda t, _: decoder.ball_values([t])[0]``.

        Raises
        ------
        TypeError, ValueError
            If z is not a sequence of d balls.
        """
        return enclosing.values(self._exactly(), enclosing.require_balls(z, self.codes.shape[1]))

    def _exactly(self) -> enclosing.Exact:
        if self._exact is None:
            self._exact = enclosing.exact(self._gaussians, tensors.plain(self.data))
        return self._exact

    def _queries(self, z: Table) -> Table:
        z = gaussians.real_table(z, "z", "real numbers of shape (..., d)")
        dimensions = self.codes.shape[1]
        if z.ndim == 0 or z.shape[-1] != dimensions:
            raise ValueError(
                f"z: got shape {tuple(z.shape)}; expected shape (..., {dimensions}), the codes' d"
            )
        tensors.require_finite_queries(z)
        return z

    def _on(self, z: Table) -> tuple[Gaussians, Table]:
        """Return the Gaussians and the data as arrays of the kind of z."""
        if not is_tensor(z):
            return self._gaussians, tensors.plain(self.data)
        means, stack = tensors.like(self.codes, z), tensors.like(self.covariances, z)
        return gaussians.gaussians(tensors.module_of(z), means, stack), tensors.like(self.data, z)

    def _shaped(self, parts: list[Table], z: Table, tail: tuple[int, ...]) -> Table:
        xp = tensors.module_of(z)
        whole = (parts[0] if len(parts) == 1 else xp.concatenate(parts)).reshape((*z.shape[:-1], *tail))
        if is_tensor(z):
            return tensors.require_in_range(whole.to(z.dtype))
        return tensors.require_in_range(np.asarray(whole, dtype=tensors.plain(self.data).dtype)[()])
