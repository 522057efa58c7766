"""A policy's own PromQL is looked at without a server: what no source can answer is a fault, what the parser cannot read is none."""

import pytest

from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.syntax import parse, promql_fault, promql_faults, unread, unread_queries


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sum(rate(http_requests_total[5m]))", id="an aggregation"),
        pytest.param("1", id="a number"),
        pytest.param("scalar(sum(x))", id="a scalar"),
        pytest.param("max_over_time(sum(x)[10m:1m])", id="a subquery inside a function"),
        pytest.param('x{a=~"b|c"} offset 5m > 3', id="a filter"),
        pytest.param(r"x{a=~`/api/v\d+/.*`}", id="a string between backticks, in which nothing is an escape"),
        pytest.param("x > 10_000", id="digits in groups"),
    ],
)
def test_a_query_that_can_yield_one_number_has_no_fault(text: str) -> None:
    assert promql_fault(text) is None
    assert unread(text) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sum(increase(x[5m] anchored))", id="anchored, since Prometheus 3.7"),
        pytest.param("sum(rate(x[5m] smoothed))", id="smoothed, since Prometheus 3.7"),
        pytest.param("sum(rate(x[5m + 1m]))", id="a sum in a duration"),
        pytest.param('x{a=~"[\\\\w-.]+"}', id="a class of characters that Go takes and Rust does not"),
        pytest.param("x - x offset (5m)", id="an offset in parentheses"),
        pytest.param("sum(rate(x))", id="MetricsQL: a rate without a window"),
        pytest.param("sum(x) default 0", id="MetricsQL: an operator of its own"),
        pytest.param("median_over_time(x[5m])", id="MetricsQL: a function of its own"),
        pytest.param("sum(x", id="an open parenthesis"),
        pytest.param("# nothing", id="a comment alone"),
    ],
)
def test_what_the_parser_cannot_read_is_left_to_the_source(text: str) -> None:
    said = unread(text)

    assert promql_fault(text) is None
    assert said is not None
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("x[5m]", "yields a range vector", id="a range vector"),
        pytest.param("((x[5m]))", "yields a range vector", id="a range vector in parentheses"),
        pytest.param("sum(x)[5m:1m]", "yields a range vector", id="a subquery"),
        pytest.param('"leads"', "yields a string", id="a string"),
        pytest.param("`leads`", "yields a string", id="a string between backticks"),
    ],
)
def test_a_query_that_yields_no_number_on_any_source_is_a_fault_in_one_line(text: str, fault: str) -> None:
    said = promql_fault(text)

    assert said is not None
    assert fault in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(r'`a\n"`', r'a\n"', id="escapes and quotes between backticks are text"),
        pytest.param('"`10_000`"', "`10_000`", id="backticks and digits within quotes stay"),
        pytest.param("'`\\''", "`'", id="an escaped quote does not end its string"),
        pytest.param("`'` # `", "'", id="a comment"),
        pytest.param('"10_000" # `\n', "10_000", id="an open backtick in a comment"),
    ],
)
def test_only_what_is_meant_is_spelled_otherwise(text: str, value: str) -> None:
    assert parse(text).val == value


def test_names_with_digits_and_underscores_stay_as_they_are() -> None:
    assert parse("a_1_000 + 1_000").lhs.name == "a_1_000"


def test_every_query_of_a_policy_is_told_with_its_field() -> None:
    spec = ScalingPolicySpec.model_validate(
        {
            "metrics": [{"name": "good", "query": "up"}, {"name": "new", "query": "rate(up[5m] smoothed)"}],
            "vetoes": [
                {"name": "bad", "query": "up[5m]", "direction": "Up"},
                {"name": "new", "query": "up default 0", "direction": "Up"},
            ],
        }
    )

    assert [fault.field for fault in promql_faults(spec)] == ["spec.vetoes[0].query"]
    assert list(unread_queries(spec)) == ["spec.metrics[1].query", "spec.vetoes[1].query"]
