"""The command `deadband`, and the composition root of the operator.

Heavy clients are imported by the command that needs them: `deadband version` and `deadband test` start at once.
"""

from deadband.cli.entry import main

__all__ = ["main"]
