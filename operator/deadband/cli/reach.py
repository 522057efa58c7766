"""How a command reaches the cluster, as kubectl does: its options, the connection, and what goes wrong on the way.

Imports the Kubernetes client when a cluster is reached, not before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deadband.cli import exits
from deadband.ports import GoneError, ObjectRef, WriteError

if TYPE_CHECKING:
    from deadband.adapters.kube import Kube

T = TypeVar("T")
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Reach:
    """Which cluster and which namespace.

    Attributes:
        namespace: As given; None: that of the context.
        kubeconfig: A file; None: what kubectl would use.
        context: Of the kubeconfig; None: its current one.
    """

    namespace: str | None
    kubeconfig: str | None
    context: str | None

    @property
    def chosen_namespace(self) -> str:
        """The namespace that kubectl would use."""
        from deadband.adapters.kube_connect import chosen_namespace

        return self.namespace or chosen_namespace(kubeconfig=self.kubeconfig, context=self.context)

    def policy(self, name: str) -> ObjectRef:
        """The policy that a person means by a name."""
        return ObjectRef("ScalingPolicy", self.chosen_namespace, name)


def reaches(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command kubectl's options for it, as the arguments `namespace`, `kubeconfig` and `context`."""
    options = (
        click.option("-n", "--namespace", help="[default: the context's; for files alone: default]"),
        click.option("--kubeconfig", type=click.Path(dir_okay=False), help="Instead of what kubectl would use."),
        click.option("--context", help="A context of the kubeconfig, instead of its current one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def on_cluster(reach: Reach, work: Callable[["Kube"], Awaitable[T]]) -> T:
    """Do something on the cluster in the name of the person who asks, and close the connection.

    Raises:
        ClickException: What is named is not there.
        UnusableInputError: The cluster cannot be reached, or refuses.
    """
    from deadband.adapters.kube_connect import ConnectError

    try:
        return asyncio.run(_connected(reach, work))
    except GoneError as error:
        raise click.ClickException(str(error)) from error
    except (ConnectError, WriteError) as error:
        raise exits.UnusableInputError(str(error)) from error


async def _connected(reach: Reach, work: Callable[["Kube"], Awaitable[T]]) -> T:
    from deadband.adapters.kube_connect import connect
    from deadband.adapters.kube_errors import PERSON

    kube = await connect(
        kubeconfig=reach.kubeconfig, context=reach.context, timeout_seconds=_TIMEOUT_SECONDS, caller=PERSON
    )
    try:
        return await work(kube)
    finally:
        await kube.close()


async def read_policy_object(kube: "Kube", ref: ObjectRef) -> dict[str, Any]:
    """Read one policy.

    Raises:
        GoneError: In the words of the person who asked for it.
        DeniedError, UnreachableError: As their names say.
    """
    from deadband.adapters.policies import KubePolicies

    try:
        return dict(await KubePolicies(kube).read(ref))
    except GoneError as error:
        raise GoneError(error.reason, f"there is no ScalingPolicy {ref.name} in namespace {ref.namespace}") from error
