"""Dashboard and alerts against a real Prometheus that scrapes the real operator: no panel is empty, no rule fails.

The stage has a policy for each thing that can be seen. A panel or an alert for something new gets a scene of its own:
a function in SCENES that applies it; what it starts goes on `stage.ending`, and settings of the operator that it needs
go into `stage.settings`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.alertmanager import Alertmanager
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import IMPATIENT, SYSTEM, Installation, Operator
from e2e.testbed.monitoring import Asked, panel_queries, rules, rules_text, selectors, variable_queries
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.processes import free_port, wait_until
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.workloads import workload

NAMESPACE = "monitored"
SHOWN = "in-the-band"
"""The policy that the reader of the dashboard has chosen."""

VARIABLES = {"namespace": NAMESPACE, "operator": SYSTEM, "policy": SHOWN, "metric": ".*", "__rate_interval": "15s"}
LATE = {"DeadbandEvaluatesLate", "DeadbandEventLoopBlocked"}
"""What a machine that is busy with other tests may bring about."""

FALLS_BACK = " or vector(0)"
"""A count of nothing is shown as 0; what is tested is that there is something to count."""


@dataclass(slots=True)
class Stage:
    """What the scenes are put on.

    Attributes:
        cluster: With the chart, and with a namespace of our own.
        folder: For what the scenes write.
        prometheus: Scrapes the operator, evaluates the chart's rules, and answers the policies.
        settings: Environment of the operator, beside the chart's.
        ending: Ends what a scene started, after the operator has ended.
    """

    cluster: Cluster
    folder: Path
    prometheus: Prometheus
    settings: dict[str, str] = field(default_factory=dict)
    ending: ExitStack = field(default_factory=ExitStack)

    def play(self, name: str, value: float, *, replicas: int = 2, **spec: Any) -> None:
        """Apply a Deployment and its policy on a value: up above 70 by one pod, down below 20."""
        self.cluster.apply(workload(name, NAMESPACE, replicas=replicas))
        whole: dict[str, Any] = {
            "metrics": [{"name": "load", "query": f"vector({value})", "source": "monitored"}],
            "scaleUp": {"anyOf": [{"metric": "load", "above": 70}], "step": {"type": "Pods", "pods": 1}},
            "scaleDown": {"allOf": [{"metric": "load", "below": 20}]},
        }
        self.cluster.apply(policy(name, NAMESPACE, **{**whole, **spec}))


def a_quiet_policy(stage: Stage) -> None:
    stage.play(SHOWN, 45)


def a_policy_that_scales_to_its_maximum(stage: Stage) -> None:
    stage.play("grows", 90, maxReplicas=4)


def a_policy_whose_write_is_refused(stage: Stage) -> None:
    """By an admission policy, as a careful company may have one."""
    name = "monitored-refuses"
    match = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]}
    refusal = {"expression": 'request.name != "refused"', "message": "frozen"}
    kind, version = "ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1"
    stage.cluster.apply(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [refusal]},
        },
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": match},
        },
    )
    stage.ending.callback(stage.cluster.kubectl, "delete", f"{kind}/{name}", f"{kind}Binding/{name}")
    # One pod at a time: long before its maximum the refusal, which takes a moment, is in force.
    stage.play("refused", 90)


def a_policy_that_is_invalid(stage: Stage) -> None:
    stage.play("invalid", 90, metrics=[{"name": "load", "query": "load[5m]", "source": "monitored"}])


def a_dry_run(stage: Stage) -> None:
    stage.play("rehearses", 90, mode="DryRun")


def a_policy_that_asks_a_person(stage: Stage) -> None:
    stage.play("asks", 90, scaleUp={"anyOf": [{"metric": "load", "above": 70}], "mode": "Manual"})


def a_paused_policy(stage: Stage) -> None:
    stage.play("paused", 90)
    stage.cluster.kubectl("annotate", "scalingpolicy", "paused", "-n", NAMESPACE, "deadband.dev/paused=true")


def a_contested_target(stage: Stage) -> None:
    stage.play("late", 45, scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": SHOWN})


def a_source_that_is_away(stage: Stage) -> None:
    stage.cluster.apply(source("monitored-away", f"http://127.0.0.1:{free_port()}"))
    stage.ending.callback(stage.cluster.kubectl, "delete", "metricsource", "monitored-away")
    stage.play("blind", 0, metrics=[{"name": "load", "query": "vector(0)", "source": "monitored-away"}])


def two_alertmanagers_of_which_one_is_away(stage: Stage) -> None:
    there = stage.ending.enter_context(Alertmanager(stage.folder / "alertmanager"))
    stage.settings["DEADBAND_ALERTMANAGERS"] = f"{there.url},http://127.0.0.1:{free_port()}"


SCENES: tuple[Callable[[Stage], None], ...] = (
    a_quiet_policy,
    a_policy_that_scales_to_its_maximum,
    a_policy_whose_write_is_refused,
    a_policy_that_is_invalid,
    a_dry_run,
    a_policy_that_asks_a_person,
    a_paused_policy,
    a_contested_target,
    a_source_that_is_away,
    two_alertmanagers_of_which_one_is_away,
)


@pytest.fixture(scope="module")
def watched(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """The Prometheus that watches it all, once every policy has been decided."""
    folder = tmp_path_factory.mktemp("monitoring")
    cluster.create_namespace(NAMESPACE)
    with Prometheus(folder / "prometheus", [], rules=rules_text(SYSTEM)) as prometheus:
        cluster.apply(source("monitored", prometheus.url))
        stage = Stage(cluster, folder, prometheus)
        with stage.ending:
            for scene in SCENES:
                scene(stage)
            chart = replace(installation, environment={**installation.environment, **stage.settings})
            operator = Operator(chart, folder, identity="monitored", namespaces=[NAMESPACE], command=IMPATIENT)
            operator.start()
            try:
                pods = ScrapeJob("deadband", [operator.url.partition("//")[2]], labels={"namespace": SYSTEM})
                prometheus.scrape([pods])
                seen = Seen(api_client, NAMESPACE)
                seen.wait_for("the maximum", lambda: seen.replicas("grows") == 4)
                yield prometheus
            finally:
                operator.process.stop()
                cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
                cluster.kubectl("delete", "metricsource", "monitored")


@pytest.mark.parametrize("asked", [pytest.param(one, id=one.place) for one in (*panel_queries(), *variable_queries())])
def test_no_panel_is_empty(watched: Prometheus, asked: Asked) -> None:
    expr = asked.filled(**VARIABLES).removesuffix(FALLS_BACK)

    # NaN, which a rate over nothing gives, draws nothing either.
    assert watched.wait_for(f"({expr}) == ({expr})")


@pytest.mark.parametrize("rule", rules(SYSTEM), ids=[rule["alert"] for rule in rules(SYSTEM)])
def test_an_alert_asks_for_series_and_labels_that_there_are(watched: Prometheus, rule: Mapping[str, Any]) -> None:
    for selector in selectors(rule["expr"]):
        named = ",".join(f'{matcher.name}!=""' for matcher in selector.matchers.matchers)
        assert watched.wait_for(f"{selector.name}{{{named}}}")


def test_prometheus_evaluates_every_alert_and_those_that_the_stage_calls_for_are_raised(watched: Prometheus) -> None:
    raised = {
        "DeadbandWritesRefused",
        "DeadbandSourceUnreachable",
        "DeadbandMetricsUnavailable",
        "DeadbandPolicyStalled",
        "DeadbandCannotScaleUp",
        "DeadbandTargetContested",
        "DeadbandActionRequired",
        "DeadbandAlertsNotDelivered",
    }

    def told() -> set[str]:
        return {name for name, rule in watched.rules().items() if rule["state"] != "inactive"}

    wait_until(lambda: told() >= raised, timeout=60, what=f"the alerts {', '.join(sorted(raised))}")
    # A wait shorter than the alert's own leaves it pending; promtool shows that it fires (tests/chart/test_alerts.py).
    assert told() - LATE == raised
    assert {name: rule["health"] for name, rule in watched.rules().items()} == {
        rule["alert"]: "ok" for rule in rules(SYSTEM)
    }
