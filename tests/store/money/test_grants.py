"""Gifts and check-ins are kept, given once, and written down with who gave."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from store.choices import servers
from store.choices.servers import Defaults
from store.database import Database
from store.host import controls
from store.host.errors import Banned
from store.moderation import sanctions
from store.moderation.errors import MemberSuspended
from store.money import grants, ledger
from store.money.errors import CheckedIn, CheckinOff
from store.money.ledger import Flow
from store.money.plans import Plan, Plans, Rank
from store.tables.money import LedgerEntry
from tests.store.placing import NOON

ME, NOBODY = Flow(5, 1), Rank()
DEFAULTS = Defaults(Plans((Plan(daily_credits=10),)))


def switched_on(database: Database, credits: int = 3, zone: str = "UTC") -> None:
    with database.begin() as session:
        servers.set_checkin(session, DEFAULTS, 5, NOON, credits)
        servers.set_zone(session, DEFAULTS, 5, NOON, zone)


def check_in(database: Database, hours: float = 0, flow: Flow = ME) -> tuple[int, int]:
    with database.begin() as session:
        now = NOON + timedelta(hours=hours)
        given, balance = grants.check_in(session, DEFAULTS, flow, NOBODY, now)
        return given, balance.kept


def test_a_gift_is_kept_and_names_who_gave_it(database: Database) -> None:
    with database.begin() as session:
        grants.give(session, ME, 5, by=99, gift_id=1)
        grants.give(session, ME, 5, by=99, gift_id=1)
        later = ledger.balance(session, ME, DEFAULTS.plans.least, NOON + timedelta(days=40))
        (entry,) = session.scalars(select(LedgerEntry))
    assert (later.today, later.kept) == (10, 5)
    assert (entry.by_id, entry.amount, entry.purse, entry.kind) == (99, 5, "kept", "grant")


def test_a_check_in_gives_once_a_day_of_the_server(database: Database) -> None:
    switched_on(database, zone="Asia/Shanghai")  # it is 20:00 there
    assert check_in(database) == (3, 3)
    with pytest.raises(CheckedIn) as refused:
        check_in(database, 3.9)
    assert refused.value.params["resets_at"] == (NOON + timedelta(hours=4)).timestamp()
    assert check_in(database, 4) == (3, 6)
    assert check_in(database, 4, Flow(5, 2)) == (3, 3)


def test_ten_check_ins_at_once_are_one(database: Database) -> None:
    switched_on(database)

    def attempt(_: int) -> bool:
        try:
            return bool(check_in(database))
        except CheckedIn:
            return False

    with ThreadPoolExecutor(5) as threads:
        assert sum(threads.map(attempt, range(10))) == 1


def test_a_server_that_gives_nothing_says_so(database: Database) -> None:
    with pytest.raises(CheckinOff):
        check_in(database)


def test_a_suspended_member_gathers_nothing(database: Database) -> None:
    switched_on(database)
    with database.begin() as session:
        sanctions.put(session, 5, 1, 24, by_id=9)
    with pytest.raises(MemberSuspended):
        check_in(database)
    with database.begin() as session:
        sanctions.lift(session, 5, 1, by_id=9)
        controls.ban(session, 1, "", by=9)
    with pytest.raises(Banned):
        check_in(database)
    with database.begin() as session:
        controls.unban(session, 1, by=9)
    assert check_in(database)[0] == 3
