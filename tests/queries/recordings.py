"""What real exporters showed, in recorded/: one file each, with its exporter, its server and what recipes read from it.

Names of queues and instances differ between the files, since one Prometheus scrapes all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from deadband.api.conditions import Reason

_FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class Expected:
    """What one metric reads.

    Attributes:
        metric: As in a policy, without its name.
        source: `main`, or `lists`, where redis_exporter shows the lists of Celery.
        value: To four decimals; None when it is absent.
        reason: Why it is absent.
    """

    metric: Mapping[str, Any]
    source: str
    value: Decimal | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Recording:
    """One answer of one exporter.

    Attributes:
        name: The file's, without its ending; for a database the label `instance`.
        exporter: Name and version.
        server: Name and version of what it told of.
        text: The exposition with its comments.
        reads: What it must read.
    """

    name: str
    exporter: str
    server: str
    text: str
    reads: tuple[Expected, ...]


def _recording(file: Path) -> Recording:
    text = file.read_text()
    head: dict[str, Any] = yaml.safe_load("".join(line[2:] for line in text.splitlines(True) if line.startswith("# ")))
    reads = tuple(
        Expected(
            row["metric"],
            row.get("source", "main"),
            Decimal(str(row["value"])) if "value" in row else None,
            Reason(row["absent"]) if "absent" in row else None,
        )
        for row in head["reads"]
    )
    return Recording(file.stem, head["exporter"], head["server"], text, reads)


RECORDINGS = tuple(_recording(file) for file in sorted(_FOLDER.glob("*.prom")))
LISTS = [{"series": "celery_queue_length", "metric": "redis_key_size", "labels": {"queue_name": "key"}}]
"""`recipes` of a MetricSource on which redis_exporter shows the lists of Celery."""
