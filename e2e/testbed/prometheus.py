"""A real Prometheus on loopback, scraping what the caller names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from e2e.testbed import tools
from e2e.testbed.processes import Process, free_port, wait_until


class QueryError(RuntimeError):
    """Prometheus answered a query with an error; the message is its own."""


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """What one job scrapes.

    Attributes:
        name: Value of the label job, unless the exporter sets one and `honor_labels` lets it.
        targets: Addresses as host:port.
        path: Path of the metrics page.
        parameters: Of the query, after the path.
        labels: Labels added to every series.
        honor_labels: Labels of the exporter win over ours, as in the usual job for kube-state-metrics.
        access: How to reach targets over TLS; None is plain HTTP.
    """

    name: str
    targets: Sequence[str]
    path: str = "/metrics"
    parameters: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    honor_labels: bool = True
    access: "ScrapeAccess | None" = None

    def configuration(self) -> dict[str, Any]:
        """The job as Prometheus reads it."""
        return {
            "job_name": self.name,
            "metrics_path": self.path,
            "params": self.parameters,
            "honor_labels": self.honor_labels,
            "static_configs": [{"targets": list(self.targets), "labels": self.labels}],
            **(self.access.configuration() if self.access else {}),
        }


@dataclass(frozen=True, slots=True)
class ScrapeAccess:
    """TLS and a bearer token, as the kubelet wants them.

    Attributes:
        ca_file: PEM file of the authority that signed the targets' certificates.
        token_file: File with the token; Prometheus reads it again for each scrape.
    """

    ca_file: Path
    token_file: Path

    def configuration(self) -> dict[str, Any]:
        """Its part of a job."""
        return {
            "scheme": "https",
            "tls_config": {"ca_file": str(self.ca_file)},
            "authorization": {"credentials_file": str(self.token_file)},
        }


class Prometheus:
    """One server with its own port and data; stopped and started again it answers on both as before."""

    def __init__(
        self,
        run_directory: Path,
        jobs: Sequence[ScrapeJob],
        *,
        scrape_interval: float = 1.0,
        web: Mapping[str, Any] | None = None,
        rules: str = "",
        host: str = "127.0.0.1",
    ) -> None:
        """Take what it is made of; starts nothing.

        Args:
            run_directory: For configuration, data and log.
            jobs: What it scrapes.
            scrape_interval: Seconds.
            web: Prometheus's own web configuration (TLS, logins). `session` must then be able to pass it.
            rules: A rule file, evaluated as often as is scraped.
            host: Address to listen on and to be reached by.
        """
        self.session = requests.Session()
        self.session.trust_env = False  # neither a proxy nor another authority stands between us and loopback
        """Asks it for the tests; give it certificates and a login where `web` wants them."""
        self._folder = run_directory
        self._folder.mkdir(parents=True, exist_ok=True)
        self._interval = scrape_interval
        self._configuration = self._folder / "prometheus.yml"
        self._rules = self._folder / "rules.yml"
        self._rules.write_text(rules)
        self._configure(jobs)
        address = f"{host}:{free_port()}"
        self.url = f"{'https' if web and 'tls_server_config' in web else 'http'}://{address}"
        guard = self._folder / "web.yml"
        guard.write_text(yaml.safe_dump(dict(web or {})))
        self.process = Process(
            "prometheus",
            [
                tools.path("prometheus"),
                f"--config.file={self._configuration}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={address}",
                f"--web.config.file={guard}",
                "--web.enable-lifecycle",
                # A hidden flag; by default it takes 5 s after a start or a reload until the targets are known.
                "--scrape.discovery-reload-interval=100ms",
                "--log.level=warn",
            ],
            log=self._folder / "prometheus.log",
        )

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start it and return when it answers queries."""
        try:
            self.process.start()
            self.process.wait_ready(self._ready)
        except BaseException:
            self.process.stop()
            raise

    def stop(self) -> None:
        """Stop it; its data stay."""
        self.process.stop()

    def restart(self) -> None:
        """Stop and start it on the same port and data."""
        self.stop()
        self.start()

    def scrape(self, jobs: Sequence[ScrapeJob]) -> None:
        """Scrape other jobs from now on, without a restart."""
        self._configure(jobs)
        self.session.post(f"{self.url}/-/reload", timeout=30).raise_for_status()

    def query(self, expr: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Return `data.result` of an instant query: one {metric, value: [time, text]} per series.

        Args:
            expr: PromQL with a vector result.
            at: Unix seconds; None is the server's now.

        Raises:
            QueryError: Prometheus refused or failed.
        """
        form = {"query": expr} if at is None else {"query": expr, "time": str(at)}
        answer = self.session.post(f"{self.url}/api/v1/query", data=form, timeout=30).json()
        if answer["status"] != "success":
            raise QueryError(f"{expr}: {answer['error']}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def rules(self) -> dict[str, dict[str, Any]]:
        """Every rule by its name, as /api/v1/rules tells: state, health, lastError and more."""
        answer = self.session.get(f"{self.url}/api/v1/rules", timeout=30).json()
        return {rule["name"]: rule for group in answer["data"]["groups"] for rule in group["rules"]}

    def value(self, expr: str, *, at: float | None = None) -> float | None:
        """Return the number of a query with exactly one series, or None when there is no series.

        Raises:
            QueryError: There is more than one series, or Prometheus refused.
        """
        series = self.query(expr, at=at)
        if len(series) > 1:
            raise QueryError(f"{expr}: {len(series)} series instead of one")
        return float(series[0]["value"][1]) if series else None

    def wait_for(self, expr: str, *, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Ask until the answer holds at least one series, and return it.

        Write the condition into the query: `sum(up) == 3`, `my_series > 70`.

        Raises:
            TimeoutError: It stayed empty for the timeout (seconds).
        """
        result: list[dict[str, Any]] = []

        def answered() -> bool:
            nonlocal result
            result = self.query(expr)
            return bool(result)

        wait_until(answered, timeout=timeout, what=f"Prometheus has an answer to {expr}")
        return result

    def _ready(self) -> bool:
        try:
            return self.session.get(f"{self.url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def _configure(self, jobs: Sequence[ScrapeJob]) -> None:
        interval = f"{round(self._interval * 1000)}ms"
        configuration = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [self._rules.name],
            "scrape_configs": [job.configuration() for job in jobs],
        }
        self._configuration.write_text(yaml.safe_dump(configuration))
