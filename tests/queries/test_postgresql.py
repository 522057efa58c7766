"""Connections of PostgreSQL: which series the question names, and how instances share it."""

import promql_parser
import pytest

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Sample
from deadband.queries.plan import SCOPED_UP_TO, plan
from deadband.queries.types import Answered, Need
from tests.queries.builders import NOW, SOURCES, need, series


def connections(instance: str, policy: str = "p") -> Need:
    return need({"database": {"system": "PostgreSQL", "instance": instance, "measure": "Connections"}}, policy=policy)


@pytest.mark.parametrize(
    "selected",
    [
        pytest.param('pg_stat_activity_count{instance="db",backend_type="client backend"}', id="clients"),
        pytest.param('pg_stat_activity_count{instance="db",backend_type!=""}', id="all that are shown with their type"),
        pytest.param('pg_stat_database_numbackends{instance="db"}', id="all that there are"),
        pytest.param('pg_settings_max_connections{instance="db"}', id="the most"),
        pytest.param('pg_settings_superuser_reserved_connections{instance="db"}', id="reserved for superusers"),
        pytest.param('pg_settings_reserved_connections{instance="db"}', id="reserved since PostgreSQL 16"),
    ],
)
def test_a_question_names_what_it_needs_of_the_instance(selected: str) -> None:
    (question,) = plan([connections("db")], SOURCES).questions

    assert selected in question.promql


@pytest.mark.parametrize(("count", "named"), [(3, True), (SCOPED_UP_TO + 1, False)])
def test_instances_share_a_question_that_parses(count: int, named: bool) -> None:
    (question,) = plan([connections(f"db{number}", f"p{number}") for number in range(count)], SOURCES).questions

    assert ("db0" in question.promql) is named
    promql_parser.parse(question.promql)


def test_each_instance_reads_its_own_series() -> None:
    one, other = connections("one", "a"), connections("other", "b")
    planned = plan([one, other], SOURCES)

    readings = planned.read({planned.questions[0]: Answered((series(59, instance="one"),))}, now=NOW)

    reading, absent = readings[one.key], readings[other.key]
    assert isinstance(reading, Sample)
    assert reading.value == 59
    assert isinstance(absent, Absent)
    assert absent.reason is Reason.EMPTY
