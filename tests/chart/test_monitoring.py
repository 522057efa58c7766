"""Alerts and dashboard ask for nothing that deadband does not tell, in PromQL that parses."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deadband.adapters.kube_errors import Call
from deadband.adapters.telemetry import PrometheusTelemetry
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import Cause, ScalingPolicyStatus, Way
from deadband.ports import ObjectRef
from e2e.testbed.chart import CHART, render
from tests.chart.value_sets import NAMESPACE

# Added by the scrape.
SCRAPE = {"instance", "namespace"}
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
POLICY = yaml.safe_load((CHART.parents[1] / "examples" / "api-pods.yaml").read_text())


def shown() -> dict[str, set[str]]:
    """Tell everything once to the operator's own telemetry; return each series' name and its labels."""
    telemetry, policy = PrometheusTelemetry(), ObjectRef("ScalingPolicy", "leadgen", "api-pods")
    condition = {"type": "Ready", "status": "True", "reason": "AsExpected", "lastTransitionTime": NOW}
    status = ScalingPolicyStatus.model_validate(
        {
            "conditions": [condition],
            "currentReplicas": 4,
            "desiredReplicas": 4,
            "metrics": [{"name": "cpu", "value": "60%", "verdict": "Inside", "since": NOW}],
            "decision": {"sentence": "", "rule": "R4", "reason": "WithinBand", "next": ""},
        }
    )
    telemetry.evaluated(policy, ScalingPolicySpec.model_validate(POLICY["spec"]), status, {"cpu": Fraction(60)})
    telemetry.timed(lag_seconds=0, seconds=0)
    telemetry.scaled(Way.UP, Cause.METRICS)
    telemetry.standing(leader=True, policies={"enforcing": 1})
    telemetry.queried("default", 0, "ok")
    telemetry.called(Call("patch", "apps", "deployments/scale"), "ok", 0)
    telemetry.reachable({"default": True})
    telemetry.alerted("http://alertmanager:9093", 1, "Error")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(telemetry.expose().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


METRICS = shown()
RULES: list[dict[str, Any]] = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())
TARGETS: list[tuple[str, dict[str, Any]]] = [
    (panel["title"], target | {"expr": target["expr"].replace("$__rate_interval", "5m")})
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
]

EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(pytest.param(target["expr"], id=f"panel {title} {target['refId']}") for title, target in TARGETS),
]


def selectors(expression: Any) -> Iterator[Any]:
    """Yield every vector selector below a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (child := getattr(expression, name, None)) is not None:
            yield from selectors(child)
    for argument in getattr(expression, "args", None) or []:
        yield from selectors(argument)


def labels_used(query: str) -> set[str]:
    """Return the labels that matchers and groupings name."""
    matched = {
        matcher.name
        for selector in selectors(promql_parser.parse(query))
        for matcher in selector.matchers.matchers
    }  # fmt: skip
    grouped = {label.strip() for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in labels.split(",")}
    return matched | grouped


@pytest.mark.parametrize("query", EXPRESSIONS)
def test_an_expression_parses_and_asks_for_what_there_is(query: str) -> None:
    names = {selector.name for selector in selectors(promql_parser.parse(query))}

    assert names
    assert names <= set(METRICS)
    assert labels_used(query) <= SCRAPE.union(*(METRICS[name] for name in names))


@pytest.mark.parametrize("target", [pytest.param(target, id=f"{title} {target['refId']}") for title, target in TARGETS])
def test_a_legend_names_only_labels_that_the_panel_groups_by(target: Mapping[str, Any]) -> None:
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels_used(target["expr"])


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_how_bad_it_is_and_names_only_labels_that_it_has(rule: Mapping[str, Any]) -> None:
    text = " ".join(rule["annotations"].values())

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels_used(rule["expr"])


def test_the_rendered_rules_are_the_file_with_the_namespace_filled_in() -> None:
    rendered = render({"prometheusRule": {"enabled": True}}, NAMESPACE)
    [rule] = [document for document in rendered if document["kind"] == "PrometheusRule"]

    text = (CHART / "files" / "alerts.yaml").read_text()
    assert "RELEASE_NAMESPACE" in text
    assert rule["spec"] == yaml.safe_load(text.replace("RELEASE_NAMESPACE", NAMESPACE))


def test_what_the_operator_sends_itself_is_not_a_rule_as_well() -> None:
    urls = ["http://alertmanager.monitoring:9093"]
    rendered = render({"prometheusRule": {"enabled": True}, "alertmanager": {"urls": urls}}, NAMESPACE)
    [rule] = [document for document in rendered if document["kind"] == "PrometheusRule"]

    names = [one["alert"] for one in rule["spec"]["groups"][0]["rules"]]
    assert names == [one["alert"] for one in RULES if one["alert"] != "DeadbandActionRequired"]
    assert len(names) == len(RULES) - 1


def test_the_rendered_dashboard_is_the_file() -> None:
    rendered = render({"dashboard": {"enabled": True}}, NAMESPACE)
    [config] = [document for document in rendered if document["kind"] == "ConfigMap"]

    assert json.loads(config["data"]["deadband.json"]) == DASHBOARD
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_panels_are_numbered_once_and_say_what_they_show() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(ids) == len(set(ids))
    assert all(panel["description"] for panel in DASHBOARD["panels"] if panel["type"] != "row")
