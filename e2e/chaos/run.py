"""Plays a run from its beginning to its end and lets the oracles judge it."""

import time
import traceback
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from e2e.chaos import oracles
from e2e.chaos.account import Account, Whole
from e2e.chaos.exchanges import Exchange
from e2e.chaos.fault import Fault, Lane
from e2e.chaos.play import FALLEN, INTERVAL_SECONDS, RISEN, WITHIN_BAND
from e2e.chaos.stage import Stage

QUIET_SECONDS = 5.0 * INTERVAL_SECONDS
"""O6's five intervals."""


@dataclass(slots=True)
class Outcome:
    """What came of one fault.

    Attributes:
        fault: The row of the table.
        wrong: What its script or an oracle found, in sentences; empty when it was survived.
        account: Its lane; None before the run has come to its end.
        seconds: How long the run took.
    """

    fault: Fault
    wrong: list[str] = field(default_factory=list)
    account: Account | None = None
    seconds: float = 0.0


class Run:
    """The play with a fault in each lane; what a script finds wrong goes into its outcome and stops no other."""

    def __init__(self, stage: Stage, faults: Sequence[Fault], *, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Take the stage as open_stage gives it.

        Args:
            stage: With a lane for each fault.
            faults: One of each lane.
            quiet_seconds: How long nothing must be written at the end.
        """
        self.outcomes: Mapping[str, Outcome] = {one.name: Outcome(one) for one in faults}
        self._stage = stage
        self._quiet = quiet_seconds
        self._settle_seconds = max(one.settle_seconds for one in faults)
        self._scripts: dict[str, Generator[None]] = {one.name: one.script(Lane(stage, one.name)) for one in faults}

    def play(self) -> Whole:
        """Be calm, rise, fall, be quiet; the faults in between."""
        began = time.monotonic()
        faults = [outcome.fault for outcome in self.outcomes.values()]
        self._stage.wait_for_reasons({one.name: WITHIN_BAND for one in faults})
        self._go_on()
        self._stage.offer(RISEN)
        self._go_on()
        self._settle({one.name: one.top for one in faults if one.settles})
        self._stage.offer(FALLEN)
        self._go_on()
        self._settle({one.name: one.end for one in faults if one.settles})
        self._settle_reasons({one.name: one.rest for one in faults if one.settles})
        since = time.monotonic()
        time.sleep(self._quiet)  # the matter of O6 is that nothing happens meanwhile
        self._go_on()
        for script in self._scripts.values():
            script.close()
        whole = self._stage.whole()
        for name, outcome in self.outcomes.items():
            outcome.seconds = time.monotonic() - began
            if outcome.fault.settles:
                outcome.account = self._stage.account(name, outcome.fault.query(self._stage.namespace, name))
                outcome.wrong += self._judged(outcome.fault, outcome.account, whole, since)
        return whole

    def _judged(self, fault: Fault, account: Account, whole: Whole, since: float) -> list[str]:
        """The oracles of one lane that need no twin."""
        calls = [one for one in whole.calls if concerns(one, self._stage.namespace, fault.name)]
        found = [
            *oracles.within_limits(account.scales),
            *oracles.justified(account.scales, account.readings, slack=fault.slack),
            *oracles.logged([account], whole.log),
            *oracles.quiet(calls, since=since),
        ]
        return excused(found, fault)

    def _go_on(self) -> None:
        """Let every script come to its next yield, or to its end."""
        for name, script in self._scripts.items():
            try:
                next(script, None)
            except Exception as error:  # noqa: BLE001 - whatever a script finds belongs to its own fault alone
                self.outcomes[name].wrong.append(_told(error))

    def _settle(self, replicas: Mapping[str, int]) -> None:
        """Wait for the replicas of every lane together; whoever does not come to them is told."""
        deadline = time.monotonic() + self._settle_seconds
        for name, wanted in replicas.items():
            try:
                self._stage.wait_for_replicas({name: wanted}, timeout=max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                said = self._stage.seen.sentences().get(name, "the policy is gone")
                there = self._stage.seen.replicas(name)
                self.outcomes[name].wrong.append(f"it came to {there} replicas instead of {wanted}: {said}")

    def _settle_reasons(self, reasons: Mapping[str, str]) -> None:
        deadline = time.monotonic() + self._settle_seconds
        for name, wanted in reasons.items():
            try:
                self._stage.wait_for_reasons({name: wanted}, timeout=max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.outcomes[name].wrong.append(
                    f"it did not come to rest with {wanted or 'no policy'}: {self._stage.seen.reason(name)}"
                )


def compare(outcome: Outcome, twin: Outcome) -> list[str]:
    """O1 and O2: a fault's lane against the one without; nothing for a fault that is meant to end elsewhere."""
    if outcome.account is None or twin.account is None or not outcome.fault.twin:
        return []
    wanted = {key: value for key, value in twin.account.end.items() if key not in outcome.fault.differs}
    found = [
        *oracles.same_end(outcome.account.end, wanted),
        *oracles.no_more_writes(outcome.account.scales, twin.account.scales),
    ]
    return excused(found, outcome.fault)


def judge(fault: Fault, whole: Whole) -> list[str]:
    """O4, O5 and O7: what belongs to a run and not to a lane."""
    return excused(
        [
            *oracles.sound(whole.log, whole.exits, expected=fault.exits),
            *([] if whole.ready else ["O4: it is not ready and live at the end"]),
            *oracles.one_writer(whole.calls),
            *oracles.nothing_forbidden(whole.calls),
        ],
        fault,
    )


def excused(found: Iterable[str], fault: Fault) -> list[str]:
    """What is left when the oracles that the fault itself breaks are not asked."""
    return [wrong for wrong in found if wrong.partition(":")[0] not in fault.excused]


def concerns(call: Exchange, namespace: str, lane: str) -> bool:
    """Whether a request is about a lane's policy or target, or an Event about one of them."""
    if call.namespace != namespace:
        return False
    if call.resource == "events" and isinstance(call.body, dict):
        return bool((call.body.get("regarding") or {}).get("name") == lane)
    return call.name == lane


def _told(error: Exception) -> str:
    """A failure of a script, with the line where it was found."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    notes = "; ".join(getattr(error, "__notes__", ()))
    return f"{type(error).__name__} in {last.name}: {str(error) or last.line}" + (f" ({notes})" if notes else "")
