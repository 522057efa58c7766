"""Compare ways to read CPU from Prometheus with what the kernel counted, on a real node, and print a table.

`python -m e2e.testbed.node.rates`: four minutes. Scraped every 15s, three workloads of two pods each, request 200m: one
is steady at 60%, one steps from 20% to 100%, one is restarted at 60%. Each second every expression is evaluated as of
now, and what it says of a container is compared with the kernel's counter over the span that it speaks of.
"""

import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.testbed.node.cluster import RealCluster, open_real
from e2e.testbed.node.inside import FOLDER
from e2e.testbed.node.kubelet import KUBELET
from e2e.testbed.node.load import call
from e2e.testbed.node.machine import run, unavailable
from e2e.testbed.node.truth import Truth
from e2e.testbed.node.workloads import addresses, burner
from e2e.testbed.prometheus import Prometheus, ScrapeJob

_NAMESPACE = "rates"
_REQUEST = 0.2
_LOW, _STEADY, _HIGH = 20, 60, 100
_SCRAPE = 15.0
_WARM_SECONDS, _AFTER_SECONDS = 100, 110
_X = f'container_cpu_usage_seconds_total{{namespace="{_NAMESPACE}",container!=""}}'
_AGE = f'(time() - container_start_time_seconds{{namespace="{_NAMESPACE}",container!=""}})'
_YOUNG_SECONDS = 75.0
_SEEN = 0.9


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read CPU in cores.

    Attributes:
        title: What it is called in the table.
        expression: PromQL with one series per container.
        since, until: PromQL for the ends of the span that it speaks of, in Unix seconds.
    """

    title: str
    expression: str
    since: str
    until: str


def two_samples(seconds: int) -> Way:
    """The difference of two samples over the time between them, as the samples tell it."""
    past = f"{_X} offset {seconds}s"
    since, until = f"timestamp({past})", f"timestamp({_X})"
    return Way(f"two samples, {seconds}s", f"({_X} - {past}) / ({until} - {since})", since, until)


WAYS = (
    Way("`rate(x[60s])`", f"rate({_X}[60s])", f"0 * {_X} + time() - 60", f"0 * {_X} + time()"),
    Way(
        "`rate(x[60s])` by age",
        f"rate({_X}[60s]) * on (id) group_left () (60 / clamp_max({_AGE}, 60))",
        f"0 * {_X} + time() - 60",
        f"0 * {_X} + time()",
    ),
    Way("`deriv(x[60s])`", f"deriv({_X}[60s])", f"0 * {_X} + time() - 60", f"0 * {_X} + time()"),
    *map(two_samples, (60, 30, 15)),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one way said of one container.

    Attributes:
        when: Unix seconds.
        workload: Its Deployment.
        age: Seconds since the container was made.
        new: Whether it was made by the rollout.
        reading, truth: Percent of the request; the truth over the same span, of a young container since it was made.
    """

    when: float
    workload: str
    age: float
    new: bool
    reading: float
    truth: float


def measure(folder: Path) -> str:
    """Run it all, inside the private machine, and return the table."""
    with open_real(folder / "cluster") as cluster:
        cluster.create_namespace(_NAMESPACE)
        for name, percent in (("steady", _STEADY), ("step", _LOW), ("rollout", _STEADY)):
            cores = _REQUEST * percent / 100
            cluster.apply(burner(name, _NAMESPACE, replicas=2, cpu=f"{_REQUEST * 1000:g}m", burn=cores))
        jobs = [ScrapeJob("kubelet", [KUBELET], "/metrics/cadvisor", access=cluster.scrape_access())]
        with Prometheus(folder / "prometheus", jobs, scrape_interval=_SCRAPE) as prometheus, Truth() as truth:
            seen = list(_watch(cluster, prometheus, truth))
    return table(seen)


def _watch(cluster: RealCluster, prometheus: Prometheus, truth: Truth) -> Iterator[tuple[str, Seen]]:
    start = time.monotonic()
    changed: float | None = None
    raw = []
    while (elapsed := time.monotonic() - start) < _WARM_SECONDS + _AFTER_SECONDS:
        if changed is None and elapsed > _WARM_SECONDS:
            for address in addresses(cluster, _NAMESPACE, "step"):
                call(address, f"/burn?cores={_REQUEST * _HIGH / 100:g}")
            cluster.kubectl("rollout", "restart", "deployment/rollout", "-n", _NAMESPACE)
            changed = time.time()  # noqa: TID251 - to compare with samples
        now = time.time()  # noqa: TID251 - as above
        for way in WAYS:
            values, starts, ends = (
                {each["metric"]["id"]: each for each in prometheus.query(text, at=now)}
                for text in (way.expression, way.since, way.until)
            )
            for group, each in values.items():
                span = float(starts[group]["value"][1]), float(ends[group]["value"][1])
                workload = each["metric"].get("pod", "").rsplit("-", 2)[0]
                raw.append((way.title, now, workload, group, float(each["value"][1]), span))
        time.sleep(max(0.0, 1 - (time.monotonic() - start - elapsed)))
    assert changed is not None
    percent = 100 / _REQUEST
    for title, now, workload, group, value, (since, until) in raw:
        made = truth.began(group)
        begin = max(since, made)
        used = truth.used(group, begin, until)
        if used is not None and until > begin:
            share = used / (until - begin)
            yield title, Seen(now - changed, workload, now - made, made > changed, value * percent, share * percent)


def table(seen: Sequence[tuple[str, Seen]]) -> str:
    """Return a Markdown table: errors by workload, in points, and the seconds until a step and a new pod are seen."""
    by_way = defaultdict(list)
    for title, each in seen:
        by_way[title].append(each)
    lines = ["| reading | steady | step | young | no number | 90% of the step | new pods |", f"|{'---|' * 7}"]
    most = max(map(len, map(_old, by_way.values())))
    for way in WAYS:
        of = by_way[way.title]
        old = {name: [each for each in _old(of) if each.workload == name] for name in ("steady", "step")}
        young = [each for each in of if each.new and each.age <= _YOUNG_SECONDS]
        enough = _LOW + _SEEN * (_HIGH - _LOW)
        cells = [_errors(each) for each in (old["steady"], old["step"], young)]
        cells += [
            f"{100 * (most - len(_old(of))) / most:.0f}%",
            _first([each.when for each in old["step"] if each.when > 0 and each.reading >= enough]),
            _first([each.age for each in young]),
        ]
        lines.append(f"| {way.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _old(seen: Sequence[Seen]) -> list[Seen]:
    """What was said of containers that are older than any window, and that live on to the end."""
    return [each for each in seen if each.age > _YOUNG_SECONDS and each.workload != "rollout"]


def _first(when: Sequence[float]) -> str:
    return f"{min(when):.0f}s" if when else "never"


def _errors(seen: Sequence[Seen]) -> str:
    errors = [abs(each.reading - each.truth) for each in seen]
    return f"{statistics.mean(errors):.1f}, {max(errors):.1f}" if errors else "none"


if __name__ == "__main__":
    if inside := os.environ.get(FOLDER):
        print(measure(Path(inside)))
    else:
        sys.exit(unavailable() or run([sys.executable, "-m", "e2e.testbed.node.rates"]))
