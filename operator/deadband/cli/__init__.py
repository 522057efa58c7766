"""The command `deadband`, and the composition root of the operator.

Heavy clients are imported by the command that needs them: `deadband version` and `deadband test` start at once.
"""

from deadband.cli.completion import complete
from deadband.cli.entry import main, plugin

__all__ = ["complete", "main", "plugin"]
