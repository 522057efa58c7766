"""What a Prometheus, or whatever stands in its place, may answer instead of one number (F20)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from e2e.chaos.readings import SERIES

Made = Callable[[bytes], bytes]
"""Makes a bad answer of a good one."""


def _each_value(edit: Callable[[list[Any]], list[Any]]) -> Made:
    def made(body: bytes) -> bytes:
        document = json.loads(body)
        for row in document["data"]["result"]:
            row["value"] = edit(row["value"])
        return json.dumps(document).encode()

    return made


def _document(edit: Callable[[dict[str, Any]], object]) -> Made:
    def made(body: bytes) -> bytes:
        document = json.loads(body)
        edit(document)
        return json.dumps(document).encode()

    return made


def _result(rows: Callable[[list[Any]], list[Any]]) -> Made:
    return _document(lambda document: document["data"].update(result=rows(document["data"]["result"])))


def _many(rows: list[Any], count: int) -> list[Any]:
    at = rows[0]["value"][0] if rows else 0
    return [{"metric": {"__name__": SERIES, "n": str(n)}, "value": [at, "0"]} for n in range(count)]


def _as_zero(document: dict[str, Any]) -> None:
    for row in document["data"]["result"]:
        row["value"][1] = "0"
    document["warnings"] = ["a store did not answer"]


def _as_ranges(document: dict[str, Any]) -> None:
    rows = document["data"]["result"]
    ranges = [{"metric": row["metric"], "values": [row["value"]]} for row in rows]
    document["data"] = {"resultType": "matrix", "result": ranges}


def _as_histograms(rows: list[Any]) -> list[Any]:
    none = {"count": "0", "sum": "0"}
    return [{"metric": row["metric"], "histogram": [row["value"][0], none]} for row in rows]


BAD_ANSWERS: Mapping[str, tuple[str, Made]] = {
    "empty": ("no series", _result(lambda _: [])),
    "not-a-number": ("NaN", _each_value(lambda value: [value[0], "NaN"])),
    "infinite": ("+Inf", _each_value(lambda value: [value[0], "+Inf"])),
    "minus-infinite": ("-Inf", _each_value(lambda value: [value[0], "-Inf"])),
    "no-text": ("a number where the API has a text", _each_value(lambda value: [value[0], 0])),
    "words": ("a word for a number", _each_value(lambda value: [value[0], "plenty"])),
    "old": ("a sample of ten minutes ago", _each_value(lambda value: [value[0] - 600, "0"])),
    "twice": ("the series twice", _result(lambda rows: [*rows, *rows])),
    "many": ("100,000 series", _result(lambda rows: _many(rows, 100_000))),
    "warned": ("zero, and the warning that a store did not answer", _document(_as_zero)),
    "range": ("a range instead of an instant", _document(_as_ranges)),
    "histogram": ("a native histogram", _result(_as_histograms)),
    "cut": ("half of the JSON", lambda body: body[: len(body) // 2]),
    "page": ("a login page", lambda _: b"<html>Sign in to continue</html>"),
    "list": ("JSON of another form", lambda _: b"[]"),
    "nothing": ("no body", lambda _: b""),
}
"""By name: what it is, and how it is made."""
