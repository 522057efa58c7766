"""The operator's own metrics: what it decides, how late it is, what it asks and writes.

Names are a contract with dashboards and alerts: docs/monitoring.md lists each, with its labels and how many series it
can have, and the chart's rules and dashboard use them.
"""

from collections.abc import Mapping
from fractions import Fraction
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from deadband.adapters.kube_errors import Call
from deadband.adapters.policy_series import PolicySeries
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import Cause, ScalingPolicyStatus, Way
from deadband.ports import ObjectRef, SourceStanding

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LAG = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_READS = frozenset({"get", "list"})


class PrometheusTelemetry:
    """ports.Telemetry, and what the adapters tell of queries and calls; one registry of its own per instance."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half of all series, for times nobody asks for
        self.registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._policies = PolicySeries()
        self._decisions = Counter(
            "deadband_decisions_total", "Evaluations by the reason they ended with.", ["reason"], registry=registry
        )
        self._scale_writes = Counter(
            "deadband_scale_writes_total",
            "Changes of replicas that the API server took, by direction and by what they were written for.",
            ["direction", "cause"],
            registry=registry,
        )
        self._scale_refusals = Counter(
            "deadband_scale_refusals_total",
            "Changes of replicas that were decided and that the API server did not take, by the reason.",
            ["reason"],
            registry=registry,
        )
        self._lag = Histogram(
            "deadband_evaluation_lag_seconds",
            "How many seconds after its due time an evaluation began.",
            buckets=_LAG,
            registry=registry,
        )
        self._seconds = Histogram(
            "deadband_evaluation_seconds",
            "Seconds from the beginning of an evaluation to its decision, the waiting for sources included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._queries = Counter(
            "deadband_queries_total",
            "Queries sent to a MetricSource, by outcome: ok, or the reason why there is no answer.",
            ["source", "outcome"],
            registry=registry,
        )
        self._query_seconds = Histogram(
            "deadband_query_seconds",
            "Seconds that a query to a MetricSource took.",
            ["source"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._api_writes = Counter(
            "deadband_api_writes_total",
            "Writes sent to the API server, by resource and by outcome.",
            ["kind", "outcome"],
            registry=registry,
        )
        self._leader = Gauge("deadband_leader", "1 while this process leads, else 0.", registry=registry)
        self._standing = Gauge(
            "deadband_policies",
            "Policies by state: enforcing, dry-run, paused or invalid.",
            ["state"],
            registry=registry,
        )
        self._loop_lag = Gauge(
            "deadband_event_loop_lag_seconds", "Seconds by which the event loop last woke up late.", registry=registry
        )
        self._tasks = Gauge(
            "deadband_event_loop_tasks", "Tasks of the event loop that have not ended.", registry=registry
        )
        self._skipped = Counter(
            "deadband_evaluations_skipped_total",
            "Evaluations left out because an earlier one of the same policy was late.",
            registry=registry,
        )
        self._reachable = Gauge(
            "deadband_source_reachable",
            "1 when the last query to a MetricSource was answered, 0 when not.",
            ["source"],
            registry=registry,
        )
        self._concurrency = Gauge(
            "deadband_source_max_concurrent_queries",
            "How many queries to a MetricSource may be under way at once.",
            ["source"],
            registry=registry,
        )
        self._alerts = Counter(
            "deadband_alerts_sent_total",
            "Alerts that a replica of an Alertmanager took, those sent again and those that are over included.",
            ["alertmanager"],
            registry=registry,
        )
        self._alert_failures = Counter(
            "deadband_alert_failures_total",
            "Alerts that a replica of an Alertmanager did not take, by reason; each is sent again within a minute.",
            ["alertmanager", "reason"],
            registry=registry,
        )
        build = Gauge("deadband_build_info", "1, labelled with the version that runs.", ["version"], registry=registry)
        build.labels(version("deadband")).set(1)

    def evaluated(
        self,
        policy: ObjectRef,
        spec: ScalingPolicySpec,
        status: ScalingPolicyStatus,
        values: Mapping[str, Fraction],
    ) -> None:
        """Count one decision by its reason and show the policy."""
        if status.decision is not None:
            self._decisions.labels(status.decision.reason).inc()
        self._policies.show(policy, spec, status, values)

    def invalid(self, policy: ObjectRef, status: ScalingPolicyStatus) -> None:
        """Show a policy that does not validate: its conditions alone."""
        self._policies.show(policy, None, status, {})

    def forget(self, policy: ObjectRef) -> None:
        """Drop every series of a policy."""
        self._policies.forget(policy)

    def timed(self, *, lag_seconds: float, seconds: float) -> None:
        """Observe one evaluation."""
        self._lag.observe(lag_seconds)
        self._seconds.observe(seconds)

    def scaled(self, way: Way, cause: Cause) -> None:
        """Count one change of replicas that the API server took."""
        self._scale_writes.labels(way.value.lower(), cause.value).inc()

    def refused(self, reason: Reason) -> None:
        """Count one change of replicas that the API server did not take."""
        self._scale_refusals.labels(reason.value).inc()

    def skipped(self, evaluations: int) -> None:
        """Count evaluations that were left out."""
        self._skipped.inc(evaluations)

    def standing(self, *, leader: bool, policies: Mapping[str, int]) -> None:
        """Show who leads and how many policies are in each state."""
        self._leader.set(leader)
        for state, count in policies.items():
            self._standing.labels(state).set(count)

    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Count one query (prometheus.QueryObserver)."""
        self._queries.labels(source, outcome).inc()
        self._query_seconds.labels(source).observe(seconds)

    def alerted(self, alertmanager: str, alerts: int, failure: str | None) -> None:
        """Count what one replica took, or did not take (alertmanager.AlertObserver)."""
        if failure is None:
            self._alerts.labels(alertmanager).inc(alerts)
        else:
            self._alert_failures.labels(alertmanager, failure).inc(alerts)

    def called(self, call: Call, outcome: str, seconds: float) -> None:  # noqa: ARG002 - kube.Observe's signature
        """Count one call on the API server if it writes (kube.Observe)."""
        if call.verb not in _READS:
            self._api_writes.labels(call.resource, outcome).inc()

    def sources(self, standing: Mapping[str, SourceStanding]) -> None:
        """Show every source that exists, as far as it is known; forget the others."""
        self._reachable.clear()
        self._concurrency.clear()
        for source, one in standing.items():
            if one.reachable is not None:
                self._reachable.labels(source).set(one.reachable)
            if one.max_concurrent_queries is not None:
                self._concurrency.labels(source).set(one.max_concurrent_queries)

    def lagged(self, seconds: float) -> None:
        """Show by how much the event loop last woke up late."""
        self._loop_lag.set(seconds)

    def working(self, tasks: int) -> None:
        """Show how many tasks of the event loop have not ended; what leaks them is seen here first."""
        self._tasks.set(tasks)

    def expose(self) -> bytes:
        """Everything, as Prometheus scrapes it."""
        return generate_latest(self.registry) + self._policies.render().encode()
