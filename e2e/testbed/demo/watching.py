"""Looking at the API server: the Deployments' spec and the policies' status, past the operator and its logs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kubernetes import client, config

from e2e.testbed.demo.observed import PolicySeen, Snapshot, WorkloadSeen
from e2e.testbed.demo.story import NAMESPACE

_TIMEOUT_SECONDS = 10


class Eye:
    """Reads the demo's namespace as an administrator; `look` may be called from one thread only."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = config.new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]  # so upstream
        self._deployments = client.AppsV1Api(self._api).list_namespaced_deployment
        self._objects = client.CustomObjectsApi(self._api).list_namespaced_custom_object

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()

    def look(self, at: float) -> Snapshot:
        """Read everything once; `at` is what the snapshot says of its time.

        Raises:
            client.ApiException, urllib3.exceptions.HTTPError: The API server refused or did not answer.
        """
        # Policies last: a status that explains a scaling is written after it.
        workloads = {_name(item): parse_workload(item) for item in _items(self._deployments, NAMESPACE)}
        listed = _items(self._objects, "deadband.dev", "v1alpha1", NAMESPACE, "scalingpolicies")
        return Snapshot(at, workloads, {_name(item): parse_policy(item) for item in listed})


def parse_workload(item: Mapping[str, Any]) -> WorkloadSeen:
    """Read one item of a DeploymentList."""
    return WorkloadSeen(item["spec"]["replicas"], item.get("status", {}).get("readyReplicas", 0))


def parse_policy(item: Mapping[str, Any]) -> PolicySeen:
    """Read one item of a ScalingPolicyList."""
    status = item.get("status", {})
    decision = status.get("decision", {})
    events = status.get("scaleEvents") or []
    return PolicySeen(
        target=item["spec"]["scaleTargetRef"]["name"],
        reason=decision.get("reason", ""),
        sentence=decision.get("sentence", ""),
        next=decision.get("next", ""),
        conditions={each["type"]: each["status"] for each in status.get("conditions") or []},
        last_scaling=(events[-1]["from"], events[-1]["to"]) if events else None,
    )


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _items(lister: Callable[..., Any], *where: str) -> list[dict[str, Any]]:
    answer = lister(*where, _preload_content=False, _request_timeout=_TIMEOUT_SECONDS)
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items
