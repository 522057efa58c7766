"""The play: leads through the acts, looks at the API server meanwhile, and hands what it sees to record and view."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from e2e.testbed.demo.frame import Band, Frame, Gauge, bands, frame
from e2e.testbed.demo.judge import Verdict, judge
from e2e.testbed.demo.observed import Change, Record
from e2e.testbed.demo.stage import Stage
from e2e.testbed.demo.story import NAMESPACE, Act
from e2e.testbed.demo.watching import Eye
from e2e.testbed.processes import ProcessError

_LOOK_SECONDS = 0.5
COMMAND = f"kubectl get scalingpolicies -n {NAMESPACE}"


class View(Protocol):
    """Whoever shows the play."""

    def begin(self, act: str, at: float) -> None: ...
    def show(self, frame: Frame) -> None: ...
    def changed(self, change: Change) -> None: ...
    def quote(self, command: str, output: str) -> None: ...


class Play:
    """One performance on a stage.

    Attributes:
        record: All that was seen.
        frames: Every moment that was shown.
    """

    def __init__(self, stage: Stage, acts: Sequence[Act], view: View, eye: Eye) -> None:
        self._stage = stage
        self._acts = acts
        self._view = view
        self._eye = eye
        self._bands = {name: bands(policy) for name, policy in stage.policies.items()}
        self._start = time.monotonic()
        self._approved: set[str] = set()
        self.record = Record()
        self.frames: list[Frame] = []

    def perform(self) -> list[Verdict]:
        """Play until the end, or to the first act that takes too long, and return the verdicts.

        Raises:
            ProcessError: The operator ended.
        """
        for act in self._acts:
            if not self._perform(act):
                break
        return judge(self._acts, list(self._stage.policies), self.record)

    def _perform(self, act: Act) -> bool:
        """Play one act; True when everything in it came as expected."""
        if act.prometheus and not self._stage.prometheus.process.running:
            self._stage.prometheus.start()
        if not act.prometheus:
            self._stage.prometheus.stop()
        self.record.begin(act.title)
        self._view.begin(act.title, self._now())
        if act.change is not None:
            self._stage.simulator.apply(act.change)
        began = self._now()
        as_expected = False
        while (lasted := self._now() - began) < act.shortest or (not as_expected and lasted < act.longest):
            self._look(act)
            self._approve_late(act)
            as_expected = all(verdict.holds for verdict in judge([act], list(self._stage.policies), self.record))
            time.sleep(_LOOK_SECONDS)
        if act.shows_policies:
            self._view.quote(COMMAND, self._stage.kubectl_policies())
        return as_expected

    def _look(self, act: Act) -> None:
        if not self._stage.operator.running:
            raise ProcessError(f"the operator ended with {self._stage.operator.returncode}")
        snapshot = self._eye.look(self._now())
        for change in self.record.see(snapshot):
            self._view.changed(change)
        gauges = {name: [self._gauge(stage_band, name) for stage_band in each] for name, each in self._bands.items()}
        moment = frame(act.title, snapshot, gauges)
        self.frames.append(moment)
        self._view.show(moment)

    def _approve_late(self, act: Act) -> None:
        """Approve what a policy asked for first, once that has expired, as a person does who comes back from lunch."""
        for policy in act.approves_late:
            proposal = self.record.proposals.get(policy)
            if proposal is None or policy in self._approved or datetime.now(UTC) < proposal.expires_at:
                continue
            self._approved.add(policy)
            command = ("annotate", "scalingpolicy", policy, "-n", NAMESPACE, f"deadband.dev/approve={proposal.id}")
            self._view.quote(f"kubectl {' '.join(command)}", self._stage.cluster.kubectl(*command))

    def _gauge(self, band: Band, policy: str) -> Gauge:
        """Read what the metric really is from the simulator, whatever Prometheus and the operator know of it."""
        manifest = self._stage.policies[policy]
        (metric,) = (each for each in manifest["spec"]["metrics"] if each["name"] == band.name)
        return Gauge(band, self._truth(metric, manifest["spec"]))

    def _truth(self, metric: Mapping[str, Any], spec: Mapping[str, Any]) -> float | None:
        if "queue" in metric:
            return float(self._stage.simulator.queue_depth(metric["queue"]["name"]))
        if "database" in metric:
            return self._stage.simulator.connections_percent(metric["database"]["instance"])
        truth = self._stage.simulator.truth()[f"{NAMESPACE}/{spec['scaleTargetRef']['name']}"]
        return truth.cpu_percent if metric["resource"]["name"] == "cpu" else truth.memory_percent

    def _now(self) -> float:
        return time.monotonic() - self._start
