"""Evidences that others published for tests of samplers, proved or refuted.

    python -m benchmarks.published            proves them and prints the table (seconds)
    python -m benchmarks.published --check    the same; 1 if a value is not what stands here

The numbers stand in ``PUBLISHED`` as they were found, and beside them the digits that were proved here;
``tests/model/test_published.py`` proves them anew.
"""

import argparse
import sys
from dataclasses import dataclass
from decimal import Decimal

import elboproof as ep
from elboproof.checking.markup import table

_UNIT, _WIDE = ep.Uniform("0", "1"), ep.Uniform("-6", "6")
_RINGS = [f"exp(-50*(sqrt((u {side} 7/2)**2 + v**2) - 2)**2)" for side in "-+"]
_PLAIN = ep.Density("f1 + x1")
"""The decoder is the log likelihood itself; there is no datum, and x = 0 stands for none."""


@dataclass(frozen=True)
class Published:
    """A log evidence as someone printed it, and the same integral proved.

    Attributes
    ----------
    name, formula, source
        What is integrated, in the source's words, and where the value stands.
    value
        As printed there; None where the source gives no number.
    model, x
        The same integral as a model's evidence.
    proved
        log p(x) in nats, to the digits that are proved: the last one is off by 1 at most.
    """

    name: str
    formula: str
    source: str
    value: str | None
    model: ep.LatentModel
    x: tuple[int, ...]
    proved: str

    @property
    def wrong(self) -> bool:
        """Whether no rounding of the proved value to the published digits gives the published one."""
        return self.value is not None and self.distance > _half_a_place(self.value) + _place(self.proved)

    @property
    def distance(self) -> Decimal:
        """The distance of the published value from the proved one, in nats."""
        if self.value is None:
            raise ValueError(f"value: got None of {self.name}; expected a published number")
        return abs(Decimal(self.value) - Decimal(self.proved))

    def encloses(self) -> ep.Enclosure:
        """Prove the value anew."""
        return ep.log_evidence(self.model, list(self.x), digits=10)

    def agrees(self) -> bool:
        """Whether a new proof says what stands in ``proved``."""
        found, place = self.encloses(), _place(self.proved)
        least, most = (Decimal(float(end)) - Decimal(self.proved) for end in (found.lower, found.upper))
        return -place <= least and most <= place


def _place(number: str) -> Decimal:
    return Decimal((0, (1,), int(Decimal(number).as_tuple().exponent)))


def _half_a_place(number: str) -> Decimal:
    return _place(number) / 2


PUBLISHED = (
    Published(
        "eggbox", "log L = (2 + cos(x/2) cos(y/2))^5 on [0, 10 pi]^2", "MultiNest (2009), on a fine grid", "235.88",
        ep.LatentModel(["u", "v"], ["(2 + cos(5*pi*u)*cos(5*pi*v))**5"], _PLAIN, prior=_UNIT), (0,), "235.855940332",
    ),
    Published(
        "eggbox, shifted", "log L = (2 + cos(5 pi (2 u - 1)/2) cos(5 pi (2 v - 1)/2))^5 on [0, 1]^2",
        "NestedSamplers.jl, Models.Eggbox", "235.88",
        ep.LatentModel(
            ["u", "v"], ["(2 + cos(5*pi*(2*u - 1)/2)*cos(5*pi*(2*v - 1)/2))**5"], _PLAIN, prior=_UNIT
        ), (0,), "235.895161045",
    ),
    Published(
        "Gaussian shells", "L = N(|z - c|; 2, 0.1^2) + N(|z + c|; 2, 0.1^2), c = (3.5, 0), on [-6, 6]^2",
        "NestedSamplers.jl, Models.GaussianShells", "-1.75",
        ep.LatentModel(
            ["u", "v"], [f"log({' + '.join(_RINGS)}) - log(sqrt(2*pi)/10)"], _PLAIN, prior=_WIDE
        ), (0,), "-1.745641885",
    ),
    Published(
        "Rosenbrock", "log L = -(1 - x)^2 - 100 (y - x^2)^2 on [-5, 5]^2", "nnest", "-5.80",
        ep.LatentModel(
            ["u", "v"], ["-(1 - u)**2 - 100*(v - u**2)**2"], _PLAIN, prior=ep.Uniform("-5", "5")
        ), (0,), "-5.804132364",
    ),
    Published(
        "bias of a coin", "3 heads in 5 tosses, in one order, prior Beta(2, 5)", "closed form: 1/77", None,
        ep.LatentModel(
            "z", ["log(z) - log(1 - z)"] * 5, ep.Bernoulli(),
            prior=ep.PriorDensity("log(30) + log(z) + 4*log(1 - z)", [("0", "1")]),
        ), (1, 1, 1, 0, 0), "-4.343805422",
    ),
)  # fmt: skip


def markdown() -> str:
    """Return the table."""
    header = ("problem", "what is integrated", "source", "published", "proved here", "verdict")
    return table(header, [_row(one) for one in PUBLISHED]) + "\n"


def _row(one: Published) -> list[str]:
    if one.value is None:
        return [one.name, one.formula, one.source, "-", one.proved, "-"]
    verdict = f"**wrong** by {one.distance:.3f}" if one.wrong else "right to its digits"
    return [one.name, one.formula, one.source, one.value, one.proved, verdict]


def main() -> int:
    """Prove all anew; return 1 if one is not what stands here."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="exit with 1 if a value is not what stands here")
    options = parser.parse_args()
    print(markdown())
    different = [one.name for one in PUBLISHED if not one.agrees()]
    print(*(f"{name}: not what was proved" for name in different), sep="\n")
    return int(options.check and bool(different))


if __name__ == "__main__":
    sys.exit(main())
