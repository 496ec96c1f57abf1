"""For the check: the integrals that a certificate claims bounds of, each computed once more."""

from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb
from sympy import Expr, Symbol

from elboproof.arguments import shown
from elboproof.numbers.exact import ball_of
from elboproof.numbers.parser import parse
from elboproof.rechecking import planes
from elboproof.rechecking.document import CertificateError, Document, number, part, radius
from elboproof.rechecking.functions import Function, Terms, combined, natural_powers, terms
from elboproof.rechecking.integration import Unable, log_integral, log_integral_within

Part = frozenset[tuple[Expr, Fraction]]
"""A function of z without its constant."""
Key = tuple[Part, Fraction | None]
"""What is integrated: a function over |z| <= R, or over the whole space."""


@dataclass
class IntegralClaims:
    """The claims of a document about integrals, by what is integrated: name, constant, bounds.

    Raises
    ------
    CertificateError
        If a claim is not well formed.
    """

    document: Document
    latents: tuple[Symbol, ...]
    claimed: dict[Key, tuple[str, Fraction, Fraction, Fraction]] = field(init=False)
    computed: dict[Key, arb] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claimed = self._claimed()

    def _claimed(self) -> dict[Key, tuple[str, Fraction, Fraction, Fraction]]:
        """Return the claims about integrals by the function that is integrated: name, constant, bounds."""
        # An integral is known by its function of z, not by its place: coefficients of the statistics are added up to
        # one function, whose constant is set aside, as it only shifts the logarithm.
        known = {str(z): z for z in self.latents}
        parts: list[Terms] = []
        for k, text in enumerate(self.document.statistics):
            parts.append(terms(parse(text, known, f"statistics[{k}]")))
        claims = {}
        for n, record in enumerate(self.document.integrals):
            name = f"integrals[{n}]"
            if not isinstance(record, dict):
                raise CertificateError(f"{name}: got {shown(record)}; expected an object")
            theta, bounds = part(record, "theta", list, name), part(record, "bounds", list, name)
            if len(theta) != len(parts) or len(bounds) != 2:
                raise CertificateError(f"{name}: got {len(theta)} coefficients; expected {len(parts)}")
            low, high = (number(bound, f"{name}.bounds") for bound in bounds)
            if low > high:
                raise CertificateError(
                    f"{name}.bounds: got lower {low} above upper {high}; expected lower <= upper"
                )
            values = [number(value, f"{name}.theta") for value in theta]
            function = Function(combined(list(zip(parts, values, strict=True))), Fraction(1))
            claims[function.key, radius(record, name)] = name, function.constant, low, high
        return claims

    def require(self) -> None:
        """Raise unless each integral is within its bounds."""
        # Claims are not used, only checked: all that follows takes the integrals computed here. A claim that is off
        # shows a search that errs.
        self._over_planes()
        for key, (name, constant, low, high) in self.claimed.items():
            value = self.value(key) + ball_of(constant)
            if not (value >= ball_of(low) and value <= ball_of(high)):
                raise CertificateError(
                    f"{name}.bounds: got [{float(low):.10g}, {float(high):.10g}]; "
                    f"the integral's logarithm is {value.str(12)}"
                )

    def _over_planes(self) -> None:
        """Take all integrals of functions of two latents at once: they share the values of their monomials."""
        keys = [
            key
            for key in self.claimed
            if key[1] is None
            and any(natural_powers(monomial, self.latents) is None for monomial, _ in key[0])
        ]
        if len(self.latents) != 2 or not keys:
            return
        try:
            values = planes.log_integrals([dict(key[0]) for key in keys], self.latents)
        except Unable as reason:
            raise CertificateError(f"integrals: cannot be verified: {reason}") from reason
        self.computed |= dict(zip(keys, values, strict=True))

    def value(self, key: Key) -> arb:
        """Return the logarithm of an integral, claimed or not: computed once."""
        if key not in self.computed:
            try:
                function = dict(key[0])
                self.computed[key] = (
                    log_integral(function, self.latents)
                    if key[1] is None
                    else log_integral_within(function, self.latents, key[1])
                )
            except Unable as reason:
                raise CertificateError(f"integrals: cannot be verified: {reason}") from reason
        return self.computed[key]
