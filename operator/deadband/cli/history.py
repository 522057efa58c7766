"""`deadband history`, `kubectl deadband history`."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from deadband.api.conditions import EventReason
from deadband.api.status import ScaleEvent, ScalingPolicyStatus
from deadband.cli.output import print_json, print_table, print_yaml
from deadband.cli.reach import Reach, on_cluster, reaches, read_policy_object
from deadband.cli.standing import status_of
from deadband.core import words

if TYPE_CHECKING:
    from deadband.adapters.kube import Kube

_SAME_SCALING = timedelta(seconds=60)
"""An Event is recorded after the write, which the status dates by its evaluation."""
_SCALED = (EventReason.SCALED_UP, EventReason.SCALED_DOWN)


class Entry(NamedTuple):
    """One thing that happened to a policy.

    Attributes:
        time: When; of an Event that was repeated, the last time.
        what: The cause of a scaling, or the reason of an Event.
        times: How often an Event was recorded.
        sentence: In words.
    """

    time: datetime
    what: str
    times: int
    sentence: str


@click.command("history")
@click.argument("name")
@reaches
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def history_command(
    *,
    name: str,
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    output: Literal["table", "json", "yaml"],
) -> None:
    """Show what a policy did and what happened to it, the newest last.

    Scalings are those that its status remembers: 30 minutes, or the longest period and cooldown. Events are kept by the
    API server for an hour, as a rule. What is older is in the operator's log.

    \b
    Examples:
      kubectl deadband history api-pods -n leadgen
      kubectl deadband history api-pods -o json

    Exit codes: 0 shown, 1 there is no such policy, 2 the cluster cannot be read.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    ref = reach.policy(name)

    async def read(kube: "Kube") -> tuple[ScalingPolicyStatus, list[dict[str, Any]]]:
        from deadband.adapters.by_hand import ByHand

        return status_of(await read_policy_object(kube, ref)), await ByHand(kube).events(ref)

    found = entries(*on_cluster(reach, read))
    match output:
        case "json":
            print_json([_as_json(entry) for entry in found])
        case "yaml":
            print_yaml([_as_json(entry) for entry in found])
        case "table" if not found:
            click.echo(f"nothing is remembered of {ref.namespace}/{name}", err=True)
        case "table":
            print_table(("at", "what", "times", "sentence"), map(_row, found))


def entries(status: ScalingPolicyStatus, events: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Scalings and Events in order; the Event of a scaling that the status remembers lends it its sentence.

    Args:
        status: Of the policy.
        events: About it, as events.k8s.io/v1 objects.
    """
    told = [_event(each) for each in events]
    found = []
    for scaling in status.scale_events:
        mine = next((entry for entry in told if _tells(entry, scaling)), None)
        if mine is not None:
            told.remove(mine)
        sentence = mine.sentence if mine is not None else f"Scaled from {scaling.from_} to {scaling.to}."
        found.append(Entry(scaling.time, scaling.cause.value, 1, sentence))
    return sorted([*found, *told])


def _event(obj: Mapping[str, Any]) -> Entry:
    series = obj.get("series") or {}
    at = series.get("lastObservedTime") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    return Entry(datetime.fromisoformat(at), obj.get("reason") or "", series.get("count") or 1, obj.get("note") or "")


def _tells(entry: Entry, scaling: ScaleEvent) -> bool:
    origin = f" from {scaling.from_}" if scaling.change else ""  # a pin of an HPA's bounds may leave the floor
    return (
        entry.what in _SCALED
        and entry.times == 1
        and f"{origin} to {scaling.to}:" in entry.sentence
        and abs(entry.time - scaling.time) <= _SAME_SCALING
    )


def _as_json(entry: Entry) -> dict[str, Any]:
    return {"time": words.clock(entry.time), "what": entry.what, "times": entry.times, "sentence": entry.sentence}


def _row(entry: Entry) -> tuple[str, ...]:
    return words.clock(entry.time), entry.what, str(entry.times), entry.sentence
