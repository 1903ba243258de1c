"""Disks that are full or may not be written, and clocks that are wrong: told, and nothing is lost.

SQLite is given no room or no rights by its own means, which a root user's rights do not lift.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import discord
import pytest
from sqlalchemy import Connection, event

from bot.services import Services
from store.database import Database
from store.errors import StoreUnavailable
from tests.bot.conftest import broker_url, catalog, stage, world
from tests.bot.messages import text
from tests.bot.stage import Stage, staged

__all__ = ["broker_url", "catalog", "stage", "world"]


@contextmanager
def pragma(database: Database, said: str, undone: str) -> Iterator[None]:
    """Have every transaction of a database set something, and the other thing afterwards."""
    engine = database._engine
    wanted = [said]

    def begun(connection: Connection) -> None:  # after it said itself whether it writes
        connection.exec_driver_sql(f"PRAGMA {wanted[0]}")

    event.listen(engine, "begin", begun)
    try:
        yield
    finally:
        wanted[0] = undone
        engine.dispose()


async def ordered(stage: Stage) -> str:
    shown = await stage.imagine(stage.mei)
    return "\n".join(text(one) for one in (shown.response, *shown.followups) if one is not None)


@pytest.mark.parametrize(
    ("said", "undone"),
    [("max_page_count = 1", "max_page_count = 1000000"), ("query_only = ON", "query_only = OFF")],
    ids=["full", "read-only"],
)
async def test_an_order_is_refused_in_words_costs_nothing_and_the_next_one_stands(
    stage: Stage, said: str, undone: str
) -> None:
    words = stage.speaks(stage.mei, "zh-TW")
    before = stage.left(stage.mei)
    with pragma(stage.database, said, undone):
        refusals = [await ordered(stage) for _ in range(12)]
        # A full database still has room on the pages that it has; in the end there is none.
        assert words("errors.store_unavailable") in refusals[-1]
        kept = sum(words("errors.store_unavailable") not in one for one in refusals)
    assert len(stage.orders()) == kept
    assert stage.left(stage.mei) == before - kept
    assert words("errors.store_unavailable") not in await ordered(stage)
    assert len(stage.orders()) == kept + 1


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
async def test_with_a_wrong_clock_pictures_come_all_the_same(
    world: Services, ahead: timedelta
) -> None:
    wrong = replace(world, now=lambda: discord.utils.utcnow() + ahead)
    async with staged(wrong) as stage:
        shown = await stage.drawn(stage.alex)
        (order,) = stage.orders()
        assert order.delivered_at is not None
        assert order.status == "done"
        assert shown.response is not None


def test_a_database_that_cannot_be_opened_is_away_and_not_a_mistake(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/no/such/folder/reroll.db")
    with pytest.raises(StoreUnavailable), database.begin() as session:
        session.connection()
    database.close()


def test_a_damaged_file_is_away_and_not_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "reroll.db").write_bytes(b"no database at all, by any measure" * 100)
    database = Database(f"sqlite:///{tmp_path}/reroll.db")
    with pytest.raises(StoreUnavailable), database.begin() as session:
        session.connection()
    database.close()
