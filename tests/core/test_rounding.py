"""Rounding in whole numbers is rounding of the exact quotient."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.core.rounding import nearest


@given(numerator=st.integers(), denominator=st.integers(min_value=1))
def test_it_rounds_as_the_fraction_would(numerator: int, denominator: int) -> None:
    assert nearest(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("numerator", "rounded"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2), (4, 2)]
)
def test_a_half_goes_to_the_even_side(numerator: int, rounded: int) -> None:
    assert nearest(numerator, 2) == rounded
