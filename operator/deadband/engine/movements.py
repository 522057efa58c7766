"""Which targets had other pods a short while ago, so that a source may not know the new ones yet."""

from collections.abc import Collection
from datetime import datetime, timedelta

from deadband.core.types import Target
from deadband.engine.records import PolicyRecord


class Movements:
    """When each policy's target was last seen with other replicas or other ready pods than before.

    Kept in memory. Of the time before this process deadband's own last scaling is known, from status; others are not.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[int, int], datetime | None]] = {}

    def lately(self, record: PolicyRecord, target: Target, *, now: datetime, within: timedelta) -> bool:
        """Note how the target is now, and return whether it was otherwise at some time of the last `within`."""
        pods = (target.pods, target.ready)
        before, moved = self._seen.get(record.ref.uid, (pods, None))
        if before != pods:
            moved = now
        self._seen[record.ref.uid] = (pods, moved)
        scaled = record.memory.status.last_scale_time if record.memory is not None else None
        return any(each is not None and now - each < within for each in (moved, scaled))

    def forget(self, living: Collection[str]) -> None:
        """Forget policies that are no more.

        Args:
            living: UIDs of all policies.
        """
        if len(self._seen) > len(living):
            self._seen = {uid: seen for uid, seen in self._seen.items() if uid in living}
