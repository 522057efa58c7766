"""Numbers as people write them: brief, but never so brief that they read as a threshold they do not equal."""

from fractions import Fraction

import pytest

from deadband.core.words import number


@pytest.mark.parametrize(
    ("value", "unlike", "text"),
    [
        pytest.param("74", (), "74", id="a whole number as it is"),
        pytest.param("-12000", (), "-12,000", id="thousands are grouped"),
        pytest.param("74.4", (), "74", id="two digits are enough"),
        pytest.param("-74.6", (), "-75", id="rounded to the nearest"),
        pytest.param("7.44", (), "7.4", id="below 10 there is one decimal"),
        pytest.param("70.4", ("70",), "70.4", id="beside a threshold as many as tell them apart"),
        pytest.param("70.0000004", ("70",), "70.0000004", id="however close it is"),
        pytest.param("70", ("70",), "70", id="the threshold itself is written as it is"),
        pytest.param("0.0004", (), "0.0004", id="what is not 0 never reads 0"),
        pytest.param("0", (), "0", id="0 does"),
    ],
)
def test_a_number_is_as_short_as_it_may_be(value: str, unlike: tuple[str, ...], text: str) -> None:
    assert number(Fraction(value), unlike=map(Fraction, unlike)) == text


def test_a_table_cell_has_no_commas() -> None:
    assert number(Fraction("12000.5"), unlike=[Fraction(12000)], grouped=False) == "12000.5"
