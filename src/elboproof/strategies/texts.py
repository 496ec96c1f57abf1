"""Expressions and numbers: strings over one to three latents, every function that a model can be written with."""

from fractions import Fraction

from hypothesis import strategies as st

from elboproof.arguments import bad, suggesting
from elboproof.numbers.functions import WRITABLE

NAMES = ("u", "v", "w")
"""Of the latents."""
DEEPEST = 4
GUARDED = {"log": "({0})**2 + {1}", "log1p": "({0})**2/{1}", "sqrt": "({0})**2 + {1}"}
"""Arguments that keep a function within its real domain."""


def numbers() -> st.SearchStrategy[str]:
    """Return the strategy of positive numbers as texts: integers, ratios and decimals; 1/3 and 0.1 are no doubles.

    Returns
    -------
    SearchStrategy of str
        For ``@hypothesis.given``.
    """
    return st.one_of(
        st.integers(1, 9).map(str),
        st.builds("{}/{}".format, st.integers(1, 9), st.integers(2, 9)),
        st.builds("{}.{}".format, st.integers(0, 2), st.integers(1, 99)),
    )


@suggesting
def expressions(
    latents: int = 1, depth: int = DEEPEST, smooth: bool = False, *, names: tuple[str, ...] = NAMES
) -> st.SearchStrategy[str]:
    """Return the strategy of expressions that are real wherever they are finite.

    Parameters
    ----------
    latents
        How many latents may occur, of those in ``names``.
    depth
        Of the tree at most; 0 gives a latent or a number.
    smooth
        Leave out kinks: ``abs``, ``relu``, ``max``, ``min``.
    names
        Of the latents.

    Returns
    -------
    SearchStrategy of str
        For ``@hypothesis.given``.

    Raises
    ------
    ValueError
        If an argument is no such number.

    Notes
    -----
    Nested powers can exceed the parser's limits on numbers, which refuses them with ``ValueError``. The entries of
    `decoders` are tamer: all are accepted.
    """
    require_latents(latents, len(names))
    given: object = depth
    if isinstance(given, bool) or not isinstance(given, int) or depth < 0:
        raise bad("depth", depth, "a whole number, 0 or larger")
    return _expressions(names[:latents], depth, smooth)


def require_latents(latents: object, most: int = len(NAMES)) -> None:
    """Raise ``ValueError`` unless it is a number of latents."""
    require_size("latents", latents, most)


def require_size(name: str, value: object, most: int) -> None:
    """Raise ``ValueError`` unless it is a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise bad(name, value, f"a whole number from 1 to {most}")


@st.composite
def _expressions(draw: st.DrawFn, names: tuple[str, ...], depth: int, smooth: bool) -> str:
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(names) | numbers())
    inner = _expressions(names, depth - 1, smooth)
    shape = draw(st.sampled_from(("call", "call", "operation", "power", "quotient")))
    if shape == "call":
        return draw(_calls(inner, smooth))
    if shape == "operation":
        return f"({draw(inner)} {draw(st.sampled_from('+-*'))} {draw(inner)})"
    if shape == "quotient":
        return f"({draw(inner)})/(({draw(inner)})**2 + {draw(numbers())})"
    if draw(st.booleans()):
        return f"(({draw(inner)})**2 + {draw(numbers())})**({draw(inner)})"
    return f"({draw(inner)})**{draw(st.integers(2, 5))}"


@st.composite
def _calls(draw: st.DrawFn, inner: st.SearchStrategy[str], smooth: bool) -> str:
    kinks = ("abs", "relu", "max", "min") if smooth else ()
    name = draw(st.sampled_from([name for name in WRITABLE if name not in kinks]))
    argument = draw(inner)
    if name in GUARDED:
        argument = GUARDED[name].format(argument, draw(numbers()))
    if WRITABLE[name].arity == 2:
        argument = f"{argument}, {draw(inner)}"
    return f"{name}({argument})"


def coordinates() -> st.SearchStrategy[Fraction]:
    """Return the strategy of rationals of moderate size: doubles (n/1, n/16) and no doubles (n/3, n/7, n/10)."""
    return st.builds(Fraction, st.integers(-24, 24), st.sampled_from((1, 3, 7, 10, 16)))


@suggesting
def points(latents: int = 1) -> st.SearchStrategy[list[Fraction]]:
    """Return the strategy of points, one rational coordinate for each latent.

    Parameters
    ----------
    latents
        1 to 3.

    Returns
    -------
    SearchStrategy of list of Fraction
        For ``@hypothesis.given``.

    Raises
    ------
    ValueError
        If there is no such number of latents.
    """
    require_latents(latents)
    return st.lists(coordinates(), min_size=latents, max_size=latents)
