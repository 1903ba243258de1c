"""Everything that names a member is known, handed out, and forgotten without upsetting a sum."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.vendor.charge import Charge
from store import privacy
from store.choices import members, presets, servers
from store.choices.presets import Shelf
from store.choices.servers import Defaults
from store.database import Database
from store.errors import StillDrawing
from store.host import overview
from store.line import claims
from store.loras import library, shares, unneeded
from store.loras.library import New, Room
from store.loras.unneeded import Unneeded
from store.moderation import audit, reports, sanctions
from store.moderation.errors import MemberBanned
from store.money import budgets, grants, ledger
from store.money.budgets import Attempt
from store.money.errors import CheckedIn
from store.money.ledger import Flow
from store.money.plans import Plans, Rank
from store.orders import generations, placing
from store.pictures import showcase
from store.tables.base import Base
from store.tables.loras import Lora
from store.tables.money import LedgerEntry, MoneyEntry
from store.tables.orders import Generation
from store.tables.trainings import Training
from store.training import leftover, trainings
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, order, place

SERVER, MEMBER, OTHER = 5, 1, 2
FLOW = Flow(SERVER, MEMBER)


def lived(database: Database) -> str:
    """Leave a trace of a member wherever there can be one; return a drawn order."""
    with database.begin() as session:
        servers.lock(session, SERVER).reports_channel_id = 7
        order = place(session, user_id=MEMBER)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        ends.keep(session, claim, kept(claim.request))
        theirs = place(session, user_id=OTHER)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        ends.keep(session, claim, kept(claim.request))
        showcase.toggle(session, theirs, SERVER, MEMBER)
        reports.file(session, theirs, SERVER, MEMBER, "rude")
        members.set_defaults(session, MEMBER, {"size": "square"})
        presets.save(session, Shelf.own(MEMBER), "mine", {"style": "ink"}, MEMBER)
        presets.save(session, Shelf.server(SERVER), "ours", {"style": "ink"}, MEMBER)
        grants.give(session, FLOW, 30, by=OTHER, gift_id=4)
        grants.give(session, Flow(SERVER, OTHER), 5, by=MEMBER, gift_id=5)
        audit.record(session, SERVER, MEMBER, "settings.zone")
        return order


def named(database: Database, user_id: int) -> dict[str, int]:
    """Return in how many rows of which table a member is named."""
    found = {}
    with database.begin() as session:
        for name, columns in privacy.TRACES.items():
            table = Base.metadata.tables[name]
            for column in columns:
                rows = session.execute(select(table).where(table.c[column] == user_id)).all()
                if rows:
                    found[f"{name}.{column}"] = len(rows)
    return found


def test_every_column_that_names_people_has_a_fate() -> None:
    there = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name in privacy.NAMES
    }
    assert there == {(name, column) for name, of in privacy.TRACES.items() for column in of}


def test_what_is_handed_out_is_ones_own_and_without_tokens(database: Database) -> None:
    order = lived(database)
    with database.begin() as session:
        tables = dict(privacy.collected(session, MEMBER))
    assert [row["id"] for row in tables["generations"]] == [order]
    assert [row["generation_id"] for row in tables["images"]] == [order]
    assert {row["user_id"] for row in tables["ledger"]} == {MEMBER}
    assert [row["name"] for row in tables["presets"]] == ["mine"]
    assert [row["reason"] for row in tables["reports"]] == ["rude"]
    assert "secret-token" not in str(tables)


def test_a_forgotten_member_is_named_nowhere(database: Database) -> None:
    order = lived(database)
    with database.begin() as session:
        privacy.begin(session, MEMBER)
        privacy.finish(session, MEMBER)
    assert set(named(database, MEMBER)) == {"ledger.user_id"}  # today's sums, without orders
    with database.begin() as session:
        row = session.get_one(Generation, order)
        assert row.user_id < 0
        assert row.message_id is None
        assert row.deleted_at is not None
        generations.purged(session, [order])
        assert session.get_one(Generation, order, populate_existing=True).request["prompt"] == ""
        assert len(presets.within_reach(session, SERVER, MEMBER)) == 1
        mine = session.query(LedgerEntry).filter_by(user_id=MEMBER).all()
        assert all(order not in entry.reference for entry in mine)


def test_sums_stay_true_and_today_gives_nothing_twice(database: Database) -> None:
    lived(database)
    with database.begin() as session:
        before = ledger.balance(session, FLOW, PLAN, NOON)
        total = sum(entry.amount for entry in session.query(LedgerEntry))
        privacy.finish(session, MEMBER)
    with database.begin() as session:
        after = ledger.balance(session, FLOW, PLAN, NOON)
        assert (after.today, after.kept) == (before.today, 0)
        nobody = session.query(LedgerEntry).filter(LedgerEntry.user_id < 0)
        assert sum(one.amount for one in nobody if one.purse == "kept") == 30
        sums = sum(entry.amount for entry in session.query(LedgerEntry))
        assert sums == total + after.today
        privacy.finish(session, MEMBER)
        again = ledger.balance(session, FLOW, PLAN, NOON)
        assert again.today == before.today


def test_todays_share_of_money_is_not_given_again(database: Database) -> None:
    plan = replace(PLAN, daily_micros=100, server_micros=900)
    with database.begin() as session:
        placing.create(session, order(user_id=MEMBER, estimate=70), plan, NOON)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        attempt = Attempt(claim.generation_id, claim.index, claim.fence)
        charge = Charge("bfl", Decimal("0.006"), Decimal("0.00006"))
        budgets.charged(session, attempt, charge)
        ends.keep(session, claim, kept(claim.request))
        before = budgets.budget(session, FLOW, plan, NOON)
        assert (before.left, before.own_left) == (840, 40)
    for _ in range(2):
        with database.begin() as session:
            privacy.finish(session, MEMBER)
            assert budgets.budget(session, FLOW, plan, NOON) == before
    with database.begin() as session:
        mine = session.query(MoneyEntry).filter_by(user_id=MEMBER).all()
        assert [one.generation_id for one in mine] == [None]
        assert overview.read(session).vendor_usd == pytest.approx(0.00006)


def test_a_check_in_is_not_given_again(database: Database) -> None:
    defaults = Defaults(Plans((PLAN,)))
    with database.begin() as session:
        servers.lock(session, SERVER).checkin_credits = 3
        rank = Rank(frozenset(), frozenset())
        grants.check_in(session, defaults, FLOW, rank, NOON)
        privacy.finish(session, MEMBER)
        with pytest.raises(CheckedIn):
            grants.check_in(session, defaults, FLOW, rank, NOON)
        assert ledger.balance(session, FLOW, PLAN, NOON).kept == 0


def test_what_is_open_is_ended_and_refunded_first(database: Database) -> None:
    with database.begin() as session:
        waiting = place(session, user_id=MEMBER, count=2)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        privacy.begin(session, MEMBER)
        with pytest.raises(StillDrawing):
            privacy.finish(session, MEMBER)
    with database.begin() as session:
        ends.cancelled(session, claim)
        privacy.finish(session, MEMBER)
        row = session.get_one(Generation, waiting)
        assert row.status == "cancelled"
        held = session.query(LedgerEntry).filter_by(reference=waiting).all()
        assert {entry.user_id for entry in held} == {row.user_id}
        assert sum(entry.amount for entry in held) == 0


def test_what_a_training_showed_is_taken_away_too(database: Database) -> None:
    with database.begin() as session:
        new = New(owner_id=MEMBER, name="My cat", source="trained", triggers="velvetword")
        lora = library.create(session, new, Room(3, 1000)).id
        words: dict[str, Any] = {"all": ["velvetword"]}
        shown = {"application_id": 1, "channel_id": 6, "message_id": 77, "token": "secret-token"}
        about = {"guild_id": SERVER, "user_id": MEMBER, "day": "2026-11-23", "base": "starter"}
        done = {"status": "done", "steps": 9, "price": 2, "due": 2, "finished_at": 1}
        row = Training(lora_id=lora, plan={}, examples=words, prompts=words, token_at=0, **about)
        for name, value in {**shown, **done, "locale": "zh-CN"}.items():
            setattr(row, name, value)
        session.add(row)
        session.flush()
        left = privacy.finish(session, MEMBER)
        assert left.messages == ((6, 77),)
        assert trainings.folder(lora) in left.folders
        row = session.get_one(Training, lora, populate_existing=True)
        assert (row.examples, row.prompts, row.token) == ({}, {}, "")
        # What the caller could not remove is found by the sweeper; nobody is told any more.
        assert (leftover.trained(session), trainings.untold(session)) == ((lora,), [])
    assert named(database, MEMBER) == {}


def test_loras_leave_without_their_words(database: Database) -> None:
    with database.begin() as session:
        new = New(owner_id=MEMBER, name="My cat", source="url", triggers="velvetword")
        lora = library.create(session, new, Room(3, 1000)).id
        library.preview(session, lora, "c" * 64)
        shares.favour(session, MEMBER, lora)
        left = privacy.finish(session, MEMBER)
        assert library.folder(lora) in left.folders
        assert library.owned(session, MEMBER) == []
        row = session.get_one(Lora, lora, populate_existing=True)
        assert (row.name, row.triggers, row.key) == ("", "", lora)
        assert row.deleted_at is not None
        # What the caller could not remove goes as of any other that was removed.
        assert unneeded.give_up(session, lora) == Unneeded(None, "c" * 64)
    assert named(database, MEMBER) == {}


def test_a_ban_outlasts_it(database: Database) -> None:
    with database.begin() as session:
        sanctions.put(session, SERVER, MEMBER, None, OTHER)
        privacy.finish(session, MEMBER)
        with pytest.raises(MemberBanned):
            sanctions.check(session, SERVER, MEMBER)
