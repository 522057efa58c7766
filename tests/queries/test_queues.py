"""The queue recipes whose exporter has one gauge: what they ask, and that they are grouped."""

import promql_parser
import pytest

from deadband.api.metrics import QueueSystem
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.plan import SCOPED_UP_TO, plan
from deadband.queries.queues import GAUGES
from deadband.queries.types import Need
from tests.queries.builders import SOURCES, other_queue

SQS = "aws_sqs_approximate_number_of_messages_visible_average"


@pytest.mark.parametrize(
    ("asked", "promql"),
    [
        pytest.param(
            other_queue("RedisList", "mail"),
            'sum by (key) (max by (key,db) (redis_key_size{key="mail"}))',
            id="a list in every database of Redis",
        ),
        pytest.param(
            other_queue("Celery", "mail"),
            "sum by (queue_name) (max by (queue_name,suffix) (label_replace(label_replace("
            r'celery_queue_length{queue_name=~"(?:mail)(?:\\x06\\x16([0-9]+))?"},'
            r'"suffix","$1","queue_name",".+\\x06\\x16([0-9]+)"),'
            r'"queue_name","$1","queue_name","(.+?)\\x06\\x16([0-9]+)")))',
            id="a queue of Celery, with a list for each priority",
        ),
        pytest.param(
            other_queue("BullMQ", "mail"),
            "sum by (queue) (max by (queue,state) "
            '(bullmq_job_count{queue="mail",state=~"paused|prioritized|waiting"}))',
            id="what waits in BullMQ, with and without a priority",
        ),
        pytest.param(
            other_queue("Sidekiq", "mail"),
            'max by (name) (sidekiq_queue_enqueued_jobs{name="mail"})',
            id="a queue of Sidekiq",
        ),
        pytest.param(
            other_queue("SQS", "mail"),
            f'max by (queue_name) (({SQS}{{queue_name="mail"}} or '
            f'label_replace({SQS}{{dimension_QueueName="mail"}},"queue_name","$1","dimension_QueueName","(.+)")))',
            id="a queue of SQS by either exporter",
        ),
    ],
)
def test_a_queue_is_asked_as_its_exporter_shows_it(asked: Need, promql: str) -> None:
    (question,) = plan([asked], SOURCES).questions

    assert question.promql == promql


def test_every_system_but_rabbitmq_and_kafka_has_a_gauge() -> None:
    assert set(GAUGES) == set(QueueSystem) - {QueueSystem.RABBITMQ, QueueSystem.KAFKA}


@pytest.mark.parametrize("system", QueueSystem)
def test_queues_of_one_system_share_a_question_that_parses(system: str) -> None:
    some = [other_queue(system, f"q{number}", policy=f"p{number}") for number in range(3)]
    many = [other_queue(system, f"q{number}", policy=f"p{number}") for number in range(SCOPED_UP_TO + 1)]

    (scoped,) = plan(some, SOURCES).questions
    (whole,) = plan(many, SOURCES).questions

    assert "q0|q1|q2" in scoped.promql
    assert "q0" not in whole.promql
    for question in (scoped, whole):
        promql_parser.parse(question.promql)


def test_queues_of_two_systems_do_not_share_a_question() -> None:
    needs = [other_queue("Celery", "mail", policy="a"), other_queue("Sidekiq", "mail", policy="b")]

    assert len(plan(needs, SOURCES).questions) == 2


def test_a_source_may_name_series_and_labels_otherwise() -> None:
    names = [{"series": "sidekiq_queue_enqueued_jobs", "metric": "our_depth", "labels": {"name": "q"}}]
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": names})

    (question,) = plan([other_queue("Sidekiq", "mail")], {"main": source}).questions

    assert question.promql == 'max by (name) (label_replace(our_depth{q="mail"},"name","$1","q","(.+)"))'
