"""Exit codes: the same in every command, told in every --help."""

import click

OK = 0
"""All is well."""
DIFFERS = 1
"""What was asked does not hold: a policy is invalid, a scenario differs, an object is not there."""
UNUSABLE = 2
"""What was given cannot be used: wrong usage, an unreadable file, no YAML."""
UNEXPECTED = 70
"""A fault of deadband itself (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
"""Ended by Ctrl-C, as shells count it: 128 + SIGINT."""


class UnusableInputError(click.ClickException):
    """What was given cannot be used, though the command was called rightly."""

    exit_code = UNUSABLE
