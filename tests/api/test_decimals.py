import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.types import DECIMAL_PATTERN, parse_decimal, parse_distance, render_decimal

decimals = st.from_regex(re.compile(DECIMAL_PATTERN[1:-1]), fullmatch=True)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param(70, Fraction(70), id="an integer"),
        pytest.param("70", Fraction(70), id="an integer in quotes"),
        pytest.param("0.1", Fraction(1, 10), id="a decimal is exact"),
        pytest.param("-0.5", Fraction(-1, 2), id="below 0"),
        pytest.param("070", Fraction(70), id="a leading zero is no octal"),
        pytest.param("0.000000001", Fraction(1, 10**9), id="the smallest"),
        pytest.param(999999999999999, Fraction(999999999999999), id="the largest"),
    ],
)
def test_a_decimal_is_read_exactly(written: object, value: Fraction) -> None:
    assert parse_decimal(written) == value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param(0.7, 'write "0.7"', id="a binary float"),
        pytest.param(True, "not a boolean", id="a boolean"),
        pytest.param("70%", "decimal in quotes", id="a unit"),
        pytest.param("1e3", "decimal in quotes", id="an exponent"),
        pytest.param("1.", "decimal in quotes", id="nothing after the point"),
        pytest.param(".5", "decimal in quotes", id="nothing before the point"),
        pytest.param("\u0667", "decimal in quotes", id="digits of another script"),
        pytest.param("1\n", "decimal in quotes", id="a line break"),
        pytest.param("1234567.123456789", "decimal in quotes", id="more than 15 digits"),
        pytest.param(10**15, "at most 15 digits", id="an integer of more than 15 digits"),
        pytest.param([], "decimal in quotes", id="a list"),
    ],
)
def test_what_is_no_decimal_is_refused(written: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_decimal(written)


@pytest.mark.parametrize("written", [-1, "-0.5", "-0"])
def test_a_distance_has_no_sign(written: object) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        parse_distance(written)


@given(decimals)
def test_what_is_read_is_written_back_as_the_same_number(written: str) -> None:
    assert parse_decimal(render_decimal(parse_decimal(written))) == parse_decimal(written)


@given(decimals, decimals)
def test_doubles_order_decimals_as_fractions_do(one: str, other: str) -> None:
    assert (float(one) < float(other)) == (parse_decimal(one) < parse_decimal(other))
