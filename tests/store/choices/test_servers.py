"""A server's day is its own, each date gives once, and what is chosen is what holds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from store.choices import servers
from store.choices.errors import ZoneUnknown
from store.choices.servers import Defaults, Server
from store.database import Database
from store.money import ledger
from store.money.errors import BudgetForbidden, BudgetTooHigh, CreditsSpent, NumberInvalid
from store.money.ledger import Flow
from store.money.plans import MICROS, Plan, Plans, Rank, Standing
from store.tables.money import LedgerEntry
from tests.store.placing import NOON

DEFAULTS = Defaults(Plans.load())
EVERYONE = Rank(standings=frozenset({Standing.EVERYONE}))
PLAN = Plan(daily_credits=10)
ZONES = st.sampled_from(servers.zones())
MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))


def read(database: Database, now: datetime = NOON, guild_id: int = 5) -> Server:
    with database.begin() as session:
        return servers.read(session, DEFAULTS, guild_id, now)


def choose(database: Database, zone: str, now: datetime = NOON, guild_id: int = 5) -> Server:
    with database.begin() as session:
        return servers.set_zone(session, DEFAULTS, guild_id, now, zone)


def test_a_server_that_chose_nothing_has_the_defaults(database: Database) -> None:
    server = read(database)
    assert (server.zone.key, server.now) == ("UTC", NOON)
    assert server.plan(EVERYONE).name == "free"
    assert server.plan(EVERYONE).slow_lane == DEFAULTS.plans.slow_lane
    assert server.plan(EVERYONE).server_micros == MICROS


def test_the_hosts_zone_is_the_default(database: Database) -> None:
    defaults = Defaults(DEFAULTS.plans, ZoneInfo("Asia/Taipei"))
    with database.begin() as session:
        assert servers.read(session, defaults, 5, NOON).now.hour == 20


@given(zone=ZONES, now=MOMENTS)
def test_the_next_midnight_is_ahead_and_a_new_date_begins_with_it(zone: str, now: datetime) -> None:
    local = now.astimezone(ZoneInfo(zone))
    at = ledger.resets_at(local)
    assert timedelta() < datetime.fromtimestamp(at, UTC) - now <= timedelta(hours=25)
    before, after = (datetime.fromtimestamp(at + s, UTC).astimezone(local.tzinfo) for s in (-1, 0))
    assert before.date() == local.date() < after.date()


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("America/New_York", (2026, 3, 8), 23),
        ("America/New_York", (2026, 11, 1), 25),
        ("America/Havana", (2026, 3, 8), 23),  # its clocks change at midnight itself
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        ("Asia/Shanghai", (2026, 3, 29), 24),
    ],
)
def test_days_of_23_and_25_hours_give_one_allowance(
    database: Database, zone: str, day: tuple[int, int, int], hours: float
) -> None:
    flow, place = Flow(5, 1), ZoneInfo(zone)
    begins = datetime.fromtimestamp(
        ledger.resets_at(datetime(*day, 12, tzinfo=place) - timedelta(days=1)), UTC
    )
    ends = datetime.fromtimestamp(ledger.resets_at(datetime(*day, 12, tzinfo=place)), UTC)
    assert ends - begins == timedelta(hours=hours)
    with database.begin() as session:
        for minute in range(0, int(hours * 60), 30):
            now = (begins + timedelta(minutes=minute)).astimezone(place)
            if minute == 0:
                ledger.hold(session, flow, PLAN, "all", 10, now)
            assert ledger.balance(session, flow, PLAN, now).left == 0
        tomorrow = ends.astimezone(place)
        assert ledger.balance(session, flow, PLAN, tomorrow).left == 10


def test_a_zone_of_the_same_date_holds_at_once(database: Database) -> None:
    server = choose(database, "Asia/Shanghai")  # 20:00 there
    assert server.now.hour == 20
    assert (server.next_zone, server.zone_changes_at) == (None, None)
    assert read(database) == server


def test_a_zone_that_is_a_day_ahead_waits_for_our_midnight(database: Database) -> None:
    late = NOON.replace(hour=20)  # four in the morning in Shanghai
    server = choose(database, "Asia/Shanghai", late)
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    assert (server.zone.key, server.now) == ("UTC", late)
    assert server.zone_changes_at == midnight.timestamp()
    assert read(database, midnight - timedelta(seconds=1)).zone.key == "UTC"
    assert read(database, midnight).zone.key == "Asia/Shanghai"


def test_a_zone_that_is_a_day_behind_waits_for_its_own_midnight(database: Database) -> None:
    early = NOON.replace(hour=2)  # the evening before in New York
    choose(database, "America/New_York", early)
    assert read(database, NOON.replace(hour=4, minute=59)).zone.key == "UTC"
    assert read(database, NOON.replace(hour=5)).zone.key == "America/New_York"


def test_a_zone_that_waits_is_taken_back_by_choosing_again(database: Database) -> None:
    late = NOON.replace(hour=20)
    choose(database, "Asia/Shanghai", late)
    choose(database, "UTC", late)
    assert read(database, late + timedelta(days=3)).zone.key == "UTC"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(st.tuples(st.integers(0, 20), st.none() | ZONES), max_size=25),
    guild_id=st.integers(100, 2**62),
)
def test_however_zones_are_switched_no_date_gives_twice_and_none_comes_back(
    database: Database, steps: Sequence[tuple[int, str | None]], guild_id: int
) -> None:
    flow, now, dates = Flow(guild_id, 1), NOON, []
    with database.begin() as session:
        for number, (hours, zone) in enumerate(steps):
            now += timedelta(hours=hours)
            if zone:
                servers.set_zone(session, DEFAULTS, guild_id, now, zone)
            local = servers.read(session, DEFAULTS, guild_id, now).now
            try:
                ledger.hold(session, flow, PLAN, str(number), 10, local)
            except CreditsSpent:
                continue
            dates.append(local.date())
            if zone:  # what is switched right after an allowance is spent brings none
                servers.set_zone(session, DEFAULTS, guild_id, now, "Pacific/Kiritimati")
                later = servers.read(session, DEFAULTS, guild_id, now).now
                assert ledger.balance(session, flow, PLAN, later).left == 0
        granted = select(LedgerEntry.purse).where(
            LedgerEntry.guild_id == guild_id, LedgerEntry.kind == "grant"
        )
        assert sorted(session.scalars(granted)) == sorted({date.isoformat() for date in dates})
        # A date is a day's calendar: with 26 hours between zones, there is one more at the most.
        assert len(dates) <= (now - NOON) // timedelta(days=1) + 3
        session.rollback()


@pytest.mark.parametrize("name", ["", "Berlin", "Etc/GMT+5", "../../etc/passwd", "posixrules"])
def test_what_is_no_zone_is_refused(database: Database, name: str) -> None:
    with pytest.raises(ZoneUnknown):
        choose(database, name)


def test_roles_give_plans_and_the_best_counts(database: Database) -> None:
    with database.begin() as session:
        servers.set_role(session, DEFAULTS, 5, NOON, 70, "supporter")
        servers.set_role(session, DEFAULTS, 5, NOON, 71, "owner")
        server = servers.set_role(session, DEFAULTS, 5, NOON, 72, "of the past")
    has = EVERYONE.standings
    assert server.plan(Rank(frozenset({70}), has)).name == "supporter"
    assert server.plan(Rank(frozenset({70, 71, 72}), has)).name == "owner"
    assert server.plan(Rank(frozenset({72}), has)).name == "free"
    assert read(database, guild_id=6).plan(Rank(frozenset({70}), has)).name == "free"
    with database.begin() as session:
        server = servers.set_role(session, DEFAULTS, 5, NOON, 71, None)
    assert server.plan(Rank(frozenset({71}), has)).name == "free"


def test_numbers_are_changed_for_one_plan_of_one_server(database: Database) -> None:
    with database.begin() as session:
        servers.set_number(session, DEFAULTS, 5, NOON, "free", "daily_credits", 7)
        server = servers.set_number(session, DEFAULTS, 5, NOON, "free", "concurrent", 1)
    assert (server.named("free").daily_credits, server.named("free").concurrent) == (7, 1)
    assert server.named("owner") == read(database, guild_id=6).named("owner")
    assert read(database, guild_id=6).named("free").daily_credits == 100
    with pytest.raises(NumberInvalid), database.begin() as session:
        servers.set_number(session, DEFAULTS, 5, NOON, "free", "concurrent", 0)


def test_a_server_cannot_raise_its_budget_above_the_hosts_limit(database: Database) -> None:
    with pytest.raises(BudgetTooHigh) as refused, database.begin() as session:
        servers.set_budget(session, DEFAULTS, 5, NOON, 10 * MICROS + 1)
    assert refused.value.params == {"limit": "10.00"}
    with database.begin() as session:
        assert servers.set_budget(session, DEFAULTS, 5, NOON, 0).daily_micros == 0
    with pytest.raises(BudgetForbidden), database.begin() as session:
        servers.set_budget(session, Defaults(Plans(DEFAULTS.plans.plans)), 5, NOON, 1)


def test_the_slow_lane_and_the_check_in_are_switched(database: Database) -> None:
    with database.begin() as session:
        assert (
            servers.set_slow_lane(session, DEFAULTS, 5, NOON, False).named("free").slow_lane is None
        )
        assert servers.set_checkin(session, DEFAULTS, 5, NOON, 3).checkin_credits == 3
    assert not read(database).slow_lane
