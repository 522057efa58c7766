"""The queue recipe for Kafka: which series its question names, and what its rows read."""

import pytest

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.plan import plan
from deadband.queries.types import Answered, Need, Series
from tests.queries.builders import NOW, SOURCES, other_queue, series

GROUP = other_queue("Kafka", "mail")
TOPIC = other_queue("Kafka", "mail", topic="orders")


def read(asked: Need, *rows: Series) -> Reading:
    planned = plan([asked], SOURCES)
    return planned.read({planned.questions[0]: Answered(rows)}, now=NOW)[asked.key]


@pytest.mark.parametrize(
    "selected",
    [
        'kafka_consumergroup_lag{consumergroup="mail",topic="orders"}',
        'kafka_consumergroup_current_offset{consumergroup="mail",topic="orders"}',
        'kafka_topic_partition_current_offset{topic="orders"}',
        'kafka_topic_partition_oldest_offset{topic="orders"}',
    ],
)
def test_the_lag_of_a_topic_is_asked_with_what_gives_it_a_meaning(selected: str) -> None:
    (question,) = plan([TOPIC], SOURCES).questions

    assert selected in question.promql


def test_a_group_is_added_up_over_its_topics() -> None:
    (question,) = plan([GROUP], SOURCES).questions

    assert question.promql.startswith("sum by (consumergroup,part) (")
    assert 'kafka_consumergroup_lag{consumergroup="mail"}' in question.promql


def test_groups_with_and_without_a_topic_do_not_share_a_question() -> None:
    assert len(plan([GROUP, other_queue("Kafka", "mail", topic="orders", policy="q")], SOURCES).questions) == 2


def test_a_depth_is_a_reading() -> None:
    reading = read(GROUP, series(3990, consumergroup="mail"))

    assert isinstance(reading, Sample)
    assert reading.value == 3990


def test_a_partition_without_a_commit_and_without_offsets_makes_the_whole_unavailable() -> None:
    reading = read(GROUP, series(990, consumergroup="mail"), series(-3, consumergroup="mail", part="unknown"))

    assert isinstance(reading, Absent)
    assert reading.reason is Reason.PARTIAL
    assert "committed nothing" in reading.message


def test_a_group_of_another_name_is_no_reading() -> None:
    reading = read(TOPIC, series(5, consumergroup="mail", topic="returns"))

    assert isinstance(reading, Absent)
    assert reading.reason is Reason.EMPTY
