"""A policy's own PromQL is judged without a server."""

import pytest

from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.syntax import promql_fault, promql_faults


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sum(rate(http_requests_total[5m]))", id="an aggregation"),
        pytest.param("1", id="a number"),
        pytest.param("scalar(sum(x))", id="a scalar"),
        pytest.param("max_over_time(sum(x)[10m:1m])", id="a subquery inside a function"),
        pytest.param('x{a=~"b|c"} offset 5m > 3', id="a filter"),
    ],
)
def test_a_query_that_can_yield_one_number_has_no_fault(text: str) -> None:
    assert promql_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("sum(x", "is not PromQL: unclosed left parenthesis", id="an open parenthesis"),
        pytest.param("rate(x)", "expected type matrix", id="a rate of an instant vector"),
        pytest.param("no_such_function(x)", "unknown function", id="an unknown function"),
        pytest.param("x[5m]", "yields a range vector", id="a range vector"),
        pytest.param("((x[5m]))", "yields a range vector", id="a range vector in parentheses"),
        pytest.param("sum(x)[5m:1m]", "yields a range vector", id="a subquery"),
        pytest.param('"leads"', "yields a string", id="a string"),
        pytest.param("# nothing", "is not PromQL", id="a comment alone"),
    ],
)
def test_a_query_that_cannot_is_told_what_is_wrong_in_one_line(text: str, fault: str) -> None:
    said = promql_fault(text)

    assert said is not None
    assert fault in said
    assert "\n" not in said


def test_every_fault_of_a_policy_is_told_with_its_field() -> None:
    spec = ScalingPolicySpec.model_validate(
        {
            "metrics": [{"name": "good", "query": "up"}, {"name": "bad", "query": "up["}],
            "vetoes": [{"name": "worse", "query": "up[5m]", "direction": "Up"}],
        }
    )

    assert [fault.field for fault in promql_faults(spec)] == ["spec.metrics[1].query", "spec.vetoes[0].query"]
