"""S2 on instances and over boxes: stationary points of affine decoders, proved, and their ELBOs beside log p(x)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb, arb_mat

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, by_hand, control, equal

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import affine_decoder, definite

BITS = 120
DIGITS = 12
WIDTH = 1e-10
"""Half width asked of ELBO - log p(x), in nats; reached: 1e-14."""
NAMES = ("a", "b", "c")

Matrix = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Instance:
    """p(x|z) = N(Wz + b, R), all numbers exact.

    Attributes
    ----------
    weights : (D, d)
    shift, x : (D,)
    covariance : (D, D)
        R.
    """

    weights: Matrix
    shift: Sequence[str]
    covariance: Matrix
    x: Sequence[str]

    @property
    def latents(self) -> tuple[str, ...]:
        """Names of the latents."""
        return NAMES[: len(self.weights[0])]

    def model(self, bend: str = "0") -> ep.LatentModel:
        """Return the model; ``bend`` times the first latent's square is added to the first output."""
        outputs = [
            "+".join([f"({shift})", *(f"({w})*{z}" for w, z in zip(row, self.latents, strict=True))])
            for row, shift in zip(self.weights, self.shift, strict=True)
        ]
        outputs[0] += f"+({bend})*{self.latents[0]}**2"
        return ep.LatentModel(list(self.latents), outputs, ep.Gaussian(covariance=self.covariance))


INSTANCES = {
    "d = 1, D = 1": Instance([["3/2"]], ["1/4"], [["1/9"]], ["0.8"]),
    "d = 1, D = 2": Instance([["1/2"], ["2"]], ["0", "1"], [["1/4", "0"], ["0", "1/4"]], ["0.3", "1"]),
    "d = 2, D = 1": Instance([["1", "-1/3"]], ["0"], [["1/100"]], ["0.7"]),
    "d = 2, D = 3, full R": Instance(
        [["1", "1/2"], ["0", "-2"], ["3/2", "1"]],
        ["0", "1/3", "-1"],
        [["1/2", "1/8", "0"], ["1/8", "1/4", "1/16"], ["0", "1/16", "1/8"]],
        ["0.3", "-0.2", "1.5"],
    ),
    "d = 3, D = 4": Instance(
        [["1", "1/2", "0"], ["0", "1", "-1/3"], ["1/4", "0", "1"], ["1", "-1", "1"]],
        ["0", "0", "1/5", "0"],
        [[("1/4" if i == j else "0") for j in range(4)] for i in range(4)],
        ["0.3", "-0.2", "1", "0.5"],
    ),
    "d = 3, D = 1: two directions unseen": Instance(
        [["2", "1", "-1"]], ["0"], [["1/10000"]], ["-1.1"]
    ),
}  # fmt: skip


def _matrix(rows: Matrix) -> arb_mat:
    return arb_mat([[ball(entry) for entry in row] for row in rows])


def marginal_covariance(weights: arb_mat, covariance: arb_mat) -> arb_mat:
    """R + W W'."""
    return covariance + weights * weights.transpose()


def without_the_latents(weights: arb_mat, covariance: arb_mat) -> arb_mat:  # noqa: ARG001
    """R: the latents' share of the variance forgotten."""
    return covariance


Marginal = Callable[[arb_mat, arb_mat], arb_mat]


def _log_normal(instance: Instance, marginal: Marginal) -> arb:
    """Log N(x; b, C)."""
    C = marginal(_matrix(instance.weights), _matrix(instance.covariance))
    pairs = zip(instance.x, instance.shift, strict=True)
    y = arb_mat([[ball(x) - ball(b)] for x, b in pairs])
    form = (y.transpose() * C.solve(y))[0, 0]
    return -(form + C.det().log() + len(instance.x) * (2 * arb.pi()).log()) / 2


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "exactly one stationary q is found; it is proved to exist (Krawczyk), a maximum, and its ELBO is "
        "log N(x; b, R + WW') within 1e-10 nats"
    ),
    domain="six models with exact W, b, R, x: d = 1, 2, 3, D = 1 to 4, scalar and full R, sigma^2 from 1e-4 to 1/2",
    hypotheses=(affine_decoder, definite),
    controls=(
        control("log N(x; b, R)", marginal=without_the_latents),
        control("a decoder with z^2/4 added", drops=(affine_decoder,), bend="1/4"),
    ),
    tier="quick",
)
def proved_points_reach_the_evidence(
    run: Run, *, marginal: Marginal = marginal_covariance, bend: str = "0"
) -> Verdict:
    """ep.stationary_posteriors knows nothing of affine decoders; the evidence is the marginal's closed form."""
    parts: dict[str, Verdict] = {}
    sigmas, largest = [], []
    for name, instance in INSTANCES.items():
        model = instance.model(bend)
        run.assume(affine_decoder, (list(model.decoder), list(model.latents)))
        run.assume(definite, [[float(Fraction(r)) for r in row] for row in instance.covariance])
        points = ep.stationary_posteriors(model, instance.x, digits=DIGITS)
        with working_precision(BITS):
            difference = points[0].ball - _log_normal(instance, marginal)
        parts[f"{name}, ELBO"] = ball_equal(difference, WIDTH)
        sigmas.append(float(Fraction(instance.covariance[0][0])) ** 0.5)
        largest.append(float(abs(difference).upper()))
        parts[f"{name}, points"] = equal(len(points), 1, 0)
        parts[f"{name}, a maximum"] = equal(float(points[0].kind == "maximum"), 1.0, 0)
    return all_of(parts).with_data(sigma=sigmas, largest=largest)


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states="the proved ELBO at the stationary q lies in the proved bounds of log p(x), a quadrature",
    domain="the same models; half widths 1e-10 for d = 1, 2, and 1e-5 for d = 3",
    hypotheses=(affine_decoder,),
    controls=(control("a decoder with z^2/4 added", drops=(affine_decoder,), bend="1/4"),),
)
def proved_points_reach_the_integral(run: Run, *, bend: str = "0") -> Verdict:
    """ep.log_evidence integrates p(x, z): a third route, which any decoder could take."""
    parts = {}
    for name, instance in INSTANCES.items():
        model = instance.model(bend)
        run.assume(affine_decoder, (list(model.decoder), list(model.latents)))
        digits = 10 if model.latent_dim < 3 else 5
        evidence = ep.log_evidence(model, instance.x, digits=digits)
        elbo = ep.stationary_posterior(model, instance.x, digits=DIGITS).elbo
        ends = (
            Fraction(float(elbo.lower)) - Fraction(float(evidence.upper)),
            Fraction(float(elbo.upper)) - Fraction(float(evidence.lower)),
        )
        parts[name] = ball_equal(ends, 2 * 10.0**-digits)
    return all_of(parts)


SMALL = "1/1000"
BOXES = {
    "d = 1, D = 2": (
        ("z",),
        ("a*z", "1/2 + z/3"),
        ("x", "1/4"),
        {"a": ("0.95", "1.05"), "v": ("0.5", "0.55"), "x": ("0.5", "0.6")},
    ),
    "d = 1, D = 1, small variance": (
        ("z",),
        ("z + t",),
        ("7/10",),
        {"t": ("-0.1", "0.1"), "v": ("0.1", "0.11")},
    ),
    "d = 2, D = 2": (
        ("a", "b"),
        ("w*a + b/2", "b - a/3"),
        ("1/2", "1/4"),
        {"w": ("0.95", "1.05"), "v": ("0.5", "0.55")},
    ),
}
"""Latents, decoder, data, and the box of a weight, the variance and a datum or the shift."""


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="<=",
    states="log p(x) - best ELBO <= 1/1000 nats for all parameters of a box, proved by ep.for_all",
    domain="boxes of (W, sigma^2, x) or (b, sigma^2), 5 to 20 % wide: d = 1 and D = 1, 2; d = 2 and D = 2",
    hypotheses=(affine_decoder,),
    controls=(control("a decoder with z^2/2 added", drops=(affine_decoder,), bend="1/2"),),
    tier="quick",
)
def gap_vanishes_over_boxes(run: Run, *, bend: str = "0") -> Verdict:
    """One q serves a sub-box, and it is off by the box's width: the bound is small, not zero."""
    parts = {}
    for name, (latents, decoder, x, box) in BOXES.items():
        first, *rest = decoder
        bent = (f"{first} + ({bend})*{latents[0]}**2", *rest)
        run.assume(affine_decoder, ([sympy.sympify(f) for f in bent], [sympy.Symbol(z) for z in latents]))
        parts[name] = answered(ep.for_all(ep.Gap(latents, bent, "v", x) <= SMALL, box))
        if parts[name].status == "refuted":  # one counterexample is enough
            break
    return all_of(parts)


def answered(answer: ep.Proof | ep.Counterexample | ep.Unproved) -> Verdict:
    """Return the verdict that an answer of ep.for_all is."""
    status = {ep.Proof: "established", ep.Counterexample: "refuted"}.get(type(answer), "undecided")
    number = answer.leaves if isinstance(answer, ep.Proof) else str(answer.enclosure)
    words = f" ({answer.leaves} leaves)" if isinstance(answer, ep.Proof) else ""
    return by_hand("certified", status, answer.status + words, number)
