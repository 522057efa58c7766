"""One API server and its client for each test."""

from collections.abc import AsyncIterator

import pytest

from deadband.adapters.kube import Kube
from tests.adapters.fake_api import FakeApi, kube_of


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def kube(api: FakeApi) -> AsyncIterator[Kube]:
    async with kube_of(api) as client:
        yield client
