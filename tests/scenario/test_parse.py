"""Strict reading: every fault of a file, each with its line."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from deadband.api.conditions import Reason
from deadband.api.status import Way
from deadband.core.types import Absent, Interval, Sample
from deadband.scenario.document import NotYamlError, documents
from tests.scenario.builders import NAMED, ON_HPA, POLICY, WHOLE, faults, scenario


def test_what_a_scenario_leaves_open_has_its_defaults() -> None:
    parsed = scenario(WHOLE)

    assert parsed.start == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert parsed.tick == timedelta(seconds=15)
    assert parsed.ticks == 1
    assert parsed.target is not None
    assert parsed.target.ready is None
    assert not parsed.expect.invalid


def test_ticks_are_the_longest_series_and_their_distance_is_the_policys() -> None:
    text = NAMED.replace("minReplicas: 1", "minReplicas: 1\n    intervalSeconds: 60")
    parsed = scenario(text + 'target: {replicas: 3}\nseries: {cpu: "1x4"}\n')

    assert parsed.ticks == 5
    assert parsed.tick == timedelta(seconds=60)


def test_a_number_is_read_exactly_as_it_is_written() -> None:
    parsed = scenario(NAMED + 'target: {replicas: 3}\nseries: {cpu: [66.7, 1_000, "0.1", nan, .inf, _]}\n')

    not_a_number = Absent(Reason.NOT_A_NUMBER)
    assert parsed.series["cpu"] == (
        Sample(Fraction("66.7")),
        Sample(Fraction(1000)),
        Sample(Fraction("0.1")),
        not_a_number,
        not_a_number,
        Absent(Reason.EMPTY),
    )


def test_two_numbers_in_brackets_are_an_interval_and_two_equal_ones_a_number() -> None:
    parsed = scenario(NAMED + "target: {replicas: 3}\nseries: {cpu: [[40.5, 91], [71, 71], unmeasured]}\n")

    assert parsed.series["cpu"] == (
        Interval(Fraction("40.5"), Fraction(91)),
        Sample(Fraction(71)),
        Absent(Reason.NOT_MEASURED),
    )


def test_only_a_resource_metric_reads_an_interval() -> None:
    text = NAMED.replace("resource: {name: cpu}", "query: cpu") + "target: {replicas: 3}\nseries: {cpu: [1, [4, 9]]}\n"
    (fault,) = faults(text)

    assert (fault.line, fault.field) == (19, "series.cpu[1]")
    assert "`resource`" in fault.message


def test_a_bare_number_is_a_series_that_goes_on() -> None:
    assert scenario(NAMED + "target: {replicas: 3}\nseries: {cpu: 71}\n").series["cpu"] == (Sample(Fraction(71)),)


def test_history_is_the_status_that_the_operator_would_have_written() -> None:
    parsed = scenario(
        WHOLE
        + "history:\n"
        + "  - {secondsAgo: 30, wish: 5}\n"
        + "  - {secondsAgo: 60, replicas: {from: 10, to: 15}}\n"
        + "  - {secondsAgo: 90, replicas: {from: 12, to: 10}}\n"
    )

    start = parsed.start
    assert [(event.time, event.change) for event in parsed.state.scale_events] == [
        (start - timedelta(seconds=90), -2),
        (start - timedelta(seconds=60), 5),
    ]
    assert parsed.state.last_scale_time == start - timedelta(seconds=60)
    assert parsed.state.last_scale_direction is Way.UP
    assert [wish.replicas for wish in parsed.state.wishes] == [5]


def test_a_policy_is_read_from_a_file_beside_the_scenario(tmp_path: Path) -> None:
    manifest = POLICY.removeprefix("policy:\n").replace("\n  ", "\n").removeprefix("  ")
    (tmp_path / "policies.yaml").write_text(f"kind: ConfigMap\n---\n{manifest}---\n{manifest.replace('api,', 'web,')}")

    text = "name: case\npolicy: {file: policies.yaml, name: web}\ntarget: {replicas: 3}\nseries: {cpu: [50]}\n"
    assert scenario(text, folder=tmp_path).policy["metadata"]["name"] == "web"

    (fault,) = faults(text.replace("web}", "nobody}"), folder=tmp_path)
    assert (fault.line, fault.field) == (2, "policy.file")
    assert "nobody" in fault.message

    (fault,) = faults(text.replace(", name: web", ""), folder=tmp_path)
    assert "say which by name" in fault.message


@pytest.mark.parametrize(
    ("lines", "line", "field", "words"),
    [
        pytest.param("expct: {}", 20, "expct", "unknown key", id="an unknown key"),
        pytest.param("ticks: 1.5", 20, "ticks", "whole number", id="a fraction of a tick"),
        pytest.param("ticks: 0", 20, "ticks", "from 1", id="no tick at all"),
        pytest.param("tickSeconds: true", 20, "tickSeconds", "whole number", id="a boolean is no number"),
        pytest.param("start: 2026-01-05T08:00:00", 20, "start", "zone", id="a time without a zone"),
        pytest.param("start: yesterday", 20, "start", "zone", id="no time"),
        pytest.param("state: {failures: 1, foo: 1}", 20, "state.foo", "unknown key", id="a status has no such key"),
        pytest.param("state: {failures: x}", 20, "state.failures", "integer", id="a status of a wrong type"),
        pytest.param("history: [{wish: 3}]", 20, "history[0]", "secondsAgo", id="history without a time"),
        pytest.param("history: [{secondsAgo: 1}]", 20, "history[0]", "exactly one", id="history of nothing"),
        pytest.param("history:\n  - {secondsAgo: 1, replicas: {from: 1}}", 21, "history[0].replicas", '"to"',
                     id="half a scale event"),
        pytest.param("events:\n  - {tick: 1, restart: {downSeconds: 0}}", 21, "events[0].tick", "from 0 to 0",
                     id="an event after the end"),
        pytest.param("events: [{tick: 0}]", 20, "events[0]", "what happens", id="an event of nothing"),
        pytest.param("events: [{restart: {downSeconds: 0}}]", 20, "events[0]", '"tick"', id="an event at no tick"),
        pytest.param("events: [{tick: 0, restart: {}}]", 20, "events[0].restart", "downSeconds",
                     id="a restart of no length"),
        pytest.param("events: [{tick: 0, manager: argocd, spec: {}}]", 20, "events[0].manager", "no target",
                     id="a manager who changes nothing"),
        pytest.param("events: [{tick: 0, annotations: {a: true}}]", 20, "events[0].annotations.a", "quotes",
                     id="an annotation that is no text"),
        pytest.param("events: [{tick: 0, target: {reddy: 1}}]", 20, "events[0].target.reddy", "unknown key",
                     id="an unknown key of a target"),
        pytest.param("events: [{tick: 0, target: {ready: all}}]", 20, "events[0].target.ready", "follow",
                     id="a word that is not follow"),
        pytest.param("events: [{tick: 0, releases: true}]", 20, "events[0].releases", "which manager",
                     id="a release by nobody"),
        pytest.param("events: [{tick: 0, target: {manager: x}}]", 20, "events[0].target.manager", "unknown key",
                     id="a manager inside an event's target"),
        pytest.param("events: {tick: 0}", 20, "events", "must be a list", id="events that are no list"),
        pytest.param("expect: {replicas: [3, 3]}", 20, "expect.replicas", "2 entries for 1 ticks", id="a list too long"),
        pytest.param("expect: {replicas: []}", 20, "expect.replicas", "0 entries", id="a list too short"),
        pytest.param("expect: {replicas: [three]}", 20, "expect.replicas[0]", "whole number", id="a word for a number"),
        pytest.param("expect: {reason: [Scaling]}", 20, "expect.reason[0]", "no reason", id="a reason that is none"),
        pytest.param("expect: {conditions: {Readdy: [_]}}", 20, "expect.conditions.Readdy", "unknown key",
                     id="a condition that is none"),
        pytest.param("expect: {conditions: {Ready: [True]}}", 20, "expect.conditions.Ready[0]", "quotes",
                     id="a condition's status without quotes"),
        pytest.param("expect: {writes: -1}", 20, "expect.writes", "from 0", id="fewer writes than none"),
        pytest.param("expect: {invalid: 'yes'}", 20, "expect.invalid", "true or false", id="a text for a truth"),
        pytest.param("expect: 3", 20, "expect", "mapping", id="an expectation that is a number"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_field(lines: str, line: int, field: str, words: str) -> None:
    (fault,) = faults(WHOLE + lines + "\n")

    assert (fault.line, fault.field) == (line, field)
    assert words in fault.message


@pytest.mark.parametrize(
    ("series", "field", "words"),
    [
        pytest.param("{cpu: []}", "series.cpu", "at least one", id="an empty list"),
        pytest.param("{cpu: [[91, 41]]}", "series.cpu[0]", "above the high end", id="an interval the wrong way round"),
        pytest.param("{cpu: [[41, error]]}", "series.cpu[0]", "two numbers", id="an interval to nowhere"),
        pytest.param("{cpu: [[41]]}", "series.cpu[0]", "[low, high]", id="half an interval"),
        pytest.param("{cpu: [[1, 2, 3]]}", "series.cpu[0]", "[low, high]", id="an interval of three numbers"),
        pytest.param('{cpu: ""}', "series.cpu", "at least one", id="an empty text"),
        pytest.param("{cpu: [1, foo]}", "series.cpu[1]", "neither a number", id="an unknown word in a list"),
        pytest.param("{cpu: [true]}", "series.cpu[0]", "number", id="a boolean"),
        pytest.param("{cpu: 1 foo}", "series.cpu", "neither a number", id="an unknown word in a text"),
        pytest.param("{cpu: {a: 1}}", "series.cpu", "one entry per tick", id="a mapping"),
        pytest.param("{cpu: [1], mem: [1]}", "series.mem", "no metric or veto", id="a name that the policy has not"),
        pytest.param("[1]", "series", "mapping", id="series without names"),
    ],
)
def test_a_fault_of_a_series_is_told_by_its_entry(series: str, field: str, words: str) -> None:
    (fault,) = faults(NAMED + f"target: {{replicas: 3}}\nseries: {series}\n")

    assert (fault.line, fault.field) == (19, field)
    assert words in fault.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(POLICY + "target: {replicas: 3}\n", '"name" is missing', id="no name"),
        pytest.param("name: case\n", '"policy" is missing', id="no policy"),
        pytest.param(NAMED, '"target" is missing', id="a policy with a target and no target"),
        pytest.param(NAMED + "target: {ready: 3}\n", '"replicas" is missing', id="a target without replicas"),
        pytest.param(
            NAMED + "target: {replicas: 3, hpa: {}}\n", "HorizontalPodAutoscaler", id="an HPA of a Deployment"
        ),
        pytest.param(
            ON_HPA.replace(", hpa: {minReplicas: 2, maxReplicas: 10}", ""),
            '"hpa" is missing',
            id="an HPA without bounds",
        ),
        pytest.param(ON_HPA.replace("minReplicas: 2, ", ""), '"minReplicas" is missing', id="an HPA with one bound"),
        pytest.param(ON_HPA.replace("minReplicas: 2", "minReplicas: 11"), "greater than", id="a floor above the cap"),
        pytest.param("- 1\n", "must be a mapping", id="no mapping"),
        pytest.param("name: case\npolicy: 5\n", "must be a mapping", id="a policy that is a number"),
        pytest.param("name: case\npolicy: {file: nowhere.yaml}\n", "cannot be read", id="a policy that is nowhere"),
        pytest.param("name: case\npolicy: {file: a.yaml, nam: x}\n", "unknown key", id="a reference with another key"),
    ],
)
def test_what_is_missing_is_told(text: str, words: str) -> None:
    assert any(words in fault.message for fault in faults(text))


def test_every_fault_is_told_in_the_order_of_lines() -> None:
    found = faults(WHOLE + "ticks: x\nevents: [{tick: y, restart: {}}]\nexpect: {writes: z}\nfoo: 1\n")

    assert [(fault.line, fault.field) for fault in found] == [
        (20, "ticks"),
        (21, "events[0].restart"),
        (21, "events[0].tick"),
        (22, "expect.writes"),
        (23, "foo"),
    ]


def test_a_fault_inside_the_policy_is_an_outcome_and_no_fault_of_the_file() -> None:
    text = WHOLE.replace("minReplicas: 1", "minReplicas: many")

    assert scenario(text.replace("cpu: [50]", "other: [50]")).name == "case"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("a: [1\nb: 2\n", 2, "not YAML", id="a bracket that does not close"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "twice", id="a repeated key"),
        pytest.param("a: &x [*x]\n", 1, "contains itself", id="an alias in itself"),
        pytest.param("a: 1\nb: !!python/object:os.system 1\n", 2, "not YAML", id="a tag that is not safe"),
        pytest.param("a: 1\nb: \x00\n", 2, "not YAML", id="a character that YAML forbids"),
        pytest.param("a: " + "[" * 3000 + "]" * 3000, 1, "nested", id="brackets without end"),
    ],
)
def test_text_that_is_not_yaml_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(NotYamlError, match=words) as refusal:
        documents(text)
    assert refusal.value.line == line


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]

    with pytest.raises(NotYamlError, match="too large"):
        documents("\n".join(lines))


def test_json_is_read_with_its_own_faults_and_its_tabs() -> None:
    (document,) = documents('{\n\t"a": [1]\n}', as_json=True)
    assert document.value == {"a": [1]}
    assert document.line(("a",)) == 2

    with pytest.raises(NotYamlError, match="not JSON") as refusal:
        documents('{\n"a": 1,\n}', as_json=True)
    assert refusal.value.line == 3


def test_merged_keys_are_values_of_their_own() -> None:
    (document,) = documents("base: &b {a: 1, c: 3}\nnext: {<<: *b, a: 2}\n")

    assert document.value["next"] == {"a": 2, "c": 3}
