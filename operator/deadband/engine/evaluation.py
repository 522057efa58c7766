"""One evaluation of one policy: inputs, decision, and what it calls for on the API server.

The order of the writes is a promise (architecture, decision 5): first the scale, then the status. What is written
rests on facts that are fresh: before each scale write the policy and the target are read past every cache, and where
they are not what was decided on, the decision is made again, with the same readings and the same instant (R18).
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deadband.api.status import ScalingPolicyStatus, Way
from deadband.core import words
from deadband.core.calm import Calm
from deadband.core.decide import decide
from deadband.core.decision import Decision
from deadband.core.status import Refusal, invalid_status, next_status
from deadband.core.triggers import Load
from deadband.core.types import Inputs, NoTarget, Outage, Reading, Target
from deadband.engine.actuator import Actuator
from deadband.engine.alerting import Alerting
from deadband.engine.announcing import announcements
from deadband.engine.calendar import open_overrides
from deadband.engine.clock import Clock
from deadband.engine.complaints import Complaints
from deadband.engine.gathering import VETO_PREFIX
from deadband.engine.records import PolicyRecord, read_policy
from deadband.engine.shortages import depends_on_room, look_for_room
from deadband.engine.status_writer import StatusWriter
from deadband.engine.store import Store
from deadband.ports import (
    Capacity,
    ConflictError,
    Events,
    GoneError,
    Leadership,
    Policies,
    Telemetry,
    UnreachableError,
    WriteError,
)
from deadband.queries.types import Key

logger = logging.getLogger(__name__)

ROUNDS = 3
"""How often one evaluation tries to write against a target that keeps changing."""

DOUBT = timedelta(seconds=60)
"""How long a write without an answer may still show up."""

CONCURRENT_SCALES = 8
"""Scale writes of different targets under way at once."""


def _unseen(record: PolicyRecord, outage: Outage | None, now: datetime) -> Outage | None:
    """The time that nobody saw before a policy's first evaluation of a leadership; None in every later one.

    Where no Lease tells of an outage it is since long before, so that no timer in status counts what nobody saw: on a
    first installation nothing in status runs yet; after somebody deleted the Lease this is the safe reading.
    """
    if record.memory is not None:
        return None
    return outage or Outage(datetime.fromtimestamp(0, UTC), now)


class Evaluation:
    """Decides, and carries the decisions out."""

    def __init__(  # noqa: PLR0913 - the composition root names every part once
        self,
        *,
        store: Store,
        actuator: Actuator,
        capacity: Capacity,
        policies: Policies,
        leadership: Leadership,
        statuses: StatusWriter,
        events: Events,
        alerting: Alerting,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._store = store
        self._actuator = actuator
        self._capacity = capacity
        self._policies = policies
        self._leadership = leadership
        self._statuses = statuses
        self._events = events
        self._alerting = alerting
        self._telemetry = telemetry
        self._complaints = Complaints(logger, clock)
        self._slots = asyncio.Semaphore(CONCURRENT_SCALES)
        self._doubtful: dict[str, datetime] = {}
        """Policies whose last scale write got no answer, and when it was decided; the target is looked at for it."""

    def inputs(
        self, record: PolicyRecord, readings: Mapping[Key, Reading], *, now: datetime, outage: Outage | None
    ) -> Inputs:
        """Put together what a decision depends on, as the store knows it.

        Args:
            record: A valid policy, as the store holds it now.
            readings: Of all policies; this one's are picked out.
            now: The instant of the readings.
            outage: Of the leadership that has just begun, None when no Lease tells; used in the policy's first
                evaluation only.
        """
        spec = record.spec
        assert spec is not None, "invalid policies are not decided"
        target = self._store.target(record)
        unseen = _unseen(record, outage, now)
        uid = record.ref.uid
        memory = record.remember(target, outage=outage, attempted=self._attempted(uid, now))
        return Inputs(
            spec=spec,
            status=memory.status,
            readings={one.name: readings[Key(uid, one.name)] for one in spec.metrics},
            vetoes={one.name: readings[Key(uid, VETO_PREFIX + one.name)] for one in spec.vetoes},
            now=now,
            target=target,
            overrides=open_overrides(spec, now),
            pause=record.pause,
            approval=record.approval,
            contested_by=self._store.contester(record),
            outage=unseen,
            generation=record.generation,
        )

    def passes(self, record: PolicyRecord, inputs: Inputs) -> bool:
        """Whether the evaluation would decide the same again; it is over then, and only figures are told."""
        memory = record.memory
        if memory is None or self._attempted(record.ref.uid, inputs.now) is not None:
            return False
        loads = memory.passes(inputs)
        if loads is None:
            return False
        if memory.wants_writing(now=inputs.now):
            self._statuses.submit_figures(record.ref, memory)
        values = {name: load.high for name, load in loads.items()}
        self._telemetry.evaluated(record.ref, inputs.spec, memory.status, values)
        return True

    def settle(self, record: PolicyRecord, inputs: Inputs, decision: Decision, refused: Refusal | None = None) -> None:
        """Remember what an evaluation came to, and tell it: status, alerts, Events, own metrics.

        Nothing of a policy that was deleted, or of a term that ended, while a write was under way: nobody would take
        its series away again, and the next leader finds the write on the target (architecture, decision 5).
        """
        held = self._store.policies.get(record.ref.uid)
        if held is None or held.memory is None:
            return
        status = next_status(inputs, decision, refused=refused)
        calm = Calm.after(inputs, decision, status) if refused is None else None
        self._settle(record, status, now=inputs.now, calm=calm)
        known = {name: seen for name, seen in decision.observed.items() if isinstance(seen, Load)}
        values = {name: load.high for name, load in known.items() if load.exact}
        self._telemetry.evaluated(record.ref, inputs.spec, status, values)

    def refuse(self, record: PolicyRecord, *, now: datetime, outage: Outage | None) -> None:
        """Settle a policy that does not validate: it changes nothing, and its status names every fault.

        Args:
            record: As the store holds it now.
            now: The instant of this evaluation.
            outage: As in `inputs`.
        """
        unseen = _unseen(record, outage, now)
        memory = record.remember(None)
        memory.put_into_words()  # an invalid policy goes on to show what was read last
        status = invalid_status(memory.status, record.faults, generation=record.generation, now=now, outage=unseen)
        self._settle(record, status, now=now)
        self._telemetry.invalid(record.ref, status)

    def acts(self, record: PolicyRecord, decision: Decision) -> bool:
        """Whether the evaluation calls out before it ends: to write, or to look first whether there is room."""
        return decision.scales or depends_on_room(decision, self._store.pods(record))

    async def act(self, record: PolicyRecord, inputs: Inputs, decision: Decision) -> Mapping[str, Any] | None:
        """Look for room where that matters, write the scale that was decided, on facts read now, and settle.

        Returns:
            None when the evaluation is over. The policy's object as it is now when it changed meanwhile and must be
            evaluated anew; nothing was written then.
        """
        async with self._slots:
            inputs, decision = await self._with_room(record, inputs, decision)
            if decision.scales:
                return await self._write(record, inputs, decision)
            self.settle(record, inputs, decision)
        return None

    async def _write(self, record: PolicyRecord, inputs: Inputs, decision: Decision) -> Mapping[str, Any] | None:
        for attempt in range(1, ROUNDS + 1):
            if not self._leadership.leads():
                return None
            try:
                fresh = await self._policies.read(record.ref)
            except GoneError:
                return None  # the watch tells the store
            except WriteError as error:
                self._refused(record, inputs, decision, error)
                return None
            if read_policy(fresh, previous=record).meaning != record.meaning:
                return fresh
            try:
                inputs, decision = await self._attempt(record, inputs, decision)
            except ConflictError as error:
                if attempt == ROUNDS:
                    self._refused(record, inputs, decision, error)
                continue
            except WriteError as error:
                self._refused(record, inputs, decision, error)
            return None
        return None

    async def _with_room(self, record: PolicyRecord, inputs: Inputs, decision: Decision) -> tuple[Inputs, Decision]:
        """Decide again where pods that are wanted already find no room; what cannot be looked for stops nothing."""
        pods = self._store.pods(record)
        if pods is None or not depends_on_room(decision, pods):
            return inputs, decision
        try:
            return await look_for_room(self._capacity, record, inputs, decision, pods)
        except WriteError as error:
            self._complaints.tell("look for room for", record.ref, error)
            return inputs, decision

    async def _attempt(self, record: PolicyRecord, inputs: Inputs, decision: Decision) -> tuple[Inputs, Decision]:
        """Read the target, decide again if it is not what was decided on, write, settle.

        Raises:
            ConflictError: The target changed between reading and writing; nothing was written, nothing is settled.
            DeniedError, UnreachableError: Likewise; an unanswered write may have been taken.
        """
        try:
            reached = await self._actuator.read(record.ref.namespace, inputs.spec)
            if reached.target != inputs.target:
                inputs = replace(inputs, target=reached.target)
                decision = decide(inputs)
            if decision.write is not None:
                if not self._leadership.leads():
                    return inputs, decision
                await self._actuator.write(record, reached, decision.write)
        except GoneError as error:
            inputs = replace(inputs, target=NoTarget(error.reason, str(error)))
            decision = decide(inputs)
        if decision.write is None:
            self.settle(record, inputs, decision)
        else:
            self._scaled(record, inputs, decision)
        return inputs, decision

    def _attempted(self, uid: str, now: datetime) -> datetime | None:
        """When a write of the policy that may still show up was decided; None when there is none."""
        at = self._doubtful.get(uid)
        return at if at is not None and now - at < DOUBT else None

    def _scaled(self, record: PolicyRecord, inputs: Inputs, decision: Decision) -> None:
        assert decision.write is not None, "called after a write"
        assert isinstance(inputs.target, Target), "only an existing target is written"
        target, bound = inputs.spec.scale_target_ref, words.subject(inputs.spec)
        assert target is not None, "which the policy names"
        before = inputs.target.replicas
        way = Way.UP if decision.write > before else Way.DOWN
        self._telemetry.scaled(way, decision.cause)
        logger.info(
            "%s from %d to %d: %s",
            f"moved {bound}" if bound else f"scaled {target.name}",
            before,
            decision.write,
            decision.sentence,
            extra={
                "namespace": record.ref.namespace,
                "policy": record.ref.name,
                "from": before,
                "to": decision.write,
                "reason": decision.reason,
                "rule": decision.rule,
                "evaluated": inputs.now.isoformat(timespec="milliseconds"),
            },
        )
        self.settle(record, inputs, decision)

    def _refused(self, record: PolicyRecord, inputs: Inputs, decision: Decision, error: WriteError) -> None:
        if isinstance(error, UnreachableError):
            # No answer is not a no: the next evaluation looks whether the replicas are ours.
            still = {uid: at for uid, at in self._doubtful.items() if inputs.now - at < DOUBT}
            self._doubtful = still | {record.ref.uid: inputs.now}
        self._complaints.tell("scale for", record.ref, error)
        self._telemetry.refused(error.reason)
        self.settle(record, inputs, decision, Refusal(error.reason, str(error)))

    def _settle(
        self, record: PolicyRecord, status: ScalingPolicyStatus, *, now: datetime, calm: Calm | None = None
    ) -> None:
        memory = record.memory
        assert memory is not None, "settled after it was remembered"
        before = memory.status
        if memory.settle(status, now=now, calm=calm):
            self._statuses.submit(record.ref, memory)
        self._alerting.show(record, before, status, now=now)
        for one in announcements(before, status):
            self._events.record(record.ref, one.type_, one.reason, one.message)
