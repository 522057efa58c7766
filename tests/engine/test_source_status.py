"""What a MetricSource shows: reachability at once, figures rarely, nothing when nothing moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from deadband.engine.source_status import SourceReporter
from deadband.ports import SourceStanding
from deadband.queries.sampling import Sampling
from tests.engine.fakes import FakeWorld, source


@dataclass
class FakeHealth:
    """What was seen of a source."""

    reachable: bool | None = True
    version: str | None = "3.16.0"
    latency_seconds: float | None = 0.010
    queries_per_second: float | None = 0.5
    last_error: str | None = None
    last_error_time: datetime | None = None
    ignores_lookback: bool | None = False
    sampling: Sampling | None = field(default_factory=lambda: Sampling(15, 30, "blackbox"))


class Office:
    """A reporter with one source."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.health = FakeHealth()
        self.written: list[Mapping[str, Any]] = []
        self.shown: Mapping[str, SourceStanding] = {}
        self.world.add_source()
        self.reporter = SourceReporter(
            store=self.world.store,
            health=lambda _: self.health,
            write=self._write,
            leadership=self.world.leadership,
            show=lambda seen: setattr(self, "shown", seen),
            clock=self.world.clock,
        )

    def configure(self, **spec: Any) -> None:
        """Change the spec of the source."""
        changed = source(**spec)
        changed["metadata"] |= {"resourceVersion": "2", "generation": 2}
        self.world.scheduler.receive("MetricSource", "MODIFIED", changed)

    async def _write(self, name: str, status: Mapping[str, Any]) -> None:
        self.written.append(status)

    async def report(self, *, seconds: float = 5) -> int:
        """How many writes one look caused."""
        before = len(self.written)
        self.world.clock.seconds += seconds
        await self.reporter.report()
        return len(self.written) - before


@pytest.fixture
async def office() -> Office:
    return Office()


async def test_a_source_that_answers_is_ready(office: Office) -> None:
    assert await office.report() == 1

    status = office.written[-1]
    assert (status["reachable"], status["version"], status["latencySeconds"]) == (True, "3.16.0", "0.01")
    assert status["scrapeIntervalSeconds"] == 15
    conditions = [(one["type"], one["status"]) for one in status["conditions"]]
    assert conditions == [("Ready", "True"), ("WindowsAdequate", "True")]
    assert office.shown == {"main": SourceStanding(reachable=True, max_concurrent_queries=4)}


@pytest.mark.parametrize(
    ("change", "writes"),
    [
        pytest.param({}, 0, id="nothing moved"),
        pytest.param({"latency_seconds": 0.013}, 0, id="the latency moved a little"),
        pytest.param({"latency_seconds": 0.5}, 0, id="a figure moved much, but a moment ago one was written"),
        pytest.param({"reachable": False, "last_error": "HTTP 503"}, 1, id="it stopped answering"),
        pytest.param({"version": "3.17.0"}, 1, id="it was upgraded"),
        pytest.param({"sampling": Sampling(30, 30, "kubelet")}, 1, id="it is scraped at another interval"),
        pytest.param({"sampling": None}, 0, id="its scrape interval is not known any more"),
    ],
)
async def test_a_change_is_written_when_it_means_something(office: Office, change: dict[str, Any], writes: int) -> None:
    await office.report()
    for name, value in change.items():
        setattr(office.health, name, value)

    assert await office.report() == writes


async def test_figures_that_moved_are_written_after_five_minutes(office: Office) -> None:
    await office.report()
    office.health.latency_seconds = 0.5

    assert await office.report(seconds=200) == 0
    assert await office.report(seconds=200) == 1


async def test_a_rate_that_was_never_told_is_written_once_it_is_known_and_then_not_again(office: Office) -> None:
    office.health.queries_per_second = None
    assert await office.report() == 1
    office.health.queries_per_second = 0.5

    assert await office.report() == 1
    assert office.written[-1]["queriesPerSecond"] == "0.5"
    assert await office.report(seconds=400) == 0


async def test_a_new_process_whose_figures_are_those_it_found_writes_none(office: Office) -> None:
    await office.report()
    carried = source() | {"status": office.written[-1]}
    carried["metadata"]["resourceVersion"] = "2"
    other = Office()
    other.world.scheduler.receive("MetricSource", "MODIFIED", carried)
    other.health.queries_per_second = None

    assert await other.report() == 0
    other.health.queries_per_second = 0.55
    assert await other.report(seconds=60) == 0
    assert await other.report(seconds=400) == 0


async def test_a_follower_writes_nothing(office: Office) -> None:
    office.world.leadership.leading = False

    assert await office.report() == 0


async def test_a_source_that_was_not_asked_keeps_the_status_it_has(office: Office) -> None:
    office.health = FakeHealth(reachable=None, version=None, latency_seconds=None, sampling=None)
    carried = source() | {"status": {"reachable": True, "version": "3.0", "observedGeneration": 1}}
    carried["metadata"]["resourceVersion"] = "2"
    office.world.scheduler.receive("MetricSource", "MODIFIED", carried)

    assert await office.report() == 0


async def test_an_invalid_source_names_its_faults(office: Office) -> None:
    invalid = source("bad", default=False, url="ftp://x")
    office.world.scheduler.receive("MetricSource", "ADDED", invalid)

    await office.report()

    conditions = next(one for one in office.written if one["conditions"][0]["reason"] == "InvalidSpec")["conditions"]
    assert "url" in conditions[0]["message"]


@pytest.mark.parametrize(
    ("spec", "sampling", "said"),
    [
        pytest.param({}, Sampling(15, 120, "slow"), "", id="windows follow the scrape interval"),
        pytest.param({"rateWindowSeconds": 60}, Sampling(15, 15, "a"), "", id="a window of four intervals"),
        pytest.param(
            {"rateWindowSeconds": 59},
            Sampling(15, 15, "a"),
            "Too short: rateWindowSeconds is 59, and container usage is scraped every 15s: set it to 60 or more, or omit it.",
            id="a window of fewer",
        ),
        pytest.param({"staleAfterSeconds": 150}, Sampling(15, 60, "slow"), "", id="a lookback of 2.5 intervals"),
        pytest.param(
            {"staleAfterSeconds": 60},
            Sampling(15, 60, "slow"),
            "Too short: staleAfterSeconds is 60, and job slow is scraped every 60s: its targets can drop out between two "
            "scrapes, and sums then read too low; set it to 150 or more, or omit it.",
            id="a lookback as long as the interval",
        ),
        pytest.param(
            {},
            Sampling(15, 180, "slow"),
            "Too short: job slow is scraped every 180s, and Prometheus looks back 300s unless configured otherwise: "
            "set staleAfterSeconds to 450.",
            id="a job that is scraped too rarely for Prometheus's own lookback",
        ),
    ],
)
async def test_windows_that_do_not_fit_the_scrape_interval_are_named_with_the_value_to_set(
    office: Office, spec: dict[str, int], sampling: Sampling, said: str
) -> None:
    office.configure(**spec)
    office.health.sampling = sampling

    await office.report()

    condition = next(one for one in office.written[-1]["conditions"] if one["type"] == "WindowsAdequate")
    assert (condition["status"], condition["message"]) == (("False", said) if said else ("True", "Scraped every 15s."))


async def test_a_backend_that_looks_back_too_far_is_told(office: Office) -> None:
    office.configure(staleAfterSeconds=60)
    office.health.ignores_lookback = True

    await office.report()

    assert "lookback_delta" in office.written[-1]["conditions"][0]["message"]


async def test_a_backend_that_turns_out_to_look_back_too_far_is_told_although_it_answers_as_before(
    office: Office,
) -> None:
    office.configure(staleAfterSeconds=60)
    await office.report()
    office.health.ignores_lookback = True

    assert await office.report() == 1
    assert "lookback_delta" in office.written[-1]["conditions"][0]["message"]
    assert await office.report() == 0
