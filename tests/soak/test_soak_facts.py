"""Facts of a soak, from events of an audit log and from lines as the operator writes them."""

import json
from typing import Any

from e2e.chaos import oracles as of_faults
from e2e.soak.facts import Scaling, Write, exchanges, named, scalings, writes

OPERATOR = "system:serviceaccount:deadband-system:deadband"

LINE = {
    "time": "1970-01-01T00:16:40.526Z",
    "message": "scaled w00015 from 3 to 5: Scaling up from 3 to 5.",
    "namespace": "soak-000",
    "policy": "w00015",
    "from": 3,
    "to": 5,
    "reason": "ScalingUp",
    "rule": "R8",
    "evaluated": "1970-01-01T00:16:40.000+00:00",
}


def event(token: str, resource: str, body: Any, second: int, *, code: int = 200, verb: str = "patch") -> dict[str, Any]:
    resource, _, subresource = resource.partition("/")
    return {
        "auditID": f"{token}-{second}",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": OPERATOR, "extra": {"authentication.kubernetes.io/credential-id": [token]}},
        "objectRef": {"resource": resource, "subresource": subresource, "namespace": "soak-000", "name": "w00015"},
        "requestObject": body,
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": f"1970-01-01T00:16:{second:02}.000000Z",
        "stageTimestamp": f"1970-01-01T00:16:{second:02}.500000Z",
    }


def lease(token: str, holder: str, second: int) -> dict[str, Any]:
    return event(token, "leases", {"spec": {"holderIdentity": holder}}, second, verb="update")


def scale(token: str, replicas: int, second: int, *, code: int = 200) -> dict[str, Any]:
    return event(token, "deployments/scale", {"spec": {"replicas": replicas}}, second, code=code)


def test_scale_writes_that_were_taken_are_read_from_the_audit_log() -> None:
    events = [
        scale("one", 5, 1),
        scale("one", 7, 2, code=409),
        event("one", "deployments", None, 3, verb="get"),
        {**scale("one", 9, 4), "user": {"username": "system:admin"}},
    ]

    calls = named(exchanges(events, OPERATOR))

    assert writes(calls) == [Write(("soak-000", "w00015"), 961.0, 5)]


def test_whoever_writes_without_the_lease_is_found_by_the_token() -> None:
    of_two = [lease("one", "operator-a_x1", 1), scale("one", 5, 2), lease("two", "operator-b_x2", 3)]

    def judged(*events: dict[str, Any]) -> list[str]:
        return of_faults.one_writer(named(exchanges(events, OPERATOR)))

    assert judged(*of_two, scale("two", 4, 4)) == []
    assert judged(*of_two, scale("one", 4, 4)) == [
        "O5: operator-a wrote deployments/scale of w00015 while operator-b_x2 led"
    ]
    assert len(judged(*of_two, scale("three", 4, 4))) == 1


def test_whatever_was_forbidden_is_kept() -> None:
    calls = named(exchanges([event("one", "secrets", None, 1, code=403, verb="get")], OPERATOR))

    assert len(of_faults.nothing_forbidden(calls)) == 1


def test_scalings_are_read_from_the_log_and_a_line_that_was_cut_off_is_none() -> None:
    later = {**LINE, "evaluated": "1970-01-01T00:16:50.000+00:00"}
    log = (
        f"{json.dumps(later)}\n{json.dumps(LINE)}\n{json.dumps({**LINE, 'message': 'ended'})}\n{json.dumps(LINE)[:150]}"
    )

    first, second = scalings(log)

    assert first == Scaling(("soak-000", "w00015"), 1000.0, 1000.526, 3, 5, "ScalingUp", "R8")
    assert second.evaluated == 1010.0
    assert first.change == 2
