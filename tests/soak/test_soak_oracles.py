"""The oracles of the soak, each on recorded facts that are right and on some that are wrong."""

import pytest

from e2e.bench.pace import Pace
from e2e.soak import growth, oracles
from e2e.soak.facts import Scaling, Write
from e2e.soak.fleet import Member, Role, Times, bounds, fleet
from e2e.soak.growth import Sample, Sizes
from e2e.soak.loads import Scrape, depth, seen_at
from e2e.soak.oracles import Truth
from e2e.soak.restarts import Break, Part, Restart, course

PACE = Pace(interval=5, scrape=1.0)
TIMES = Times(PACE.interval)
MEMBERS = {role: next(member for member in fleet(20) if member.role is role) for role in Role}
WAVE = MEMBERS[Role.WAVE]
SCRAPES = [Scrape(number, 1000.0 + number) for number in range(400)]
TRUTH = Truth(SCRAPES, PACE)


def crest(member: Member = WAVE, *, up: bool = True) -> float:
    """A time at which the member has been beyond a threshold for longer than a for-time."""
    held = range(TIMES.down_for + 1)
    return next(one.at for one in SCRAPES[50:] if all(TRUTH.calls_for(member, one.at - back, up=up) for back in held))


def scaling(before: int, after: int, at: float, *, member: Member = WAVE, reason: str = "ScalingUp") -> Scaling:
    return Scaling(member.key, at, at + 0.5, before, after, reason, "R8")


def broken(part: Part, begin: float, end: float) -> Break:
    return Break(Restart(part, kill=True), begin, end, end + 5)


UP = scaling(3, 5, 1100.0)
WRITE = Write(WAVE.key, 1100.4, 5)


def test_a_write_and_the_line_that_tells_of_it_leave_nothing_over() -> None:
    matched = oracles.match([WRITE], [UP], [])

    assert (list(matched.lost), list(matched.unseen), matched.wrong) == ([], [], [])


@pytest.mark.parametrize(
    ("writes", "scalings"),
    [
        pytest.param([WRITE], [], id="a write that nothing tells of"),
        pytest.param([], [UP], id="a line without a write"),
        pytest.param([WRITE, WRITE], [UP], id="one line for two writes"),
    ],
)
def test_a_half_without_the_other_is_wrong_but_close_to_a_restart(writes: list[Write], scalings: list[Scaling]) -> None:
    far, close = broken(Part.API_SERVER, 1000, 1010), broken(Part.API_SERVER, 1101, 1110)

    assert len(oracles.match(writes, scalings, [far]).wrong) == 1
    assert oracles.match(writes, scalings, [close]).wrong == []


def test_a_restart_of_prometheus_excuses_no_write_without_a_line() -> None:
    assert oracles.match([WRITE], [], [broken(Part.PROMETHEUS, 1101, 1110)]).wrong


def test_a_chain_of_scalings_ends_where_the_target_is() -> None:
    second = scaling(5, 4, 1200.0, reason="ScalingDown")

    assert oracles.unbroken([UP, second], [], {WAVE.key: 4}) == []
    assert len(oracles.unbroken([UP, second], [], {WAVE.key: 5})) == 1
    assert len(oracles.unbroken([second], [], {WAVE.key: 4})) == 1
    assert oracles.unbroken([second], [WRITE], {WAVE.key: 4}) == []


@pytest.mark.parametrize(
    ("one", "right"),
    [
        pytest.param(UP, True, id="a step up"),
        pytest.param(scaling(3, 6, 1100), False, id="more than a step up"),
        pytest.param(scaling(3, 1, 1100, reason="ScalingDown"), False, id="more than a step down"),
        pytest.param(scaling(12, 13, 1100), False, id="above the upper bound"),
        pytest.param(scaling(3, 4, 1100, reason="Fallback"), False, id="a fallback of a policy without one"),
        pytest.param(scaling(3, 4, 1100, reason="OutOfBounds"), False, id="out of bounds that it was within"),
        pytest.param(scaling(3, 5, 1100, member=MEMBERS[Role.STEADY]), False, id="a queue within the band"),
        pytest.param(scaling(3, 5, 1100, member=MEMBERS[Role.SHADOW]), False, id="a dry run"),
        pytest.param(scaling(9, 4, 1100, member=MEMBERS[Role.REFUGE], reason="Fallback"), True, id="a fallback"),
        pytest.param(
            scaling(2, 5, 1080, member=MEMBERS[Role.CALENDAR], reason="OutOfBounds"),
            True,
            id="a calendar's lower bound",
        ),
        pytest.param(
            scaling(2, 5, 1020, member=MEMBERS[Role.CALENDAR], reason="OutOfBounds"), False, id="a minute too early"
        ),
    ],
)
def test_a_scaling_is_within_bounds_and_steps(one: Scaling, right: bool) -> None:
    wrong = oracles.within(one, next(member for member in MEMBERS.values() if member.key == one.key))

    assert (wrong == []) is right


def test_the_bounds_of_a_calendar_change_with_the_minute() -> None:
    assert bounds(MEMBERS[Role.CALENDAR], 1080) == (5, 12)
    assert bounds(MEMBERS[Role.CALENDAR], 1020) == (1, 2)
    assert bounds(WAVE, 1020) == (1, 12)


def test_a_scaling_rests_on_a_fresh_reading_on_its_side() -> None:
    high, low = crest(), crest(up=False)

    assert oracles.fresh(scaling(3, 5, high), WAVE, TRUTH) == []
    assert oracles.fresh(scaling(5, 4, low), WAVE, TRUTH) == []
    assert oracles.fresh(scaling(5, 4, high), WAVE, TRUTH)
    assert oracles.fresh(scaling(3, 5, low), WAVE, TRUTH)
    assert oracles.fresh(scaling(5, 4, high, reason="OutOfBounds"), WAVE, TRUTH) == []


def test_a_reading_older_than_the_source_allows_calls_for_nothing() -> None:
    at = crest()
    early = Truth([one for one in SCRAPES if one.at <= at], PACE)

    assert oracles.fresh(scaling(3, 5, at + PACE.stale_after), WAVE, early) == []
    assert oracles.fresh(scaling(3, 5, at + PACE.stale_after + 1.5), WAVE, early)


def test_nothing_is_scaled_by_metrics_while_prometheus_is_away() -> None:
    away = [broken(Part.PROMETHEUS, 1095, 1105)]

    assert oracles.asked(UP, away)
    assert oracles.asked(UP, [broken(Part.ETCD, 1095, 1105)]) == []
    assert oracles.asked(scaling(9, 4, 1100, reason="Fallback"), away) == []


def test_what_a_scaling_rests_on_held_for_its_time_unless_something_was_restarted() -> None:
    first = next(one.at for one in SCRAPES[50:] if TRUTH.calls_for(WAVE, one.at, up=True))

    assert oracles.held(scaling(3, 5, crest()), WAVE, TRUTH, []) == []
    assert oracles.held(scaling(3, 5, first), WAVE, TRUTH, [])
    assert oracles.held(scaling(3, 5, first), WAVE, TRUTH, [broken(Part.LEADER, first - 4, first - 3)]) == []


@pytest.mark.parametrize(
    ("steps", "faults"),
    [
        pytest.param([(3, 5, 0), (5, 6, 15)], 0, id="a second up after the cooldown, cut by the limit"),
        pytest.param([(3, 5, 0), (5, 6, 5)], 1, id="an up within the cooldown beyond the step"),
        pytest.param([(3, 4, 0), (4, 5, 5)], 0, id="a credited up within the cooldown"),
        pytest.param([(3, 4, 0), (4, 5, 5), (5, 6, 8)], 1, id="credited ups within the cooldown beyond the step"),
        pytest.param(
            [(5, 4, 0), (4, 5, 20), (5, 6, 25), (6, 8, 32)], 0, id="a credited up does not begin the cooldown anew"
        ),
        pytest.param([(3, 5, 0), (5, 7, 15)], 1, id="more than the limit within its period"),
        pytest.param([(3, 5, 0), (5, 7, 45)], 0, id="as much when the period is over"),
        pytest.param([(3, 5, 0), (5, 4, 20), (4, 6, 35)], 0, id="what was removed makes room in the limit"),
        pytest.param([(5, 4, 0), (4, 3, 10)], 1, id="a down within the cooldown of a down"),
        pytest.param([(3, 5, 0), (5, 4, 10)], 1, id="a down within the cooldown of an up"),
        pytest.param([(5, 4, 0), (4, 3, 15)], 0, id="a down after the cooldown"),
    ],
)
def test_scalings_of_a_target_keep_their_distance(steps: list[tuple[int, int, float]], faults: int) -> None:
    wrong = oracles.paced([scaling(before, after, 1100 + at) for before, after, at in steps], [], TIMES)

    assert len(wrong) == faults


def test_bounds_and_fallback_wait_for_nothing_and_begin_a_cooldown() -> None:
    forced = [scaling(3, 5, 1100), scaling(5, 9, 1101, reason="Fallback")]

    assert oracles.paced(forced, [], TIMES) == []
    assert len(oracles.paced([*forced, scaling(9, 8, 1110, reason="ScalingDown")], [], TIMES)) == 1


def test_a_write_that_was_not_logged_counts_against_the_next_one() -> None:
    assert oracles.paced([scaling(5, 4, 1120, reason="ScalingDown")], [Write(WAVE.key, 1100, 5)], TIMES) == []
    assert oracles.paced([scaling(5, 4, 1110, reason="ScalingDown")], [Write(WAVE.key, 1100, 5)], TIMES)


def test_the_newest_page_may_not_have_arrived() -> None:
    assert [one.number for one in seen_at(SCRAPES, 1010.2)] == [9, 10]
    assert [one.number for one in seen_at(SCRAPES, 1000.0)] == [0]
    assert list(seen_at(SCRAPES, 990.0)) == []


def test_queues_do_what_their_roles_say() -> None:
    def values(role: Role) -> list[float | None]:
        return [depth(MEMBERS[role], one, TIMES.wave) for one in SCRAPES]

    steady = [value for value in values(Role.STEADY) if value is not None]
    waves = [value for value in values(Role.WAVE) if value is not None]

    assert len(steady) == len(waves) == len(SCRAPES)
    assert 20 < min(steady) < max(steady) < 80
    assert min(waves) < 20
    assert max(waves) > 80
    assert 0.1 < values(Role.FLICKER).count(None) / len(SCRAPES) < 0.3


def sample(**fields: float) -> Sample:
    held = {"resident": 100.0, "descriptors": 40, "sockets": 20, "threads": 10, "tasks": 20, **fields}
    return Sample(at=0.0, identity="a", pid=1, leads=True, **held)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "most"), [("resident", 157.0), ("descriptors", 56), ("sockets", 36), ("threads", 26), ("tasks", 84)]
)
def test_an_operator_may_hold_a_little_more_than_at_first(field: str, most: float) -> None:
    assert growth.grown([sample(), sample(**{field: most})]) == []
    assert len(growth.grown([sample(), sample(**{field: most + 1})])) == 1


def test_a_policy_that_waits_longer_than_three_intervals_is_lost() -> None:
    old = growth.ages(
        [("shop", "a"), ("shop", "b"), ("shop", "c")], {("shop", "a"): 95, ("shop", "b"): 70}, SCRAPES, 1100
    )

    assert growth.lost(old, PACE) == ["shop/b was last evaluated 30 s ago", "shop/c was last evaluated inf s ago"]


def test_the_pulse_of_each_policy_is_read_from_the_operators_metrics() -> None:
    shown = (
        'deadband_policy_metric_value{namespace="shop",policy="a",metric="pulse"} 12.0\n'
        'deadband_policy_metric_value{namespace="shop",policy="a",metric="depth"} 50.0\n'
    )

    assert growth.pulses(shown) == {("shop", "a"): 12}


def test_lists_in_status_have_a_bound_and_so_has_the_whole() -> None:
    status = {"conditions": [1] * 10, "metrics": [1, 2], "scaleEvents": [1] * 30, "decision": {}}
    found = growth.sizes([{"status": status}, {}], at=0.0)

    assert found.longest == {"conditions": 10, "metrics": 2, "scaleEvents": 30}
    assert growth.swollen([found], TIMES) == []
    assert len(growth.swollen([Sizes(0.0, 1000, {"scaleEvents": 362, "reverts": 1})], TIMES)) == 2
    assert len(growth.swollen([Sizes(0.0, 100_000, {})], TIMES)) == 1


def test_a_seed_plans_the_same_restarts_and_ten_of_them_are_all_ways() -> None:
    def first(seed: int) -> list[Restart]:
        return [one for one, _ in zip(course(seed), range(10), strict=False)]

    assert first(1) == first(1) != first(2)
    assert len({(one.part, one.kill) for one in first(1)}) == 10
