"""The problem table: models whose log evidence is known, against which every method is held.

Each base problem has a twin with the decoder f(R z), R a fixed exact rotation (the reflection where d = 1). The prior
does not see R, so the evidence is the same number.

The reference of a base problem comes from two routes that share no truncation; ``benchmarks/references.py`` computes
them and writes ``problems.csv``. The table here holds the models; the file holds the numbers.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType

from elboproof.model.discrete import Bernoulli
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian, Likelihood
from elboproof.model.problem_decoders import ROTATIONS, composed, network, softmax_average

RELATIVE_RADIUS = Decimal("1e-12")
"""Radius of a reference in units of max(1, |log p|): what the two routes must agree to."""

COLUMNS = ("name", "method_1", "value_1", "proved_1", "method_2", "value_2", "proved_2", "difference")
"""The columns of ``problems.csv``."""


class Tag(StrEnum):
    """The closed set of tags. One tag each of d, family and likelihood; at least one shape; sigma if Gaussian."""

    D1 = "d1"
    D2 = "d2"
    D3 = "d3"
    UNIMODAL = "unimodal"  # one mode within 20 nats of the best
    TWO_MODE = "two-mode"  # two modes within 20 nats of the best
    MANY_MODE = "many-mode"  # three modes or more within 20 nats, of no pattern
    PERIODIC = "periodic"  # the decoder repeats itself along a latent
    RIDGE = "ridge"  # fewer outputs than latents: the mass lies along a curve or surface
    OFF_IMAGE = "off-image"  # x has a positive distance from the decoder's image
    BOUNDED = "bounded"  # the image is bounded, and the decoder no network
    POLYNOMIAL = "polynomial"
    EXPONENTIAL = "exponential"  # unbounded, not polynomial: sinh, exp, or circular functions plus a line
    NETWORK = "network"
    GAUSSIAN = "gaussian"
    BERNOULLI = "bernoulli"
    SIGMA_0 = "sigma-1"
    SIGMA_1 = "sigma-1e-1"
    SIGMA_2 = "sigma-1e-2"
    SIGMA_3 = "sigma-1e-3"
    SIGMA_4 = "sigma-1e-4"
    ROTATED = "rotated"


DIMENSIONS: Mapping[Tag, int] = MappingProxyType({Tag.D1: 1, Tag.D2: 2, Tag.D3: 3})
SHAPES = frozenset({Tag.UNIMODAL, Tag.TWO_MODE, Tag.MANY_MODE, Tag.PERIODIC, Tag.RIDGE, Tag.OFF_IMAGE})
FAMILIES = frozenset({Tag.BOUNDED, Tag.POLYNOMIAL, Tag.EXPONENTIAL, Tag.NETWORK})
LIKELIHOODS = frozenset({Tag.GAUSSIAN, Tag.BERNOULLI})
VARIANCES: Mapping[Tag, str] = MappingProxyType(
    {Tag.SIGMA_0: "1", Tag.SIGMA_1: "1e-2", Tag.SIGMA_2: "1e-4", Tag.SIGMA_3: "1e-6", Tag.SIGMA_4: "1e-8"}
)
"""The variance sigma^2 that each tag of scale stands for, exactly."""


@dataclass(frozen=True)
class Route:
    """One computation of a log evidence.

    Attributes
    ----------
    method
        What was computed, in words.
    value
        log p(x) in nats, all digits that were trusted.
    proved
        Whether the value is proved (ball arithmetic with every tail bounded) to its last digit.
    """

    method: str
    value: Decimal
    proved: bool


@dataclass(frozen=True)
class Problem:
    """A model, one x and its log evidence.

    Attributes
    ----------
    name
        Unique; twins end in ``-rotated``.
    tags
        From the closed set `Tag`.
    latent, decoder, likelihood
        The arguments of ``LatentModel``; every number is exact.
    x
        One exact number per output, as strings.
    reference
        log p(x) in nats: the value of the first route; NaN as long as ``problems.csv`` has no row.
    reference_radius
        The truth lies within this distance of the reference, in nats.
    routes
        The two computations.
    note
        Why the problem is in the table.
    """

    name: str
    tags: frozenset[Tag]
    latent: tuple[str, ...]
    decoder: tuple[str, ...]
    likelihood: Likelihood
    x: tuple[str, ...]
    reference: Decimal
    reference_radius: Decimal
    routes: tuple[Route, Route]
    note: str

    def model(self) -> LatentModel:
        """Return the model p(x, z)."""
        return LatentModel(list(self.latent), list(self.decoder), self.likelihood)

    def rotated(self) -> "Problem":
        """Return the twin whose decoder is f(R z) with the fixed exact rotation R (reflection where d = 1)."""
        # N(z; 0, I) does not change under z -> R z, so the evidence does not, and the reference is kept.
        rotation = ROTATIONS[len(self.latent)]
        decoder = tuple(composed(entry, self.latent, rotation) for entry in self.decoder)
        tags = self.tags | {Tag.ROTATED}
        return replace(self, name=f"{self.name}-rotated", tags=tags, decoder=decoder)


@dataclass(frozen=True)
class _Family:
    """One decoder and x at several scales: sigma = 10^-k for k in ``scales``, Bernoulli if there is none."""

    stem: str
    tags: str
    decoder: str
    x: str
    scales: tuple[int, ...]
    note: str

    def problems(self, numbers: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
        """Yield a problem per scale, with its reference from the file."""
        # One problem for each scale; the tags of scale and likelihood follow from it and are not typed.
        given = frozenset(Tag(word) for word in self.tags.split())
        (d,) = (DIMENSIONS[tag] for tag in given if tag in DIMENSIONS)
        latent = ("z",) if d == 1 else ("a", "b", "c")[:d]
        decoder = tuple(self.decoder.split("; "))
        kinds: list[tuple[str, frozenset[Tag], Likelihood]] = [
            (
                f"{self.stem}-sigma-1e-{k}" if k else f"{self.stem}-sigma-1",
                frozenset({tag}),
                Gaussian(VARIANCES[tag]),
            )
            for k, tag in enumerate(VARIANCES)
            if k in self.scales
        ] or [(self.stem, frozenset(), Bernoulli())]
        for name, scale, likelihood in kinds:
            family = Tag.GAUSSIAN if scale else Tag.BERNOULLI
            tags = given | scale | {family}
            reference = _reference(numbers.get(name))
            yield Problem(
                name, tags, latent, decoder, likelihood, tuple(self.x.split()), *reference, self.note
            )


def _reference(row: Mapping[str, str] | None) -> tuple[Decimal, Decimal, tuple[Route, Route]]:
    """Return reference, radius and routes; NaN where the file has no row yet."""
    # A new problem has no row until the references are computed; NaN is close to nothing, so that no test
    # passes by it.
    given = row or dict.fromkeys(COLUMNS, "nan")
    first, second = (
        Route(given[f"method_{k}"], Decimal(given[f"value_{k}"]), given[f"proved_{k}"] == "yes")
        for k in (1, 2)
    )
    radius = RELATIVE_RADIUS * (1 if first.value.is_nan() else max(Decimal(1), abs(first.value)))
    return first.value, radius, (first, second)


def stored() -> dict[str, dict[str, str]]:
    """Return the rows of ``problems.csv`` by name, as text."""
    # Read as data of the package, which need not be a folder.
    with files("elboproof.model").joinpath("problems.csv").open(encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


_PIXELS = "1 0 1 1 0 0 1 0"
_TORUS = "cos(a); sin(a); cos(b); sin(b)"
_SOFTMAX = softmax_average(50, 50)
_NETWORK_2, _LOGITS_2 = network(2, "ab", 4, 6, 2), network(12, "ab", 4, 8, 2)

_TABLE = (
    _Family("line", "d1 unimodal polynomial", "3/2*z+1/4", "0.7", (0, 2, 4), "closed form"),
    _Family("parabola", "d1 unimodal polynomial", "z; z**2", "0.7 0.49", (0, 1, 2, 4), "needle on a curve"),
    _Family("square", "d1 two-mode polynomial", "z**2", "0.7", (0, 1, 2, 3, 4), "each mode is half of it"),
    _Family("square-off", "d1 unimodal off-image polynomial", "z**2", "-0.5", (0, 1, 2), "quartic peak"),
    _Family("circle", "d1 periodic bounded", "cos(z); sin(z)", "0.6 0.8", (0, 1, 2, 3), "copies at 2 pi"),
    _Family(
        "circle-off", "d1 periodic off-image bounded", "cos(z); sin(z)", "0.9 1.2", (1, 2, 3), "log p to -1e5"
    ),
    _Family(
        "helix",
        "d1 unimodal exponential",
        "cos(z); sin(z); z/4",
        "0.6 0.8 0.2318",
        (0, 1, 2, 4),
        "circle unrolled",
    ),
    _Family("sine", "d1 periodic bounded", "sin(3*z)", "0.5", (0, 1, 2, 3, 4), "many modes within the prior"),
    _Family("sine-off", "d1 periodic off-image bounded", "sin(3*z)", "1.25", (1, 2), "flat tops"),
    _Family("sinh", "d1 unimodal exponential", "sinh(z)", "0.7", (0, 1, 2, 3, 4), "growth without bound"),
    _Family("exp-off", "d1 unimodal off-image exponential", "exp(z)", "-0.5", (0, 1, 2), "one-sided tail"),
    _Family(
        "plane", "d2 unimodal polynomial", "a+b/2; b-a/3; 2*a-b", "0.7 -0.4 1.69", (0, 1, 2), "closed form"
    ),
    _Family("banana", "d2 unimodal polynomial", "a; b+a**2", "0.7 0.3", (0, 1, 2, 3, 4), "curved"),
    _Family("sine-product", "d2 unimodal exponential", "sin(a)+b; a*b", "1.5 0.5", (0, 1, 2), "mixed growth"),
    _Family("square-2", "d2 two-mode polynomial", "a**2; b", "0.7 0.3", (0, 1, 2, 4), "two mirrored modes"),
    _Family(
        "square-2-off", "d2 unimodal off-image polynomial", "a**2; b", "-0.5 0.3", (1, 2), "quartic peak"
    ),
    _Family("torus", "d2 periodic bounded", _TORUS, "0.6 0.8 0.8 -0.6", (1, 2), "copies both ways"),
    _Family("two-ring", "d2 ridge polynomial", "(a**2+b**2-2)**2", "1", (1, 2, 3), "radius 1 and sqrt(3)"),
    _Family("ridge-ellipse", "d2 ridge polynomial", "a**2+b**2/4", "0.7", (1, 2, 3), "a closed ridge"),
    _Family("ridge-product", "d2 ridge polynomial", "a*b", "0.7", (1, 2, 3), "two ridges to infinity"),
    _Family("ridge-banana", "d2 ridge polynomial", "b+a**2", "0.7", (1, 2, 3), "an open ridge"),
    _Family("softmax", "d2 unimodal bounded", _SOFTMAX, "0.4 -0.3", (0,), "50 points"),
    _Family("softmax", "d2 many-mode bounded", _SOFTMAX, "0.4 -0.3", (1, 2), "50 points, modes unequal"),
    _Family(
        "network-2", "d2 unimodal network", _NETWORK_2, "-2.91 1.07 -0.94 -0.66 0.8 -0.96", (0, 1, 2), "2-4-6"
    ),
    _Family("logits", "d1 unimodal polynomial", "2*z; z-1; 1/2-z", "1 0 1", (), "logistic regression"),
    _Family("network-2-bernoulli", "d2 unimodal network", _LOGITS_2, _PIXELS, (), "2-4-8"),
    _Family("oblique", "d3 ridge polynomial", "a-2*b+3*c", "0.7", (1, 2, 4), "a thin oblique slab"),
    _Family(
        "oblique-2",
        "d3 ridge polynomial",
        "a-2*b+3*c; 2*a+b/2-c",
        "0.7 -0.4",
        (1, 2, 4),
        "a thin oblique rod",
    ),
    _Family(
        "oblique-3",
        "d3 unimodal polynomial",
        "a-2*b+3*c; 2*a+b/2-c; a/10+b/10-c/9",
        "0.7 -0.4 0.1",
        (0, 1, 2),
        "a thin oblique ellipsoid",
    ),
    _Family("shell", "d3 ridge polynomial", "a**2+b**2+c**2", "2", (0, 1, 2, 3), "a sphere's surface"),
    _Family("chain", "d3 unimodal polynomial", "a; b+a**2; c+a*b", "0.7 0.3 -0.2", (0, 1, 2), "curved twice"),
    _Family(
        "square-3", "d3 two-mode polynomial", "a**2; b; c+a/2", "1.5 0.3 0.2", (0, 1, 2), "unequal modes"
    ),
)

BASE: tuple[Problem, ...] = tuple(problem for family in _TABLE for problem in family.problems(stored()))
"""The problems as they are written."""

PROBLEMS: tuple[Problem, ...] = (*BASE, *(problem.rotated() for problem in BASE))
"""The whole table: the base problems, then their twins in the same order."""
