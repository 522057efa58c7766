"""Alerts: sent at once, again while they last, over when they are; by the leader alone, and nobody waits for them."""

import asyncio
import logging
from datetime import timedelta
from fractions import Fraction

import pytest

from deadband.api.conditions import Reason
from deadband.ports import Alert, UnreachableError
from tests.engine.fakes import START, FakeWorld, source, until

MANUAL = {"scaleUp": {"mode": "Manual", "anyOf": [{"metric": "load", "above": 100}]}}
ADVICE = {
    "scaleTargetRef": None,
    "minReplicas": None,
    "maxReplicas": None,
    "scaleDown": None,
    "metrics": [
        {"name": "load", "query": "load"},
        {"name": "conns", "database": {"system": "PostgreSQL", "instance": "leads-db", "measure": "Connections"}},
        {"name": "depth", "queue": {"system": "RabbitMQ", "name": "leads"}},
    ],
    "scaleUp": {
        "mode": "Manual",
        "anyOf": [{"metric": name, "above": 100} for name in ("load", "conns", "depth")],
    },
}


@pytest.fixture
async def world() -> FakeWorld:
    """A leader with one source that reads 150, and one Deployment of 2."""
    made = FakeWorld()
    made.add_source(value=150)
    made.add_deployment()
    made.scheduler.lead(None)
    return made


async def sent(world: FakeWorld, *, seconds: float = 0.0) -> list[Alert]:
    """What one look sends, after time has passed."""
    world.clock.seconds += seconds
    before = len(world.alerts.sent)
    await world.alerting.send()
    return [alert for each in world.alerts.sent[before:] for alert in each]


def lasts(world: FakeWorld, alert: Alert) -> bool:
    return alert.ends_at > world.clock.now()


async def test_a_proposal_is_an_alert_with_labels_that_route_and_texts_that_tell(world: FakeWorld) -> None:
    world.add_policy(labels={"deadband.dev/severity": "critical", "deadband.dev/owner": "platform"}, **MANUAL)
    await world.evaluate()
    (alert,) = await sent(world)

    proposal = world.status().proposal
    assert alert.labels == {
        "alertname": "DeadbandActionRequired",
        "namespace": "shop",
        "policy": "api",
        "resource": "Deployment/api",
        "direction": "Up",
        "severity": "critical",
        "owner": "platform",
    }
    assert alert.annotations == {
        "summary": proposal.text,
        "description": f"{world.status().decision.sentence} To carry it out once, until 2026-03-02 13:00:07Z: kubectl "
        f"annotate scalingpolicy api -n shop --overwrite deadband.dev/approve={proposal.id}",
        "proposal": proposal.id,
        "expires_at": "2026-03-02T13:00:07Z",
    }
    assert alert.starts_at == START
    assert alert.ends_at == START + timedelta(seconds=240)


async def test_a_tenants_labels_fill_two_values_and_never_name_a_label(world: FakeWorld) -> None:
    labels = {
        "deadband.dev/owner": "x",
        "deadband.dev/severity": "y",
        "alertname": "Watchdog",
        "namespace": "kube-system",
    }
    world.add_policy(labels=labels, **MANUAL)
    await world.evaluate()

    (alert,) = await sent(world)
    assert alert.labels["alertname"] == "DeadbandActionRequired"
    assert alert.labels["namespace"] == "shop"
    assert alert.labels.keys() == {"alertname", "namespace", "policy", "direction", "severity", "resource", "owner"}


async def test_a_policy_without_a_target_is_an_alert_on_what_its_metrics_name(world: FakeWorld) -> None:
    world.add_policy("leads", **ADVICE)
    await world.evaluate()
    (alert,) = await sent(world)

    assert alert.labels == {
        "alertname": "DeadbandActionRequired",
        "namespace": "shop",
        "policy": "leads",
        "resource": "leads-db,leads",
        "direction": "Up",
        "severity": "warning",
    }
    assert "approve" not in alert.annotations["description"]
    assert alert.annotations["description"].endswith("a person does what is asked for.")


async def test_a_policy_whose_metrics_are_queries_names_no_resource(world: FakeWorld) -> None:
    world.add_policy("leads", **{**ADVICE, "metrics": ADVICE["metrics"][:1], "scaleUp": MANUAL["scaleUp"]})
    await world.evaluate()
    (alert,) = await sent(world)

    assert "resource" not in alert.labels


async def test_what_lasts_is_sent_again_every_minute_with_the_same_start(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    await sent(world)

    await world.evaluate(seconds=15)
    assert await sent(world) == [], "nothing is new, and it is not time yet"

    world.metrics.values["main"] = Fraction(160)
    await world.evaluate(seconds=45)
    (again,) = await sent(world)
    assert "load 160 is above 100" in again.annotations["description"], "as things stand now"
    assert (again.starts_at, again.ends_at) == (START, world.clock.now() + timedelta(seconds=240))


async def test_a_proposal_that_follows_is_the_same_alert_and_is_told_at_once(world: FakeWorld) -> None:
    world.add_policy(scaleUp={**MANUAL["scaleUp"], "approvalSeconds": 30})
    await world.evaluate()
    (first,) = await sent(world)

    await world.evaluate(seconds=30)
    (second,) = await sent(world)

    assert second.labels == first.labels
    assert second.starts_at == first.starts_at
    assert second.annotations["proposal"] != first.annotations["proposal"]


async def test_what_is_over_is_told_at_once_and_for_five_minutes(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    await sent(world)
    world.metrics.values["main"] = Fraction(50)

    await world.evaluate(seconds=15)
    ended = world.clock.now()
    (over,) = await sent(world)
    assert over.ends_at == ended

    minutes = [[alert.ends_at for alert in await sent(world, seconds=60)] for _ in range(7)]
    assert minutes == [[ended]] * 5 + [[], []]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"deadband.dev/approve": "the proposal"}, id="it was carried out"),
        pytest.param({"deadband.dev/paused": "true"}, id="the policy was paused"),
    ],
)
async def test_an_answer_ends_the_alert(world: FakeWorld, change: dict[str, str]) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    (alert,) = await sent(world)
    world.metrics.values["main"] = Fraction(101)
    annotations = {
        name: world.status().proposal.id if value == "the proposal" else value for name, value in change.items()
    }
    world.add_policy(annotations=annotations, version=2, **MANUAL)
    await world.evaluate(seconds=1.1)

    (over,) = await sent(world)
    assert over.labels == alert.labels
    assert not lasts(world, over)


async def test_a_policy_that_turned_invalid_asks_no_more(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    await sent(world)
    world.add_policy(generation=2, version=2, minReplicas=9, maxReplicas=3)
    await world.evaluate(seconds=1.1)

    assert [lasts(world, alert) for alert in await sent(world)] == [False]


async def test_a_deleted_policy_asks_no_more(world: FakeWorld) -> None:
    obj = world.add_policy(**MANUAL)
    await world.evaluate()
    await sent(world)
    world.scheduler.receive("ScalingPolicy", "DELETED", obj)

    assert [lasts(world, alert) for alert in await sent(world)] == [False]


async def test_another_owner_is_another_alert_and_the_one_before_is_over(world: FakeWorld) -> None:
    world.add_policy(labels={"deadband.dev/owner": "platform"}, **MANUAL)
    await world.evaluate()
    await sent(world)
    world.add_policy(labels={"deadband.dev/owner": "database"}, version=2, **MANUAL)
    await world.evaluate(seconds=15)

    found = {alert.labels["owner"]: lasts(world, alert) for alert in await sent(world)}
    assert found == {"platform": False, "database": True}

    world.add_policy(labels={"deadband.dev/owner": "platform"}, version=3, **MANUAL)
    await world.evaluate(seconds=15)
    found = {alert.labels["owner"]: lasts(world, alert) for alert in await sent(world)}
    assert found == {"platform": True, "database": False}, "the first owner's alert is told to go on"


async def test_what_is_asked_again_is_not_told_to_be_over(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    for value in (150, 50, 150):
        world.metrics.values["main"] = Fraction(value)
        await world.evaluate(seconds=15)
        await sent(world)

    assert [lasts(world, alert) for alert in await sent(world, seconds=60)] == [True]


async def test_an_outage_of_the_metric_does_not_end_the_alert(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    (asked,) = await sent(world)
    world.scheduler.receive("MetricSource", "DELETED", source("main", default=True))

    await world.evaluate(seconds=60)

    assert world.reason() == Reason.METRICS_UNKNOWN
    assert [(alert.starts_at, lasts(world, alert)) for alert in await sent(world)] == [(asked.starts_at, True)]


async def test_a_new_leader_goes_on_with_what_the_last_one_asked(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    (asked,) = await sent(world)
    carried = world.status().model_dump(mode="json", exclude_none=True)

    world.scheduler.follow()
    assert await sent(world, seconds=60) == [], "the end of a term resolves nothing"

    world.scheduler.lead(None)
    world.add_policy(version=2, status=carried, **MANUAL)
    await world.evaluate(seconds=15)
    (again,) = await sent(world)
    assert (again.labels, again.starts_at) == (asked.labels, asked.starts_at)
    assert lasts(world, again)


async def test_a_new_leader_ends_what_the_last_one_asked_when_it_is_over(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    (asked,) = await sent(world)
    carried = world.status().model_dump(mode="json", exclude_none=True)
    world.scheduler.follow()

    world.metrics.values["main"] = Fraction(50)
    world.scheduler.lead(None)
    world.add_policy(version=2, status=carried, **MANUAL)
    await world.evaluate(seconds=30)

    (over,) = await sent(world)
    assert over.labels == asked.labels
    assert not lasts(world, over)


async def test_an_alert_never_ends_before_it_began_though_clocks_differ(world: FakeWorld) -> None:
    """Alertmanager would refuse it; the clock of the last leader may have been ahead of ours."""
    world.add_policy(**MANUAL)
    await world.evaluate(seconds=30)
    carried = world.status().model_dump(mode="json", exclude_none=True)
    world.scheduler.follow()
    world.clock.seconds -= 30
    world.metrics.values["main"] = Fraction(50)

    world.scheduler.lead(None)
    world.add_policy(version=2, status=carried, **MANUAL)
    await world.evaluate()

    (over,) = await sent(world)
    assert over.ends_at == over.starts_at


async def test_a_process_that_does_not_lead_sends_nothing(world: FakeWorld) -> None:
    world.add_policy(**MANUAL)
    await world.evaluate()
    world.leadership.leading = False

    assert await sent(world) == []

    world.leadership.leading = True
    assert len(await sent(world)) == 1


async def test_a_replica_that_is_down_is_complained_about_once_a_minute(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.alerts.down = {
        "http://am:9093 (10.0.0.7)": UnreachableError(Reason.ERROR, "the connection failed"),
        "http://am:9093 (10.0.0.8)": UnreachableError(Reason.ERROR, "the connection failed"),
    }
    world.add_policy(**MANUAL)
    await world.evaluate()
    with caplog.at_level(logging.WARNING):
        await sent(world)

    (told,) = caplog.records
    assert told.getMessage() == "could not send alerts to http://am:9093 (10.0.0.7): the connection failed"
    assert len(await sent(world, seconds=60)) == 1, "it is tried again at the next sending"


async def test_the_loop_sends_what_is_new_at_once_and_what_lasts_when_it_is_time() -> None:
    world = FakeWorld()
    running = asyncio.create_task(world.alerting.run())
    world.add_source(value=150)
    world.add_deployment()
    world.scheduler.lead(None)
    world.add_policy(**MANUAL)
    try:
        await world.evaluate()
        await until(lambda: len(world.alerts.sent) == 1)
    finally:
        running.cancel()

    assert [alert.labels["policy"] for alert in world.alerts.sent[0]] == ["api"]


async def test_an_alertmanager_that_does_not_answer_holds_no_evaluation_up(world: FakeWorld) -> None:
    world.alerts.held = asyncio.Event()
    world.add_policy(**MANUAL)
    await world.evaluate()
    sending = asyncio.create_task(world.alerting.send())
    await until(lambda: bool(world.alerts.sent))

    world.metrics.values["main"] = Fraction(50)
    await world.evaluate(seconds=15)

    assert not sending.done()
    assert world.reason() == Reason.WITHIN_BAND
    world.alerts.held.set()
    await sending
