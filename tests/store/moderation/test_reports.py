"""Reports are kept once per member, cases close for good, sanctions end in time."""

import pytest
from sqlalchemy import update

from store.choices import servers
from store.database import Database
from store.errors import Gone
from store.moderation import audit, reports, sanctions
from store.moderation.errors import (
    CaseClosed,
    MemberBanned,
    MemberSuspended,
    ReportedAlready,
    ReportsOff,
)
from store.orders import generations
from store.tables.moderation import Case, Report, Sanction
from tests.store.placing import place

SERVER, AUTHOR, READER, MODERATOR = 5, 1, 2, 9


def opened(database: Database) -> str:
    """Place an order in a server that takes reports; return its id."""
    with database.begin() as session:
        servers.lock(session, SERVER).reports_channel_id = 77
        return place(session, user_id=AUTHOR)


def test_the_first_report_is_to_be_posted_and_the_others_are_not(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        assert reports.file(session, order, SERVER, READER, "rude")
        assert not reports.file(session, order, SERVER, MODERATOR, "also")
    with pytest.raises(ReportedAlready), database.begin() as session:
        reports.file(session, order, SERVER, READER, "again")
    with database.begin() as session:
        seen = reports.seen(session, order)
        assert [(one.user_id, one.reason) for one in seen.reports] == [(2, "rude"), (9, "also")]
        assert seen.case.channel_id == 77


def test_what_could_not_be_posted_is_posted_by_the_next_report(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        reports.file(session, order, SERVER, READER, "rude")
        reports.unposted(session, order)
    with database.begin() as session:
        assert reports.file(session, order, SERVER, 3, "rude")
        reports.posted(session, order, 88)
        reports.unposted(session, order)
        assert not reports.file(session, order, SERVER, 4, "rude")


def test_asking_first_keeps_nothing(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        reports.check_new(session, order, SERVER, READER)
    with database.begin() as session:
        assert session.query(Report).count() == session.query(Case).count() == 0
        assert reports.file(session, order, SERVER, READER, "rude")


def test_other_servers_and_servers_without_a_channel_take_none(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        servers.lock(session, 6).reports_channel_id = 78
        with pytest.raises(Gone):
            reports.file(session, order, 6, READER, "rude")
        with pytest.raises(ReportsOff):
            reports.file(session, order, 7, READER, "rude")


def test_a_closed_case_takes_neither_deeds_nor_reports(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        reports.file(session, order, SERVER, READER, "rude")
        reports.close(session, order, MODERATOR)
    for late in (
        lambda session: reports.act(session, order, MODERATOR, "delete"),
        lambda session: reports.file(session, order, SERVER, 3, "rude"),
    ):
        with pytest.raises(CaseClosed), database.begin() as session:
            late(session)
    with database.begin() as session:
        assert [one.action for one in audit.page(session, SERVER)] == ["report.dismiss"]


def test_a_case_outlives_its_order(database: Database) -> None:
    order = opened(database)
    with database.begin() as session:
        reports.file(session, order, SERVER, READER, "rude")
        generations.delete(session, order, AUTHOR, moderator=False)
        reports.act(session, order, MODERATOR, "warn")
        assert reports.seen(session, order).acts[0].target_id == AUTHOR


def test_a_suspension_ends_what_is_open_and_then_itself(database: Database) -> None:
    with database.begin() as session:
        order = place(session, user_id=AUTHOR)
        sanctions.put(session, SERVER, AUTHOR, 24, MODERATOR)
        assert generations.get(session, order).status == "cancelled"
        with pytest.raises(MemberSuspended):
            sanctions.check(session, SERVER, AUTHOR)
        sanctions.check(session, 6, AUTHOR)
        sanctions.check(session, SERVER, READER)
        session.execute(update(Sanction).values(until_at=1))
        sanctions.check(session, SERVER, AUTHOR)
        assert sanctions.of(session, SERVER) == []


def test_a_ban_takes_the_place_of_a_suspension(database: Database) -> None:
    with database.begin() as session:
        servers.lock(session, SERVER).appeals = "Write to us"
        sanctions.put(session, SERVER, AUTHOR, 1, MODERATOR)
        sanctions.put(session, SERVER, AUTHOR, None, MODERATOR)
        with pytest.raises(MemberBanned) as banned:
            sanctions.check(session, SERVER, AUTHOR)
        assert banned.value.params == {"appeals": "Write to us"}
        sanctions.lift(session, SERVER, AUTHOR, MODERATOR)
        sanctions.check(session, SERVER, AUTHOR)
