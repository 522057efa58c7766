"""Which ready pods belong to which workload, told by ownership in kube-state-metrics, never by a name pattern."""

from collections.abc import Sequence

from deadband.queries.promql import Dialect, Matcher, equals, one_of, renamed

_POD = "namespace,pod,uid"
_VIA_REPLICASET = frozenset({"Deployment"})
_DIRECT = frozenset({"StatefulSet", "ReplicaSet", "ReplicationController"})
KNOWN_KINDS = _VIA_REPLICASET | _DIRECT
"""Kinds whose way to their pods is known; of another kind, pods are found that it or a ReplicaSet of it owns."""
_CONTROLLER = equals("owner_is_controller", "true")


def owned(kind: str | None, names: Sequence[str] | None, inside: Sequence[Matcher], dialect: Dialect) -> str:
    """Select the ready pods that are not terminating, value 1, with the labels namespace, pod and workload.

    A pod is ready when its Ready condition is true, which a pending, failed or finished one never has; one that is
    being deleted keeps it until it stops, so those are taken away: what is left is what a Deployment counts in
    status.readyReplicas (replica sets leave out pods with a deletion time). Pods are compared by uid too, because a
    StatefulSet gives the next pod the same name.

    Args:
        kind: Deployment goes over the ReplicaSet; StatefulSet, ReplicaSet and ReplicationController own pods
            themselves; any other kind may do either; None is any workload of the name.
        names: Names of the workloads; None for all.
        inside: Matcher of the namespaces; empty for all.
        dialect: The source's names.
    """
    chosen = () if names is None else (one_of("owner_name", names),)
    of_kind = () if kind is None else (equals("owner_kind", kind),)
    over = _over_replicaset((*of_kind, *chosen), inside, dialect)
    if kind in _VIA_REPLICASET:
        return over
    direct = _collapse(renamed(_ready(dialect, *inside, *of_kind, *chosen), "owner_name", "workload"))
    if kind in _DIRECT:
        return direct
    return f"({over} or on (namespace,pod) {direct})"


def _over_replicaset(of_owner: Sequence[Matcher], inside: Sequence[Matcher], dialect: Dialect) -> str:
    pods = renamed(_ready(dialect, *inside, equals("owner_kind", "ReplicaSet")), "owner_name", "replicaset")
    owners = renamed(
        dialect.instant("kube_replicaset_owner", *inside, *of_owner, _CONTROLLER), "owner_name", "workload"
    )
    by_set = f"max by (namespace,replicaset,workload) ({owners})"
    return _collapse(f"{pods} * on (namespace,replicaset) group_left (workload) {by_set}")


def _ready(dialect: Dialect, *of_pod: Matcher) -> str:
    inside = tuple(each for each in of_pod if each.label == "namespace")
    pods = dialect.instant("kube_pod_owner", *of_pod, _CONTROLLER)
    ready = dialect.instant("kube_pod_status_ready", *inside, equals("condition", "true"))
    terminating = dialect.instant("kube_pod_deletion_timestamp", *inside)
    return f"({pods} and on ({_POD}) ({ready} == 1) unless on ({_POD}) {terminating})"


def _collapse(pods: str) -> str:
    """Two kube-state-metrics (a restart, or two scrape jobs) tell of one pod twice; joins need it once."""
    return f"max by (namespace,pod,workload) ({pods})"
