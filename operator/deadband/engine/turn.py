"""What one process remembers of a policy between two evaluations, and when that is written (reference, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deadband.api.status import ScalingPolicyStatus
from deadband.core.calm import Calm, carried
from deadband.core.decide import decide
from deadband.core.status import Change, change, next_status
from deadband.core.triggers import Load
from deadband.core.types import Inputs

VALUES_EVERY = timedelta(seconds=30)
"""Figures alone are written at most so often per policy."""


@dataclass(slots=True)
class Memory:
    """The last computed status, and what the object carries of it.

    Nothing here is lost by a restart that R7 and R10 promise to keep: a new Memory is made of what was written.

    Attributes:
        status: As the last evaluation left it; of those that passed since (`passes`) it has no figures yet.
        written: What the object carries; None when it carries nothing.
        evaluated_at: The time of the last evaluation.
        compared_at: Of the last one that was written, or found to be on the object already; None when none was yet.
        recovered: Whether the target was looked at for a scaling that the last leader could not remember.
        calm: Set while evaluations may pass without being decided.
        passed: The last that passed with figures which `status` does not show.
        due: What was settled is to be written, and is not yet.
    """

    status: ScalingPolicyStatus
    written: ScalingPolicyStatus | None = None
    evaluated_at: datetime | None = None
    compared_at: datetime | None = None
    recovered: bool = False
    calm: Calm | None = None
    passed: Inputs | None = None
    due: bool = False

    @classmethod
    def of(cls, carried: Mapping[str, Any] | None) -> "Memory":
        """Begin with the status that the object carries; an empty one counts as none."""
        if not carried:
            return cls(ScalingPolicyStatus())
        written = ScalingPolicyStatus.model_validate(carried)
        return cls(written, written)

    def settle(self, status: ScalingPolicyStatus, *, now: datetime, calm: Calm | None = None) -> bool:
        """Remember the status of an evaluation that was decided, and tell whether it is to be written now.

        Args:
            status: After this evaluation.
            now: The evaluation's time.
            calm: Whether those that follow may pass.
        """
        self.evaluated_at, self.calm, self.passed = now, calm, None
        if status == self.written:
            self.status = self.written  # one of two equal ones is enough to hold
            self.due = False
            return False
        self.status = status
        match change(self.written, status):
            case Change.NONE:
                self.due = False
            case Change.VALUES:
                self.due = self._may_compare(now)
            case Change.MEANING:
                self.due = True
        return self.due

    def passes(self, inputs: Inputs) -> Mapping[str, Load] | None:
        """Let an evaluation pass that would decide the same again; `wants_writing` tells what comes of it.

        Returns:
            What was compared, by metric; None when the evaluation is to be decided in full.
        """
        loads = self.calm.lasts(inputs) if self.calm is not None else None
        if self.calm is None or loads is None:
            return None
        self.status, self.evaluated_at = carried(inputs), inputs.now
        self.passed = inputs if inputs.readings != self.calm.readings else None
        return loads

    def wants_writing(self, *, now: datetime) -> bool:
        """Whether a write is to be tried now: of what was settled, or of figures that nobody has seen for long."""
        return self.due or (self.passed is not None and self._may_compare(now))

    def compose(self) -> ScalingPolicyStatus | None:
        """The status in the words of the last evaluation; None when the object says the same already."""
        if self.passed is not None and self.calm is not None:
            inputs = replace(self.passed, status=self.status)
            self.status = next_status(inputs, decide(inputs))
            self.calm, self.passed = self.calm.reads(inputs.readings), None
        if change(self.written, self.status) is not Change.NONE:
            return self.status
        self.compared_at, self.due = self.evaluated_at, False
        return None

    def wrote(self, status: ScalingPolicyStatus) -> None:
        """Note that the object carries `status`, which `compose` gave."""
        self.written, self.compared_at = status, self.evaluated_at
        self.due = self.due and self.status is not status

    def _may_compare(self, now: datetime) -> bool:
        return self.compared_at is None or now - self.compared_at >= VALUES_EVERY
