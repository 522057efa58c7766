"""What one process remembers of a policy between two evaluations, and when that is written (reference, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deadband.api.status import ScalingPolicyStatus
from deadband.core.status import Change, change

VALUES_EVERY = timedelta(seconds=30)
"""Figures alone are written at most so often per policy."""


@dataclass(slots=True)
class Memory:
    """The last computed status, and what the object carries of it.

    Nothing here is lost by a restart that R7 and R10 promise to keep: a new Memory is made of what was written.

    Attributes:
        status: As the last evaluation left it.
        written: What the object carries; None when it carries nothing.
        written_at: When this process last wrote; None when it did not yet.
        recovered: Whether the target was looked at for a scaling that the last leader could not remember.
    """

    status: ScalingPolicyStatus
    written: ScalingPolicyStatus | None = None
    written_at: datetime | None = None
    recovered: bool = False

    @classmethod
    def of(cls, carried: Mapping[str, Any] | None) -> "Memory":
        """Begin with the status that the object carries; an empty one counts as none."""
        if not carried:
            return cls(ScalingPolicyStatus())
        written = ScalingPolicyStatus.model_validate(carried)
        return cls(written, written)

    def settle(self, status: ScalingPolicyStatus, *, now: datetime) -> dict[str, Any] | None:
        """Remember the new status and tell what to write of it.

        Args:
            status: After this evaluation.
            now: The evaluation's time.

        Returns:
            A merge-patch of the whole status (None removes a key), or None when nothing is to be written now.
            Call `wrote` once the API server has taken it; until then it stays due.
        """
        if status == self.written:
            self.status = self.written  # one of two equal ones is enough to hold
            return None
        self.status = status
        match change(self.written, status):
            case Change.NONE:
                return None
            case Change.VALUES if self.written_at is not None and now - self.written_at < VALUES_EVERY:
                return None
            case _:
                return status.model_dump(mode="json")

    def wrote(self, status: ScalingPolicyStatus, *, now: datetime) -> None:
        """Note that the object carries `status` now."""
        self.written, self.written_at = status, now
