"""S2 on instances and over boxes: stationary points of affine decoders, proved, and their ELBOs beside log p(x)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb, arb_mat

import elboproof as ep
from elboproof.checking import Route, Run, Verdict, all_of, ball_equal, control, routes_agree

from .._shared.balls import ball, spanned, working_precision
from .._shared.verdicts import proved_twice
from . import claim
from .hypotheses import affine_decoder, definite

BITS = 120
DIGITS = 12
CLOSED_FORM = 1e-12
"""Bound of |ELBO - log N|, in nats; reached: 1e-14."""
INTEGRAL = {1: (10, 1e-10), 2: (10, 1e-10), 3: (5, 1e-5)}
"""Digits of log p(x) and the bound of |ELBO - log p(x)| by d; reached: 2e-11 and 7e-7."""
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

    def model(self, first: str = "a") -> ep.LatentModel:
        """Return the model with an expression in the place of the first latent, a."""
        names = (f"({first})", *self.latents[1:])
        outputs = [
            "+".join([f"({shift})", *(f"({w})*{z}" for w, z in zip(row, names, strict=True))])
            for row, shift in zip(self.weights, self.shift, strict=True)
        ]
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


SHAPES = ", ".join(INSTANCES)
BENT, FOLDED = "a+a**2/4", "2-a**2"
"""In the place of the first latent: hardly curved, and with two preimages."""


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "ep.stationary_posteriors finds exactly one stationary q; it is proved to exist (Krawczyk) and to be a "
        "maximum, and its ELBO is log N(x; b, R + WW') within 1e-12 nats"
    ),
    domain=f"six models with exact W, b, R, x, sigma^2 from 1e-4 to 1/2: {SHAPES}",
    hypotheses=(affine_decoder, definite),
    controls=(
        control("log N(x; b, R)", refutes="*, ELBO", marginal=without_the_latents),
        control("a + a^2/4 for the first latent", refutes="*, ELBO", drops=(affine_decoder,), first=BENT),
        control("2 - a^2 for it", refutes=("*, points", "*, ELBO"), drops=(affine_decoder,), first=FOLDED),
        control("a saddle", refutes="*, a maximum", kind="saddle"),
    ),
    tier="quick",
)  # fmt: skip
def proved_points_reach_the_evidence(
    run: Run, *, marginal: Marginal = marginal_covariance, first: str = "a", kind: str = "maximum"
) -> Verdict:
    """The search knows nothing of affine decoders; the evidence is the marginal's closed form."""
    parts: dict[str, Verdict] = {}
    sigmas, largest = [], []
    for name, instance in INSTANCES.items():
        model = instance.model(first)
        run.assume(affine_decoder, (list(model.decoder), list(model.latents)))
        run.assume(definite, [[float(Fraction(r)) for r in row] for row in instance.covariance])
        points = ep.stationary_posteriors(model, instance.x, digits=DIGITS)
        with working_precision(BITS):
            closed = Route("the marginal's closed form", _log_normal(instance, marginal))
            parts[f"{name}, ELBO"] = routes_agree(points[0].ball, closed, CLOSED_FORM)
            difference = abs(points[0].ball - closed.found)
        parts[f"{name}, points"] = ball_equal(len(points) - 1, COUNTED)
        parts[f"{name}, a maximum"] = ball_equal(sum(point.kind != kind for point in points[:1]), COUNTED)
        sigmas.append(float(Fraction(instance.covariance[0][0])) ** 0.5)
        largest.append(float(difference.upper()))
    return all_of(parts).with_data(sigma=sigmas, largest=largest)


COUNTED = 0.5
"""Counts are exact: any width does."""


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "the proved ELBO at the stationary q and the proved log p(x), a quadrature, differ by at most 1e-10 nats for "
        "d = 1, 2 and 1e-5 for d = 3"
    ),
    domain=f"the same models: {SHAPES}",
    hypotheses=(affine_decoder,),
    controls=(control("a + a^2/4 for the first latent", drops=(affine_decoder,), first=BENT),),
)
def proved_points_reach_the_integral(run: Run, *, first: str = "a") -> Verdict:
    """ep.log_evidence integrates p(x, z): a third route, which any decoder could take."""
    parts = {}
    for name, instance in INSTANCES.items():
        model = instance.model(first)
        run.assume(affine_decoder, (list(model.decoder), list(model.latents)))
        digits, bound = INTEGRAL[model.latent_dim]
        evidence = ep.log_evidence(model, instance.x, digits=digits)
        elbo = ep.stationary_posterior(model, instance.x, digits=DIGITS).ball
        with working_precision(BITS):
            parts[name] = routes_agree(elbo, Route("ep.log_evidence", spanned(evidence)), bound)
    return all_of(parts)


SMALL = "1/1000"
BOXES = {
    "d = 1, D = 2": (
        ("z",),
        ("a*z", "1/2 + z/3"),
        ("x", "1/4"),
        {"a": ("0.95", "1.05"), "v": ("0.5", "0.55"), "x": ("0.5", "0.6")},
    ),
    "d = 1, D = 1": (
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
"""Latents, decoder, data, and the box of a weight, the variance v and a datum, or of the shift and v."""
BOXED = "; ".join(
    f"f = ({', '.join(decoder)}), x = ({', '.join(x)}), "
    + ", ".join(f"{name} in [{low}, {high}]" for name, (low, high) in box.items())
    for _, decoder, x, box in BOXES.values()
)


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="<=",
    states=(
        f"log p(x) - best ELBO <= {SMALL} nats for all parameters of a box, proved by ep.for_all and once more by "
        "ep.recheck"
    ),
    domain=f"{BOXED}; v = sigma^2",
    hypotheses=(affine_decoder,),
    controls=(
        control(
            "z^2/2 added to the decoder",
            refutes="d = 1*",
            drops=(affine_decoder,),
            bend="1/2",
            among="d = 1",
        ),
        control("the proof, said to be of a decoder with z^2/2 added", claimed="1/2"),
    ),
    tier="quick",
)
def gap_vanishes_over_boxes(run: Run, *, bend: str = "0", claimed: str = "", among: str = "d = ") -> Verdict:
    """One q serves a sub-box, and it is off by the box's width: the bound is small, not zero."""
    parts = {}
    for name in (one for one in BOXES if one.startswith(among)):
        latents, decoder, x, box = BOXES[name]
        bent = _bent(latents, decoder, bend)
        run.assume(affine_decoder, ([sympy.sympify(f) for f in bent], [sympy.Symbol(z) for z in latents]))
        changes = {"decoder": _bent(latents, decoder, claimed)} if claimed else {}
        parts[name] = proved_twice(ep.for_all(ep.Gap(latents, bent, "v", x) <= SMALL, box), changes)
    return all_of(parts)


def _bent(latents: Sequence[str], decoder: Sequence[str], bend: str) -> list[str]:
    """Add a multiple of the first latent's square to the first output."""
    first, *rest = decoder
    return [f"{first} + ({bend})*{latents[0]}**2", *rest]
