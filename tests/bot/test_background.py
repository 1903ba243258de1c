"""The bot's own loops: sweeping, reminding, hearing."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from bot.background import Sweeper, hear
from bot.services import Services
from store.database import Database
from store.errors import LeaseLost
from store.line import claims
from store.sweep import PATIENCE_MS
from store.tables.lines import Worker
from store.tables.orders import Generation, Image
from store.watch import Watch
from tests.bot.messages import presses, text
from tests.bot.stage import Stage
from worker.events import Doorbell, Finished
from worker.queue import Tickets


async def test_an_order_that_nobody_draws_ends_with_a_refund(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    with stage.database.begin() as session:
        session.query(Image).update({"created_at": 0})
        session.execute(delete(Worker))
    await Sweeper(stage.services, watch=Watch(-PATIENCE_MS / 1000)).sweep()
    assert stage.services.bell.is_set()
    await stage.deliver()
    assert "No machine is drawing" in text(result.response)
    assert "again" in presses(result.response)
    assert stage.left(stage.alex) == 10


async def test_after_a_time_without_a_look_who_is_alive_may_say_so_first(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    sweeper = Sweeper(stage.services, watch=Watch(gap_s=0.2))
    with stage.database.begin() as session:
        claim = claims.claim(session, "w", ["starter"], lease_ms=-1)
    assert claim
    await asyncio.sleep(0.3)
    await sweeper.sweep()
    with stage.database.begin() as session:
        assert claims.beat(session, claim, lease_ms=-1)  # it was not taken away
    await sweeper.sweep()
    with stage.database.begin() as session, pytest.raises(LeaseLost):
        claims.beat(session, claim)


async def test_what_is_away_is_logged_when_it_goes_and_when_it_returns(
    world: Services, tmp_path: Path, broker_url: str, logged: list[Any]
) -> None:
    broken = replace(world, database=Database(f"sqlite:///{tmp_path}/missing/reroll.db"))
    sweeper = Sweeper(broken)
    for _ in range(3):
        await sweeper.sweep()
    object.__setattr__(broken, "database", world.database)
    for _ in range(3):
        await sweeper.sweep()
    said = [(line["event"], line["what"]) for line in logged]
    assert said == [("unavailable", "database"), ("available again", "database")]


@pytest.mark.parametrize("stuck", [0, 1])
async def test_files_that_cannot_be_removed_hold_up_no_others(
    stage: Stage, tmp_path: Path, stuck: int
) -> None:
    for _ in range(2):
        await stage.drawn(stage.alex)
    with stage.database.begin() as session:
        session.query(Generation).update({"deleted_at": 1})
    orders = [order.id for order in stage.orders()]
    folder = tmp_path / "files" / orders[stuck]
    shutil.move(folder, tmp_path / "elsewhere")
    folder.write_bytes(b"in the way")
    sweeper = Sweeper(stage.services)
    for _ in range(2):
        await sweeper.sweep()
    assert {order.id: bool(order.purged_at) for order in stage.orders()} == {
        order: place != stuck for place, order in enumerate(orders)
    }
    folder.unlink()
    await sweeper.sweep()
    assert all(order.purged_at for order in stage.orders())


async def test_waiting_orders_are_reminded_of_and_a_broker_away_is_logged_once(
    world: Services, stage: Stage, logged: list[Any]
) -> None:
    away = Tickets("redis://127.0.0.1:1/0")
    sweeper = Sweeper(replace(stage.services, tickets=away))
    await stage.imagine(stage.alex)
    for _ in range(2):
        with stage.database.begin() as session:
            session.query(Image).update({"created_at": 0})
        await sweeper.sweep()
    away.close()
    assert [line["what"] for line in logged if line["event"] == "unavailable"] == ["broker"]


async def test_a_finished_order_rings_the_bell(stage: Stage, broker_url: str) -> None:
    doorbell = Doorbell(broker_url)
    hearing = asyncio.create_task(hear(stage.services, stage.board(), broker_url))
    async with asyncio.timeout(3):
        while not stage.services.bell.is_set():
            await asyncio.to_thread(doorbell.ring, Finished(generation_id="0123456789"))
            await asyncio.sleep(0.02)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    doorbell.close()
