"""Play the demo: `python -m e2e.testbed.demo [--keep] [--record FILE.svg] [--plain]`."""

import argparse
import contextlib
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import requests
import urllib3
from kubernetes import client
from rich.console import Console

from e2e.testbed import tools
from e2e.testbed.access import KubectlError
from e2e.testbed.chart import ChartError
from e2e.testbed.demo.plain import PlainView
from e2e.testbed.demo.play import COMMAND, Play
from e2e.testbed.demo.portrait import save_portrait
from e2e.testbed.demo.screen import ScreenView
from e2e.testbed.demo.stage import Stage, open_stage
from e2e.testbed.demo.story import ACTS, NAMESPACE
from e2e.testbed.demo.watching import Eye
from e2e.testbed.processes import ProcessError

_RENEW_SECONDS = 1800.0
_FAULTS = (
    tools.ToolError,
    ProcessError,
    KubectlError,
    ChartError,
    TimeoutError,
    client.ApiException,
    urllib3.exceptions.HTTPError,
    requests.RequestException,
    OSError,
)


class _ToldToStop(BaseException):
    """SIGINT or SIGTERM came; `number` is which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> int:
    """Play; 0 when all that was expected was seen, 1 when not, 128 and the signal's number when told to stop."""
    parser = argparse.ArgumentParser(prog="python -m e2e.testbed.demo", description="Watch deadband scale for real.")
    parser.add_argument("--keep", action="store_true", help="leave all running at the end, until Ctrl-C")
    parser.add_argument("--record", type=Path, metavar="FILE.svg", help="save the final screen as a picture")
    parser.add_argument("--plain", action="store_true", help="lines of text, also on a terminal")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_once)
    try:
        return _run(keep=given.keep, record=given.record, plain=given.plain)
    except _ToldToStop as told:
        print("stopped: everything that was started has ended", file=sys.stderr)
        return 128 + told.number
    except _FAULTS as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _stop_once(number: int, _frame: FrameType | None) -> None:
    """End the play; from now on nothing interrupts the cleaning up."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise _ToldToStop(number)


def _run(*, keep: bool, record: Path | None, plain: bool) -> int:
    console = Console()
    view = ScreenView(console) if console.is_terminal and not plain else PlainView()
    with open_stage(view.preparing) as stage, Eye(stage.cluster.kubeconfig, stage.alertmanager) as eye, view:
        play = Play(stage, ACTS, view, eye)
        try:
            verdicts = play.perform()
        except _FAULTS:
            _show_log(stage)
            raise
        view.close(verdicts)
        holds = all(verdict.holds for verdict in verdicts)
        if record is not None and play.frames:
            save_portrait(record, play.frames, verdicts, (COMMAND, stage.kubectl_policies()))
        if not holds:
            _show_log(stage)
        print("Every expected scaling was seen." if holds else "Not everything came as expected.", flush=True)
        if keep:
            with contextlib.suppress(_ToldToStop):  # the way in which keeping it is meant to end
                _wait(stage)
    return 0 if holds else 1


def _show_log(stage: Stage) -> None:
    print(f"The operator's log ends with:\n{stage.operator.log_tail()}", file=sys.stderr, flush=True)


def _wait(stage: Stage) -> None:
    """Say how to use what runs, and keep it running until a signal comes."""
    print(_instructions(stage), flush=True)
    while not threading.Event().wait(_RENEW_SECONDS):
        stage.installation.renew_credentials()


def _instructions(stage: Stage) -> str:
    kubectl = tools.path("kubectl")
    load = '{"workloads": {"leadgen/api": {"cpu": {"percent": 150, "pods": 2}}}}'
    return f"""
Everything goes on running. In another terminal:

  export KUBECONFIG={stage.cluster.kubeconfig}
  alias kubectl={kubectl}
  kubectl get scalingpolicies -n {NAMESPACE} -w
  kubectl describe scalingpolicy api-pods -n {NAMESPACE}
  kubectl get events -n {NAMESPACE} --field-selector involvedObject.kind=ScalingPolicy
  curl -X POST {stage.simulator.url}/load -d '{load}'

Prometheus: {stage.prometheus.url}    Alertmanager: {stage.alertmanager.url}
The operator's own metrics: {stage.operator_url}/metrics
The operator's log: {stage.operator.log}

Ctrl-C stops all of it."""


if __name__ == "__main__":
    sys.exit(main())
