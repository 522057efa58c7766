"""One row of the tables of faults, and how it takes part in the play."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from e2e.chaos.account import Scale, scales_of
from e2e.chaos.play import ABOVE, CALM, END, START, TOP, WITHIN_BAND, lane_policy, lane_query
from e2e.chaos.stage import Stage
from e2e.chaos.tampering import Match, RequestFault, Rule, StreamFault
from e2e.testbed.installation import Operator
from e2e.testbed.native import NativeCluster
from e2e.testbed.workloads import workload


@dataclass(frozen=True, slots=True)
class Lane:
    """One policy and its Deployment in a run, for the script of a fault."""

    stage: Stage
    name: str

    @property
    def native(self) -> NativeCluster:
        """The cluster, for faults of its own processes, which only the native one lets us reach."""
        cluster = self.stage.bed.cluster
        assert isinstance(cluster, NativeCluster), "only the native control plane's processes can be stopped"
        return cluster

    def on_call(
        self, verb: str, resource: str, fault: RequestFault, *, first: int = 1, times: int | None = None
    ) -> Rule:
        """Let a fault befall requests about this lane; `first` and `times` as in Rule."""
        match = Match(verbs=(verb,), resource=resource, namespace=self.stage.namespace, name=self.name)
        return self.stage.api.add(match, fault, first=first, times=times)

    def on_event(self, type_: str, resource: str, fault: StreamFault, *, times: int | None = None) -> Rule:
        """Let a fault befall watch events of this lane."""
        match = Match(verbs=(type_,), resource=resource, namespace=self.stage.namespace, name=self.name)
        return self.stage.api.add(match, fault, times=times)

    def on_query(self, fault: RequestFault, *, times: int | None = None) -> Rule:
        """Let a fault befall this lane's query."""
        match = Match(verbs=("query",), says=f'lane="{self.name}"')
        return self.stage.prometheus.add(match, fault, times=times)

    def wait_for(self, replicas: int, *, timeout: float = 60) -> None:
        """Wait until the target has so many."""
        self.stage.wait_for_replicas({self.name: replicas}, timeout=timeout)

    def scales(self) -> Sequence[Scale]:
        """The scale writes on the target that were taken so far."""
        return scales_of(self.stage.calls(), self.stage.namespace, self.name, ())

    def copy_to(self, name: str) -> None:
        """Make another Deployment and policy like the lane's, with a load of its own in the same state."""
        stage = self.stage
        stage.offer(CALM, [name])
        stage.bed.cluster.apply(
            workload(name, stage.namespace, replicas=START), lane_policy(stage.namespace, name, stage.namespace)
        )

    def advise(self, names: Sequence[str]) -> None:
        """Make policies without a target, which ask a person to act above the band."""
        namespace = self.stage.namespace
        self.stage.offer(CALM, names)
        spec: dict[str, Any] = dict.fromkeys(("scaleTargetRef", "minReplicas", "maxReplicas", "scaleDown"))
        spec["scaleUp"] = {"anyOf": [{"metric": "load", "above": ABOVE}]}
        policies = [lane_policy(namespace, name, namespace, **spec) for name in names]
        self.stage.bed.cluster.apply(*policies)

    def muster(self, names: Sequence[str]) -> None:
        """Make policies with Deployments that are at 0 and stay there: their load is inside of the band."""
        namespace = self.stage.namespace
        self.stage.offer(CALM, names)
        workloads = [workload(name, namespace, replicas=0) for name in names]
        policies = [lane_policy(namespace, name, namespace, minReplicas=0) for name in names]
        self.stage.bed.cluster.apply(*workloads, *policies)

    def apply_as(self, manager: str, manifest: dict[str, Any]) -> None:
        """Apply a manifest server-side, as a GitOps tool does."""
        options = ("--server-side", "--force-conflicts", f"--field-manager={manager}")
        self.stage.bed.cluster.kubectl("apply", *options, "-f", "-", input=json.dumps(manifest))

    def condition(self, type_: str) -> str:
        """Status of a condition of the policy."""
        return self.stage.seen.condition(self.name, type_)[0]

    def reason(self) -> str:
        """Reason of the policy's last decision."""
        return self.stage.seen.reason(self.name)

    def patch(self, kind: str, patch: str) -> None:
        """Merge-patch the lane's policy or Deployment as an administrator."""
        self.kubectl("patch", kind, self.name, "--type=merge", "-p", patch)

    def kubectl(self, *args: str) -> str:
        """Run kubectl in the run's namespace, past every proxy."""
        return self.stage.bed.cluster.kubectl(*args, "-n", self.stage.namespace)


Script = Callable[[Lane], Generator[None]]
"""Yields three times: it goes on when every lane is calm, when the load has begun to rise, when it has begun to fall,
and when everything has come to its end. What it checks, it asserts."""


Dress = Callable[[Stage], Operator]
"""Makes the operator of a run; it is not started."""


def nothing(_: Lane) -> Generator[None]:
    """The script of the twin."""
    yield
    yield
    yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        id: As in the scenario table, such as F14.
        name: Unique; a DNS label, for it names the lane or the namespace.
        what: The fault, in words.
        how: How it is brought about, in words.
        script: Brings it about and lifts it.
        query: Makes the PromQL of the lane's load.
        own_source: Whether the lane has a MetricSource of its own, so that what befalls it befalls nobody else.
        top, end: Replicas after the rise, and at the end.
        rest: Reason of the policy's decision at the end; empty when the policy is gone.
        twin: Whether the end must be the same as without the fault, and the writes not more.
        differs: Fields of the end that may be others than without the fault, with the reason.
        slack: Seconds by which the fault may delay a write after its evaluation.
        exits: Codes with which the operator may end.
        excused: Oracles that the fault itself breaks, with the reason.
        dress: Makes the operator, where it is not the usual one.
        settles: False where nothing of the play is left at the end, so that only the operator itself is judged.
        settle_seconds: For the rise, and for the fall, after the fault is over.
    """

    id: str
    name: str
    what: str
    how: str
    script: Script
    query: Callable[[str, str], str] = lane_query
    own_source: bool = False
    top: int = TOP
    end: int = END
    rest: str = WITHIN_BAND
    twin: bool = True
    differs: Mapping[str, str] = field(default_factory=dict)
    slack: float = 0.0
    exits: tuple[int, ...] = ()
    excused: Mapping[str, str] = field(default_factory=dict)
    dress: Dress | None = None
    settles: bool = True
    settle_seconds: float = 90.0
