"""The `resource` recipe: percent of what the target's ready pods request, or are limited to, that they use.

Series and labels, each under the name its exporter documents:

* cAdvisor in the kubelet (google/cadvisor docs/storage/prometheus.md): container_cpu_usage_seconds_total and
  container_memory_working_set_bytes, labels namespace, pod, container, id. ``container`` is blank for the pod's slice,
  the node's cgroups and containerd's sandbox, "POD" for the sandbox of older runtimes. The kubelet reports the CPUs as
  one series, cpu="total"; per-CPU series of a stand-alone cAdvisor are not read.
* kube-state-metrics (docs/metrics/workload/pod-metrics.md, replicaset-metrics.md): kube_pod_owner,
  kube_replicaset_owner, kube_pod_status_ready, kube_pod_deletion_timestamp,
  kube_pod_container_resource_requests and kube_pod_container_resource_limits {resource}. Init containers, native
  sidecars among them, have series of other names there and so count on neither side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.metrics import ResourceBase, ResourceName
from deadband.core.rounding import nearest
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.owners import KNOWN_KINDS, owned
from deadband.queries.promql import Dialect, Matcher, equals, marked, one_of
from deadband.queries.types import Need, Series

USED, WHOLE, MISSING, BARE = "used", "whole", "missing", "bare"
"""Values of the label `part`: use of the containers that have both a request and a usage; the requests of all; of
them, those of containers without a usage; how many ready pods have no request at all. As a rule a workload has the
first two alone. What the use is compared with, the whole less what is missing, is no part of its own: to join it costs
Prometheus as much as the use does."""
NAMED_NAMESPACES = 500
"""A question about more of them asks for all: their names would stand in each of its selectors."""

_BASES = {
    ResourceBase.REQUESTS: "kube_pod_container_resource_requests",
    ResourceBase.LIMITS: "kube_pod_container_resource_limits",
}
_CONTAINER = "namespace,pod,container"
_EVERY_CONTAINER: tuple[Matcher, ...] = (Matcher("container", "!=", ""), Matcher("container", "!=", "POD"))
_PLACES = 10**9
"""Percentages are rounded to nine decimals, what the API can write: sums of binary floats in Prometheus are off by
about 1e-13 of the value, and 70.00000000000001 must not be above 70 (R4)."""


@dataclass(frozen=True, slots=True)
class ResourceRecipe:
    """Workloads of one kind in one resource; the answer has up to four series for each, told apart by `part`.

    A ready pod that has no usage yet (a rate needs two samples) counts on neither side: as 0 % it would pull the
    average down and start a scale-down, at 100 % the reverse. But when that leaves less than half of what the ready
    pods request, the rest does not speak for the whole, and the reading is Partial until it does: after a large
    scale-up the next step waits for the new pods' figures, and a lost cAdvisor scrape moves nothing. Partial rather
    than Empty, since `onNoData` must not answer for a broken source.

    Two usage series of one container (two scrape jobs, or an old id beside the new one after a restart) count once,
    by the larger one.

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
        return (need.namespace, _workload(need))

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the parts of these needs' workloads, or of every workload of the kind in their namespaces.

        Only the left side of `and` and `unless` is made unique by `max`: of the right side presence is all that counts.
        """
        usage, base, ready, pods = self._selections(needs, dialect, named=named)
        once = f"max by ({_CONTAINER})"
        parts = " or ".join(
            (
                marked(f"({once} ({usage}) and on ({_CONTAINER}) ({base}))", "part", USED),
                marked(f"{once} ({base})", "part", WHOLE),
                marked(f"({once} ({base}) unless on ({_CONTAINER}) ({usage}))", "part", MISSING),
                marked(f"(max by (namespace,pod) ({ready}) unless on (namespace,pod) ({base}))", "part", BARE),
            )
        )
        by = "namespace,workload,container,part" if self.by_container else "namespace,workload,part"
        return f"sum by ({by}) (({parts}) * on (namespace,pod) group_left (workload) {pods})"

    def percentage(self, need: Need, dialect: Dialect) -> str:
        """The percentage itself, for one need."""
        usage, base, _, pods = self._selections([need], dialect, named=True)
        usage, base = f"max by ({_CONTAINER}) ({usage})", f"max by ({_CONTAINER}) ({base})"
        used = f"({usage} and on ({_CONTAINER}) {base}) * on (namespace,pod) group_left (workload) {pods}"
        measured = f"({base} and on ({_CONTAINER}) {usage}) * on (namespace,pod) group_left (workload) {pods}"
        return f"100 * sum({used}) / sum({measured})"

    def most(self, needs: Sequence[Need]) -> int:
        """The matchers span every pairing of namespace and name, so that many workloads can be in the answer."""
        pairs = len({need.namespace for need in needs}) * len({_workload(need) for need in needs})
        return pairs * (3 * len({_container(need) for need in needs}) + 1)

    def read(self, need: Need, rows: Sequence[Series]) -> Reading:
        """Percentage, exact on the sums as sent; Empty without a ready pod, NoRequests when none has a request."""
        if not rows:
            return Absent(Reason.EMPTY, f"no ready pod of {_workload(need)} is known{self._reach}")
        parts = {row.labels.get("part"): row.value for row in rows if self._concerns(need, row)}
        zero = Fraction(0)
        used, whole, missing = (parts.get(part, zero) for part in (USED, WHOLE, MISSING))
        if used is None or whole is None or missing is None:
            return Absent(Reason.NOT_A_NUMBER)
        if not whole:
            which = f"container {_container(need)}" if self.by_container else "no container"
            says = "has no" if self.by_container else "has a"
            return Absent(Reason.NO_REQUESTS, f"{which} of the ready pods {says} {self.resource} {self._one}")
        measured = whole - missing if missing else whole
        if measured < missing:
            share = int(100 * measured / whole)
            return Absent(
                Reason.PARTIAL, f"{self.resource} usage is known for only {share} % of what the ready pods {self._verb}"
            )
        return Sample(_percent(used, measured))

    @property
    def _reach(self) -> str:
        """What a foreign kind must do for its pods to be found."""
        if self.kind is None or self.kind in KNOWN_KINDS:
            return ""
        return f"; pods are found that a {self.kind} or a ReplicaSet of it owns, for others use a query"

    @property
    def _one(self) -> str:
        return "request" if self.of is ResourceBase.REQUESTS else "limit"

    @property
    def _verb(self) -> str:
        return "request" if self.of is ResourceBase.REQUESTS else "are limited to"

    def _concerns(self, need: Need, row: Series) -> bool:
        return not self.by_container or row.labels.get("container") == _container(need)

    def _selections(self, needs: Sequence[Need], dialect: Dialect, *, named: bool) -> tuple[str, str, str, str]:
        """Usage and request by container, readiness by pod, and the ready pods with their workload.

        Only the last are unique: where two exporters tell of one thing, the others have it twice.
        """
        namespaces = {need.namespace for need in needs}
        inside = (one_of("namespace", namespaces),) if named or len(namespaces) <= NAMED_NAMESPACES else ()
        wanted = _EVERY_CONTAINER
        if self.by_container and named:
            wanted = (one_of("container", (_container(need) or "" for need in needs)),)
        if self.resource is ResourceName.CPU:
            total = Matcher("cpu", "=~", "total|")
            usage = dialect.rate("container_cpu_usage_seconds_total", *inside, *wanted, total)
        else:
            usage = dialect.instant("container_memory_working_set_bytes", *inside, *wanted)
        amounts = dialect.instant(_BASES[self.of], *inside, *wanted, equals("resource", self.resource.value))
        ready = dialect.instant("kube_pod_status_ready", *inside, equals("condition", "true"))
        names = [_workload(need) for need in needs] if named else None
        return usage, f"{amounts} > 0", f"{ready} == 1", owned(self.kind, names, inside, dialect)


def _percent(used: Fraction, measured: Fraction) -> Fraction:
    """100 · used / measured to nine decimals, half to even; whole numbers spare the common divisors."""
    above, below = 100 * _PLACES * used.numerator * measured.denominator, used.denominator * measured.numerator
    return Fraction(nearest(above, below), _PLACES)


def _workload(need: Need) -> str:
    if need.metric.database is not None:
        return need.metric.database.instance
    assert need.target is not None
    return need.target.name


def _container(need: Need) -> str | None:
    return None if need.metric.resource is None else need.metric.resource.container
