"""Two revisions side by side: their windows as data, and the ratios that follow from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from e2e.bench.pace import Pace
from e2e.bench.results import machine
from e2e.bench.revision import Code


@dataclass(frozen=True, slots=True)
class Window:
    """What one quiet window of one revision cost.

    Attributes:
        start_cpu: CPU seconds of the operator from its start, before the window, until every policy was evaluated.
        operator_cpu: CPU seconds of the operator per second: its share of one core.
        prometheus_cpu: CPU seconds of Prometheus per second, scrapes included.
        queries: Per second, as Prometheus counted them.
        evaluations: Per second, as the operator counted them.
        writes: Writes for policies in the window, from the audit log; 0 when it was quiet.
        resident: Megabytes of the operator at the end.
        exporters_samples: In a scrape of the exporters; must be the same for both.
        operator_samples: In a scrape of the operator's own metrics.
    """

    start_cpu: float
    operator_cpu: float
    prometheus_cpu: float
    queries: float
    evaluations: float
    writes: int
    resident: float
    exporters_samples: float
    operator_samples: float


@dataclass(frozen=True, slots=True)
class Round:
    """One window of each, a few minutes apart.

    Attributes:
        idle: CPU seconds of Prometheus per second while neither operator runs.
        revision, tree: The other revision, and the working tree.
    """

    idle: float
    revision: Window
    tree: Window


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rounds with one number of policies; at least one."""

    policies: int
    pace: Pace
    rounds: tuple[Round, ...]

    @property
    def idle(self) -> float:
        """CPU seconds per second of a Prometheus that only scrapes the exporters."""
        return median(each.idle for each in self.rounds)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of both.

    Attributes:
        revision, tree: Medians over the rounds.
        ratio: The tree's median by the revision's; None when the revision's is not above 0.
        lowest, highest: Of the ratios of single rounds; None when one of them has none.
    """

    revision: float
    tree: float
    ratio: float | None
    lowest: float | None
    highest: float | None


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Compare a figure, given as (revision, tree) of each round."""
    revision, tree = (median(side) for side in zip(*pairs, strict=True))
    single = [_by(of_tree, of_revision) for of_revision, of_tree in pairs]
    known = [each for each in single if each is not None]
    whole = len(known) == len(single)
    return Ratio(revision, tree, _by(tree, revision), min(known) if whole else None, max(known) if whole else None)


def ratios(comparison: Comparison) -> dict[str, Ratio]:
    """Every figure by its name in the JSON file."""
    return {
        name: ratio([(of(comparison, each.revision), of(comparison, each.tree)) for each in comparison.rounds])
        for name, (_, of, _) in _FIGURES.items()
    }


def report(comparison: Comparison, codes: tuple[Code, Code]) -> str:
    """The ratios as a Markdown table under a line that says what was measured.

    Args:
        comparison: The figures.
        codes: The other revision, and the working tree.
    """
    pace, count = comparison.pace, len(comparison.rounds)
    rounds = "1 round" if count == 1 else f"{count} rounds"
    head = (
        f"{comparison.policies:,} policies, {rounds} of {pace.window:g}s for each, evaluations every {pace.interval}s, "
        f"scrapes every {pace.scrape:g}s. Prometheus alone takes {_core(comparison.idle)} of one core."
    )
    lines = [["", *(code.name for code in codes), "ratio", "ratios of single rounds"], ["---", *["--:"] * 4]]
    for name, found in ratios(comparison).items():
        title, _, show = _FIGURES[name]
        lines.append([title, show(found.revision), show(found.tree), _shown(found.ratio), _spread(found)])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return "\n".join([head, "", table, *_disturbed(comparison, codes)])


def document(codes: tuple[Code, Code], found: Sequence[Comparison]) -> dict[str, Any]:
    """All figures as plain data.

    Args:
        codes: The other revision, and the working tree.
        found: One comparison for each number of policies.
    """
    revision, tree = ({"name": code.name, "commit": code.commit} for code in codes)
    return {
        "machine": machine(),
        "revision": revision,
        "working_tree": tree,
        "comparisons": [
            {
                "policies": each.policies,
                "settings": {
                    "interval_seconds": each.pace.interval,
                    "scrape_seconds": each.pace.scrape,
                    "measured_seconds": each.pace.window,
                },
                "ratios": {name: asdict(value) for name, value in ratios(each).items()},
                "rounds": [asdict(one) for one in each.rounds],
            }
            for each in found
        ],
    }


def _disturbed(comparison: Comparison, codes: tuple[Code, Code]) -> Iterator[str]:
    """A line for each window that was not quiet, which a median alone would hide."""
    for number, each in enumerate(comparison.rounds, start=1):
        for code, window in zip(codes, (each.revision, each.tree), strict=True):
            if window.writes:
                yield f"Not quiet: {code.name} wrote {window.writes} times in round {number}. Measure again."


def _by(tree: float, revision: float) -> float | None:
    return tree / revision if revision > 0 else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _spread(found: Ratio) -> str:
    return "" if found.lowest is None else f"{_shown(found.lowest)} to {_shown(found.highest)}"


def _core(cpu: float) -> str:
    return f"{100 * cpu:.2f}%"


_Of = Callable[[Comparison, Window], float]

_FIGURES: dict[str, tuple[str, _Of, Callable[[float], str]]] = {
    "operator_cpu": ("operator CPU, of one core", lambda _, one: one.operator_cpu, _core),
    "prometheus_cpu": (
        "Prometheus CPU for the operator, of one core",
        lambda whole, one: one.prometheus_cpu - whole.idle,
        _core,
    ),
    "start_cpu": ("operator CPU of a start", lambda _, one: one.start_cpu, lambda value: f"{value:.2f}s"),
    "resident": ("resident memory of the operator", lambda _, one: one.resident, lambda value: f"{value:.0f} MB"),
    "queries": ("queries per second", lambda _, one: one.queries, lambda value: f"{value:.2f}"),
    "evaluations": ("evaluations per second", lambda _, one: one.evaluations, lambda value: f"{value:.1f}"),
    "writes": ("writes for policies in a window", lambda _, one: one.writes, lambda value: f"{value:g}"),
    "exporters_samples": (
        "samples in a scrape of the exporters",
        lambda _, one: one.exporters_samples,
        lambda value: f"{value:,.0f}",
    ),
    "operator_samples": (
        "samples in a scrape of the operator",
        lambda _, one: one.operator_samples,
        lambda value: f"{value:,.0f}",
    ),
}
"""By name in the JSON file: the row's title, the figure of a window, and how a value is printed."""
