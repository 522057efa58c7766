"""The composition root of the operator: settings → adapters → engine → watches; the order of starting and ending."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from importlib.metadata import version
from typing import Any

import kopf

from deadband.adapters.alertmanager import AlertmanagerAlerts
from deadband.adapters.autoscalers import KubeAutoscalers, autoscaler_from_object
from deadband.adapters.capacity import KubeCapacity
from deadband.adapters.credentials import SecretReader
from deadband.adapters.events import KubeEvents
from deadband.adapters.http import HttpServer
from deadband.adapters.kube import Kube
from deadband.adapters.kube_connect import ConnectError, connect, credentials
from deadband.adapters.lease import LeaseElector
from deadband.adapters.policies import KubePolicies
from deadband.adapters.prometheus import PrometheusMetrics
from deadband.adapters.targets import KubeTargets, workload_from_object
from deadband.adapters.telemetry import PrometheusTelemetry
from deadband.cli.settings import Settings
from deadband.engine.actuator import Actuator
from deadband.engine.alerting import Alerting
from deadband.engine.clock import SystemClock
from deadband.engine.evaluation import Evaluation
from deadband.engine.gathering import Gathering
from deadband.engine.ghosts import DoubtingPolicies
from deadband.engine.restoring import Restoring
from deadband.engine.resync import Resync
from deadband.engine.scheduler import Scheduler
from deadband.engine.sightings import Sightings
from deadband.engine.source_status import SourceReporter
from deadband.engine.status_writer import StatusWriter
from deadband.engine.store import Kind, Store
from deadband.engine.tenants import Tenants
from deadband.engine.term import Term
from deadband.engine.vigil import DeafError, Vigil
from deadband.handlers.session import Connection
from deadband.handlers.watching import Login, Watching
from deadband.ports import DeniedError, WriteError

logger = logging.getLogger(__name__)

STARTED, FAILED = 0, 1

WAIT_FOR_KINDS_SECONDS = 60.0
"""How long the operator waits for its CRDs, which an installation may apply after it."""

LOOK_FOR_KINDS_SECONDS = 2.0

FINISH_SECONDS = 1.0
"""For the writes that are under way when the process is told to end; the Lease is free within two seconds."""

RELEASE_SECONDS = 0.9
FAREWELL_SECONDS = 1.0
"""For the last Events."""


class CannotStartError(Exception):
    """Something outside is missing; the message says what to do."""


async def operate(settings: Settings) -> int:
    """Run one operator process until it is told to stop.

    Returns:
        The exit code: 0 when it was told to stop, 1 when it cannot start or go on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    telemetry = PrometheusTelemetry()
    try:
        kube = await connect(kubeconfig=settings.kubeconfig, context=settings.context, observe=telemetry.called)
    except ConnectError as error:
        logger.error("%s", error)  # noqa: TRY400 - people get a line, not a traceback
        return FAILED
    try:
        return await _Operator(settings, kube, telemetry).run(stop)
    except (CannotStartError, DeafError) as error:
        logger.error("%s", error)  # noqa: TRY400 - as above
        return FAILED
    except Exception:
        logger.exception("a part of the operator failed; ending, so that a new process goes on")
        return FAILED
    finally:
        await kube.close()


class _Operator:
    """Every part of one process, wired."""

    def __init__(self, settings: Settings, kube: Kube, telemetry: PrometheusTelemetry) -> None:
        clock = SystemClock()
        self._settings = settings
        self._telemetry = telemetry
        self._policies = KubePolicies(kube, namespaces=settings.namespaces)
        self._metrics = PrometheusMetrics(telemetry, secrets=SecretReader(kube, settings.lease_namespace))
        self._events = KubeEvents(kube, settings.identity)
        self._elector = LeaseElector(kube, settings.lease_namespace, settings.lease_name, settings.identity)
        self._alerts = AlertmanagerAlerts(settings.alertmanagers, telemetry.alerted)
        self._alerting = Alerting(self._alerts, self._elector, clock)
        store = Store(workload_from_object, autoscaler_from_object)
        policies = DoubtingPolicies(self._policies, lambda: self._resync.doubt())  # noqa: PLW0108 - made below
        self._statuses = StatusWriter(policies, self._elector, clock)
        self._tenants = Tenants(store, self._policies.namespace_labels, clock)
        targets, autoscalers = KubeTargets(kube), KubeAutoscalers(kube)
        self._sightings = Sightings(store.scalables, targets, clock)
        self._scheduler = Scheduler(
            store=store,
            gathering=Gathering(store, self._metrics, self._tenants, self._sightings),
            evaluation=Evaluation(
                store=store,
                actuator=Actuator(store, targets, autoscalers),
                capacity=KubeCapacity(kube),
                policies=policies,
                leadership=self._elector,
                statuses=self._statuses,
                events=self._events,
                alerting=self._alerting,
                telemetry=telemetry,
                clock=clock,
            ),
            statuses=self._statuses,
            leadership=self._elector,
            alerting=self._alerting,
            sources=self._metrics,
            telemetry=telemetry,
            clock=clock,
        )
        self._resync = Resync(store, self._policies, self._scheduler.take, clock)
        self._term = Term(self._scheduler, self._resync, clock)
        self._restoring = Restoring(
            store=store,
            scheduler=self._scheduler,
            autoscalers=autoscalers,
            policies=self._policies,
            events=self._events,
            clock=clock,
        )
        self._reporter = SourceReporter(
            store=store,
            health=self._metrics.health,
            write=self._policies.write_source_status,
            leadership=self._elector,
            show=telemetry.sources,
            clock=clock,
        )
        self._watching = Watching(
            _across_threads(self._scheduler.receive), _login(kube), namespaces=settings.namespaces
        )
        self._vigil = Vigil(
            self._watching, self._policies.list_sources, lambda: self._scheduler.beat, telemetry.lagged, clock
        )
        self._http = HttpServer(settings.http_address, live=self._live, ready=self._ready, expose=self._expose)

    async def run(self, stop: asyncio.Event) -> int:
        """Start, go on until told to stop or until a part fails, and end in order.

        Raises:
            CannotStartError: No CRDs, no rights, no address to listen on.
            DeafError: A watch is gone for good.
        """
        try:
            await self._http.start()
        except OSError as error:
            raise CannotStartError(f"cannot listen on {self._settings.http_address}: {error.strerror}") from error
        tasks: list[asyncio.Task[Any]] = []
        try:
            told = asyncio.create_task(stop.wait(), name="told to stop")
            tasks = [told, asyncio.create_task(self._wait_for_kinds(), name="wait for the CRDs")]
            await _first(tasks)
            if stop.is_set():
                return STARTED
            self._watching.start()
            tasks = [told, *(asyncio.create_task(part, name=name) for name, part in self._parts().items())]
            logger.info("deadband %s started as %s", version("deadband"), self._settings.identity)
            await _first(tasks)
            return STARTED
        finally:
            await self._end(tasks)

    def _parts(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {
            "scheduler": self._scheduler.run(),
            "resync": self._resync.run(),
            "scaled objects": self._resync.run_for_scaled_objects(),
            "status writer": self._statuses.run(),
            "restoring": self._restoring.run(),
            "events": self._events.run(),
            "alerts": self._alerting.run(),
            "sources": self._reporter.run(),
            "namespaces": self._tenants.run(),
            "pulse": self._vigil.pulse(),
            "vigil": self._vigil.watch(),
            "election": self._elector.run(self._term.begin, self._term.end),
        }

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Finish what is under way, give the Lease up, and only then let go of everything else."""
        self._watching.stop()
        await _within(FINISH_SECONDS, self._scheduler.drain())
        await self._elector.release(within_seconds=RELEASE_SECONDS)
        await _within(FAREWELL_SECONDS, self._events.flush())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sightings.close()
        self._metrics.close()
        await self._alerts.close()
        await self._http.close()
        logger.info("ended")

    async def _wait_for_kinds(self) -> None:
        """Wait until the API server serves our kinds.

        Raises:
            CannotStartError: It does not within a minute, or it does not let us look.
        """
        trouble = "the API server does not answer"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_FOR_KINDS_SECONDS):
                while True:
                    try:
                        missing = await self._policies.missing_kinds()
                    except DeniedError as error:
                        raise CannotStartError(f"cannot start: {error}") from error
                    except WriteError as error:
                        trouble = str(error)
                    else:
                        if not missing:
                            return
                        trouble = (
                            f"the cluster does not know {' and '.join(missing)}; install the CRDs: "
                            "deadband crds | kubectl apply --server-side -f -"
                        )
                    logger.warning("waiting: %s", trouble)
                    await asyncio.sleep(LOOK_FOR_KINDS_SECONDS)
        raise CannotStartError(f"cannot start: {trouble}")

    def _expose(self) -> bytes:
        self._scheduler.standing()
        self._telemetry.working(len(asyncio.all_tasks()))
        return self._telemetry.expose()

    async def _live(self) -> list[str]:
        return self._vigil.faults()

    async def _ready(self) -> list[str]:
        return [] if self._resync.synced else ["the store is not complete yet"]


async def _first(tasks: list[asyncio.Task[Any]]) -> None:
    """Wait for the first task to end; a failure of it is raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _within(seconds: float, finishing: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await finishing
    except TimeoutError:
        logger.warning("not everything was finished within %.1f s", seconds)


def _across_threads(receive: Callable[[Kind, str | None, Mapping[str, Any]], None]) -> Any:
    """Hand events of Kopf's thread over to this loop."""
    loop = asyncio.get_running_loop()

    def sink(kind: Kind, type_: str | None, obj: Mapping[str, Any]) -> None:
        # The loop is closed when the process ends before the last events came through; nobody needs them then.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(receive, kind, type_, obj)

    return sink


def _login(kube: Kube) -> Login:
    """Credentials for the watches, read by the client that all other calls use, in its own loop."""
    loop = asyncio.get_running_loop()

    async def login() -> kopf.ConnectionInfo:
        found = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(credentials(kube), loop))
        return Connection(
            server=found.server,
            scheme=found.scheme or None,
            token=found.token or None,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.private_key_path,
            insecure=found.insecure or None,
        )

    return login
