"""The scenario file and the live change of it, as typed models (the format is described in the package's docstring)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from e2e.testbed.simulator.loads import Amount, Constant, Load, Strict


class Demand(Strict):
    """How much of a resource a whole workload is asked for; the unit is in the key.

    ``amount``: cores, or bytes. ``percent`` with ``pods``: what makes ``pods`` ready pods run at that percent of the
    request of their main container; with more pods each has less.
    """

    amount: Load | None = None
    percent: Load | None = None
    pods: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Demand:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("exactly one of amount and percent is needed")
        if (self.percent is None) != (self.pods is None):
            raise ValueError("pods belongs to percent: the number of pods at which that percent is reached")
        return self

    def at(self, seconds: float, seed: str, request: float | None, base: float = 0) -> float:
        """Return cores or bytes that the whole workload is asked for on top of ``base`` in each pod; never negative.

        A percent of pods without a request is 0: there is nothing that it is a percent of.
        """
        if self.percent is None or self.pods is None:
            assert self.amount is not None  # by _one_unit
            return self.amount.at(seconds, seed)
        if request is None:
            return 0.0
        return max(0.0, self.percent.at(seconds, seed) / 100 * request - base) * self.pods


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NO_DEMAND = Demand(amount=Constant(value=0))


class Readiness(Strict):
    """Readiness under throttling: how long a pod bears it (up to twice as long), and how long it is then not ready."""

    fails_after_seconds: Seconds = 10
    recovers_after_seconds: Seconds = 10


class StartUp(Strict):
    """What each main container does when it starts, before its pod is ready: work that is no load."""

    cores: Amount
    seconds: Seconds


class Sampling(Strict):
    """cAdvisor's housekeeping of one cgroup: every so often, give or take a third; first so long after its start."""

    every_seconds: Seconds = 15
    first_after_seconds: Seconds = 25


class WorkloadLoad(Strict):
    """The load of one Deployment or StatefulSet."""

    namespace: str
    name: str
    kind: Literal["Deployment", "StatefulSet"] = "Deployment"
    container: str | None = None
    cpu: Demand = NO_DEMAND
    memory: Demand = NO_DEMAND
    memory_base_bytes: Amount = 0
    max_backlog_core_seconds: Amount = 0
    sidecar_cores: Amount = 0
    sidecar_bytes: Amount = 0
    unready_cores: Amount = 0
    draining_cores: Amount = 0
    start_up: StartUp | None = None
    readiness: Readiness | None = None

    @property
    def key(self) -> str:
        """``namespace/name``, under which a change addresses the workload."""
        return f"{self.namespace}/{self.name}"


class QueueLoad(Strict):
    """One RabbitMQ queue and the workload that drains it."""

    name: str
    vhost: str = "/"
    arrivals: Load = Constant(value=0)
    worker: str | None = None
    rate_per_pod: Amount = 0
    core_seconds_per_message: Amount = 0
    prefetch: Amount = 10
    depth: Amount = 0
    hold: bool = False


class DatabaseLoad(Strict):
    """One PostgreSQL instance behind a postgres_exporter."""

    instance: str
    server: str = "localhost:5432"
    datname: str = "postgres"
    connections: Load
    max_connections: Annotated[int, Field(ge=1)] = 100
    superuser_reserved_connections: Annotated[int, Field(ge=0)] = 3
    reserved_connections: Annotated[int, Field(ge=0)] = 0
    up: bool = True

    @property
    def usable_connections(self) -> int:
        """What is left for ordinary users: max_connections less both kinds of reserved ones."""
        return self.max_connections - self.superuser_reserved_connections - self.reserved_connections

    @model_validator(mode="after")
    def _something_usable(self) -> DatabaseLoad:
        if self.usable_connections < 1:
            raise ValueError("maxConnections must exceed the reserved connections")
        return self


class Scenario(Strict):
    """A whole scenario file; names are unique in each list, and a queue's worker is one of the workloads."""

    seed: int = 0
    sandbox_container: Literal["", "POD"] = "POD"
    sampling: Sampling | None = None
    node_grace_seconds: Amount = 40
    lost_nodes: tuple[str, ...] = ()
    workloads: tuple[WorkloadLoad, ...] = ()
    queues: tuple[QueueLoad, ...] = ()
    databases: tuple[DatabaseLoad, ...] = ()
    hide: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names(self) -> Scenario:
        keys = [workload.key for workload in self.workloads]
        for kind, names in (
            ("workload", keys),
            ("queue", [queue.name for queue in self.queues]),
            ("database", [database.instance for database in self.databases]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{kind} named twice: {', '.join(twice)}")
        for queue in self.queues:
            if queue.worker is not None and queue.worker not in keys:
                raise ValueError(f"queue {queue.name}: worker {queue.worker} is none of the workloads")
        return self

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Read a YAML file; raises OSError, yaml.YAMLError or pydantic.ValidationError."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


class WorkloadChange(Strict):
    """New demands of one workload; what is absent stays."""

    cpu: Demand | None = None
    memory: Demand | None = None


class QueueChange(Strict):
    """New settings of one queue; what is absent stays. ``depth`` sets the messages ready at once."""

    arrivals: Load | None = None
    rate_per_pod: Amount | None = None
    depth: Amount | None = None
    hold: bool | None = None


class DatabaseChange(Strict):
    """New connections (a load) or reachability of one database; what is absent stays."""

    connections: Load | None = None
    up: bool | None = None


class Change(Strict):
    """A live change: workloads by ``namespace/name``, queues by name, databases by instance; what is absent stays.

    A load given here begins at its second 0 when the change is applied. ``freeze`` stops the time of all loads and the
    movement of all queues (counters go on at the frozen rate); ``hide`` replaces the list of hidden metric families,
    ``lost_nodes`` that of nodes whose kubelet is lost. ``kill`` ends the main container of each ready pod of these
    workloads, which starts again as another container.
    """

    workloads: dict[str, WorkloadChange] = Field(default_factory=dict)
    queues: dict[str, QueueChange] = Field(default_factory=dict)
    databases: dict[str, DatabaseChange] = Field(default_factory=dict)
    freeze: bool | None = None
    hide: tuple[str, ...] | None = None
    lost_nodes: tuple[str, ...] | None = None
    kill: tuple[str, ...] = ()
