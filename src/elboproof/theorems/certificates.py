"""Certificates: a proof as JSON, in the schema of `statements.SCHEMA`; which of them `recheck` cannot verify."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy
from sympy import Expr

from elboproof.arguments import file_path
from elboproof.files import replace_text
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.functions import Sigmoid
from elboproof.numbers.spelling import spelling
from elboproof.statements import SCHEMA, Box, Elbo, Gap, Statement
from elboproof.theorems import tails
from elboproof.theorems.natural import Natural

ROUNDING = Fraction(1, 10**7)
"""Claims about integrals are this much wider than what was proved: the check has its own rounding."""


@dataclass(frozen=True)
class LeafRecord:
    """A leaf of a proof, in exact numbers; ``lower`` and ``upper`` are claims, ``radius`` is that of its integrals."""

    box: Box
    centre: tuple[Fraction, ...] | None
    posterior: GaussianPosterior | None
    lower: Fraction | None
    upper: Fraction | None
    radius: Fraction | None = None


Integral = tuple[tuple[str, ...], str]
"""theta and R as they are written; no R for the integral over the whole space."""


@dataclass(frozen=True)
class Pieces:
    """What a proof consists of: leaves, and bounds of integrals."""

    leaves: list[LeafRecord]
    integrals: dict[Integral, tuple[float, float]]


@dataclass(frozen=True)
class Certificate:
    """A proof that can be checked without the program that found it.

    Attributes
    ----------
    content
        What `to_json` writes.
    """

    content: Mapping[str, Any]

    def to_json(self) -> str:
        """Return the certificate as JSON text, the same bytes each time."""
        return json.dumps(self.content, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the certificate to a file, whole or not at all; ``TypeError`` if ``path`` is no path."""
        replace_text(file_path(path, "path"), self.to_json())

    def __repr__(self) -> str:
        counts = (f"{len(self.content[name])} {name}" for name in ("leaves", "integrals"))
        return f"{type(self).__name__}({', '.join(counts)})"


def certificate(
    statement: Statement,
    names: Sequence[str],
    box: Box,
    leaves: Sequence[LeafRecord],
    integrals: Mapping[Integral, tuple[float, float]],
    statistics: Sequence[str],
) -> Certificate:
    """Return the certificate of a proof."""
    # Sorted, and free of times and places: the same proof gives the same bytes.
    from elboproof import __version__

    return Certificate(
        {
            "schema": SCHEMA,
            "version": __version__,
            "statement": described(statement),
            "box": {name: _pair(side) for name, side in zip(names, box, strict=True)},
            "leaves": [_leaf(leaf) for leaf in leaves],
            "statistics": list(statistics),
            "integrals": [
                {"theta": list(theta), "bounds": [_outward(low, -1), _outward(high, 1)], **_within(radius)}
                for (theta, radius), (low, high) in sorted(integrals.items())
            ],
        }
    )


def unverifiable(statement: Statement, natural: Natural, leaves: bool = True) -> str:
    """Return what `recheck` has no method for in a proof of the statement, by leaves or none; empty if it has one."""
    # The check shares no code with the search, so this is a description of its methods; tests hold both directions.
    unreal = [atom for atom in natural.atoms if not atom.is_real]
    if unreal:
        return f"a decoder with {spelling(unreal[0])}, which is not seen to be real"
    if not leaves:
        return ""
    from_below = isinstance(statement.quantity, Gap) and statement.lower is not None and statement.lower > 0
    growing = [atom for atom in natural.atoms if tails.magnitude(atom) is None]
    if growing and not _in_sinh_alone(natural):
        return f"a decoder with {spelling(growing[0])}"
    curved = [atom for atom in natural.atoms if not _squashed_affinely(atom)]
    if len(natural.latents) > 1 and natural.atoms:
        return _unverifiable_over_planes(statement, natural, curved)
    if from_below and curved:
        return f"a lower bound of the gap with {spelling(curved[0])}"
    d, highest = (
        len(natural.latents),
        [max(powers, default=0) for powers in zip(*natural.statistics, strict=True)],
    )
    if d > 1 and not isinstance(statement.quantity, Elbo) and min(highest[:d], default=0) > 2:
        return "an exponent of degree above 2 in each latent"
    return ""


def _unverifiable_over_planes(statement: Statement, natural: Natural, curved: Sequence[Expr]) -> str:
    """Return what is missing for decoders with functions of two latents."""
    # Integrals of exp(theta . T) are bounded by Gaussians, so that no power above 2 may stand in T, nor one above 1
    # beside a function; expectations take products of any powers.
    if curved:
        return f"a decoder with {spelling(curved[0])} under two latents"
    d = len(natural.latents)
    highest = max((sum(s[:d]) - (0 if any(s[d:]) else 1) for s in natural.statistics), default=0)
    if highest > 1 and not isinstance(statement.quantity, Elbo):
        return "an exponent of degree above 2, or above 1 beside a function, in two latents"
    return ""


def _in_sinh_alone(natural: Natural) -> bool:
    """Whether the statistics are powers of sinh(z)."""
    # Of these the check has closed forms; of sinh beside z it has no bounds.
    return natural.atoms == (sympy.sinh(natural.latents[0]),) and not any(s[0] for s in natural.statistics)


def _squashed_affinely(atom: Expr) -> bool:
    """Whether an atom is a constant, or sin, cos, tanh or sigmoid of a + b z."""
    if not atom.free_symbols:
        return True
    affine = all(sympy.diff(argument, z).is_number for argument in atom.args for z in atom.free_symbols)
    return isinstance(atom, sympy.sin | sympy.cos | sympy.tanh | Sigmoid) and affine


def described(statement: Statement) -> dict[str, Any]:
    """Return a statement as JSON data."""
    # In the words of `Quantity`, which the check gives back to the same constructors.
    quantity = statement.quantity
    record: dict[str, Any] = {
        "quantity": quantity.name,
        "latent": list(quantity.latent),
        "decoder": list(quantity.decoder),
        "variance": quantity.variance,
        "x": list(quantity.x),
        "lower": None if statement.lower is None else str(statement.lower),
        "upper": None if statement.upper is None else str(statement.upper),
    }
    if isinstance(quantity, Elbo):
        record["q"] = _posterior(quantity.q)
    return record


def _leaf(leaf: LeafRecord) -> dict[str, Any]:
    return {
        "box": [_pair(side) for side in leaf.box],
        "centre": None if leaf.centre is None else [str(number) for number in leaf.centre],
        "posterior": None if leaf.posterior is None else _posterior(leaf.posterior),
        "bounds": [None if bound is None else str(bound) for bound in (leaf.lower, leaf.upper)],
        **_within("" if leaf.radius is None else str(leaf.radius)),
    }


def _within(radius: str) -> dict[str, str]:
    return {"radius": radius} if radius else {}


def _posterior(q: GaussianPosterior) -> dict[str, Any]:
    return {"mean": [str(m) for m in q.mean], "covariance": [[str(s) for s in row] for row in q.covariance]}


def _pair(side: tuple[Fraction, Fraction]) -> list[str]:
    return [str(side[0]), str(side[1])]


def _outward(number: float, sign: int) -> str:
    """Return a decimal of 9 places beyond a float by at least `ROUNDING`."""
    # Exact: the float is a rational, and the nine decimals are rounded away from it.
    moved = Fraction(number) + sign * ROUNDING * (1 + abs(Fraction(number)))
    scaled = moved * 10**9
    units = -(-scaled.numerator // scaled.denominator) if sign > 0 else scaled.numerator // scaled.denominator
    return str(Fraction(units, 10**9))
