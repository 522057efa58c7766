"""The oracles of the fault suite, each on recorded facts that are right and on some that are wrong."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from e2e.chaos import oracles
from e2e.chaos.account import Account, Reading, Scale, logged_scales, readings_of, scales_of, statuses_of
from e2e.chaos.exchanges import Exchange, read_kubernetes, read_prometheus
from e2e.chaos.play import end_state, lane_query
from e2e.chaos.supervisor import Exit

UP = Scale(asked=10.2, at=10.3, before=1, after=2, decided=1000.0)
SECOND_UP = Scale(asked=20.2, at=20.3, before=2, after=3, decided=1010.0)
DOWN = Scale(asked=30.2, at=30.3, before=3, after=2, decided=1020.0)
QUERY = lane_query("shop", "api")


def patched(
    resource: str, at: float, *, status: int = 200, told: bool = True, fault: str = "", **body: Any
) -> Exchange:
    return Exchange(
        at, "patch", resource, "shop", "api", body, status, status if told else 0, b"", fault, "operator", at + 0.1
    )


def leased(holder: str, at: float) -> Exchange:
    body = {"spec": {"holderIdentity": holder}}
    return Exchange(at, "update", "leases", "system", "deadband", body, 200, 200, answered=at + 0.1, through="operator")


def account(*scales: Scale) -> Account:
    return Account(lane="api", scales=scales, readings=(), statuses=(), end={})


def test_two_runs_that_end_alike_differ_in_nothing_but_times_and_figures() -> None:
    def shown(value: str, at: str, reason: str = "WithinBand") -> dict[str, Any]:
        return {
            "spec": {"minReplicas": 1},
            "status": {
                "currentReplicas": 1,
                "metrics": [{"name": "load", "value": value, "verdict": "Inside", "since": at}],
                "scaleEvents": [{"time": at, "from": 1, "to": 2, "cause": "Metrics"}],
                "decision": {"reason": reason, "sentence": at},
                "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "lastTransitionTime": at}],
            },
        }

    twin = end_state(shown("5", "2026-03-01T00:00:00Z"), 1)

    assert oracles.same_end(end_state(shown("4.9", "2026-04-01T00:00:00Z"), 1), twin) == []
    assert oracles.same_end(end_state(shown("5", "2026-03-01T00:00:00Z", "Paused"), 2), twin) == [
        "O1: replicas is 2, and 1 without the fault",
        "O1: reason is 'Paused', and 'WithinBand' without the fault",
    ]


def test_writes_beyond_those_of_the_twin_are_told() -> None:
    assert oracles.no_more_writes([UP], [UP, SECOND_UP]) == []
    assert oracles.no_more_writes([UP, SECOND_UP], [UP]) == ["O2: 2 scale writes (1 to 2, 2 to 3), 1 without the fault"]


@pytest.mark.parametrize(
    ("scales", "wrong"),
    [
        pytest.param([UP, SECOND_UP, DOWN], [], id="steps of one, each after its cooldown"),
        pytest.param([], [], id="nothing"),
        pytest.param([Scale(0, 0, 5, 6, decided=0.0)], ["O3: 6 is outside of 1 to 5"], id="above the maximum"),
        pytest.param([Scale(0, 0, 1, 3, decided=0.0)], ["O3: a step from 1 to 3"], id="a double step"),
        pytest.param(
            [UP, Scale(19, 19, 2, 3, decided=1009.0)],
            ["O3: 2 to 3 after 9.0 s of a cooldown of 10 s"],
            id="a step up in the cooldown",
        ),
        pytest.param(
            [UP, Scale(14, 14, 2, 1, decided=1004.0)],
            ["O3: 2 to 1 after 4.0 s of a cooldown of 5 s"],
            id="a step down in the cooldown of a step up",
        ),
        pytest.param(
            [DOWN, Scale(31, 31, 2, 3, decided=1021.0)], [], id="a step down holds no step up back"
        ),
        pytest.param([Scale(0, 0, 1, 2, decided=math.nan)], ["O3: 1 to 2"], id="a step that asked nothing"),
    ],
)  # fmt: skip
def test_steps_bounds_and_cooldowns_are_kept(scales: Sequence[Scale], wrong: Sequence[str]) -> None:
    found = oracles.within_limits(scales)

    assert len(found) == len(wrong)
    assert all(one.startswith(said) for one, said in zip(found, wrong, strict=True))


@pytest.mark.parametrize(
    ("reading", "slack", "says"),
    [
        pytest.param(Reading(10.0, 28.0, 1000.0), 0.0, "", id="fresh, and above the band"),
        pytest.param(Reading(10.0, 9.0, 1000.0), 0.0, "on a load of 9.0", id="inside of the band"),
        pytest.param(Reading(10.0, 1.0, 1000.0), 0.0, "on a load of 1.0", id="below the band"),
        pytest.param(Reading(10.0, None, 1000.0), 0.0, "no reading", id="tampered with"),
        pytest.param(Reading(10.3, 28.0, 1000.0), 0.0, "no reading", id="only after the write"),
        pytest.param(Reading(2.0, 28.0, 1000.0), 0.0, "8.2 s old", id="eight seconds before"),
        pytest.param(Reading(2.0, 28.0, 1000.0), 5.0, "", id="eight seconds before, where the fault delays"),
        pytest.param(Reading(10.0, 28.0, 1000.0, 25.0), 0.0, "25.2 s old", id="asked about the past"),
    ],
)
def test_a_write_rests_on_a_fresh_reading(reading: Reading, slack: float, says: str) -> None:
    found = oracles.justified([UP], [reading], slack=slack)

    assert bool(found) == bool(says)
    assert says in "".join(found)


@pytest.mark.parametrize(
    ("log", "scales", "wrong"),
    [
        pytest.param("scaled api from 1 to 2: up", [UP], 0, id="told and logged"),
        pytest.param("", [Scale(1, 1, 1, 2, told=False)], 0, id="neither told nor logged"),
        pytest.param("", [UP], 1, id="told and not logged"),
        pytest.param("scaled api from 1 to 2: up", [], 1, id="logged and not written"),
        pytest.param("scaled web from 1 to 2: up", [], 0, id="of another lane"),
    ],
)
def test_every_write_is_logged(log: str, scales: Sequence[Scale], wrong: int) -> None:
    assert len(oracles.logged([account(*scales)], log)) == wrong


def test_the_log_tells_target_and_both_numbers() -> None:
    line = "2026-03-01T00:00:00.000Z INFO    scaled api from 10 to 2: Scaling down from 10 to 2: load 1."

    assert logged_scales(line) == [("api", 10, 2)]


def test_a_traceback_or_an_end_that_is_not_expected_is_unsound() -> None:
    assert oracles.sound("all is well", [Exit(1.0, -9)], expected=(-9,)) == []
    assert oracles.sound("Traceback (most recent call last):", [Exit(1.0, 1)], expected=(-9,)) == [
        "O4: a traceback in the log",
        "O4: the process ended with 1",
    ]


@pytest.mark.parametrize(
    ("calls", "wrong"),
    [
        pytest.param([leased("operator_1", 0), patched("deployments/scale", 1)], 0, id="the holder writes"),
        pytest.param([patched("deployments/scale", 1)], 1, id="nobody holds it"),
        pytest.param([leased("second_1", 0), patched("deployments/scale", 1)], 1, id="another holds it"),
        pytest.param([leased("", 0), patched("scalingpolicies/status", 1)], 1, id="it was given up"),
        pytest.param([leased("second_1", 0), patched("deployments/scale", 1, status=409)], 0, id="it was refused"),
        pytest.param([leased("second_1", 0), patched("events", 1)], 0, id="an Event is no scale and no status"),
        pytest.param(
            [patched("deployments/scale", 1), leased("operator_1", 0)], 0, id="in the order of the answers"
        ),
    ],
)  # fmt: skip
def test_only_the_holder_of_the_lease_writes(calls: Sequence[Exchange], wrong: int) -> None:
    assert len(oracles.one_writer(calls)) == wrong


def test_a_quiet_time_knows_no_write_but_the_lease() -> None:
    calls = [
        patched("scalingpolicies/status", 1),
        leased("operator_1", 6),
        read_kubernetes(7, "GET", "/version", "", b""),
    ]

    assert oracles.quiet(calls, since=5) == []
    assert oracles.quiet([*calls, patched("events", 8)], since=5) == ["O6: patch events api 3.0 s into the quiet time"]


def test_a_refusal_for_want_of_a_right_is_told() -> None:
    calls = [patched("deployments/scale", 1), patched("scalingpolicies/status", 2, status=403)]

    assert oracles.nothing_forbidden(calls) == ["O7: patch scalingpolicies/status api was forbidden"]


def test_a_refusal_by_a_namespace_that_goes_is_not_for_want_of_a_right() -> None:
    late = patched("events", 1, status=403)
    late.answer = b'{"details":{"causes":[{"reason":"NamespaceTerminating"}]}}'

    assert oracles.nothing_forbidden([late]) == []


def test_scales_are_what_was_taken_with_what_was_before_and_when_it_was_decided() -> None:
    scale = {"spec": {"replicas": 2}}
    more = {"spec": {"replicas": 3}}
    calls = [
        patched("deployments/scale", 1, status=409, **scale),
        patched("deployments/scale", 2, **scale),
        patched("deployments", 3, **more),
        patched("deployments/scale", 4, told=False, **more),
        patched("deployments/scale", 5, fault="Truncate", **scale),
    ]

    found = scales_of(calls, "shop", "api", [Reading(1.5, 28.0, 1000.0), Reading(3.5, 28.0, 1010.0)])

    assert [(one.before, one.after, one.told, one.decided) for one in found] == [
        (1, 2, True, 1000.0),
        (2, 3, False, 1010.0),
        (3, 2, False, 1010.0),
    ]
    assert scales_of(calls, "shop", "web", ()) == []
    assert statuses_of([patched("scalingpolicies/status", 1)], "shop", "api") == [1.1]


def test_readings_are_what_was_answered_to_the_lanes_query_and_untouched() -> None:
    def asked(value: Any, fault: str = "") -> Exchange:
        form = f"query={QUERY}&time=1000.0".replace("{", "%7B").replace("}", "%7D").replace('"', "%22")
        made = read_prometheus(5.0, "POST", "/api/v1/query", "", form.replace("=shop", "%3Dshop").encode())
        made.answer = json.dumps({"data": {"result": value}}).encode()
        made.fault, made.answered = fault, 5.5
        return made

    good = [{"metric": {}, "value": [1000, "28"]}]
    calls = [asked(good), asked(good, "Edit"), asked([]), asked(good * 2)]

    found = readings_of(calls, calls[0].name, epoch=1000.0)

    assert [one.value for one in found] == [28.0, None, None, None]
    assert (found[0].at, found[0].instant, found[0].age) == (5.5, 1000.0, 5.0)
    assert readings_of(calls, "up", epoch=0.0) == []
