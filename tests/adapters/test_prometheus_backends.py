"""Answers of Thanos, Mimir and VictoriaMetrics, in the shapes that their own code and documentation give, as readings.

* VictoriaMetrics 1.136: app/vmselect/prometheus/query_response.qtpl, lib/httpserver/prometheus.go (the errorType is the
  HTTP status), docs/victoriametrics/Cluster-VictoriaMetrics.md, "Cluster availability" (isPartial). e2e/test_queries.py
  asks a real one.
* Thanos 0.42: pkg/api/api.go (the frame; there is no `infos`), pkg/api/query/v1.go (`analysis` in the data; infos and
  warnings of the engine are joined), docs/components/query.md, "Partial Response".
* Mimir of April 2026: pkg/frontend/querymiddleware/model.pb.go (warnings and infos apart), pkg/api/error/error.go (types of
  errors).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from deadband.adapters.prometheus import PrometheusMetrics
from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.plan import plan
from deadband.queries.readings import WARNED
from deadband.queries.types import IS_PARTIAL, Key, Need
from tests.adapters.prometheus_server import Reply, Server, serve

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEED = Need(Key("policy", "m"), "shop", Metric(name="m", query="load"), None, "main")
ROW = '{"metric":{"__name__":"load"},"value":[1772366400,"3"]}'
FOUND = f'"data":{{"resultType":"vector","result":[{ROW}]'
NOTHING = '"data":{"resultType":"vector","result":[]'
INFO = 'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \\"load\\" (1:6)'
LOST = "receive series from Addr: 10.0.0.7:10901 MinTime: 0 MaxTime: 1: rpc error: code = Unavailable"
THREE = Sample(Fraction(3))


def partial(message: str) -> Absent:
    return Absent(Reason.PARTIAL, message)


def refused(message: str) -> Absent:
    return Absent(Reason.ERROR, message)


READINGS = [
    (
        "VictoriaMetrics counts what it fetched, in a text",
        f'{{"status":"success",{FOUND}}},"stats":{{"seriesFetched": "1","executionTimeMsec":2}}}}',
        THREE,
    ),
    (
        "VictoriaMetrics gives a scalar as a vector without labels",
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1772366400,"3"]}]}}',
        THREE,
    ),
    (
        "VictoriaMetrics adds its trace",
        f'{{"status":"success",{FOUND}}},"trace":{{"duration_msec":0.1,"message":"","children":[]}}}}',
        THREE,
    ),
    ("vmselect reached every vmstorage", f'{{"status":"success","isPartial":false,{FOUND}}}}}', THREE),
    (
        "vmselect did not reach a vmstorage",
        f'{{"status":"success","isPartial":true,{FOUND}}}}}',
        partial(IS_PARTIAL),
    ),
    (
        "vmselect did not reach a vmstorage and found nothing",
        f'{{"status":"success","isPartial":true,{NOTHING}}}}}',
        partial(IS_PARTIAL),
    ),
    (
        "Thanos analyzes and counts",
        f'{{"status":"success",{FOUND},"stats":{{"samples":{{}}}},"analysis":{{}}}}}}',
        THREE,
    ),
    ("Thanos lost a store", f'{{"status":"success",{FOUND},"analysis":{{}}}},"warnings":["{LOST}"]}}', partial(WARNED)),
    (
        "Thanos knows no store that could have it",
        f'{{"status":"success",{NOTHING},"analysis":{{}}}},"warnings":["No StoreAPIs matched for this query"]}}',
        partial(WARNED),
    ),
    ("Thanos has infos among its warnings", f'{{"status":"success",{FOUND}}},"warnings":["{INFO}"]}}', THREE),
    (
        "Thanos has an info beside a warning",
        f'{{"status":"success",{FOUND}}},"warnings":["{INFO}","{LOST}"]}}',
        partial(WARNED),
    ),
    ("Mimir has infos apart", f'{{"status":"success",{FOUND}}},"infos":["{INFO}"]}}', THREE),
    (
        "Mimir warns",
        f'{{"status":"success",{FOUND}}},"warnings":["PromQL warning: quantile value should be between 0 and 1"]}}',
        partial(WARNED),
    ),
]

REFUSALS = [
    (
        "VictoriaMetrics cannot parse",
        422,
        '{"status":"error","errorType":"422","error":"s3cret"}',
        refused("the source rejects the query: HTTP 422"),
    ),
    ("VictoriaMetrics is full", 429, '{"status":"error","errorType":"429","error":"s3cret"}', refused("HTTP 429")),
    (
        "Thanos aborts when a store is lost",
        422,
        '{"status":"error","errorType":"execution","error":"s3cret"}',
        refused("the source failed to execute the query: HTTP 422 execution"),
    ),
    (
        "Thanos ran out of time",
        503,
        '{"status":"error","errorType":"timeout","error":"s3cret"}',
        Absent(Reason.TIMEOUT, "HTTP 503 timeout"),
    ),
    ("Mimir misses its tenant", 401, "no org id", refused("HTTP 401")),
    (
        "Mimir's tenant asks too much",
        429,
        '{"status":"error","errorType":"too_many_requests","error":"s3cret"}',
        refused("HTTP 429 too_many_requests"),
    ),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


class Silent:
    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Count nothing."""


async def read(server: Server, reply: Reply) -> Reading:
    server.answer = lambda _: reply
    sources = {"main": MetricSourceSpec(url=server.url)}
    metrics = PrometheusMetrics(Silent())
    metrics.update_sources(sources)
    planned = plan([NEED], sources)
    readings = planned.read(await metrics.ask(planned.questions, at=NOW), now=NOW)
    metrics.close()
    return readings[NEED.key]


@pytest.mark.parametrize(("body", "reading"), [pytest.param(*row[1:], id=row[0]) for row in READINGS])
async def test_an_answer_of_another_backend_reads_as_what_it_is(server: Server, body: str, reading: Reading) -> None:
    assert await read(server, Reply(body.encode())) == reading


@pytest.mark.parametrize(("status", "body", "reading"), [pytest.param(*row[1:], id=row[0]) for row in REFUSALS])
async def test_a_refusal_of_another_backend_is_told_by_its_class(
    server: Server, status: int, body: str, reading: Reading
) -> None:
    assert await read(server, Reply(body.encode(), status)) == reading
