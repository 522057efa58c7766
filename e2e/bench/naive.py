"""The design to compare with: one query for each metric of each policy. `python -m e2e.bench.naive URL FILE`.

Asks every query of a file once, over four connections that stay open, compares each answer with both thresholds and
prints what that cost as JSON. It remembers nothing, writes nothing and decides nothing else: a whole operator of this
design costs more.
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

CONNECTIONS = 4
"""As many as a MetricSource lets the operator use by default."""


def main(url: str, path: Path) -> None:
    """Ask, compare, and print {queries, known, acting, cpu, wall}; times in seconds."""
    questions: list[tuple[str, float, float]] = json.loads(path.read_text())
    local = threading.local()

    def ask(question: tuple[str, float, float]) -> tuple[bool, bool]:
        promql, above, below = question
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.trust_env = False
            local.session.headers["Accept-Encoding"] = "identity"  # cheaper for both sides, as in the operator
        answer: Any = local.session.post(f"{url}/api/v1/query", data={"query": promql}, timeout=30).json()
        values = [float(row["value"][1]) for row in answer["data"]["result"]]
        return len(values) == 1, any(value > above or value < below for value in values)

    started, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        seen = list(pool.map(ask, questions))
    result = {
        "queries": len(seen),
        "known": sum(known for known, _ in seen),
        "acting": sum(acting for _, acting in seen),
        "cpu": time.process_time() - cpu,
        "wall": time.monotonic() - started,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
