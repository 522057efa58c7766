"""Readiness probes that fail while their pods are throttled, as an HTTP probe does that waits for the same CPU."""

from __future__ import annotations

import random
from collections.abc import Iterable

from e2e.testbed.simulator.cluster import Pod
from e2e.testbed.simulator.scenario import Readiness


class Probes:
    """The probes of one workload.

    Attributes:
        failing: Uids of pods whose probe fails, and since when; the API server may not know it yet.
        busy: Uids of pods that work off what they had accepted: from the failure until they get load again.
    """

    def __init__(self) -> None:
        self.failing: dict[str, float] = {}
        self.busy: set[str] = set()
        self._throttled: dict[str, float] = {}

    def watch(self, readiness: Readiness, pods: Iterable[Pod], throttled: bool, now: float, seed: str) -> None:
        """See the pods at ``now``: those that serve are all throttled, or none is.

        A pod bears throttling for ``failsAfterSeconds`` or up to twice as long, each pod another time, so that they do
        not all fail at once; it is ready again ``recoversAfterSeconds`` after it failed.
        """
        for pod in pods:
            if pod.serving and pod.uid not in self.failing:
                self.busy.discard(pod.uid)
            if pod.uid in self.failing:
                if now - self.failing[pod.uid] >= readiness.recovers_after_seconds:
                    del self.failing[pod.uid]
            elif not (pod.serving and throttled):
                self._throttled.pop(pod.uid, None)
            else:
                since = self._throttled.setdefault(pod.uid, now)
                patience = readiness.fails_after_seconds * random.Random(f"{seed}/{pod.uid}").uniform(1, 2)
                if now - since >= patience:
                    self.failing[pod.uid] = now
                    self.busy.add(pod.uid)
                    del self._throttled[pod.uid]

    def forget(self, pods: Iterable[Pod]) -> None:
        """Keep nothing of pods that are not among these."""
        uids = {pod.uid for pod in pods}
        self.failing = {uid: since for uid, since in self.failing.items() if uid in uids}
        self.busy &= uids
        self._throttled = {uid: since for uid, since in self._throttled.items() if uid in uids}
