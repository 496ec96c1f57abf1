"""The strings of a quantity, parsed: latents, parameters and what is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from elboproof.arguments import bad, shown
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.numbers.functions import CONSTANTS, WRITABLE
from elboproof.numbers.parser import UnknownNameError, parse
from elboproof.statements import Box, Quantity


@dataclass(frozen=True)
class Expressions:
    """The parsed parts of a quantity."""

    latents: tuple[Symbol, ...]
    parameters: tuple[Symbol, ...]
    decoder: tuple[Expr, ...]
    data: tuple[Expr, ...]
    variance: Expr


def expressions(quantity: Quantity, parameters: Sequence[str]) -> Expressions:
    """Parse a quantity's strings.

    Raises
    ------
    ValueError
        If an expression is no such, the box lacks a name that it holds, or a parameter is a latent, a function or
        occurs nowhere.
    """
    # Each name is a latent, a parameter or an error here, so that no later step meets a symbol of unknown kind; data
    # and variance hold no latent, or theta . T would not be what is integrated.
    _require_free(parameters, quantity.latent)
    latents = {name: Symbol(name, real=True) for name in quantity.latent}
    symbols = {name: Symbol(name, real=True) for name in parameters}
    decoder = [_parsed(text, latents, symbols, f"decoder[{j}]") for j, text in enumerate(quantity.decoder)]
    data = [_without_latents(text, latents, symbols, f"x[{j}]") for j, text in enumerate(quantity.x)]
    variance = _without_latents(quantity.variance, latents, symbols, "variance")
    used = {symbol for e in (*decoder, *data, variance) for symbol in e.free_symbols}
    for name, symbol in symbols.items():
        if symbol not in used:
            raise bad("box", name, "parameters that occur in the statement")
    return Expressions(
        tuple(latents.values()), tuple(symbols.values()), tuple(decoder), tuple(data), variance
    )


def _require_free(parameters: Sequence[str], latents: Sequence[str]) -> None:
    for name in parameters:
        if name in latents:
            raise bad("box", name, f"parameters, which differ from the latents {', '.join(latents)}")
        if name in WRITABLE or name in CONSTANTS:
            raise bad("box", name, "parameters, whose names are no functions or constants")


def _parsed(text: str, latents: Mapping[str, Symbol], symbols: Mapping[str, Symbol], name: str) -> Expr:
    try:
        return parse(text, {**latents, **symbols}, name)
    except UnknownNameError as error:
        if error.unknown in WRITABLE:  # a function without its parenthesis
            raise
        raise ValueError(
            f"box: got the parameters {', '.join(symbols)}; expected {error.unknown!r} as well, which occurs in "
            f"{name} and is none of the latents {', '.join(latents)}"
        ) from error


def _without_latents(
    text: str, latents: Mapping[str, Symbol], symbols: Mapping[str, Symbol], name: str
) -> Expr:
    expression = _parsed(text, latents, symbols, name)
    inside = sorted(expression.free_symbols & set(latents.values()), key=str)
    if inside:
        raise ValueError(
            f"{name}: got the latent {str(inside[0])!r} in {shown(text)}; expected parameters and numbers only"
        )
    return expression


def require_real(parts: Expressions, box: Box, atoms: Sequence[Sequence[Expr]]) -> None:
    """Let models look for latents at which the decoder is not real, or one of its atoms, which come by output."""
    # A model at one point of the box, and one without parameters: atoms have none, and where a logarithm or a root
    # leaves the reals it does so whatever the parameters; but its coefficient may vanish at that point.
    middle = {
        symbol: sympy.Rational(int((low + high).numerator), int(2 * (low + high).denominator))
        for symbol, (low, high) in zip(parts.parameters, box, strict=True)
    }
    names = [str(z) for z in parts.latents]
    LatentModel(names, [output.xreplace(middle) for output in parts.decoder], Gaussian(variance=1))
    if any(atoms):
        LatentModel(names, [sympy.Add(*found) for found in atoms], Gaussian(variance=1))
