"""The notations of a series."""

from fractions import Fraction

import pytest

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Reading, Sample
from deadband.scenario.series import WORDS, entry, expand

EMPTY = Absent(Reason.EMPTY)


def samples(*values: str | int) -> list[Reading]:
    return [Sample(Fraction(value)) for value in values]


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        pytest.param("60 71x3", samples(60, 71, 71, 71, 71), id="x3 is one and three more"),
        pytest.param("71x0", samples(71), id="x0 is one"),
        pytest.param("1+2x3", samples(1, 3, 5, 7), id="a rising run has one sample more than its count"),
        pytest.param("10-2.5x2", samples(10, "7.5", 5), id="a falling run"),
        pytest.param("-2+4x3", samples(-2, 2, 6, 10), id="a run may begin below 0"),
        pytest.param("0.1+0.1x2", samples("0.1", "0.2", "0.3"), id="steps are exact decimals"),
        pytest.param("1e3 .5 2.", samples(1000, "0.5", 2), id="the spellings of a number"),
        pytest.param("1 _x3 2", [*samples(1), EMPTY, EMPTY, EMPTY, *samples(2)], id="_x3 is three missing samples"),
        pytest.param("1 _", [*samples(1), EMPTY], id="one missing sample"),
        pytest.param("error 1", [Absent(Reason.ERROR), *samples(1)], id="words stand where numbers do"),
        pytest.param("NaN +Inf -inf .nan", [Absent(Reason.NOT_A_NUMBER)] * 4, id="what is not finite is no number"),
        pytest.param("  ", [], id="nothing"),
    ],
)
def test_a_series_in_promtools_notation_is_expanded(text: str, readings: list[Reading]) -> None:
    assert expand(text) == readings


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_is_the_absence_it_names(word: str) -> None:
    assert entry(word) == Absent(WORDS[word])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("foo", id="an unknown word"),
        pytest.param("71x", id="a repetition without a count"),
        pytest.param("emptyx3", id="a repeated word: use _x3"),
        pytest.param("1+x3", id="a run without a step"),
        pytest.param("1,2", id="commas"),
        pytest.param("--1", id="two signs"),
        pytest.param("1x999999", id="more than a hundred thousand samples"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|more than"):
        expand(text)
