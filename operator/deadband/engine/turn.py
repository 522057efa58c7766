"""What one process remembers of a policy between two evaluations, and when that is written (reference, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deadband.api.conditions import shared
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
        passed: The last that passed with figures which `status` does not show, and what it would show.
        owed: How the object differs from `status`, as far as that was looked at.
    """

    status: ScalingPolicyStatus
    written: ScalingPolicyStatus | None = None
    evaluated_at: datetime | None = None
    compared_at: datetime | None = None
    recovered: bool = False
    calm: Calm | None = None
    passed: tuple[Inputs, Calm] | None = None
    owed: Change = Change.NONE

    @classmethod
    def of(cls, carried: Mapping[str, Any] | None) -> "Memory":
        """Begin with the status that the object carries; an empty one counts as none."""
        if not carried:
            return cls(ScalingPolicyStatus())
        written = ScalingPolicyStatus.model_validate(carried)
        written = written.model_copy(update={"conditions": shared(written.conditions)})
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
            self.owed = Change.NONE
        else:
            self.status, self.owed = status, change(self.written, status)
        return self.wants_writing(now=now)

    def passes(self, inputs: Inputs) -> Mapping[str, Load] | None:
        """Let an evaluation pass that would decide the same again; `wants_writing` tells what comes of it.

        Returns:
            What was compared, by metric; None when the evaluation is to be decided in full.
        """
        loads = self.calm.lasts(inputs) if self.calm is not None else None
        if self.calm is None or loads is None:
            return None
        self.status, self.evaluated_at = carried(inputs), inputs.now
        showing = self.calm.showing(loads)
        self.passed = (inputs, showing) if showing is not self.calm else None
        return loads

    def wants_writing(self, *, now: datetime) -> bool:
        """Whether a write is to be tried now: of what was settled, or of figures that nobody has seen for long."""
        if self.owed is Change.MEANING:
            return True
        return (self.owed is Change.VALUES or self.passed is not None) and self._may_compare(now)

    def compose(self) -> ScalingPolicyStatus | None:
        """The status in the words of the last evaluation; None when nothing of it is to be written now."""
        self.put_into_words()
        self.owed = change(self.written, self.status)
        if self.owed is Change.NONE:
            self.compared_at = self.evaluated_at
        if self.evaluated_at is None or not self.wants_writing(now=self.evaluated_at):
            return None  # figures that were written a moment ago wait for a later evaluation
        return self.status

    def put_into_words(self) -> None:
        """Bring `status` up to the last evaluation that passed."""
        if self.passed is not None:
            passed, showing = self.passed
            inputs = replace(passed, status=self.status)
            self.status = next_status(inputs, decide(inputs))
            self.calm, self.passed = showing, None

    def wrote(self, status: ScalingPolicyStatus) -> None:
        """Note that the object carries `status`, which `compose` gave."""
        self.written, self.compared_at = status, self.evaluated_at
        self.owed = change(status, self.status)

    def _may_compare(self, now: datetime) -> bool:
        # A clock that was set back must not hold figures up for as long.
        return self.compared_at is None or not timedelta() <= now - self.compared_at < VALUES_EVERY
