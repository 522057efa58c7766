"""`deadband` with alerts that are sent again every 2 s and end after 8 s, so that a test need not wait for minutes.

Run as `python -m e2e.testbed.impatient run`, with the options and the environment of `deadband`.
"""

from functools import partial

from deadband.cli import main, process
from deadband.engine.alerting import Alerting

AGAIN_SECONDS = 2.0

if __name__ == "__main__":
    process.Alerting = partial(Alerting, again_seconds=AGAIN_SECONDS)  # type: ignore[assignment,attr-defined]
    main()
