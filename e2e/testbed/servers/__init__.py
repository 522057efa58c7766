"""Real servers on loopback, with the exporters that tell Prometheus of them: what recipes are proven against.

rabbitmq    RabbitMQ with its own plugin rabbitmq_prometheus
redis       Redis with redis_exporter
postgresql  PostgreSQL with postgres_exporter
server      what they have in common: processes that start in order and stop in reverse
"""

from e2e.testbed.servers.postgresql import PostgreSql
from e2e.testbed.servers.rabbitmq import RabbitMq
from e2e.testbed.servers.redis import Redis

__all__ = ["PostgreSql", "RabbitMq", "Redis"]
