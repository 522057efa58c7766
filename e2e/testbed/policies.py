"""ScalingPolicies as tests write them, and what the API server shows of them and of their targets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient, ApiException, AppsV1Api, CustomObjectsApi
from kubernetes.config import new_client_from_config

from e2e.testbed.processes import wait_until

_NOT_EVALUATED = "not evaluated"
GROUP, VERSION = "deadband.dev", "v1alpha1"


def source(name: str, url: str, *, default: bool = False, **spec: Any) -> dict[str, Any]:
    """Return a MetricSource with the short times that a scrape every second allows."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MetricSource",
        "metadata": {"name": name},
        "spec": {
            "url": url,
            "default": default,
            "staleAfterSeconds": 10,
            "rateWindowSeconds": 10,
            "timeoutSeconds": 3,
            **spec,
        },
    }


def policy(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """Return a ScalingPolicy of the Deployment of the same name, evaluated every 5 s; None removes a default."""
    whole: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 1,
        "maxReplicas": 10,
        "intervalSeconds": 5,
        **spec,
    }
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }


def open_client(kubeconfig: Path) -> ApiClient:
    """Return a client with the rights of a kubeconfig; a context manager that closes it."""
    client: ApiClient = new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]  # upstream has no types
    return client


class Seen:
    """What the API server shows of one namespace."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        """Take a client with the rights to read, and the namespace."""
        self._apps = AppsV1Api(client)
        self._objects = CustomObjectsApi(client)
        self.namespace = namespace

    def replicas(self, name: str, kind: str = "Deployment") -> int:
        """spec.replicas of a workload."""
        read = {
            "Deployment": self._apps.read_namespaced_deployment,
            "StatefulSet": self._apps.read_namespaced_stateful_set,
        }[kind]
        found: Any = read(name, self.namespace)
        return int(found.spec.replicas)

    def policy(self, name: str) -> dict[str, Any]:
        """The whole ScalingPolicy; an empty one when it does not exist."""
        try:
            found: Any = self._objects.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, "scalingpolicies", name
            )
        except ApiException as error:
            if error.status == 404:
                return {}
            raise
        return dict(found)

    def status(self, name: str) -> dict[str, Any]:
        """The status of a ScalingPolicy; empty while there is none."""
        return dict(self.policy(name).get("status") or {})

    def reason(self, name: str) -> str:
        """The reason of its last decision; empty before the first."""
        return str((self.status(name).get("decision") or {}).get("reason", ""))

    def condition(self, name: str, type_: str) -> tuple[str, str]:
        """Status and reason of a condition; ("", "") while it is not there."""
        for each in self.status(name).get("conditions") or []:
            if each["type"] == type_:
                return each["status"], each["reason"]
        return "", ""

    def message(self, name: str, type_: str) -> str:
        """The message of a condition; empty while it is not there."""
        return next(
            (each["message"] for each in self.status(name).get("conditions") or [] if each["type"] == type_), ""
        )

    def wait_for(self, what: str, check: Callable[[], bool], *, timeout: float = 60) -> None:
        """Wait until a check holds; the failure shows every policy's decision."""
        try:
            wait_until(check, timeout=timeout, what=what)
        except Exception as error:
            error.add_note("\n".join(f"{name}: {sentence}" for name, sentence in self.sentences().items()))
            raise

    def evaluated(self) -> Sequence[str]:
        """The policies of the namespace that have a status."""
        return [name for name, sentence in self.sentences().items() if sentence != _NOT_EVALUATED]

    def sentences(self) -> Mapping[str, str]:
        """The sentence of every policy of the namespace."""
        found: Any = self._objects.list_namespaced_custom_object(GROUP, VERSION, self.namespace, "scalingpolicies")
        return {
            each["metadata"]["name"]: ((each.get("status") or {}).get("decision") or {}).get("sentence", _NOT_EVALUATED)
            for each in found["items"]
        }
