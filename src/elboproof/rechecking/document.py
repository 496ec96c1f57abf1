"""For the check: a certificate file, read with care: every number, box and posterior is looked at before it is used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from elboproof.arguments import shown
from elboproof.model.evidence_format import EVIDENCE_SCHEMA
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.exact import exact
from elboproof.statements import SCHEMA, Elbo, Gap, LogEvidence, Quantity, Statement, read_box

LARGEST_FILE = 50_000_000
MOST_BITS = 14_000
"""Of a number: Python writes 4300 decimals, and errors show them. Statements have fewer, their boxes are halved."""
LARGEST_RADIUS = 64
"""P(|Z| > 64) < 1e-890: a larger one would prove no more, and may take long."""


class CertificateError(ValueError):
    """A certificate that does not prove what it says; the message names the part."""


@dataclass(frozen=True)
class LeafClaim:
    """A leaf as claimed; with a radius R, its integrals are those over |z| <= R."""

    name: str
    box: tuple[tuple[Fraction, Fraction], ...]
    centre: tuple[Fraction, ...] | None
    posterior: GaussianPosterior | None
    lower: Fraction | None
    upper: Fraction | None
    radius: Fraction | None = None


def loaded(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises
    ------
    CertificateError
        If it is too large, no JSON, or of another schema.
    """
    # A device has no size, and no end: so no more is read than a certificate may have. No number is taken that JSON
    # itself would round: a certificate spells its numbers in strings.
    with file.open("rb") as stream:
        data = stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise CertificateError(
            f"file: got more than {LARGEST_FILE} bytes; expected a certificate of at most that"
        )
    try:
        content = json.loads(data.decode(), parse_constant=_refuse, object_pairs_hook=_distinct)
    except CertificateError:
        raise
    except (ValueError, RecursionError) as error:
        raise CertificateError(
            f"file: got what is no JSON ({error}); expected a whole certificate"
        ) from error
    if not isinstance(content, dict) or content.get("schema") not in (SCHEMA, EVIDENCE_SCHEMA):
        got = content.get("schema") if isinstance(content, dict) else content
        raise CertificateError(f"schema: got {shown(got)}; expected {SCHEMA!r} or {EVIDENCE_SCHEMA!r}")
    return content


def _refuse(word: str) -> None:
    raise CertificateError(f"file: got the number {word}; expected finite numbers, as strings")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of two entries with one name, readers differ in which they see."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CertificateError(
            f"file: got the name {shown(twice)} twice in one object; expected distinct names"
        )
    return content


class Document:
    """The parts of a certificate, read with care."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        stated = part(content, "statement", dict)
        self.statement = self._statement(stated)
        sides = part(content, "box", dict)
        try:
            self.names, self.box = read_box(sides)
        except (TypeError, ValueError) as error:
            raise CertificateError(str(error)) from error
        leaves = part(content, "leaves", list)
        self.leaves = [self._leaf(leaf, f"leaves[{n}]") for n, leaf in enumerate(leaves)]
        self.statistics = part(content, "statistics", list)
        self.integrals = part(content, "integrals", list)

    def _statement(self, stated: Mapping[str, Any]) -> Statement:
        # The same constructors as a user's: what they refuse in a statement, they refuse here. A statement without a
        # bound claims nothing, one with lower > upper is false everywhere.
        kinds: dict[str, type[Quantity]] = {"gap": Gap, "log evidence": LogEvidence, "ELBO": Elbo}
        kind = kinds.get(str(stated.get("quantity")))
        if kind is None:
            raise CertificateError(f"statement: got the quantity {shown(stated.get('quantity'))}")
        arguments = {name: stated.get(name) for name in ("latent", "decoder", "variance", "x")}
        if kind is Elbo:
            arguments["q"] = _posterior(stated.get("q"), "statement.q")
        try:
            quantity = kind(**arguments)
        except (TypeError, ValueError) as error:
            raise CertificateError(f"statement: {error}") from error
        bounds = [_optional(stated.get(name), f"statement.{name}") for name in ("lower", "upper")]
        if bounds == [None, None]:
            raise CertificateError("statement: got no bound; expected at least one")
        if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]
            raise CertificateError("statement: got lower > upper; expected lower <= upper")
        return Statement(quantity, bounds[0], bounds[1])

    def _leaf(self, leaf: object, name: str) -> LeafClaim:
        # Inside the box, by exact comparison, or volumes could add up with leaves elsewhere; the centre inside the
        # leaf is not needed by any proof, but nothing else is what the format says.
        if not isinstance(leaf, dict):
            raise CertificateError(f"{name}: got {shown(leaf)}; expected an object")
        sides = part(leaf, "box", list, name)
        if len(sides) != len(self.box) or not all(isinstance(s, list) and len(s) == 2 for s in sides):
            raise CertificateError(f"{name}.box: got {shown(sides)}; expected {len(self.box)} pairs")
        box = tuple((number(s[0], f"{name}.box"), number(s[1], f"{name}.box")) for s in sides)
        for (low, high), (start, end) in zip(box, self.box, strict=True):
            if not start <= low < high <= end:
                raise CertificateError(
                    f"{name}.box: got [{low}, {high}]; expected a part of [{start}, {end}]"
                )
        centre = leaf.get("centre")
        point = None
        if centre is not None:
            if not isinstance(centre, list) or len(centre) != len(box):
                raise CertificateError(f"{name}.centre: got {shown(centre)}; expected {len(box)} numbers")
            point = tuple(number(value, f"{name}.centre") for value in centre)
            if not all(low <= value <= high for value, (low, high) in zip(point, box, strict=True)):
                raise CertificateError(f"{name}.centre: got {shown(centre)}; expected a point of the leaf")
        q = None if leaf.get("posterior") is None else _posterior(leaf["posterior"], f"{name}.posterior")
        bounds = part(leaf, "bounds", list, name)
        if len(bounds) != 2:
            raise CertificateError(f"{name}.bounds: got {shown(bounds)}; expected two")
        lower, upper = (_optional(bound, f"{name}.bounds") for bound in bounds)
        if lower is not None and upper is not None and lower > upper:
            raise CertificateError(
                f"{name}.bounds: got lower {lower} above upper {upper}; expected lower <= upper"
            )
        return LeafClaim(name, box, point, q, lower, upper, radius(leaf, name))


def part(content: Mapping[str, Any], name: str, kind: type, where: str = "") -> Any:
    """Return an entry of a JSON object, of the kind asked."""
    value = content.get(name)
    if not isinstance(value, kind):
        place = f"{where}.{name}" if where else name
        raise CertificateError(
            f"{place}: got {shown(value)}; expected {'a list' if kind is list else 'an object'}"
        )
    return value


def number(value: object, name: str) -> Fraction:
    """Return the exact number that a string spells."""
    if not isinstance(value, str):
        raise CertificateError(f"{name}: got {shown(value)}; expected a number as a string")
    try:
        spelled = exact(value, name)
    except (TypeError, ValueError) as error:
        raise CertificateError(str(error)) from error
    if max(abs(spelled.numerator), spelled.denominator).bit_length() > MOST_BITS:
        raise CertificateError(f"{name}: got {shown(value)}; expected a number of at most {MOST_BITS} bits")
    return spelled


def radius(record: Mapping[str, Any], name: str) -> Fraction | None:
    """Return the R of a leaf or an integral, None where it has none."""
    value = _optional(record.get("radius"), f"{name}.radius")
    if value is not None and not 0 < value <= LARGEST_RADIUS:
        raise CertificateError(f"{name}.radius: got {value}; expected 0 < radius <= {LARGEST_RADIUS}")
    return value


def _optional(value: object, name: str) -> Fraction | None:
    return None if value is None else number(value, name)


def _posterior(record: object, name: str) -> GaussianPosterior:
    if not isinstance(record, dict) or set(record) != {"mean", "covariance"}:
        raise CertificateError(f"{name}: got {shown(record)}; expected mean and covariance")
    mean, rows = record["mean"], record["covariance"]
    if not isinstance(mean, list) or not isinstance(rows, list) or not all(isinstance(r, list) for r in rows):
        raise CertificateError(f"{name}: got {shown(record)}; expected lists")
    try:
        return GaussianPosterior(
            [number(m, name) for m in mean], [[number(s, name) for s in row] for row in rows]
        )
    except CertificateError:
        raise
    except (TypeError, ValueError) as error:
        raise CertificateError(f"{name}: {error}") from error
