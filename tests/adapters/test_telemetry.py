"""The own metrics: names, HELP, values of each policy, and that nothing outlives its policy; the probes beside them."""

import math
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deadband.adapters.http import HttpServer
from deadband.adapters.kube_errors import Call
from deadband.adapters.telemetry import PrometheusTelemetry
from deadband.api.conditions import Reason
from deadband.api.status import Cause, ScalingPolicyStatus, Way
from deadband.core.decide import decide
from deadband.core.status import invalid_status, next_status
from deadband.ports import ObjectRef, SourceStanding
from tests.core.builders import T0, inputs, spec

API = ObjectRef("ScalingPolicy", "shop", "api", "uid")

CONTRACT = {
    "deadband_decisions",
    "deadband_scale_writes",
    "deadband_scale_refusals",
    "deadband_evaluation_lag_seconds",
    "deadband_evaluation_seconds",
    "deadband_queries",
    "deadband_query_seconds",
    "deadband_api_writes",
    "deadband_leader",
    "deadband_policies",
    "deadband_policy_metric_value",
    "deadband_policy_threshold",
    "deadband_policy_replicas",
    "deadband_policy_condition",
    "deadband_policy_decision",
    "deadband_event_loop_lag_seconds",
    "deadband_event_loop_tasks",
    "deadband_evaluations_skipped",
    "deadband_source_reachable",
    "deadband_source_max_concurrent_queries",
    "deadband_alerts_sent",
    "deadband_alert_failures",
    "deadband_build_info",
}


@pytest.fixture
def telemetry() -> PrometheusTelemetry:
    return PrometheusTelemetry()


def show(telemetry: PrometheusTelemetry, policy: ObjectRef = API, *, cpu: Any = 45) -> None:
    given = inputs(spec(), 4, cpu)
    values = {} if cpu is None else {"cpu": Fraction(str(cpu))}
    telemetry.evaluated(policy, given.spec, next_status(given, decide(given)), values)


def samples(telemetry: PrometheusTelemetry, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(telemetry.expose().decode())
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in found}


def test_every_name_of_the_contract_is_exposed_with_help(telemetry: PrometheusTelemetry) -> None:
    exposed = {one.name: one for one in text_string_to_metric_families(telemetry.expose().decode())}

    assert set(exposed) >= CONTRACT
    assert all(exposed[name].documentation for name in CONTRACT)


def test_a_policy_shows_its_value_thresholds_and_replicas_so_that_the_band_can_be_graphed(
    telemetry: PrometheusTelemetry,
) -> None:
    show(telemetry, cpu="45.1234")

    assert samples(telemetry, "deadband_policy_metric_value") == {("shop", "api", "cpu"): 45.1234}
    assert samples(telemetry, "deadband_policy_threshold") == {
        ("shop", "api", "cpu", "up", "above"): 70,
        ("shop", "api", "cpu", "down", "below"): 20,
    }
    replicas = samples(telemetry, "deadband_policy_replicas")
    assert {labels[2]: value for labels, value in replicas.items()} == {
        "current": 4,
        "desired": 4,
        "min": 1,
        "max": 100,
    }


@pytest.mark.parametrize(
    ("expression", "deciding"),
    [pytest.param("anyOf", 70, id="the first that is breached"), pytest.param("allOf", 90, id="the last")],
)
def test_of_several_thresholds_of_one_metric_the_one_that_decides_is_shown(
    telemetry: PrometheusTelemetry, expression: str, deciding: float
) -> None:
    twice = [{"metric": "cpu", "above": 90}, {"metric": "cpu", "above": 70}]
    given = inputs(spec(scaleUp={expression: twice}, scaleDown=None), 4, 45)

    telemetry.evaluated(API, given.spec, next_status(given, decide(given)), {})

    assert samples(telemetry, "deadband_policy_threshold") == {("shop", "api", "cpu", "up", "above"): deciding}
    assert telemetry.expose().count(b"deadband_policy_threshold{") == 1


def test_a_decision_is_counted_by_its_reason(telemetry: PrometheusTelemetry) -> None:
    show(telemetry)
    show(telemetry)
    show(telemetry, cpu=90)

    assert samples(telemetry, "deadband_decisions_total") == {("WithinBand",): 2, ("ScalingUp",): 1}


def test_each_condition_shows_the_status_it_has_now(telemetry: PrometheusTelemetry) -> None:
    show(telemetry)

    ready = [labels for labels in samples(telemetry, "deadband_policy_condition") if labels[2] == "Ready"]
    assert ready == [("shop", "api", "Ready", "True")]


def test_a_metric_that_is_unknown_shows_no_value(telemetry: PrometheusTelemetry) -> None:
    show(telemetry)
    show(telemetry, cpu=None)

    assert samples(telemetry, "deadband_policy_metric_value") == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [pytest.param(10**700, math.inf, id="too large"), pytest.param(-(10**700), -math.inf, id="too small")],
)
def test_a_value_beyond_every_float_is_shown_as_infinite(
    telemetry: PrometheusTelemetry, value: int, shown: float
) -> None:
    show(telemetry, cpu=value)

    assert set(samples(telemetry, "deadband_policy_metric_value").values()) == {shown}


def test_the_series_of_a_policy_disappear_with_it(telemetry: PrometheusTelemetry) -> None:
    other = ObjectRef("ScalingPolicy", "shop", "other", "uid2")
    show(telemetry)
    show(telemetry, other)

    telemetry.forget(API)

    for family in ("metric_value", "threshold", "replicas", "condition", "decision"):
        assert {labels[1] for labels in samples(telemetry, f"deadband_policy_{family}")} == {"other"}


def test_an_invalid_policy_shows_its_conditions_and_no_thresholds(telemetry: PrometheusTelemetry) -> None:
    show(telemetry)
    telemetry.invalid(API, invalid_status(ScalingPolicyStatus(), ["spec.x: is wrong"], generation=2, now=T0))

    assert samples(telemetry, "deadband_policy_threshold") == {}
    assert samples(telemetry, "deadband_policy_metric_value") == {}
    assert ("shop", "api", "Stalled", "True") in samples(telemetry, "deadband_policy_condition")
    assert samples(telemetry, "deadband_policy_decision") == {("shop", "api", "InvalidSpec"): 1}


def test_a_policy_shows_the_one_reason_that_it_has_now(telemetry: PrometheusTelemetry) -> None:
    given = inputs(spec(), 4, 45)
    before = next_status(given, decide(given))
    assert before.decision is not None
    # Nothing but the reason differs.
    after = before.model_copy(update={"decision": before.decision.model_copy(update={"reason": Reason.PAUSED})})

    telemetry.evaluated(API, given.spec, before, {})
    assert samples(telemetry, "deadband_policy_decision") == {("shop", "api", "WithinBand"): 1}

    telemetry.evaluated(API, given.spec, after, {})
    assert samples(telemetry, "deadband_policy_decision") == {("shop", "api", "Paused"): 1}


def test_writes_on_the_api_server_are_counted_and_reads_are_not(telemetry: PrometheusTelemetry) -> None:
    telemetry.called(Call("patch", "apps", "deployments/scale", "shop", "api"), "conflict", 0.1)
    telemetry.called(Call("get", "apps", "deployments", "shop", "api"), "ok", 0.1)

    assert samples(telemetry, "deadband_api_writes_total") == {("deployments/scale", "conflict"): 1}


def test_the_rest_of_the_contract_counts_what_it_is_told(telemetry: PrometheusTelemetry) -> None:
    telemetry.scaled(Way.UP, Cause.METRICS)
    telemetry.refused(Reason.ACCESS_DENIED)
    telemetry.queried("main", 0.2, Reason.TIMEOUT)
    telemetry.alerted("http://am:9093", 2, None)
    telemetry.alerted("http://am:9093", 3, Reason.TIMEOUT)
    telemetry.skipped(3)
    telemetry.lagged(0.5)
    telemetry.working(12)
    telemetry.standing(leader=True, policies={"enforcing": 7})
    telemetry.timed(lag_seconds=0.1, seconds=0.2)

    assert samples(telemetry, "deadband_scale_writes_total") == {("Metrics", "up"): 1}
    assert samples(telemetry, "deadband_scale_refusals_total") == {("AccessDenied",): 1}
    assert samples(telemetry, "deadband_queries_total") == {("Timeout", "main"): 1}
    assert samples(telemetry, "deadband_query_seconds_count") == {("main",): 1}
    assert samples(telemetry, "deadband_alerts_sent_total") == {("http://am:9093",): 2}
    assert samples(telemetry, "deadband_alert_failures_total") == {("http://am:9093", "Timeout"): 3}
    assert samples(telemetry, "deadband_evaluations_skipped_total") == {(): 3}
    assert samples(telemetry, "deadband_event_loop_lag_seconds") == {(): 0.5}
    assert samples(telemetry, "deadband_event_loop_tasks") == {(): 12}
    assert samples(telemetry, "deadband_leader") == {(): 1}
    assert samples(telemetry, "deadband_policies") == {("enforcing",): 7}
    assert samples(telemetry, "deadband_evaluation_seconds_count") == {(): 1}
    assert samples(telemetry, "deadband_evaluation_lag_seconds_count") == {(): 1}


def test_a_source_shows_what_is_known_of_it_and_nothing_once_it_is_gone(telemetry: PrometheusTelemetry) -> None:
    telemetry.sources(
        {
            "a": SourceStanding(reachable=True, max_concurrent_queries=4),
            "b": SourceStanding(reachable=False, max_concurrent_queries=8),
            "not asked yet": SourceStanding(reachable=None, max_concurrent_queries=2),
            "invalid": SourceStanding(reachable=None, max_concurrent_queries=None),
        }
    )
    assert samples(telemetry, "deadband_source_reachable") == {("a",): 1, ("b",): 0}
    assert samples(telemetry, "deadband_source_max_concurrent_queries") == {("a",): 4, ("b",): 8, ("not asked yet",): 2}

    telemetry.sources({"b": SourceStanding(reachable=True, max_concurrent_queries=8)})
    assert samples(telemetry, "deadband_source_reachable") == {("b",): 1}
    assert samples(telemetry, "deadband_source_max_concurrent_queries") == {("b",): 8}


class Served:
    """An HTTP server on a free port, and what its probes say."""

    def __init__(self, telemetry: PrometheusTelemetry) -> None:
        self.live: list[str] = []
        self.ready: list[str] = []
        self.server = HttpServer("127.0.0.1:0", live=self._live, ready=self._ready, expose=telemetry.expose)

    async def _live(self) -> list[str]:
        return self.live

    async def _ready(self) -> list[str]:
        return self.ready

    async def get(self, path: str) -> tuple[int, str, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.server.port}{path}") as got:
            return got.status, await got.text(), got.headers["Content-Type"]


@pytest.fixture
async def served(telemetry: PrometheusTelemetry) -> AsyncIterator[Served]:
    made = Served(telemetry)
    await made.server.start()
    yield made
    await made.server.close()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_says_ok_or_what_is_wrong(served: Served, path: str) -> None:
    assert (await served.get(path))[:2] == (200, "ok\n")

    served.live = served.ready = ["a watch has been missing for 31 s"]
    assert (await served.get(path))[:2] == (503, "a watch has been missing for 31 s\n")


async def test_metrics_are_served_as_prometheus_reads_them(served: Served) -> None:
    status, text, content_type = await served.get("/metrics")

    assert status == 200
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "deadband_build_info" in text
