"""Queues that exporters may hide: each finding, and the nearest policy that is free of it."""

from typing import Any

import pytest

from deadband.advice.finding import FindingId, Severity
from deadband.advice.past import Past, Seen
from deadband.advice.queues import queue_findings
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.ranges import Grid
from tests.core.builders import spec

HIDDEN, IN_PART = FindingId.QUEUE_MAY_BE_HIDDEN, FindingId.QUEUE_COUNTED_IN_PART
NIGHT = {"name": "night", "schedule": "0 22 * * *", "durationSeconds": 3600, "minReplicas": 0}


def policy(system: str, *, on_no_data: dict[str, Any] | None = None, **changes: Any) -> ScalingPolicySpec:
    metric = {"name": "depth", "queue": {"system": system, "name": "mail"}, "onNoData": on_no_data}
    triggers = {"anyOf": [{"metric": "depth", "above": 10}]}
    return spec(metrics=[metric], scaleUp=triggers, scaleDown={"mode": "Disabled"}, **changes)


def seen(known: int) -> Past:
    return Past(Grid(0, 60, 2), metrics={"depth": Seen(known=known, known_last_day=known)}, stopped={}, unreadable={})


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(policy("Celery", minReplicas=0), {HIDDEN, IN_PART}, id="Celery from 0"),
        pytest.param(policy("Celery", overrides=[NIGHT]), {HIDDEN, IN_PART}, id="Celery from 0 by an override"),
        pytest.param(policy("Celery"), {IN_PART}, id="Celery that never goes to 0"),
        pytest.param(
            policy("Celery", minReplicas=0, on_no_data={"assume": "Above"}), {IN_PART}, id="Celery that starts unseen"
        ),
        pytest.param(
            policy("Celery", minReplicas=0, on_no_data={"value": 0}),
            {HIDDEN, IN_PART},
            id="Celery whose silence counts as nothing",
        ),
        pytest.param(policy("Kafka", minReplicas=0), {HIDDEN}, id="Kafka from 0"),
        pytest.param(policy("Kafka"), set(), id="Kafka that never goes to 0"),
        pytest.param(policy("RedisList"), {HIDDEN}, id="a list"),
        pytest.param(policy("RabbitMQ", minReplicas=0), set(), id="RabbitMQ shows every queue"),
        pytest.param(policy("BullMQ", minReplicas=0), set(), id="BullMQ shows its own queue"),
        pytest.param(spec(), set(), id="no queue"),
    ],
)
def test_a_queue_that_its_exporter_may_hide_is_named(asked: ScalingPolicySpec, found: set[FindingId]) -> None:
    findings = list(queue_findings(asked))

    assert {finding.id for finding in findings} == found
    assert all(finding.severity is Severity.INFO and finding.field == "spec.metrics[0].queue" for finding in findings)


@pytest.mark.parametrize(
    ("asked", "known", "found"),
    [
        pytest.param(policy("RedisList"), 1, set(), id="a list that was seen"),
        pytest.param(policy("RedisList"), 0, {HIDDEN}, id="a list that was not"),
        pytest.param(policy("Celery", minReplicas=0), 1, {IN_PART}, id="a queue that was seen may still be a part"),
    ],
)
def test_what_prometheus_recorded_in_the_last_day_is_shown(
    asked: ScalingPolicySpec, known: int, found: set[FindingId]
) -> None:
    assert {finding.id for finding in queue_findings(asked, seen(known))} == found


def test_the_change_names_the_flag_and_the_queue() -> None:
    (hidden, _) = queue_findings(policy("Celery", minReplicas=0))

    assert hidden.change == "Start it with --queues=mail, or set minReplicas to 1."
