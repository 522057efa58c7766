"""`deadband version`."""

import platform
from importlib.metadata import version

import click


@click.command("version")
def version_command() -> None:
    """Print the version of deadband and of the Python it runs on.

    \b
    Examples:
      deadband version

    Exit codes: 0 always.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    click.echo(f"deadband {version('deadband')} (Python {platform.python_version()})")
