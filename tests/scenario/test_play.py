"""The player: what passes from tick to tick, what a restart loses, how the target behaves."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.scalingpolicy import Bound
from deadband.scenario.autoscaled import AutoscaledCluster
from deadband.scenario.compare import judge
from deadband.scenario.model import TargetChange
from deadband.scenario.outcome import Outcome
from deadband.scenario.play import merged, play
from tests.scenario.builders import NAMED, ON_HPA, WHOLE, scenario

T0 = datetime(2026, 1, 5, 8, tzinfo=UTC)


def played(text: str) -> Outcome:
    return judge(play(scenario(text)))


def replicas(text: str) -> list[int | None]:
    return [tick.replicas for tick in played(text).ticks]


def test_ticks_are_stamped_from_the_start_on() -> None:
    outcome = played(
        NAMED + "target: {replicas: 3}\nseries: {cpu: [50, 50]}\ntickSeconds: 20\nstart: 2026-02-01T00:00:00Z"
    )

    assert [tick["at"] for tick in outcome.as_json()["ticks"]] == ["2026-02-01T00:00:00Z", "2026-02-01T00:00:20Z"]


def test_a_tick_is_printed_with_all_that_programs_judge_by() -> None:
    shown = played(NAMED + "target: {replicas: 3}\nseries: {cpu: [71]}\n").as_json()

    assert set(shown) == {"name", "ok", "ticks"}
    (tick,) = shown["ticks"]
    assert set(tick) == {"at", "replicas", "desired", "reason", "rule", "wrote", "conditions", "sentence"}
    assert (tick["replicas"], tick["desired"], tick["reason"], tick["wrote"]) == (4, 4, "ScalingUp", True)
    assert tick["conditions"]["Ready"] == "True"


def test_a_metric_without_a_series_reads_empty() -> None:
    (tick,) = played(NAMED + "target: {replicas: 3}\n").ticks

    assert (tick.reason, tick.conditions["MetricsAvailable"]) == ("MetricsUnknown", "False")
    assert "Empty" in tick.sentence


def test_while_the_operator_is_down_nothing_is_evaluated_and_the_status_stays() -> None:
    text = WHOLE.replace("[50]", "[71, 71, 71, 71]") + "events: [{tick: 1, restart: {downSeconds: 20}}]\n"
    ticks = played(text).ticks

    assert [tick.replicas for tick in ticks] == [4, 4, 4, 5]
    assert [tick.reason for tick in ticks] == ["ScalingUp", None, None, "ScalingUp"]
    assert [tick.desired for tick in ticks] == [4, 4, 4, 5]
    assert [tick.wrote for tick in ticks] == [True, False, False, True]
    assert ticks[1].conditions == ticks[0].conditions


def test_an_operator_that_is_back_at_a_tick_evaluates_that_tick() -> None:
    text = WHOLE.replace("[50]", "[71, 71, 71]") + "events: [{tick: 1, restart: {downSeconds: 15}}]\n"

    assert replicas(text) == [4, 4, 5]


@pytest.mark.parametrize(
    ("down", "due"),
    [
        pytest.param(0, 4, id="no time without an operator"),
        pytest.param(15, 5, id="15 s are one tick later"),
        pytest.param(20, 6, id="20 s count as 20 s: due between two ticks, so at the second"),
    ],
)
def test_exactly_the_down_time_is_missing_from_the_for_time(down: int, due: int) -> None:
    text = (
        WHOLE.replace("cpu: [50]", "cpu: [10]").replace("forSeconds: 0", "forSeconds: 60")
        + f"ticks: 8\nevents: [{{tick: 2, restart: {{downSeconds: {down}}}}}]\n"
    )
    wrote = [tick.wrote for tick in played(text).ticks]

    assert wrote.index(True) == due


def test_down_times_add_up() -> None:
    text = (
        WHOLE.replace("cpu: [50]", "cpu: [10]").replace("forSeconds: 0", "forSeconds: 60")
        + "ticks: 9\nevents:\n"
        + "".join(f"  - {{tick: {tick}, restart: {{downSeconds: 15}}}}\n" for tick in (1, 2))
    )

    assert [tick.wrote for tick in played(text).ticks].index(True) == 6


@given(
    values=st.lists(st.sampled_from(["10", "50", "90", "empty", "error"]), min_size=2, max_size=12),
    restarts=st.lists(st.integers(0, 11), max_size=3, unique=True),
)
def test_a_restart_that_takes_no_time_changes_nothing(values: list[str], restarts: list[int]) -> None:
    text = (
        WHOLE.replace("[50]", f"[{', '.join(values)}]")
        .replace("forSeconds: 0", "forSeconds: 30")
        .replace("cooldownSeconds: 0", "cooldownSeconds: 45")
    )
    events = "events:" + "".join(
        f"\n  - {{tick: {tick}, restart: {{downSeconds: 0}}}}" for tick in restarts if tick < len(values)
    )

    without, restarted = played(text), played(text + (events if "tick" in events else ""))

    assert [tick.as_json() for tick in restarted.ticks] == [tick.as_json() for tick in without.ticks]


def test_available_is_as_ready_unless_it_is_said() -> None:
    text = WHOLE.replace("[50]", "[10]").replace("{replicas: 3}", "{replicas: 5, ready: 2}")

    assert [tick.reason for tick in played(text).ticks] == ["TooFewAvailable"]
    assert [tick.reason for tick in played(text.replace("ready: 2", "ready: 2, available: 3")).ticks] == ["ScalingDown"]


def test_the_state_that_a_policy_carries_goes_on() -> None:
    text = WHOLE.replace("[50]", "[10]").replace("forSeconds: 0", "forSeconds: 60")
    state = 'state: {scaleDown: {heldSince: "2026-01-05T07:59:00Z"}}'

    assert [tick.wrote for tick in played(text).ticks] == [False]
    assert [tick.wrote for tick in played(f"{text}{state}\n").ticks] == [True]


def test_a_policy_that_loses_its_target_advises_only() -> None:
    text = WHOLE.replace("[50]", "[71, 71]")
    ticks = played(
        text
        + "events: [{tick: 1, spec: {scaleTargetRef: null, minReplicas: null, maxReplicas: null, scaleDown: null}}]\n"
    ).ticks

    assert [tick.wrote for tick in ticks] == [True, False]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        pytest.param("minReplicas: 30", "minReplicas", id="a contradiction"),
        pytest.param("minReplicas: 1\n    bond: Both", "bond", id="an unknown key"),
        pytest.param("minReplicas: 1\n    bound: Both", "belongs to", id="a bound of what is no HPA"),
    ],
)
def test_an_invalid_policy_is_refused_and_never_an_unusable_file(spec: str, word: str) -> None:
    text = WHOLE.replace("minReplicas: 1", spec)
    outcome = played(text)

    assert not outcome.ok
    assert outcome.ticks == ()
    assert word in outcome.differences[0].sentence
    assert outcome.as_json()["refused"] == list(outcome.refused)
    assert played(text + "expect: {invalid: true}\n").ok


@pytest.mark.parametrize("metadata", ["[1]", "{annotations: {deadband.dev/paused: true}}", "{annotations: 1}"])
def test_metadata_that_the_api_server_would_refuse_is_refused(metadata: str) -> None:
    assert played(WHOLE.replace("{name: api, namespace: leadgen}", metadata) + "expect: {invalid: true}\n").ok


def test_the_workload_of_an_hpa_follows_its_bounds_and_nothing_else() -> None:
    text = ON_HPA.replace("[50]", "[50, 50, 50, 50]")
    events = "events: [{tick: 1, target: {hpa: {minReplicas: 6}}}, {tick: 2, target: {hpa: {minReplicas: 2}}}]\n"
    cluster = AutoscaledCluster(TargetChange(replicas=3, low=2, high=10))
    pods = []
    for change in (TargetChange(low=6), TargetChange(low=2), TargetChange(replicas=9, high=7)):
        cluster.change(change, T0)
        pods.append(cluster.replicas)

    assert pods == [6, 6, 7]
    assert [tick.replicas for tick in played(text + events).ticks] == [2, 6, 2, 2]


def test_a_floor_above_the_cap_is_refused_as_by_the_api_server() -> None:
    cluster = AutoscaledCluster(TargetChange(replicas=3, low=2, high=10))
    cluster.moves = Bound.MIN_REPLICAS

    cluster.change(TargetChange(low=12), T0)

    assert cluster.standing == 2


def test_a_workload_at_zero_has_switched_its_hpa_off() -> None:
    cluster = AutoscaledCluster(TargetChange(replicas=0, low=2, high=10))

    cluster.change(TargetChange(low=3), T0)

    assert cluster.replicas == 0


def test_a_policy_that_turns_from_an_hpa_to_its_workload_moves_that() -> None:
    turn = "{apiVersion: apps/v1, kind: Deployment, name: api}"
    ticks = played(
        ON_HPA.replace("[50]", "[50, 71]") + f"events: [{{tick: 1, spec: {{scaleTargetRef: {turn}}}}}]\n"
    ).ticks

    assert [tick.replicas for tick in ticks] == [2, 4]


def test_a_valid_policy_that_should_be_refused_differs() -> None:
    (difference,) = played(WHOLE + "expect: {invalid: true}\n").differences

    assert (difference.field, difference.expected, difference.got) == ("policy", "refused", "valid")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NAMED, id="it says no target"),
        pytest.param(NAMED + "target: {replicas: 3}\nseries: {memory: [1]}\n", id="a series of no metric"),
        pytest.param(ON_HPA.replace(", hpa: {minReplicas: 2, maxReplicas: 10}", ""), id="an HPA without bounds"),
    ],
)
def test_what_a_refused_policy_need_not_say_makes_no_file_unusable(text: str) -> None:
    assert not played(text + "expect: {invalid: true}\n").ok


def test_a_part_of_the_sentence_is_looked_for() -> None:
    text = WHOLE.replace("[50]", "[50, 71]")

    assert played(text + 'expect: {message: [_, "cpu 71 % is above"]}\n').ok
    (difference,) = played(text + 'expect: {message: ["above 70", "above 99"]}\n').differences
    assert (difference.field, difference.tick) == ("message", 1)


def test_what_differs_is_told_tick_by_tick_with_its_sentence() -> None:
    outcome = played(
        WHOLE.replace("[50]", "[50, 71]")
        + 'expect: {replicas: [_, 3], reason: [WithinBand, _], conditions: {Ready: ["False", _]}, writes: 0}\n'
    )

    assert [(each.tick, each.at, each.field, each.expected, each.got) for each in outcome.differences] == [
        (0, 0, "conditions.Ready", "False", "True"),
        (1, 15, "replicas", "3", "4"),
        (None, None, "writes", "0", "1"),
    ]
    assert outcome.differences[1].sentence.startswith("Scaling up from 3 to 4")


def test_an_absent_condition_counts_as_false() -> None:
    text = (
        WHOLE
        + 'events: [{tick: 0, restart: {downSeconds: 60}}]\nexpect: {conditions: {Ready: ["False"]}, desired: [null]}\n'
    )

    assert played(text).ok


@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}, id="a key is replaced"),
        pytest.param({"a": 1, "b": 2}, {"b": None}, {"a": 1}, id="null removes"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}, id="mappings merge"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, {"a": [3]}, id="lists are replaced whole"),
        pytest.param({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}, id="nulls in what is new are left out"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a mapping replaces a number"),
    ],
)
def test_a_spec_is_patched_as_a_json_merge_patch(value: object, patch: object, result: object) -> None:
    assert merged(value, patch) == result
