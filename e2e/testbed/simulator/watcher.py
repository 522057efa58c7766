"""Reading the cluster: a thread that lists pods, their owners and nodes once a second and hands over what it saw."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import urllib3
from kubernetes import client, config

from e2e.testbed.simulator.cluster import Cluster, parse_cluster

logger = logging.getLogger(__name__)


class KubeWatcher:
    """Polls an API server, so that a broken connection heals by itself and nothing is ever missed for long.

    What ``seen`` raises of the API server is treated as a failure to read it. Attributes: ``api``, the client.
    The lists are read as plain JSON: building the client's models of hundreds of pods every second costs a core.
    """

    def __init__(
        self,
        kubeconfig: str,
        seen: Callable[[Cluster], None],
        interval_seconds: float = 1.0,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.api = config.new_client_from_config(config_file=kubeconfig)  # type: ignore[no-untyped-call]  # so upstream
        self._seen = seen
        self._ended = ended
        self._interval = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator-kube", daemon=True)

    def read(self) -> Cluster:
        """List once, from the API server's cache; raises urllib3.exceptions.HTTPError or client.ApiException."""
        core, apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)
        return parse_cluster(
            self._items(core.list_pod_for_all_namespaces),
            {
                "ReplicaSet": self._items(apps.list_replica_set_for_all_namespaces),
                "Deployment": self._items(apps.list_deployment_for_all_namespaces),
                "StatefulSet": self._items(apps.list_stateful_set_for_all_namespaces),
            },
            self._items(core.list_node),
        )

    def start(self) -> None:
        """List once in the caller's thread, so that a wrong kubeconfig fails here, then go on in the background."""
        self._seen(self.read())
        self._thread.start()

    def stop(self) -> None:
        """Stop polling, wait for the list under way, and call ``ended`` while the client can still be used."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._ended()
        self.api.close()

    @staticmethod
    def _items(lister: Callable[..., Any]) -> list[dict[str, Any]]:
        answer = lister(resource_version="0", _preload_content=False, _request_timeout=10)
        items: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return items

    def _run(self) -> None:
        failing = False
        while not self._stop.wait(self._interval):
            try:
                self._seen(self.read())
            except (urllib3.exceptions.HTTPError, client.ApiException) as error:
                if not failing:
                    logger.warning("cannot read or write pods, going on with those last seen: %s", error)
                failing = True
            else:
                if failing:
                    logger.warning("pods can be read and written again")
                failing = False
