"""The health check in the dialect that Argo CD runs: Lua 5.1 without its standard libraries."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

ARGOCD = Path(__file__).parents[2] / "examples" / "argocd"
SCRIPT = (ARGOCD / "health.lua").read_text()
READY = {"type": "Ready", "status": "True", "reason": "AsExpected", "message": ""}
STALLED = {"type": "Stalled", "status": "True", "reason": "TargetNotFound", "message": "there is no Deployment api"}
RECONCILING = {"type": "Reconciling", "status": "True", "reason": "Rollout", "message": "taking up the change"}
NO_METRICS = {"type": "MetricsAvailable", "status": "False", "reason": "Timeout", "message": "Prometheus is away"}


def no(condition: dict[str, str], message: str = "") -> dict[str, str]:
    return condition | {"status": "False", "message": message}


def health(policy: dict[str, Any]) -> tuple[str, str]:
    """Run the check as Argo CD does: the object is the global `obj`, the answer a table."""
    lua = lua51.LuaRuntime()
    for library in ("string", "table", "math", "os", "io", "debug", "package", "require", "loadfile", "dofile"):
        lua.globals()[library] = None
    lua.globals()["obj"] = lua.table_from(policy, recursive=True)
    answer = lua.execute(SCRIPT)
    return answer["status"], answer["message"]


def policy(
    *conditions: dict[str, str], observed: int = 2, annotations: dict[str, str] | None = None, sentence: str = ""
) -> dict[str, Any]:
    metadata = {"generation": 2} | ({"annotations": annotations} if annotations is not None else {})
    status: dict[str, Any] = {"observedGeneration": observed, "conditions": list(conditions)}
    return {"metadata": metadata, "status": status | ({"decision": {"sentence": sentence}} if sentence else {})}


PAUSED = {"deadband.dev/paused": "true"}


@pytest.mark.parametrize(
    ("obj", "status", "message"),
    [
        pytest.param({"metadata": {"generation": 1}}, "Progressing", "operator to see", id="no status yet"),
        pytest.param(
            {"metadata": {"generation": 1}, "status": {}}, "Progressing", "operator to see", id="no conditions"
        ),
        pytest.param(policy(READY, observed=1), "Progressing", "latest change", id="an older generation was ready"),
        pytest.param(policy(STALLED, observed=1), "Progressing", "latest change", id="an older generation was stalled"),
        pytest.param(policy(no(READY), STALLED), "Degraded", "TargetNotFound: there is no", id="stalled"),
        pytest.param(policy(STALLED, annotations=PAUSED), "Degraded", "TargetNotFound", id="stalled and paused"),
        pytest.param(policy(READY, annotations=PAUSED), "Suspended", "Paused by", id="paused"),
        pytest.param(
            policy(READY, annotations={"deadband.dev/paused": "scale-down"}),
            "Healthy",
            "",
            id="paused in one direction",
        ),
        pytest.param(policy(RECONCILING), "Progressing", "taking up the change", id="reconciling"),
        pytest.param(policy(no(READY, "starting")), "Progressing", "starting", id="not ready"),
        pytest.param(policy(), "Progressing", "", id="no condition at all"),
        pytest.param(policy(READY, no(STALLED), annotations={}), "Healthy", "", id="ready"),
        pytest.param(
            policy(READY, sentence="Holding at 4: all within the band."), "Healthy", "Holding at 4", id="what it does"
        ),
        pytest.param(policy(READY, NO_METRICS), "Healthy", "", id="Prometheus is away"),
    ],
)
def test_the_health_of_a_policy(obj: dict[str, Any], status: str, message: str) -> None:
    got, text = health(obj)

    assert got == status
    assert message in text


def test_the_config_map_carries_the_same_text() -> None:
    patch = yaml.safe_load((ARGOCD / "argocd-cm-patch.yaml").read_text())

    assert patch["data"] == {"resource.customizations.health.deadband.dev_ScalingPolicy": SCRIPT}
