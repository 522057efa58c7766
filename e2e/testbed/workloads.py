"""Manifests of the workloads that tests, demo and benches scale; their pods run on a pretended node."""

from collections.abc import Mapping
from typing import Any, Literal

from e2e.testbed.nodes import NODE_NAMES

_IMAGE = "registry.invalid/pretended:1"  # never pulled


def workload(
    name: str,
    namespace: str,
    *,
    kind: Literal["Deployment", "StatefulSet"] = "Deployment",
    replicas: int = 1,
    requests: Mapping[str, str] | None = None,
    limits: Mapping[str, str] | None = None,
    sidecars: tuple[str, ...] = (),
    native_sidecars: Mapping[str, Mapping[str, str]] | None = None,
    pod_requests: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    node: str = NODE_NAMES[0],
) -> dict[str, Any]:
    """Return a Deployment or StatefulSet whose pods are Ready about a second after they are made.

    Args:
        name: Also the value of the pods' label app and the name of the main container.
        namespace: It must exist.
        kind: A StatefulSet starts its pods all at once.
        replicas: Desired pods.
        requests: Of the main container, such as {"cpu": "500m", "memory": "256Mi"}; none by default.
        limits: Of the main container; none by default.
        sidecars: Names of further containers, without requests.
        native_sidecars: Requests by name of init containers that run as long as their pod.
        pod_requests: Of the whole pod (``spec.resources``); none by default.
        annotations: Of the pod template; stages.yaml says which ones slow a pod down.
        node: One of NODE_NAMES; by default there is no scheduler to choose it.
    """
    resources = {key: dict(value) for key, value in (("requests", requests), ("limits", limits)) if value}
    containers = [{"name": name, "image": _IMAGE, "resources": resources}]
    containers += [{"name": sidecar, "image": _IMAGE} for sidecar in sidecars]
    pod: dict[str, Any] = {"nodeName": node, "containers": containers}
    if native_sidecars:
        pod["initContainers"] = [
            {"name": sidecar, "image": _IMAGE, "restartPolicy": "Always", "resources": {"requests": dict(asked)}}
            for sidecar, asked in native_sidecars.items()
        ]
    if pod_requests:
        pod["resources"] = {"requests": dict(pod_requests)}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}, "annotations": dict(annotations or {})},
            "spec": pod,
        },
    }
    if kind == "StatefulSet":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
