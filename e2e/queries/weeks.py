"""Weeks of history: loads that follow the day, with noise, on six replicas."""

import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from e2e.queries.backfill import Backfill, Shape, gauge
from e2e.testbed.prometheus import Prometheus

START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())  # a Monday
DAY = 86400
REPLICAS = 6

POLICY: dict[str, Any] = {
    "apiVersion": "deadband.dev/v1alpha1",
    "kind": "ScalingPolicy",
    "metadata": {"name": "api", "namespace": "leadgen"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 2,
        "maxReplicas": 20,
        "metrics": [
            {"name": "cpu", "query": "cpu", "per": "Replica"},
            {"name": "memory", "query": "memory", "per": "Replica"},
        ],
        "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}], "forSeconds": 60},
        "scaleDown": {"allOf": [{"metric": "cpu", "below": 35}], "forSeconds": 600},
    },
}


def prometheus(folder: Path, *, days: int) -> Prometheus:
    """A Prometheus, not yet started, whose history begins at `START`; its last sample is at the end of the last day."""
    world = Backfill(START + days * DAY, span=days * DAY)
    world.add("cpu", {"app": "api"}, _daily(45, 30, 2.5))
    world.add("memory", {"app": "api"}, _daily(50, 6, 0.8))
    _ran(world, "api")
    return _filled(folder, world)


def queue(folder: Path, *, until: int, days: int) -> Prometheus:
    """The same of the queue leads of RabbitMQ, which fills by day and is empty at night, up to a Unix second."""
    world = Backfill(until, span=days * DAY)
    labels = {"vhost": "/", "queue": "leads", "instance": "mq-0:15692", "job": "detailed"}
    depth = _daily(4000, 14000, 600)
    world.add("rabbitmq_detailed_queue_messages_ready", labels, lambda seconds: max(0, round(depth(seconds))))
    _ran(world, "lead-worker")
    return _filled(folder, world)


def _daily(mean: float, swing: float, noise: float) -> Shape:
    chance = random.Random(1)  # the same history each time

    def value(seconds: int) -> float:
        weekend = 0.55 if seconds // DAY % 7 >= 5 else 1
        wave = mean + swing * math.sin(2 * math.pi * (seconds / DAY - 0.3))
        return round(weekend * wave + chance.gauss(0, noise), 3)

    return value


def _ran(world: Backfill, deployment: str) -> None:
    for series in ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_ready"):
        world.add(series, {"namespace": "leadgen", "deployment": deployment}, gauge(REPLICAS))


def _filled(folder: Path, world: Backfill) -> Prometheus:
    server = Prometheus(folder, [])
    world.write(folder / "data")
    return server


def written(path: Path, **spec: Any) -> Path:
    """Write the policy, with some of its spec replaced, to a file."""
    path.write_text(yaml.safe_dump({**POLICY, "spec": {**POLICY["spec"], **spec}}))
    return path
