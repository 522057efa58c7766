"""R7: how long an expression has held, kept as timestamps that survive restarts."""

from datetime import datetime, timedelta

from deadband.api.status import TimerStatus
from deadband.core.triggers import Truth
from deadband.core.types import Outage

LONGEST_SPELL = timedelta(seconds=600)
"""How long a timer stands still while its expression is unknown, at a short interval; a longer spell resets it."""


def longest_spell(interval_seconds: int) -> timedelta:
    """How long a timer stands still: two intervals where that is longer, or one failed read would reset it."""
    return max(LONGEST_SPELL, timedelta(seconds=2 * interval_seconds))


def advance(
    timer: TimerStatus,
    truth: Truth,
    *,
    now: datetime,
    outage: Outage | None = None,
    longest: timedelta = LONGEST_SPELL,
) -> TimerStatus:
    """Carry one direction's timer over one evaluation.

    `held_since` is moved forward by every unknown spell, so that `now - held_since` is the time held without it.
    A spell reaches from the first unknown evaluation to the next known one. The time without an operator counts as
    unknown: exactly its length, whether the next evaluation is known or not.

    Args:
        timer: As the last evaluation left it.
        truth: The expression now.
        now: The evaluation's time.
        outage: The time without an operator, in the first evaluation after it.
        longest: How long a spell may be; of the policy's interval.
    """
    if truth is False:
        return TimerStatus()
    spell = _spell(timer, now=now, outage=outage, longest=longest)
    if truth is None:
        held = timer.held_since if spell <= longest else None
        return TimerStatus(held_since=held, unknown_since=now - spell)
    if timer.held_since is None or spell > longest:
        return TimerStatus(held_since=now)
    return TimerStatus(held_since=min(now, timer.held_since + spell))


def held(timer: TimerStatus, *, now: datetime) -> timedelta:
    """How long the expression has held up to `now`, without unknown time; zero when it does not hold."""
    if timer.held_since is None:
        return timedelta()
    return max((timer.unknown_since or now) - timer.held_since, timedelta())


def _spell(timer: TimerStatus, *, now: datetime, outage: Outage | None, longest: timedelta) -> timedelta:
    """The unknown time that ends, or goes on, at `now`.

    A spell that begins in the future was written by a clock that has been set back since: how long it was is not known,
    so it counts as too long.
    """
    if timer.unknown_since is not None:
        spell = now - timer.unknown_since
        return spell if spell >= timedelta() else longest + timedelta(seconds=1)
    if outage is None or timer.held_since is None:
        return timedelta()
    return min(outage.length, now - timer.held_since)
