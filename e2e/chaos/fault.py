"""One row of the tables of faults, and how it takes part in the play."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.chaos.faults import Match, RequestFault, Rule, StreamFault
from e2e.chaos.play import TOP
from e2e.chaos.stage import Stage


@dataclass(frozen=True, slots=True)
class Lane:
    """One policy and its Deployment in a run, for the script of a fault."""

    stage: Stage
    name: str

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

    def patch(self, kind: str, patch: str) -> None:
        """Merge-patch the lane's policy or Deployment as an administrator."""
        self.kubectl("patch", kind, self.name, "--type=merge", "-p", patch)

    def kubectl(self, *args: str) -> str:
        """Run kubectl in the run's namespace, past every proxy."""
        return self.stage.bed.cluster.kubectl(*args, "-n", self.stage.namespace)


Script = Callable[[Lane], Iterator[None]]
"""Yields three times: it goes on when every lane is calm, when the load has begun to rise, when it has begun to fall,
and when everything has come to its end. What it checks, it asserts."""


def nothing(_: Lane) -> Iterator[None]:
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
        policy: Goes over the spec of the lane's policy.
        own_source: Whether the lane has a MetricSource of its own, so that what befalls it befalls nobody else.
        top: Replicas after the rise.
        twin: Whether the end must be the same as without the fault, and the writes not more.
        allowance: Scale writes beyond those of the twin.
        slack: Seconds by which the fault may delay a write after its evaluation.
        exits: Codes with which the operator may end.
        justified: Whether every write must rest on a reading.
        excused: Oracles that the fault itself breaks, with the reason.
        quick: Whether `make test` runs it.
    """

    id: str
    name: str
    what: str
    how: str
    script: Script
    policy: Mapping[str, Any] = field(default_factory=dict)
    own_source: bool = False
    top: int = TOP
    twin: bool = True
    allowance: int = 0
    slack: float = 0.0
    exits: tuple[int, ...] = ()
    justified: bool = True
    excused: Mapping[str, str] = field(default_factory=dict)
    quick: bool = True
