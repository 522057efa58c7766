"""What an answer means (R1): the classification that every recipe shares."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.types import IS_PARTIAL, Answer, Answered, Failed, Series

WARNED = "the answer carries a warning; the source itself, asked the same, tells which"
"""Not in the source's words: they may tell what only its administrators should read."""


def unusable(answer: Answer | None, *, limit: int) -> Absent | None:
    """Tell why nothing in this answer can be trusted; None when it can.

    Args:
        answer: None when the question was not asked.
        limit: The question's limit. An answer that reaches it may have been cut, with or without a warning.
    """
    match answer:
        case None:
            return Absent(Reason.ERROR, "the query was not asked")
        case Failed(reason, message):
            return Absent(reason, message)
        case Answered(warnings=(_, *_) as warnings):
            return Absent(Reason.PARTIAL, IS_PARTIAL if IS_PARTIAL in warnings else WARNED)
        case Answered(series=series) if len(series) >= limit:
            return Absent(Reason.PARTIAL, f"the answer was cut at {limit} series")
        case Answered():
            return None


def is_stale(rows: Sequence[Series], *, now: datetime, after: timedelta) -> bool:
    """Tell whether any of the values belongs to a time before `now - after`, where the answer gives one."""
    return any(row.time is not None and now - row.time > after for row in rows)


def single(rows: Sequence[Series]) -> Reading:
    """Read the one number that an answer should hold: Empty without any, ManySeries with several."""
    match rows:
        case []:
            return Absent(Reason.EMPTY)
        case [row]:
            return number(row.value)
        case _:
            return Absent(Reason.MANY_SERIES, "the query yields more than one series: aggregate it to one")


def number(value: Fraction | None) -> Reading:
    """A sample, or NotANumber for NaN and the infinities. The sample's own time is not in an instant answer."""
    return Absent(Reason.NOT_A_NUMBER) if value is None else Sample(value)
