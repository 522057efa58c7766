"""Which pods belong to which workload, told by ownership in kube-state-metrics, never by a name pattern."""

from collections.abc import Sequence

from deadband.queries.promql import Dialect, Matcher, equals, one_of, renamed

BY_POD = "namespace,pod,uid"
_VIA_REPLICASET = frozenset({"Deployment"})
_DIRECT = frozenset({"StatefulSet", "ReplicaSet", "ReplicationController"})
KNOWN_KINDS = _VIA_REPLICASET | _DIRECT
"""Kinds whose way to their pods is known; of another kind, pods are found that it or a ReplicaSet of it owns."""
_CONTROLLER = equals("owner_is_controller", "true")


def owned(
    kind: str | None,
    names: Sequence[str] | None,
    inside: Sequence[Matcher],
    dialect: Dialect,
    *,
    only: Sequence[str] = (),
    never: Sequence[str] = (),
) -> str:
    """Select the pods that are not terminating, value 1, with the labels namespace, pod and workload.

    Ready or not: a pod that is being deleted keeps its Ready condition until it stops, so only a deletion time takes a
    pod away. Pods are compared by uid too, because a StatefulSet gives the next pod the same name.

    Args:
        kind: Deployment goes over the ReplicaSet; StatefulSet, ReplicaSet and ReplicationController own pods
            themselves; any other kind may do either; None is any workload of the name.
        names: Names of the workloads; None for all.
        inside: Matcher of the namespaces; empty for all.
        dialect: The source's names.
        only: Expressions with namespace, pod and uid in one of which a pod must be found, where there are any.
        never: Likewise, those in which it must not be found.
    """
    chosen = () if names is None else (one_of("owner_name", names),)
    of_kind = () if kind is None else (equals("owner_kind", kind),)
    terminating = dialect.instant("kube_pod_deletion_timestamp", *inside)

    def pods(*of_pod: Matcher) -> str:
        living = dialect.instant("kube_pod_owner", *inside, *of_pod, _CONTROLLER)
        for each in only:
            living += f" and on ({BY_POD}) ({each})"
        for each in (terminating, *never):
            living += f" unless on ({BY_POD}) ({each})"
        return f"({living})"

    if kind in _DIRECT:
        return _collapse(renamed(pods(*of_kind, *chosen), *_WORKLOAD))
    owners = renamed(dialect.instant("kube_replicaset_owner", *inside, *of_kind, *chosen, _CONTROLLER), *_WORKLOAD)
    by_set = f"max by (namespace,replicaset,workload) ({owners})"
    of_sets = renamed(pods(equals("owner_kind", "ReplicaSet")), "owner_name", "replicaset")
    over = _collapse(f"{of_sets} * on (namespace,replicaset) group_left (workload) {by_set}")
    if kind in _VIA_REPLICASET:
        return over
    return f"({over} or on (namespace,pod) {_collapse(renamed(pods(*of_kind, *chosen), *_WORKLOAD))})"


_WORKLOAD = ("owner_name", "workload")


def _collapse(pods: str) -> str:
    """Two kube-state-metrics (a restart, or two scrape jobs) tell of one pod twice; joins need it once."""
    return f"max by (namespace,pod,workload) ({pods})"
