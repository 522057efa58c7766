"""Servers and other programs that are not built but taken from packages, without installing any.

`program("redis-server")` gives the machine's own when it is new enough. Otherwise its Debian package is unpacked, with
what it depends on and the machine lacks, and runs from where that is:
`${DEADBAND_CACHE:-${XDG_CACHE_HOME:-~/.cache}/deadband}/packages`, keyed by version. That needs no rights of root,
changes nothing outside the cache, and works on Debian and its kin; elsewhere the programs must be on PATH.
"""

from e2e.testbed.packages.catalog import OF_REAL_NODES, PACKAGED, Packaged
from e2e.testbed.packages.debian import PackageError
from e2e.testbed.packages.find import Program, program

__all__ = ["OF_REAL_NODES", "PACKAGED", "PackageError", "Packaged", "Program", "program"]
