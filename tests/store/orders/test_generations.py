"""Orders are placed once, end once, and give back exactly what was not drawn."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from engine.errors import EngineFailed
from engine.request import GenerationRequest
from store.database import Database
from store.errors import Gone, NotYours
from store.line import claims
from store.money import ledger
from store.money.errors import CreditsSpent
from store.orders import generations, placing, searches
from store.sweep import sweep
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, order, place, request

ME = ledger.Flow(5, 1)


def read(database: Database, generation_id: str) -> Generation:
    with database.begin() as session:
        return generations.get(session, generation_id)


def left(database: Database) -> int:
    with database.begin() as session:
        return ledger.balance(session, ME, PLAN, NOON).left


def draw(database: Database) -> bool:
    with database.begin() as session:
        taken = claims.claim(session, "w", ["starter"])
        assert taken
        return ends.keep(session, taken, kept(taken.request))


def told(database: Database, generation_id: str, *, limit: int) -> list[str]:
    with database.begin() as session:
        row = generations.get(session, generation_id)
        return list(searches.prompts_before(session, row, limit=limit))


def test_an_order_is_read_back_as_it_was_placed(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 3)
    row = read(database, placed)
    assert GenerationRequest.from_json(row.request) == request(3)
    assert [(image.index, image.seed, image.status) for image in row.images] == [
        (0, 7, "queued"),
        (1, 8, "queued"),
        (2, 9, "queued"),
    ]
    assert (row.locale, row.status, row.price) == ("zh-CN", "open", 3)


def test_the_same_interaction_places_one_order_and_pays_once(database: Database) -> None:
    twice = order(2)
    with database.begin() as session:
        first = placing.create(session, twice, PLAN, NOON)
    with database.begin() as session:
        second = placing.create(session, twice, PLAN, NOON)
    assert first.id == second.id
    assert left(database) == 8


def test_the_same_interaction_from_two_processes_at_once_is_one_order(database: Database) -> None:
    twice = order(2)

    def create(_: int) -> str:
        with database.begin() as session:
            return placing.create(session, twice, PLAN, NOON).id

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(create, range(4)))) == 1
    assert left(database) == 8


def test_without_credits_no_order_is_left_behind(database: Database) -> None:
    with pytest.raises(CreditsSpent), database.begin() as session:
        place(session, 11)
    with database.begin() as session:
        assert claims.claim(session, "w", ["starter"]) is None


def test_the_last_picture_ends_the_order(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 2)
    assert [draw(database), draw(database)] == [False, True]
    row = read(database, placed)
    assert row.status == "done"
    assert row.finished_at is not None
    assert left(database) == 8


def test_two_workers_that_end_an_order_together_end_it_once(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 4)
        taken = [claims.claim(session, f"w{n}", ["starter"]) for n in range(4)]

    def keep(claim: claims.Claim | None) -> bool:
        assert claim
        with database.begin() as session:
            return ends.keep(session, claim, kept(claim.request))

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(keep, taken)) == [False, False, False, True]
    assert read(database, placed).status == "done"
    assert left(database) == 6


def test_a_picture_that_fails_is_refunded_and_the_others_are_kept(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 3)
        taken = claims.claim(session, "w", ["starter"])
        assert taken
        ends.fail(session, taken, EngineFailed())
    draw(database)
    draw(database)
    row = read(database, placed)
    assert row.status == "done"
    assert row.error == {"code": "engine_failed", "params": {}}
    assert left(database) == 8


def test_an_order_without_any_picture_has_failed_and_costs_nothing(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
        taken = claims.claim(session, "w", ["starter"])
        assert taken
        assert ends.fail(session, taken, EngineFailed())
    assert read(database, placed).status == "failed"
    assert left(database) == 10


def test_cancelling_stops_what_waits_and_refunds_it(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 3)
    draw(database)
    with database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
    assert read(database, placed).status == "done"
    assert left(database) == 9


def test_a_running_picture_hears_of_the_cancellation_at_its_next_beat(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
        taken = claims.claim(session, "w", ["starter"])
    assert taken
    with database.begin() as session:
        assert claims.beat(session, taken)
        generations.cancel(session, placed, 1, moderator=False)
    with database.begin() as session:
        assert not claims.beat(session, taken)
        assert ends.cancelled(session, taken)
    assert read(database, placed).status == "cancelled"
    assert left(database) == 10


def test_only_the_owner_or_a_moderator_cancels_or_deletes(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    for stranger in (generations.cancel, generations.delete):
        with pytest.raises(NotYours), database.begin() as session:
            stranger(session, placed, 2, moderator=False)
    with database.begin() as session:
        generations.cancel(session, placed, 2, moderator=True)
    assert read(database, placed).status == "cancelled"


def test_cancelling_a_finished_order_changes_nothing(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    draw(database)
    with database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
    assert read(database, placed).status == "done"
    assert left(database) == 9


def test_a_deleted_order_is_gone_and_its_files_are_named_until_they_are_purged(
    database: Database,
) -> None:
    with database.begin() as session:
        first, second = place(session), place(session)
    draw(database)
    draw(database)
    with database.begin() as session:
        generations.delete(session, first, 1, moderator=False)
        assert sweep(session, watched_ms=0).unpurged == (first,)
        generations.purged(session, [first])
        assert sweep(session, watched_ms=0).unpurged == ()
    with pytest.raises(Gone):
        read(database, first)
    assert read(database, second).status == "done"


def test_a_picture_of_an_order_deleted_meanwhile_is_neither_kept_nor_charged(
    database: Database,
) -> None:
    with database.begin() as session:
        placed = place(session)
        taken = claims.claim(session, "w", ["starter"])
    assert taken
    with database.begin() as session:
        generations.delete(session, placed, 1, moderator=False)
        assert sweep(session, watched_ms=0).unpurged == ()
    with database.begin() as session:
        assert ends.keep(session, taken, kept(taken.request))
        assert sweep(session, watched_ms=0).unpurged == (placed,)
    assert left(database) == 10


def test_deleting_an_open_order_cancels_and_refunds_it(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 4)
        generations.delete(session, placed, 1, moderator=False)
        assert claims.claim(session, "w", ["starter"]) is None
    assert left(database) == 10


def test_history_shows_the_members_finished_orders_newest_first(database: Database) -> None:
    with database.begin() as session:
        placed = [place(session) for _ in range(3)]
        place(session, user_id=2)
    for _ in range(4):
        draw(database)
    with database.begin() as session:
        waiting = place(session)
        pages = [searches.history(session, ME, offset=n, limit=2) for n in (0, 2)]
    shown = [row.id for page in pages for row in page]
    assert sorted(shown) == sorted(placed)
    assert waiting not in shown


def test_what_a_variant_drew_before_is_told_by_the_order_of_the_ends(database: Database) -> None:
    said = [replace(request(), prompt=prompt) for prompt in ("one", "two", "three", "four")]
    with database.begin() as session:
        first, second, third, last = (place(session, request=one) for one in said)
        session.execute(update(Generation).values(status="done", finished_at=1000))
        for placed, at in ((first, 2), (second, 3), (third, 1)):
            row = session.get_one(Generation, placed)
            row.created_at, row.finished_at = at, 1000 - at
    before = {placed: told(database, placed, limit=9) for placed in (first, second, third, last)}
    assert before == {
        second: [],
        first: ["two"],
        third: ["two", "one"],
        last: ["two", "one", "three"],
    }
    assert told(database, last, limit=2) == ["two", "one"]


def test_of_orders_that_end_at_the_same_moment_one_is_the_first(database: Database) -> None:
    with database.begin() as session:
        placed = [place(session) for _ in range(3)]
        session.execute(update(Generation).values(status="done", finished_at=1000))
    assert sorted(len(told(database, one, limit=9)) for one in placed) == [0, 1, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": 2},
        {"guild_id": 9},
        {"request": request(variant="another")},
        {"status": "open"},
        {"status": "failed"},
        {"status": "cancelled"},
    ],
)
def test_other_members_variants_servers_and_orders_without_pictures_do_not_count(
    database: Database, other: dict[str, Any]
) -> None:
    status = {"status": other.get("status", "done")}
    order_of = {key: value for key, value in other.items() if key != "status"}
    with database.begin() as session:
        place(session, **order_of)
        session.execute(update(Generation).values(**status, finished_at=1000))
        mine = place(session)
        session.get_one(Generation, mine).finished_at = 2000
    assert told(database, mine, limit=9) == []


def test_the_place_in_line_is_the_one_in_the_fair_order(database: Database) -> None:
    with database.begin() as session:
        place(session, 3)
    with database.begin() as session:
        session.execute(update(Image).values(created_at=Image.created_at - 60_000))
        # One of three: the second is a second turn of the same member's.
        assert placing.create(session, order(2, user_id=2), PLAN, NOON).ahead == 1
