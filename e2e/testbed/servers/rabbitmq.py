"""A real RabbitMQ with its plugin rabbitmq_prometheus."""

from itertools import islice
from pathlib import Path

import pika

from e2e.testbed import packages
from e2e.testbed.processes import Process, free_port, wait_until
from e2e.testbed.prometheus import ScrapeJob
from e2e.testbed.servers.server import Server, listens, shows

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {metrics}
collect_statistics_interval = 1000
log.console = true
"""


class RabbitMq(Server):
    """One broker, and its queues by name in the virtual host `/`."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for data, logs and the cookie of its Erlang node; starts nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        server = packages.program("rabbitmq-server")
        self._port, self._metrics, names = free_port(), free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self._port, metrics=self._metrics))
        (folder / "plugins").write_text("[rabbitmq_prometheus].\n")
        environment = {
            **server.environment,
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server instead of waiting for it
        }
        # Erlang's name server; if it were not there RabbitMQ would start one that outlives it.
        names_server = Process("epmd", ["epmd"], log=folder / "epmd.log", env=environment)
        broker = Process("rabbitmq-server", [server.binary], log=folder / "rabbitmq.log", env=environment)
        super().__init__([(names_server, listens(names)), (broker, self._ready)])

    @property
    def jobs(self) -> list[ScrapeJob]:
        """Both endpoints that tell of queues."""
        target = [f"127.0.0.1:{self._metrics}"]
        detailed = {"family": ["queue_coarse_metrics"]}
        return [
            ScrapeJob("rabbitmq-detailed", target, "/metrics/detailed", parameters=detailed),
            ScrapeJob("rabbitmq-per-object", target, "/metrics/per-object"),
        ]

    def put(self, queue: str, count: int) -> None:
        """Publish messages, and return when all of them are ready."""
        with self._connect() as connection:
            channel = connection.channel()
            before = channel.queue_declare(queue).method.message_count
            for _ in range(count):
                channel.basic_publish("", queue, b"lead")
            ready = before + count
            wait_until(
                lambda: channel.queue_declare(queue, passive=True).method.message_count == ready,
                timeout=30,
                what=f"{ready} messages are ready in {queue}",
            )

    def take(self, queue: str, count: int) -> None:
        """Consume messages, as a worker would."""
        with self._connect() as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=count)  # not one message more is delivered, and comes back afterwards
            taken = [method.delivery_tag for method, *_ in islice(channel.consume(queue), count)]
            channel.cancel()
            channel.basic_ack(taken[-1], multiple=True)

    def _connect(self) -> pika.BlockingConnection:
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self._port))

    def _ready(self) -> bool:
        return listens(self._port)() and shows(self._metrics, "rabbitmq_identity_info")()
