"""The target of a policy that names an HPA: a workload, and the HPA between it and the policy."""

from datetime import datetime

from deadband.api.originals import OriginalBounds
from deadband.api.scalingpolicy import Bound, ScaleTargetRef
from deadband.core.autoscaler import Autoscaler, Rewrite, moved, parts, restored, target_of
from deadband.core.types import Target
from deadband.scenario.cluster import NAMELESS, Cluster
from deadband.scenario.model import TargetChange

_WORKLOAD = ScaleTargetRef(api_version="apps/v1", kind="Deployment", name="workload")
"""What the HPA scales; a scenario has one workload, so nothing depends on its name."""


class AutoscaledCluster(Cluster):
    """A workload under an HPA that keeps it within its bounds at once, and moves it no further by itself."""

    moves: Bound | None = None
    """Of the policy as it is now; None: it names the workload itself, and the HPA is not looked at."""

    def __init__(self, start: TargetChange) -> None:
        """Set workload and HPA up as before tick 0.

        Args:
            start: Its `replicas`, `low` and `high` must be given.
        """
        super().__init__(start)
        assert start.low is not None, "the parser lets no HPA pass without its bounds"
        assert start.high is not None, "likewise"
        self._low, self._high = start.low, start.high
        self._originals: OriginalBounds | None = None
        self._own: dict[Bound, datetime] = {}
        self._writers: dict[Bound, str] = {}

    @property
    def standing(self) -> int:
        """The bound that moves."""
        if self.moves is None:
            return self.replicas
        return self._high if self.moves is Bound.MAX_REPLICAS else self._low

    def write(self, replicas: int, now: datetime) -> None:
        """Move what the policy moves, as the operator does."""
        if self.moves is None:
            super().write(replicas, now)
            return
        self._rewrite(moved(self._hpa(), self.moves, replicas, policy="policy", uid="uid"), parts(self.moves), now)

    def give_back(self, now: datetime) -> None:
        """Restore the bounds that the policy moves no more (R19)."""
        kept = parts(self.moves) if self.moves is not None else frozenset()
        rewrite = restored(self._hpa(), kept=kept)
        if rewrite is not None:
            self._rewrite(rewrite, parts(Bound.BOTH) - kept, now)

    def change(self, change: TargetChange, now: datetime, *, manager: str = "") -> None:
        """Apply what somebody else changes; a floor above the cap is refused, as by the API server."""
        super().change(change, now, manager=manager)
        low = self._low if change.low is None else change.low
        high = self._high if change.high is None else change.high
        if (low, high) != (self._low, self._high) and low <= high:
            self._own = {}
            self._writers |= dict.fromkeys(parts(Bound.BOTH), manager or NAMELESS)
        self._bound(*((low, high) if low <= high else (self._low, self._high)), now)

    def release(self, manager: str) -> None:
        """Take the bounds' ownership from a manager, and the replicas'."""
        super().release(manager)
        self._writers = {bound: writer for bound, writer in self._writers.items() if writer != manager}

    def read(self, now: datetime) -> Target:
        """The target at `now`, as the operator would read it."""
        workload = super().read(now)
        if self.moves is None:
            return workload
        return target_of(self._hpa(), workload, self.moves)

    def _hpa(self) -> Autoscaler:
        return Autoscaler(
            scales=_WORKLOAD,
            low=self._low,
            high=self._high,
            originals=self._originals,
            own_low=self._own.get(Bound.MIN_REPLICAS),
            own_high=self._own.get(Bound.MAX_REPLICAS),
            low_writer=self._writers.get(Bound.MIN_REPLICAS),
            high_writer=self._writers.get(Bound.MAX_REPLICAS),
        )

    def _rewrite(self, rewrite: Rewrite, bounds: frozenset[Bound], now: datetime) -> None:
        """Write as the operator does."""
        self._originals = rewrite.originals
        self._own |= dict.fromkeys(bounds, now)
        self._writers = {bound: writer for bound, writer in self._writers.items() if bound not in bounds}
        self._bound(rewrite.low, rewrite.high, now)

    def _bound(self, low: int, high: int, now: datetime) -> None:
        """Set the bounds; the HPA brings the workload between them, unless another user switched it off."""
        off = self.replicas == 0 and self._low > 0
        self._low, self._high = low, high
        if not off:
            self._scale(min(max(self.replicas, low), high), now)
