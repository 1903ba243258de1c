"""Who may use which LoRA: its owner everywhere, others where it was shared; and finding one.

A server's moderators may end a share in their server, and only there.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Delete, Select, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from store import names
from store.clock import now_ms
from store.database import upsert
from store.errors import NotYours
from store.loras.errors import LoraNotShared, LoraUnknown
from store.loras.library import NAME_LIMIT
from store.tables.loras import Lora, LoraFavourite, LoraShare

EVERYONE = 0
"""As a role: whoever is in the server."""
ID_SHOWN = 4
"""Characters of an id that tell two of one name apart."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A member in a server, with the roles that they have there now; in none, guild 0.

    A moderator of the server sees all that is shared there.
    """

    user_id: int
    guild_id: int
    roles: frozenset[int] = frozenset()
    is_moderator: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A LoRA that a member may use, and what it is to them."""

    lora: Lora
    is_own: bool
    is_favourite: bool


def find(
    session: Session,
    viewer: Viewer,
    typed: str = "",
    *,
    base: str | None = None,
    ready: bool = False,
    offset: int = 0,
    limit: int = 25,
) -> list[Found]:
    """Return what a member may use whose name contains what was typed.

    Favourites come first, then their own, then what begins with it, each by name.
    """
    key = names.key(typed)
    own, favourite = Lora.owner_id == viewer.user_id, LoraFavourite.lora_id.is_not(None)
    chosen = _chosen(viewer, key, base, ready=ready).add_columns(own, favourite)
    ordered = chosen.order_by(
        case((favourite, 0), else_=1),
        case((own, 0), else_=1),
        case((Lora.key.startswith(key, autoescape=True), 0), else_=1),
        Lora.key,
        Lora.id,
    )
    rows = session.execute(ordered.offset(offset).limit(limit)).all()
    return [Found(lora, bool(is_own), bool(is_favourite)) for lora, is_own, is_favourite in rows]


def count(session: Session, viewer: Viewer) -> int:
    """Return how many LoRAs a member may use here."""
    return session.scalar(select(func.count()).select_from(Lora).where(_usable(viewer))) or 0


def named(session: Session, viewer: Viewer, typed: str) -> Lora:
    """Return the LoRA that a member means: their own one, else a favourite, else the oldest.

    `name#id` names one of several. Raises LoraUnknown.
    """
    name, _, beginning = typed.rpartition("#") if "#" in typed else (typed, "", "")
    own, favourite = Lora.owner_id == viewer.user_id, LoraFavourite.lora_id.is_not(None)
    wanted = _favoured(viewer).where(_usable(viewer), Lora.key == names.key(name))
    if beginning:
        wanted = wanted.where(Lora.id.startswith(names.key(beginning), autoescape=True))
    first = wanted.order_by(
        case((own, 0), else_=1), case((favourite, 0), else_=1), Lora.created_at, Lora.id
    )
    found = session.scalar(first.limit(1).execution_options(populate_existing=True))
    if found is None:
        raise LoraUnknown(value=typed[:NAME_LIMIT])
    return found


def doubled(session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
    """Return which of these names several LoRAs have that a member may use."""
    several = (
        select(Lora.key)
        .where(_usable(viewer), Lora.key.in_(list(keys)))
        .group_by(Lora.key)
        .having(func.count() > 1)
    )
    return set(session.scalars(several))


def may_use(session: Session, viewer: Viewer, lora: Lora) -> bool:
    """Tell whether a member may use a LoRA here."""
    usable = select(Lora.id).where(_usable(viewer), Lora.id == lora.id)
    return session.scalar(usable) is not None


def check(session: Session, viewer: Viewer, sha256s: Sequence[str], said: Sequence[str]) -> None:
    """Raise LoraNotShared where a member may not use one of these files; `said` are their names.

    Whoever may use a LoRA of the same content may use this one: it is the same.
    """
    usable = select(Lora.sha256).where(
        _usable(viewer), Lora.sha256.in_(list(sha256s)), Lora.status == "ready"
    )
    there = set(session.scalars(usable))
    for nth, sha256 in enumerate(sha256s):
        if sha256 not in there:
            raise LoraNotShared(value=said[nth] if nth < len(said) else sha256[:8])


def used(session: Session, sha256s: Sequence[str]) -> None:
    """Take note that an order asks for these files."""
    session.execute(
        update(Lora)
        .where(Lora.sha256.in_(list(sha256s)), Lora.deleted_at.is_(None))
        .values(used_at=now_ms())
        .execution_options(synchronize_session=False)
    )


def share(session: Session, lora: Lora, guild_id: int, role_id: int = EVERYONE) -> None:
    """Let everyone in a server use a LoRA, or whoever has a role there; the former covers all."""
    if role_id == EVERYONE:
        session.execute(_shares_in(lora.id, guild_id))
    made = upsert(session, LoraShare).values(lora_id=lora.id, guild_id=guild_id, role_id=role_id)
    session.execute(made.on_conflict_do_nothing())
    if role_id != EVERYONE:
        everyone = _shares_in(lora.id, guild_id).where(LoraShare.role_id == EVERYONE)
        session.execute(everyone)


def unshare(
    session: Session, lora: Lora, guild_id: int | None, user_id: int, *, moderator: bool
) -> None:
    """End the shares in a server, or, for the owner, everywhere. Raises NotYours."""
    is_own = lora.owner_id == user_id
    if not is_own and not (moderator and guild_id is not None):
        raise NotYours
    gone = delete(LoraShare).where(LoraShare.lora_id == lora.id)
    session.execute(gone if guild_id is None else _shares_in(lora.id, guild_id))


def shares(session: Session, lora: Lora) -> Sequence[LoraShare]:
    """Return where a LoRA is shared."""
    ordered = select(LoraShare).where(LoraShare.lora_id == lora.id)
    return session.scalars(ordered.order_by(LoraShare.guild_id, LoraShare.role_id)).all()


def favour(session: Session, user_id: int, lora_id: str) -> bool:
    """Make a LoRA a member's favourite, or none any more; tell which it is now."""
    mine = (LoraFavourite.user_id == user_id, LoraFavourite.lora_id == lora_id)
    if session.scalar(select(LoraFavourite.lora_id).where(*mine)) is not None:
        session.execute(delete(LoraFavourite).where(*mine))
        return False
    made = upsert(session, LoraFavourite).values(user_id=user_id, lora_id=lora_id)
    session.execute(made.on_conflict_do_nothing())
    return True


def is_favourite(session: Session, user_id: int, lora_id: str) -> bool:
    """Tell whether a LoRA is a member's favourite."""
    return session.get(LoraFavourite, (user_id, lora_id)) is not None


def _chosen(viewer: Viewer, key: str, base: str | None, *, ready: bool) -> Select[Lora]:
    chosen = _favoured(viewer).where(_usable(viewer))
    if key:
        chosen = chosen.where(Lora.key.contains(key, autoescape=True))
    if base is not None:
        chosen = chosen.where(Lora.base == base)
    return chosen.where(Lora.status == "ready") if ready else chosen


def _favoured(viewer: Viewer) -> Select[Lora]:
    mine = and_(LoraFavourite.lora_id == Lora.id, LoraFavourite.user_id == viewer.user_id)
    return select(Lora).outerjoin(LoraFavourite, mine)


def _usable(viewer: Viewer) -> ColumnElement[bool]:
    here = select(LoraShare.lora_id).where(LoraShare.guild_id == viewer.guild_id)
    if not viewer.is_moderator:
        here = here.where(LoraShare.role_id.in_([EVERYONE, *sorted(viewer.roles)]))
    shared = and_(Lora.id.in_(here), Lora.status == "ready") if viewer.guild_id else None
    own = Lora.owner_id == viewer.user_id
    return and_(Lora.deleted_at.is_(None), own if shared is None else or_(own, shared))


def _shares_in(lora_id: str, guild_id: int) -> Delete:
    return delete(LoraShare).where(LoraShare.lora_id == lora_id, LoraShare.guild_id == guild_id)
