"""`deadband completion`, and the completion of `kubectl deadband`."""

import sys
from collections.abc import Sequence

import click
from click.shell_completion import ShellComplete, get_completion_class

from deadband.cli.commands import kubectl_deadband

_NO_FILES = 4
"""ShellCompDirectiveNoFileComp of cobra, which kubectl's completion scripts read behind the last colon."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      source <(deadband completion bash)
      deadband completion zsh > "${fpath[1]}/_deadband"
      deadband completion fish > ~/.config/fish/completions/deadband.fish

    Exit codes: 0 printed, 2 a shell that is not known.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    kind = get_completion_class(shell)
    assert kind is not None, "click completes every shell that the argument allows"
    script = kind(context.find_root().command, {}, "deadband", "_DEADBAND_COMPLETE")
    # Not `source()`: for bash it runs a bash to see its version, but the script may be made on another machine.
    click.echo(script.source_template % script.source_vars())


def complete(arguments: Sequence[str] | None = None) -> None:
    """Complete a command line of `kubectl deadband` for kubectl's own completion.

    Args:
        arguments: The words behind `kubectl deadband`, the last one unfinished; None: those of the process.

    Source: Kubernetes documentation, "Extend kubectl with plugins": an executable `kubectl_complete-deadband`.
    """
    *words, unfinished = (sys.argv[1:] if arguments is None else arguments) or [""]
    shell = ShellComplete(kubectl_deadband, {}, "kubectl deadband", "")
    for item in shell.get_completions(words, unfinished):
        click.echo(f"{item.value}\t{item.help or ''}")
    click.echo(f":{_NO_FILES}")
