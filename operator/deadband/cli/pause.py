"""`pause` and `resume`, of `deadband` and of `kubectl deadband`."""

from typing import TYPE_CHECKING, Any

import click

from deadband.api.scalingpolicy import PAUSED_ANNOTATION
from deadband.cli.reach import Reach, on_cluster, reaches, read_policy_object
from deadband.core.types import Pause
from deadband.engine.records import read_pause
from deadband.ports import ObjectRef

if TYPE_CHECKING:
    from deadband.adapters.kube import Kube

_HELD = {Pause.UP: "scaling up", Pause.DOWN: "scaling down", Pause.BOTH: "every change"}


@click.command("pause")
@click.argument("name")
@reaches
@click.option("--direction", type=click.Choice(["up", "down"]), help="Hold back only this direction. [default: both]")
def pause_command(
    *, name: str, namespace: str | None, kubeconfig: str | None, context: str | None, direction: str | None
) -> None:
    """Hold a policy's changes back: it goes on evaluating, and writes nothing to its target (R15).

    A direction that is paused already stays so.

    \b
    Examples:
      kubectl deadband pause api-pods -n leadgen
      kubectl deadband pause api-pods --direction down

    Exit codes: 0 paused, 1 there is no such policy, 2 the cluster cannot be reached or refuses.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    ref = reach.policy(name)
    wanted = {None: Pause.BOTH, "up": Pause.UP, "down": Pause.DOWN}[direction]

    async def pause(kube: "Kube") -> Pause:
        before = _pause_of(await read_policy_object(kube, ref))
        after = wanted if before in (Pause.NOTHING, wanted) else Pause.BOTH
        await _annotate(kube, ref, after.value)
        return after

    held = on_cluster(reach, pause)
    click.echo(f"{ref.namespace}/{name} is paused: {_HELD[held]} is held back; it goes on evaluating.")


@click.command("resume")
@click.argument("name")
@reaches
def resume_command(*, name: str, namespace: str | None, kubeconfig: str | None, context: str | None) -> None:
    """Let a paused policy act again; limits and cooldowns apply as ever.

    \b
    Examples:
      kubectl deadband resume api-pods -n leadgen

    Exit codes: 0 resumed, or it was not paused, 1 there is no such policy, 2 the cluster cannot be reached or refuses.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    ref = reach.policy(name)

    async def resume(kube: "Kube") -> Pause:
        before = _pause_of(await read_policy_object(kube, ref))
        if before is not Pause.NOTHING:
            await _annotate(kube, ref, None)
        return before

    before = on_cluster(reach, resume)
    said = "was not paused" if before is Pause.NOTHING else f"acts again: {_HELD[before]} was held back"
    click.echo(f"{ref.namespace}/{name} {said}.")


def _pause_of(obj: dict[str, Any]) -> Pause:
    return read_pause(obj["metadata"].get("annotations") or {})


async def _annotate(kube: "Kube", ref: ObjectRef, value: str | None) -> None:
    from deadband.adapters.by_hand import ByHand

    await ByHand(kube).annotate(ref, {PAUSED_ANNOTATION: value})
