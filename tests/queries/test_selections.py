"""What a query selects: each selector by itself, with the range and the function that it stands in."""

from datetime import timedelta

import pytest

from deadband.queries.selections import Selection, selections

TWO_MINUTES = timedelta(minutes=2)


@pytest.mark.parametrize(
    ("promql", "found"),
    [
        pytest.param("load", [Selection('{__name__="load"}')], id="a name"),
        pytest.param("load offset 5m", [Selection('{__name__="load"}')], id="without its offset"),
        pytest.param(
            'sum(rate(requests{code=~"5.."}[2m])) / count(up)',
            [Selection('{__name__="requests",code=~"5.."}', TWO_MINUTES, "rate"), Selection('{__name__="up"}')],
            id="a rate over a count",
        ),
        pytest.param("max_over_time((load)[2m:])", [Selection('{__name__="load"}')], id="inside of a subquery"),
        pytest.param("-(load)", [Selection('{__name__="load"}')], id="behind a minus"),
        pytest.param("load + load", [Selection('{__name__="load"}')], id="twice is once"),
        pytest.param("vector(1)", [], id="nothing at all"),
        pytest.param('{a="b" or c="d"}', [], id="what cannot be written by itself"),
        pytest.param(r"load{a=~`\d`}", [Selection(r'{__name__="load",a=~"\\d"}')], id="a string between backticks"),
        pytest.param("sum(load) default 0", [], id="what the parser cannot read"),
        pytest.param("-" * 3000 + "load", [], id="what is nested too deeply"),
        pytest.param("# MetricSource far does not exist", [], id="a comment in place of a query"),
    ],
)
def test_every_selector_is_found(promql: str, found: list[Selection]) -> None:
    assert list(selections(promql)) == found
