"""The world as the engine sees it, in memory: ports as ten-line fakes, objects as the API server sends them."""

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from deadband.api.conditions import EventReason, Reason
from deadband.api.originals import ORIGINAL_BOUNDS_ANNOTATION, OriginalBounds
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.autoscaler import Autoscaler, Rewrite
from deadband.core.types import Target
from deadband.engine.actuator import Actuator
from deadband.engine.alerting import Alerting
from deadband.engine.evaluation import Evaluation
from deadband.engine.gathering import Gathering
from deadband.engine.restoring import Restoring
from deadband.engine.scheduler import Scheduler
from deadband.engine.sightings import Sightings
from deadband.engine.status_writer import StatusWriter
from deadband.engine.store import Store
from deadband.engine.tenants import Labels, Tenants
from deadband.ports import (
    Alert,
    AutoscalerRead,
    ConflictError,
    GoneError,
    ObjectRef,
    ScaledObject,
    Workload,
    WriteError,
)
from deadband.queries.types import Answer, Answered, Question, Series

START = datetime(2026, 3, 2, 12, 0, 7, tzinfo=UTC)
"""Between two instants of the grid, so that each further interval brings one evaluation."""
Json = dict[str, Any]


class FakeClock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000.0)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class FakeMetrics:
    """Every question of a source has one value; a source that is held answers when it is let go."""

    def __init__(self) -> None:
        self.values: dict[str, Fraction] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.asked: list[tuple[Question, ...]] = []
        self.sources: Mapping[str, object] = {}

    async def ask(self, questions: Sequence[Question], *, at: datetime) -> Mapping[Question, Answer]:
        self.asked.append(tuple(questions))
        for question in questions:
            if question.source in self.held:
                await self.held[question.source].wait()
        return {one: Answered((Series({}, self.values.get(one.source, Fraction(0))),)) for one in questions}

    def update_sources(self, sources: Mapping[str, object]) -> None:
        self.sources = sources


class FakeTargets:
    """Deployments by name; `before_scale` lets a test do something between the read and the write."""

    def __init__(self) -> None:
        self.workloads: dict[str, Workload] = {}
        self.scaled: list[tuple[str, int]] = []
        self.before_scale: list[Callable[[], None]] = []
        self.reads = 0
        self.failing: WriteError | None = None
        self.held: asyncio.Event | None = None
        self.held_kinds: Container[str] = ("Deployment", "Rollout")

    def put(self, name: str, replicas: int, version: int = 1, **facts: Any) -> None:
        facts = {"ready": replicas, "available": replicas, **facts}
        self.workloads[name] = Workload(Target(replicas=replicas, **facts), str(version))

    async def read(self, namespace: str, ref: ScaleTargetRef) -> Workload:
        self.reads += 1
        if self.held is not None and ref.kind in self.held_kinds:
            await self.held.wait()
        if self.failing is not None:
            raise self.failing
        if ref.name not in self.workloads:
            raise GoneError(Reason.TARGET_NOT_FOUND, f"Deployment {ref.name} does not exist")
        return self.workloads[ref.name]

    async def scale(self, namespace: str, ref: ScaleTargetRef, replicas: int, *, resource_version: str) -> None:
        if self.before_scale:
            self.before_scale.pop(0)()
        held = self.workloads[ref.name]
        if held.resource_version != resource_version:
            raise ConflictError(Reason.ERROR, "the target changed since it was read")
        self.put(ref.name, replicas, int(resource_version) + 1, ready=min(held.target.ready, replicas))
        self.scaled.append((ref.name, replicas))


class FakeCapacity:
    """Room for everything until a test says what is short, or that it cannot be known."""

    def __init__(self) -> None:
        self.short: Reason | WriteError | None = None
        self.asked: list[str] = []

    async def shortage(self, namespace: str, ref: ScaleTargetRef, workload: Workload, **_: object) -> Reason | None:
        self.asked.append(ref.name)
        if isinstance(self.short, WriteError):
            raise self.short
        return self.short


class FakeAutoscalers:
    """HPAs by name, as objects; `before_write` lets a test do something between the read and the write."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.reads = 0
        self.rewritten: list[tuple[str, int, int]] = []
        self.before_write: list[Callable[[], object]] = []

    async def read(self, namespace: str, name: str) -> AutoscalerRead:
        self.reads += 1
        if name not in self.objects:
            raise GoneError(Reason.TARGET_NOT_FOUND, f"HorizontalPodAutoscaler {name} does not exist")
        held = self.objects[name]
        return AutoscalerRead(read_autoscaler(held), held["metadata"]["resourceVersion"])

    async def rewrite(self, namespace: str, name: str, rewrite: Rewrite, *, resource_version: str) -> Json:
        if self.before_write:
            self.before_write.pop(0)()
        held = self.objects[name]["metadata"]
        if held["resourceVersion"] != resource_version:
            raise ConflictError(Reason.ERROR, "the HPA changed since it was read")
        originals = rewrite.originals and rewrite.originals.model_dump_json()
        annotations = {ORIGINAL_BOUNDS_ANNOTATION: originals} if originals else {}
        self.put(name, low=rewrite.low, high=rewrite.high, annotations=annotations)
        self.rewritten.append((name, rewrite.low, rewrite.high))
        return self.objects[name]

    def put(self, name: str, **changes: Any) -> Json:
        """Write an HPA as somebody does: a new version of what is there, or a new one."""
        before = self.objects.get(name, autoscaler(name, resourceVersion="0"))
        version = str(int(before["metadata"]["resourceVersion"]) + 1)
        kept = {
            "scales": before["spec"]["scaleTargetRef"]["name"],
            "low": before["spec"]["minReplicas"],
            "high": before["spec"]["maxReplicas"],
            **{key: before["metadata"][key] for key in ("annotations", "uid") if key in before["metadata"]},
        }
        self.objects[name] = autoscaler(name, resourceVersion=version, **kept | changes)
        return self.objects[name]


class FakePolicies:
    """Policies by UID, and every status that was written."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.written: list[tuple[str, Mapping[str, Any]]] = []
        self.failing: WriteError | None = None

    async def read(self, ref: ObjectRef) -> Mapping[str, Any]:
        if ref.uid not in self.objects:
            raise GoneError(Reason.TARGET_NOT_FOUND, f"policy {ref.name} is gone")
        return self.objects[ref.uid]

    async def write_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        if self.failing is not None:
            raise self.failing
        self.written.append((ref.name, status))


class FakeEvents:
    """What was recorded."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, EventReason]] = []

    def record(self, about: ObjectRef, type_: str, reason: EventReason, message: str) -> None:
        self.recorded.append((about.name, reason))


class FakeAlerts:
    """What each sending held; a replica that is down is named with its trouble, one that is held answers later."""

    def __init__(self) -> None:
        self.sent: list[Sequence[Alert]] = []
        self.down: dict[str, WriteError] = {}
        self.held: asyncio.Event | None = None

    async def send(self, alerts: Sequence[Alert]) -> Mapping[str, WriteError]:
        self.sent.append(alerts)
        if self.held is not None:
            await self.held.wait()
        return self.down


class FakeLeadership:
    """Leads until told not to."""

    def __init__(self) -> None:
        self.leading = True

    def leads(self) -> bool:
        return self.leading


class FakeTelemetry:
    """Counts what the tests look at."""

    def __init__(self) -> None:
        self.decided: list[tuple[str, str]] = []
        self.forgotten: list[str] = []
        self.refusals: list[Reason] = []
        self.left_out = 0
        self.standings: Mapping[str, int] = {}

    def evaluated(self, policy: ObjectRef, spec: object, status: Any, values: object) -> None:
        self.decided.append((policy.name, status.decision.reason))

    def invalid(self, policy: ObjectRef, status: Any) -> None:
        self.decided.append((policy.name, status.decision.reason))

    def forget(self, policy: ObjectRef) -> None:
        self.forgotten.append(policy.name)

    def timed(self, *, lag_seconds: float, seconds: float) -> None:
        pass

    def scaled(self, way: object, cause: object) -> None:
        pass

    def refused(self, reason: Reason) -> None:
        self.refusals.append(reason)

    def skipped(self, evaluations: int) -> None:
        self.left_out += evaluations

    def standing(self, *, leader: bool, policies: Mapping[str, int]) -> None:
        self.standings = policies


class FakeWorld:
    """An engine whose every neighbor is a fake."""

    def __init__(self, *, metrics: Any = None, telemetry: Any = None) -> None:
        self.clock = FakeClock()
        self.metrics = metrics or FakeMetrics()
        self.targets = FakeTargets()
        self.capacity = FakeCapacity()
        self.autoscalers = FakeAutoscalers()
        self.policies = FakePolicies()
        self.events = FakeEvents()
        self.leadership = FakeLeadership()
        self.alerts = FakeAlerts()
        self.alerting = Alerting(self.alerts, self.leadership, self.clock)
        self.telemetry = telemetry or FakeTelemetry()
        self.store = Store(lambda obj: self.targets.workloads[obj["metadata"]["name"]], read_autoscaler)
        self.statuses = StatusWriter(self.policies, self.leadership, self.clock)
        self.evaluation = Evaluation(
            store=self.store,
            actuator=Actuator(self.store, self.targets, self.autoscalers),
            capacity=self.capacity,
            policies=self.policies,
            leadership=self.leadership,
            statuses=self.statuses,
            events=self.events,
            alerting=self.alerting,
            telemetry=self.telemetry,
            clock=self.clock,
        )
        self.namespaces: Labels | WriteError = {}
        self.tenants = Tenants(self.store, self.read_namespaces, self.clock)
        self.sightings = Sightings(self.store.scalables, self.targets, self.clock)
        self.scheduler = Scheduler(
            store=self.store,
            gathering=Gathering(self.store, self.metrics, self.tenants, self.sightings),
            evaluation=self.evaluation,
            statuses=self.statuses,
            leadership=self.leadership,
            alerting=self.alerting,
            sources=self.metrics,
            telemetry=self.telemetry,
            clock=self.clock,
        )
        self.restoring = Restoring(
            store=self.store,
            scheduler=self.scheduler,
            autoscalers=self.autoscalers,
            policies=self.policies,
            events=self.events,
            clock=self.clock,
        )

    async def read_namespaces(self) -> Labels:
        if isinstance(self.namespaces, WriteError):
            raise self.namespaces
        return self.namespaces

    def add_source(self, name: str = "main", *, value: int = 50, default: bool = True, **spec: Any) -> None:
        self.metrics.values[name] = Fraction(value)
        self.scheduler.receive("MetricSource", "ADDED", source(name, default=default, **spec))

    def add_deployment(self, name: str = "api", replicas: int = 2) -> None:
        self.targets.put(name, replicas)
        self.scheduler.receive("Deployment", "ADDED", deployment(name))

    def add_autoscaler(self, name: str = "web", **changes: Any) -> Json:
        """An HPA as somebody writes it, told by the watch."""
        obj = self.autoscalers.put(name, **changes)
        self.scheduler.receive("HorizontalPodAutoscaler", "ADDED", obj)
        return obj

    def delete_policy(self, name: str = "api") -> None:
        self.scheduler.receive("ScalingPolicy", "DELETED", self.policies.objects.pop(f"uid-{name}"))

    def add_policy(self, name: str = "api", **changes: Any) -> Json:
        obj = policy(name, **changes)
        self.policies.objects[obj["metadata"]["uid"]] = obj
        self.scheduler.receive("ScalingPolicy", "ADDED", obj)
        return obj

    async def evaluate(self, *, seconds: float = 0.0) -> None:
        """Move time on, start what is due, and wait until nothing is under way."""
        self.clock.seconds += seconds
        self.scheduler.tick()
        await self.finish()

    async def finish(self) -> None:
        while pending := [task for task in asyncio.all_tasks() if task.get_name().startswith(("evaluate", "scale"))]:
            await asyncio.wait(pending)

    def status(self, name: str = "api") -> Any:
        record = next(one for one in self.store.policies.values() if one.ref.name == name)
        assert record.memory is not None
        return record.memory.status

    def reason(self, name: str = "api") -> str:
        return str(self.status(name).decision.reason)


async def until(happened: Callable[[], bool]) -> None:
    """Let the tasks run, without waiting for any clock, until something is so; the test's timeout bounds it."""
    while not happened():  # noqa: ASYNC110 - any state may be asked for, not only what has an event
        await asyncio.sleep(0)


def policy(name: str = "api", *, uid: str = "", target: str | None = None, **changes: Any) -> Json:
    """A ScalingPolicy: up above 100, down below 10, on `target` (its own name by default), every 15 s."""
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": uid or f"uid-{name}",
        "generation": changes.pop("generation", 1),
        "resourceVersion": str(changes.pop("version", 1)),
        "creationTimestamp": changes.pop("created", "2026-03-01T00:00:00Z"),
        "annotations": changes.pop("annotations", {}),
        "labels": changes.pop("labels", {}),
    }
    status = changes.pop("status", {})
    metric = {"name": "load", "query": "load"} | ({"source": changes.pop("source")} if "source" in changes else {})
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name},
        "minReplicas": 1,
        "maxReplicas": 10,
        "metrics": [metric],
        "scaleUp": {"anyOf": [{"metric": "load", "above": 100}]},
        "scaleDown": {"allOf": [{"metric": "load", "below": 10}]},
        **changes,
    }
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def source(name: str = "main", *, default: bool = True, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Json:
    """A MetricSource."""
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": {
            "name": name,
            "uid": f"uid-source-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": created,
        },
        "spec": {"url": "http://prometheus.example:9090", "default": default, **spec},
    }


def deployment(name: str = "api", *, uid: str = "", version: int = 1) -> Json:
    """As much of a Deployment as the store looks at."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid or f"uid-deployment-{name}",
            "resourceVersion": str(version),
        },
    }


def scaled_object(
    name: str = "keda-web",
    *,
    scales: str = "api",
    kind: str = "Deployment",
    namespace: str = "shop",
    paused: bool = False,
) -> ScaledObject:
    """As the adapter reads one."""
    reference = ScaleTargetRef(api_version="apps/v1", kind=kind, name=scales)
    return ScaledObject(namespace, name, reference, paused)


def autoscaler(
    name: str = "web", *, scales: str = "api", low: int = 2, high: int = 10, owner: str | None = None, **metadata: Any
) -> Json:
    """As much of a HorizontalPodAutoscaler of a Deployment as the store looks at."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-autoscaler-{name}",
            "resourceVersion": "1",
            "owner": owner,
            **metadata,
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": scales},
            "minReplicas": low,
            "maxReplicas": high,
        },
    }


def read_autoscaler(obj: Mapping[str, Any]) -> Autoscaler:
    """As the adapter does, of what `autoscaler` makes."""
    spec, text = obj["spec"], obj["metadata"].get("annotations", {}).get(ORIGINAL_BOUNDS_ANNOTATION)
    return Autoscaler(
        scales=ScaleTargetRef.model_validate(spec["scaleTargetRef"]),
        low=spec["minReplicas"],
        high=spec["maxReplicas"],
        owner=obj["metadata"].get("owner"),
        originals=OriginalBounds.model_validate_json(text) if text else None,
    )
