"""From the policies that are due to their readings: a few grouped questions to each source, all sources at once.

A slow source delays nobody else: policies are handed on as soon as their own sources answered, and at their
deadline what has not answered reads Timeout.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Reading, Target
from deadband.engine.movements import Movements
from deadband.engine.records import PolicyRecord
from deadband.engine.sightings import Sightings
from deadband.engine.store import Store
from deadband.engine.tenants import Tenants
from deadband.ports import Metrics
from deadband.queries.plan import Plan, closer, plan
from deadband.queries.promql import reach_of
from deadband.queries.types import Answer, Failed, Key, Need, Question

DEADLINE_SHARE = 0.8
"""A policy waits at most so much of its interval for its sources."""

LONGEST_WAIT_SECONDS = 30.0
"""Nor longer than this, however long its interval."""


VETO_PREFIX = "veto/"
"""Before a veto's name in its Key: a metric may have the same name, and no metric's name has a slash."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Policies whose readings are complete.

    Attributes:
        uids: In the order they came in.
        readings: By policy and name of metric or veto.
    """

    uids: tuple[str, ...]
    readings: Mapping[Key, Reading]


Asked = Mapping[str, "asyncio.Task[Mapping[Question, Answer]]"]
"""By source, its questions under way."""


@dataclass(slots=True)
class _Group:
    """Policies that ask the same sources, so that none of them waits for a source it does not use."""

    needs: list[Need] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    """UID to the longest wait in seconds."""
    plan: Plan = field(init=False)
    asked: Asked = field(init=False)
    known: dict[Key, Reading] = field(default_factory=dict)
    """Readings of an earlier look, which those of this one complete."""

    @property
    def complete(self) -> bool:
        """Whether every source that is asked has answered."""
        return all(self.asked[question.source].done() for question in self.plan.questions)

    def release(self, uids: Iterable[str]) -> None:
        """Wait no longer for these policies."""
        for uid in uids:
            del self.waiting[uid]

    def read(self, now: datetime) -> dict[Key, Reading]:
        """All that is known by now."""
        return self.known | self.plan.read(_answers(self.plan.questions, self.asked), now=now)


class Gathering:
    """Asks for the readings of whatever is due."""

    def __init__(self, store: Store, metrics: Metrics, tenants: Tenants, sightings: Sightings) -> None:
        self._store = store
        self._metrics = metrics
        self._tenants = tenants
        self._sightings = sightings
        self._movements = Movements()

    async def gather(self, records: Collection[PolicyRecord], *, now: datetime) -> AsyncIterator[Gathered]:
        """Yield every one of the policies once, as soon as its readings are complete and its target was seen.

        Args:
            records: Valid policies.
            now: The instant that is asked about.
        """
        self._movements.forget(self._store.policies.keys())
        unresolved: dict[Key, Reading] = {}
        groups = self._grouped(records, unresolved)
        specs = {
            name: source.spec.following(source.status.scrape_interval_seconds)
            for name, source in self._store.sources.items()
            if source.spec is not None
        }
        for group in groups:
            group.plan = plan(group.needs, specs)
        asked = self._ask(groups, now)
        for group in groups:
            group.asked = asked
        tasks = [*asked.values()]
        looks = self._sightings.look(records)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            while groups:
                for group in list(groups):
                    uids = _ready(group, looks, elapsed=loop.time() - started)
                    if uids:
                        readings = group.read(now)
                        second = self._closer(group, uids, readings, specs, now)
                        if second.waiting:
                            tasks += second.asked.values()
                            groups.append(second)
                        if settled := tuple(uid for uid in uids if uid not in second.waiting):
                            yield Gathered(settled, {**readings, **unresolved})
                        group.release(uids)
                groups = [group for group in groups if group.waiting]
                open_tasks = [task for task in (*tasks, *looks.values()) if not task.done()]
                if groups and open_tasks:
                    shortest = min(wait for group in groups for wait in group.waiting.values())
                    remaining = max(0.0, shortest - (loop.time() - started))
                    await asyncio.wait(open_tasks, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _ask(self, groups: Iterable[_Group], now: datetime) -> Asked:
        return {
            source: asyncio.create_task(self._metrics.ask(questions, at=now), name=f"ask {source}")
            for source, questions in _by_source(groups).items()
        }

    def _closer(
        self,
        group: _Group,
        uids: Collection[str],
        readings: dict[Key, Reading],
        specs: Mapping[str, MetricSourceSpec],
        now: datetime,
    ) -> _Group:
        """Look closer for those of the policies that a first look left unclear; for none where it left none so.

        Nor does a first look speak for a target that had other pods lately: the source sums up the pods that it knows,
        and may know the new ones up to two scrapes later.
        Targets without pods are not looked at; their `readings` become Empty.
        """

        def moved(need: Need) -> bool:
            return need.key.policy in uids and self._moved(need, specs[need.source], now)

        unclear = [need for need in group.plan.unclear(readings, moved) if need.key.policy in uids]
        for need in [each for each in unclear if self._at_zero(each)]:
            unclear.remove(need)
            readings[need.key] = Absent(Reason.EMPTY, "the target has no pods")
        needs = [replace(need, highest=self._highest(need.key)) for need in unclear]
        second = _Group(needs, {need.key.policy: group.waiting[need.key.policy] for need in needs})
        second.known = {key: reading for key, reading in readings.items() if key.policy in second.waiting}
        second.plan = closer(needs, specs)
        second.asked = self._ask([second], now)
        return second

    def _moved(self, need: Need, source: MetricSourceSpec, now: datetime) -> bool:
        """Whether the need's target had other pods within what a first look looks back."""
        record = self._store.policies.get(need.key.policy)
        target = self._store.target(record) if record is not None else None
        if record is None or not isinstance(target, Target):
            return False
        within = timedelta(seconds=reach_of(source.rate_window))
        return self._movements.lately(record, target, now=now, within=within)

    def _at_zero(self, need: Need) -> bool:
        """Whether the need is about the target's pods and there are none, so that a second look would find nothing."""
        record = self._store.policies.get(need.key.policy)
        target = self._store.target(record) if record is not None else None
        return need.metric.resource is not None and isinstance(target, Target) and target.pods == 0

    def _highest(self, key: Key) -> Fraction:
        """The highest threshold of a metric; 0 where the policy has gone meanwhile."""
        record = self._store.policies.get(key.policy)
        return record.spec.highest_threshold(key.name) if record is not None and record.spec is not None else Fraction()

    def _grouped(self, records: Iterable[PolicyRecord], unresolved: dict[Key, Reading]) -> list[_Group]:
        groups: dict[frozenset[str], _Group] = {}
        for record in records:
            assert record.spec is not None, "invalid policies are not evaluated"
            needs = list(self._needs(record, unresolved))
            group = groups.setdefault(frozenset(need.source for need in needs), _Group())
            group.needs += needs
            group.waiting[record.ref.uid] = min(record.spec.interval_seconds * DEADLINE_SHARE, LONGEST_WAIT_SECONDS)
        return list(groups.values())

    def _needs(self, record: PolicyRecord, unresolved: dict[Key, Reading]) -> Iterable[Need]:
        spec = record.spec
        assert spec is not None, "invalid policies are not evaluated"
        measured = self._store.scalables.measured(record.ref.namespace, spec)
        named = {metric.name: metric for metric in spec.metrics}
        named |= {VETO_PREFIX + veto.name: Metric(name=veto.name, query=veto.query) for veto in spec.vetoes}
        for name, metric in named.items():
            key = Key(record.ref.uid, name)
            source = self._source(metric, record.ref.namespace)
            if isinstance(source, Absent):
                unresolved[key] = source
            else:
                yield Need(key, record.ref.namespace, metric, measured, source)

    def _source(self, metric: Metric, namespace: str) -> str | Absent:
        name = metric.source or self._store.default_source
        if name is None:
            return Absent(
                Reason.SOURCE_NOT_FOUND,
                "no MetricSource is marked as default; name one in `source`, or set `default: true` on one",
            )
        record = self._store.sources.get(name)
        if record is None:
            return Absent(Reason.SOURCE_NOT_FOUND, f"MetricSource {name} does not exist; create it or correct `source`")
        if record.spec is None:
            return Absent(Reason.SOURCE_NOT_FOUND, f"MetricSource {name} is invalid: {'; '.join(record.faults)}")
        return self._tenants.refusal(name, record.spec, namespace) or name


def _ready(group: _Group, looks: Mapping[str, asyncio.Task[None]], *, elapsed: float) -> tuple[str, ...]:
    """Policies that have all they asked for, their target's sight included, and those that may not wait any longer."""
    seen = {uid for uid in group.waiting if uid not in looks or looks[uid].done()} if group.complete else set()
    return tuple(uid for uid, wait in group.waiting.items() if uid in seen or wait <= elapsed)


def _by_source(groups: Iterable[_Group]) -> Mapping[str, Sequence[Question]]:
    """Every question once, under its source."""
    questions: dict[str, dict[Question, None]] = {}
    for group in groups:
        for question in group.plan.questions:
            questions.setdefault(question.source, {})[question] = None
    return {source: tuple(asked) for source, asked in questions.items()}


def _answers(questions: Iterable[Question], asked: Asked) -> Mapping[Question, Answer]:
    late = Failed(Reason.TIMEOUT, "the source did not answer in time for this evaluation")
    return {
        question: asked[question.source].result()[question] if asked[question.source].done() else late
        for question in questions
    }
