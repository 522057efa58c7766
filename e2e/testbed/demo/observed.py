"""What was seen on the API server, as plain data: snapshots come in, changes and standings come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from e2e.testbed.demo.story import Scaling

AskingKind = Literal["asks", "refuses", "settled"]

READY, METRICS_AVAILABLE, ACTION_REQUIRED = "Ready", "MetricsAvailable", "ActionRequired"


@dataclass(frozen=True, slots=True)
class WorkloadSeen:
    """A Deployment: what its spec asks for, and its ready pods; the floor of one: the HPA's minReplicas instead."""

    replicas: int
    ready: int


@dataclass(frozen=True, slots=True)
class ProposalSeen:
    """What a policy asks a person to approve, and until when."""

    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """A policy's status; texts are empty where the operator has not written them yet.

    Attributes:
        target: What it scales, by the name under which the workload stands; None for a policy that only advises.
        reason, sentence, next: Of the last decision.
        conditions: Status (True, False, Unknown) by type.
        last_scaling: Replicas before and after the last scaling that the operator recorded.
        proposal: The open one.
        refusal: Why an approval was not carried out; empty when none was refused.
    """

    target: str | None = None
    reason: str = ""
    sentence: str = ""
    next: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    last_scaling: tuple[int, int] | None = None
    proposal: ProposalSeen | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the API server and at Alertmanager; by name, `at` in seconds since the play began.

    Attributes:
        alerts: Policies whose alert Alertmanager has, and which is not over.
    """

    at: float
    workloads: Mapping[str, WorkloadSeen]
    policies: Mapping[str, PolicySeen]
    alerts: frozenset[str] = frozenset()


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


@dataclass(frozen=True, slots=True)
class Asking:
    """How a policy stood to people at one time: it asked, refused an approval, or had nothing to ask (any more).

    Attributes:
        kind: Which of these.
        at: Seconds since the play began.
        sentence: The operator's words for it.
    """

    act: str
    policy: str
    kind: AskingKind
    at: float
    sentence: str


class Record:
    """Everything that was seen in a play.

    Attributes:
        acts: Titles of the acts that were begun.
        changes: In the order in which they were seen.
        standings: Every one that was seen at least once.
        askings: The first of each kind, act and policy.
        proposals: The first proposal of each policy.
    """

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.changes: list[Change] = []
        self.standings: set[Standing] = set()
        self.askings: list[Asking] = []
        self.proposals: dict[str, ProposalSeen] = {}
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
            self._hear(snapshot, name, policy)
        return [change for change in self.changes if change.at == snapshot.at]

    def asking(self, act: str, policy: str, kind: AskingKind) -> Asking | None:
        """Return when a policy was first seen so in an act; None when it never was."""
        wanted = (act, policy, kind)
        return next((each for each in self.askings if (each.act, each.policy, each.kind) == wanted), None)

    def seen(self, act: str, scaling: Scaling) -> bool:
        """Tell whether a scaling was seen in an act and the operator has explained it."""
        return any(change.act == act and change.scaling == scaling and change.sentence for change in self.changes)

    def stood(self, act: str, policy: str, condition: str) -> set[str]:
        """Return the statuses that a condition had in an act; empty when it was never there."""
        found = (each for each in self.standings if (each.act, each.policy, each.condition) == (act, policy, condition))
        return {standing.status for standing in found}

    def _hear(self, snapshot: Snapshot, name: str, policy: PolicySeen) -> None:
        alerted = name in snapshot.alerts
        if policy.proposal is not None:
            self.proposals.setdefault(name, policy.proposal)
        if policy.proposal is not None and alerted:
            self._note(snapshot.at, name, "asks", policy.sentence)
        if policy.refusal:
            self._note(snapshot.at, name, "refuses", policy.refusal)
        if policy.conditions.get(ACTION_REQUIRED) == "False" and not alerted:
            self._note(snapshot.at, name, "settled", policy.sentence)

    def _note(self, at: float, policy: str, kind: AskingKind, sentence: str) -> None:
        if self.asking(self.acts[-1], policy, kind) is None:
            self.askings.append(Asking(self.acts[-1], policy, kind, at, sentence))

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
