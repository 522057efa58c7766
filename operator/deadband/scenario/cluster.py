"""The target as a scenario describes it: replicas, and pods that become ready some time after they are asked for."""

from collections import deque
from datetime import datetime, timedelta

from deadband.core.types import Target
from deadband.scenario.model import Count, TargetChange

NAMELESS = "somebody"
"""Who changes the target where an event names nobody; on a cluster every writer has a name."""


class Cluster:
    """One workload, changed by the operator and by others, read as the operator would read it."""

    def __init__(self, start: TargetChange) -> None:
        """Set the workload up as before tick 0, every pod ready.

        Args:
            start: Its `replicas` must be given.
        """
        assert start.replicas is not None, "the parser lets no target pass without replicas"
        self.replicas = start.replicas
        self._settled = start.replicas
        self._coming: deque[tuple[datetime, int]] = deque()  # (when ready, how many), the earliest first
        self._ready: Count = start.ready if start.ready is not None else "follow"
        self._available: Count | None = start.available
        self._ready_after = start.ready_after or timedelta()
        self._rollout = bool(start.rollout_in_progress)
        self._paused = bool(start.paused)
        self._failed = bool(start.rollout_failed)
        self._template = 0
        self._own_write: datetime | None = None
        self._writer: str | None = start.manager or None
        self._quota_exceeded = bool(start.quota_exceeded)
        self._unschedulable = bool(start.unschedulable)

    @property
    def standing(self) -> int:
        """What the policy moves: the replicas."""
        return self.replicas

    def write(self, replicas: int, now: datetime) -> None:
        """Scale as the operator does."""
        self._scale(replicas, now)
        self._own_write, self._writer = now, None

    def change(self, change: TargetChange, now: datetime, *, manager: str = "") -> None:
        """Apply what somebody else changes, under the name of a field manager."""
        if change.ready_after is not None:
            self._ready_after = change.ready_after
        if change.replicas is not None:
            self._scale(change.replicas, now)
            self._own_write, self._writer = None, manager or NAMELESS
        if change.ready is not None:
            self._ready = change.ready
            if change.ready == "follow":
                self._settled, self._coming = self.replicas, deque()
        if change.available is not None:
            self._available = change.available
        self._template += change.new_template
        self._mark(change)

    def _mark(self, change: TargetChange) -> None:
        """Take over what is said of the rollout and of the room for pods."""
        if change.rollout_in_progress is not None:
            self._rollout = change.rollout_in_progress
        if change.rollout_failed is not None:
            self._failed = change.rollout_failed
        if change.paused is not None:
            self._paused = change.paused
        if change.quota_exceeded is not None:
            self._quota_exceeded = change.quota_exceeded
        if change.unschedulable is not None:
            self._unschedulable = change.unschedulable

    def release(self, manager: str) -> None:
        """Take the replicas' ownership from a manager: it leaves the field out of what it applies."""
        if self._writer == manager:
            self._writer = None

    def read(self, now: datetime) -> Target:
        """The workload at `now`."""
        ready = self._count(self._ready, now)
        return Target(
            replicas=self.replicas,
            ready=ready,
            available=ready if self._available is None else self._count(self._available, now),
            rollout_in_progress=self._rollout,
            rollout_failed=self._failed,
            paused=self._paused,
            quota_exceeded=self._quota_exceeded,
            unschedulable=self._unschedulable,
            own_write=self._own_write,
            writer=self._writer,
            template=str(self._template) if self._template else None,
        )

    def _count(self, count: Count, now: datetime) -> int:
        return min(self._settled_at(now) if count == "follow" else count, self.replicas)

    def _settled_at(self, now: datetime) -> int:
        while self._coming and self._coming[0][0] <= now:
            self._settled += self._coming.popleft()[1]
        return self._settled

    def _scale(self, replicas: int, now: datetime) -> None:
        self._settled_at(now)
        if replicas >= self.replicas:
            if replicas > self.replicas:
                # An event may shorten readyAfterSeconds: keep the order by when, not by who was asked for first.
                pods = (now + self._ready_after, replicas - self.replicas)
                self._coming = deque(sorted([*self._coming, pods]))
        else:
            self._remove(self.replicas - replicas)
        self.replicas = replicas

    def _remove(self, pods: int) -> None:
        """Take pods away, those that are not ready first, as a ReplicaSet does."""
        while pods and self._coming:
            when, coming = self._coming.pop()
            gone = min(pods, coming)
            pods -= gone
            if coming > gone:
                self._coming.append((when, coming - gone))
        self._settled -= pods
