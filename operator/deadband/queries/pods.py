"""The second look of the `resource` recipe: every container of a workload in doubt, by its samples' own times (R1).

One query brings what was sampled and when; here it is judged which pods are measured, exactly and without a clock.
Beside the series that `deadband.queries.resource` names, kube-state-metrics' kube_pod_container_state_started,
kube_pod_container_status_running, kube_pod_init_container_info {restart_policy}, kube_pod_status_phase {phase},
kube_pod_info {node} and kube_node_status_condition are read; without them more pods count as measured, a native sidecar
whose samples stopped does not count, and evicted pods and those of a lost node are counted until they are deleted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.metrics import ResourceName
from deadband.core.types import Absent, Interval, Reading, Sample
from deadband.queries.owners import BY_POD, owned
from deadband.queries.promql import Dialect, equals, marked, one_of
from deadband.queries.resource import ResourceRecipe, Selected, percent
from deadband.queries.types import Need, Series

LONG_AGO = 3600
"""Seconds: a pod that was Ready within them was Ready once (ADR 51)."""
LATELY = 300
"""Seconds within which the first Ready after a restart is looked for, while readiness comes and goes."""
MOST_ROWS = 100_000
"""Series of an answer about one chunk of workloads."""
_ENDED = ("Failed", "Succeeded")
_NAMED = 3
"""Pods that a reading names at most."""

POD, REQUEST, STARTED, STOPPED = "pod", "request", "started", "stopped"
READY_FIRST, READY_LATELY, READY_LAST, READY_BEFORE = "ready-first", "ready-lately", "ready-last", "ready-before"
VALUE, TIME = "value", "time"
"""Values of the label `part`. VALUE and TIME stand before the seconds that the sample was looked for ago."""


@dataclass(frozen=True, slots=True)
class PodsRecipe:
    """Workloads of one kind in one resource, container by container.

    Attributes:
        first: The recipe of the first look.
        window: Seconds that a rate looks back.
        stale: Seconds after which a sample is too old to speak for the present.
    """

    first: ResourceRecipe
    window: int
    stale: Fraction

    labels = ("namespace", "workload")

    @classmethod
    def of(cls, first: ResourceRecipe, dialect: Dialect) -> "PodsRecipe":
        """The second look for what the first left in doubt."""
        return cls(first, dialect.window, Fraction(dialect.stale))

    @property
    def spans(self) -> tuple[int, ...]:
        """Seconds between the two samples of a rate, the longest first; empty where one sample suffices."""
        if self.first.resource is ResourceName.MEMORY:
            return ()
        return tuple(dict.fromkeys(max(1, self.window // part) for part in (1, 2, 4)))

    def place(self, need: Need) -> tuple[str, ...]:
        """Namespace and name of the workload."""
        return self.first.place(need)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for every fact about every container of these needs' pods."""
        chosen = Selected(self.first, needs, dialect, named=named)
        ready_time = "kube_pod_status_ready_time"
        living = f" and on ({BY_POD}) {chosen.ready}"
        info = dialect.instant("kube_pod_init_container_info", *chosen.inside, equals("restart_policy", "Always"))
        sidecars = f"{chosen.init_amounts} and on (namespace,pod,container) ({chosen.now()} or {info})"
        started = dialect.instant("kube_pod_container_state_started", *chosen.inside)
        restarted = f" unless on ({BY_POD}) ({started} > time() - {self.proof})"
        facts = {
            READY_FIRST: dialect.lowest(ready_time, *chosen.inside, seconds=LONG_AGO) + living,
            READY_LATELY: dialect.lowest(ready_time, *chosen.inside, seconds=LATELY) + living,
            READY_LAST: dialect.instant(ready_time, *chosen.inside),
            READY_BEFORE: f"{chosen.was_ready(self.proof)} == 1{living}{restarted}",
            STARTED: started,
            STOPPED: f"{dialect.instant('kube_pod_container_status_running', *chosen.inside)} == 0",
            REQUEST: f"{chosen.amounts} or ({sidecars})",
            f"{VALUE}0": chosen.now(),
            f"{TIME}0": f"{chosen.time_of()} > time() - {dialect.stale}",
        }
        for span in self.spans:
            facts[f"{VALUE}{span}"] = chosen.now(span)
            facts[f"{TIME}{span}"] = chosen.time_of(span)
        by = "namespace,pod,container,id"
        parts = [marked(f"max by ({by}) ({fact})", "part", part) for part, fact in facts.items()]
        pods = owned(
            self.first.kind,
            chosen.names,
            chosen.inside,
            dialect,
            only=(f"{facts[READY_FIRST]} or {chosen.ready} == 1",),
            never=(_ended(chosen, dialect), _lost(chosen, dialect)),
        )
        parts.append(marked(pods, "part", POD))
        joined = f"({' or '.join(parts)}) * on (namespace,pod) group_left (workload) {pods}"
        return f"max by (namespace,workload,{by.removeprefix('namespace,')},part) ({joined})"

    @property
    def proof(self) -> int:
        """Seconds: a pod that was Ready so long ago was so during the whole of the longest span."""
        return self.window + int(self.stale) + 1

    def most(self, _needs: Sequence[Need]) -> int:
        """How many pods there are is not known."""
        return MOST_ROWS

    def read(self, need: Need, rows: Sequence[Series]) -> Reading:
        """One number when every counted pod is measured, an interval when some are, NotMeasured when none is."""
        pods = self.pods(need, rows)
        if not pods:
            return self.first.no_pods(need)
        if any(pod.broken for pod in pods):
            return Absent(Reason.NOT_A_NUMBER)
        with_amount = [pod for pod in pods if pod.amounts]
        if not with_amount:
            return self.first.no_requests(need)
        measured = [pod for pod in with_amount if not pod.why]
        if not measured:
            return Absent(
                Reason.NOT_MEASURED, f"none of the {len(with_amount)} pods is measured: {_named(with_amount)}"
            )
        whole = sum((amount for pod in with_amount for amount in pod.amounts.values()), Fraction())
        used = sum((use for pod in measured for use in pod.used.values()), Fraction())
        low = percent(used, whole)
        # The load per replica is a load of these pods where they are the target's, which those of a database are not.
        counted = len(pods) if need.metric.resource is not None else None
        if len(measured) == len(with_amount):
            return Sample(low, pods=counted)
        missing = sum((amount for pod in with_amount if pod.why for amount in pod.amounts.values()), Fraction())
        high = low + percent(missing, whole) * max(need.highest, Fraction(100)) / 100
        why = tuple(_unmeasured(with_amount)[:_NAMED])
        covered = None if counted is None else counted - (len(with_amount) - len(measured))
        return Interval(low, high, pods=counted, measured=covered, why=why)

    def pods(self, need: Need, rows: Sequence[Series]) -> list["Pod"]:
        """Every counted pod of a need's workload, judged, in the order of their names.

        All are judged over one and the same span: the longest over which the most of them are measured. Were young pods
        judged over a short span and the others over a long one, load that has moved to the young ones counted twice.
        """
        by_pod: dict[str, list[Series]] = defaultdict(list)
        for row in rows:
            if self.first.concerns(need, row):
                by_pod[row.labels.get("pod", "")].append(row)
        known = [
            self._known(name, facts)
            for name, facts in sorted(by_pod.items())
            if any(row.labels.get("part") == POD for row in facts)
        ]
        looks = [[self._over(span, each) for each in known] for span in self.spans or (0,)]
        return max(looks, key=lambda pods: sum(not pod.why for pod in pods))

    def _known(self, name: str, rows: Sequence[Series]) -> "_Known":
        """Sort out what the query brought about one pod."""
        known = _Known(Pod(name))
        whole: dict[str, Fraction] = {}
        started: dict[str, Fraction] = {}
        pod = known.pod
        stopped = False
        for row in rows:
            part, container, value = row.labels.get("part", ""), row.labels.get("container", ""), row.value
            if value is None:
                pod.broken = True
            elif part == REQUEST:
                pod.amounts[container] = value
            elif part == STARTED:
                started[container] = value
            elif part == STOPPED:
                stopped = True
            elif container:
                known.samples[container, row.labels.get("id", "")][part] = value
            else:
                whole[part] = value
        since = _since(whole, max(started.values(), default=None))
        if stopped:
            pod.why = "a container is not running"
        elif since is None:
            pod.why = "it restarted and has not been Ready since" if READY_FIRST in whole else "Ready too short a time"
        else:
            known.since = since
        return known

    def _over(self, span: int, known: "_Known") -> "Pod":
        """Judge a pod over one span."""
        pod = replace(known.pod, used={})
        if pod.why:
            return pod
        for (container, _), facts in known.samples.items():
            use = self._use(facts, known.since, span)
            if container in pod.amounts and use is not None:
                pod.used[container] = max(use, pod.used.get(container, use))
        missing = sorted(pod.amounts.keys() - pod.used.keys())
        if not missing:
            return pod
        silent = [
            each
            for each in missing
            if not any(f"{TIME}0" in facts for (container, _), facts in known.samples.items() if container == each)
        ]
        if silent:
            pod.why = f"no sample of {', '.join(silent)} in the last {float(self.stale):g}s"
        else:
            pod.why = "too few samples since it became Ready"
        return pod

    def _use(self, facts: Mapping[str, Fraction], since: Fraction, span: int) -> Fraction | None:
        """Bytes, or cores between the newest sample and the one that was the newest `span` ago; None when not measured.

        A span of 0 needs one sample alone.
        """
        value, time = facts.get(f"{VALUE}0"), facts.get(f"{TIME}0")
        if value is None or time is None or time < since:
            return None
        if not span:
            return value
        earlier, began = facts.get(f"{VALUE}{span}"), facts.get(f"{TIME}{span}")
        if earlier is None or began is None or began < since:
            return None
        if 0 < time - began <= span + 2 * self.stale and value >= earlier:
            return (value - earlier) / (time - began)
        return None


@dataclass(slots=True)
class Pod:
    """One counted pod.

    Attributes:
        name: Of the pod.
        amounts: By container, what it requests or is limited to; empty without any.
        used: By container, what it uses, as far as that is known.
        why: Why the pod is not measured; empty when it is.
        broken: Whether a fact about it is not a number.
    """

    name: str
    amounts: dict[str, Fraction] = field(default_factory=dict)
    used: dict[str, Fraction] = field(default_factory=dict)
    why: str = ""
    broken: bool = False


@dataclass(slots=True)
class _Known:
    """A pod before it is judged.

    Attributes:
        pod: Without what it uses; `why` is set when no span can measure it.
        since: Unix seconds from which its samples count.
        samples: By container and id of the series, VALUE and TIME of each span.
    """

    pod: Pod
    since: Fraction = Fraction(0)
    samples: dict[tuple[str, str], dict[str, Fraction]] = field(default_factory=lambda: defaultdict(dict))


def _unmeasured(pods: Sequence[Pod]) -> list[str]:
    return [f"{pod.name}: {pod.why}" for pod in pods if pod.why]


def _named(pods: Sequence[Pod]) -> str:
    lines = _unmeasured(pods)
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return "; ".join(lines[:_NAMED]) + more


def _since(facts: Mapping[str, Fraction], started: Fraction | None) -> Fraction | None:
    """Unix seconds from which a pod's samples count: its first Ready after its last container started.

    Readiness comes and goes under an overload, and what happened since the first one still counts; but what a container
    does between its restart and the next Ready is start-up work. None where there was no such Ready.
    """
    known = [facts[part] for part in (READY_FIRST, READY_LATELY, READY_LAST) if part in facts]
    if not known:
        # Without kube_pod_status_ready_time: READY_BEFORE was Ready all the time that a span can reach back.
        return started or Fraction(0) if READY_BEFORE in facts else None
    return min((each for each in known if started is None or each >= started), default=None)


def _ended(chosen: Selected, dialect: Dialect) -> str:
    """Pods that will never run again: an evicted one stays as an object, with its requests, and was Ready lately."""
    return f"{dialect.instant('kube_pod_status_phase', *chosen.inside, one_of('phase', _ENDED))} == 1"


def _lost(chosen: Selected, dialect: Dialect) -> str:
    """Pods on a node that is not Ready: nothing of them can be measured, and they will not come back (R1)."""
    info = dialect.instant("kube_pod_info", *chosen.inside)
    ready = dialect.instant("kube_node_status_condition", equals("condition", "Ready"), equals("status", "true"))
    return f"{info} * on (node) group_left () max by (node) ({ready} == 0)"
