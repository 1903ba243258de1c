"""What is gone leaves no words behind, and a server's orders go in time."""

from sqlalchemy import update

from store.choices import servers
from store.database import Database
from store.line import claims
from store.orders import erasing, generations
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import kept, place

SERVER = 5


def drawn(database: Database, **changes: object) -> str:
    with database.begin() as session:
        order = place(session, **changes)  # type: ignore[arg-type]
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        ends.keep(session, claim, kept(claim.request))
        return order


def test_a_purged_order_has_no_words_and_no_token(database: Database) -> None:
    order = drawn(database)
    with database.begin() as session:
        generations.delete(session, order, 1, moderator=False)
        generations.purged(session, [order])
    with database.begin() as session:
        row = session.get_one(Generation, order)
        assert row.request["prompt"] == row.request["negative"] == row.token == ""
        assert row.request["seeds"] == [7]
        recipe = session.query(Image).one().recipe
        assert recipe
        assert recipe["request"]["prompt"] == ""
        assert recipe["variant_digest"] == "v"


def test_a_server_keeps_orders_as_long_as_it_has_chosen(database: Database) -> None:
    old, young, elsewhere = (
        drawn(database),
        drawn(database),
        drawn(database, guild_id=6),
    )
    with database.begin() as session:
        servers.lock(session, SERVER).retention_days = 30
        days = 31 * erasing.DAY_MS
        for order in (old, elsewhere):
            row = Generation.id == order
            past = Generation.finished_at - days
            session.execute(update(Generation).where(row).values(finished_at=past))
    with database.begin() as session:
        waiting = place(session)
        erasing.sweep(session)
        gone = {one.id for one in session.query(Generation) if one.deleted_at is not None}
        assert gone == {old}
        assert {young, elsewhere, waiting} & gone == set()
