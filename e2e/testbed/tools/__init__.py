"""Pinned programs of the test bed, built from their Go modules on first use.

`path("etcd")` gives the binary and builds it when it is missing; `python -m e2e.testbed.tools` does that for all
that the test bed needs. Binaries live in `${DEADBAND_CACHE:-${XDG_CACHE_HOME:-~/.cache}/deadband}/tools`, keyed by
version, outside the work tree. Each folder beside this file is one Go module: one per family, so that the
dependencies of one never move the versions of another.
"""

from e2e.testbed.tools.build import ToolError, path
from e2e.testbed.tools.catalog import TOOLS, Tool

__all__ = ["TOOLS", "Tool", "ToolError", "path"]
