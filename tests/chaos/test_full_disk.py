"""A disk fills up under everything that one machine runs, and is emptied again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from local.conversation import Outcome
from tests import disks, studio
from tests.chaos.audit import audit
from tests.disks import Disk
from tests.studio import Studio

pytestmark = pytest.mark.timeout(240)

PROMPT = "/imagine prompt:a panda on a red background seed:7"
FOUR = "/imagine prompt:a panda on a red background seed:7 count:4 steps:30"
CHINESE = "/画图 提示词:红色背景上的熊猫"
TOO_SMALL = 1
FULL_S = 8
"""Less than a finished picture waits."""
WARNINGS = 8
"""What each log may complain of in that time; a line a second would be more."""
LOUD = ("[warning", "[error", "[critical")


@contextmanager
def disk_full(product: Studio, disk: Disk | None) -> Iterator[None]:
    """Leave no room for anything until the block ends: on the disk, or for the processes."""
    if disk:
        disk.fill()
        yield
        disk.empty()
        return
    children = [product.stack.supervisor.child(name) for name in ("worker", "bot")]
    with disks.no_larger(TOO_SMALL, *(child.pid for child in children if child.pid)):
        yield


@asynccontextmanager
async def machine(tmp_path: Path, kind: str) -> AsyncIterator[tuple[Studio, Disk | None]]:
    if kind == "refused":
        async with studio.opened(tmp_path) as product:
            yield product, None
        return
    with disks.small(tmp_path / "disk", "24m") as disk:
        async with studio.opened(disk.folder / "data") as product:
            yield product, disk


@pytest.mark.parametrize("kind", ["disk", "refused"])
async def test_what_is_under_way_is_delivered_and_what_comes_is_told_and_costs_nothing(
    tmp_path: Path, kind: str
) -> None:
    async with machine(tmp_path, kind) as (product, disk):
        before = product.left()
        assert (await product.say(PROMPT)).outcome is Outcome.PICTURE
        under_way = asyncio.create_task(product.conversation(timeout=150).say(FOUR))
        async with asyncio.timeout(60):
            while len(product.orders()) < 2:
                await asyncio.sleep(0.05)
        price = product.orders()[-1].price
        with disk_full(product, disk):
            await asyncio.sleep(2)  # until the other's card is there, which is not the answer
            told = await product.say(CHINESE, "小满")
            assert told.outcome is Outcome.WORDS
            assert "没有扣点数" in told.states[-1].text
            await asyncio.sleep(FULL_S)
        assert (await under_way).outcome is Outcome.PICTURE
        async with asyncio.timeout(60):  # until the worker has said that it is there
            while (await product.say(CHINESE, "小满")).outcome is not Outcome.PICTURE:
                await asyncio.sleep(1)
        assert product.left() == before - 1 - price
        assert product.left("小满") == before - 1
        with product.database.begin() as session:
            accounts = audit(session, product.world, ())
        assert list(accounts.wrong()) == []
        assert (accounts.delivered, accounts.refunded) == (3, 0)
        assert {image.attempts for one in product.orders() for image in one.images} == {1}
        for name in ("worker", "bot"):
            said = (product.logs / f"{name}.log").read_text().splitlines()
            loud = [line for line in said if any(level in line for level in LOUD)]
            assert len(loud) <= WARNINGS, "\n".join(loud)
            stacks = [at for at, line in enumerate(said) if line.startswith("Traceback")]
            assert not stacks, "\n".join(said[stacks[0] : stacks[0] + 60])
            assert product.stack.supervisor.child(name).starts == 1
