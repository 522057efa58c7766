"""Helm and promtool, before the first test that needs them."""

from pathlib import Path

import pytest

from e2e.testbed import tools

_HERE = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing: that takes minutes and must not count against a test's time."""
    if session.config.option.collectonly or not any(item.path.is_relative_to(_HERE) for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():  # shows the progress of the build
            for name in ("helm", "promtool"):
                tools.path(name)
    except tools.ToolError as error:
        raise pytest.UsageError(str(error)) from error
