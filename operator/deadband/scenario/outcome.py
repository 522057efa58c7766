"""What came out of a scenario: one record per tick, and what differs from the expectation. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deadband.api.types import render_instant
from deadband.scenario.model import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick as it went.

    Attributes:
        at: Its time.
        replicas: What the policy moves, after it; None without a target.
        desired: status.desiredReplicas after it; None where the status has none.
        reason: The decision's reason; None while the operator is down.
        rule: The rule that bound it, such as R7; None while the operator is down.
        wrote: Whether the target was written.
        conditions: The status of every condition that the policy carries.
        sentence: What the decision says; empty while the operator is down.
    """

    at: datetime
    replicas: int | None
    desired: int | None
    reason: str | None
    rule: str | None
    wrote: bool
    conditions: Mapping[str, str]
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """The tick as `-o json` prints it."""
        return {
            "at": render_instant(self.at),
            "replicas": self.replicas,
            "desired": self.desired,
            "reason": self.reason,
            "rule": self.rule,
            "wrote": self.wrote,
            "conditions": dict(self.conditions),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that does not hold.

    Attributes:
        field: Such as `replicas` or `conditions.Ready`.
        expected: As written.
        got: What came.
        tick: Which one; None for what holds of the whole time line.
        at: Seconds from tick 0; None as `tick`.
        sentence: What the decision of that tick says.
    """

    field: str
    expected: str
    got: str
    tick: int | None = None
    at: int | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scenario that was played and judged.

    Attributes:
        scenario: What was played.
        ticks: Tick by tick; empty when the policy was refused.
        refused: Every fault of a policy that was refused.
        differences: What does not hold; none means that all holds.
    """

    scenario: Scenario
    ticks: tuple[Tick, ...]
    refused: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """True when every expectation holds."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """The scenario as `-o json` prints it; `refused` is there only for a policy that was refused."""
        shown: dict[str, Any] = {
            "name": self.scenario.name,
            "ok": self.ok,
            "ticks": [tick.as_json() for tick in self.ticks],
        }
        return {**shown, "refused": list(self.refused)} if self.refused else shown
