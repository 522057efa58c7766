"""``python -m e2e.testbed.simulator --kubeconfig F --config scenario.yaml --port P [--seed N]``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

import urllib3
import yaml
from kubernetes import client, config
from pydantic import ValidationError

from e2e.testbed.simulator.scenario import Scenario
from e2e.testbed.simulator.server import Simulator


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; 2 for a scenario, port or cluster that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m e2e.testbed.simulator", description="A load simulator.")
    parser.add_argument("--kubeconfig", required=True, help="of the cluster whose pods get the load")
    parser.add_argument("--config", required=True, type=Path, help="the scenario, YAML")
    parser.add_argument("--port", required=True, type=int, help="on loopback; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=None, help="instead of the scenario's own")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with Simulator(Scenario.read(given.config), given.kubeconfig, port=given.port, seed=given.seed) as simulator:
            print(f"simulator serves {simulator.url}/metrics", flush=True)
            ended.wait()
    except (
        OSError,
        yaml.YAMLError,
        ValidationError,
        config.ConfigException,
        urllib3.exceptions.HTTPError,
        client.ApiException,
    ) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
