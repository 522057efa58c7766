"""Rounding of exact quotients by whole numbers alone: an evaluation rounds a dozen, and Fractions cost most of that."""


def nearest(numerator: int, denominator: int) -> int:
    """The whole number nearest to a quotient, half to even; as `round` of a Fraction gives it.

    Args:
        numerator: Of either sign; no common divisors need be taken out.
        denominator: Positive.
    """
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
