"""Which questions are asked, and whose reading each part of an answer becomes."""

from datetime import timedelta
from fractions import Fraction

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.plan import describe, plan
from deadband.queries.types import Answer, Answered, Failed, Need
from tests.queries.builders import NOW, SOURCES, cpu, need, parts, queue, raw, series


def read_one(asked: Need, answer: Answer) -> Reading:
    planned = plan([asked], SOURCES)
    (question,) = planned.questions
    return planned.read({question: answer}, now=NOW)[asked.key]


def deployments(count: int, namespaces: int = 10) -> list[Need]:
    return [cpu(f"n{number % namespaces}/Deployment/w{number}", policy=f"p{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("needs", "questions"),
    [
        pytest.param([], 0, id="nothing to ask"),
        pytest.param([cpu(policy="a"), cpu("x/Deployment/y", policy="b")], 1, id="one recipe, two workloads"),
        pytest.param([cpu(policy="a"), cpu("x/StatefulSet/y", policy="b")], 2, id="owners of two kinds"),
        pytest.param(
            [cpu(policy="a"), need({"resource": {"name": "memory"}}, "a/Deployment/b")], 2, id="cpu and memory"
        ),
        pytest.param([cpu(container="a"), cpu(container="b", policy="b")], 1, id="two containers"),
        pytest.param([raw("up", policy="a"), raw("up", policy="b")], 1, id="one raw query of two policies"),
        pytest.param([raw("up", policy="a"), raw("up{}", policy="b")], 2, id="two raw queries"),
        pytest.param([queue("a", policy="a"), queue("b", policy="b")], 1, id="two queues"),
        pytest.param(
            [queue("a", "/", policy="a"), queue("b", policy="b")], 2, id="a queue in one virtual host and in all"
        ),
        pytest.param(deployments(50), 1, id="50 workloads"),
        pytest.param(deployments(51), 2, id="51 workloads"),
        pytest.param(deployments(200, namespaces=8), 4, id="200 workloads"),
        pytest.param(deployments(201), 1, id="201 workloads are asked for at once"),
        pytest.param(deployments(120, namespaces=1), 1, id="120 workloads of one namespace are not split"),
        pytest.param([cpu(policy=f"p{each}") for each in range(300)], 1, id="300 policies on one workload"),
    ],
)
def test_needs_share_questions(needs: list[Need], questions: int) -> None:
    assert len(plan(needs, SOURCES).questions) == questions


def test_sources_never_share_a_question() -> None:
    sources = {**SOURCES, "other": SOURCES["main"]}

    questions = plan([raw("up"), raw("up", policy="b", source="other")], sources).questions

    assert sorted(question.source for question in questions) == ["main", "other"]


@given(st.permutations(deployments(30) + [queue(f"q{number}", policy=f"q{number}") for number in range(30)]))
def test_the_order_of_needs_changes_no_question(needs: list[Need]) -> None:
    assert set(plan(needs, SOURCES).questions) == set(plan(sorted(needs, key=lambda each: each.key), SOURCES).questions)


def test_a_question_names_few_workloads_and_of_many_the_namespaces_as_long_as_they_are_few() -> None:
    (few,) = plan(deployments(3), SOURCES).questions
    (many,) = plan(deployments(600, namespaces=3), SOURCES).questions
    (everywhere,) = plan(deployments(501, namespaces=501), SOURCES).questions

    assert 'namespace=~"n0|n1|n2"' in few.promql
    assert 'owner_name=~"w0|w1|w2"' in few.promql
    assert 'namespace=~"n0|n1|n2"' in many.promql
    assert "owner_name=" not in many.promql
    assert "namespace=" not in everywhere.promql
    assert "owner_name=" not in everywhere.promql


@pytest.mark.parametrize("asked", [cpu(), cpu(container="app"), queue("leads"), queue("leads", "/"), raw("up")])
def test_every_expression_parses(asked: Need) -> None:
    for question in plan([asked], SOURCES).questions:
        promql_parser.parse(question.promql)
    promql_parser.parse(describe(asked, SOURCES["main"]))


def test_each_policy_gets_its_own_part_of_a_shared_answer() -> None:
    api, other = cpu(policy="a"), cpu("leadgen/Deployment/api-canary", policy="b")
    planned = plan([api, other], SOURCES)
    shared = parts(0.7, 1).series + parts(0.1, 1, workload="api-canary").series

    readings = planned.read({planned.questions[0]: Answered(shared)}, now=NOW)

    assert readings == {api.key: Sample(Fraction(70)), other.key: Sample(Fraction(10))}


def test_two_policies_on_one_workload_read_the_same() -> None:
    first, second = cpu(policy="a"), cpu(policy="b")
    planned = plan([first, second], SOURCES)

    readings = planned.read({planned.questions[0]: parts(0.7, 1)}, now=NOW)

    assert readings == {first.key: Sample(Fraction(70)), second.key: Sample(Fraction(70))}


OLD = NOW - timedelta(seconds=61)  # the source says that samples are stale after 60
WARNED = Answered((series(1),), ("a store did not answer",))

READINGS = [
    ("one series", raw("x"), Answered((series("0.1"),)), Sample(Fraction(1, 10))),
    ("no series", raw("x"), Answered(()), Reason.EMPTY),
    ("two series", raw("x"), Answered((series(1), series(2))), Reason.MANY_SERIES),
    (
        "two series of more, cut by our own limit",
        raw("x"),
        Answered((series(1), series(2)), ("cut",)),
        Reason.MANY_SERIES,
    ),
    ("NaN", raw("x"), Answered((series(None),)), Reason.NOT_A_NUMBER),
    ("a warning", raw("x"), WARNED, Reason.PARTIAL),
    ("a warning and nothing else", raw("x"), Answered((), ("a store did not answer",)), Reason.PARTIAL),
    (
        "a warning on a shared answer",
        cpu(),
        Answered(parts(0.7, 1).series, ("a store did not answer",)),
        Reason.PARTIAL,
    ),
    ("an answer of an earlier time", raw("x"), Answered((series(1, OLD),)), Reason.STALE),
    ("an answer just young enough", raw("x"), Answered((series(1, OLD + timedelta(seconds=1)),)), Sample(Fraction(1))),
    ("an answer without a time", raw("x"), Answered((series(1, None),)), Sample(Fraction(1))),
    ("a failure", raw("x"), Failed(Reason.TIMEOUT, "no answer"), Reason.TIMEOUT),
    ("nothing but others", queue("leads"), Answered((series(5, queue="leads-dead"),)), Reason.EMPTY),
    ("a queue", queue("leads"), Answered((series(5, queue="leads"),)), Sample(Fraction(5))),
    ("a queue of a virtual host", queue("a", "/"), Answered((series(5, queue="a", vhost="/"),)), Sample(Fraction(5))),
    ("the queue of another virtual host", queue("a", "/"), Answered((series(5, queue="a", vhost="x"),)), Reason.EMPTY),
    ("usage of requests", cpu(), parts(used=0.7, whole=1), Sample(Fraction(70))),
    (
        "usage with the noise of binary sums",
        cpu(),
        parts(used=0.7000000000000001, whole=1),
        Sample(Fraction(70)),
    ),
    ("usage above requests", cpu(), parts(used=3, whole=2), Sample(Fraction(150))),
    ("no pods, or no requests", cpu(), Answered(()), Reason.NOT_MEASURED),
    ("a pod in doubt", cpu(), parts(used=0.5, whole=1, doubt=True), Reason.NOT_MEASURED),
    ("a pod in doubt, and no requests yet", cpu(), parts(doubt=True), Reason.NOT_MEASURED),
    ("usage that is not a number", cpu(), parts(used=None, whole=1), Reason.NOT_A_NUMBER),
    ("pods that use nothing at all", cpu(), parts(used=0, whole=1), Sample(Fraction(0))),
]


@pytest.mark.parametrize(("asked", "answer", "expected"), [pytest.param(*row[1:], id=row[0]) for row in READINGS])
def test_an_answer_is_classified(asked: Need, answer: Answer, expected: Sample | Reason) -> None:
    reading = read_one(asked, answer)

    assert reading == expected if isinstance(expected, Sample) else isinstance(reading, Absent)
    assert isinstance(reading, Sample) or reading.reason is expected


def test_a_shared_answer_that_reaches_its_limit_may_have_been_cut_and_is_not_trusted() -> None:
    planned = plan([queue("leads")], SOURCES)
    (question,) = planned.questions
    rows = tuple(series(1, queue="leads", n=str(number)) for number in range(question.limit))

    (reading,) = planned.read({question: Answered(rows)}, now=NOW).values()

    assert reading == Absent(Reason.PARTIAL, f"the answer was cut at {question.limit} series")


@given(st.integers(1, 60), st.integers(1, 12))
def test_a_whole_answer_never_reaches_its_limit(count: int, namespaces: int) -> None:
    """The matchers span every pairing of namespace and name, so the answer can hold more than was asked for."""
    planned = plan(deployments(count, namespaces), SOURCES)

    for group in planned.groups:
        needs = [need for _, need in group.members]
        pairs = len({each.namespace for each in needs}) * len({each.target for each in needs})
        assert group.question.limit > 3 * pairs


def test_a_question_without_an_answer_reads_error() -> None:
    asked = raw("x")

    assert plan([asked], SOURCES).read({}, now=NOW) == {asked.key: Absent(Reason.ERROR, "the query was not asked")}


@pytest.mark.parametrize(
    ("asked", "raw_queries", "reason", "said"),
    [
        pytest.param(
            raw("up"), "Denied", Reason.ERROR, "source main does not allow raw queries", id="raw queries denied"
        ),
        pytest.param(
            raw("info(up)"),
            "NamespaceEnforced",
            Reason.ERROR,
            "source main binds queries to their namespace: the function info cannot be bound",
            id="a raw query that cannot be bound to its namespace",
        ),
        pytest.param(
            raw("up", source="gone"), "Allowed", Reason.SOURCE_NOT_FOUND, "MetricSource gone", id="no such source"
        ),
        pytest.param(
            need({"resource": {"name": "cpu"}}), "Allowed", Reason.ERROR, "scaleTargetRef", id="pods of no target"
        ),
        pytest.param(
            cpu("a/HorizontalPodAutoscaler/b"),
            "Allowed",
            Reason.ERROR,
            "not known here",
            id="pods of an HPA that is not seen",
        ),
    ],
)
def test_what_cannot_be_asked_is_not_asked_and_says_why(
    asked: Need, raw_queries: str, reason: Reason, said: str
) -> None:
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "rawQueries": raw_queries})

    planned = plan([asked], {"main": source})
    reading = planned.read({}, now=NOW)[asked.key]

    assert planned.questions == ()
    assert isinstance(reading, Absent)
    assert reading.reason is reason
    assert said in reading.message


def test_recipes_are_allowed_where_raw_queries_are_not() -> None:
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "rawQueries": "Denied"})

    assert len(plan([queue("leads"), cpu(policy="b")], {"main": source}).questions) == 2


def test_container_readings_are_told_apart_in_one_answer() -> None:
    main, helper = cpu(container="main", policy="a"), cpu(container="helper", policy="b")
    none = cpu(container="other", policy="c")
    planned = plan([main, helper, none], SOURCES)
    amounts = {
        ("main", "used"): 0.9,
        ("main", "whole"): 1,
        ("helper", "used"): 0.1,
        ("helper", "whole"): 0.2,
    }
    rows = [
        series(value, namespace="leadgen", workload="api", container=container, part=part)
        for (container, part), value in amounts.items()
    ]

    readings = planned.read({planned.questions[0]: Answered(tuple(rows))}, now=NOW)

    assert readings[main.key] == Sample(Fraction(90))
    assert readings[helper.key] == Sample(Fraction(50))
    assert planned.unclear(readings) == [none]


def test_an_empty_answer_about_very_many_workloads_is_not_looked_into_for_each_of_them() -> None:
    needs = deployments(201)
    planned = plan(needs, SOURCES)

    readings = planned.read({planned.questions[0]: Answered(())}, now=NOW)

    assert {reading.reason for reading in readings.values() if isinstance(reading, Absent)} == {Reason.NOT_MEASURED}
    assert planned.unclear(readings) == []
