"""Every recipe against a real Prometheus and a real VictoriaMetrics: series as the exporters make them, numbers worked
out by hand."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from deadband.adapters.prometheus import PrometheusMetrics
from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import Absent, Interval, Reading, Sample
from deadband.queries.plan import closer, describe, plan
from deadband.queries.sampling import Sampling
from deadband.queries.types import Key, Need
from e2e.queries.backfill import Backfill
from e2e.queries.world import MANY, STRANGE, build
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.tools import TOOLS
from e2e.testbed.victoriametrics import VERSION_IT_TELLS, VictoriaMetrics

RENAMED = {"series": "rabbitmq_detailed_queue_messages_ready", "metric": "celery_depth", "labels": {"queue": "list"}}


class Silent:
    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Count nothing."""


class World:
    """A backend that holds the cluster, and three sources: `main`, `other`, which names things differently, and
    `bound`, on which a raw query reads its own namespace only.
    """

    def __init__(self, url: str, at: int, *, version: str, not_a_number: Reason) -> None:
        """Take its address, when its samples end, the version that it tells, and how it answers with NaN."""
        self.version = version
        self.not_a_number = not_a_number
        self.now = datetime.fromtimestamp(at, UTC)
        self.sources = {
            "main": MetricSourceSpec(url=url, default=True, rate_window_seconds=60),
            "short": MetricSourceSpec(url=url, stale_after_seconds=60),
            "bound": MetricSourceSpec.model_validate({"url": url, "rawQueries": "NamespaceEnforced"}),
            "other": MetricSourceSpec.model_validate({"url": url, "recipes": [RENAMED]}),
        }

    def read(self, needs: Sequence[Need], *, closely: bool = False) -> dict[Key, Reading]:
        """Ask as the operator does; `closely`: go on to the second look without the first."""

        async def ask() -> dict[Key, Reading]:
            metrics = PrometheusMetrics(Silent())
            metrics.update_sources(self.sources)
            readings, unclear = {}, list(needs)
            if not closely:
                first = plan(needs, self.sources)
                readings = first.read(await metrics.ask(first.questions, at=self.now), now=self.now)
                unclear = first.unclear(readings)
            second = closer(unclear, self.sources)
            readings |= second.read(await metrics.ask(second.questions, at=self.now), now=self.now)
            metrics.close()
            return readings

        return asyncio.run(ask())


@pytest.fixture(scope="module", params=["prometheus", "victoriametrics"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("queries")
    # An hour ago is within what Prometheus keeps and before what it would expect from a scrape.
    backfill = Backfill(int(time.clock_gettime(time.CLOCK_REALTIME)) // 60 * 60 - 3600)
    build(backfill)
    if request.param == "prometheus":
        prometheus = Prometheus(folder, [])
        backfill.write(folder / "data")
        with prometheus:
            told = TOOLS["prometheus"].version
            yield World(prometheus.url, backfill.at, version=told, not_a_number=Reason.NOT_A_NUMBER)
    else:
        with VictoriaMetrics(folder) as victoriametrics:
            victoriametrics.take(backfill.lines)
            # It leaves NaN out of its answers.
            yield World(victoriametrics.url, backfill.at, version=VERSION_IT_TELLS, not_a_number=Reason.EMPTY)


def need(metric: dict[str, object], target: str = "", source: str = "main") -> Need:
    """A need of one policy; `target` is namespace/kind/name, by default the policy is in leadgen and has none."""
    namespace, kind, name = target.split("/") if target else ("leadgen", "", "")
    ref = ScaleTargetRef(api_version="apps/v1", kind=kind, name=name) if target else None
    return Need(Key("policy", "m"), namespace, Metric.model_validate({"name": "m", **metric}), ref, source)


def cpu(target: str, **more: str) -> Need:
    return need({"resource": {"name": "cpu", **more}}, target)


def memory(target: str, **more: str) -> Need:
    return need({"resource": {"name": "memory", **more}}, target)


def depth(name: str, source: str = "main", **more: str) -> Need:
    return need({"queue": {"system": "RabbitMQ", "name": name, **more}}, source=source)


def jobs(system: str, name: str = "mail", **more: str) -> Need:
    return need({"queue": {"system": system, "name": name, **more}})


def bound(text: str) -> Need:
    return need({"query": text}, source="bound")


def database(instance: str, measure: str = "Connections") -> Need:
    return need({"database": {"system": "PostgreSQL", "instance": instance, "measure": measure}})


def raw(text: str) -> Need:
    return need({"query": text})


def real(name: str, **more: str) -> Need:
    return cpu(f"real/Deployment/{name}", **more)


API, DB, PAIR = "leadgen/Deployment/api", "leadgen/StatefulSet/leads-db", "leadgen/Deployment/pair"

NUMBERS = [
    ("cpu: 0.30 + 0.45 of 2 · 0.5 cores; nothing else counts", cpu(API), "75"),
    ("memory: 256 + 384 of 2 · 512 MiB", memory(API), "62.5"),
    ("cpu of limits: 0.75 of 2 · 1 core", cpu(API, of="Limits"), "37.5"),
    ("memory of limits: 640 of 2 · 1024 MiB", memory(API, of="Limits"), "31.25"),
    ("a name that begins like another: 0.05 of 0.25", cpu("leadgen/Deployment/api-canary"), "20"),
    ("the same names in another namespace: 0.1 of 1", cpu("staging/Deployment/api"), "10"),
    ("a StatefulSet: 1.3 of 2", cpu(DB), "65"),
    ("memory of a StatefulSet: 3 of 4 GiB", memory(DB), "75"),
    ("all containers: 0.9 + 0.1 of 1.2", cpu(PAIR), "83.333333333"),
    ("one container: 0.9 of 1", cpu(PAIR, container="main"), "90"),
    ("the other container: 0.1 of 0.2", cpu(PAIR, container="helper"), "50"),
    ("a container among ones without a request", cpu(API, container="app"), "75"),
    ("a request of zero is none: 0.2 of 1", cpu("leadgen/Deployment/half"), "20"),
    ("pods that have long been Ready: 0.31 of 0.5", real("old"), "62"),
    ("pods of a rollout, over the time since they became Ready (A1)", real("rolled"), "62"),
    ("work before a pod is Ready is no load (A4)", real("burst"), "0"),
    ("the living container alone counts, not the one that was killed (A2)", real("crashed"), "90"),
    ("memory of the living container alone: 256 of 512 MiB", memory("real/Deployment/crashed"), "50"),
    ("a pod that lost its readiness under load still counts (A5)", real("overloaded"), "100"),
    ("a pod that was never Ready does not", real("never-ready"), "80"),
    ("pods of a lost node do not", real("node-lost"), "100"),
    ("an evicted pod does not, though it is still there", real("evicted"), "180"),
    ("a native sidecar counts, an init container that has ended does not (A7)", real("meshed"), "80"),
    ("a native sidecar of a young pod", real("meshed-anew"), "80"),
    ("a native sidecar alone: 0.47 of 0.5", real("meshed", container="proxy"), "94"),
    ("a queue in two virtual hosts, one told of twice", depth("leads"), "10007"),
    ("a queue in one virtual host", depth("leads", vhost="/"), "10000"),
    ("the same queue in the other virtual host", depth("leads", vhost="eu"), "7"),
    ("a queue whose name is full of PromQL", depth(STRANGE), "3"),
    ("another exporter's metric and label names", depth("mail", "other"), "41"),
    ("a list in two databases of Redis, one told of twice", jobs("RedisList"), "42"),
    ("a queue of Celery with three of its priorities: 21 + 20 + 1", jobs("Celery"), "42"),
    ("a queue of Celery whose name is full of PromQL", jobs("Celery", STRANGE), "4"),
    ("what waits in BullMQ: 7 + 30 with a priority + 5 of a paused queue", jobs("BullMQ"), "42"),
    ("a queue of Sidekiq told of twice", jobs("Sidekiq"), "17"),
    ("the lag of a group in two topics: 40 + 2 + 0 + 5", jobs("Kafka"), "47"),
    ("the lag of a group in one topic: 40 + 2 + 0", jobs("Kafka", topic="orders"), "42"),
    ("a group without a commit in three partitions: 990 + 1,000 + 600 + 0", jobs("Kafka", "fresh"), "2590"),
    ("a group that retention has overtaken: 100 of 995", jobs("Kafka", "late"), "100"),
    ("a queue of SQS", jobs("SQS"), "61"),
    ("a queue of SQS by another exporter", jobs("SQS", "post"), "62"),
    ("a bound query reads its own namespace", bound("sum(tenant_load)"), "3"),
    ("a bound query with much in it", bound('sum without (app) (tenant_load{app=~"a.*"} * 2) + 1 ^ 2'), "7"),
    ("a bound query over a range", bound("max_over_time(sum(tenant_load)[2m:15s])"), "3"),
    ("connections: 72 of 100 - 3 - 7", database("leads-db"), "80"),
    ("connections before PostgreSQL 16: 55 of 103 - 3", database("old-db"), "55"),
    ("connections: 48 clients of 72 backends, of 103 - 3", database("busy-db"), "48"),
    ("connections that a role without pg_monitor does not see", database("blind-db"), "72"),
    ("cpu of the workload an instance is named after", database("leads-db", "Cpu"), "65"),
    ("raw PromQL", raw('sum(rabbitmq_detailed_queue_messages_ready{queue="leads"})'), "10000"),
    ("raw PromQL with a scalar", raw("scalar(sum(two_of_it))"), "3"),
]

ABSENCES = [
    ("a lost cAdvisor is not an idle pod: cpu", cpu("leadgen/Deployment/unseen"), Reason.NOT_MEASURED),
    ("a lost cAdvisor is not an idle pod: memory", memory("leadgen/Deployment/unseen"), Reason.NOT_MEASURED),
    ("a single pod that has just become Ready", real("all-new"), Reason.NOT_MEASURED),
    ("pods without any request", cpu("leadgen/Deployment/batch"), Reason.NO_REQUESTS),
    ("a request of zero alone is none", cpu("leadgen/Deployment/zero"), Reason.NO_REQUESTS),
    ("pods without any limit", cpu(DB, of="Limits"), Reason.NO_REQUESTS),
    ("the chosen container has no request", cpu(API, container="proxy"), Reason.NO_REQUESTS),
    ("there is no such container", cpu(API, container="nobody"), Reason.NO_REQUESTS),
    ("a workload without pods", cpu("leadgen/Deployment/asleep"), Reason.EMPTY),
    ("a workload nobody knows", cpu("leadgen/Deployment/unheard-of"), Reason.EMPTY),
    ("the right name of the wrong kind", cpu("leadgen/StatefulSet/api"), Reason.EMPTY),
    ("a queue's name is not a pattern", depth("lead."), Reason.EMPTY),
    ("a series silent for 90 s where 60 s is stale", depth("gone", "short"), Reason.EMPTY),
    ("an instance nobody knows", database("no-db"), Reason.EMPTY),
    ("a queue nobody knows", jobs("Sidekiq", "nothing"), Reason.EMPTY),
    ("a topic nobody reads", jobs("Kafka", topic="nothing"), Reason.EMPTY),
    ("a group whose topic is not shown, without a commit", jobs("Kafka", "blind"), Reason.PARTIAL),
    ("a bound query that asks for another namespace", bound('tenant_load{namespace="billing"}'), Reason.EMPTY),
    (
        "a bound query that renames another namespace",
        bound('label_replace(tenant_load{namespace!="leadgen"}, "namespace", "leadgen", "", "")'),
        Reason.EMPTY,
    ),
    ("a bound query that reads without a selector", bound("info(tenant_load)"), Reason.ERROR),
    ("raw PromQL with two series", raw("two_of_it"), Reason.MANY_SERIES),
    ("raw PromQL with very many series", raw("kube_pod_owner"), Reason.MANY_SERIES),
    ("raw PromQL without a series", raw("nothing_of_it"), Reason.EMPTY),
    ("raw PromQL that is infinite", raw("1 / (sum(two_of_it) - 3)"), Reason.NOT_A_NUMBER),
    ("raw PromQL that fails to execute", raw("two_of_it * on () two_of_it"), Reason.ERROR),
]


INTERVALS = [
    ("two of four pods have just become Ready: 0.62 of 2 cores, and 50 % more", real("just-ready"), "31", "81", 4, 2),
    ("one of two pods lost its scrape: 0.4 of 1 core", real("scrape-lost"), "40", "90", 2, 1),
    ("one of two pods has no running container", real("down"), "45", "95", 2, 1),
    ("memory of it: 256 of 1024 MiB", memory("real/Deployment/down"), "25", "75", 2, 1),
    ("a fresh pod without a sample: 0.5 of 3 cores", cpu("leadgen/Deployment/growing"), "16.666666667", "50", 3, 2),
]


@pytest.mark.parametrize(("asked", "value"), [pytest.param(*row[1:], id=row[0]) for row in NUMBERS])
def test_a_recipe_reads_the_number_worked_out_by_hand(world: World, asked: Need, value: str) -> None:
    reading = world.read([asked])[asked.key]

    assert isinstance(reading, Sample)
    assert reading.value == Fraction(value)


@pytest.mark.parametrize(
    ("asked", "low", "high", "pods", "measured"), [pytest.param(*row[1:], id=row[0]) for row in INTERVALS]
)
def test_pods_that_are_not_measured_make_an_interval(
    world: World, asked: Need, low: str, high: str, pods: int, measured: int
) -> None:
    reading = world.read([asked])[asked.key]

    assert isinstance(reading, Interval)
    assert (reading.low, round(reading.high, 6)) == (Fraction(low), Fraction(high))
    assert (reading.pods, reading.measured) == (pods, measured)
    assert len(reading.why) == pods - measured


def test_an_unmeasured_pod_may_use_as_much_as_the_highest_threshold(world: World) -> None:
    asked = replace(real("just-ready"), highest=Fraction(150))

    reading = world.read([asked])[asked.key]

    assert isinstance(reading, Interval)
    assert reading.high == 31 + 75


@pytest.mark.parametrize(
    ("asked", "value"),
    [pytest.param(*row[1:], id=row[0]) for row in NUMBERS if row[1].metric.resource is not None],
)
def test_the_second_look_reads_the_number_of_the_first(world: World, asked: Need, value: str) -> None:
    reading = world.read([asked], closely=True)[asked.key]

    assert isinstance(reading, Sample)
    assert float(reading.value) == pytest.approx(float(value), abs=1e-6)


@pytest.mark.parametrize(("asked", "reason"), [pytest.param(*row[1:], id=row[0]) for row in ABSENCES])
def test_what_cannot_be_known_is_absent_with_its_reason(world: World, asked: Need, reason: Reason) -> None:
    reading = world.read([asked])[asked.key]

    assert isinstance(reading, Absent)
    assert reading.reason is reason


@pytest.mark.parametrize(
    ("asked", "value"),
    [pytest.param(*row[1:], id=row[0]) for row in NUMBERS if row[1].namespace != "real"],
)
def test_the_described_query_has_the_value_that_is_read(world: World, asked: Need, value: str) -> None:
    described = raw(describe(asked, world.sources[asked.source]))

    reading = world.read([described])[described.key]

    assert isinstance(reading, Sample)
    assert float(reading.value) == pytest.approx(float(value))


def test_asked_together_they_read_the_same_as_alone(world: World) -> None:
    alone = [asked for _, asked, *_ in (*NUMBERS, *ABSENCES)]
    together = [replace(asked, key=Key(f"policy-{number}", "m")) for number, asked in enumerate(alone)]

    readings = world.read(together)

    assert [readings[asked.key] for asked in together] == [world.read([asked])[asked.key] for asked in alone]


def test_one_query_for_a_whole_group_reads_what_many_scoped_ones_read(world: World) -> None:
    needs = [
        replace(memory(f"team-{number % 7}/Deployment/w{number}"), key=Key(f"policy-{number}", "m"))
        for number in range(MANY)
    ]

    whole = world.read(needs)
    scoped = [world.read(needs[start : start + 40]) for start in range(0, MANY, 40)]

    assert ["w41" in question.promql for question in plan(needs, world.sources).questions] == [False]
    assert whole == {key: reading for part in scoped for key, reading in part.items()}
    assert whole == {asked.key: Sample(Fraction(number * 100, MANY)) for number, asked in enumerate(needs)}


def test_raw_promql_that_is_nan_is_no_number(world: World) -> None:
    asked = raw("no_number")

    reading = world.read([asked])[asked.key]

    assert isinstance(reading, Absent)
    assert reading.reason is world.not_a_number


async def test_the_backend_honors_the_lookback_and_tells_its_version(world: World) -> None:
    metrics = PrometheusMetrics(Silent())
    metrics.update_sources(world.sources)

    await metrics.ask(plan([raw("up")], world.sources).questions, at=world.now)
    while metrics.health("main").ignores_lookback is None:
        await asyncio.sleep(0.01)

    assert metrics.health("main").ignores_lookback is False
    assert metrics.health("main").version == world.version
    metrics.close()


async def test_the_scrape_interval_is_learned_from_the_backend(world: World) -> None:
    metrics = PrometheusMetrics(Silent())
    metrics.update_sources(world.sources)

    await metrics.ask(plan([raw("up")], world.sources).questions, at=world.now)
    while metrics.health("main").ignores_lookback is None:  # learned last
        await asyncio.sleep(0.01)

    assert metrics.health("main").sampling == Sampling(interval=15, slowest=15, slowest_job="kubelet")
    metrics.close()
