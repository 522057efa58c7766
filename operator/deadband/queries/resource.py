"""The `resource` recipe: percent of what the target's pods request, or are limited to, that they use.

Two looks. The first, over all workloads at once, gives sums and whether every pod of a workload is beyond doubt: Ready
for longer than the rate looks back, with young samples of all its containers. For workloads with a pod that is not,
`deadband.queries.pods` looks at each container (R1). A fleet is mostly beyond doubt, and sums are cheap.

Series and labels, each under the name its exporter documents:

* cAdvisor in the kubelet (google/cadvisor docs/storage/prometheus.md): container_cpu_usage_seconds_total and
  container_memory_working_set_bytes, labels namespace, pod, container, id. ``container`` is blank for the pod's slice,
  the node's cgroups and containerd's sandbox, "POD" for the sandbox of older runtimes. The kubelet reports the CPUs as
  one series, cpu="total"; per-CPU series of a stand-alone cAdvisor are not read.
* kube-state-metrics (docs/metrics/workload/pod-metrics.md, replicaset-metrics.md): kube_pod_owner,
  kube_replicaset_owner, kube_pod_status_ready, kube_pod_status_ready_time, kube_pod_deletion_timestamp,
  kube_pod_container_resource_requests and kube_pod_container_resource_limits {resource}, and those of the init
  containers under kube_pod_init_container_…: native sidecars among them run as long as the pod and count, as for the
  HPA; the others have ended before the pod is Ready, and a container that is not there has no usage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from deadband.api.conditions import Reason
from deadband.api.metrics import ResourceBase, ResourceName
from deadband.core.rounding import nearest
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.owners import BY_POD, KNOWN_KINDS, owned
from deadband.queries.promql import Dialect, Matcher, equals, marked, one_of, reach_of
from deadband.queries.types import Need, Series

USED, WHOLE, DOUBT = "used", "whole", "doubt"
"""Values of the label `part`: use of the containers that have both a request and a usage; the requests of all; present
where a pod is in doubt, whatever its value."""
UNCLEAR = Absent(Reason.NOT_MEASURED, "a pod is not measured yet, and the pods were not looked at one by one")
"""What the first look gives a workload in doubt, or without any request; `deadband.queries.plan` looks closer at these,
by identity."""
NAMED_NAMESPACES = 500
"""A question about more of them asks for all: their names would stand in each of its selectors."""
BY_CONTAINER = "namespace,pod,container"

_KINDS = {ResourceBase.REQUESTS: "requests", ResourceBase.LIMITS: "limits"}
_USAGE = {
    ResourceName.CPU: "container_cpu_usage_seconds_total",
    ResourceName.MEMORY: "container_memory_working_set_bytes",
}
_EVERY_CONTAINER: tuple[Matcher, ...] = (Matcher("container", "!=", ""), Matcher("container", "!=", "POD"))
_PLACES = 10**9
"""Percentages are rounded to nine decimals, what the API can write: sums of binary floats in Prometheus are off by
about 1e-13 of the value, and 70.00000000000001 must not be above 70 (R4)."""


@dataclass(frozen=True, slots=True)
class ResourceRecipe:
    """The first look at workloads of one kind in one resource; up to three series for each, told apart by `part`.

    Two usage series of one container count once, by the larger one: two scrape jobs tell of it alike, and an old id
    beside the new one after a restart puts the pod in doubt.

    Attributes:
        resource: cpu in cores, memory in bytes; the reading is a percentage.
        of: Requests or Limits; an amount of 0 counts as none.
        kind: Kind of the workloads; None finds a workload of the name whatever its kind.
        by_container: True when each need selects one container.
    """

    resource: ResourceName
    of: ResourceBase
    kind: str | None
    by_container: bool = False

    labels = ("namespace", "workload")

    def place(self, need: Need) -> tuple[str, ...]:
        """Namespace and name of the workload."""
        return (need.namespace, workload_of(need))

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the parts of these needs' workloads, or of every workload of the kind in their namespaces."""
        chosen = Selected(self, needs, dialect, named=named)
        young = dialect.instant("kube_pod_status_ready_time", *chosen.inside)
        # A pod is beyond doubt when the whole window lies after it became Ready, and so does the oldest sample that
        # the window may begin with; by then a container that has ended has left the window, too.
        judged = f"{reach_of(dialect.window):g}"
        doubted = [
            f"{chosen.ready} == 0",
            f"{young} > time() - {judged}",
            f"{chosen.judged} unless on ({BY_CONTAINER}) ({chosen.measured})",
        ]
        if named:
            # Where that time is not exported, a pod that was not Ready so long ago. Of very many workloads it is not
            # asked: it costs as much as the rest, and kube-state-metrics exports the time unless told otherwise.
            was_ready = f"{chosen.was_ready(ceil(reach_of(dialect.window)))} == 1"
            doubted.append(f"{chosen.ready} unless on ({BY_POD}) {young} unless on ({BY_POD}) ({was_ready})")
        doubts = " or ".join(f"max by (namespace,pod) ({each})" for each in doubted)
        parts = " or ".join(
            (
                marked(chosen.used, "part", USED),
                marked(chosen.whole, "part", WHOLE),
                marked(f"({doubts})", "part", DOUBT),
            )
        )
        pods = owned(self.kind, chosen.names, chosen.inside, dialect)
        by = "namespace,workload,container,part" if self.by_container else "namespace,workload,part"
        return f"sum by ({by}) (({parts}) * on (namespace,pod) group_left (workload) {pods})"

    def percentage(self, need: Need, dialect: Dialect) -> str:
        """The percentage itself over the ready pods, for one need: the reading where none of them is in doubt."""
        chosen = Selected(self, [need], dialect, named=True)
        pods = owned(self.kind, chosen.names, chosen.inside, dialect, only=(f"{chosen.ready} == 1",))
        join = f"* on (namespace,pod) group_left (workload) {pods}"
        return f"100 * sum({chosen.used} {join}) / sum({chosen.whole} {join})"

    def most(self, needs: Sequence[Need]) -> int:
        """The matchers span every pairing of namespace and name, so that many workloads can be in the answer."""
        pairs = len({need.namespace for need in needs}) * len({workload_of(need) for need in needs})
        return pairs * (2 * len({container_of(need) for need in needs}) + 1)

    def read(self, need: Need, rows: Sequence[Series]) -> Reading:
        """Percentage, exact on the sums as sent.

        UNCLEAR when a pod is in doubt, and when none has a request: the second look tells that from no pods.
        """
        parts = {row.labels.get("part"): row.value for row in rows if self.concerns(need, row)}
        if DOUBT in parts or WHOLE not in parts:
            return UNCLEAR
        used, whole = parts.get(USED, Fraction(0)), parts[WHOLE]
        if used is None or not whole:
            return Absent(Reason.NOT_A_NUMBER)
        return Sample(percent(used, whole))  # without doubt every pod is Ready and counts, as the target shows them

    def no_pods(self, need: Need) -> Absent:
        """The reading of a workload without a pod that counts."""
        reach = ""
        if self.kind is not None and self.kind not in KNOWN_KINDS:  # what a foreign kind must do for its pods
            reach = f"; pods are found that a {self.kind} or a ReplicaSet of it owns, for others use a query"
        return Absent(Reason.EMPTY, f"no ready pod of {workload_of(need)} is known{reach}")

    def no_requests(self, need: Need) -> Absent:
        """The reading of a workload none of whose pods that count has a request."""
        one = "request" if self.of is ResourceBase.REQUESTS else "limit"
        if self.by_container:
            message = f"container {container_of(need)} of the ready pods has no {self.resource} {one}"
        else:
            message = f"no container of the ready pods has a {self.resource} {one}"
        if self.of is ResourceBase.REQUESTS:
            # kube-state-metrics has no series for them (fault A8), so they cannot be told from none.
            message += " (requests in the pod's own spec.resources are not exported by kube-state-metrics)"
        return Absent(Reason.NO_REQUESTS, message)

    def concerns(self, need: Need, row: Series) -> bool:
        """Whether a series is about the container that a need selects; those of whole pods always are."""
        return not self.by_container or row.labels.get("container", "") in ("", container_of(need))


class Selected:
    """The selections of one question, as PromQL."""

    def __init__(self, recipe: ResourceRecipe, needs: Sequence[Need], dialect: Dialect, *, named: bool) -> None:
        """Write the matchers.

        Args:
            recipe: What is measured.
            needs: At least one.
            dialect: The source's names.
            named: As in Recipe.promql.
        """
        namespaces = {need.namespace for need in needs}
        self.inside = (one_of("namespace", namespaces),) if named or len(namespaces) <= NAMED_NAMESPACES else ()
        self.names = [workload_of(need) for need in needs] if named else None
        self._dialect = dialect
        wanted = _EVERY_CONTAINER
        if recipe.by_container and named:
            wanted = (one_of("container", (container_of(need) or "" for need in needs)),)
        self._series = _USAGE[recipe.resource]
        self._matchers = (*self.inside, *wanted)
        if recipe.resource is ResourceName.CPU:
            self._matchers += (Matcher("cpu", "=~", "total|"),)
        of = (*self.inside, *wanted, equals("resource", recipe.resource.value))
        kind = _KINDS[recipe.of]
        self.amounts = f"{dialect.instant(f'kube_pod_container_resource_{kind}', *of)} > 0"
        """By container."""
        self.init_amounts = f"{dialect.instant(f'kube_pod_init_container_resource_{kind}', *of)} > 0"
        """By init container, also of those that have ended."""
        self.ready = self.was_ready(0)
        """By pod: 1 for a ready one, 0 for others."""
        fresh = f"{self.time_of()} > time() - {dialect.stale}"
        if recipe.resource is ResourceName.CPU:
            usage = dialect.slope(self._series, *self._matchers)
            self.measured = f"{usage} and on ({BY_CONTAINER}) ({fresh})"
        else:
            usage = self.measured = f"({self.now()} and ({fresh}))"
        """What speaks for the present. The slope itself is not bound to a young sample: where that is missing the pod
        is in doubt, and nothing of its workload is used."""
        self.used = f"max by ({BY_CONTAINER}) ({usage} and on ({BY_CONTAINER}) ({self.amounts} or {self.init_amounts}))"
        """By container: cores over the rate window, or bytes of a young sample."""
        sidecars = f"{self.init_amounts} and on ({BY_CONTAINER}) {self.now()}"
        self.whole = f"max by ({BY_CONTAINER}) ({self.amounts} or ({sidecars}))"
        """By container: what it requests or is limited to."""
        self.judged = self.whole if recipe.by_container else self.amounts
        """The same, as far as its samples are looked for. Where samples stop, they stop for all containers of a pod, so
        sidecars are looked for only where a metric selects one."""

    def was_ready(self, offset: int) -> str:
        """By pod: 1 for one that was Ready `offset` seconds ago, 0 for others."""
        return self._dialect.instant("kube_pod_status_ready", *self.inside, equals("condition", "true"), offset=offset)

    def now(self, offset: int = 0) -> str:
        """The usage series themselves, `offset` seconds ago."""
        return self._dialect.instant(self._series, *self._matchers, offset=offset)

    def time_of(self, offset: int = 0) -> str:
        """When the samples of `now` were taken."""
        return self._dialect.time_of(self._series, *self._matchers, offset=offset)


def percent(used: Fraction, whole: Fraction) -> Fraction:
    """100 · used / whole to nine decimals, half to even; whole numbers spare the common divisors."""
    above, below = 100 * _PLACES * used.numerator * whole.denominator, used.denominator * whole.numerator
    return Fraction(nearest(above, below), _PLACES)


def workload_of(need: Need) -> str:
    """Name of the workload whose pods a need measures; of a database, its instance."""
    if need.metric.database is not None:
        return need.metric.database.instance
    assert need.target is not None
    return need.target.name


def container_of(need: Need) -> str | None:
    """The container that a need selects; None for all."""
    return None if need.metric.resource is None else need.metric.resource.container
