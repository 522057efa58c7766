"""The working tree beside another revision: quiet windows of both in turn, in the same minutes.

Each of the two has an API server of its own, with its own CRDs, the same fleet, and the status that it wrote itself.
One Prometheus and one set of exporters serve both, so the series, the scrapes and the machine's other work are the
same. Only one operator runs at a time: it starts, has until it is still, is measured, and stops before the other one
starts. The other ways are worse:

* Two complete beds at once disturb each other on two cores, and their Prometheus servers grow apart.
* One API server for both would get other CRDs and other statuses before each window. An operator writes 20 statuses a
  second at most: 5,000 of them take four minutes.
* An operator that is frozen meanwhile loses its Lease and its watches, and gets them back in the window that follows.

A round is a window of Prometheus alone and one of each revision. Every second round has the two in the other order, so
that what drifts (the size of Prometheus's head, the machine) burdens neither. A window is a multiple of the interval
and of the scrapes, so it holds the same number of both wherever it begins. It begins about a minute after a start: the
LIST that repairs the store every five minutes is in none.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.bench import meter
from e2e.bench.exporters import Exporters
from e2e.bench.fleet import fleet
from e2e.bench.pace import Pace
from e2e.bench.plant import default_source, exporter_jobs, open_control_plane, operator_job
from e2e.bench.ratios import Comparison, Round, Window
from e2e.bench.results import OF_ALL
from e2e.bench.revision import Code
from e2e.bench.waits import PAGE_SECONDS, Say, evaluated, evaluations, rates_known, wait
from e2e.testbed.installation import Operator
from e2e.testbed.native import NativeCluster
from e2e.testbed.prometheus import Prometheus

_STILL_SECONDS = 180.0
"""For what an operator writes after a start beside its statuses of before, which are paced."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two on its API server; the operator runs only in its turn."""

    code: Code
    cluster: NativeCluster
    user: str
    operator: Operator

    def writes(self, since: int) -> int:
        """How much was written for policies since a mark of the audit log."""
        written = meter.written(self.cluster.audit_events(since), self.user)
        return sum(number for resource, number in written.items() if resource not in OF_ALL)


def compare(count: int, codes: tuple[Code, Code], pace: Pace, rounds: int, folder: Path, say: Say) -> Comparison:
    """Measure two revisions under one number of policies; minutes, most of them waiting.

    Args:
        count: Policies.
        codes: The other revision, and the working tree.
        pace: How fast; its window is how long each of the two is measured in a round.
        rounds: At least one.
        folder: For data and logs.
        say: Shows the progress.

    Raises:
        TimeoutError: An operator does not become still; the message names the revision.
    """
    with _open(count, codes, pace, folder, say) as course:
        course.begin()
        return Comparison(count, pace, tuple(course.round(number) for number in range(rounds)))


@contextmanager
def _open(count: int, codes: Sequence[Code], pace: Pace, folder: Path, say: Say) -> Iterator["_Course"]:
    """Build up what both need, with no operator running."""
    members = fleet(count)
    with ExitStack() as stack:
        exporters = stack.enter_context(Exporters(members))
        jobs = exporter_jobs(exporters)
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", jobs, scrape_interval=pace.scrape))
        sides = []
        for name, code in zip(("revision", "tree"), codes, strict=True):
            say(f"creating {count} policies for {code.name}")
            opened = open_control_plane(members, pace, folder / name, code.chart)
            cluster, installation = stack.enter_context(opened)
            cluster.apply(default_source(prometheus.url, pace))
            operator = Operator(
                installation, folder / name, identity=name, command=code.command, environment=code.environment
            )
            stack.callback(operator.process.stop)
            sides.append(_Side(code, cluster, installation.user, operator))
        prometheus.scrape([*jobs, operator_job(*(side.operator for side in sides))])
        yield _Course(count, pace, prometheus, sides, say)


class _Course:
    """The phases, in their order."""

    def __init__(self, count: int, pace: Pace, prometheus: Prometheus, sides: Sequence[_Side], say: Say) -> None:
        self._count = count
        self._pace = pace
        self._prometheus = prometheus
        self._sides = sides
        self._say = say

    def begin(self) -> None:
        """Let both write the first status of every policy, at the same time since that takes long."""
        self._say("waiting until rates are known")
        rates_known(self._prometheus, self._pace, self._count)
        self._say("first start of both, until every status is written")
        for side in self._sides:
            side.operator.start()
        for side in self._sides:
            evaluated(side.operator, self._count)
            self._settle(side, timeout=600 + self._count)
        for side in self._sides:
            side.operator.process.stop()

    def round(self, number: int) -> Round:
        """Measure Prometheus alone and then each of the two; numbers begin at 0."""
        self._say(f"round {number + 1}: Prometheus alone for {self._pace.window:g}s")
        before, started = self._prometheus_cpu(), time.monotonic()
        time.sleep(self._pace.window)
        idle = (self._prometheus_cpu() - before) / (time.monotonic() - started)
        self._say(f"Prometheus {idle:.2%} of one core")
        order = self._sides if number % 2 == 0 else self._sides[::-1]
        found = {side.code.name: self._turn(side, number) for side in order}
        revision, tree = (found[side.code.name] for side in self._sides)
        return Round(idle, revision, tree)

    def _turn(self, side: _Side, number: int) -> Window:
        self._say(f"round {number + 1}: {side.code.name} starts")
        side.operator.start()
        evaluated(side.operator, self._count)
        start_cpu = meter.cpu_seconds(side.operator.process.pid)
        self._settle(side, timeout=_STILL_SECONDS)
        self._say(f"round {number + 1}: {side.code.name} for {self._pace.window:g}s")
        found = self._window(side, start_cpu)
        side.operator.process.stop()
        self._say(f"operator {found.operator_cpu:.2%}, Prometheus {found.prometheus_cpu:.2%} of one core")
        return found

    def _settle(self, side: _Side, *, timeout: float) -> None:
        """Wait until nothing was written for a policy for two intervals."""
        mark, since = side.cluster.audit_mark(), time.monotonic()

        def still() -> bool:
            nonlocal mark, since
            begin, mark = mark, side.cluster.audit_mark()
            if side.writes(begin):
                since = time.monotonic()
            return time.monotonic() - since >= 2 * self._pace.interval

        wait(still, timeout=timeout, what=f"{side.code.name} writes nothing for its policies any more")

    def _window(self, side: _Side, start_cpu: float) -> Window:
        """Measure one window; counters are read outside of the two readings of CPU, since that costs CPU."""
        operator, mark = side.operator.process.pid, side.cluster.audit_mark()
        counted = self._counters(side)
        before = meter.cpu_seconds(operator), self._prometheus_cpu(), time.monotonic()
        time.sleep(self._pace.window)
        after = meter.cpu_seconds(operator), self._prometheus_cpu(), time.monotonic()
        queries, done, counted_for = _passed(counted, self._counters(side))
        operator_cpu, prometheus_cpu, seconds = _passed(before, after)
        own = side.operator.url.removeprefix("http://")
        return Window(
            start_cpu=start_cpu,
            operator_cpu=operator_cpu / seconds,
            prometheus_cpu=prometheus_cpu / seconds,
            queries=queries / counted_for,
            evaluations=done / counted_for,
            writes=side.writes(mark),
            resident=meter.memory(operator).now,
            exporters_samples=self._number('sum(scrape_samples_scraped{job!="deadband"})'),
            operator_samples=self._number(f'sum(scrape_samples_scraped{{instance="{own}"}})'),
        )

    def _counters(self, side: _Side) -> tuple[float, float, float]:
        """Queries, evaluations, and the time at which they were read."""
        text = self._prometheus.session.get(f"{self._prometheus.url}/metrics", timeout=PAGE_SECONDS).text
        counted = meter.samples(text, "prometheus_http_requests_total")
        queries = sum(value for labels, value in counted.items() if "/api/v1/query" in labels)
        return queries, evaluations(side.operator), time.monotonic()

    def _prometheus_cpu(self) -> float:
        return meter.cpu_seconds(self._prometheus.process.pid)

    def _number(self, expr: str) -> float:
        found = self._prometheus.value(expr)
        if found is None:
            raise RuntimeError(f"Prometheus has no result for {expr}")
        return found


def _passed(before: tuple[float, ...], after: tuple[float, ...]) -> tuple[float, ...]:
    """By how much each value has grown."""
    return tuple(end - start for start, end in zip(before, after, strict=True))
