"""What can be claimed for all parameters of a box: bounds of the gap, of the evidence or of an ELBO.

And what a certificate means: the constants on which the search that writes one and the check that reads it must agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NoReturn

from elboproof.arguments import Sealed, bad, shown, suggesting, wrong_type
from elboproof.numbers.exact import exact

if TYPE_CHECKING:
    from elboproof.model.gaussian_posterior import GaussianPosterior
    from elboproof.model.latent_model import LatentModel

Number = int | float | str | Fraction
Box = tuple[tuple[Fraction, Fraction], ...]
"""An interval per parameter."""

MOST_BITS = 10_000

SCHEMA = "elboproof.for_all/1"
"""Of certificates: ``{"schema", "version", "statement", "box", "leaves", "statistics", "integrals"}``, all numbers
exact and written as strings. A leaf has its ``box``, the ``posterior`` for upper bounds of the gap, the ``centre`` for
lower ones, and the ``bounds`` claimed over it. An integral has its ``theta``, the factors of the statistics, and bounds
of its logarithm A(theta). A leaf may have a ``radius`` R: its integrals, which have it too, are those over |z| <= R."""
STEP = Fraction(1, 16)
"""h: the tangent of A at the centre c of a leaf is bounded by the difference between c and c - h (b - c), which the
certificate must hold for each control point b. A smaller one gives a better tangent from less accurate differences."""


@dataclass(frozen=True, init=False, eq=False)
class Quantity(Sealed):
    """A number that depends on parameters, for p(x, z) = N(z; 0, I) N(x; f(z), v I).

    Parameters
    ----------
    latent, decoder, variance, x, prior, model
        As of `Gap`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind; what an expression holds is looked at by `for_all`.

    Notes
    -----
    Two quantities are equal if they are written alike. With a number only ``<=``, ``>=`` and `between` make a
    statement; every other relation raises ``TypeError``, so that none is answered with a silent False.
    """

    latent: tuple[str, ...]
    decoder: tuple[str, ...]
    variance: str
    x: tuple[str, ...]
    name: ClassVar[str]
    """In words, as in certificates."""

    def __init__(
        self,
        latent: str | Sequence[str] | None = None,
        decoder: str | Sequence[str] | None = None,
        variance: Number | None = None,
        x: Number | Sequence[Number] | None = None,
        *,
        prior: object = None,
        model: "LatentModel | None" = None,
    ) -> None:
        if model is not None:
            from elboproof.model.written import gaussian_parts

            latent, decoder, variance = gaussian_parts(model, latent, decoder, variance)
        if prior is not None and not getattr(prior, "standard", False):
            raise bad("prior", prior, "ep.Normal(): statements are about N(z; 0, I) N(x; f(z), v I)")
        # checked and copied into tuples of text here: a certificate writes a quantity as it stands
        names = (latent,) if isinstance(latent, str) else _sequence(latent, "latent")
        outputs = _sequence((decoder,) if isinstance(decoder, str) else decoder, "decoder")
        data = _sequence((x,) if isinstance(x, Number) else x, "x")
        if wrong := [name for name in names if not isinstance(name, str) or not name.isidentifier()]:
            raise bad("latent", wrong[0], "a name such as 'z' or 'z_1'")
        if len(set(names)) < len(names):
            raise bad("latent", latent, "distinct names")
        if len(outputs) != len(data):
            raise ValueError(f"x: got {len(data)} entries; expected {len(outputs)}, one per decoder output")
        object.__setattr__(self, "latent", tuple(names))
        object.__setattr__(self, "decoder", tuple(_text(e, f"decoder[{j}]") for j, e in enumerate(outputs)))
        object.__setattr__(self, "variance", _text(variance, "variance"))
        object.__setattr__(self, "x", tuple(_text(e, f"x[{j}]") for j, e in enumerate(data)))

    def __le__(self, bound: Number) -> "Statement":
        return Statement(self, None, _written(bound, "bound"))

    def __ge__(self, bound: Number) -> "Statement":
        return Statement(self, _written(bound, "bound"), None)

    __array_ufunc__ = None  # np.float64(1) >= gap asks the quantity

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            raise _no_statement("==", other)
        return self._content() == other._content()

    def __ne__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            raise _no_statement("!=", other)
        return self._content() != other._content()

    def __lt__(self, other: object) -> NoReturn:
        raise _no_statement("<", other)

    def __gt__(self, other: object) -> NoReturn:
        raise _no_statement(">", other)

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return type(self), *(getattr(self, one.name) for one in fields(self))

    def between(self, lower: Number, upper: Number) -> "Statement":
        """Return the statement lower <= quantity <= upper."""
        low, high = _written(lower, "lower"), _written(upper, "upper")
        if low > high:
            raise bad("lower", lower, f"at most upper = {upper}")
        return Statement(self, low, high)


@suggesting
@dataclass(frozen=True, init=False, eq=False)
class Gap(Quantity):
    """log p(x) - ELBO of the best Gaussian posterior, over all means and covariances, in nats.

    Parameters
    ----------
    latent
        The latents' names; ``"z"`` for one.
    decoder
        f: one string per data dimension, an expression in the latents and in parameters. Its parameters enter
        polynomially: f_j = sum_k a_jk(parameters) g_k(z).
    variance
        v: a number, or an expression in the parameters: a polynomial or a quotient of two.
    x
        The data: numbers, or polynomials in the parameters.
    prior
        ``ep.Normal()`` or None, which are N(0, I): there is no other one for statements.
    model
        An ``ep.LatentModel`` in the place of latent and decoder; a network is written out with its exact weights. The
        variance is the model's where none is given.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind; what an expression holds is looked at by ``ep.for_all``.

    Notes
    -----
    ``gap <= number``, ``gap >= number`` and ``gap.between(low, high)`` make the statements that ``ep.for_all`` decides;
    the model is p(x, z) = N(z; 0, I) N(x; f(z), v I).

    Examples
    --------
    >>> import elboproof as ep
    >>> gap = ep.Gap(latent="z", decoder=["z + c*z**3"], variance="v", x=["7/10"])
    >>> print(ep.for_all(gap <= "1/10", {"c": ("0", "0.3"), "v": ("0.1", "1")}))
    proved: gap <= 1/10 for all c in [0, 3/10], v in [1/10, 1]
    """

    name: ClassVar[str] = "gap"


@suggesting
@dataclass(frozen=True, init=False, eq=False)
class LogEvidence(Quantity):
    """log p(x) in nats.

    Parameters
    ----------
    latent, decoder, variance, x, prior, model
        As of ``ep.Gap``.

    Raises
    ------
    TypeError, ValueError
        As ``ep.Gap``.

    Examples
    --------
    >>> import elboproof as ep
    >>> evidence = ep.LogEvidence("z", ["c*z"], "1/4", ["1/2"])
    >>> print(ep.for_all(evidence.between(-2, 0), {"c": ("1/2", "1")}))
    proved: -2 <= log evidence <= 0 for all c in [1/2, 1]
    """

    name: ClassVar[str] = "log evidence"


@suggesting
@dataclass(frozen=True, init=False, eq=False)
class Elbo(Quantity):
    """The evidence lower bound of one Gaussian posterior, the same for all parameters of the box, in nats.

    Parameters
    ----------
    latent, decoder, variance, x
        As of ``ep.Gap``.
    q
        An ``ep.GaussianPosterior`` over the latents.
    model
        As of ``ep.Gap``.

    Raises
    ------
    TypeError, ValueError
        As ``ep.Gap``; also if q has another number of latents.
    """

    q: "GaussianPosterior"
    name: ClassVar[str] = "ELBO"

    def __init__(
        self,
        latent: str | Sequence[str] | None = None,
        decoder: str | Sequence[str] | None = None,
        variance: Number | None = None,
        x: Number | Sequence[Number] | None = None,
        q: "GaussianPosterior | None" = None,
        *,
        model: "LatentModel | None" = None,
    ) -> None:
        from elboproof.model.gaussian_posterior import GaussianPosterior

        super().__init__(latent, decoder, variance, x, model=model)
        if not isinstance(q, GaussianPosterior):
            raise wrong_type("q", q, "an ep.GaussianPosterior")
        if len(q.mean) != len(self.latent):
            raise ValueError(f"q: got {len(q.mean)} latents; expected {len(self.latent)}")
        # A certificate writes q in exact numbers, so that each of them must be short enough to be read back.
        for entry in (*q.mean, *(entry for row in q.covariance for entry in row)):
            _written(entry, "q")
        object.__setattr__(self, "q", q)


KINDS: dict[str, type[Quantity]] = {kind.name: kind for kind in (Gap, LogEvidence, Elbo)}
"""By the name that a certificate holds."""


@dataclass(frozen=True)
class Statement:
    """lower <= quantity <= upper; a bound that is None is not claimed."""

    quantity: Quantity
    lower: Fraction | None
    upper: Fraction | None

    def __post_init__(self) -> None:
        if not isinstance(self.quantity, tuple(KINDS.values())):
            raise wrong_type("quantity", self.quantity, "an ep.Gap, ep.LogEvidence or ep.Elbo")

    def __bool__(self) -> bool:
        raise TypeError(
            "a statement is neither true nor false by itself; ask ep.for_all(statement, box); "
            "lower <= quantity <= upper is written quantity.between(lower, upper)"
        )

    def __str__(self) -> str:
        name = self.quantity.name
        if self.lower is None or self.upper is None:
            sign, bound = ("<=", self.upper) if self.lower is None else (">=", self.lower)
            return f"{name} {sign} {bound}"
        return f"{self.lower} <= {name} <= {self.upper}"


def _no_statement(sign: str, other: object) -> TypeError:
    return TypeError(
        f"relation: got quantity {sign} {shown(other)}; expected quantity <= bound, quantity >= bound or "
        "quantity.between(lower, upper)"
    )


def _sequence(value: object, name: str) -> Sequence[object]:
    if not isinstance(value, list | tuple) or not value:
        raise wrong_type(name, value, "a list with at least one entry")
    return value


def _written(value: object, name: str) -> Fraction:
    """Return an exact number that Python can write in decimals: statements and certificates are text."""
    number = exact(value, name)
    if max(abs(number.numerator), number.denominator).bit_length() > MOST_BITS:
        raise bad(name, value, f"a number of at most {MOST_BITS} bits, which a certificate can hold")
    return number


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    number = _written(value, name)
    return str(number) if number >= 0 else f"({number})"


def read_box(box: Mapping[str, Sequence[Number]]) -> tuple[tuple[str, ...], Box]:
    """Return the parameters' names and their exact intervals.

    Raises
    ------
    TypeError, ValueError
        If there is no parameter, or an interval is no pair of numbers or is empty or reversed.
    """
    # Closed intervals with low < high: volumes, cuts and Bernstein coefficients need an interior.
    given: object = box
    if not isinstance(given, Mapping) or not given:
        raise wrong_type("box", box, "a dictionary from at least one parameter to (low, high)")
    sides = []
    for name, side in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise bad("box", name, "parameters' names")
        if not isinstance(side, list | tuple) or len(side) != 2:
            raise wrong_type(f"box[{name!r}]", side, "a pair (low, high)")
        low, high = (_written(end, f"box[{name!r}]") for end in side)
        if not low < high:
            raise bad(f"box[{name!r}]", side, "low < high; a single value belongs into the statement")
        sides.append((low, high))
    return tuple(box), tuple(sides)


def shown_box(names: Sequence[str], box: Box) -> str:
    """Return a box in words."""
    return ", ".join(
        f"{name} in [{shown_number(low)}, {shown_number(high)}]"
        for name, (low, high) in zip(names, box, strict=True)
    )


def shown_number(number: Fraction) -> str:
    """Return a ratio if it is short, else a float with a sign for 'about'."""
    text = str(number)
    if len(text) <= 20:
        return text
    return f"~{shown(float(number))}" if abs(number) < 10**300 else f"{text[:20]}..."
