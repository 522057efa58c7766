"""The queue recipes but RabbitMQ's: what they ask, and that they are grouped."""

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
            'max by (queue_name) (celery_queue_length{queue_name="mail"})',
            id="a queue of Celery",
        ),
        pytest.param(
            other_queue("BullMQ", "mail"),
            'max by (queue) (bullmq_job_count{queue="mail",state="waiting"})',
            id="what waits in BullMQ",
        ),
        pytest.param(
            other_queue("Sidekiq", "mail"),
            'max by (name) (sidekiq_queue_enqueued_jobs{name="mail"})',
            id="a queue of Sidekiq",
        ),
        pytest.param(
            other_queue("Kafka", "mail"),
            "sum by (consumergroup) (max by (consumergroup,topic,partition) "
            '(clamp_min(kafka_consumergroup_lag{consumergroup="mail"}, 0)))',
            id="a consumer group",
        ),
        pytest.param(
            other_queue("Kafka", "mail", topic="orders"),
            "sum by (consumergroup,topic) (max by (consumergroup,topic,partition) "
            '(clamp_min(kafka_consumergroup_lag{consumergroup="mail",topic="orders"}, 0)))',
            id="a consumer group in one topic",
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


def test_every_system_but_rabbitmq_has_a_gauge() -> None:
    assert set(GAUGES) == set(QueueSystem) - {QueueSystem.RABBITMQ}


@pytest.mark.parametrize("system", GAUGES)
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
    names = [{"series": "celery_queue_length", "metric": "mycelery_depth", "labels": {"queue_name": "q"}}]
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": names})

    (question,) = plan([other_queue("Celery", "mail")], {"main": source}).questions

    assert question.promql == (
        'max by (queue_name) (label_replace(mycelery_depth{q="mail"},"queue_name","$1","q","(.+)"))'
    )
