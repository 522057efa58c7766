"""The `database` recipe for PostgreSQL, measure Connections: percent of the connections that clients may open.

Series and labels (prometheus-community/postgres_exporter): pg_stat_database_numbackends {datid, datname}
(collector/pg_stat_database.go) and pg_settings_max_connections, pg_settings_superuser_reserved_connections,
pg_settings_reserved_connections {server} (cmd/postgres_exporter/pg_setting.go; the last since PostgreSQL 16, taken as
0 where it is not). `instance` is the scrape target's label; a source may name another. Subtracting what is reserved is
what the exporter's own mixin does in its alert PostgreSQLHighConnections.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from deadband.core.types import Reading
from deadband.queries.promql import Dialect, Matcher, one_of
from deadband.queries.readings import single
from deadband.queries.types import Need, Series


@dataclass(frozen=True, slots=True)
class ConnectionsRecipe:
    """Connections of instances in percent; one series for each.

    Backends of every database of the instance are added up. An instance that is down has pg_up only and reads Empty.
    """

    labels: ClassVar[tuple[str, ...]] = ("instance",)

    def place(self, need: Need) -> tuple[str, ...]:
        """The instance."""
        return (_instance(need),)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the percentage of these needs' instances, or of every instance."""
        matchers: tuple[Matcher, ...] = (one_of("instance", map(_instance, needs)),) if named else ()
        backends = dialect.instant("pg_stat_database_numbackends", *matchers)
        most, superuser, reserved = (
            f"max by (instance) ({dialect.instant(f'pg_settings_{name}', *matchers)})"
            for name in ("max_connections", "superuser_reserved_connections", "reserved_connections")
        )
        used = f"sum by (instance) (max by (instance,datname) ({backends}))"
        return f"100 * {used} / ({most} - {superuser} - ({reserved} or 0 * {most}))"

    def most(self, needs: Sequence[Need]) -> int:
        """One series for each instance."""
        return len({_instance(need) for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """Percentage; Empty when the instance, or one of the settings, is not known."""
        return single(rows)


def _instance(need: Need) -> str:
    assert need.metric.database is not None
    return need.metric.database.instance
