"""From the bytes of a Prometheus answer to series, or to the name of what is wrong with them. No I/O."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from operator import itemgetter
from typing import Any

from deadband.api.conditions import Reason
from deadband.queries.ranges import Grid, RangeAnswered, RangeSeries
from deadband.queries.types import IS_PARTIAL, Answered, Series

_OK = 200
_REJECTED = frozenset({400, 422})
"""How servers say that they do not take a query."""
_QUERYS_FAULT = _REJECTED | {413, 414, 431}
"""Refusals that say nothing about the server's health; the last three: a request, a URL and headers too large."""
_ERROR_TYPES = frozenset({"bad_data", "canceled", "execution", "internal", "not_found", "timeout", "unavailable"}) | {
    "not_acceptable",
    "too_large_entry",
    "too_many_requests",
}
"""errorType values of the HTTP API, and Mimir's own (its pkg/api/error/error.go); anything else could carry what must
not be shown. VictoriaMetrics repeats the HTTP status there."""
_INFO = "PromQL info: "
"""How Prometheus's engine begins a remark that takes nothing from the answer (its util/annotations/annotations.go).
Thanos has no field `infos` and sends them among the warnings (its pkg/api/api.go)."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
"""Any 64-bit float in any notation, and no exponent whose exact value would fill the memory."""
_NOT_NUMBERS = frozenset({"NaN", "+Inf", "-Inf", "Inf"})
_COMMON_LENGTH = 32
"""Longer numbers are too rare to be remembered, and would let a server fill the memory with them."""
_VERSION = re.compile(r"[0-9A-Za-z.+_-]{1,64}")
"""It goes into a status: nothing but what looks like a version."""

MAX_PARTS = 1_000_000
"""Objects and entries of an answer: 80,000 series, as 20,000 workloads have, are 560,000. Python needs 70 bytes for
the smallest, so that 16 MB made of nothing else would become half a gigabyte (ADR 45)."""


class AskError(Exception):
    """A question that got no usable answer.

    Attributes:
        reason: Error or Timeout.
        blames_source: False when the query itself is at fault, so that one tenant's bad query never counts against a
            source that others use.
    """

    def __init__(self, reason: Reason, message: str, *, blames_source: bool = True) -> None:
        """Keep what the circuit breaker and the reading need; the message shows neither bodies nor URLs."""
        super().__init__(message)
        self.reason = reason
        self.blames_source = blames_source


class RejectedError(AskError):
    """The source says that it does not take the query."""

    def __init__(self, verdict: str) -> None:
        """Take the class of its verdict."""
        super().__init__(Reason.ERROR, f"the source rejects the query: {verdict}", blames_source=False)


def parse_answer(status: int, body: bytes, *, limit: int) -> Answered:
    """Read the answer of /api/v1/query.

    Args:
        status: HTTP status.
        body: Whole body, decoded.
        limit: Series beyond it are left out: not every backend knows the parameter.

    Raises:
        AskError: The answer is an error, not JSON of the documented form, or neither a vector nor a scalar.
    """
    if _is_too_much(body):
        raise AskError(Reason.ERROR, f"the answer has more than {MAX_PARTS} parts", blames_source=False)
    document = _successful(status, body)
    match document:
        case {"data": {"resultType": "vector", "result": list(rows)}}:
            series = tuple(_series(row) for row in rows[:limit])
        case {"data": {"resultType": "scalar", "result": list(value)}}:
            series = (_series({"metric": {}, "value": value}),)
        case {"data": {"resultType": str(kind)}}:
            shown = kind if kind in {"matrix", "string"} else "result of an unknown type"
            raise AskError(Reason.ERROR, f"the answer is a {shown}, not an instant vector", blames_source=False)
        case _:
            raise _malformed()
    return Answered(series, _warnings(document))


def parse_ranges(status: int, body: bytes, grid: Grid) -> RangeAnswered:
    """Read the answer of /api/v1/query_range.

    Args:
        status: HTTP status.
        body: Whole body, decoded.
        grid: What was asked for.

    Raises:
        AskError: The answer is an error, or not a matrix of the documented form.
    """
    document = _successful(status, body)
    match document:
        case {"data": {"resultType": "matrix", "result": list(rows)}}:
            return RangeAnswered(grid, tuple(_range(row) for row in rows), _warnings(document))
        case _:
            raise _malformed()


def parse_version(status: int, body: bytes) -> str | None:
    """Read the version from /api/v1/status/buildinfo; None when the backend has none to tell."""
    if _is_too_much(body):
        return None
    match _document(body):
        case {"status": "success", "data": {"version": str(version)}} if status == _OK and _VERSION.fullmatch(version):
            return version
        case _:
            return None


def is_of_another_time(date: str | None, *, now: datetime, tolerance: timedelta) -> bool:
    """Whether an answer was made by a clock that is not ours, or is not from now.

    A question is about an instant of our clock. Where the clocks differ by more than samples may be old, the answer is
    about a time that is past, or that has not come yet. An answer without a readable Date is taken as it is.

    Args:
        date: The header Date.
        now: When the answer was read.
        tolerance: The source's staleAfterSeconds.
    """
    try:
        made = parsedate_to_datetime(date or "")
    except ValueError:
        return False
    return abs(now - made.replace(tzinfo=made.tzinfo or UTC)) > tolerance


def _is_too_much(body: bytes) -> bool:
    return body.count(b"[") + body.count(b"{") + body.count(b",") > MAX_PARTS


def _successful(status: int, body: bytes) -> dict[str, Any]:
    document = _document(body)
    if status != _OK or document is None or document.get("status") != "success":
        raise _refusal(status, document)
    return document


def _warnings(document: dict[str, Any]) -> tuple[str, ...]:
    """What makes an answer partial (R1): warnings, and the word of a vmselect that did not reach every vmstorage.

    Source: VictoriaMetrics documentation, "Cluster version", "Cluster availability".
    """
    match document.get("warnings", []):
        case list(warnings):
            told = tuple(text for text in map(str, warnings) if not text.startswith(_INFO))
        case _:
            raise _malformed()
    return (*told, IS_PARTIAL) if document.get("isPartial", False) is not False else told


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refusal(status: int, document: dict[str, Any] | None) -> AskError:
    if document is None and status == _OK:
        return _malformed()
    kind = document.get("errorType") if document is not None else None
    shown = f"HTTP {status}" + (f" {kind}" if kind in _ERROR_TYPES else "")
    if kind == "timeout":
        # The server lives and says that this query took too long.
        return AskError(Reason.TIMEOUT, shown, blames_source=False)
    if status in _REJECTED and kind == "execution":
        # A query that cannot be executed, or with Thanos's partial_response=false a store that was lost.
        return AskError(Reason.ERROR, f"the source failed to execute the query: {shown}", blames_source=False)
    if status in _REJECTED and document is not None:
        return RejectedError(shown)
    return AskError(Reason.ERROR, shown, blames_source=status not in _QUERYS_FAULT)


def _malformed() -> AskError:
    return AskError(Reason.ERROR, "the answer is not what the Prometheus HTTP API gives")


def _series(row: Any) -> Series:
    match row:
        case {"metric": dict(labels), "value": [int() | float() as at, str(text)]}:
            return Series(_texts(labels), _number(text), _instant(at))
        case {"metric": dict(labels), "histogram": _}:
            return Series(_texts(labels), None)
        case _:
            raise _malformed()


def _range(row: Any) -> RangeSeries:
    match row:
        case {"metric": dict(labels)}:
            values, histograms = row.get("values", []), row.get("histograms", [])
        case _:
            raise _malformed()
    try:
        points = [(float(at), _number(text)) for at, text in values]
        points += [(float(at), None) for at, _ in histograms]
    except (TypeError, ValueError, OverflowError) as error:
        raise _malformed() from error
    if not all(isfinite(at) for at, _ in points):
        raise _malformed()
    return RangeSeries(_texts(labels), sorted(points, key=itemgetter(0)) if histograms else points)


def _texts(labels: dict[str, Any]) -> dict[str, str]:
    """The labels, when all are texts: others cannot be compared with what a policy names."""
    for value in labels.values():
        if type(value) is not str:
            raise _malformed()
    return labels


def _number(text: str) -> Fraction | None:
    return _common_number(text) if len(text) <= _COMMON_LENGTH else _any_number(text)


def _any_number(text: str) -> Fraction | None:
    if text in _NOT_NUMBERS:
        return None
    if not _NUMBER.fullmatch(text) or not isfinite(float(text)):
        raise _malformed()
    return Fraction(Decimal(text))  # as exact as Fraction(text) and twice as fast


_common_number = lru_cache(maxsize=4096)(_any_number)


@lru_cache(maxsize=64)
def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _malformed() from error
