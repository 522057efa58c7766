"""Looking at the API server and at Alertmanager: what is asked for, and what policies say, past the operator's logs."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kubernetes import client, config

from e2e.testbed.alertmanager import Alertmanager
from e2e.testbed.demo.observed import ACTION_REQUIRED, PolicySeen, ProposalSeen, Snapshot, WorkloadSeen
from e2e.testbed.demo.story import NAMESPACE, floor_of

_TIMEOUT_SECONDS = 10


class Eye:
    """Reads the demo's namespace as an administrator; `look` may be called from one thread only."""

    def __init__(self, kubeconfig: Path, alertmanager: Alertmanager) -> None:
        self._alertmanager = alertmanager
        self._api = config.new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]  # so upstream
        self._deployments = client.AppsV1Api(self._api).list_namespaced_deployment
        self._autoscalers = client.AutoscalingV2Api(self._api).list_namespaced_horizontal_pod_autoscaler
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
            requests.RequestException: Alertmanager did not.
        """
        # Policies last: a status that explains a scaling is written after it.
        workloads = {_name(item): parse_workload(item) for item in _items(self._deployments, NAMESPACE)}
        for item in _items(self._autoscalers, NAMESPACE):
            workloads[floor_of(_name(item))] = parse_floor(item, workloads)
        listed = _items(self._objects, "deadband.dev", "v1alpha1", NAMESPACE, "scalingpolicies")
        alerts = self._alertmanager.alerts(alertname="DeadbandActionRequired", namespace=NAMESPACE)
        asking = frozenset(alert["labels"]["policy"] for alert in alerts)
        return Snapshot(at, workloads, {_name(item): parse_policy(item) for item in listed}, asking)


def parse_workload(item: Mapping[str, Any]) -> WorkloadSeen:
    """Read one item of a DeploymentList."""
    return WorkloadSeen(item["spec"]["replicas"], item.get("status", {}).get("readyReplicas", 0))


def parse_floor(item: Mapping[str, Any], workloads: Mapping[str, WorkloadSeen]) -> WorkloadSeen:
    """Read one item of a HorizontalPodAutoscalerList: its floor, and the ready pods of the workload that it scales."""
    return WorkloadSeen(item["spec"]["minReplicas"], workloads[item["spec"]["scaleTargetRef"]["name"]].ready)


def parse_policy(item: Mapping[str, Any]) -> PolicySeen:
    """Read one item of a ScalingPolicyList."""
    status = item.get("status", {})
    decision = status.get("decision", {})
    events = status.get("scaleEvents") or []
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    asked = conditions.get(ACTION_REQUIRED, {})
    return PolicySeen(
        target=_target(item["spec"].get("scaleTargetRef")),
        reason=decision.get("reason", ""),
        sentence=decision.get("sentence", ""),
        next=decision.get("next", ""),
        conditions={type_: each["status"] for type_, each in conditions.items()},
        last_scaling=(events[-1]["from"], events[-1]["to"]) if events else None,
        proposal=_proposal(status.get("proposal")),
        refusal=asked["message"] if asked.get("reason") == "ApprovalRefused" else "",
    )


def _target(reference: Mapping[str, Any] | None) -> str | None:
    if reference is None:
        return None
    name = str(reference["name"])
    return floor_of(name) if reference["kind"] == "HorizontalPodAutoscaler" else name


def _proposal(item: Mapping[str, Any] | None) -> ProposalSeen | None:
    return ProposalSeen(item["id"], datetime.fromisoformat(item["expiresAt"])) if item else None


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _items(lister: Callable[..., Any], *where: str) -> list[dict[str, Any]]:
    answer = lister(*where, _preload_content=False, _request_timeout=_TIMEOUT_SECONDS)
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items
