"""PromQL text from names and values: quoting, matchers, selectors under a source's own names. Pure text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deadband.api.metricsource import MetricSourceSpec, RecipeNames

_STRING_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\x00"}
_REGEX_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


def quote(value: str) -> str:
    """Write a double-quoted PromQL string that means `value`.

    Source: Prometheus documentation, "Expression language basics", string literals (escapes as in Go).
    """
    return '"' + "".join(_STRING_ESCAPES.get(character, character) for character in value) + '"'


def regex(value: str) -> str:
    """Write an RE2 expression that matches `value` and nothing else; PromQL anchors it at both ends."""
    return "".join(f"\\{character}" if character in _REGEX_SPECIAL else character for character in value)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label.

    Attributes:
        label: The label as the recipe names it; a source may name it otherwise.
        operator: One of = != =~ !~.
        value: The plain value, for =~ and !~ an RE2 expression; not yet quoted.
    """

    label: str
    operator: str
    value: str


def equals(label: str, value: str) -> Matcher:
    """Match one value."""
    return Matcher(label, "=", value)


def one_of(label: str, values: Iterable[str]) -> Matcher:
    """Match exactly these values; at least one. A list of literals is looked up in the index, not tried one by one."""
    distinct = sorted(set(values))
    return equals(label, distinct[0]) if len(distinct) == 1 else Matcher(label, "=~", "|".join(map(regex, distinct)))


class Dialect:
    """How one source names the series and labels of recipes, and how far apart its samples are.

    Attributes:
        window: Seconds that a rate looks back: four scrape intervals.
        stale: Seconds after which a sample is too old to speak for the present: two and a half scrape intervals (R1).
    """

    def __init__(self, names: Sequence[RecipeNames], rate_window_seconds: int) -> None:
        """Keep the overrides by series."""
        self._names = {entry.series: entry for entry in names}
        self.window = rate_window_seconds
        self.stale = stale_after(rate_window_seconds)

    @classmethod
    def of(cls, source: MetricSourceSpec) -> "Dialect":
        """Take the overrides and the rate window of a source."""
        return cls(source.recipes, source.rate_window)

    def instant(self, series: str, *matchers: Matcher, offset: int = 0) -> str:
        """Select a series; the result carries the recipe's label names whatever the source calls them."""
        return self._restore(series, self._selector(series, matchers) + _offset(offset))

    def time_of(self, series: str, *matchers: Matcher, offset: int = 0) -> str:
        """Unix seconds at which each selected sample was taken, by the sample's own timestamp.

        The selector stands directly in timestamp(): around anything else it is the time of the evaluation.
        """
        return self._restore(series, f"timestamp({self._selector(series, matchers)}{_offset(offset)})")

    def slope(self, series: str, *matchers: Matcher) -> str:
        """Per-second increase of a counter over the rate window; needs two samples in it.

        A least-squares line through the samples there are (ADR 50): rate() divides by the whole window however little
        of it a series covers, and sinks while samples stay away. It takes no notice of counter resets, so the series
        must not have any: cAdvisor begins a new series for each container.
        """
        return self._restore(series, f"deriv({self._selector(series, matchers)}[{self.window}s])")

    def lowest(self, series: str, *matchers: Matcher, seconds: int) -> str:
        """The lowest value of the last `seconds`."""
        return self._restore(series, f"min_over_time({self._selector(series, matchers)}[{seconds}s])")

    def _selector(self, series: str, matchers: Sequence[Matcher]) -> str:
        entry = self._names.get(series)
        labels = (entry and entry.labels) or {}
        inside = ",".join(
            f"{labels.get(each.label, each.label)}{each.operator}{quote(each.value)}" for each in matchers
        )
        return f"{(entry and entry.metric) or series}{{{inside}}}"

    def _restore(self, series: str, expression: str) -> str:
        entry = self._names.get(series)
        for ours, theirs in sorted(((entry and entry.labels) or {}).items()):
            expression = renamed(expression, theirs, ours)
        return expression


def stale_after(rate_window_seconds: int) -> str:
    """Two and a half scrape intervals in seconds, as PromQL writes it, from the window of four."""
    return f"{rate_window_seconds * 5 / 8:g}"


def reach_of(rate_window_seconds: int) -> float:
    """Seconds back to the oldest sample that a rate over the window may begin with."""
    return rate_window_seconds * 13 / 8


def _offset(seconds: int) -> str:
    return f" offset {seconds}s" if seconds else ""


def renamed(expression: str, source: str, target: str) -> str:
    """Copy label `source` to `target` where it is not blank."""
    return f'label_replace({expression},"{target}","$1","{source}","(.+)")'


def marked(expression: str, label: str, value: str) -> str:
    """Set a constant label, so that several results fit into one answer."""
    return f'label_replace({expression},"{label}","{value}","","")'
