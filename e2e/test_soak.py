"""The soak in small: a hundred policies, the leader killed, Prometheus restarted, judged by the same oracles."""

import pytest

from e2e.bench.pace import Pace
from e2e.soak.course import Outcome, soak
from e2e.soak.report import document, page
from e2e.soak.restarts import Part, Restart

COUNT = 100
QUICK = Pace(interval=5, scrape=1.0)
RESTARTS = (Restart(Part.LEADER, kill=True), Restart(Part.PROMETHEUS, kill=False, away=12.0, pause=5.0))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return soak(COUNT, QUICK, RESTARTS, tmp_path_factory.mktemp("soak"), print, seconds=120)


def test_nothing_is_lost_grows_or_scales_without_a_reason(outcome: Outcome) -> None:
    assert outcome.wrong == []


def test_both_restarts_were_made_and_policies_were_scaled_by_metrics_and_by_fallback(outcome: Outcome) -> None:
    reasons = " ".join(outcome.scalings)

    assert [one.restart for one in outcome.breaks] == list(RESTARTS)
    assert "ScalingUp" in reasons
    assert "ScalingDown" in reasons
    assert "Fallback" in reasons


def test_the_report_tells_of_every_time_that_all_had_settled(outcome: Outcome) -> None:
    told = document(outcome, seed=1)

    assert told["held"]
    assert len(told["samples"]) == 2 * (1 + len(RESTARTS))
    assert page(outcome, seed=1).count("SIGKILL to the leader") == 3
