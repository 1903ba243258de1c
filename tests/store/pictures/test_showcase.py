"""Hearts are given once by others; an order hangs once, and never again once taken down."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import Database
from store.errors import Gone, HeartForOwn
from store.moderation import sanctions
from store.moderation.errors import MemberBanned
from store.orders import generations
from store.pictures import showcase
from store.tables.orders import Generation
from store.tables.showcase import Exhibit
from tests.store.placing import place


def drawn(database: Database) -> str:
    with database.begin() as session:
        made = place(session, token="t")
        session.execute(update(Generation).where(Generation.id == made).values(status="done"))
        return made


def reserve(session: Session, made: str, channel_id: int = 70) -> bool:
    return showcase.reserve(session, generations.get(session, made), channel_id)


def test_a_heart_counts_once_and_is_taken_back_by_the_next_press(database: Database) -> None:
    made = drawn(database)
    with database.begin() as session:
        counts = [showcase.toggle(session, made, 5, user).count for user in (2, 3, 2, 2, 4)]
    assert counts == [1, 2, 1, 2, 3]


def test_hearts_are_for_what_others_made_here(database: Database) -> None:
    made = drawn(database)
    with pytest.raises(HeartForOwn), database.begin() as session:
        showcase.toggle(session, made, 5, 1)
    with pytest.raises(Gone), database.begin() as session:
        showcase.toggle(session, made, 6, 2)
    with database.begin() as session:
        generations.delete(session, made, 1, moderator=False)
    with pytest.raises(Gone), database.begin() as session:
        showcase.toggle(session, made, 5, 2)


def test_one_hangs_it_and_another_only_where_that_one_died(database: Database) -> None:
    made = drawn(database)
    with database.begin() as session:
        assert reserve(session, made)
        assert not reserve(session, made)
        late = now_ms() - 2 * showcase.HANGING_MS
        session.execute(update(Exhibit).values(tried_at=late))
    with database.begin() as session:
        assert reserve(session, made, 71)
        assert showcase.hung(session, made, 900)
        assert not showcase.hung(session, made, 901)
        assert not reserve(session, made)
        assert showcase.take_down(session, made) == (71, 900)
        session.execute(update(Exhibit).values(tried_at=late))
    with database.begin() as session:
        assert not reserve(session, made)
        assert showcase.take_down(session, made) is None
        assert showcase.exhibit(session, made) is None


def test_what_was_given_up_may_be_tried_at_once(database: Database) -> None:
    made = drawn(database)
    with database.begin() as session:
        assert reserve(session, made)
        showcase.let_go(session, made)
        assert reserve(session, made)


def test_what_is_deleted_while_it_is_hung_does_not_stay(database: Database) -> None:
    made = drawn(database)
    with database.begin() as session:
        assert reserve(session, made)
        generations.delete(session, made, 1, moderator=False)
    with database.begin() as session:
        assert not showcase.hung(session, made, 900)


def test_members_who_want_nothing_shown_are_asked_for_nothing(database: Database) -> None:
    made = drawn(database)
    with database.begin() as session:
        showcase.set_shy(session, 5, 1, True)
        showcase.set_shy(session, 5, 1, True)
        assert showcase.is_shy(session, 5, 1)
        assert not showcase.is_shy(session, 6, 1)
        assert not reserve(session, made)
        showcase.set_shy(session, 5, 1, False)
        assert reserve(session, made)


def test_a_suspended_member_gives_no_heart_but_may_take_one_back(database: Database) -> None:
    made, other = drawn(database), drawn(database)
    with database.begin() as session:
        assert showcase.toggle(session, made, 5, 2).is_given
        sanctions.put(session, 5, 2, None, by_id=9)
    with pytest.raises(MemberBanned), database.begin() as session:
        showcase.toggle(session, other, 5, 2)
    with database.begin() as session:
        assert showcase.toggle(session, made, 5, 2).count == 0
