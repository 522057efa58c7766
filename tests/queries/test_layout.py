"""What people are shown is what is asked, with line breaks."""

import promql_parser
import pytest

from deadband.queries.layout import laid_out
from deadband.queries.plan import plan
from deadband.queries.types import Need
from tests.queries.builders import SOURCES, cpu, need, queue

SHORT = 'sum(rate(x{a="b"}[5m])) / sum(y)'


def test_what_is_short_stays_as_it_is() -> None:
    assert laid_out(SHORT) == SHORT


def test_long_parentheses_and_the_operators_beside_them_get_lines_of_their_own() -> None:
    assert laid_out(f"100 * sum({SHORT}) / sum(y)", width=40) == (f"100\n* sum({SHORT})\n/ sum(y)")
    assert laid_out(f"100 * sum({SHORT})", width=30) == ('100\n* sum(\n  sum(rate(x{a="b"}[5m]))\n  / sum(y)\n)')


def test_what_looks_like_promql_inside_of_a_string_is_left_alone() -> None:
    text = 'x{a="(\\" or )) and (",b="} * "} or y'

    assert laid_out(text, width=10) == 'x{a="(\\" or )) and (",b="} * "}\nor y'


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(cpu(), id="cpu of a Deployment"),
        pytest.param(need({"database": {"system": "PostgreSQL", "instance": "a", "measure": "Cpu"}}), id="any owner"),
        pytest.param(
            need({"database": {"system": "PostgreSQL", "instance": "a", "measure": "Connections"}}), id="connections"
        ),
        pytest.param(queue('a "( or'), id="a strange name"),
    ],
)
def test_the_parser_sees_no_difference(asked: Need) -> None:
    (question,) = plan([asked], SOURCES).questions

    assert promql_parser.parse(laid_out(question.promql)).prettify() == promql_parser.parse(question.promql).prettify()
