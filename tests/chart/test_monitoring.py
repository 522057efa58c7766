"""Alerts and dashboard ask for nothing that deadband does not tell, in PromQL that parses."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from e2e.testbed.chart import CHART, render
from e2e.testbed.monitoring import Asked, dashboard, panel_queries, rules, selectors, variable_queries
from tests.adapters.told import told
from tests.chart.value_sets import NAMESPACE

SCRAPE = {"instance", "namespace"}
"""Labels that the scrape adds."""

FOREIGN = {
    "ALERTS": {"alertname", "alertstate"},
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
}
"""Series that are asked for and that deadband does not name: Prometheus's own, and those of every process."""


def shown() -> dict[str, set[str]]:
    """Each series' name and its labels."""
    found: dict[str, set[str]] = dict(FOREIGN)
    for family in text_string_to_metric_families(told().expose().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


METRICS = shown()
RULES = rules(NAMESPACE)
PANELS = panel_queries()
ANY_VALUE = {"namespace": ".*", "operator": ".*", "metric": ".*", "policy": "api", "__rate_interval": "5m"}

EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(pytest.param(asked.filled(**ANY_VALUE), id=asked.place) for asked in (*PANELS, *variable_queries())),
]


def labels_used(query: str) -> set[str]:
    """Return the labels that matchers and groupings name."""
    matched = {matcher.name for selector in selectors(query) for matcher in selector.matchers.matchers}
    return matched | grouped_by(query)


def grouped_by(query: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in labels.split(",")}


@pytest.mark.parametrize("query", EXPRESSIONS)
def test_an_expression_parses_and_asks_for_what_there_is(query: str) -> None:
    names = {selector.name for selector in selectors(query)}

    assert names
    assert names <= set(METRICS)
    assert labels_used(query) <= SCRAPE.union(*(METRICS[name] for name in names))


@pytest.mark.parametrize("asked", [pytest.param(asked, id=asked.place) for asked in PANELS])
def test_a_legend_names_only_labels_that_the_panel_groups_by(asked: Asked) -> None:
    assert set(re.findall(r"{{(\w+)}}", asked.legend)) <= grouped_by(asked.filled(**ANY_VALUE))


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_how_bad_it_is_and_names_only_labels_that_it_has(rule: Mapping[str, Any]) -> None:
    text = " ".join(rule["annotations"].values())

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels_used(rule["expr"])


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_looks_at_the_pods_of_its_own_release_only(rule: Mapping[str, Any]) -> None:
    asked = selectors(rule["expr"])
    chosen = [each for each in asked if NAMESPACE in [matcher.value for matcher in each.matchers.matchers]]

    of_its_leader = f'and on (instance) deadband_leader{{namespace="{NAMESPACE}"}} == 1' in rule["expr"]
    assert of_its_leader or len(chosen) == len(asked)


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

    assert json.loads(config["data"]["deadband.json"]) == dashboard()
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
