"""S3: two points reach every form of the bound, in balls; one more point far away does not."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_mat

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, heavy_weight, shared_covariance, two_pairs

Rows = tuple[tuple[str, ...], ...]
WITHIN = 1e-30
PRECISION = 160


def column(entries: tuple[str, ...]) -> arb_mat:
    """Return exact numbers as a column."""
    return arb_mat([[ball(entry)] for entry in entries])


def norm(vector: arb_mat) -> arb:
    """Return the Euclidean norm of a column."""
    return (vector.transpose() * vector)[0, 0].sqrt()


@dataclass(frozen=True)
class Cloud:
    """Points with codes in R^d, data in R^D, one covariance and multiplicities."""

    codes: Rows
    data: Rows
    covariance: Rows
    counts: tuple[int, ...]

    def precision(self) -> arb_mat:
        """S^-1."""
        return arb_mat([[ball(entry) for entry in row] for row in self.covariance]).inv()

    def logits(self, z: arb_mat) -> list[arb]:
        """Return log w_i up to a constant."""
        P = self.precision()
        found = []
        for code, n in zip(self.codes, self.counts, strict=True):
            u = z - column(code)
            found.append(arb(n).log() - (u.transpose() * P * u)[0, 0] / 2)
        return found

    def weights(self, z: arb_mat) -> list[arb]:
        """Return the weights of the distinct points."""
        logits = self.logits(z)
        powers = [(one - logits[0]).exp() for one in logits]
        return [one / sum(powers, arb(0)) for one in powers]

    def jacobian(self, z: arb_mat) -> arb_mat:
        """J = Cov_w(x, S^-1 m)."""
        w, P = self.weights(z), self.precision()
        x, m = [column(row) for row in self.data], [P * column(row) for row in self.codes]
        zero_x, zero_m = x[0] * arb(0), m[0] * arb(0)
        mean_x = sum((one * p for one, p in zip(x, w, strict=True)), zero_x)
        mean_m = sum((one * p for one, p in zip(m, w, strict=True)), zero_m)
        parts = [(a - mean_x) * ((b - mean_m) * p).transpose() for a, b, p in zip(x, m, w, strict=True)]
        return sum(parts[1:], parts[0])

    def decode(self, z: arb_mat) -> arb_mat:
        """f*(z)."""
        rows = [column(row) * p for row, p in zip(self.data, self.weights(z), strict=True)]
        return sum(rows[1:], rows[0])


TWO = Cloud(
    codes=(("-1", "1/2"), ("3/4", "1/4")),
    data=(("0", "1"), ("2", "-1/2")),
    covariance=(("1/2", "1/8"), ("1/8", "3/4")),
    counts=(3, 1),
)
PLACES: Rows = (("1/5", "-1/3"), ("-2", "1"), ("1", "2"))


def on_the_hyperplane(cloud: Cloud, log_ratio: arb) -> arb_mat:
    """Return a point on (z - middle)'S^-1(m_1 - m_2) = log ratio, off the line of the codes."""
    one, two = column(cloud.codes[0]), column(cloud.codes[1])
    away = cloud.precision() * (one - two)
    across = arb_mat([[-away[1, 0]], [away[0, 0]]])
    return (
        (one + two) * (arb(1) / 2)
        + away * (log_ratio / (away.transpose() * away)[0, 0])
        + across * (arb(2) / 3)
    )


def frobenius(matrix: arb_mat) -> arb:
    """Return Frobenius' norm: the spectral one of a matrix of rank one, as two points have."""
    return (matrix.transpose() * matrix).trace().sqrt()


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "two points with multiplicities n_a, n_b: ||J|| = diam(x) diam(S^-1 m)/4 on the hyperplane "
        "(z-mid)'S^-1(m_a-m_b) = log(n_b/n_a), with S^(1/2) on the right ||J S^(1/2)|| = diam(x) diam_S(m)/4; for "
        "codes along the eigenvector of the least eigenvalue it is diam(x) diam(m)/(4 lambda_min). At every z: (a) "
        "|grad y| = diam(S^-1 m)(y-a)(b-y)/(b-a), (c) ||J|| = p(1-p) diam diam. (b) |f*(z)-f*(z')| = diam(x) "
        "tanh(diam(S^-1 m)|z-z'|/4) for z, z' placed symmetrically"
    ),
    domain="two points in the plane with a full covariance, n = 3, 1; four places",
    hypotheses=(two_pairs, shared_covariance, definite_encoder, heavy_weight),
    controls=(
        control(
            "1/4.01 for 1/4", refutes=("hyperplane", "Mahalanobis", "eigenvector"), quarter=Fraction(100, 401)
        ),
        control("1/8 for 1/4", refutes=("hyperplane", "Mahalanobis", "eigenvector"), quarter=Fraction(1, 8)),
        control("at the midpoint, whatever the multiplicities", refutes="hyperplane", shifted=False),
        control("lambda_max for lambda_min", refutes="eigenvector", eigenvalue="3/4"),
        control("tr S/d for lambda_min", refutes="eigenvector", eigenvalue="5/8"),
        control("(a) and (c) with 1 % less", refutes=("(a)*", "(c)*"), share=Fraction(99, 100)),
        control("(b) with tanh(R/8)", refutes="(b)*", divisor=8),
        control("(b) with tanh(R/2): true, not sharp", refutes="(b)*", divisor=2),
    ),
    tier="quick",
)
def two_points_reach_every_form(
    run: Run,
    *,
    quarter: Fraction = Fraction(1, 4),
    shifted: bool = True,
    eigenvalue: str = "1/2",
    share: Fraction | int = 1,
    divisor: int = 4,
) -> Verdict:
    """J has rank one, so that its spectral norm is Frobenius' norm."""
    run.assume(two_pairs, (TWO.codes, TWO.data))
    run.assume(shared_covariance, [TWO.covariance] * 2)
    run.assume(definite_encoder, [[0.5, 0.125], [0.125, 0.75]])
    parts: dict[str, Verdict] = {}
    with working_precision(PRECISION):
        x = norm(column(TWO.data[0]) - column(TWO.data[1]))
        away = column(TWO.codes[0]) - column(TWO.codes[1])
        p = norm(TWO.precision() * away)
        ratio = (arb(TWO.counts[1]) / TWO.counts[0]).log() if shifted else arb(0)
        z = on_the_hyperplane(TWO, ratio)
        J = TWO.jacobian(z)
        parts["hyperplane"] = ball_equal(frobenius(J) - ball(quarter) * x * p, WITHIN)
        S = TWO.precision().inv()
        whitened = (J * S * J.transpose()).trace().sqrt()
        length = (away.transpose() * TWO.precision() * away)[0, 0].sqrt()
        if shifted:
            parts["Mahalanobis"] = ball_equal(whitened - ball(quarter) * x * length, WITHIN)
        parts |= _eigenvector(quarter, eigenvalue)
        for k, place in enumerate(PLACES):
            parts |= _at_any_place(run, column(place), x, p, k, ball(share))
        parts |= _symmetric(z, x, p, divisor) if shifted else {}
    return all_of(parts)


def _eigenvector(quarter: Fraction, eigenvalue: str) -> dict[str, Verdict]:
    one = Cloud((("-1", "0"), ("1", "0")), TWO.data, (("1/2", "0"), ("0", "3/4")), (1, 1))
    x = norm(column(one.data[0]) - column(one.data[1]))
    slope = frobenius(one.jacobian(column(("0", "2"))))
    return {"eigenvector": ball_equal(slope - ball(quarter) * x * 2 / ball(eigenvalue), WITHIN)}


def _at_any_place(run: Run, z: arb_mat, x: arb, p: arb, k: int, share: arb) -> dict[str, Verdict]:
    w, J = TWO.weights(z), TWO.jacobian(z)
    u = (column(TWO.data[1]) - column(TWO.data[0])) * (1 / x)
    low, high = [(u.transpose() * column(row))[0, 0] for row in TWO.data]
    y = (u.transpose() * TWO.decode(z))[0, 0]
    heavy = w[0].max(w[1])
    run.assume(heavy_weight, float(heavy.mid()))
    gradient = norm((u.transpose() * J).transpose())
    return {
        f"(a), place {k}": ball_equal(gradient - share * p * (y - low) * (high - y) / (high - low), WITHIN),
        f"(c), place {k}": ball_equal(frobenius(J) - share * heavy * (1 - heavy) * x * p, WITHIN),
    }


def _symmetric(middle: arb_mat, x: arb, p: arb, divisor: int) -> dict[str, Verdict]:
    parts = {}
    along = TWO.precision() * (column(TWO.codes[0]) - column(TWO.codes[1]))
    for step in ("1/10", "1", "5"):
        half = along * (ball(step) / (2 * norm(along)))
        far = norm(TWO.decode(middle + half) - TWO.decode(middle - half))
        parts[f"(b), distance {step}"] = ball_equal(far - x * (p * ball(step) / divisor).tanh(), WITHIN)
    return parts


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="<",
    states=(
        "a third point strictly inside both diameters makes the bound strict where the weights of the other two are "
        "equal, by however little: diam(x) diam(m)/(4 s^2) > ||J||, while 1/4.01 for 1/4 fails there"
    ),
    domain="x = (0, 0), (1, 0), (1/2, 1/8), m = (-1, 0), (1, 0), (0, h), h = 1, 5/4, 3/2 and s^2 = 1/40",
    hypotheses=(shared_covariance, definite_encoder),
    controls=(control("1/4.01 for 1/4", quarter=Fraction(100, 401)),),
    tier="quick",
)
def a_third_point_makes_it_strict(run: Run, *, quarter: Fraction = Fraction(1, 4)) -> Verdict:
    """For h = 3/2 the two sides differ by 4e-17: in float64 their ratio is 1, in balls it is below."""
    parts: dict[str, Verdict] = {}
    with working_precision(PRECISION):
        for height in ("1", "5/4", "3/2"):
            codes = (("-1", "0"), ("1", "0"), ("0", height))
            data = (("0", "0"), ("1", "0"), ("1/2", "1/8"))
            cloud = Cloud(codes, data, (("1/40", "0"), ("0", "1/40")), (1, 1, 1))
            run.assume(shared_covariance, [cloud.covariance] * 3)
            run.assume(definite_encoder, [[1 / 40, 0.0], [0.0, 1 / 40]])
            J = cloud.jacobian(column(("0", "-1/4")))
            bound = ball(quarter) * 1 * 2 * 40
            parts[f"h = {height}"] = ball_positive(bound - _spectral(J))
    return all_of(parts)


def _spectral(J: arb_mat) -> arb:
    """The largest singular value of a matrix with two columns, in closed form."""
    G = J.transpose() * J
    half, determinant = G.trace() / 2, G.det()
    return (half + (half * half - determinant).sqrt()).sqrt()


def jung(r: int) -> Fraction:
    """r/(2(r+1))."""
    return Fraction(r, 2 * (r + 1))


def quarter_of(r: int) -> Fraction:  # noqa: ARG001
    """1/4."""
    return Fraction(1, 4)


def half_of(r: int) -> Fraction:  # noqa: ARG001
    """1/2."""
    return Fraction(1, 2)


def one_less(r: int) -> Fraction:
    """r/(2r+1)."""
    return Fraction(r, 2 * r + 1)


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "(d) at the centre of a regular simplex with equal weights and x = m the nuclear norm, the trace of J, is "
        "r/(2(r+1)) diam(x) diam(m)/s^2: the constant of ||J||_* <= r/(2(r+1)) diam(x) diam(S^-1 m), r = min(d, D, "
        "N-1), by Cauchy-Schwarz for traces, tr Var <= circumradius^2 and Jung's theorem, is attained"
    ),
    domain="vertices e_1, ..., e_{r+1}, s^2 = 3/8, r = 1, 2, 3, 4",
    hypotheses=(shared_covariance, definite_encoder),
    controls=(
        control("1/4, the constant of the spectral norm", refutes="r = [2-4]", constant=quarter_of),
        control("1/2, the limit of many dimensions", constant=half_of),
        control("r/(2r+1) for r/(2r+2)", constant=one_less),
    ),
    tier="quick",
)
def simplices_reach_the_nuclear_norm(run: Run, *, constant: Callable[[int], Fraction] = jung) -> Verdict:
    """J = Var(m)/s^2 is symmetric and not negative here, so its nuclear norm is its trace."""
    parts: dict[str, Verdict] = {}
    with working_precision(PRECISION):
        for r in (1, 2, 3, 4):
            vertices = tuple(tuple(str(int(i == j)) for j in range(r + 1)) for i in range(r + 1))
            matrix = tuple(tuple("3/8" if i == j else "0" for j in range(r + 1)) for i in range(r + 1))
            cloud = Cloud(vertices, vertices, matrix, (1,) * (r + 1))
            run.assume(shared_covariance, [matrix] * (r + 1))
            run.assume(definite_encoder, [[0.375 * (i == j) for j in range(r + 1)] for i in range(r + 1)])
            centre = column((str(Fraction(1, r + 1)),) * (r + 1))
            trace = cloud.jacobian(centre).trace()
            parts[f"r = {r}"] = ball_equal(trace - ball(constant(r)) * 2 / ball("3/8"), WITHIN)
    return all_of(parts)
