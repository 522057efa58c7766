"""The group of commands; each is imported when it is called, so that no command pays for the clients of another."""

from importlib import import_module
from typing import NamedTuple

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
    "crds": Place("deadband.cli.crds", "crds_command", "Print the CustomResourceDefinitions."),
    "completion": Place("deadband.cli.completion", "completion_command", "Print the shell completion."),
    "version": Place("deadband.cli.version", "version_command", "Print the version."),
}


class Commands(click.Group):
    """Imports a command when it is asked for by name; help and completion read the table instead."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        place = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(place.module), place.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names without importing any command."""
        names = [
            CompletionItem(name, help=place.summary) for name, place in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    name="deadband",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Exit codes: 0 all is well, 1 what was asked does not hold, 2 wrong usage or an unusable file,
70 a fault of deadband itself, 130 interrupted.""",
)
def deadband() -> None:
    """Enforce scaling thresholds with a band between them, and explain every decision.

    \b
    Examples:
      deadband test examples/scenarios        try policies without a cluster
      deadband validate manifests/            check manifests before they are merged
      deadband explain api-pods -n leadgen    what a policy does, and why, right now
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
