"""What a server has chosen: its time zone, which role has which plan, its slow lane and budgets.

A new time zone starts at the first moment at which the old and the new calendar show the same
date: each date gives its allowance once, whatever is switched and how often.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.choices.errors import ZoneUnknown
from store.database import upsert
from store.money.errors import BudgetForbidden, BudgetTooHigh, NumberInvalid
from store.money.plans import Plan, Plans, Rank, dollars
from store.tables import servers as tables

UTC = ZoneInfo("UTC")
SHOWCASE_VOTES = 3
"""Hearts that bring a picture into the showcase, where a server has not chosen another number."""
NUMBERS: Mapping[str, tuple[int, int]] = {
    "daily_credits": (0, 100_000),
    "concurrent": (1, 50),
    "most_count": (1, 10),
    "most_pixels": (2**12, 2**22),
    "confirm_above": (0, 100_000),
}
"""What a server may change of a plan, and its bounds. Weight and money are the host's alone: they
are shared with other servers."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What servers start with; built from settings."""

    plans: Plans
    zone: ZoneInfo = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server's choices, the defaults filled in; `now` is the time in its zone."""

    now: datetime
    zone: ZoneInfo
    next_zone: ZoneInfo | None
    zone_changes_at: int | None
    plans: Plans
    role_plans: Mapping[int, str]
    slow_lane: bool
    checkin_credits: int
    daily_micros: int
    showcase_channel_id: int | None = None
    showcase_votes: int = SHOWCASE_VOTES
    reports_channel_id: int | None = None
    appeals: str | None = None
    retention_days: int | None = None

    def plan(self, rank: Rank) -> Plan:
        """Return the best plan that a member of this rank is entitled to, as it is here."""
        named = {plan for role, plan in self.role_plans.items() if role in rank.roles}
        return self._here(self.plans.best(named, rank.standings))

    def named(self, name: str) -> Plan:
        """Return the plan of that name, as it is here."""
        return self._here(self.plans.named(name))

    def _here(self, plan: Plan) -> Plan:
        lane = self.plans.slow_lane if self.slow_lane else None
        return replace(
            plan,
            slow_lane=lane,
            server_micros=self.daily_micros,
            host_micros=self.plans.host_micros,
        )


def read(session: Session, defaults: Defaults, guild_id: int, now: datetime) -> Server:
    """Return what the server has chosen."""
    return _server(defaults, session.get(tables.Server, guild_id), now)


def set_zone(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, name: str
) -> Server:
    """Choose the time zone. Raises ZoneUnknown."""
    if name not in zones():
        raise ZoneUnknown(value=name[:60])
    row = lock(session, guild_id)
    zone = _server(defaults, row, now).zone
    at = _starts(zone, ZoneInfo(name), now)
    row.time_zone, row.next_time_zone, row.zone_changes_at = zone.key, name, at
    session.flush()
    return _server(defaults, row, now)


def set_role(
    session: Session,
    defaults: Defaults,
    guild_id: int,
    now: datetime,
    role_id: int,
    plan: str | None,
) -> Server:
    """Give a role a plan, or take it away with None."""
    row = lock(session, guild_id)
    others = {role: of for role, of in (row.role_plans or {}).items() if role != str(role_id)}
    row.role_plans = others | ({str(role_id): plan} if plan else {})
    session.flush()
    return _server(defaults, row, now)


def set_number(
    session: Session,
    defaults: Defaults,
    guild_id: int,
    now: datetime,
    plan: str,
    number: str,
    value: int,
) -> Server:
    """Change one of a plan's `NUMBERS`; credits given today stay given. Raises NumberInvalid."""
    least, most = NUMBERS[number]
    if not least <= value <= most:
        raise NumberInvalid(value=value, least=least, most=most)
    row = lock(session, guild_id)
    numbers = {name: dict(of) for name, of in (row.plan_numbers or {}).items()}
    numbers.setdefault(plan, {})[number] = value
    row.plan_numbers = numbers
    session.flush()
    return _server(defaults, row, now)


def set_slow_lane(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, on: bool
) -> Server:
    """Switch the slow lane."""
    return _set(session, defaults, guild_id, now, slow_lane=on)


def set_checkin(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, credits: int
) -> Server:
    """Choose what a check-in gives; 0 switches it off."""
    return _set(session, defaults, guild_id, now, checkin_credits=credits)


def set_budget(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, micros: int
) -> Server:
    """Choose what vendors may take in a day, up to the host's limit.

    Raises BudgetTooHigh, or BudgetForbidden where that is none.
    """
    if micros > (limit := defaults.plans.server.most_daily_micros):
        if not limit:
            raise BudgetForbidden
        raise BudgetTooHigh(limit=dollars(limit))
    return _set(session, defaults, guild_id, now, daily_micros=micros)


def set_showcase(
    session: Session,
    defaults: Defaults,
    guild_id: int,
    now: datetime,
    channel_id: int | None,
    votes: int = SHOWCASE_VOTES,
) -> Server:
    """Choose where pictures with so many hearts are shown; None shows none."""
    values = {"showcase_channel_id": channel_id, "showcase_votes": votes}
    return _set(session, defaults, guild_id, now, **values)


def set_reports(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, channel_id: int | None
) -> Server:
    """Choose where reports are shown to moderators; None takes none."""
    return _set(session, defaults, guild_id, now, reports_channel_id=channel_id)


def set_appeals(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, appeals: str | None
) -> Server:
    """Choose what those who are shut out are told to do about it."""
    return _set(session, defaults, guild_id, now, appeals=appeals)


def set_retention(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, days: int
) -> Server:
    """Choose after how many days orders are deleted; 0 keeps them."""
    return _set(session, defaults, guild_id, now, retention_days=days or None)


def lock(session: Session, guild_id: int) -> tables.Server:
    """Return the server's row, made where it is missing, locked until the transaction ends."""
    made = upsert(session, tables.Server).values(guild_id=guild_id)
    session.execute(made.on_conflict_do_nothing())
    row = select(tables.Server).where(tables.Server.guild_id == guild_id).with_for_update()
    return session.execute(row.execution_options(populate_existing=True)).scalar_one()


@cache
def zones() -> tuple[str, ...]:
    """Return the names of all time zones that people choose from, sorted."""
    left_out = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    named = (zone for zone in available_timezones() if not zone.startswith(left_out))
    return tuple(sorted(zone for zone in named if "/" in zone or zone == "UTC"))


def _set(
    session: Session, defaults: Defaults, guild_id: int, now: datetime, **values: Any
) -> Server:
    row = lock(session, guild_id)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return _server(defaults, row, now)


def _server(defaults: Defaults, row: tables.Server | None, now: datetime) -> Server:
    row = row or tables.Server()
    start, at = defaults.plans.server, row.zone_changes_at
    zone = _zone(row.time_zone, defaults.zone)
    following: ZoneInfo | None = None
    if row.next_time_zone and at is not None:
        following = _zone(row.next_time_zone, zone)
        if now.timestamp() >= at:
            zone, following, at = following, None, None
    slow = start.slow_lane if row.slow_lane is None else row.slow_lane
    checkin = start.checkin_credits if row.checkin_credits is None else row.checkin_credits
    budget = start.daily_micros if row.daily_micros is None else row.daily_micros
    return Server(
        now=now.astimezone(zone),
        zone=zone,
        next_zone=following,
        zone_changes_at=at if following else None,
        plans=defaults.plans.changed(_known(row.plan_numbers or {})),
        role_plans={int(role): plan for role, plan in (row.role_plans or {}).items()},
        slow_lane=slow and defaults.plans.slow_lane is not None,
        checkin_credits=checkin,
        # The host may have lowered the limit since.
        daily_micros=min(budget, max(start.most_daily_micros, start.daily_micros)),
        showcase_channel_id=row.showcase_channel_id,
        showcase_votes=row.showcase_votes or SHOWCASE_VOTES,
        reports_channel_id=row.reports_channel_id,
        appeals=row.appeals,
        retention_days=row.retention_days,
    )


def _known(numbers: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    # Another version may have let other numbers be changed.
    return {
        plan: {name: value for name, value in of.items() if name in NUMBERS}
        for plan, of in numbers.items()
    }


def _zone(name: str | None, otherwise: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else otherwise
    except (ZoneInfoNotFoundError, ValueError):  # of another machine's list
        return otherwise


def _starts(old: ZoneInfo, new: ZoneInfo, now: datetime) -> int:
    """Return when `new` may start, in epoch seconds."""
    today, there = now.astimezone(old).date(), now.astimezone(new).date()
    if today == there:
        return int(now.timestamp())
    # The calendar behind catches up at its own midnight.
    behind = old if today < there else new
    return _midnight(max(today, there), behind)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
