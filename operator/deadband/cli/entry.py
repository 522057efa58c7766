"""The way in and the only way out: runs a command and turns whatever happens into a line and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from deadband.cli import exits
from deadband.cli.commands import deadband, kubectl_deadband
from deadband.cli.interrupts import keep_interrupts


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Without the program's name; None: those of the process.
    """
    keep_interrupts()
    sys.exit(run(arguments))


def plugin(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line of `kubectl deadband` and exit; as `main`."""
    keep_interrupts()
    sys.exit(run(arguments, group=kubectl_deadband, program="kubectl deadband"))


def run(arguments: Sequence[str] | None = None, *, group: click.Group = deadband, program: str = "deadband") -> int:
    """Run a command line.

    Args:
        arguments: As for `main`.
        group: Its commands.
        program: What people call it by.

    Returns:
        The exit code. Faults are told on standard error, each in one line, never as a traceback.
    """
    try:
        code = group.main(args=arguments, prog_name=program, standalone_mode=False)
        sys.stdout.flush()  # a full disk or a closed pipe shows here, not after the exit code is settled
    except click.ClickException as error:
        return _refused(error)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", exits.INTERRUPTED)
    except BrokenPipeError:
        # The reader has seen enough (`| head`). What is still buffered must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK
    except Exception as error:  # noqa: BLE001 - the last resort: people get a line, not a traceback
        return _fail(f"unexpected {type(error).__name__}: {error}", exits.UNEXPECTED)
    return code if isinstance(code, int) else exits.OK


def _refused(error: click.ClickException) -> int:
    """What a command itself refuses; called without any command, the program shows its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return exits.UNUSABLE
    hint = f" (see {error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
    return _fail(error.format_message() + hint, error.exit_code)


def _fail(message: str, code: int) -> int:
    click.echo("Error: " + " ".join(message.split()), err=True)
    return code
