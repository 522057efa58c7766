"""Whatever the API server accepts, the engine lives through, and the policy beside it is scaled as ever.

Documents and statuses are made from the definition's schema; they go to its limits, and a status may say anything that
a hand can write into it.
"""

import asyncio
import json
import logging
import random
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deadband.adapters.telemetry import PrometheusTelemetry
from deadband.api.conditions import Reason
from deadband.api.validation import InvalidError, validate_policy
from deadband.queries.types import Answer, Answered, Failed, Question, Series
from e2e.manifests.documents import Document
from e2e.manifests.shaped import chain, schema_of, shaped
from tests.engine.fakes import FakeWorld

# Many examples on a busy machine; what is told here is never how fast.
pytestmark = pytest.mark.timeout(300)

SCHEMA = schema_of("ScalingPolicy")
STATUS = SCHEMA["properties"]["status"]
STATUS_BYTES = 100_000
"""etcd takes 1.5 MB of an object."""
TEXTS = ("", "true", "scale-up", "x" * 5000, "ü\n\U0001f680", '"},"evil":{"', "{{ .Labels }}", "\x1b[31m")
VALUES = (*(Fraction(text) for text in ("0", "1", "50", "101", "-1", "0.333", "1e308", "-1e308", "1e-323")), None)
ANNOTATIONS = ("deadband.dev/paused", "deadband.dev/approve", "example.com/other")
LABELS = ("deadband.dev/severity", "deadband.dev/owner")


def accepts(document: Document) -> bool:
    try:
        validate_policy(document)
    except InvalidError:
        return False
    return True


def hostile(document: Document, dice: random.Random, number: int) -> dict[str, Any]:
    """The document as an object on the API server, with metadata and a status that somebody wrote by hand."""
    name = f"{number}-" + "n" * dice.choice((1, 250))
    status = shaped(STATUS, dice) if dice.random() < 0.8 else {}
    proposal = status.get("proposal") or {}
    return {
        **document,
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "generation": dice.choice((1, 2**53)),
            "resourceVersion": dice.choice(("1", "18446744073709551615")),
            "creationTimestamp": dice.choice(("2026-03-01T00:00:00Z", "1970-01-01T00:00:00Z")),
            "annotations": {key: dice.choice((*TEXTS, proposal.get("id", ""))) for key in ANNOTATIONS},
            "labels": {key: dice.choice(("", "x" * 63, "critical")) for key in LABELS},
        },
        "status": status,
    }


class HostileMetrics:
    """Answers at random, the good policy's source but for itself."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.values: dict[str, Fraction] = {}

    async def ask(self, questions: Any, *, at: datetime) -> Mapping[Question, Answer]:
        return {one: self.answer(one) for one in questions}

    def answer(self, question: Question) -> Answer:
        if question.promql == "load":
            return Answered((Series({}, Fraction(101)),))
        if self.dice.random() < 0.2:
            return Failed(Reason.ERROR, "HTTP 503")
        count = self.dice.choice((0, 1, 1, 1, 1, 3))
        return Answered(tuple(Series({"namespace": "shop"}, self.dice.choice(VALUES)) for _ in range(count)))

    def update_sources(self, sources: Mapping[str, object]) -> None:
        """Any."""


async def live(world: FakeWorld, objects: list[dict[str, Any]]) -> None:
    world.add_source()
    world.add_deployment("good", 2)
    world.add_policy("good", scaleUp={"anyOf": [{"metric": "load", "above": 100}], "step": {"type": "Pods", "pods": 1}})
    for obj in objects:
        reference = obj["spec"].get("scaleTargetRef")
        if reference is not None and reference["name"] != "good":
            world.targets.put(reference["name"], 2)
        world.policies.objects[obj["metadata"]["uid"]] = obj
        world.scheduler.receive("ScalingPolicy", "ADDED", obj)
    world.scheduler.lead(None)
    for _ in range(3):
        await world.evaluate(seconds=3600)
    writing = asyncio.create_task(world.statuses.run())
    await world.statuses.flush()
    writing.cancel()
    for _ in range(2):
        await world.alerting.send()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9))
async def test_no_accepted_object_harms_the_operator_or_its_neighbor(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    dice = random.Random(seed)
    found = chain(seed, accepts)
    documents = [document for document in (next(found) for _ in range(60)) if accepts(document)]
    telemetry = PrometheusTelemetry()
    world = FakeWorld(metrics=HostileMetrics(dice), telemetry=telemetry)

    await live(world, [hostile(document, dice, number) for number, document in enumerate(documents)])

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert world.targets.workloads["good"].target.replicas > 2
    assert max(len(json.dumps(status)) for _, status in world.policies.written) < STATUS_BYTES
    assert len(telemetry.expose()) > 0
