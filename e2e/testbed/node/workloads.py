"""Deployments of burners, and where their pods are."""

from collections.abc import Mapping, Sequence
from typing import Any

from e2e.testbed.cluster import Cluster
from e2e.testbed.node.images import BURNER

PORT = 8080


def burner(
    name: str,
    namespace: str,
    *,
    replicas: int,
    cpu: str,
    memory: str = "32Mi",
    burn: float = 0,
    flags: Sequence[str] = (),
    limits: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a Deployment of burners whose label app, and container, have its name.

    Args:
        name: Of the Deployment.
        namespace: It must exist.
        replicas: Desired pods.
        cpu: The container's request.
        memory: Likewise.
        burn: Cores that each uses all the time once it is ready.
        flags: Further flags of the burner (burner/main.go).
        limits: Of the container.
    """
    container: dict[str, Any] = {
        "name": name,
        "image": BURNER,
        "args": [f"--burn={burn:g}", *flags],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, **({"limits": dict(limits)} if limits else {})},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def addresses(cluster: Cluster, namespace: str, name: str) -> list[str]:
    """The addresses of a Deployment's ready pods that are not about to go."""
    found = cluster.get("pods", "-n", namespace, "-l", f"app={name}")["items"]
    return [
        pod["status"]["podIP"]
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        and {"type": "Ready", "status": "True"}.items()
        <= next((each for each in pod["status"].get("conditions", []) if each["type"] == "Ready"), {}).items()
    ]


def with_sidecar(deployment: dict[str, Any], *, cpu: str, burn: float) -> dict[str, Any]:
    """Give a Deployment's pods a native sidecar `proxy` that requests CPU and burns so many cores."""
    proxy = {
        "name": "proxy",
        "image": BURNER,
        "restartPolicy": "Always",
        "args": [f"--burn={burn:g}", f"--listen=:{PORT + 1}"],
        "resources": {"requests": {"cpu": cpu, "memory": "32Mi"}},
    }
    deployment["spec"]["template"]["spec"]["initContainers"] = [proxy]
    return deployment


def pod_level(deployment: dict[str, Any], *, cpu: str) -> dict[str, Any]:
    """Let a Deployment's pods request CPU as a whole, and their containers none."""
    spec = deployment["spec"]["template"]["spec"]
    del spec["containers"][0]["resources"]
    spec["resources"] = {"requests": {"cpu": cpu, "memory": "32Mi"}}
    return deployment
