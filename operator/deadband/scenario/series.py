"""The notations of a series: lists of numbers and words, and strings as promtool writes them."""

import re
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Interval, Reading, Sample

WORDS = {
    "empty": Reason.EMPTY,
    "nan": Reason.NOT_A_NUMBER,
    "stale": Reason.STALE,
    "many": Reason.MANY_SERIES,
    "norequests": Reason.NO_REQUESTS,
    "unmeasured": Reason.NOT_MEASURED,
    "partial": Reason.PARTIAL,
    "error": Reason.ERROR,
    "timeout": Reason.TIMEOUT,
}
"""What may stand in the place of a number, and the reason (R1) that it means."""

MOST_TICKS = 100_000

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
_PLAIN = re.compile(rf"[-+]?{_NUMBER}")
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf)", re.IGNORECASE)
_REPEATED = re.compile(rf"(?P<first>[-+]?{_NUMBER})(?P<step>[-+]{_NUMBER})?x(?P<count>[0-9]{{1,6}})")
_MISSING = re.compile(r"_(?:x(?P<count>[0-9]{1,6}))?")


def entry(text: str) -> Reading:
    """Read one entry: a decimal exactly as it is written, one of `WORDS`, or `_` for a missing sample (Empty).

    Raises:
        ValueError: It is none of these.
    """
    if text == "_":
        return Absent(Reason.EMPTY)
    if text in WORDS:
        return Absent(WORDS[text])
    if _PLAIN.fullmatch(text):
        return Sample(Fraction(text))
    if _NOT_FINITE.fullmatch(text):
        return Absent(Reason.NOT_A_NUMBER)
    raise ValueError(f'"{text}" is neither a number nor one of {", ".join(WORDS)}')


def interval(low: str, high: str) -> Reading:
    """Read an interval (R1); one of width 0 is that number.

    Args:
        low: A decimal exactly as it is written.
        high: Likewise, and not less.

    Raises:
        ValueError: One of them is no number, or they are the wrong way round.
    """
    ends = entry(low), entry(high)
    match ends:
        case Sample(value=least), Sample(value=most) if least == most:
            return Sample(least)
        case Sample(value=least), Sample(value=most) if least < most:
            return Interval(least, most)
        case Sample(), Sample():
            raise ValueError(f"the low end {low} is above the high end {high}")
        case _:
            raise ValueError("an interval has two numbers: [low, high]")


def expand(text: str) -> list[Reading]:
    """Read a whole series in promtool's notation, entries parted by blanks.

    ``axn`` is a and n more of it (``71x3`` is four samples), ``a+bxn`` and ``a-bxn`` are a and n more, each b further;
    ``_`` is one missing sample and ``_xn`` are n of them.

    Raises:
        ValueError: An entry is none of these, or they are more than 100,000.

    Source: Prometheus, "Unit testing for rules", series notation.
    """
    readings: list[Reading] = []
    for word in text.split():
        readings += _expanded(word, MOST_TICKS - len(readings))
    return readings


def _expanded(word: str, most: int) -> list[Reading]:
    if (counted := re.search(r"x([0-9]+)$", word)) and int(counted[1]) >= most:
        raise ValueError(f"more than {MOST_TICKS} entries")
    if repeated := _REPEATED.fullmatch(word):
        first, step = Fraction(repeated["first"]), Fraction(repeated["step"] or 0)
        return [Sample(first + step * k) for k in range(int(repeated["count"]) + 1)]
    if missing := _MISSING.fullmatch(word):
        return [Absent(Reason.EMPTY)] * int(missing["count"] or 1)
    return [entry(word)]
