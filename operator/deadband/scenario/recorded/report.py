"""Simulations as tables, JSON and CSV. Values and text out, nothing is printed here."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from deadband.api.types import render_instant
from deadband.core.words import clock
from deadband.scenario.recorded.measures import Measures, measure
from deadband.scenario.recorded.run import Happening, Run

NOTHING = "-"
"""Stands where there is no number."""

TOTALS = ("policy", "scalings", "reversals", "replica-hours", "really ran", "difference", "replicas")
THRESHOLDS = ("policy", "direction", "threshold", "minutes simulated", "minutes recorded")
HAPPENINGS = ("at", "what", "from", "to", "reason", "rule", "projected", "the decision says")
COLUMNS = ("policy", "at", "kind", "from", "to", "reason", "rule", "projected", "sentence")


def figure(value: float) -> str:
    """A number of hours or minutes, to two decimals and without needless ones: `168`, `1.25`."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def span(run: Run) -> str:
    """What was played: `2026-01-05 08:00:00Z to 2026-01-12 08:00:00Z, 40,321 evaluations, one every 15 s`."""
    grid = run.grid
    first, last = clock(grid.at(0)), clock(grid.at(grid.count - 1))
    return f"{first} to {last}, {grid.count:,} evaluations, one every {grid.step} s"


def totals(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One row for each policy under `TOTALS`."""
    return [_totals(run.label, measure(run)) for run in runs]


def _totals(label: str, found: Measures) -> tuple[str, ...]:
    simulated, real = found.replica_hours, found.real_replica_hours
    turned = f"{found.reversals} (flapping)" if found.flapping else str(found.reversals)
    moved = f"{found.scalings} ({found.ups} up, {found.downs} down)"
    if found.proposals:
        moved += f", {found.proposals} proposed"
    return (
        label,
        moved,
        turned,
        NOTHING if simulated is None else figure(simulated),
        NOTHING if real is None else figure(real),
        NOTHING if simulated is None or not real else f"{100 * (simulated - real) / real:+.1f} %",
        NOTHING if found.lowest is None else f"{found.lowest} to {found.highest}",
    )


def thresholds(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One row for each threshold, and for each metric that was unknown at times, under `THRESHOLDS`."""
    rows: list[tuple[str, ...]] = []
    for run in runs:
        found = measure(run)
        for each in found.beyond:
            text = f"{each.metric} {each.sign} {each.threshold:g}"
            both = figure(each.simulated_minutes), figure(each.recorded_minutes)
            rows.append((run.label, each.direction, text, *both))
        rows += [
            (run.label, "", f"{name} unknown", figure(minutes), figure(minutes))
            for name, minutes in found.unknown_minutes.items()
        ]
    return rows


def happenings(run: Run) -> list[tuple[str, ...]]:
    """One row for each scaling and proposal under `HAPPENINGS`."""
    return [
        (clock(each.at), each.kind, *_ends(each), each.reason, each.rule, ", ".join(each.projected), each.sentence)
        for each in run.happenings
    ]


def _ends(happening: Happening) -> tuple[str, str]:
    return _text(happening.before), _text(happening.after)


def _text(replicas: int | None) -> str:
    return "" if replicas is None else str(replicas)


def as_json(run: Run) -> dict[str, Any]:
    """One policy as `-o json` prints it."""
    grid, found = run.grid, asdict(measure(run))
    return {
        "policy": run.label,
        "from": render_instant(grid.at(0)),
        "to": render_instant(grid.at(grid.count - 1)),
        "stepSeconds": grid.step,
        "evaluations": grid.count,
        "hours": found["hours"],
        "scalings": found["scalings"],
        "ups": found["ups"],
        "downs": found["downs"],
        "proposals": found["proposals"],
        "reversals": found["reversals"],
        "mostReversalsIn30Minutes": found["most_reversals"],
        "flapping": found["flapping"],
        "replicaHours": found["replica_hours"],
        "realReplicaHours": found["real_replica_hours"],
        "lowestReplicas": found["lowest"],
        "highestReplicas": found["highest"],
        "thresholds": [
            {
                "direction": each["direction"],
                "metric": each["metric"],
                "sign": each["sign"],
                "threshold": each["threshold"],
                "simulatedMinutes": each["simulated_minutes"],
                "recordedMinutes": each["recorded_minutes"],
            }
            for each in found["beyond"]
        ],
        "unknownMinutes": found["unknown_minutes"],
        "notes": list(run.notes),
        "events": [_event(each) for each in run.happenings],
    }


def _event(happening: Happening) -> dict[str, Any]:
    return {
        "at": render_instant(happening.at),
        "kind": happening.kind,
        "from": happening.before,
        "to": happening.after,
        "reason": happening.reason,
        "rule": happening.rule,
        "projected": list(happening.projected),
        "sentence": happening.sentence,
    }


def as_csv(runs: Sequence[Run]) -> str:
    """Every scaling and proposal of every policy, one row each, under `COLUMNS` (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row for run in runs for row in _csv_rows(run))
    return text.getvalue()


def _csv_rows(run: Run) -> Iterator[tuple[str, ...]]:
    for each in run.happenings:
        yield (
            run.label,
            render_instant(each.at),
            each.kind,
            *_ends(each),
            each.reason,
            each.rule,
            " ".join(each.projected),
            each.sentence,
        )
