"""The variants of a Gaussian VAE: each a posterior, a prior and a likelihood, combined freely.

========================================== =========== ========== ======================================
name                                        posterior   prior      likelihood
========================================== =========== ========== ======================================
vae                                         learned     standard   unit
vae-learned                                 learned     standard   learned, from variance 1
vae-learned-scaled                          learned     standard   learned, from the data's variance
vae-per-pixel                               learned     standard   a variance for each pixel, of z
sigma-vae                                   learned     standard   closed
sigma-vae-shared                            shared      standard   closed
sigma-vae-floating                          learned     floating   closed
bilbo                                       unit        floating   unit
bilbo-closed                                unit        floating   closed
bilbo-baggins                               unit        floating   baggins, isotropic
bilbo-baggins-per-dimension                 unit        floating   baggins, per dimension
bilbo-fixed-ratio                           unit        floating   fixed, isotropic (a rival reading)
bilbo-clamp                                 unit        floating   clamp, isotropic (a rival reading)
========================================== =========== ========== ======================================

The four with a closed likelihood are an ablation: the posterior's variance constant or learned, the prior N(0, I) or
fitted to the batch. A constant posterior variance is 1 under a floating prior, which absorbs the latents' scale, and a
number to learn for each latent under the standard one.

The decoder of vae-per-pixel has all of its outputs, D means and D log variances; those of the others have D means.
Without a floor its density has no bound: a pixel that never changes, or whose few values are known from z, has a
variance as small as one likes. The variance is floor + exp(output) in units of the data's mean variance c^2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from elboproof.arguments import bad, wrong_type
from elboproof.objectives.bounded import MODES, MOST_BITS, Mode

Posterior: TypeAlias = Literal["learned", "shared", "unit"]
PriorKind: TypeAlias = Literal["standard", "floating"]
LikelihoodKind: TypeAlias = Literal[
    "unit", "learned", "learned-scaled", "per-pixel", "closed", "aggregate", "fixed", "clamp"
]
POSTERIORS, PRIORS = ("learned", "shared", "unit"), ("standard", "floating")
BOUNDED = ("aggregate", "fixed", "clamp")
LIKELIHOODS = ("unit", "learned", "learned-scaled", "per-pixel", "closed", *BOUNDED)
FLOOR = 0.01
"""Of a pixel's variance, relative to c^2.

Pilot runs on digits (two seeds that no check uses; layers 64-64, 8 latents, 1200 steps): with floors of 0.1, 0.01,
0.001 and 0.0001 the test ELBO under the decoder's own variances is -38, -15, 0 and 11 nats, and that of the same means
under one common variance -58, -63, -70 and -76. Ten times less floor is bought at pixels that hardly change, and the
picture is the worse for it. 0.01 is the first of them above the variance within one grey level, step^2/12 = 0.0042 c^2:
densities below tell of the lattice on which the pixels lie.
"""
LEAST_FLOOR = 1e-30
"""Below, squares of float32 networks would overflow."""


@dataclass(frozen=True)
class Variant:
    """A posterior, a prior and a likelihood.

    Attributes
    ----------
    name : str
    posterior : str
        q(z|x) = N(m(x), s): "learned", s(x) of each example, twice as many outputs of the encoder; "shared", one number
        for each latent, learned; "unit", s = 1.
    prior : str
        "standard", N(0, I); "floating", the best N(0, diag v) for the batch, v = E(m^2 + s).
    likelihood : str
        A Gaussian around the decoder's output. "unit", variance 1 in the data's units; "learned", one number that
        starts at 1 in the data's units, or at their mean variance for "learned-scaled"; "per-pixel", a variance for
        each pixel, which the decoder gives beside its mean; "closed", the batch's mean squared residual; and the
        forms of `elboproof.objectives.baggins`: "aggregate", "fixed", "clamp".
    bits : float
        Of BAGGINS, per dimension.
    mode : str
        Of BAGGINS: "isotropic" or "per-dimension".
    floor : float
        Of the variances "per-pixel", relative to the data's mean variance.

    Raises
    ------
    TypeError, ValueError
        If a field is none of these.
    """

    name: str
    posterior: Posterior
    prior: PriorKind
    likelihood: LikelihoodKind
    bits: float = 4.0
    mode: Mode = "isotropic"
    floor: float = FLOOR

    def __post_init__(self) -> None:
        allowed = {"posterior": POSTERIORS, "prior": PRIORS, "likelihood": LIKELIHOODS, "mode": MODES}
        for field, words in allowed.items():
            if getattr(self, field) not in words:
                raise bad(field, getattr(self, field), f"one of {', '.join(words)}")
        bits: object = self.bits
        if isinstance(bits, bool) or not isinstance(bits, int | float) or not 0 < bits <= MOST_BITS:
            raise bad("bits", bits, f"a positive number of bits, at most {MOST_BITS:g}")
        floor: object = self.floor
        if isinstance(floor, bool) or not isinstance(floor, int | float) or not LEAST_FLOOR <= floor <= 1:
            raise bad("floor", floor, f"a share of the data's variance, between {LEAST_FLOOR:g} and 1")

    @property
    def of_a_batch(self) -> bool:
        """Whether the loss is a function of the batch's statistics, and no mean over examples."""
        return self.prior == "floating" or self.likelihood in ("closed", "aggregate", "clamp")

    @property
    def bounded(self) -> bool:
        """Whether the likelihood is a form of BAGGINS, which is relative to the data's own Gaussian."""
        return self.likelihood in BOUNDED

    @property
    def per_pixel(self) -> bool:
        """Whether the decoder gives a log variance beside each mean."""
        return self.likelihood == "per-pixel"

    @property
    def half_outputs(self) -> bool:
        """Whether encoder and decoder give means only."""
        return self.posterior != "learned" and not self.per_pixel


_ALL = (
    Variant("vae", "learned", "standard", "unit"),
    Variant("vae-learned", "learned", "standard", "learned"),
    Variant("vae-learned-scaled", "learned", "standard", "learned-scaled"),
    Variant("vae-per-pixel", "learned", "standard", "per-pixel"),
    Variant("sigma-vae", "learned", "standard", "closed"),
    Variant("sigma-vae-shared", "shared", "standard", "closed"),
    Variant("sigma-vae-floating", "learned", "floating", "closed"),
    Variant("bilbo", "unit", "floating", "unit"),
    Variant("bilbo-closed", "unit", "floating", "closed"),
    Variant("bilbo-baggins", "unit", "floating", "aggregate"),
    Variant("bilbo-baggins-per-dimension", "unit", "floating", "aggregate", mode="per-dimension"),
    Variant("bilbo-fixed-ratio", "unit", "floating", "fixed"),
    Variant("bilbo-clamp", "unit", "floating", "clamp"),
)
VARIANTS: Mapping[str, Variant] = MappingProxyType({one.name: one for one in _ALL})
"""By name."""


def variant_of(value: "str | Variant") -> Variant:
    """Return a variant, given itself or its name.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if isinstance(value, Variant):
        return value
    given: object = value
    if not isinstance(given, str):
        raise wrong_type("variant", value, "a name or a Variant")
    if value not in VARIANTS:
        raise bad("variant", value, f"one of {', '.join(VARIANTS)}")
    return VARIANTS[value]
