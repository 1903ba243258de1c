"""What the host switches holds for everybody at once, and stands in the audit log."""

import pytest
from sqlalchemy import update

from store import sweep
from store.database import Database
from store.errors import LeaseLost
from store.host import bots, broadcasts, controls
from store.host.controls import Controls, Flow
from store.host.errors import Banned, HostDrains, VariantOff
from store.line import claims
from store.moderation import audit
from store.tables.host import Ban, Bot, Control
from tests.store.placing import place

HOST = 9


def test_nothing_is_switched_at_first(database: Database) -> None:
    with database.begin() as session:
        assert controls.read(session) == Controls()
        assert controls.check(session, 1, "starter") == Controls()


def test_drained_no_order_is_taken_and_paused_orders_wait(database: Database) -> None:
    with database.begin() as session:
        controls.set_flow(session, Flow.DRAINING, by=HOST)
        with pytest.raises(HostDrains):
            controls.check(session, 1, "starter")
        assert not controls.is_paused(session)
        controls.set_flow(session, Flow.PAUSED, by=HOST)
        assert controls.check(session, 1, "starter").flow is Flow.PAUSED
        assert controls.is_paused(session)
        controls.set_flow(session, Flow.RUNNING, by=HOST)
        assert controls.read(session) == Controls()


def test_a_variant_is_off_until_it_is_on(database: Database) -> None:
    with database.begin() as session:
        controls.set_variant(session, "starter", on=False, by=HOST)
        controls.set_variant(session, "other", on=False, by=HOST)
        with pytest.raises(VariantOff):
            controls.check(session, 1, "starter")
        controls.set_variant(session, "starter", on=True, by=HOST)
        controls.check(session, 1, "starter")
        assert controls.read(session).off == {"other"}


def test_a_ban_holds_everywhere_until_it_is_lifted(database: Database) -> None:
    with database.begin() as session:
        controls.ban(session, 7, "spam", by=HOST)
        controls.ban(session, 7, "more spam", by=HOST)
        controls.ban(session, 7, "", by=HOST)
        banned = session.get(Ban, 7)
        assert banned
        session.refresh(banned)
        assert banned.reason == "more spam"
        with pytest.raises(Banned):
            controls.check(session, 7, "starter")
        controls.check(session, 8, "starter")
        controls.unban(session, 7, by=HOST)
        controls.check(session, 7, "starter")


def test_each_deed_is_in_the_log(database: Database) -> None:
    with database.begin() as session:
        controls.set_flow(session, Flow.PAUSED, by=HOST)
        controls.ban(session, 7, "spam", by=HOST)
        broadcasts.begin(session, "Maintenance at noon.", by=HOST)
        entries = audit.page(session, audit.HOST)
    assert [entry.action for entry in entries] == ["host.broadcast", "host.ban", "host.paused"]
    assert {entry.actor_id for entry in entries} == {HOST}
    assert "noon" not in str([entry.details for entry in entries])


def test_a_state_of_another_version_stops_nothing(database: Database) -> None:
    with database.begin() as session:
        session.add(Control(name="flow", value={"is": "sideways"}))
        session.flush()
        assert controls.read(session).flow is Flow.RUNNING


def test_a_broadcast_goes_on_where_it_was_left(database: Database) -> None:
    with database.begin() as session:
        first = broadcasts.begin(session, "one", by=HOST)
        broadcasts.begin(session, "two", by=HOST)
        broadcasts.posted(session, first, 100, 5)
        broadcasts.posted(session, first, 100, 6)
        broadcasts.posted(session, first, 200, broadcasts.UNTOLD)
    with database.begin() as session:
        going = broadcasts.unfinished(session)
        assert going
        assert going.said == "one"
        assert broadcasts.told(session, first) == {100, 200}
        assert broadcasts.finish(session, first) == (1, 1)
        following = broadcasts.unfinished(session)
        assert following
        assert following.said == "two"


def test_one_bot_answers_and_the_next_one_when_it_leaves_or_goes_silent(
    database: Database,
) -> None:
    with database.begin() as session:
        assert bots.take(session, 42, "first") is None
        assert bots.take(session, 42, "second") == "first"
        assert bots.take(session, 43, "second") is None
        assert bots.take(session, 42, "first") is None
        bots.leave(session, 42, "second")
        assert bots.take(session, 42, "second") == "first"
        bots.leave(session, 42, "first")
        assert bots.take(session, 42, "second") is None
        session.execute(update(Bot).values(seen_at=Bot.seen_at - bots.SILENT_MS - 1))
        assert bots.take(session, 42, "third") is None
        assert bots.take(session, 42, "second") == "third"


def test_a_requeued_picture_is_the_next_workers_and_its_holder_changes_nothing(
    database: Database,
) -> None:
    with database.begin() as session:
        made = place(session)
        held = claims.claim(session, "gpu-0", ["starter"])
        assert held
        assert sweep.requeue(session, made) == frozenset()
        with pytest.raises(LeaseLost):
            claims.beat(session, held)
        again = claims.claim(session, "gpu-1", ["starter"])
        assert again
        assert again.generation_id == made
