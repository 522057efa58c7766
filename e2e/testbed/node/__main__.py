"""Run a command in a private machine: `python -m e2e.testbed.node COMMAND…`; its exit code is ours."""

import sys

from e2e.testbed.node.machine import run, unavailable

if __name__ == "__main__":
    reason = unavailable()
    sys.exit(reason or run(sys.argv[1:] or ["sh", "-i"]))
