"""What was seen on the API server, as plain data: snapshots come in, changes and standings come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from e2e.testbed.demo.story import Scaling

READY, METRICS_AVAILABLE = "Ready", "MetricsAvailable"


@dataclass(frozen=True, slots=True)
class WorkloadSeen:
    """A Deployment: what its spec asks for, and its ready pods."""

    replicas: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """A policy's status; texts are empty where the operator has not written them yet.

    Attributes:
        target: Name of the Deployment that it scales.
        reason, sentence, next: Of the last decision.
        conditions: Status (True, False, Unknown) by type.
        last_scaling: Replicas before and after the last scaling that the operator recorded.
    """

    target: str
    reason: str = ""
    sentence: str = ""
    next: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    last_scaling: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the API server; both by name, `at` in seconds since the play began."""

    at: float
    workloads: Mapping[str, WorkloadSeen]
    policies: Mapping[str, PolicySeen]


@dataclass(frozen=True, slots=True)
class Change:
    """spec.replicas of a workload was another one than in the snapshot before.

    Attributes:
        act: Title of the act in which it was seen.
        at: Seconds since the play began.
        sentence: The operator's own, from the status that records this very scaling; empty until that was seen.
    """

    act: str
    at: float
    workload: str
    before: int
    after: int
    sentence: str = ""

    @property
    def scaling(self) -> Scaling:
        return Scaling(self.workload, "up" if self.after > self.before else "down")


@dataclass(frozen=True, slots=True)
class Standing:
    """A condition of a policy as it stood at some time in an act."""

    act: str
    policy: str
    condition: str
    status: str


class Record:
    """Everything that was seen in a play.

    Attributes:
        acts: Titles of the acts that were begun.
        changes: In the order in which they were seen.
        standings: Every one that was seen at least once.
    """

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.changes: list[Change] = []
        self.standings: set[Standing] = set()
        self._replicas: dict[str, int] = {}

    def begin(self, act: str) -> None:
        """From now on what is seen belongs to this act."""
        self.acts.append(act)

    def see(self, snapshot: Snapshot) -> list[Change]:
        """Take a snapshot in and return the changes since the one before, which for the first one are none."""
        act = self.acts[-1]
        seen = []
        for name, workload in snapshot.workloads.items():
            before = self._replicas.get(name, workload.replicas)
            if workload.replicas != before:
                seen.append(Change(act, snapshot.at, name, before, workload.replicas))
            self._replicas[name] = workload.replicas
        self.changes += seen
        for name, policy in snapshot.policies.items():
            self.standings |= {Standing(act, name, type_, status) for type_, status in policy.conditions.items()}
            self._explain(policy)
        return [change for change in self.changes if change.at == snapshot.at]

    def seen(self, act: str, scaling: Scaling) -> bool:
        """Tell whether a scaling was seen in an act and the operator has explained it."""
        return any(change.act == act and change.scaling == scaling and change.sentence for change in self.changes)

    def stood(self, act: str, policy: str, condition: str) -> set[str]:
        """Return the statuses that a condition had in an act; empty when it was never there."""
        found = (each for each in self.standings if (each.act, each.policy, each.condition) == (act, policy, condition))
        return {standing.status for standing in found}

    def _explain(self, policy: PolicySeen) -> None:
        """Give the last change of the policy's target its sentence, once the status records that scaling.

        The scaling and the sentence are written together, so the first status that has the one has the other.
        """
        own = [index for index, change in enumerate(self.changes) if change.workload == policy.target]
        if not own:
            return
        last = self.changes[own[-1]]
        if not last.sentence and policy.last_scaling == (last.before, last.after):
            self.changes[own[-1]] = replace(last, sentence=policy.sentence)
