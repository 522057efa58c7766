"""What every implementation of ports.Alerts keeps to; run against the fake, a stand-in server and real Alertmanagers."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from deadband.ports import Alert, Alerts, UnreachableError

LASTING = {"alertname": "DeadbandActionRequired", "namespace": "leadgen", "policy": "leads-db"}
OVER = {**LASTING, "policy": "orders-db"}
TEXTS = {"summary": "Scale up: connections 81 % is above 80 %."}


class Replicas(Protocol):
    """Two replicas behind one implementation of the port."""

    @property
    def alerts(self) -> Alerts:
        """What is tried."""

    async def lasting(self) -> Collection[Collection[Mapping[str, str]]]:
        """Labels of the alerts that each replica which is up holds for lasting."""

    async def take_down(self) -> None:
        """Stop the second."""


def alert(labels: Mapping[str, str], *, ends_in: timedelta) -> Alert:
    """One that began an hour ago."""
    now = datetime.now(UTC)
    return Alert(labels, TEXTS, now - timedelta(hours=1), now + ends_in)


async def every_replica_holds_what_lasts_and_not_what_is_over(replicas: Replicas) -> None:
    minute = timedelta(minutes=1)
    failures = await replicas.alerts.send([alert(LASTING, ends_in=minute), alert(OVER, ends_in=-minute)])

    assert failures == {}
    assert await replicas.lasting() == [[LASTING], [LASTING]]

    await replicas.alerts.send([alert(LASTING, ends_in=timedelta(seconds=-1))])
    assert await replicas.lasting() == [[], []]


async def an_alert_ends_when_it_said_unless_it_is_sent_again(replicas: Replicas) -> None:
    await replicas.alerts.send([alert(LASTING, ends_in=timedelta(seconds=1))])
    while await replicas.lasting() != [[], []]:  # noqa: ASYNC110 - only asking tells; the test's timeout bounds it
        await asyncio.sleep(0.05)


async def a_replica_that_is_down_is_named_and_keeps_no_alert_from_the_other(replicas: Replicas) -> None:
    await replicas.take_down()

    failures = await replicas.alerts.send([alert(LASTING, ends_in=timedelta(minutes=1))])

    assert [type(error) for error in failures.values()] == [UnreachableError]
    assert await replicas.lasting() == [[LASTING]]


CONTRACT = (
    every_replica_holds_what_lasts_and_not_what_is_over,
    an_alert_ends_when_it_said_unless_it_is_sent_again,
    a_replica_that_is_down_is_named_and_keeps_no_alert_from_the_other,
)
