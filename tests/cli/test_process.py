"""The operator process: whatever ends it is told, with what is needed to mend it."""

from pathlib import Path

import pytest

from deadband.cli import process
from deadband.cli.settings import Settings

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {}}]
"""


async def test_a_part_that_fails_by_a_defect_ends_the_process_with_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> int:
        raise ZeroDivisionError("a defect")

    (tmp_path / "config").write_text(KUBECONFIG)
    monkeypatch.setattr(process._Operator, "run", fail)

    assert await process.operate(Settings(kubeconfig=str(tmp_path / "config"))) == process.FAILED

    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.exc_info is not None
    assert told.exc_info[0] is ZeroDivisionError
