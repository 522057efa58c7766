"""Instants as people give them to a command: `now`, `7d` (so long ago), or RFC 3339."""

import re
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(?:now)?-?(\d{1,6})([smhdw])")


class Instant(click.ParamType[datetime]):
    """An aware UTC time; one without a zone is UTC."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read one."""
        if isinstance(value, datetime):
            return value
        now = datetime.now(UTC)
        if value == "now":
            return now
        if ago := _AGO.fullmatch(value):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'"{value}" is neither an RFC 3339 time nor a span such as 7d, 12h or 30m', param, ctx)
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
