"""What holds in a channel: whether and with what the bot is used there, how loudly, how often.

What a channel leaves open its category says, and what that leaves open the whole server.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.choices.errors import ChannelClosed, ChannelForbidsVariant, OrderedTooSoon
from store.clock import now_ms
from store.database import upsert
from store.money import ledger
from store.orders.order import Order
from store.tables.orders import Generation
from store.tables.servers import Channel

SERVER = 0
"""Stands for the whole server where a channel's id is asked for."""
LONGEST_SLOW_S = 6 * 3600
"""As long as Discord's own slow mode goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happens: a channel, of a thread the one above it. 0 is outside servers.

    `is_age_restricted` is None where nobody can tell.
    """

    guild_id: int = 0
    channel_id: int = 0
    category_id: int | None = None
    is_age_restricted: bool | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Return whose settings count, the nearest first."""
        near = (self.channel_id, self.category_id)
        return (*(one for one in near if one), SERVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What holds in one place.

    `variants` says by name which may draw, any other may. `variant` and `size` are for orders that
    name none. `slow_s` are counted in the whole server if it is `slow_everywhere`.
    """

    is_open: bool = True
    variants: Mapping[str, bool] = field(default_factory=dict)
    variant: str | None = None
    size: str | None = None
    quiet: bool = False
    spoiler: bool = False
    slow_s: int = 0
    slow_everywhere: bool = False

    def allows(self, variant: str) -> bool:
        """Tell whether a variant may draw here."""
        return self.variants.get(variant, True)

    def check(self, variant: str) -> None:
        """Raise ChannelClosed or ChannelForbidsVariant where the bot may not draw with it."""
        if not self.is_open:
            raise ChannelClosed
        if not self.allows(variant):
            raise ChannelForbidsVariant(variant=variant)


def read(session: Session, place: Place) -> Manner:
    """Return what holds in a place."""
    return manner(chosen(session, place.guild_id), place)


def manner(rows: Iterable[Channel], place: Place) -> Manner:
    """Return what holds in a place, of all that a server has chosen. Pure."""
    by_id = {row.channel_id: row for row in rows}
    near = [by_id[one] for one in place.ids if one in by_id]

    def first(name: str, otherwise: Any) -> Any:
        said = (getattr(row, name) for row in near)
        return next((one for one in said if one is not None), otherwise)

    variants: dict[str, bool] = {}
    for row in reversed(near):
        variants |= row.variants or {}
    slow_by = next((row.channel_id for row in near if row.slow_s is not None), SERVER)
    return Manner(
        # Beside a direct message there is no channel that could be open.
        is_open=first("is_open", True) or not place.channel_id,
        variants=variants,
        variant=first("variant", None),
        size=first("size", None),
        quiet=first("quiet", False),
        spoiler=first("spoiler", False),
        slow_s=first("slow_s", 0),
        slow_everywhere=slow_by == SERVER,
    )


def check_pace(session: Session, order: Order, here: Manner) -> None:
    """Raise OrderedTooSoon where the member's last order is younger than slow mode allows."""
    if not here.slow_s:
        return
    ledger.lock(session, order.flow)  # a parallel order waits here
    before = select(Generation.created_at).where(
        Generation.guild_id == order.guild_id,
        Generation.user_id == order.user_id,
        Generation.created_at > now_ms() - 1000 * here.slow_s,
        # One press may place several orders, and one order twice.
        Generation.token != order.token,
    )
    if not here.slow_everywhere:
        before = before.where(Generation.place_id == order.place_id)
    last = session.scalar(before.order_by(Generation.created_at.desc()).limit(1))
    if last is not None:
        raise OrderedTooSoon(seconds=here.slow_s, again_at=last // 1000 + here.slow_s + 1)


def chosen(session: Session, guild_id: int) -> Sequence[Channel]:
    """Return all that a server has chosen for its channels, the whole server first."""
    rows = select(Channel).where(Channel.guild_id == guild_id).order_by(Channel.channel_id)
    return session.scalars(rows).all()


def choose(session: Session, guild_id: int, channel_id: int, **values: Any) -> None:
    """Choose columns of `Channel` for a channel, a category or SERVER; None leaves open."""
    row = _locked(session, guild_id, channel_id)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()


def choose_variant(
    session: Session, guild_id: int, channel_id: int, variant: str, allowed: bool | None
) -> None:
    """Choose whether a variant may draw there; None leaves it open."""
    row = _locked(session, guild_id, channel_id)
    others = {name: may for name, may in (row.variants or {}).items() if name != variant}
    row.variants = others | ({} if allowed is None else {variant: allowed}) or None
    session.flush()


def reset(session: Session, guild_id: int, channel_id: int) -> None:
    """Leave everything there open again."""
    here = (Channel.guild_id == guild_id, Channel.channel_id == channel_id)
    session.execute(delete(Channel).where(*here))


def _locked(session: Session, guild_id: int, channel_id: int) -> Channel:
    made = upsert(session, Channel).values(guild_id=guild_id, channel_id=channel_id)
    session.execute(made.on_conflict_do_nothing())
    row = select(Channel).where(Channel.guild_id == guild_id, Channel.channel_id == channel_id)
    row = row.with_for_update().execution_options(populate_existing=True)
    return session.scalars(row).one()
