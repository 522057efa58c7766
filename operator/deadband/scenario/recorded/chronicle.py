"""Every scaling and proposal of a policy in words, day by day: the part of the page that is read, not looked at."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from deadband.scenario.recorded.marks import kind, mark_of, what
from deadband.scenario.recorded.run import Happening, Run

MOST = 1500
"""So many are told; a policy that scales more often within some weeks needs no list to be judged."""
_OPEN = 200
"""A longer list is folded."""


def chronicle(run: Run, anchor: str) -> str:
    """The list; each entry leads to its mark on the chart of the replicas.

    Args:
        run: The policy.
        anchor: Begins the ids of its entries and marks.
    """
    if not run.happenings:
        return '<p class="none">It would have scaled nothing.</p>\n'
    told = list(enumerate(run.happenings[:MOST]))
    more = len(run.happenings) - len(told)
    opened = 'open="" ' if len(told) <= _OPEN else ""
    return "".join(
        [
            f'<details {opened}class="chronicle">\n',
            f"<summary>What happened, and why: {_counted(run)}</summary>\n",
            *(_day(day, list(entries), run, anchor) for day, entries in groupby(told, lambda each: each[1].at.date())),
            f'<p class="none">And {more:,} more; <code>-o csv</code> prints them all.</p>\n' if more else "",
            "</details>\n",
        ]
    )


def _counted(run: Run) -> str:
    count = len(run.happenings)
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _day(day: object, entries: Sequence[tuple[int, Happening]], run: Run, anchor: str) -> str:
    items = "".join(_entries(entries, run, anchor))
    return f"<h3>{day}</h3>\n<ol>\n{items}</ol>\n"


def _entries(entries: Sequence[tuple[int, Happening]], run: Run, anchor: str) -> Iterator[str]:
    for number, each in entries:
        time = f"<time>{each.at:%H:%M:%S}Z</time>"
        if each.after is not None:
            time = f'<a href="#{mark_of(each, run.grid, anchor)}">{time}</a>'
        projected = f" <i>Projected: {escape(', '.join(each.projected))}.</i>" if each.projected else ""
        yield (
            f'<li id="r{anchor}-{number}">{time}<b class="{kind(each)}">{escape(what(each))}</b>'
            f"<span>{escape(each.reason)}, {escape(each.rule)}</span>"
            f"<p>{escape(each.sentence)}{projected}</p></li>\n"
        )
