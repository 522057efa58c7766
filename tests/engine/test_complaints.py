"""One line for a thousand failures of one kind."""

import logging

import pytest

from deadband.api.conditions import Reason
from deadband.engine.complaints import Complaints
from deadband.ports import DeniedError, ObjectRef, UnreachableError
from tests.engine.fakes import FakeClock

API = ObjectRef("ScalingPolicy", "shop", "api")


def test_the_first_of_each_kind_is_told_and_the_rest_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    complaints = Complaints(logging.getLogger("test"), clock)
    for _ in range(1000):
        complaints.tell("scale for", API, DeniedError(Reason.ACCESS_DENIED, "may not patch"))
    complaints.tell("scale for", API, UnreachableError(Reason.ERROR, "no answer"))

    assert [record.getMessage() for record in caplog.records] == [
        "could not scale for api: may not patch",
        "could not scale for api: no answer",
    ]

    clock.seconds += 60
    complaints.tell("scale for", API, DeniedError(Reason.ACCESS_DENIED, "may not patch"))
    assert caplog.records[-1].getMessage().endswith("(and 999 more in the last minute)")
