"""Who may speak with the operator's pods, and with whom they may speak."""

from typing import Any

import pytest

from e2e.testbed.chart import objects, render_text
from tests.chart.value_sets import NAMESPACE

MONITORING = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def rendered(**values: Any) -> dict[str, dict[str, Any]]:
    """Every object by its kind, the test pod included; there is one Deployment and one Pod."""
    text = render_text({"networkPolicy": {"enabled": True, **values}}, NAMESPACE)
    return {document["kind"]: document for document in objects(text)}


def chosen(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector["matchLabels"].items() <= labels.items()


def test_it_is_about_the_operators_pods_and_not_about_the_tests() -> None:
    found = rendered()
    spec = found["NetworkPolicy"]["spec"]

    assert chosen(spec["podSelector"], found["Deployment"]["spec"]["template"]["metadata"]["labels"])
    assert not chosen(spec["podSelector"], found["Pod"]["metadata"]["labels"])
    assert spec["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("values", "peers"),
    [
        pytest.param({}, [{"namespaceSelector": {}}], id="every pod of the cluster, unless it is said who"),
        pytest.param({"metricsFrom": MONITORING}, MONITORING, id="those that are named"),
    ],
)
def test_scrapes_come_in_and_nothing_else(values: dict[str, Any], peers: list[dict[str, Any]]) -> None:
    found = rendered(**values)
    [way] = found["NetworkPolicy"]["spec"]["ingress"]

    assert way["ports"] == [{"port": "http", "protocol": "TCP"}]
    assert [peer for peer in way["from"] if "podSelector" not in peer] == peers


def test_the_test_comes_in_where_it_is_said_who_may() -> None:
    found = rendered(metricsFrom=MONITORING)
    [peer] = [each for each in found["NetworkPolicy"]["spec"]["ingress"][0]["from"] if "podSelector" in each]

    assert chosen(peer["podSelector"], found["Pod"]["metadata"]["labels"])


def test_what_goes_out_goes_to_dns_to_the_api_server_and_to_the_sources() -> None:
    found = rendered(dnsPorts=[53, 5353], apiServerPorts=[6443], metricSourcePorts=[9090], metricSourcesTo=MONITORING)
    dns, api_server, sources = found["NetworkPolicy"]["spec"]["egress"]

    assert dns == {"ports": [{"port": port, "protocol": over} for port in (53, 5353) for over in ("UDP", "TCP")]}
    assert api_server == {"ports": [{"port": 6443, "protocol": "TCP"}]}
    assert sources == {"ports": [{"port": 9090, "protocol": "TCP"}], "to": MONITORING}
