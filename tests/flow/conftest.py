"""One running product for all conversations of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import studio


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[studio.Studio]:
    async with studio.opened(tmp_path_factory.mktemp("product")) as started:
        yield started
