"""Any process may be killed at any moment; every paid order ends as one result or one refund."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local import reading
from store.tables.orders import Generation
from tests import studio
from tests.studio import Studio

pytestmark = pytest.mark.timeout(240)

SLOW = "/imagine prompt:a panda on a red background seed:7 steps:30 count:2"


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio.opened(tmp_path) as started:
        yield started


async def drawing(product: Studio) -> Generation:
    """Wait until the newest order's first picture is being drawn."""
    while True:
        rows = product.orders()
        if rows and any(image.status == "running" for image in rows[-1].images):
            return rows[-1]
        await asyncio.sleep(0.01)


async def restarted(product: Studio, name: str) -> None:
    """Kill a process and wait for its successor."""
    child = product.stack.supervisor.child(name)
    former = child.starts
    child.kill()
    while child.starts == former:
        await asyncio.sleep(0.01)
    await product.stack.supervisor.ready(name, 60)


def results(product: Studio) -> list[list[reading.Picture]]:
    """Return the pictures of each message that shows some."""
    seat = product.seat("Alex")
    shown = [reading.pictures(message, seat.backend.cdn) for message in seat.messages()]
    return [pictures for pictures in shown if pictures]


@pytest.mark.parametrize("killed", [("worker",), ("bot",), ("worker", "bot")])
async def test_whoever_is_killed_in_mid_order_it_ends_in_one_delivered_result(
    product: Studio, killed: tuple[str, ...]
) -> None:
    before = product.left()
    turn = asyncio.create_task(product.conversation(timeout=120).say(SLOW))
    await drawing(product)
    for name in killed:
        product.stack.supervisor.kill(name)
    await turn
    (order,) = product.orders()
    assert (order.status, order.delivered_at is not None) == ("done", True)
    assert [len(pictures) for pictures in results(product)] == [2]
    assert product.left() == before - order.price


async def test_an_order_survives_all_its_processes_and_buttons_work_afterwards(
    product: Studio,
) -> None:
    talk = product.conversation(timeout=120)
    first = await talk.say("/imagine prompt:a panda on a red background seed:7")
    for name in ("worker", "bot"):
        await restarted(product, name)
    again = await talk.say("again")
    assert [p.pixel_sha256 for p in again.pictures] == [p.pixel_sha256 for p in first.pictures]


async def test_cancelling_in_mid_order_stops_it_and_returns_what_was_not_drawn(
    product: Studio,
) -> None:
    before = product.left()
    turn = asyncio.create_task(product.conversation(timeout=60).say(f"{SLOW} guidance:3"))
    await drawing(product)
    assert await product.press("cancel")
    await turn
    (order,) = product.orders()
    done = sum(image.status == "done" for image in order.images)
    assert done < 2
    assert product.left() == before - order.price // 2 * done
    assert order.delivered_at is not None


async def test_an_order_whose_token_has_died_is_delivered_all_the_same(product: Studio) -> None:
    turn = asyncio.create_task(product.conversation(timeout=60).say(SLOW))
    await drawing(product)
    product.world.skip(901)
    await turn
    assert [len(pictures) for pictures in results(product)] == [2]
