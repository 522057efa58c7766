"""Plays a scenario: the live decision on a written time line, one evaluation per tick.

What one tick hands to the next goes through the serialized status alone, as in the operator.
"""

import copy
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import APPROVE_ANNOTATION, PolicyMode, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.core.status import invalid_status
from deadband.core.types import Absent, Inputs, Outage, Reading
from deadband.engine.calendar import open_overrides
from deadband.engine.records import read_pause
from deadband.engine.turn import Memory
from deadband.engine.validity import check_policy
from deadband.scenario.autoscaled import AutoscaledCluster
from deadband.scenario.cluster import Cluster
from deadband.scenario.enact import enact
from deadband.scenario.model import Event, Scenario, TargetChange
from deadband.scenario.outcome import Outcome, Tick
from deadband.scenario.refusal import refusal

OPERATOR = "deadband"
"""The field manager under which the operator writes."""


def play(scenario: Scenario) -> Outcome:
    """Play a scenario to its end.

    Returns:
        The outcome before it is judged: every tick, or the faults of a policy that is refused.
    """
    faults = refusal(scenario.policy)
    if faults:
        return Outcome(scenario, (), tuple(map(str, faults)))
    if scenario.expect.invalid:
        return Outcome(scenario, ())  # a policy that ought to be refused needs no time line, so it may have none
    return Outcome(scenario, _Player(scenario).play())


class _Player:
    """One run: the policy object, the workload, and what the operator remembers."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._object: dict[str, Any] = copy.deepcopy(dict(scenario.policy))
        self._annotations: dict[str, str] = dict((scenario.policy.get("metadata") or {}).get("annotations") or {})
        self._generation = 1
        self._spec: ScalingPolicySpec = check_policy(self._object)
        self._faults: list[str] = []
        self._workload = _cluster_of(scenario.target, scenario.start)
        self._carried: dict[str, Any] = _as_json(scenario.state)
        self._memory = Memory.of(self._carried)
        self._down_until: datetime | None = None
        self._down_for = timedelta()

    def play(self) -> tuple[Tick, ...]:
        ticks = []
        for index in range(self._scenario.ticks):
            now = self._scenario.start + index * self._scenario.tick
            for event in self._scenario.events:
                if event.tick == index:
                    self._happen(event, now)
            ticks.append(self._tick(index, now))
        return tuple(ticks)

    @property
    def _cluster(self) -> Cluster | None:
        """The workload, while the policy names one: a policy without a target sees none."""
        if isinstance(self._workload, AutoscaledCluster):
            self._workload.moves = self._spec.moves
        return self._workload if self._spec.scale_target_ref is not None else None

    def _happen(self, event: Event, now: datetime) -> None:
        if event.down is not None:
            self._memory = Memory.of(self._carried)
            self._down_until = now + event.down
            self._down_for += event.down
        if event.target is not None and self._workload is not None:
            self._workload.change(event.target, now, manager=event.manager)
        if event.releases and self._workload is not None:
            self._workload.release(event.manager)
        if event.spec is not None:
            self._object["spec"] = merged(self._object.get("spec"), event.spec)
            self._generation += 1
            self._faults = [str(fault) for fault in refusal(self._object)]
            if not self._faults:
                self._spec = check_policy(self._object)
        for name, value in (event.annotations or {}).items():
            self._annotate(name, value)

    def _annotate(self, name: str, value: str | None) -> None:
        if name == APPROVE_ANNOTATION and value == "*":
            proposal = self._memory.status.proposal
            value = proposal.id if proposal is not None else None
        if value is None:
            self._annotations.pop(name, None)
        else:
            self._annotations[name] = value

    def _tick(self, index: int, now: datetime) -> Tick:
        if self._down_until is not None and now < self._down_until:
            return self._seen(now, wrote=False, evaluated=False)
        if self._faults:
            status = invalid_status(
                self._memory.status, self._faults, generation=self._generation, now=now, outage=self._outage()
            )
            self._settle(status, now)
            return self._seen(now, wrote=False)
        if isinstance(self._cluster, AutoscaledCluster) and self._spec.mode is PolicyMode.ENFORCE:
            self._cluster.give_back(now)
        inputs = self._inputs(index, now)
        decision, status = enact(inputs, self._cluster)
        self._settle(status, now)
        return self._seen(now, wrote=decision.scales)

    def _inputs(self, index: int, now: datetime) -> Inputs:
        target = self._cluster.read(now) if self._cluster is not None else None
        return Inputs(
            spec=self._spec,
            status=self._memory.status,
            readings={metric.name: self._reading(metric.name, index) for metric in self._spec.metrics},
            vetoes={veto.name: self._reading(veto.name, index) for veto in self._spec.vetoes},
            now=now,
            target=target,
            overrides=open_overrides(self._spec, now),
            pause=read_pause(self._annotations),
            approval=self._annotations.get(APPROVE_ANNOTATION),
            outage=self._outage(),
            generation=self._generation,
        )

    def _outage(self) -> Outage | None:
        """The time without an operator, told to the first evaluation after it (R7)."""
        if self._down_until is None:
            return None
        # Every tick is an evaluation, whatever intervalSeconds says: what was not written is counted in ticks (R10).
        outage = Outage(self._down_until - self._down_for, self._down_until, evaluated_every=self._scenario.tick)
        self._down_until, self._down_for = None, timedelta()
        return outage

    def _reading(self, name: str, index: int) -> Reading:
        readings = self._scenario.series.get(name)
        if readings is None:
            return Absent(Reason.EMPTY)
        return readings[min(index, len(readings) - 1)]

    def _settle(self, status: ScalingPolicyStatus, now: datetime) -> None:
        status = ScalingPolicyStatus.model_validate(_as_json(status))
        if self._memory.settle(status, now=now):
            self._carried = merged(self._carried, status.model_dump(mode="json"))
            self._memory.wrote(status)

    def _seen(self, now: datetime, *, wrote: bool, evaluated: bool = True) -> Tick:
        status = self._memory.status
        decision = status.decision if evaluated else None
        return Tick(
            at=now,
            replicas=self._cluster.standing if self._cluster is not None else None,
            desired=status.desired_replicas,
            reason=decision.reason if decision else None,
            rule=decision.rule if decision else None,
            wrote=wrote,
            conditions={condition.type: condition.status for condition in status.conditions},
            sentence=decision.sentence if decision else "",
        )


def _cluster_of(target: TargetChange | None, start: datetime) -> Cluster | None:
    if target is None:
        return None
    cluster = Cluster(target) if target.low is None else AutoscaledCluster(target)
    if target.manager == OPERATOR:
        cluster.write(cluster.replicas, start)
    return cluster


def _as_json(status: ScalingPolicyStatus) -> dict[str, Any]:
    """The status as the API server keeps it: JSON without nulls."""
    carried: dict[str, Any] = json.loads(status.model_dump_json(exclude_none=True))
    return carried


def merged(value: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386): mappings merge, null removes, anything else replaces."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(value) if isinstance(value, Mapping) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), change)
    return result
