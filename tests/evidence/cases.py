"""Models with independent truths, and checks that reject an enclosure which misses them or is too wide.

The checks take no fixtures, so that the tests of the engine and the tests with seeded bugs run the very same code.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
from flint import acb, arb, fmpq
from numpy.typing import NDArray

import elboproof as ep
from elboproof.evidence import by_arrays, proved, rounds, rules, target
from elboproof.evidence import domain as domains
from elboproof.evidence import log_evidence as engine
from elboproof.evidence import start as beginning
from elboproof.evidence.domain import Domain
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.start import Start
from elboproof.model.ceilings import Ceiling
from elboproof.quadrature import gauss_legendre as rule
from tests.evidence import truth

Floats = NDArray[np.float64]


class Missed(AssertionError):  # noqa: N818 - what happened, not an error of the test
    """A truth lies outside of an interval that is said to be proved."""


@dataclass(frozen=True)
class Case:
    """A model, data and the truth.

    Attributes
    ----------
    name
        Unique.
    latent, decoder, variance
        Of the Gaussian model.
    x
        (N, D) exact numbers.
    truths
        Returns the N log evidences.
    most_digits
        What may be asked in a quick test.
    """

    name: str
    latent: tuple[str, ...]
    decoder: tuple[str, ...]
    variance: str
    x: tuple[tuple[truth.Number, ...], ...]
    truths: Callable[[], list[arb]] = field(repr=False)
    most_digits: float = 10

    def model(self) -> ep.LatentModel:
        return ep.LatentModel(list(self.latent), list(self.decoder), ep.Gaussian(self.variance))


def one_latent(
    name: str,
    decoder: tuple[str, ...],
    by_hand: truth.Decoder,
    variance: str,
    *x: truth.Number,
    **options: object,
) -> Case:
    """Return a case of one latent whose truth is integrated by FLINT from a decoder written by hand."""
    return Case(
        name,
        ("z",),
        decoder,
        variance,
        (x,),
        lambda: [truth.integrated(by_hand, variance, x, **options)],  # type: ignore[arg-type]
    )


def linear(
    name: str,
    rows: Sequence[Sequence[str]],
    variance: str,
    x: Sequence[Sequence[truth.Number]],
    offset: Sequence[str] | None = None,
) -> Case:
    """Return a case f(z) = W z + b with a truth in closed form."""
    names, shifts = ("a", "b", "c")[: len(rows[0])], offset or ["0"] * len(rows)
    decoder = tuple(
        " + ".join([*(f"({w})*{n}" for w, n in zip(row, names, strict=True)), f"({b})"])
        for row, b in zip(rows, shifts, strict=True)
    )
    return Case(
        name,
        names,
        decoder,
        variance,
        tuple(map(tuple, x)),
        lambda: truth.linear(rows, shifts, variance, x),
    )


@dataclass(frozen=True)
class Steering:
    """What only steers the engine. Any values must lead to true bounds, most of them to wide ones.

    Attributes
    ----------
    half
        Half width of every root box, instead of one so large that the tail is negligible.
    share
        Of the tolerance: what one discarded cell may take.
    size
        The only number of points per axis, so that rules are poor (4) or exact (24).
    core
        How much a slope may vary over a cell that is tried.
    stretch
        Factor of the frames.
    arrays
        Whether one latent goes through arrays, too, and not through scalar balls.
    """

    half: float | None = None
    share: float | None = None
    size: int | None = None
    core: float | None = None
    stretch: float | None = None
    arrays: bool = True


def prove(case: Case, digits: float, how: Steering | None = None, most_cells: int = 500_000) -> Evidence:
    """Return what the engine proves when it is steered as asked, in one round."""
    with ExitStack() as stack:
        for place, name, value in _overrides(how or Steering()):
            stack.enter_context(patch.object(place, name, value))
        rule.factors.cache_clear()
        try:
            return engine.prove(
                case.model(), list(map(list, case.x)), digits, seconds=60.0, most_cells=most_cells
            )
        finally:
            rule.factors.cache_clear()


def _overrides(how: Steering) -> list[tuple[object, str, object]]:
    changes: list[tuple[object, str, object]] = [(proved, "MOST_ON_LINE", 0)] if how.arrays else []
    if how not in (Steering(), Steering(arrays=False)):
        changes.append((rounds, "ROUNDS", 1))
    if how.half is not None:
        changes.append((rounds, "domain", _with_half(how.half)))
    if how.share is not None:
        changes.append((rounds, "SHARES", dict.fromkeys((1, 2, 3), how.share)))
    if how.size is not None:
        sizes = (how.size,)
        changes += [(rule, "SIZES", sizes), (rules, "SIZES", sizes)]
        changes.append((rules, "LARGEST_SIZE", dict.fromkeys((1, 2, 3), how.size)))
    if how.core is not None:
        changes.append((target, "CORE", how.core))
    if how.stretch is not None:
        changes.append((by_arrays, "start", _with_stretch(how.stretch)))
    return changes


def _with_half(half: float) -> Callable[..., Domain]:
    original = domains.domain

    def narrowed(
        model: ep.LatentModel, ceiling: Ceiling, frames: Floats, log_mass: Floats, digits: float
    ) -> Domain:
        found = original(model, ceiling, frames, log_mass, digits)
        inner = half / (1 + domains.frame_excess(frames)) * (1 - 1e-12)
        tails = domains.log_tails(model.latent_dim, inner, ceiling) + ceiling.constant
        box = np.full((len(frames), model.latent_dim), half)
        return Domain(np.zeros_like(box), box, tails + 1e-9, found.log_volume, found.log_supremum)

    return narrowed


def _with_stretch(factor: float) -> Callable[..., Start]:
    original = beginning.start

    def stretched(floats: FloatEnergy, x: Floats, deadline: float) -> Start:
        found = original(floats, x, deadline)
        return Start(found.frames * factor, found.energy, found.log_mass)

    return stretched


def check_honest(
    case: Case, digits: float, how: Steering | None = None, most_cells: int = 500_000
) -> Evidence:
    """Raise `Missed` unless every interval contains its truth, whether the digits were reached or not."""
    evidence = prove(case, digits, how, most_cells)
    wrong = truth.misses(evidence.enclosure.lower, evidence.enclosure.upper, case.truths())
    if wrong:
        raise Missed(f"{case.name}: {evidence.enclosure} misses the truth at {wrong}")
    return evidence


def check_sharp(case: Case, digits: float, most_cells: int = 500_000) -> None:
    """Raise unless the digits asked are proved, and the truth is contained."""
    evidence = check_honest(case, digits, most_cells=most_cells)
    width = float(np.max(evidence.enclosure.width))
    if any(evidence.statuses) or not width <= 2 * 10.0**-digits * (1 + 1e-9):
        raise Missed(f"{case.name}: got width {width} and {evidence.statuses}; expected {digits} digits")


LINE = linear("line", [["3/2"]], "1/100", [[0.7], ["1/3"], [-2.5]])
FLAT = linear("nearly the prior", [["1/1000"]], "1", [["0"]])
NEAR = linear(  # x and f round by 2e-11, which 1/6 over the variance makes 4e-10 nats
    "x and f nearly cancel", [["1/1000000000"]], "1/100", [["1000000/3"]], ["333333.5"]
)
CONSTANT = linear("the decoder ignores z", [["0"]], "1/100", [["1000000/3"]], ["333333.5"])
ROD = linear("a rod", [["1", "-2"], ["3", "1"]], "1/100", [[0.5, 0.25], [1.0, -3.0]])
SLAB = linear("a slab", [["1", "-2"]], "1/10000", [[0.5]])
SQUARE = one_latent("square", ("z**2",), lambda z: [z * z], "1/100", 0.7)
SINE = one_latent("sine", ("sin(3*z)",), lambda z: [(3 * z).sin()], "1/100", 0.5)
CIRCLE = one_latent("circle", ("cos(z)", "sin(z)"), lambda z: [z.cos(), z.sin()], "1/100", "0.6", "0.8")
HELIX = one_latent(
    "helix",
    ("cos(z)", "sin(z)", "z/4"),
    lambda z: [z.cos(), z.sin(), z / 4],
    "1/10000",
    "0.6",
    "0.8",
    "0.2318",
)


def sinh(variance: str) -> Case:
    """Return sinh with a variance."""
    return one_latent(f"sinh, variance {variance}", ("sinh(z)",), lambda z: [z.sinh()], variance, 0.7)


def banana(variance: str) -> Case:
    """Return (a, b + a^2): x_2 given a is N(a^2, 1 + v)."""
    v = truth.rational(variance)
    x = (0.7, 0.3)
    return Case(
        f"banana, variance {variance}",
        ("a", "b"),
        ("a", "b + a**2"),
        variance,
        (x,),
        lambda: [truth.marginal(lambda z: [z, z * z], lambda _: [acb(v), acb(v + 1)], x)],
    )


def _reduced(
    name: str,
    latent: tuple[str, ...],
    decoder: tuple[str, ...],
    x: tuple[truth.Number, ...],
    mean: truth.Decoder,
    spread: truth.Decoder,
    most_digits: float = 10,
) -> Case:
    """Return a case of variance 1/100 in which x given the first latent is N(mean, diag(spread))."""
    return Case(name, latent, decoder, "1/100", (x,), lambda: [truth.marginal(mean, spread, x)], most_digits)


V = acb(fmpq(1, 100))
PRODUCT = _reduced("product", ("a", "b"), ("a*b",), ("0.7",), lambda _: [acb(0)], lambda z: [z * z + V])
RIDGE = _reduced("open ridge", ("a", "b"), ("b + a**2",), ("0.7",), lambda z: [z * z], lambda _: [1 + V])
CHAIN = _reduced(
    "three latents",
    ("a", "b", "c"),
    ("a", "b + a**2", "c + a"),
    ("0.7", "0.3", "-0.2"),
    lambda z: [z, z * z, z],
    lambda _: [V, 1 + V, 1 + V],
    6,
)
