"""The operator's own metrics after everything was told once: every series that there can be, with its labels."""

from datetime import UTC, datetime
from fractions import Fraction

import yaml

from deadband.adapters.kube_errors import Call
from deadband.adapters.telemetry import PrometheusTelemetry
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import Cause, ScalingPolicyStatus, Way
from deadband.ports import ObjectRef, SourceStanding
from e2e.testbed.chart import CHART

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
POLICY = yaml.safe_load((CHART.parents[1] / "examples" / "api-pods.yaml").read_text())
STATUS = ScalingPolicyStatus.model_validate(
    {
        "conditions": [{"type": "Ready", "status": "True", "reason": "AsExpected", "lastTransitionTime": NOW}],
        "currentReplicas": 4,
        "desiredReplicas": 4,
        "metrics": [{"name": "cpu", "value": "60%", "verdict": "Inside", "since": NOW}],
        "decision": {"sentence": "", "rule": "R4", "reason": "WithinBand", "next": ""},
    }
)


def told() -> PrometheusTelemetry:
    """One telemetry that was told of everything. Whoever adds a metric with labels tells of it here."""
    telemetry, policy = PrometheusTelemetry(), ObjectRef("ScalingPolicy", "leadgen", "api-pods")
    telemetry.evaluated(policy, ScalingPolicySpec.model_validate(POLICY["spec"]), STATUS, {"cpu": Fraction(60)})
    telemetry.timed(lag_seconds=0, seconds=0)
    telemetry.scaled(Way.UP, Cause.METRICS)
    telemetry.refused(Reason.ACCESS_DENIED)
    telemetry.standing(leader=True, policies={"enforcing": 1})
    telemetry.queried("default", 0, "ok")
    telemetry.called(Call("patch", "apps", "deployments/scale"), "ok", 0)
    telemetry.sources({"default": SourceStanding(reachable=True, max_concurrent_queries=4)})
    telemetry.alerted("http://alertmanager:9093", 1, None)
    telemetry.alerted("http://alertmanager:9093", 1, Reason.TIMEOUT)
    return telemetry
