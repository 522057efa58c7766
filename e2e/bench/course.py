"""The course of one measurement: first start, quiet, kill and restart, noise with crossings, the naive design."""

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.plan import describe
from deadband.queries.types import Key, Need
from e2e.bench import meter
from e2e.bench.fleet import PODS, Role, fleet, of_role, policy_of
from e2e.bench.pace import Pace
from e2e.bench.plant import Plant, open_plant
from e2e.bench.results import OF_ALL, PER_SECONDS, Load, Naive, Row, Start
from e2e.bench.waits import Say, evaluated, rates_known, wait

_ROOT = Path(__file__).parents[2]
_SEED = 1


@dataclass(frozen=True, slots=True)
class _Reading:
    """All counters at one moment."""

    at: float
    operator_cpu: float
    prometheus_cpu: float
    queries: float
    evaluations: float
    lag: dict[float, float]
    audit: int


def measure(count: int, pace: Pace, folder: Path, say: Say) -> Row:
    """Measure one number of policies; minutes, most of them waiting.

    Args:
        count: Policies.
        pace: How fast.
        folder: For data and logs.
        say: Told what goes on.
    """
    say(f"{count} policies: creating them")
    with open_plant(fleet(count), pace, folder) as plant:
        return Course(plant, say).run()


class Course:
    """The phases, in their order."""

    def __init__(self, plant: Plant, say: Say) -> None:
        self._plant = plant
        self._pace = plant.pace
        self._say = say
        self._count = len(plant.members)
        self._idle = 0.0
        """CPU seconds a second of a Prometheus that only scrapes."""

    def begin(self) -> Start:
        """Start the operator on a Prometheus that knows everything, and return when nothing happens any more."""
        self._warm_up()
        first = self._start("first start")
        self._settle()
        return first

    def run(self) -> Row:
        """Everything."""
        first = self.begin()
        quiet = self._load("quiet")
        resident = meter.memory(self._plant.prometheus.process.pid).now
        restart = self._restart()
        self._disturb()
        noisy = self._load("every reading changes")
        reaction = self._cross()
        peak = meter.memory(self._plant.operator.process.pid).peak
        self._plant.operator.process.stop()
        return Row(
            policies=self._count,
            pods=self._count * PODS,
            scraping_cpu=self._idle * PER_SECONDS,
            prometheus_resident=resident,
            first_start=first,
            restart=restart,
            quiet=quiet,
            noisy=noisy,
            reaction=reaction,
            peak_resident=peak,
            naive=self._naive(),
        )

    def _warm_up(self) -> None:
        """Wait until rates have all of their window, over a part of it they read low; then see what scraping costs."""
        prometheus = self._plant.prometheus
        self._say("waiting until rates are known")
        rates_known(prometheus, self._pace, self._count)
        self._say(f"measuring Prometheus alone for {self._pace.window:g} s")
        before, started = meter.cpu_seconds(prometheus.process.pid), time.monotonic()
        time.sleep(self._pace.window)
        self._idle = (meter.cpu_seconds(prometheus.process.pid) - before) / (time.monotonic() - started)

    def _start(self, what: str) -> Start:
        operator, mark = self._plant.operator, self._plant.cluster.audit_mark()
        self._say(what)
        started = time.monotonic()
        operator.start()
        ready = time.monotonic() - started
        evaluated(operator, self._count)
        whole, cpu = time.monotonic() - started, meter.cpu_seconds(operator.process.pid)
        time.sleep(2 * self._pace.interval)
        writes = meter.written(self._plant.cluster.audit_events(mark), self._plant.installation.user)
        return Start(ready, whole, cpu, dict(writes))

    def _settle(self) -> None:
        """Wait until the first status of every policy is written and no other write comes."""
        self._say("waiting until every status is written")
        before, since = -1.0, time.monotonic()

        def still() -> bool:
            nonlocal before, since
            if (now := self._policy_writes()) != before:
                before, since = now, time.monotonic()
            return time.monotonic() - since >= 2 * self._pace.interval

        wait(still, timeout=600 + self._count, what="no status is written any more")

    def _load(self, what: str) -> Load:
        self._say(f"measuring for {self._pace.window:g} s: {what}")
        begin = self._read()
        time.sleep(self._pace.window)
        end = self._read()
        seconds = end.at - begin.at
        events = self._plant.cluster.audit_events(begin.audit)
        writes = meter.written(events, self._plant.installation.user)
        lag = {bound: count - begin.lag.get(bound, 0) for bound, count in end.lag.items()}
        return Load(
            operator_cpu=(end.operator_cpu - begin.operator_cpu) / seconds * PER_SECONDS,
            prometheus_cpu=((end.prometheus_cpu - begin.prometheus_cpu) / seconds - self._idle) * PER_SECONDS,
            queries_per_second=(end.queries - begin.queries) / seconds,
            evaluations_per_second=(end.evaluations - begin.evaluations) / seconds,
            writes={
                resource: number / seconds * 3600 / (1 if resource in OF_ALL else self._count)
                for resource, number in sorted(writes.items())
            },
            lag_p50=meter.quantile(0.5, lag),
            lag_p99=meter.quantile(0.99, lag),
            resident=meter.memory(self._plant.operator.process.pid).now,
        )

    def _restart(self) -> Start:
        self._plant.operator.process.kill()
        return self._start("killed; starting again")

    def _disturb(self) -> None:
        """Make noise, and wait until every policy sees it: the scrape after the next has other values."""
        self._say("making noise")
        self._plant.exporters.make_noise()
        time.sleep(2 * self._pace.scrape + self._pace.interval)

    def _cross(self) -> tuple[float, ...]:
        """Let the probes leave the band one after another, and wait for their scale writes."""
        self._say("crossing thresholds")
        cluster, probes = self._plant.cluster, list(of_role(self._plant.members, Role.PROBE))
        mark, pauses = cluster.audit_mark(), random.Random(_SEED)
        crossed: dict[tuple[str, str], float] = {}
        for probe in probes:
            time.sleep(pauses.uniform(0, 2 * self._pace.interval / len(probes)))
            crossed[probe.namespace, probe.name] = self._plant.exporters.cross(probe)

        written: dict[tuple[str, str], str] = {}

        def done() -> bool:
            nonlocal written
            events = cluster.audit_events(mark)
            written = meter.write_times(events, self._plant.installation.user, "deployments/scale")
            return crossed.keys() <= written.keys()

        wait(done, what="every workload whose memory left the band is scaled")
        times = {key: datetime.fromisoformat(text).timestamp() for key, text in written.items()}
        return tuple(sorted(times[key] - at for key, at in crossed.items()))

    def _naive(self) -> Naive:
        """Ask one by one what the operator asks in an interval."""
        self._say("the naive design, for one interval")
        prometheus = self._plant.prometheus
        path = self._plant.folder / "queries.json"
        path.write_text(json.dumps(list(self._questions())))
        before, started = meter.cpu_seconds(prometheus.process.pid), time.monotonic()
        command = [sys.executable, "-m", "e2e.bench.naive", prometheus.url, str(path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT).stdout
        spent = meter.cpu_seconds(prometheus.process.pid) - before
        result: dict[str, Any] = json.loads(said)
        if result["known"] != result["queries"]:
            raise RuntimeError(f"of {result['queries']} queries {result['known']} have an answer")
        idle = self._idle * (time.monotonic() - started)
        return Naive(result["queries"], result["cpu"], spent - idle, result["wall"])

    def _questions(self) -> list[tuple[str, float, float]]:
        source = MetricSourceSpec(url=self._plant.prometheus.url, rate_window_seconds=self._pace.rate_window)
        questions = []
        for member in self._plant.members:
            document = policy_of(member, interval_seconds=self._pace.interval)
            spec = ScalingPolicySpec.model_validate(document["spec"])
            for metric, above, below in zip(spec.metrics, (70.0, 80.0), (20.0, 0.0), strict=True):
                need = Need(Key(member.name, metric.name), member.namespace, metric, spec.scale_target_ref, "bench")
                questions.append((describe(need, source), above, below))
        return questions

    def _read(self) -> _Reading:
        operator, prometheus = self._plant.operator, self._plant.prometheus
        audit, shown = self._plant.cluster.audit_mark(), operator.metrics()
        asked = prometheus.session.get(f"{prometheus.url}/metrics", timeout=10).text
        queries = meter.samples(asked, "prometheus_http_requests_total")
        lag = meter.samples(shown, "deadband_evaluation_lag_seconds_bucket")
        return _Reading(
            at=time.monotonic(),
            operator_cpu=meter.cpu_seconds(operator.process.pid),
            prometheus_cpu=meter.cpu_seconds(prometheus.process.pid),
            queries=sum(value for labels, value in queries.items() if "/api/v1/query" in labels),
            evaluations=sum(meter.samples(shown, "deadband_decisions_total").values()),
            lag={float(bound): count for (bound,), count in lag.items()},
            audit=audit,
        )

    def _policy_writes(self) -> float:
        writes = meter.samples(self._plant.operator.metrics(), "deadband_api_writes_total")
        return sum(value for (kind, _), value in writes.items() if kind.startswith("scalingpolicies"))
