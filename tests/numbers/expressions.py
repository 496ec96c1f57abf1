"""Generated expressions: strings over one to three latents, every function of the table, depth at most four."""

from fractions import Fraction

from hypothesis import strategies as st

from elboproof.numbers.functions import WRITABLE

NAMES = ("u", "v", "w")
DEEPEST = 4
GUARDED = {"log": "({0})**2 + {1}", "log1p": "({0})**2/{1}", "sqrt": "({0})**2 + {1}"}
"""Arguments that keep a function within its real domain."""

numbers = st.one_of(
    st.integers(1, 9).map(str),
    st.builds("{}/{}".format, st.integers(1, 9), st.integers(2, 9)),
    st.builds("{}.{}".format, st.integers(0, 2), st.integers(1, 99)),
)
"""Positive numbers; 1/3 and 0.1 are no doubles."""


@st.composite
def expressions(draw: st.DrawFn, latents: int, depth: int = DEEPEST, smooth: bool = False) -> str:
    """Draw an expression that is real wherever it is finite; ``smooth`` leaves out kinks."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(NAMES[:latents]) | numbers)
    inner = expressions(latents, depth - 1, smooth)
    shape = draw(st.sampled_from(("call", "call", "operation", "power", "quotient")))
    if shape == "call":
        return draw(_calls(inner, smooth))
    if shape == "operation":
        return f"({draw(inner)} {draw(st.sampled_from('+-*'))} {draw(inner)})"
    if shape == "quotient":
        return f"({draw(inner)})/(({draw(inner)})**2 + {draw(numbers)})"
    if draw(st.booleans()):
        return f"(({draw(inner)})**2 + {draw(numbers)})**({draw(inner)})"
    return f"({draw(inner)})**{draw(st.integers(2, 5))}"


@st.composite
def _calls(draw: st.DrawFn, inner: st.SearchStrategy[str], smooth: bool) -> str:
    kinks = ("abs", "relu", "max", "min") if smooth else ()
    name = draw(st.sampled_from([name for name in WRITABLE if name not in kinks]))
    argument = draw(inner)
    if name in GUARDED:
        argument = GUARDED[name].format(argument, draw(numbers))
    if WRITABLE[name].arity == 2:
        argument = f"{argument}, {draw(inner)}"
    return f"{name}({argument})"


coordinates = st.builds(Fraction, st.integers(-24, 24), st.sampled_from((1, 3, 7, 10, 16)))
"""Rational coordinates of moderate size, doubles (1, 16) and no doubles (3, 7, 10)."""


def points(latents: int) -> st.SearchStrategy[list[Fraction]]:
    """Return the strategy of points with one coordinate a latent."""
    return st.lists(coordinates, min_size=latents, max_size=latents)
