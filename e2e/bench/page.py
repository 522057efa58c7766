"""The figures of a run as a Markdown table, and their place in the page that explains them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from e2e.bench.results import PER_SECONDS, Load, Row

BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of the figures -->"

_SCALES = "deployments/scale"
_OF_POLICIES = ("scalingpolicies/status", "events", _SCALES)

_Figure = Callable[[Row], str]


def table(rows: Sequence[Row]) -> str:
    """One column for each number of policies, and the goal at 5,000."""
    lines = [["", *(f"{row.policies:,}" for row in rows), "goal at 5,000"], ["---", *["--:"] * (len(rows) + 1)]]
    lines += [[name, *(figure(row) for row in rows), goal] for name, figure, goal in _FIGURES]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def described(machine: Mapping[str, str | int | float], settings: Mapping[str, float]) -> str:
    """The machine and the pace, in a sentence each."""
    return (
        f"{machine['cores']} cores ({machine['architecture']}), {machine['memory_gigabytes']} GB of memory, "
        f"{machine['system']}, Python {machine['python']}, deadband {machine['deadband']}. "
        f"Evaluations every {settings['interval_seconds']:g} s, scrapes every {settings['scrape_seconds']:g} s, "
        f"each load measured for {settings['measured_seconds']:g} s.\n"
    )


def put(figures: str, page: Path) -> None:
    """Replace what stands between the two marks of a page.

    Raises:
        ValueError: The page has no marks.
    """
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page} has no place for figures")
    page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}")


def per_policy_hour(load: Load) -> float:
    """Writes that concern one policy, per policy and hour."""
    return sum(load.writes.get(resource, 0.0) for resource in _OF_POLICIES)


def _core(cpu: float) -> str:
    return f"{100 * cpu / PER_SECONDS:.1f} %"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2g} s"


def _of_sorted(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def _microseconds(load: Load) -> str:
    return f"{1e6 * load.operator_cpu / PER_SECONDS / load.evaluations_per_second:.0f} µs"


_FIGURES: tuple[tuple[str, _Figure, str], ...] = (
    ("operator, quiet: of one core", lambda row: _core(row.quiet.operator_cpu), "< 15 %"),
    ("operator, every reading changes: of one core", lambda row: _core(row.noisy.operator_cpu), ""),
    ("operator, quiet: CPU for each evaluation", lambda row: _microseconds(row.quiet), ""),
    ("resident memory, quiet", lambda row: f"{row.quiet.resident:.0f} MB", "< 300 MB"),
    ("resident memory, at most", lambda row: f"{row.peak_resident:.0f} MB", ""),
    ("queries per second", lambda row: f"{row.quiet.queries_per_second:.2f}", "< 2"),
    ("Prometheus, for the operator: of one core", lambda row: _core(row.quiet.prometheus_cpu), ""),
    ("Prometheus, for scraping the exporters: of one core", lambda row: _core(row.scraping_cpu), ""),
    ("writes per policy and hour, quiet", lambda row: f"{per_policy_hour(row.quiet):.2g}", "0"),
    ("writes per policy and hour, every reading changes", lambda row: f"{per_policy_hour(row.noisy):.0f}", ""),
    ("lag of an evaluation, quiet, p50", lambda row: _seconds(row.quiet.lag_p50), ""),
    ("lag of an evaluation, quiet, p99", lambda row: _seconds(row.quiet.lag_p99), "< 1 s"),
    ("lag of an evaluation, every reading changes, p99", lambda row: _seconds(row.noisy.lag_p99), ""),
    ("from a crossing to the write, p50", lambda row: _seconds(_of_sorted(row.reaction, 0.5)), ""),
    ("from a crossing to the write, longest", lambda row: _seconds(row.reaction[-1]), ""),
    ("ready, first start", lambda row: _seconds(row.first_start.ready), "< 30 s"),
    ("ready, after SIGKILL", lambda row: _seconds(row.restart.ready), "< 30 s"),
    ("every policy evaluated, after SIGKILL", lambda row: _seconds(row.restart.evaluated), ""),
    ("scale writes caused by the restart", lambda row: str(row.restart.writes.get(_SCALES, 0)), "0"),
    ("one query per metric: queries in an interval", lambda row: f"{row.naive.queries:,}", ""),
    ("one query per metric: CPU, client and Prometheus", lambda row: f"{row.naive_cost:.1f} s", ""),
    ("deadband: CPU, operator and Prometheus", lambda row: f"{row.cost:.1f} s", ""),
    ("times as much for one query per metric", lambda row: f"{row.ratio:.1f}", ""),
)
