"""`deadband run`: options in, one operator process out."""

import asyncio
import gc
import sys

import click

from deadband.cli.settings import (
    HTTP_ADDRESS,
    LARGEST_PORT,
    LEASE_NAMESPACE,
    Settings,
    split_namespaces,
    split_urls,
    unique_identity,
)

YOUNG_OBJECTS = 50_000
"""How many objects are made before Python looks among them for cycles. The evaluations of a large fleet make that many
at a time and leave no cycle; with Python's own 700 the collector took a fifth of their time."""


def _namespaces(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    try:
        return split_namespaces(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _urls(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return split_urls(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    _, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > LARGEST_PORT:
        raise click.BadParameter("must be host:port, such as 127.0.0.1:8080")
    return value


@click.command("run")
@click.option(
    "--namespaces",
    default="",
    envvar="DEADBAND_NAMESPACES",
    callback=_namespaces,
    help="Namespaces to serve, separated by commas; none: all.",
)
@click.option(
    "--lease-namespace",
    envvar="DEADBAND_LEASE_NAMESPACE",
    help="Namespace of the leader Lease and of the Secrets that MetricSources name; "
    "default: the pod's own, or `default` outside of a cluster.",
)
@click.option(
    "--lease-name", default="deadband", show_default=True, envvar="DEADBAND_LEASE_NAME", help="Name of the Lease."
)
@click.option("--identity", envvar="DEADBAND_IDENTITY", help="Who holds the Lease; default: the name of the host.")
@click.option(
    "--http-address",
    default=HTTP_ADDRESS,
    show_default=True,
    envvar="DEADBAND_HTTP_ADDRESS",
    callback=_address,
    help="Where /livez, /readyz and /metrics are served.",
)
@click.option(
    "--alertmanager",
    "alertmanagers",
    metavar="URL",
    multiple=True,
    envvar="DEADBAND_ALERTMANAGERS",
    callback=_urls,
    help="Alertmanager to tell what policies ask a person to do; once for each, or one whose host name has every "
    "replica's address. In the environment: separated by commas.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="DEADBAND_LOG_FORMAT",
    help="For people, or for machines.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    default="INFO",
    show_default=True,
    envvar="DEADBAND_LOG_LEVEL",
    help="The least that is logged.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(),
    envvar="DEADBAND_KUBECONFIG",
    help="Kubeconfig to use; default: the pod's ServiceAccount, else $KUBECONFIG, else ~/.kube/config.",
)
@click.option("--context", envvar="DEADBAND_CONTEXT", help="Context of the kubeconfig; default: its current one.")
def run_command(  # noqa: PLR0913 - one parameter for each option
    *,
    namespaces: tuple[str, ...],
    lease_namespace: str | None,
    lease_name: str,
    identity: str | None,
    http_address: str,
    alertmanagers: tuple[str, ...],
    log_format: str,
    log_level: str,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Run the operator until it is told to stop (SIGTERM, Ctrl-C).

    Several may run at once: one leads, the others take over within seconds.

    \b
    Examples:
      deadband run
      deadband run --namespaces leadgen,billing --log-format json
      deadband run --alertmanager http://alertmanager-operated.monitoring:9093
      deadband run --kubeconfig ~/.kube/config --context kind-dev --http-address 127.0.0.1:8080

    Exit codes: 0 stopped as told, 1 cannot start or cannot go on (the last line says why), 2 wrong usage.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    from deadband.adapters.kube_connect import own_namespace
    from deadband.cli.logs import set_up_logging
    from deadband.cli.process import operate

    settings = Settings(
        namespaces=namespaces,
        lease_namespace=lease_namespace or own_namespace() or LEASE_NAMESPACE,
        lease_name=lease_name,
        identity=unique_identity(identity),
        http_address=http_address,
        alertmanagers=alertmanagers,
        log_format="json" if log_format == "json" else "text",
        log_level=log_level.upper(),
        kubeconfig=kubeconfig,
        context=context,
    )
    set_up_logging(settings.log_format, settings.log_level)
    gc.set_threshold(YOUNG_OBJECTS)
    sys.exit(asyncio.run(operate(settings)))
