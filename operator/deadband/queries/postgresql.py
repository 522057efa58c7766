"""The `database` recipe for PostgreSQL, measure Connections: percent of the connections that clients may open.

Series and labels (prometheus-community/postgres_exporter): pg_stat_database_numbackends {datid, datname}
(collector/pg_stat_database.go), pg_stat_activity_count {datname, state, usename, application_name, backend_type,
wait_event_type, wait_event} (cmd/postgres_exporter/queries.go; of these release 0.11.1 has the first two alone) and
pg_settings_max_connections, pg_settings_superuser_reserved_connections, pg_settings_reserved_connections {server}
(cmd/postgres_exporter/pg_setting.go; the last since PostgreSQL 16, taken as 0 where it is not). `instance` is the
scrape target's label; a source may name another. Subtracting what is reserved is what the exporter's own mixin does in
its alert PostgreSQLHighConnections.

numbackends also counts parallel workers, autovacuum and logical walsenders, which take none of max_connections; only
pg_stat_activity_count tells them apart. But a role that is not a member of pg_monitor sees its own sessions there, and
neither state nor type of any other, so its exporter shows one client where there are hundreds. numbackends needs no
such right: it counts where less than half of its backends are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from deadband.core.types import Reading
from deadband.queries.promql import Dialect, Matcher, equals, one_of
from deadband.queries.readings import single
from deadband.queries.types import Need, Series

CLIENT = "client backend"
"""The backend_type of a connection that a client opened."""

_ACTIVITY = "instance,datname,usename,application_name,state,backend_type,wait_event_type,wait_event"


@dataclass(frozen=True, slots=True)
class ConnectionsRecipe:
    """Connections of instances in percent; one series for each.

    Clients of every database of the instance are added up. An instance that is down has pg_up only and reads Empty.
    """

    labels: ClassVar[tuple[str, ...]] = ("instance",)

    def place(self, need: Need) -> tuple[str, ...]:
        """The instance."""
        return (_instance(need),)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the percentage of these needs' instances, or of every instance."""
        matchers: tuple[Matcher, ...] = (one_of("instance", map(_instance, needs)),) if named else ()
        most, superuser, reserved = (
            f"max by (instance) ({dialect.instant(f'pg_settings_{name}', *matchers)})"
            for name in ("max_connections", "superuser_reserved_connections", "reserved_connections")
        )
        backends = dialect.instant("pg_stat_database_numbackends", *matchers)
        counted = f"sum by (instance) (max by (instance,datname) ({backends}))"
        clients = _shown(dialect, *matchers, equals("backend_type", CLIENT))
        shown = _shown(dialect, *matchers, Matcher("backend_type", "!=", ""))
        used = f"(({clients} unless 2 * {shown} < {counted}) or {counted})"
        return f"100 * {used} / ({most} - {superuser} - ({reserved} or 0 * {most}))"

    def most(self, needs: Sequence[Need]) -> int:
        """One series for each instance."""
        return len({_instance(need) for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """Percentage; Empty when the instance, or one of the settings, is not known."""
        return single(rows)


def _shown(dialect: Dialect, *matchers: Matcher) -> str:
    """Count the backends of pg_stat_activity by instance."""
    activity = dialect.instant("pg_stat_activity_count", *matchers)
    return f"sum by (instance) (max by ({_ACTIVITY}) ({activity}))"


def _instance(need: Need) -> str:
    assert need.metric.database is not None
    return need.metric.database.instance
