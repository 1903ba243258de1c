"""What a vendor takes is written once, whatever becomes of the picture and of the worker."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.engine import Engine
from engine.variants.catalog import Catalog
from engine.vendor.connection import Connection
from store.choices import servers
from store.money import budgets
from store.money.ledger import Flow
from store.money.plans import Plan
from store.orders import placing
from store.tables.money import MoneyEntry
from tests.engine.vendor.conftest import make_client
from tests.engine.vendor.fake_vendor import FakeVendor, hangs, says
from tests.store.placing import NOON
from tests.store.placing import order as ordered
from tests.worker.conftest import asked, read
from tests.worker.test_vendor import VARIANT, clock
from worker.drawing import Parts, draw_waiting
from worker.hand import Hand

ME, CENT = Flow(5, 1), 10_000
ESTIMATE = 14_000
PLAN = Plan(daily_credits=100, daily_micros=100 * CENT, server_micros=100 * CENT)


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    fake = FakeVendor()
    runner = await fake.start()
    yield fake
    await runner.cleanup()


@pytest.fixture
async def hosted(vendor: FakeVendor, parts: Parts) -> AsyncIterator[Parts]:
    connection = Connection(lambda: make_client(vendor, clock(vendor)), tick_s=0.02)
    engine = Engine(device="cpu", vendor=connection)
    yield replace(parts, engine=engine, catalog=Catalog.load([VARIANT]))
    await asyncio.to_thread(connection.close)


def place(parts: Parts, count: int = 1, plan: Plan = PLAN) -> str:
    with parts.database.begin() as session:
        order = ordered(count, request=asked(count, variant=VARIANT), estimate=ESTIMATE)
        return placing.create(session, order, plan, NOON).id


def spent(parts: Parts) -> int:
    with parts.database.begin() as session:
        return PLAN.server_micros - budgets.budget(session, ME, PLAN, NOON).left


def written(parts: Parts) -> dict[str, int]:
    with parts.database.begin() as session:
        kinds = select(MoneyEntry.kind, func.count()).group_by(MoneyEntry.kind)
        return {kind: count for kind, count in session.execute(kinds)}  # noqa: C416


async def test_the_price_that_the_vendor_names_takes_the_estimates_place(
    vendor: FakeVendor, hosted: Parts
) -> None:
    placed = place(hosted, 2)
    assert spent(hosted) == 2 * ESTIMATE
    assert await asyncio.to_thread(draw_waiting, hosted) == 2
    assert read(hosted.database, placed).status == "done"
    assert spent(hosted) == 2 * 35_000  # the stand-in names 3.5 of its credits
    assert written(hosted) == {"grant": 1, "hold": 2, "release": 2, "charge": 2}


@pytest.mark.parametrize(
    ("fault", "micros"),
    [
        ({"looks": [says(200, {"status": "Request Moderated"})]}, 0),
        ({"looks": [says(200, {"status": "Content Moderated"})]}, 0),
        ({"looks": [says(200, {"status": "Error"})]}, 35_000),
        ({"submits": [says(402)]}, 0),
        ({"submits": [says(422)]}, 0),
        ({"downloads": [says(200, b"<html>")]}, 35_000),
    ],
)
async def test_a_failure_costs_what_the_vendor_takes_for_it(
    vendor: FakeVendor, hosted: Parts, fault: dict[str, Any], micros: int
) -> None:
    for name, answers in fault.items():
        setattr(vendor, name, answers)
    placed = place(hosted)
    assert await asyncio.to_thread(draw_waiting, hosted) == 1
    assert read(hosted.database, placed).status == "failed"
    assert spent(hosted) == micros


async def test_a_picture_that_is_begun_twice_is_paid_twice(
    vendor: FakeVendor, hosted: Parts
) -> None:
    vendor.looks = [hangs]
    placed = place(hosted)
    drawing = asyncio.create_task(asyncio.to_thread(draw_waiting, hosted))
    while "charge" not in await asyncio.to_thread(written, hosted):
        await asyncio.sleep(0.01)
    hosted.hand.leave(grace_s=0)
    await asyncio.wait_for(drawing, 10)
    vendor.looks = []
    heir = replace(hosted, hand=Hand())
    assert await asyncio.to_thread(draw_waiting, heir) == 1
    assert read(hosted.database, placed).status == "done"
    assert spent(hosted) == 2 * 35_000


async def test_a_budget_that_is_spent_in_mid_order_refunds_the_rest(
    vendor: FakeVendor, hosted: Parts
) -> None:
    # Enough for the estimates, not for what the vendor names: the third is not asked for.
    placed = place(hosted, 3, replace(PLAN, server_micros=3 * ESTIMATE + 30_000))
    assert await asyncio.to_thread(draw_waiting, hosted) == 3
    row = read(hosted.database, placed)
    assert [image.status for image in row.images] == ["done", "done", "failed"]
    assert row.error == {"code": "money_ran_out", "params": {"variant": VARIANT}}
    assert vendor.count("POST", "/v1") == 2
    assert spent(hosted) == 2 * 35_000


async def test_a_server_that_lowers_its_budget_is_asked_nothing_more(
    vendor: FakeVendor, hosted: Parts
) -> None:
    place(hosted, 2)
    with hosted.database.begin() as session:
        servers.lock(session, ME.guild_id)
        budgets.fund(session, ME.guild_id, 0, NOON)
    assert await asyncio.to_thread(draw_waiting, hosted) == 2
    assert vendor.count("POST", "/v1") == 0
    assert spent(hosted) == 0
