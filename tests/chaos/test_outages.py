"""What a host may break: each outage is told to the member in words, and costs nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.variants.catalog import VARIANTS
from local.conversation import Outcome, Turn
from store.database import Database
from store.host import controls, workers
from tests import broker, postgres, s3, studio
from tests.chaos.audit import audit
from tests.studio import Studio

pytestmark = pytest.mark.timeout(240)

IMAGINE = "/imagine prompt:a panda on a red background seed:7"
CHINESE = "/画图 提示词:红色背景上的熊猫"


def last_words(turn: Turn) -> str:
    return turn.states[-1].text


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio.opened(tmp_path) as started:
        yield started


async def test_without_a_worker_the_member_is_told_and_nothing_is_charged(
    product: Studio,
) -> None:
    before = product.left()
    await product.stack.supervisor.child("worker").stop()
    turn = await product.say(IMAGINE)
    assert turn.outcome is Outcome.WORDS
    assert "Nothing was charged" in last_words(turn)
    assert product.left() == before
    assert product.orders() == []


async def test_a_full_or_broken_file_store_refunds_the_order(
    product: Studio, tmp_path: Path
) -> None:
    before = product.left()
    (tmp_path / "files").rename(tmp_path / "away")
    (tmp_path / "files").write_bytes(b"in the way")
    turn = await product.say(IMAGINE)
    assert turn.outcome is Outcome.WORDS
    assert "picture storage" in last_words(turn)
    assert product.left() == before


async def status_of_newest(product: Studio, wanted: str) -> None:
    async with asyncio.timeout(60):
        while product.orders()[-1].status != wanted:
            await asyncio.sleep(0.1)


@pytest.mark.timeout(600)
@pytest.mark.skipif(s3.PROGRAM is None, reason="no moto_server here: see tests/s3.py")
async def test_while_s3_is_gone_new_orders_are_refunded_and_finished_ones_wait(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    async with s3.running(unused_tcp_port) as door:
        async with studio.opened(tmp_path, door.settings) as product:
            before, supervisor = product.left(), product.stack.supervisor
            assert (await product.say(IMAGINE)).outcome is Outcome.PICTURE
            assert not list((tmp_path / "files").iterdir())
            # One is drawn and kept, and the bot has not shown it yet, when S3 goes away.
            with product.database.begin() as session:
                controls.set_flow(session, controls.Flow.PAUSED, by=1)
            waiting = asyncio.create_task(product.conversation(timeout=200).say(IMAGINE))
            async with asyncio.timeout(60):
                while len(product.orders()) < 2:
                    await asyncio.sleep(0.1)
            bot = supervisor.child("bot")
            await bot.stop()
            with product.database.begin() as session:
                controls.set_flow(session, controls.Flow.RUNNING, by=1)
            await status_of_newest(product, "done")
            door.shut()
            supervisor.start(bot.program)
            await supervisor.ready("bot", 60)
            turn = await product.conversation("小满", timeout=120).say(CHINESE)
            assert turn.outcome is Outcome.WORDS
            assert "图库" in last_words(turn)
            assert (product.left(), product.left("小满")) == (before - 2, before)
            undelivered = product.orders()[1]
            assert undelivered.delivered_at is None
            assert 2 <= undelivered.delivery_attempts <= 8
            await door.open()
            assert (await waiting).outcome is Outcome.PICTURE
            assert (await product.say(IMAGINE)).outcome is Outcome.PICTURE
            with product.database.begin() as session:
                accounts = audit(session, product.world, ())
            assert list(accounts.wrong()) == []
            assert (accounts.delivered, accounts.refunded) == (3, 1)


async def test_broken_weights_refund_the_order_and_the_bot_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "variants"
    folder.mkdir()
    text = (VARIANTS / "starter.toml").read_text().replace("starter/weights", "engine/variants")
    (folder / "starter.toml").write_text(text)
    given = {"REROLL_VARIANTS_FOLDER": str(folder)}
    async with studio.opened(tmp_path / "data", given) as product:
        before = product.left("小满")
        turn = await product.say(CHINESE, "小满")
        assert turn.outcome is Outcome.WORDS
        assert "点数已经退给你了" in last_words(turn)
        assert product.left("小满") == before


async def test_while_the_broker_is_away_an_order_waits_and_is_then_drawn(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    with broker.running(tmp_path / "broker") as queue:
        given = {"REROLL_BROKER_URL": queue.url}
        async with studio.opened(tmp_path / "data", given) as product:
            queue.kill()
            turn = asyncio.create_task(product.conversation(timeout=120).say(IMAGINE))
            while not product.orders():
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            queue.start()
            done = await turn
            assert done.outcome is Outcome.PICTURE
            assert any("queue" in state.text for state in done.states)


async def test_on_postgresql_an_outage_is_told_and_orders_go_on_afterwards(
    tmp_path: Path, postgresql_programs: Path
) -> None:
    with postgres.running(postgresql_programs) as server:
        given = {"REROLL_DATABASE_URL": server.url}
        async with studio.opened(tmp_path, given) as product:
            assert (await product.say(IMAGINE)).outcome is Outcome.PICTURE
            server.stop()
            turn = await product.say(CHINESE, "小满")
            assert turn.outcome is Outcome.WORDS
            assert "没有扣点数" in last_words(turn)
            server.start()
            assert (await product.say(IMAGINE)).outcome is Outcome.PICTURE
        database = Database(server.url)
        with database.begin() as session:
            assert workers.serving(session) == set()
        database.close()
