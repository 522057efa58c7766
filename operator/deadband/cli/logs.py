"""Log lines: for people with the time first, for machines one JSON object each. Secrets never reach a log call."""

import json
import logging
import sys
from datetime import UTC, datetime

from deadband.cli.settings import LogFormat

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

QUIET = {
    "kopf": logging.WARNING,
    "kopf.objects": logging.ERROR,
    "kopf._core.reactor.running": logging.ERROR,
    "urllib3": logging.ERROR,
}
"""Kopf tells of every object and of the signals that are ours to handle; its warnings of streams stay. urllib3 warns of
every query to a source that is away; that it is away is told once, by the source's status."""


def set_up_logging(log_format: LogFormat, level: str) -> None:
    """Send everything to standard error.

    Args:
        log_format: text or json.
        level: Name of the least level that is shown.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(in_brief)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLevelNamesMapping()[level]))


def in_brief(record: logging.LogRecord) -> bool:
    """Take the tracebacks away from what Kopf tells of its own tasks; used as a filter that lets everything through.

    A watch that ends is told twice with Kopf's insides below; its cause is in the message, and what comes of it is
    told by the vigil. Failures of handlers, which would be defects of ours, come from `kopf.objects` and keep theirs.
    """
    if record.name.startswith("kopf._"):
        record.exc_info = record.exc_text = None
    return True


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, message, and the fields of the call."""

    def format(self, record: logging.LogRecord) -> str:
        """Render."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Time, level and message, with the fields of the call behind."""

    def format(self, record: logging.LogRecord) -> str:
        """Render."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.getMessage()}" + (f"  [{fields}]" if fields else "")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
