"""Build what is missing and print where it is: `python -m e2e.testbed.tools [NAME…]`."""

import argparse
import sys

from e2e.testbed.tools.build import ToolError, path
from e2e.testbed.tools.catalog import TOOLS


def main() -> int:
    """Build the named tools, by default all of them; 0 when every one is there."""
    parser = argparse.ArgumentParser(prog="python -m e2e.testbed.tools", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(TOOLS)}")
    names = parser.parse_args().names or TOOLS
    try:
        for name in names:
            print(path(name), flush=True)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
