"""R10 and R11: stabilization, limits and cooldowns, as the HPA and AWS step scaling compute them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from deadband.api.behavior import Direction, Limit, LimitType, SelectPolicy
from deadband.api.status import Cause, ScaleEvent, Wish


def lowest(wish: int, points: Iterable[Wish], *, window_seconds: int, now: datetime) -> int:
    """Up takes the lowest of now and of the points younger than the window."""
    return min([wish, *_younger(points, window_seconds, now)])


def highest(wish: int, points: Iterable[Wish], *, window_seconds: int, now: datetime) -> int:
    """Down takes the highest of now and of the points younger than the window."""
    return max([wish, *_younger(points, window_seconds, now)])


def _younger(points: Iterable[Wish], window_seconds: int, now: datetime) -> list[int]:
    window = timedelta(seconds=window_seconds)
    return [point.replicas for point in points if now - point.time < window]


def ceiling(direction: Direction, events: Sequence[ScaleEvent], *, replicas: int, now: datetime) -> int | None:
    """The most that scaleUp's limits allow now; None without limits.

    A used-up budget allows `replicas`, never less. From 0 the first replica is always allowed (R3), unless
    selectPolicy is Disabled.
    """
    if direction.select_policy is SelectPolicy.DISABLED:
        return replicas
    if not direction.limits:
        return None

    def allowed(limit: Limit) -> int:
        start = _at_period_start(limit, events, replicas, now)
        if limit.type is LimitType.PODS:
            return start + limit.value
        return -(-start * (100 + limit.value) // 100)

    choose = min if direction.select_policy is SelectPolicy.MIN else max
    return max(replicas, choose(map(allowed, direction.limits)), 1)


def floor_of(direction: Direction, events: Sequence[ScaleEvent], *, replicas: int, now: datetime) -> int | None:
    """The least that scaleDown's limits allow now; None without limits. A used-up budget allows `replicas`."""
    if direction.select_policy is SelectPolicy.DISABLED:
        return replicas
    if not direction.limits:
        return None

    def allowed(limit: Limit) -> int:
        start = _at_period_start(limit, events, replicas, now)
        return start - limit.value if limit.type is LimitType.PODS else start * max(0, 100 - limit.value) // 100

    choose = max if direction.select_policy is SelectPolicy.MIN else min
    return min(replicas, max(0, choose(map(allowed, direction.limits))))


def _at_period_start(limit: Limit, events: Iterable[ScaleEvent], replicas: int, now: datetime) -> int:
    period = timedelta(seconds=limit.period_seconds)
    return replicas - sum(event.change for event in events if now - event.time < period)


def up_credit(events: Sequence[ScaleEvent], *, cooldown_seconds: int, now: datetime) -> int | None:
    """What the ups since the running cooldown began gave in all; None when no up cooldown runs.

    The cooldown began with the last up that was not itself credited (R11).
    """
    ups = [event for event in events if event.change > 0]
    began = max((event.time for event in ups if event.cause is not Cause.CREDIT), default=None)
    if began is None or now - began >= timedelta(seconds=cooldown_seconds):
        return None
    return sum(event.change for event in ups if event.time >= began)


def down_cools(last_scale_time: datetime | None, *, cooldown_seconds: int, now: datetime) -> bool:
    """True while the down cooldown after the last scaling in either direction runs (R11)."""
    return last_scale_time is not None and now - last_scale_time < timedelta(seconds=cooldown_seconds)
