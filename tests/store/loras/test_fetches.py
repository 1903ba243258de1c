"""A fetch is one worker's at a time, outlives whoever dies, and is told of once."""

import pytest
from sqlalchemy import select, update

from engine.loras.errors import LoraEmpty
from store import clock
from store.clock import now_ms
from store.database import Database
from store.errors import LeaseLost
from store.loras import fetches, library, unneeded
from store.loras.fetches import Held, Wanted
from store.tables.loras import Lora, LoraFetch, LoraFile
from store.tables.orders import Generation
from tests.store import placing
from tests.store.loras.test_library import ALEX, MEI, add, add_ready, find, kept


def want(database: Database, name: str = "ink") -> str:
    lora_id = add(database, name)
    wanted = Wanted(
        lora_id=lora_id,
        url="https://example.test/secret-key",
        bases=("starter",),
        most_bytes=100,
        application_id=1,
        channel_id=2,
        message_id=None,
        token="secret-token",
        token_at=0,
        locale="en-US",
    )
    assert "secret" not in repr(wanted)
    with database.begin() as session:
        fetches.want(session, wanted)
    return lora_id


def claim(database: Database, worker: str = "w", lease_ms: int = 60_000) -> Held | None:
    with database.begin() as session:
        return fetches.claim(session, worker, lease_ms=lease_ms)


def held(database: Database, lease_ms: int = 60_000) -> Held:
    one = claim(database, lease_ms=lease_ms)
    assert one is not None
    return one


def to_tell(database: Database) -> list[str]:
    with database.begin() as session:
        return [lora.name for _, lora in fetches.to_tell(session)]


def test_one_worker_holds_it_until_it_is_done_and_told(database: Database) -> None:
    lora_id = want(database)
    one = held(database)
    assert (one.lora_id, one.bases, "secret" in repr(one)) == (lora_id, ("starter",), False)
    assert claim(database, "v") is None
    with database.begin() as session:
        assert fetches.beat(session, one, 40, 80)
        ((fetch, lora),) = fetches.under_way(session)
        assert (fetch.got_bytes, fetch.all_bytes, lora.status) == (40, 80, "checking")
        fetches.keep(session, one, kept())
        assert not fetches.under_way(session)
    assert (find(database, "ink").status, to_tell(database)) == ("ready", ["ink"])
    with database.begin() as session:
        fetches.told(session, lora_id)
        assert session.scalars(select(LoraFetch)).all() == []


def test_several_at_once_hold_no_more_than_their_owners_plan(database: Database) -> None:
    wants = [want(database, name) for name in ("ink", "oil", "chalk")]
    with database.begin() as session:
        session.execute(update(LoraFetch).values(most_bytes=5 * library.MB))
    for lora_id, digest, nbytes in zip(wants, "abc", (3, 3, 2), strict=True):
        one, file = held(database), kept(sha256=digest * 64, nbytes=nbytes * library.MB)
        assert one.lora_id == lora_id
        with database.begin() as session:
            library.lock_file(session, file.sha256, file.nbytes)
            fetches.keep(session, one, file)
    assert [find(database, name).status for name in ("ink", "oil", "chalk")] == [
        "ready",
        "refused",
        "ready",
    ]
    assert find(database, "oil").error == {"code": "loras_too_large", "params": {"limit": 5}}


def test_a_lost_lease_is_anothers_and_the_first_writes_no_more(database: Database) -> None:
    want(database)
    first = held(database, lease_ms=-1)
    second = held(database)
    for write in (
        lambda session: fetches.beat(session, first, 1, 2),
        lambda session: fetches.keep(session, first, kept()),
        lambda session: fetches.fail(session, first, LoraEmpty()),
        lambda session: fetches.release(session, first),
    ):
        with pytest.raises(LeaseLost), database.begin() as session:
            write(session)
    assert find(database, "ink").status == "checking"
    with database.begin() as session:
        fetches.fail(session, second, LoraEmpty())
    assert find(database, "ink").error == {"code": "lora_empty", "params": {}}


def test_what_kills_its_workers_is_given_up(database: Database) -> None:
    want(database)
    for _ in range(fetches.MOST_ATTEMPTS):
        held(database, lease_ms=-1)
    assert claim(database) is None
    assert (find(database, "ink").error or {})["code"] == "lora_fetch_given_up"
    assert to_tell(database) == ["ink"]


def test_a_worker_that_leaves_spends_no_attempt(database: Database) -> None:
    want(database)
    for _ in range(5):
        one = held(database)
        with database.begin() as session:
            fetches.release(session, one)
    assert held(database).fence == 6
    with database.begin() as session:
        fetches.reclaim(session, "w")
    assert held(database).fence == 7


@pytest.mark.parametrize(
    ("old_min", "costs", "waits_min"),
    [(0, True, 1), (5, True, 5), (600, True, 30), (600, False, 1)],
)
def test_one_put_off_waits_the_longer_the_older_it_is_where_each_try_costs(
    database: Database, old_min: int, costs: bool, waits_min: int
) -> None:
    want(database)
    first = held(database)
    with database.begin() as session:
        session.execute(update(LoraFetch).values(created_at=now_ms() - old_min * 60_000))
        fetches.put_off(session, first, costs=costs)
        now, fetch = clock.now(session), session.scalars(select(LoraFetch)).one()
        assert fetch.lease_until == pytest.approx(now + waits_min * 60_000, abs=5_000)
        assert fetch.attempts == 0
    assert claim(database) is None
    with database.begin() as session:
        fetches.reclaim(session, "w")  # its worker was started anew
    assert claim(database)


def test_a_removed_lora_stops_its_fetch(database: Database) -> None:
    want(database)
    one = held(database)
    with database.begin() as session:
        library.remove(session, library.own(session, ALEX, "ink"))
        assert not fetches.beat(session, one, 1, None)
        fetches.keep(session, one, kept())
        assert session.get_one(Lora, one.lora_id).status == "checking"


@pytest.mark.parametrize("is_purged", [False, True])
def test_the_file_of_one_that_was_removed_meanwhile_leaves_with_it(
    database: Database, is_purged: bool
) -> None:
    lora_id = want(database)
    one, file = held(database), kept()
    assert remove(database, "ink") == lora_id
    if is_purged:
        assert give_up(database, lora_id) == (None, None)
    with database.begin() as session:
        library.lock_file(session, file.sha256, file.nbytes)
        fetches.keep(session, one, file)
    assert give_up(database, lora_id) == (file.sha256, None)
    with database.begin() as session:
        assert session.scalars(select(LoraFile)).all() == []


def test_telling_is_tried_again_but_not_for_ever(database: Database) -> None:
    want(database)
    with database.begin() as session:
        one = fetches.claim(session, "w")
        assert one
        fetches.fail(session, one, LoraEmpty())
    for _ in range(fetches.MOST_TELLINGS):
        assert to_tell(database) == ["ink"]
        with database.begin() as session:
            ((fetch, _),) = fetches.to_tell(session)
            fetches.postpone(session, fetch)
            session.execute(update(LoraFetch).values(next_telling_at=0))
    assert to_tell(database) == []


def remove(database: Database, name: str, owner_id: int = ALEX) -> str:
    with database.begin() as session:
        lora = library.own(session, owner_id, name)
        library.remove(session, lora)
        return lora.id


def give_up(database: Database, lora_id: str) -> tuple[str | None, str | None] | None:
    with database.begin() as session:
        assert lora_id in unneeded.removed(session, recent_ms=-1000)
        gone = unneeded.give_up(session, lora_id)
        return gone and (gone.sha256, gone.preview)


def test_a_file_leaves_with_the_last_that_has_it(database: Database) -> None:
    add_ready(database, "ink")
    add_ready(database, "ink", MEI)
    assert give_up(database, remove(database, "ink")) == (None, None)
    assert give_up(database, remove(database, "ink", MEI)) == ("a" * 64, None)
    with database.begin() as session:
        assert session.scalars(select(LoraFile)).all() == []
        assert not unneeded.removed(session, recent_ms=-1000)


def test_a_file_stays_while_an_open_order_asks_for_it(database: Database) -> None:
    add_ready(database, "ink")
    with database.begin() as session:
        order_id = placing.place(session)

        order = session.get_one(Generation, order_id)
        order.request = {**order.request, "loras": [{"sha256": "a" * 64, "weight": 1.0}]}
    gone = remove(database, "ink")
    assert give_up(database, gone) is None
    with database.begin() as session:
        session.get_one(Generation, order_id).status = "done"
    assert give_up(database, gone) == ("a" * 64, None)


def test_what_was_refused_long_ago_leaves_the_list(database: Database) -> None:
    lora_id = add(database, "ink")
    with database.begin() as session:
        library.refuse(session, lora_id, LoraEmpty())
        unneeded.forget_refused(session)
        assert len(library.owned(session, ALEX)) == 1
        session.execute(update(Lora).values(created_at=now_ms() - 8 * 24 * 3600_000))
        unneeded.forget_refused(session)
        assert len(library.owned(session, ALEX)) == 0
