"""Stands in for the controller of Deployments: whatever replicas one has, its pods are ready at once.

Thousands of pretended pods would cost the machine more than all that is tested; what deadband reads of them is this
status alone.
"""

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import urllib3
from kubernetes.client import ApiClient

from e2e.bench.fleet import deployment_status
from e2e.testbed.bulk import send
from e2e.testbed.policies import open_client

_PATH = "/apis/apps/v1/deployments"
_WATCH_SECONDS = 5
_AGAIN_SECONDS = 0.5


class Hands:
    """A thread that keeps every Deployment's status in step; a context manager."""

    def __init__(self, kubeconfig: Path) -> None:
        """Take an administrator's kubeconfig."""
        self._kubeconfig = kubeconfig
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hands", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        """List and watch again and again: the API server is restarted under it."""
        with open_client(self._kubeconfig) as client:
            while not self._ending.is_set():
                try:
                    self._follow(client, self._catch_up(client))
                except (urllib3.exceptions.HTTPError, RuntimeError, ValueError):
                    self._ending.wait(_AGAIN_SECONDS)

    def _catch_up(self, client: ApiClient) -> str:
        """Bring everything in step, and return the version from which on to watch."""
        found = json.loads(_get(client, _PATH).data)
        _tell(client, found["items"])
        return str(found["metadata"]["resourceVersion"])

    def _follow(self, client: ApiClient, version: str) -> None:
        """Watch until the history is gone, or the end."""
        while not self._ending.is_set():
            query = f"{_PATH}?watch=1&resourceVersion={version}&timeoutSeconds={_WATCH_SECONDS}"
            for line in _get(client, query, preload_content=False):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                _tell(client, [event["object"]])
                version = event["object"]["metadata"]["resourceVersion"]


def _get(client: ApiClient, path: str, **options: Any) -> Any:
    connections: Any = client.rest_client.pool_manager
    answer = connections.request("GET", f"{client.configuration.host}{path}", timeout=30, retries=False, **options)
    if answer.status >= 300:
        raise RuntimeError(f"GET {path}: {answer.status}")
    return answer


def _tell(client: ApiClient, deployments: Iterable[dict[str, Any]]) -> None:
    behind = [
        one
        for one in deployments
        if one.get("status", {}).get("observedGeneration", 0) < one["metadata"]["generation"]
        and "deletionTimestamp" not in one["metadata"]
    ]
    send(client, "PATCH", [(_status_path(one["metadata"]), _status(one)) for one in behind])


def _status_path(metadata: dict[str, Any]) -> str:
    return f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}/status"


def _status(one: dict[str, Any]) -> dict[str, Any]:
    return deployment_status(one["spec"]["replicas"], generation=one["metadata"]["generation"])
