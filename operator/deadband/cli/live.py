"""A policy as it stands on a cluster: read from here, asked from here, decided from here; nothing is written.

Imports the Kubernetes and Prometheus clients: only by commands that talk to a cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deadband.adapters.autoscalers import KubeAutoscalers, autoscaler_from_object
from deadband.adapters.capacity import KubeCapacity
from deadband.adapters.kube import Kube
from deadband.adapters.kube_connect import ConnectError, connect
from deadband.adapters.kube_errors import PERSON
from deadband.adapters.policies import KubePolicies
from deadband.adapters.prometheus import PrometheusMetrics
from deadband.adapters.targets import KubeTargets, workload_from_object
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.core.decide import decide
from deadband.core.decision import Decision
from deadband.core.types import Inputs, NoTarget, Reading, Target
from deadband.engine.actuator import Actuator, Reached
from deadband.engine.calendar import open_overrides
from deadband.engine.clock import SystemClock
from deadband.engine.gathering import VETO_PREFIX, Gathering
from deadband.engine.records import PolicyRecord, read_policy
from deadband.engine.scalables import Pods
from deadband.engine.shortages import depends_on_room, look_for_room
from deadband.engine.sightings import Sightings
from deadband.engine.store import Store
from deadband.engine.tenants import Tenants
from deadband.ports import GoneError, ObjectRef, WriteError
from deadband.queries.types import Key

__all__ = ["ConnectError", "Live", "look", "read_sources"]


@dataclass(frozen=True, slots=True)
class Live:
    """What was seen.

    Attributes:
        now: When.
        status: What the operator wrote last; an empty status where it wrote none.
        target: The workload; None for a policy without one.
        readings: By metric name, as asked from here.
        decision: What the operator would decide on these.
        sources: Every valid MetricSource by name.
        measured: Whose pods a resource metric reads; None where the policy names no target.
        default_source: Name of the one that is used where a metric names none.
        trouble: What could not be read, in words.
    """

    now: datetime
    status: ScalingPolicyStatus
    target: Target | NoTarget | None
    readings: Mapping[str, Reading]
    decision: Decision
    sources: Mapping[str, MetricSourceSpec]
    measured: ScaleTargetRef | None
    default_source: str | None
    trouble: tuple[str, ...] = field(default=())


class _Uncounted:
    """A command counts no queries."""

    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Let it pass."""


async def read_sources(kube: Kube) -> tuple[dict[str, MetricSourceSpec], str | None]:
    """Read the valid MetricSources of the cluster, by name, and the name of the default one.

    Raises:
        DeniedError, UnreachableError: As their names say.
    """
    store = Store(workload_from_object, autoscaler_from_object)
    for source in await KubePolicies(kube).list_sources():
        store.apply("MetricSource", None, source)
    return _valid(store), store.default_source


def _valid(store: Store) -> dict[str, MetricSourceSpec]:
    return {
        name: source.spec.following(source.status.scrape_interval_seconds)
        for name, source in store.sources.items()
        if source.spec is not None
    }


async def look(obj: Mapping[str, Any], *, kubeconfig: str | None, context: str | None) -> Live:
    """See how a policy stands.

    Args:
        obj: The manifest, with metadata.name and metadata.namespace; it need not be on the cluster yet.
        kubeconfig: As `connect`.
        context: As `connect`.

    Raises:
        ConnectError: There are no usable credentials.
        WriteError: The API server does not answer, or refuses to.
    """
    kube = await connect(kubeconfig=kubeconfig, context=context, timeout_seconds=5, caller=PERSON)
    metrics = PrometheusMetrics(_Uncounted())
    try:
        return await _look(obj, kube, metrics)
    finally:
        metrics.close()
        await kube.close()


async def _look(obj: Mapping[str, Any], kube: Kube, metrics: PrometheusMetrics) -> Live:
    now = datetime.now(UTC)
    record = read_policy({**obj, **(await _carried(obj, kube))})
    carried = record.remember(None).status
    spec = record.spec
    assert spec is not None, "the command validates before it looks"
    store = Store(workload_from_object, autoscaler_from_object)
    trouble: list[str] = []
    try:
        for source in await KubePolicies(kube).list_sources():
            store.apply("MetricSource", None, source)
    except WriteError as error:
        trouble.append(f"MetricSources cannot be read: {error}")
    contester = await _contester(record, kube, store, trouble)
    if carried.observed_generation not in (None, record.generation):
        trouble.append(
            "the operator has not told yet what it makes of the spec as it is now; should it stay so, look at its log"
        )
    specs = _valid(store)
    metrics.update_sources(specs)
    targets = KubeTargets(kube)
    reached = await _reached(spec, record, Actuator(store, targets, KubeAutoscalers(kube)), trouble)
    readings: dict[Key, Reading] = {}
    tenants = Tenants(store, KubePolicies(kube).namespace_labels, SystemClock())
    await tenants.look()
    gathering = Gathering(store, metrics, tenants, Sightings(store.scalables, targets, SystemClock()))
    async for gathered in gathering.gather([record], now=now):
        readings.update(gathered.readings)
    uid = record.ref.uid
    inputs = Inputs(
        spec=spec,
        status=carried,
        readings={metric.name: readings[Key(uid, metric.name)] for metric in spec.metrics},
        vetoes={veto.name: readings[Key(uid, VETO_PREFIX + veto.name)] for veto in spec.vetoes},
        now=now,
        target=reached.target if isinstance(reached, Reached) else reached,
        overrides=open_overrides(spec, now),
        pause=record.pause,
        approval=record.approval,
        contested_by=contester,
        generation=record.generation,
    )
    measured = store.scalables.measured(record.ref.namespace, spec)
    pods = Pods(measured, reached.workload) if isinstance(reached, Reached) and measured is not None else None
    inputs, decision = await _with_room(record, inputs, pods, kube, trouble)
    return Live(
        now=now,
        status=inputs.status,
        target=inputs.target,
        readings=inputs.readings,
        decision=decision,
        sources=specs,
        measured=measured,
        default_source=store.default_source,
        trouble=tuple(trouble),
    )


async def _carried(obj: Mapping[str, Any], kube: Kube) -> dict[str, Any]:
    """The status and the metadata of the object of this name, if it is on the cluster; else what a new one has."""
    metadata = obj["metadata"]
    try:
        found = await KubePolicies(kube).read(ObjectRef("ScalingPolicy", metadata["namespace"], metadata["name"]))
    except GoneError:
        return {"metadata": {"uid": "", **metadata}, "status": {}}
    annotations = {**(found["metadata"].get("annotations") or {}), **(metadata.get("annotations") or {})}
    return {"metadata": {**found["metadata"], "annotations": annotations}, "status": found.get("status") or {}}


async def _contester(record: PolicyRecord, kube: Kube, store: Store, trouble: list[str]) -> str | None:
    """Who else writes the target (R16), if anybody does."""
    lists = KubePolicies(kube, namespaces=[record.ref.namespace])
    try:
        for other in await lists.list_policies():
            store.apply("ScalingPolicy", None, other)
        for autoscaler in await lists.list_autoscalers():
            store.apply("HorizontalPodAutoscaler", None, autoscaler)
        store.scalables.hold_scaled_objects(await lists.list_scaled_objects())
    except WriteError as error:
        trouble.append(f"who else writes the target cannot be looked for: {error}")
    return store.contester(record)


async def _with_room(
    record: PolicyRecord, inputs: Inputs, pods: Pods | None, kube: Kube, trouble: list[str]
) -> tuple[Inputs, Decision]:
    """Decide, and look for room where the decision depends on it (R12)."""
    decision = decide(inputs)
    if pods is None or not depends_on_room(decision, pods):
        return inputs, decision
    try:
        return await look_for_room(KubeCapacity(kube), record, inputs, decision, pods)
    except WriteError as error:
        trouble.append(f"whether the target's missing pods find room cannot be looked for: {error}")
        return inputs, decision


async def _reached(
    spec: ScalingPolicySpec, record: PolicyRecord, actuator: Actuator, trouble: list[str]
) -> Reached | NoTarget | None:
    if spec.scale_target_ref is None:
        return None
    try:
        return await actuator.read(record.ref.namespace, spec)
    except WriteError as error:
        trouble.append(f"the target cannot be read: {error}")
        return NoTarget(error.reason, str(error))
