"""`deadband completion`."""

import click
from click.shell_completion import get_completion_class


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
