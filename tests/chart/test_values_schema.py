"""Which values Helm refuses before anything reaches a cluster."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from e2e.testbed.chart import CHART, ChartError, render

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
# Below these the reader chooses the keys, or the chart sets none.
FREE = (".resources.", ".dashboard.labels.", ".affinity.", ".global")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"replicas": 3}, "replicas", id="an unknown key at the top"),
        pytest.param({"image": {"registry": "x"}}, "registry", id="an unknown key of the image"),
        pytest.param({"crds": {"install": True}}, "install", id="a key that another chart has"),
        pytest.param({"networkPolicy": {"egress": []}}, "egress", id="an unknown key of the network policy"),
        pytest.param({"serviceMonitor": {"scrapeTimeout": "5s"}}, "scrapeTimeout", id="an unknown key of a monitor"),
        pytest.param({"affinity": {"nodeSelector": {}}}, "nodeSelector", id="a key that is no affinity"),
        pytest.param({"imagePullSecrets": [{"secret": "x"}]}, "secret", id="a pull secret without a name"),
        pytest.param({"replicaCount": "2"}, "replicaCount", id="a number as text"),
        pytest.param({"replicaCount": 0}, "replicaCount", id="no pods at all"),
        pytest.param({"watchNamespaces": "leadgen"}, "watchNamespaces", id="one namespace that is no list"),
        pytest.param({"watchNamespaces": ["a", "a"]}, "watchNamespaces", id="a namespace twice"),
        pytest.param({"watchNamespaces": ["lead gen"]}, "watchNamespaces", id="a namespace with a blank"),
        pytest.param({"crds": {"keep": "yes"}}, "keep", id="a boolean as text"),
        pytest.param({"log": {"level": "chatty"}}, "level", id="a level that there is not"),
        pytest.param({"log": {"format": "xml"}}, "format", id="a format that there is not"),
        pytest.param({"image": {"digest": "latest"}}, "digest", id="a digest that is none"),
        pytest.param({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy", id="a pull policy that there is not"),
        pytest.param({"lease": {"name": ""}}, "lease", id="a Lease without a name"),
        pytest.param({"podLabels": {"team": 7}}, "podLabels", id="a label that is a number"),
        pytest.param({"metricSource": {"secretNames": ["Prom_Token"]}}, "secretNames", id="a Secret that cannot be"),
        pytest.param(
            {"rbac": {"scaleTargets": [{"apiGroups": ["*"], "resources": ["rollouts"]}]}}, "apiGroups", id="every group"
        ),
        pytest.param(
            {"rbac": {"scaleTargets": [{"apiGroups": ["a.example"], "resources": ["*"]}]}}, "resources", id="every kind"
        ),
        pytest.param(
            {"rbac": {"scaleTargets": [{"apiGroups": ["a.example"]}]}}, "resources", id="a group without its kinds"
        ),
        pytest.param(
            {"admissionPolicy": {"plurals": {"Rollout": "rollouts"}}}, "Rollout", id="a kind without its API group"
        ),
        pytest.param({"admissionPolicy": {"plurals": {"a.io/B": ""}}}, "plurals", id="a plural that is empty"),
        pytest.param({"topologySpread": "Maybe"}, "topologySpread", id="a spread that there is not"),
        pytest.param({"networkPolicy": {"apiServerPorts": [70000]}}, "apiServerPorts", id="a port above 65535"),
        pytest.param({"networkPolicy": {"dnsPorts": ["dns"]}}, "dnsPorts", id="a port by its name"),
        pytest.param({"networkPolicy": {"metricSourcePorts": []}}, "metricSourcePorts", id="no port at all"),
        pytest.param(
            {"terminationGracePeriodSeconds": 1}, "terminationGracePeriod", id="too short to give up the Lease"
        ),
        pytest.param({"metricSource": {"url": "prometheus:9090"}}, "url", id="a URL without a scheme"),
        pytest.param({"metricSource": {"url": "http://u:p@x"}}, "url", id="a URL with a password"),
        pytest.param({"alertmanager": {"urls": ["alertmanager:9093"]}}, "urls", id="an Alertmanager without a scheme"),
        pytest.param({"alertmanager": {"urls": ["http://a,http://b"]}}, "urls", id="two Alertmanagers in one text"),
        pytest.param({"metricSource": {"spec": {"url": "http://x"}}}, "spec", id="the URL in a second place"),
    ],
)
def test_the_schema_refuses_and_names_the_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ChartError, match=field):
        render(values, "deadband-system")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
            "both true: every series would be scraped twice",
            id="both monitors",
        ),
        pytest.param(
            {"metricSource": {"create": True}}, "metricSource.url: name the Prometheus", id="a source without a URL"
        ),
    ],
)
def test_a_contradiction_fails_with_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ChartError, match=message):
        render(values, "deadband-system")


def test_globals_of_a_parent_chart_are_let_through() -> None:
    assert render({"global": {"registry": "registry.example"}}, "deadband-system")


def objects_of(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schema of an object with named properties."""
    if "properties" in schema:
        yield path, schema
        for name, child in schema["properties"].items():
            yield from objects_of(child, f"{path}.{name}")


def test_every_object_with_named_keys_is_closed() -> None:
    everywhere = [*objects_of(SCHEMA), *objects_of({"properties": SCHEMA["definitions"]})]

    open_ones = [path for path, schema in everywhere[1:] if path and schema.get("additionalProperties") is not False]

    assert SCHEMA["additionalProperties"] is False
    assert open_ones == []


def keys_of(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of every value."""
    for key, value in values.items():
        yield f"{path}.{key}"
        if isinstance(value, dict):
            yield from keys_of(value, f"{path}.{key}")


def properties_of(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of every named property, following references."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    for key, child in schema.get("properties", {}).items():
        yield f"{path}.{key}"
        yield from properties_of(child, f"{path}.{key}")


def test_values_and_schema_name_the_same_keys() -> None:
    values = {path for path in keys_of(DEFAULTS) if not path.startswith(FREE)}

    assert values == {path for path in properties_of(SCHEMA) if not path.startswith(FREE)}


def test_every_value_is_used_by_a_template() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    values = [path for path in keys_of(DEFAULTS) if not path.startswith(FREE)]

    # Inside `with .Values.networkPolicy` a value goes by its last name.
    unused = [
        path for path in values if f".Values{path}" not in templates and f" .{path.split('.')[-1]}" not in templates
    ]

    assert unused == []
