"""The alerts, played by promtool on written series: what fires, and what does not."""

import json
import subprocess
from pathlib import Path

import pytest

from e2e.testbed import tools
from e2e.testbed.monitoring import rules, rules_text

LEADER = 'deadband_leader{namespace="ops",instance="a"}'
FOLLOWER = 'deadband_leader{namespace="ops",instance="b"}'
HEALTHY = {LEADER: "1x60", FOLLOWER: "0x60"}


def condition(type_: str, status: str, instance: str = "a") -> str:
    labels = f'namespace="leadgen",policy="api",type="{type_}",status="{status}",instance="{instance}"'
    return f"deadband_policy_condition{{{labels}}}"


def source(instance: str) -> str:
    return f'deadband_source_reachable{{namespace="ops",source="default",instance="{instance}"}}'


def lag(le: str) -> str:
    return f'deadband_evaluation_lag_seconds_bucket{{namespace="ops",instance="a",le="{le}"}}'


def refused(outcome: str) -> str:
    labels = f'namespace="ops",instance="a",kind="deployments/scale",outcome="{outcome}"'
    return f"deadband_api_writes_total{{{labels}}}"


def undelivered() -> str:
    return 'deadband_alert_failures_total{namespace="ops",instance="a",alertmanager="http://am:9093",reason="Timeout"}'


def decision(reason: str) -> str:
    labels = f'namespace="leadgen",policy="api",reason="{reason}",instance="a"'
    return f"deadband_policy_decision{{{labels}}}"


def busy(seconds_a_minute: int) -> dict[str, str]:
    """A source that may be asked four times at once, and how long all queries of a minute took together."""
    labels = 'namespace="ops",source="default",instance="a"'
    return {
        f"deadband_source_max_concurrent_queries{{{labels}}}": "4x60",
        f"deadband_query_seconds_sum{{{labels}}}": f"0+{seconds_a_minute}x60",
    }


# One sample a minute for an hour, asked at minute 30.
CASES = [
    pytest.param(HEALTHY, set(), id="a leader and a follower: silence"),
    pytest.param({LEADER: "0x60", FOLLOWER: "0x60"}, {"DeadbandNoLeader"}, id="nobody leads"),
    pytest.param({}, {"DeadbandNoLeader"}, id="nothing is scraped at all"),
    pytest.param(
        {'deadband_leader{namespace="elsewhere",instance="c"}': "1x60"},
        {"DeadbandNoLeader"},
        id="the leader of another release is no consolation",
    ),
    pytest.param({LEADER: "1x28 0x32", FOLLOWER: "0x29 1x31"}, set(), id="a handover"),
    pytest.param({LEADER: "1x60", FOLLOWER: "1x60"}, {"DeadbandSeveralLeaders"}, id="two lead at once"),
    pytest.param(
        HEALTHY | {source("a"): "0x60"},
        {"DeadbandSourceUnreachable"},
        id="the leader cannot reach the source",
    ),
    pytest.param(HEALTHY | {source("a"): "1x60", source("b"): "0x60"}, set(), id="a follower's old view of the source"),
    pytest.param(HEALTHY | {source("a"): "1x27 0x3 1x30"}, set(), id="a source away for three minutes"),
    pytest.param(HEALTHY | {condition("Stalled", "True"): "1x60"}, {"DeadbandPolicyStalled"}, id="a stalled policy"),
    pytest.param(
        HEALTHY | {condition("Stalled", "True", "b"): "1x60"}, set(), id="a policy that a follower once saw stalled"
    ),
    pytest.param(HEALTHY | {condition("Stalled", "True"): "0x60"}, set(), id="a policy that is not stalled"),
    pytest.param(
        HEALTHY | {condition("MetricsAvailable", "False"): "1x60"},
        {"DeadbandMetricsUnavailable"},
        id="a policy without metrics",
    ),
    pytest.param(
        HEALTHY | {condition("Flapping", "True"): "0x28 1x32"}, {"DeadbandPolicyFlapping"}, id="a flapping policy"
    ),
    pytest.param(
        HEALTHY | {condition("TargetContested", "True"): "1x60"},
        {"DeadbandTargetContested"},
        id="a contested target",
    ),
    pytest.param(
        HEALTHY | {condition("ActionRequired", "True"): "0x28 1x32"},
        {"DeadbandActionRequired"},
        id="a proposal to a person",
    ),
    pytest.param(
        HEALTHY | {lag("1"): "0x60", lag("10"): "0+100x60", lag("+Inf"): "0+100x60"},
        {"DeadbandEvaluatesLate"},
        id="evaluations between one and ten seconds late",
    ),
    pytest.param(
        HEALTHY | {lag("1"): "0+100x60", lag("10"): "0+100x60", lag("+Inf"): "0+100x60"},
        set(),
        id="evaluations less than a second late",
    ),
    pytest.param(
        HEALTHY | {'deadband_event_loop_lag_seconds{namespace="ops",instance="a"}': "3x60"},
        {"DeadbandEventLoopBlocked"},
        id="an event loop that wakes up three seconds late",
    ),
    pytest.param(
        HEALTHY | {refused("denied"): "0+1x60"}, {"DeadbandWritesRefused"}, id="writes that the API server refuses"
    ),
    pytest.param(
        HEALTHY | {refused("conflict"): "0+1x60"}, set(), id="conflicts, which are decided again a moment later"
    ),
    pytest.param(
        HEALTHY | {undelivered(): "0+1x60"}, {"DeadbandAlertsNotDelivered"}, id="an Alertmanager that takes no alerts"
    ),
    pytest.param(HEALTHY | {undelivered(): "3x60"}, set(), id="an Alertmanager that was away once"),
    pytest.param(HEALTHY | busy(216), {"DeadbandSourceSaturated"}, id="a source that is asked 3.6 times at once of 4"),
    pytest.param(HEALTHY | busy(120), set(), id="a source that is asked twice at once of 4"),
    pytest.param(
        HEALTHY | {decision("AtMaximum"): "1x60"}, {"DeadbandCannotScaleUp"}, id="half an hour at the maximum"
    ),
    pytest.param(
        HEALTHY | {decision("QuotaExceeded"): "1x20 _x40", decision("AtMaximum"): "_x21 1x39"},
        {"DeadbandCannotScaleUp"},
        id="first the quota, then the maximum",
    ),
    pytest.param(HEALTHY | {decision("WithinBand"): "1x60"}, set(), id="a policy inside its band"),
    pytest.param(
        {LEADER.replace("ops", "elsewhere"): "1x60", FOLLOWER: "1x60", condition("Stalled", "True"): "1x60"},
        set(),
        id="a stalled policy of another release, which has alerts of its own",
    ),
]


@pytest.mark.parametrize(("series", "firing"), CASES)
def test_an_alert_fires_when_it_should_and_else_is_silent(
    tmp_path: Path, series: dict[str, str], firing: set[str]
) -> None:
    (tmp_path / "rules.yaml").write_text(rules_text("ops"))
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "30m",
                "exp_samples": expected,
            }
        ],
    }
    scenario = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(json.dumps(scenario))

    done = subprocess.run(
        [tools.path("promtool"), "test", "rules", "test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_shown_to_fire() -> None:
    shown = {name for case in CASES for name in case.values[1]}

    assert shown == {rule["alert"] for rule in rules("ops")}
