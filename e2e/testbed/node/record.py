"""What a namespace of the real node went through, second by second: pods, replicas and what policies read."""

import re
import threading
import time
from dataclasses import dataclass
from typing import Any, Self

from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api, CustomObjectsApi

from e2e.testbed.node.truth import Truth
from e2e.testbed.policies import GROUP, VERSION

_INTERVAL_SECONDS = 1.0
_NUMBER = r"(\d+(?:\.\d+)?)"
_VALUE = re.compile(rf"{_NUMBER}(?:-{_NUMBER})?\s?%")


@dataclass(frozen=True, slots=True)
class Moment:
    """One policy, which has the name of its Deployment, at one time.

    Attributes:
        when: Unix seconds.
        replicas: spec.replicas.
        ready: Ready pods that are not about to go.
        readings: By metric, its value as the status shows it and its verdict; no value when there is no number.
        messages: By type of condition, its message.
        decision: Its reason and sentence.
    """

    when: float
    replicas: int
    ready: int
    readings: dict[str, tuple[str | None, str]]
    messages: dict[str, str]
    decision: str

    def ends(self, metric: str = "cpu") -> tuple[float, float] | None:
        """The two ends of a metric's reading in percent, the same where it is one number; None without one.

        Raises:
            ValueError: The value is written otherwise than `63%` or `45-70%`.
        """
        value, _ = self.readings.get(metric, (None, ""))
        if value is None:
            return None
        found = _VALUE.fullmatch(value)
        if found is None:
            raise ValueError(f"{value!r} is no percentage")
        return float(found[1]), float(found[2] or found[1])


class Record:
    """The record, kept from `with` on."""

    def __init__(self, client: ApiClient, namespace: str, truth: Truth) -> None:
        """Take a client with the rights to read, the namespace, and the kernel's counters."""
        self._apps, self._core, self._objects = AppsV1Api(client), CoreV1Api(client), CustomObjectsApi(client)
        self._namespace = namespace
        self._truth = truth
        self._moments: dict[str, list[Moment]] = {}
        self._uids: dict[str, set[str]] = {}
        self._ready: dict[str, list[str]] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def moments(self, name: str, since: float = 0.0) -> list[Moment]:
        """Every moment of a policy from a Unix time on."""
        return [each for each in list(self._moments.get(name, [])) if each.when >= since]

    def ready(self, name: str) -> list[str]:
        """The addresses of a Deployment's ready pods, as they were a second ago."""
        return self._ready.get(name, [])

    def true_percent(self, name: str, request: float, start: float, end: float) -> float:
        """CPU of all pods of a Deployment between two Unix times by the kernel's counters, in percent.

        Args:
            name: Of the Deployment.
            request: Cores that each of its pods requests.
            start: From when; pods that came later count from then on.
            end: Until when.
        """
        used = lived = 0.0
        ends = tuple(f"pod{uid}" for uid in self._uids.get(name, ()))
        for group in self._truth.ids():
            if not group.endswith(ends):
                continue
            first, last = max(start, self._truth.began(group)), min(end, self._truth.ended(group))
            if last > first and (seconds := self._truth.used(group, first, last)) is not None:
                used += seconds
                lived += last - first
        return 100 * used / (request * lived) if lived else 0.0

    def told(self, name: str, since: float = 0.0) -> str:
        """Every change that a policy saw, one line each, for the message of a failed test."""
        lines, before = [], ""
        for each in self.moments(name, since):
            readings = ", ".join(f"{metric} {value} {verdict}" for metric, (value, verdict) in each.readings.items())
            line = f"{each.replicas} replicas, {each.ready} ready; {readings}; {each.decision}"
            if line != before:
                lines.append(f"{each.when - since if since else each.when:8.1f}s  {line}")
            before = line
        return "\n".join(lines)

    def whole(self) -> str:
        """What all policies saw."""
        return "\n\n".join(f"{name}\n{self.told(name, moments[0].when)}" for name, moments in self._moments.items())

    def _run(self) -> None:
        while not self._end.wait(_INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        now = time.time()  # noqa: TID251 - to compare with the kernel's counters
        pods: Any = self._core.list_namespaced_pod(self._namespace)
        ready: dict[str, list[str]] = {}
        for pod in pods.items:
            app = pod.metadata.labels.get("app", "")
            self._uids.setdefault(app, set()).add(pod.metadata.uid)
            conditions = {each.type: each.status for each in pod.status.conditions or []}
            if conditions.get("Ready") == "True" and pod.metadata.deletion_timestamp is None:
                ready.setdefault(app, []).append(pod.status.pod_ip)
        self._ready = ready
        deployments: Any = self._apps.list_namespaced_deployment(self._namespace)
        replicas = {each.metadata.name: each.spec.replicas for each in deployments.items}
        policies: Any = self._objects.list_namespaced_custom_object(GROUP, VERSION, self._namespace, "scalingpolicies")
        for policy in policies["items"]:
            name = policy["metadata"]["name"]
            status = policy.get("status") or {}
            decision = status.get("decision") or {}
            readings = {each["name"]: (each.get("value"), each["verdict"]) for each in status.get("metrics") or []}
            said = f"{decision.get('reason', '')}: {decision.get('sentence') or decision.get('message', '')}"
            messages = {each["type"]: each.get("message", "") for each in status.get("conditions") or []}
            moment = Moment(now, replicas.get(name, 0), len(ready.get(name, [])), readings, messages, said)
            self._moments.setdefault(name, []).append(moment)
