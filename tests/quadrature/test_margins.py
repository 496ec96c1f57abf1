"""The floats that bound a rule's error are above the exact numbers, and not by much."""

from fractions import Fraction

from elboproof.quadrature.gauss_legendre import RHO, SIZES, error_factor, factors, semi_axes


def test_error_factors_are_rounded_up() -> None:
    exact = [error_factor(RHO, n) for n in SIZES]
    rounded = [Fraction(value) for value in factors().tolist()]
    assert all(
        theirs <= ours <= theirs * (1 + Fraction(1, 2**49))
        for ours, theirs in zip(rounded, exact, strict=True)
    )
    nearest = [Fraction(float(value)) for value in exact]
    assert any(
        ours < theirs for ours, theirs in zip(nearest, exact, strict=True)
    )  # without the margin it would fail


def test_semi_axes_are_rounded_up() -> None:
    for rho in (RHO, Fraction("1.5"), Fraction("2.6"), Fraction("3.5")):
        along, across = map(Fraction, semi_axes(rho))
        assert (rho + 1 / rho) / 2 <= along <= (rho + 1 / rho) / 2 * (1 + Fraction(1, 2**49))
        assert (rho - 1 / rho) / 2 <= across <= (rho - 1 / rho) / 2 * (1 + Fraction(1, 2**49))
