"""The group of commands; each is imported when it is called, so that no command pays for the clients of another."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Place(NamedTuple):
    """Where a command lives, and what `deadband --help` says of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "run": Place("deadband.cli.run", "run_command", "Run the operator."),
    "validate": Place("deadband.cli.validate", "validate_command", "Check manifests, without a cluster."),
    "explain": Place("deadband.cli.explain", "explain_command", "Say in plain words what a policy does."),
    "lint": Place("deadband.cli.lint", "lint_command", "Say what a reviewer would say of policies."),
    "test": Place("deadband.cli.test", "test_command", "Play scenarios: unit tests for policies."),
    "simulate": Place("deadband.cli.simulate", "simulate_command", "Play policies over recorded history."),
    "status": Place("deadband.cli.status", "status_command", "Show how all policies stand."),
    "approve": Place("deadband.cli.approve", "approve_command", "Approve the open proposal of a policy."),
    "pause": Place("deadband.cli.pause", "pause_command", "Hold a policy's changes back."),
    "resume": Place("deadband.cli.pause", "resume_command", "Let a paused policy act again."),
    "history": Place("deadband.cli.history", "history_command", "Show what a policy did."),
    "crds": Place("deadband.cli.crds", "crds_command", "Print the CustomResourceDefinitions."),
    "completion": Place("deadband.cli.completion", "completion_command", "Print the shell completion."),
    "version": Place("deadband.cli.version", "version_command", "Print the version."),
}

PLUGIN = {name: COMMANDS[name] for name in ("status", "explain", "approve", "pause", "resume", "history")}
"""What `kubectl deadband` offers: whatever is about policies on a cluster."""


class Commands(click.Group):
    """Imports a command when it is asked for by name; help and completion read the table instead."""

    def __init__(self, *args: Any, places: Mapping[str, Place] = COMMANDS, **settings: Any) -> None:
        """Take the table of commands, and whatever click takes."""
        super().__init__(*args, **settings)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which people meet them."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import one command."""
        if cmd_name not in self._places:
            return None
        place = self._places[cmd_name]
        command: click.Command = getattr(import_module(place.module), place.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self._places.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names without importing any command."""
        names = [
            CompletionItem(name, help=place.summary)
            for name, place in self._places.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_EPILOG = """\b
Exit codes: 0 all is well, 1 what was asked does not hold, 2 wrong usage or an unusable file,
70 a fault of deadband itself, 130 interrupted."""


@click.group(name="deadband", cls=Commands, context_settings=_SETTINGS, epilog=_EPILOG)
def deadband() -> None:
    """Enforce scaling thresholds with a band between them, and explain every decision.

    \b
    Examples:
      deadband test examples/scenarios        try policies without a cluster
      deadband validate manifests/            check manifests before they are merged
      deadband lint manifests/                what a reviewer would say of them
      deadband explain api-pods -n leadgen    what a policy does, and why, right now
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@click.group(name="deadband", cls=Commands, places=PLUGIN, context_settings=_SETTINGS, epilog=_EPILOG)
def kubectl_deadband() -> None:
    """Look after the ScalingPolicies of a cluster: how they stand, why, and what waits for a person.

    \b
    Examples:
      kubectl deadband status -A                    what needs attention, first
      kubectl deadband explain api-pods -n leadgen  what a policy does, and why, right now
      kubectl deadband approve api-pods -n leadgen  carry its open proposal out
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
