"""A claim is one worker's; a worker that lost it changes nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from engine.errors import EngineFailed
from store.database import Database
from store.errors import LeaseLost
from store.line import claims
from store.line.claims import Claim
from store.money import ledger
from store.orders import generations
from store.sweep import reclaim, sweep
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, place


def take(database: Database, worker: str = "w", *, lease_ms: int = 20_000) -> Claim | None:
    with database.begin() as session:
        return claims.claim(session, worker, ["starter"], lease_ms=lease_ms)


def taken(database: Database, worker: str = "w", *, lease_ms: int = 20_000) -> Claim:
    claim = take(database, worker, lease_ms=lease_ms)
    assert claim
    return claim


def left(database: Database) -> int:
    with database.begin() as session:
        return ledger.balance(session, ledger.Flow(5, 1), PLAN, NOON).left


def test_a_second_delivery_of_a_ticket_finds_nothing(database: Database) -> None:
    with database.begin() as session:
        place(session)
    assert take(database)
    assert take(database) is None


def test_pictures_are_claimed_in_the_order_they_were_asked_for(database: Database) -> None:
    placed = []
    for _ in range(2):
        with database.begin() as session:
            session.execute(update(Image).values(created_at=Image.created_at - 1000))
            placed.append(place(session, 2))
    found = [taken(database) for _ in range(4)]
    assert [(claim.generation_id, claim.index) for claim in found] == [
        (placed[0], 0),
        (placed[0], 1),
        (placed[1], 0),
        (placed[1], 1),
    ]
    assert [claim.request.seed for claim in found] == [7, 8, 7, 8]


def test_a_worker_claims_only_variants_it_draws(database: Database) -> None:
    with database.begin() as session:
        place(session)
        assert claims.claim(session, "w", ["other"]) is None


def test_parallel_workers_never_share_a_picture(database: Database) -> None:
    with database.begin() as session:
        for user in range(4):
            place(session, 10, user_id=user)

    def work(number: int) -> list[tuple[str, int]]:
        mine = []
        while claim := take(database, f"w{number}"):
            mine.append((claim.generation_id, claim.index))
        return mine

    with ThreadPoolExecutor(4) as threads:
        found = [image for images in threads.map(work, range(4)) for image in images]
    assert len(found) == len(set(found)) == 40


def test_a_zombie_whose_lease_went_to_another_changes_nothing(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    zombie = taken(database, lease_ms=-1)
    with database.begin() as session:
        sweep(session, watched_ms=0)
    heir = taken(database, "heir")
    assert heir.fence > zombie.fence
    for late in (
        lambda session: ends.keep(session, zombie, kept(zombie.request)),
        lambda session: ends.fail(session, zombie, EngineFailed()),
        lambda session: claims.beat(session, zombie),
        lambda session: ends.release(session, zombie),
        lambda session: ends.cancelled(session, zombie),
    ):
        with pytest.raises(LeaseLost), database.begin() as session:
            late(session)
    with database.begin() as session:
        assert ends.keep(session, heir, kept(heir.request))
        assert generations.get(session, placed).images[0].worker == "heir"
    assert left(database) == 9


def test_a_beat_keeps_the_sweeper_away(database: Database) -> None:
    with database.begin() as session:
        place(session)
    claim = taken(database, lease_ms=-1)
    with database.begin() as session:
        claims.beat(session, claim)
        sweep(session, watched_ms=0)
        assert claims.claim(session, "other", ["starter"]) is None


def test_a_picture_handed_back_is_drawn_by_the_next_and_costs_no_attempt(
    database: Database,
) -> None:
    with database.begin() as session:
        place(session)
    for _ in range(claims.MOST_ATTEMPTS + 2):
        claim = taken(database)
        assert claim.attempt == 1
        with database.begin() as session:
            ends.release(session, claim)


def test_a_picture_handed_back_after_a_cancellation_is_not_drawn(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 2)
    first, second = taken(database), taken(database)
    with database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
        assert not ends.release(session, first)
        assert ends.retry(session, second, EngineFailed())
    assert take(database) is None
    assert left(database) == 10


def test_an_order_in_the_words_of_another_version_does_not_block_the_line(
    database: Database,
) -> None:
    with database.begin() as session:
        strange = place(session)
        session.execute(update(Generation).values(request={"new_field": 1}))
    claim = taken(database)
    assert claim.generation_id == strange
    with pytest.raises((TypeError, KeyError)):
        _ = claim.request


def test_a_restarted_worker_takes_back_its_former_claims_at_once(database: Database) -> None:
    with database.begin() as session:
        place(session, 2)
    taken(database, "mine")
    taken(database, "theirs")
    with database.begin() as session:
        reclaim(session, "mine")
    assert taken(database, "mine").attempt == 2
    assert take(database) is None


def test_a_running_picture_without_a_lease_is_taken_back(database: Database) -> None:
    with database.begin() as session:
        place(session)
    taken(database, "mine")
    with database.begin() as session:
        session.execute(update(Image).values(lease_until=None))
        sweep(session, watched_ms=0)
    assert taken(database, "mine").attempt == 2


def test_an_open_order_without_anything_left_to_draw_is_closed_at_a_start(
    database: Database,
) -> None:
    with database.begin() as session:
        placed, other = place(session, 2), place(session)
        mine = update(Image).where(Image.generation_id == placed)
        session.execute(mine.values(status="failed", error={"code": "stuck"}, finished_at=1))
    with database.begin() as session:
        assert reclaim(session, "mine") == {placed}
    with database.begin() as session:
        assert generations.get(session, placed).status == "failed"
        assert generations.get(session, other).status == "open"
        assert ledger.balance(session, ledger.Flow(5, 1), PLAN, NOON).left == 9


def test_a_picture_that_kills_every_worker_is_given_up_and_refunded(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    finished: frozenset[str] = frozenset()
    for _ in range(claims.MOST_ATTEMPTS):
        assert not finished
        taken(database, lease_ms=-1)
        with database.begin() as session:
            finished = sweep(session, watched_ms=0).finished
    assert finished == {placed}
    with database.begin() as session:
        row = generations.get(session, placed)
    assert (row.status, row.error) == ("failed", {"code": "worker_crashed", "params": {}})
    assert left(database) == 10


def test_a_retried_failure_ends_after_as_many_attempts(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    ended = []
    for _ in range(claims.MOST_ATTEMPTS):
        claim = taken(database)
        with database.begin() as session:
            ended.append(ends.retry(session, claim, EngineFailed()))
    assert ended == [False, False, True]
    with database.begin() as session:
        assert generations.get(session, placed).status == "failed"


def test_a_dead_workers_cancelled_picture_is_not_drawn_again(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
    taken(database, lease_ms=-1)
    with database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
        assert sweep(session, watched_ms=0).finished == {placed}
        assert generations.get(session, placed).status == "cancelled"
    assert left(database) == 10
