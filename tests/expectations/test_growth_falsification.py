"""Bugs seeded into majorants, tails and closed forms of expectations: each is caught by a named test."""

import pytest
import torch

from elboproof.expectations import closed_forms, exponential
from elboproof.expectations.closed_forms import GaussianMoments
from elboproof.expectations.exponential import ExponentialPolynomial
from elboproof.model import network_growth
from elboproof.numbers import growth, majorant_ranges, majorants
from elboproof.numbers.majorants import Majorant
from tests.expectations import test_closed_forms
from tests.numbers import test_majorants
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _majorant(text: str, order: int = 0) -> Check:
    return lambda: test_majorants.test_majorant_bounds_the_values(text, order)


def _tails() -> None:
    for d, n, a, degree in ((1, 2.0, 0.0, 2), (2, 3.0, 1.5, 0), (3, 0.5, 0.25, 1)):
        test_majorants.test_tail_is_above_the_integral_and_not_far(d, n, a, degree)


def _one_latent() -> None:
    for g, function in test_closed_forms.ONE:
        test_closed_forms.test_one_latent_agrees_with_mpmath(g, function)


TESTS: dict[str, Check] = {
    **{
        f"majorant of {text}": _majorant(text)
        for text in (
            "3*z**3 - z/7 + 1",
            "log(cosh(z))",
            "1/(2 + sin(z))",
            "1/(-1 - z**4)",
            "sqrt(z**2 + z**4)",
            "(1 + z**2)**(1/3)",
            "max(z, z**2)",
        )
    },
    "logarithms of powers": lambda: test_majorants.test_logarithms_keep_powers_without_rounding(4),
    "layers": test_majorants.test_growth_of_a_layer_is_bounded_exactly,
    "sums and products": test_majorants.test_ends_of_sums_and_products_are_rounded_outward,
    "rates of products": test_majorants.test_rates_and_coefficients_of_products_are_rounded_up,
    "division by zero": lambda: test_majorants.test_what_may_be_zero_has_no_inverse(-1.0, 1.0),
    "roots in exponentials": lambda: test_majorants.test_exponentials_of_roots_are_bounded_at_every_distance(
        0.5
    ),
    "refused": lambda: test_majorants.test_unknown_growth_is_refused("exp(z**2)"),
    "many small terms": test_majorants.test_exponentials_of_many_terms_count_every_rounding,
    "ends of ranges": test_majorants.test_range_rules_at_the_ends,
    "ends of logarithms": test_majorants.test_ends_of_logarithms_are_bounds,
    "networks": lambda: test_majorants.test_network_majorants_bound_the_values(
        *test_majorants.LIKELIHOODS[1], torch.nn.Tanh()
    ),
    "closed forms": _one_latent,
    "closed forms, d = 2": test_closed_forms.test_two_latents_agree_with_gauss_hermite,
    "tails": _tails,
}

BUGS: dict[str, Bug] = {
    "tails without their slope": Seeded(growth, "tail", " / slope", " / big", "tails"),
    "tails of one dimension": Seeded(growth, "tail", "degree + d - 1", "degree", "tails"),
    "tails without the sphere": Seeded(growth, "tail", "total * surface", "total", "tails"),
    "tails without the exponential": Seeded(growth, "tail", "(a * big - big", "(-big", "tails"),
    "sums: the greater term": Seeded(
        majorant_ranges,
        "sum_of",
        "up(terms.get(key, 0.0) + c)",
        "max(terms.get(key, 0.0), c)",
        "rates of products",
    ),
    "sums: one end is rounded inwards": Seeded(
        majorant_ranges, "least_sum", "below_float(a + b)", "(a + b)", "sums and products"
    ),
    "products: ends are not all tried": Seeded(
        majorant_ranges, "product_range", "for b in t]", "for b in t[:1]]", "sums and products"
    ),
    "products: powers are lost": Seeded(
        Majorant, "__mul__", "n + m, rate_sum", "max(n, m), rate_sum", "majorant of 3*z**3 - z/7 + 1"
    ),
    "products: rates are not added": Seeded(
        majorant_ranges, "rate_sum", "else up(a + b)", "else max(a, b)", "rates of products"
    ),
    "inverses: the ends change places": Seeded(
        Majorant, "inverse", "if self.low > 0:", "if self.low > -1.5:", "division by zero"
    ),
    "exponentials: small powers count once": Seeded(
        majorants, "_exponential", "if n < 1.0)", "if n == 0.0)", "roots in exponentials"
    ),
    "exponentials of squares": Seeded(
        majorants, "_exponential", "a == 0.0 and n <= 1.0", "a == 0.0 and n <= 2.0", "refused"
    ),
    "exponentials: rounding of the offset": Seeded(
        majorants, "_exponential", "if n < 1.0), len(terms))", "if n < 1.0), -2)", "many small terms"
    ),
    "exponentials: the offset is lost": Seeded(
        majorants, "_exponential", "up(math.exp(up(offset)))", "1.0", "roots in exponentials"
    ),
    "cosh is at least 2": Seeded(Majorant, "cosh", ", 1.0)", ", 2.0)", "majorant of log(cosh(z))"),
    "squares of negative numbers": Seeded(
        Majorant,
        "square",
        "min(abs(self.low), abs(self.high))",
        "max(abs(self.low), abs(self.high))",
        "ends of ranges",
    ),
    "inverses: both ends": Seeded(
        Majorant,
        "inverse",
        "above_float(1 / self.low)",
        "above_float(1 / self.high)",
        "majorant of 1/(2 + sin(z))",
    ),
    "inverses of negative numbers": Seeded(
        Majorant,
        "inverse",
        "return -(-self).inverse()",
        "return (-self).inverse()",
        "majorant of 1/(-1 - z**4)",
    ),
    "logarithms: the rate is lost": Seeded(
        Majorant, "log", "max(a for _, a in self.terms)", "0.0", "majorant of log(cosh(z))"
    ),
    "logarithms: the share is lost": Seeded(
        Majorant, "log", "up(c**share) / share", "up(c**share) * share", "logarithms of powers"
    ),
    "logarithms: the wrong end": Seeded(
        Majorant, "log", "below(arb(self.low).log())", "above(arb(self.low).log())", "ends of logarithms"
    ),
    "roots: half of the rate": Seeded(
        Majorant, "sqrt", "(n / 2, a / 2)", "(n / 4, a / 4)", "majorant of sqrt(z**2 + z**4)"
    ),
    "powers: one factor": Seeded(
        Majorant, "pow", "range(math.ceil(exponent.high))", "range(0)", "majorant of (1 + z**2)**(1/3)"
    ),
    "maxima: the lesser term": Seeded(
        majorant_ranges,
        "greater",
        "max(first.get(key, 0.0)",
        "min(first.get(key, 0.0)",
        "majorant of max(z, z**2)",
    ),
    "networks: offsets are lost": Seeded(network_growth, "_affine", " + np.abs(layer.bias)", "", "layers"),
    "networks: weights keep their signs": Seeded(
        network_growth,
        "_affine",
        "np.abs(layer.weight.entries)",
        "(layer.weight.entries)",
        ("layers", "networks"),
    ),
    "networks: the second derivative's square": Seeded(
        network_growth, "_applied", " + (g.curve or 0.0) * squares", "", "layers"
    ),
    "networks: half of the residual": Seeded(
        network_growth, "_value", "scaled(w / 2)", "scaled(w / 8)", "networks"
    ),
    "moments: covariances are lost": Seeded(
        GaussianMoments, "_power", "if n:\n", "if n > 40:\n", ("closed forms", "closed forms, d = 2")
    ),
    "moments: the exponent of the mean only": Seeded(
        GaussianMoments,
        "_shift",
        "tape.multiply(half, square)",
        "tape.multiply(tape.constant(0), square)",
        ("closed forms",),
    ),
    "moments: the angle of the mean only": Seeded(
        GaussianMoments,
        "_shift",
        "tape.add(self._dot(frequency, self.mean), self._dot(growth, across))",
        "self._dot(frequency, self.mean)",
        ("closed forms",),
    ),
    "moments: conjugates keep their sign": Seeded(
        GaussianMoments, "_moment", "return real, self.tape.negate(imag)", "return real, imag", "closed forms"
    ),
    "sines are cosines": Seeded(exponential, "_sin", "(zero, -_HALF)", "(_HALF, zero)", "closed forms"),
    "products of coefficients": Seeded(
        ExponentialPolynomial, "__mul__", "real + a * c - b * e", "real + a * c + b * e", "closed forms"
    ),
    "powers: the odd factor is lost": Seeded(
        ExponentialPolynomial, "power", "square * self if n % 2 else square", "square", "closed forms"
    ),
    "factors: one product of a row": Seeded(
        closed_forms,
        "multiplied",
        "zip(factor[i], factor[j], strict=False)",
        "zip(factor[i][:1], factor[j], strict=False)",
        "closed forms, d = 2",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
