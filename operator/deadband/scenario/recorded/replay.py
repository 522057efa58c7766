"""Plays one policy over what was recorded: the live decision at every instant, on the target as it would have been."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deadband.api.behavior import Trigger
from deadband.api.metrics import Assumption
from deadband.api.scalingpolicy import PolicyMode, ScalingPolicySpec
from deadband.api.status import ScaleEvent, ScalingPolicyStatus, Way
from deadband.core import words
from deadband.core.decision import Decision
from deadband.core.rest import rest
from deadband.core.triggers import Load, Observed, holds, observe
from deadband.core.types import Inputs, Reading
from deadband.core.view import look
from deadband.engine.calendar import open_overrides
from deadband.engine.gathering import VETO_PREFIX
from deadband.scenario.cluster import Cluster
from deadband.scenario.enact import enact
from deadband.scenario.model import TargetChange
from deadband.scenario.recorded.projection import concerned, projected
from deadband.scenario.recorded.recording import Recording, carried_forward
from deadband.scenario.recorded.run import Crossing, Happening, Line, Run

DRY_RUN = "The policy is a DryRun; it is played as if it were enforced."
NO_RECORD = (
    "What really ran is not recorded: the simulation starts from {start}, values per replica are not projected, and "
    "replica-hours have nothing to stand against."
)
GAPS = "What really ran is recorded at {known} of {all} instants; elsewhere the last known number stands in."
NOTHING = "There is no sample of {names} in this span."
LATE = (
    "There is no sample of {names} before {at}: the source keeps no more, or there was none. Until then, it is unknown."
)
LATE_FROM_SECONDS = 300
"""A rate or a scrape that is just due begins later than the span does; that need not be said."""
NOT_PLAYED = "Rollouts, unavailable pods, pauses and other writers are not played: every pod is ready at once."

TOLD_EVERY = 1000
"""Instants between two words on how far the play is."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What really ran, one entry per instant; None where it is not recorded.

    Attributes:
        replicas: What the workload was asked to run.
        ready: How much of it was ready; where that is not recorded, all of it.
    """

    replicas: Sequence[int | None]
    ready: Sequence[int | None]


def replay(
    *,
    label: str,
    spec: ScalingPolicySpec,
    recording: Recording,
    ran: Ran,
    start: int | None = None,
    played: Callable[[int], None] = lambda _: None,
) -> Run:
    """Play a policy.

    Args:
        label: What to call it.
        spec: The policy; a DryRun is played as if it were enforced.
        recording: What it reads.
        ran: What really ran.
        start: Replicas to begin with; None: what really ran at the first instant, else minReplicas.
        played: Told the number of instants after each thousand of them, and after the rest.
    """
    real = carried_forward(ran.replicas)
    was_ready = carried_forward(
        own if own is not None else all_ for own, all_ in zip(ran.ready, ran.replicas, strict=True)
    )
    recorded = sum(number is not None for number in ran.replicas)
    notes = [DRY_RUN] if spec.mode is PolicyMode.DRY_RUN else []
    notes += _missing(spec, recording)
    begin = start if start is not None else (real[0] if real[0] is not None else spec.min_replicas or 0)
    if spec.scale_target_ref is not None:
        if not recorded:
            notes.append(NO_RECORD.format(start=begin))
        elif recorded < len(real):
            notes.append(GAPS.format(known=recorded, all=len(real)))
        notes.append(NOT_PLAYED)
    replay_ = _Replay(spec.model_copy(update={"mode": PolicyMode.ENFORCE}), recording, was_ready, begin)
    replay_.play(played)
    known = [number for number in real if number is not None]
    return Run(
        label=label,
        spec=spec,
        grid=recording.grid,
        happenings=replay_.happenings,
        events=replay_.events,
        replicas=replay_.replicas,
        real=known or None,
        recorded=recorded,
        lines={name: Line(tuple(was), tuple(replay_.simulated[name])) for name, was in replay_.recorded.items()},
        crossings=[
            Crossing(way, trigger, *counts)
            for (way, trigger), counts in zip(replay_.triggers, replay_.crossed, strict=True)
        ],
        unknown=replay_.unknown,
        notes=notes,
    )


def _missing(spec: ScalingPolicySpec, recording: Recording) -> Iterator[str]:
    """What is not recorded from the beginning on, as when a source keeps less than was asked for."""
    grid, firsts = recording.grid, recording.first_samples()
    begun: dict[int | None, list[str]] = defaultdict(list)
    for metric in spec.metrics:
        if metric.name in firsts:
            begun[firsts[metric.name]].append(metric.name)
    for first, names in begun.items():
        if first is None:
            yield NOTHING.format(names=words.join(names))
        elif first * grid.step > LATE_FROM_SECONDS:
            yield LATE.format(names=words.join(names), at=words.clock(grid.at(first)))


class _Replay:
    """One play: what the operator remembers, the workload, and what is taken down on the way."""

    def __init__(
        self, spec: ScalingPolicySpec, recording: Recording, was_ready: Sequence[int | None], start: int
    ) -> None:
        self._spec = spec
        self._recording = recording
        self._was_ready = was_ready
        self._metrics = {metric.name: metric for metric in spec.metrics}
        self._cluster = Cluster(TargetChange(replicas=start)) if spec.scale_target_ref is not None else None
        self._status = ScalingPolicyStatus()
        self.triggers: list[tuple[Way, Trigger]] = [
            (way, trigger)
            for way, direction in ((Way.UP, spec.up), (Way.DOWN, spec.down))
            if direction.enabled
            for trigger in direction.triggers
        ]
        self._thresholds = [(trigger, float(trigger.threshold)) for _, trigger in self.triggers]
        self.crossed = [[0, 0] for _ in self.triggers]
        self.happenings: list[Happening] = []
        self.events: list[ScaleEvent] = []
        self.replicas: list[int] = []
        self.recorded: dict[str, list[float | None]] = {name: [] for name in self._metrics}
        self.simulated: dict[str, list[float | None]] = {name: [] for name in self._metrics}
        self.unknown = dict.fromkeys(self._metrics, 0)

    def play(self, played: Callable[[int], None]) -> None:
        grid, index = self._recording.grid, 0
        for part in grid.parts(TOLD_EVERY):
            for now in part.instants():
                self._tick(index, now, counts=index < grid.count - 1)
                index += 1
            played(part.count)

    def _tick(self, index: int, now: datetime, *, counts: bool) -> None:
        target = self._cluster.read(now) if self._cluster is not None else None
        as_read = self._recording.readings(index, now)
        real = self._was_ready[index]
        ready = target.ready if target is not None else 0
        changed = concerned(self._metrics, as_read, real=real, simulated=ready) if target is not None else ()
        readings: Mapping[str, Reading] = as_read
        if changed:
            readings = {
                name: projected(metric, as_read[name], real=real, simulated=ready)
                for name, metric in self._metrics.items()
            }
        inputs = Inputs(
            spec=self._spec,
            status=self._status,
            readings=readings,
            vetoes={veto.name: as_read[VETO_PREFIX + veto.name] for veto in self._spec.vetoes},
            now=now,
            target=target,
            overrides=open_overrides(self._spec, now) if self._spec.overrides else (),
        )
        view = look(inputs)
        resting = rest(inputs, view)
        if resting is not None:
            self._status = resting
        else:
            decision, after = enact(inputs, self._cluster)
            self._note(index, decision, after, changed)
            self._status = after
        self._take_down(as_read, view.observed, real, changed, counts=counts)

    def _note(self, index: int, decision: Decision, after: ScalingPolicyStatus, changed: tuple[str, ...]) -> None:
        at = self._recording.grid.at(index)
        if decision.write is not None:
            self._happened("scaling", index, decision, decision.write, changed)
            self.events += [event for event in after.scale_events if event.time == at]
        before = self._status.proposal
        if after.proposal is not None and (before is None or before.id != after.proposal.id):
            self._happened("proposal", index, decision, after.proposal.replicas, changed)

    def _happened(
        self,
        kind: Literal["scaling", "proposal"],
        index: int,
        decision: Decision,
        to: int | None,
        changed: tuple[str, ...],
    ) -> None:
        self.happenings.append(
            Happening(
                kind=kind,
                index=index,
                at=self._recording.grid.at(index),
                before=decision.current,
                after=to,
                reason=decision.reason,
                rule=decision.rule,
                sentence=decision.sentence,
                projected=changed,
            )
        )

    def _take_down(
        self,
        as_read: Mapping[str, Reading],
        seen: Mapping[str, Observed],
        real: int | None,
        changed: tuple[str, ...],
        *,
        counts: bool,
    ) -> None:
        """Keep what the page and the measures show of this instant; the last one begins no step, so it counts none."""
        if self._cluster is not None:
            self.replicas.append(self._cluster.replicas)
        really = seen
        if changed:
            again = {name: observe(self._metrics[name], as_read[name], real or 0) for name in changed}
            really = {**seen, **again}
        here, there = {name: _value(one) for name, one in seen.items()}, {}
        for name in self._metrics:
            there[name] = _value(really[name]) if name in changed else here[name]
            self.simulated[name].append(here[name])
            self.recorded[name].append(there[name])
            self.unknown[name] += counts and there[name] is None and not isinstance(really[name], Assumption)
        if counts:
            for (trigger, threshold), crossed in zip(self._thresholds, self.crossed, strict=True):
                name = trigger.metric
                is_crossed = _crossed(trigger, threshold, here[name], seen[name])
                crossed[1] += is_crossed
                crossed[0] += _crossed(trigger, threshold, there[name], really[name]) if name in changed else is_crossed


def _crossed(trigger: Trigger, threshold: float, value: float | None, observed: Observed) -> bool:
    """Whether a trigger holds; floats tell it wherever they differ, since rounding never turns an order round."""
    if value is None or value == threshold:
        return holds(trigger, observed) is True
    return (value > threshold) == (trigger.above is not None)


def _value(observed: Observed) -> float | None:
    if not isinstance(observed, Load) or not observed.exact:
        return None
    return observed.high.numerator / observed.high.denominator
