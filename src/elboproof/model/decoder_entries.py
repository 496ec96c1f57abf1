"""What a model's names and decoder entries are, as users write them: text, or SymPy expressions of their own."""

from collections.abc import Sequence

import sympy
from sympy import Expr, Symbol

from elboproof.arguments import bad, shown, written, wrong_type
from elboproof.model.quantities import Quantities
from elboproof.numbers.functions import ExpressionError
from elboproof.numbers.parser import parse, require_moderate, require_real


def names_of(latent: str | Sequence[str]) -> list[str]:
    """Return the latents' names, distinct identifiers.

    Raises
    ------
    TypeError, ValueError
        If they are none.
    """
    given: object = latent
    if not isinstance(given, list | tuple | str) or not all(isinstance(name, str) for name in given):
        raise wrong_type("latent", latent, "a name or a list of names")
    # A name that stood twice would make one symbol of two latents, and the model one of fewer dimensions.
    names = [latent] if isinstance(latent, str) else list(latent)
    if not names:
        raise bad("latent", latent, "at least one latent")
    for name in names:
        if not name.isidentifier():
            raise bad("latent", name, "a name such as 'z' or 'z_1'")
    if len(set(names)) < len(names):
        raise bad("latent", latent, "distinct names")
    return names


def entry_of(entry: str | Expr, latents: dict[str, Symbol], name: str) -> Expr:
    """Return a decoder entry as an expression in the given symbols, its numbers exact.

    Raises
    ------
    TypeError, ValueError
        If it is no expression in these latents; the error calls it ``name``.
    """
    if isinstance(entry, str):
        return parse(entry, latents, name)
    # Python counts True as an integer; as a decoder it is a slip.
    if isinstance(entry, bool) or not isinstance(entry, Expr | int | float):
        raise wrong_type(name, entry, "a string or a SymPy expression")
    return _from_sympy(sympy.sympify(entry), latents, name)


def _from_sympy(entry: Expr, latents: dict[str, Symbol], name: str) -> Expr:
    """Put our symbols for symbols of the same name, and the exact binary value for each float."""
    require_moderate(entry, name)
    symbols = sorted(entry.free_symbols, key=str)
    unknown = [str(symbol) for symbol in symbols if str(symbol) not in latents]
    if unknown:
        expected = f"only the latents {', '.join(latents)}"
        raise ValueError(
            f"{name}: got the symbol {unknown[0]!r} in {shown(written(entry))}; expected {expected}"
        )
    _require_free(symbols, entry, name)
    require_real(entry, name, written(entry))
    # A float is the binary number that it is; as a rational it stays that in every number system. SymPy
    # evaluates anew as it replaces, so that the result is looked at again.
    exact = {number: sympy.Rational(*_ratio(number)) for number in entry.atoms(sympy.Float)}
    replaced = entry.xreplace(exact | {symbol: latents[str(symbol)] for symbol in entry.free_symbols})
    return require_real(replaced, name, written(entry))


def _require_free(symbols: Sequence[Symbol], entry: Expr, name: str) -> None:
    """Raise unless each name is one symbol that stands for every real number.

    SymPy has used what a symbol assumes before the expression comes here: sqrt(z**2) is z for a positive z.
    """
    # Sorted by name, two symbols of one name stand side by side. What a symbol assumes beyond being real, such
    # as a sign, SymPy may have used already.
    allowed = Symbol("z", real=True).assumptions0.items()
    for k, symbol in enumerate(symbols):
        if type(symbol) is not Symbol or not symbol.assumptions0.items() <= allowed:
            raise ValueError(
                f"{name}: got the {type(symbol).__name__} {symbol}, which by its assumptions or its kind does not "
                f"stand for every real number; expected sympy.Symbol({str(symbol)!r}, real=True)"
            )
        if k and str(symbol) == str(symbols[k - 1]):
            raise ValueError(
                f"{name}: got two different symbols called {symbol} in {shown(written(entry))}; expected one"
            )


def _ratio(number: sympy.Float) -> tuple[int, int]:
    # SymPy keeps a float as sign, mantissa, exponent and bits: the number is +-mantissa 2^exponent.
    sign, mantissa, exponent, _ = number._mpf_
    signed = -int(mantissa) if sign else int(mantissa)
    return (signed * 2**exponent, 1) if exponent >= 0 else (signed, 2**-exponent)


def require_real_everywhere(
    quantities: Quantities, j: int, entry: object, name: str, what: str = "a decoder"
) -> None:
    """Refuse an entry such as log(z), which is undefined on part of R^d: p(x|z) would not be a likelihood.

    Probing cannot prove that an entry is real everywhere: one that slips through is met by bounds that hold for
    whatever values it is given there, see ``docs/trusted_base.md``.
    """
    try:
        place = quantities.unreal_probe(j)
    except ExpressionError as error:
        raise ValueError(f"{name}: {error.problem}") from error
    if place is not None:
        raise ValueError(
            f"{name}: got {shown(written(entry))}, which is not real at z = {place}; "
            f"expected {what} that is real on all of R^d"
        )
