"""The cluster that test_queries reads; every number here can be worked out in the head."""

from dataclasses import replace
from typing import Any

from e2e.queries.backfill import Backfill, gauge
from e2e.queries.exporters import (
    MIB,
    Container,
    Pod,
    add_depth,
    add_group,
    add_node,
    add_pod,
    add_postgres,
    add_queue,
    add_replicaset,
    add_usage,
)

STRANGE = 'a"b\\c|.*'
"""A queue's name that would mean something if it were not quoted."""
MANY = 250
"""Deployments w0 to w249 in seven namespaces; number N uses N of 250 MiB."""


def build(world: Backfill) -> None:
    """Add all of it."""
    pods = (_api, _neighbors, _containers, _without, _young, _started, _restarted, _unready, _sidecars, _many)
    for part in (*pods, _queues, _other_queues, _kafka, _databases, _raw):
        part(world)


def _deployed(world: Backfill, namespace: str, deployment: str, *pods: tuple[Container, ...], lost: int = 0) -> None:
    replicaset = f"{deployment}-7d9"
    add_replicaset(world, namespace, deployment, replicaset)
    for number, containers in enumerate(pods):
        add_pod(world, Pod(namespace, f"{replicaset}-{number}", replicaset, containers, silent_for=lost))


def _app(uses_cpu: float | None, uses_memory: float | None, **requests: float) -> tuple[Container, ...]:
    return (Container("app", uses_cpu, uses_memory, requests),)


def _api(world: Backfill) -> None:
    """Two pods that count, and around them everything that must not."""
    requests, limits = {"cpu": 0.5, "memory": 512.0 * MIB}, {"cpu": 1.0, "memory": 1024.0 * MIB}
    sidecar = Container("proxy", 0.4, 100 * MIB)
    busy = Container("app", 0.45, 384 * MIB, requests, limits)
    calm = Container("app", 0.30, 256 * MIB, requests, limits)
    _deployed(world, "leadgen", "api", (calm, sidecar), (busy, sidecar))
    add_pod(world, Pod("leadgen", "api-7d9-leaving", "api-7d9", (busy,), terminating=True))
    add_pod(world, Pod("leadgen", "api-7d9-unready", "api-7d9", (busy,), ready=False))
    pending = Container("app", None, None, requests, limits)
    add_pod(world, Pod("leadgen", "api-7d9-pending", "api-7d9", (pending,), ready=False))
    first = Pod("leadgen", "api-7d9-0", "api-7d9", ())
    add_usage(world, first, calm, job="cadvisor")
    add_usage(world, first, Container("app", 0.1, 9 * MIB), run=1)


def _neighbors(world: Backfill) -> None:
    _deployed(world, "leadgen", "api-canary", _app(0.05, 8 * MIB, cpu=0.25))
    _deployed(world, "staging", "api", _app(0.1, 8 * MIB, cpu=1))
    database = _app(1.3, 3072 * MIB, cpu=2, memory=4096 * MIB)
    add_pod(world, Pod("leadgen", "leads-db-0", "leads-db", database, owner_kind="StatefulSet"))


def _containers(world: Backfill) -> None:
    main, helper = Container("main", 0.9, None, {"cpu": 1}), Container("helper", 0.1, None, {"cpu": 0.2})
    _deployed(world, "leadgen", "pair", (main, helper))


def _without(world: Backfill) -> None:
    _deployed(world, "leadgen", "batch", (*_app(0.7, MIB), Container("proxy", 0.1, MIB)))
    _deployed(world, "leadgen", "zero", _app(0.7, MIB, cpu=0))
    _deployed(world, "leadgen", "half", (*_app(0.7, MIB, cpu=0), Container("other", 0.2, MIB, {"cpu": 1})))
    _deployed(world, "leadgen", "asleep")
    _deployed(world, "leadgen", "unseen", _app(0.2, MIB, cpu=1, memory=2 * MIB), lost=150)


def _young(world: Backfill) -> None:
    fresh = _app(None, None, cpu=1)
    _deployed(world, "leadgen", "growing", _app(0.2, None, cpu=1), _app(0.3, None, cpu=1), fresh)
    _deployed(world, "leadgen", "doubling", _app(0.2, None, cpu=1), fresh)
    _deployed(world, "leadgen", "exploding", _app(0.2, None, cpu=1), fresh, fresh, fresh)


def _set(world: Backfill, name: str, *pods: Pod) -> None:
    """A Deployment of pods that are given whole; each is named anew after its place."""
    add_replicaset(world, "real", name, f"{name}-1")
    for number, pod in enumerate(pods):
        add_pod(world, replace(pod, namespace="real", name=f"{name}-1-{number}", owner=f"{name}-1"))


def _pod(uses_cpu: float, *, burned: float = 0, **more: Any) -> Pod:
    """A pod that has long been Ready, unless told otherwise; it requests half a core and 512 MiB."""
    requests = {"cpu": 0.5, "memory": 512.0 * MIB}
    app = Container("app", uses_cpu, 256 * MIB, requests, burned=burned)
    return Pod(
        **{"namespace": "", "name": "", "owner": "", "containers": (app,), "ready_for": 270, "started": 285, **more}
    )


def _started(world: Backfill) -> None:
    old, young = _pod(0.31), _pod(0.31, started=50, ready_for=35)
    _set(world, "old", old, old)
    _set(world, "rolled", old, young, young)
    _set(world, "just-ready", old, old, _pod(0.31, started=50, ready_for=10), _pod(0.31, started=50, ready_for=10))
    _set(world, "all-new", _pod(0.31, started=20, ready_for=10))
    _set(world, "burst", _pod(0, burned=8, started=75, ready_for=36), _pod(0, burned=8, started=75, ready_for=36))


def _restarted(world: Backfill) -> None:
    crashed = _pod(0.45, started=65, ready_for=62)
    _set(world, "crashed", crashed, _pod(0.45))
    was = Pod("real", "crashed-1-0", "crashed-1", ())
    add_usage(world, was, Container("app", 0.05, 480 * MIB), run=7, ended=75)
    _set(world, "down", _pod(0.45), _pod(0.05, ready=False, stopped=True, unready_for=20))


def _unready(world: Backfill) -> None:
    _set(world, "overloaded", _pod(0.5), _pod(0.5, ready=False, unready_for=60))
    _set(world, "never-ready", _pod(0.4), _pod(0.5, ready=False, ready_for=None, started=150))
    add_node(world, "n1", ready=True)
    add_node(world, "n2", ready=False)
    lost = _pod(0.5, ready=False, unready_for=30, silent_for=90, node="n2")
    _set(world, "node-lost", _pod(0.5), lost)
    evicted = _pod(0.5, ready=False, unready_for=30, silent_for=90, stopped=True, phase="Failed")
    _set(world, "evicted", _pod(0.9), evicted)
    _set(world, "scrape-lost", _pod(0.4), _pod(0.1, silent_for=45))


def _sidecars(world: Backfill) -> None:
    app, done = Container("app", 0.01, MIB, {"cpu": 0.1}), Container("setup", None, None, {"cpu": 4}, sidecar=True)
    proxy = Container("proxy", 0.47, MIB, {"cpu": 0.5}, sidecar=True)
    _set(world, "meshed", _pod(0, containers=(done, app, proxy)))
    _set(world, "meshed-anew", _pod(0, containers=(done, app, proxy), started=50, ready_for=35))


def _many(world: Backfill) -> None:
    for number in range(MANY):
        _deployed(world, f"team-{number % 7}", f"w{number}", _app(None, number * MIB, memory=250 * MIB))


def _queues(world: Backfill) -> None:
    add_queue(world, "/", "leads", 10000)
    add_queue(world, "/", "leads", 10000, endpoint="per-object")
    add_queue(world, "eu", "leads", 7, endpoint="per-object")
    add_queue(world, "/", "leads-dead-letter", 5)
    add_queue(world, "/", "gone", 77, silent_for=90)
    add_queue(world, "/", STRANGE, 3)
    world.add("rabbitmq_queue_messages_ready", {"instance": "mq-0:15692", "job": "aggregated"}, gauge(10012))


def _other_queues(world: Backfill) -> None:
    add_depth(world, "redis_key_size", {"db": "db0", "key": "mail"}, 30, 29)
    add_depth(world, "redis_key_size", {"db": "db1", "key": "mail"}, 12)
    add_depth(world, "celery_queue_length", {"queue_name": "mail"}, 21)
    add_depth(world, "celery_queue_length", {"queue_name": STRANGE}, 4)
    add_depth(world, "celery_queue_length", {"queue_name": "mail\x06\x163"}, 20, 19)
    add_depth(world, "celery_queue_length", {"queue_name": "mail\x06\x169"}, 1)
    add_depth(world, "celery_queue_length", {"queue_name": "mail3"}, 500)
    states = {"waiting": 7, "prioritized": 30, "paused": 5, "delayed": 70, "active": 3, "completed": 900, "failed": 2}
    for state, jobs in states.items():
        add_depth(world, "bullmq_job_count", {"queue": "mail", "state": state}, jobs)
    add_depth(world, "sidekiq_queue_enqueued_jobs", {"name": "mail"}, 17, 17)
    add_depth(world, "sidekiq_queue_enqueued_jobs", {"name": "mail-low"}, 99)
    sqs = "aws_sqs_approximate_number_of_messages_visible_average"
    add_depth(world, sqs, {"job": "aws_sqs", "queue_name": "mail"}, 61)
    add_depth(world, sqs, {"name": "arn:aws:sqs:eu-west-1:1:post", "dimension_QueueName": "post"}, 62)


def _kafka(world: Backfill) -> None:
    """Groups by partition: what is committed (-1: nothing), then the oldest and the next offset of the partition."""
    orders, returns = {"0": (60, 0, 100), "1": (98, 90, 100), "2": (101, 0, 100)}, {"0": (95, 0, 100)}
    add_group(world, "mail", "orders", orders)
    add_group(world, "mail", "returns", returns)
    add_group(world, "fresh", "audits", {"0": (10, 0, 1000), "1": (-1, 0, 1000), "2": (-1, 400, 1000), "3": (-1, 7, 7)})
    add_group(world, "late", "expired", {"0": (5, 900, 1000)})
    add_group(world, "blind", "hidden", {"0": (10, 0, 1000), "1": (-1, 0, 1000)}, shown=False)


def _databases(world: Backfill) -> None:
    settings = {"max_connections": 100, "superuser_reserved_connections": 3}
    backends = {"leads": 60, "postgres": 12, "template1": 0}
    add_postgres(world, "leads-db", backends, {**settings, "reserved_connections": 7})
    add_postgres(world, "old-db", {"leads": 55}, {**settings, "max_connections": 103})
    kinds = {"client backend": 48, "parallel worker": 20, "walsender": 2, "autovacuum worker": 2}
    add_postgres(world, "busy-db", backends, {**settings, "max_connections": 103}, kinds)
    add_postgres(world, "blind-db", backends, {**settings, "max_connections": 103}, {"client backend": 1})


def _raw(world: Backfill) -> None:
    world.add("up", {"job": "kubelet"}, gauge(1))
    world.add("celery_depth", {"list": "mail"}, gauge(41))
    for namespace, value in {"leadgen": 3, "staging": 4, "billing": 1000}.items():
        world.add("tenant_load", {"namespace": namespace, "app": "api"}, gauge(value))
    world.add("two_of_it", {"of": "a"}, gauge(1))
    world.add("two_of_it", {"of": "b"}, gauge(2))
    world.add("no_number", {}, gauge(float("nan")))
