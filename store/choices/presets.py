"""Named sets of options: a member's own, and those of a server; knows no option's meaning.

A member's own go with them into every server. Names are told apart whatever their case, width and
blanks; of a member's own and a server's preset of one name, the member's is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from store import names
from store.choices import members, servers
from store.choices.errors import PresetNameInvalid, PresetsFull, PresetUnknown
from store.database import upsert
from store.tables.servers import Preset

NAME_LIMIT = 32
"""Characters; a choice of Discord's has room for it and for where it is kept."""
MOST_OWN = 25
MOST_SERVER = 50


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where presets are kept: a member's own (guild 0) or a server's (user 0)."""

    guild_id: int
    user_id: int

    @classmethod
    def own(cls, user_id: int) -> Self:
        """Return a member's own."""
        return cls(0, user_id)

    @classmethod
    def server(cls, guild_id: int) -> Self:
        """Return a server's."""
        return cls(guild_id, 0)

    @property
    def limit(self) -> int:
        """Return how many it holds."""
        return MOST_OWN if self.user_id else MOST_SERVER


def save(
    session: Session, shelf: Shelf, typed: str, options: Mapping[str, Any], by_id: int
) -> Preset:
    """Keep options under a name, in place of what had it. Raises PresetNameInvalid, PresetsFull."""
    name = _name(typed)
    # Two that come at once must not both find the last place free.
    if shelf.user_id:
        members.lock(session, shelf.user_id)
    else:
        servers.lock(session, shelf.guild_id)
    values = {"name": name, "options": dict(options), "by_id": by_id}
    written = upsert(session, Preset).values(
        guild_id=shelf.guild_id, user_id=shelf.user_id, key=names.key(name), **values
    )
    session.execute(
        written.on_conflict_do_update(index_elements=["guild_id", "user_id", "key"], set_=values)
    )
    count = select(func.count()).select_from(Preset).where(*_on(shelf))
    if (session.scalar(count) or 0) > shelf.limit:
        raise PresetsFull(limit=shelf.limit)
    return _on_shelf(session, shelf, typed)


def delete(session: Session, shelf: Shelf, typed: str) -> Preset:
    """Take a preset away; return what it was. Raises PresetUnknown."""
    preset = _on_shelf(session, shelf, typed)
    session.delete(preset)
    session.flush()
    return preset


def named(session: Session, guild_id: int, user_id: int, typed: str) -> Preset:
    """Return the preset that a member means in a server. Raises PresetUnknown."""
    key = names.key(typed)
    for preset in within_reach(session, guild_id, user_id):
        if preset.key == key:
            return preset
    raise PresetUnknown(value=typed[:NAME_LIMIT])


def within_reach(session: Session, guild_id: int, user_id: int) -> Sequence[Preset]:
    """Return a member's own presets and then the server's, each by name."""
    here = or_(*(_all_of(shelf) for shelf in (Shelf.own(user_id), Shelf.server(guild_id))))
    return session.scalars(
        select(Preset).where(here).order_by(Preset.user_id.desc(), Preset.key)
    ).all()


def _name(typed: str) -> str:
    if (name := names.tidy(typed, NAME_LIMIT)) is None:
        raise PresetNameInvalid(value=" ".join(typed.split())[:NAME_LIMIT], limit=NAME_LIMIT)
    return name


def _on(shelf: Shelf) -> tuple[Any, Any]:
    return Preset.guild_id == shelf.guild_id, Preset.user_id == shelf.user_id


def _all_of(shelf: Shelf) -> Any:
    guild, user = _on(shelf)
    return guild & user


def _on_shelf(session: Session, shelf: Shelf, typed: str) -> Preset:
    wanted = select(Preset).where(*_on(shelf), Preset.key == names.key(typed))
    found = session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise PresetUnknown(value=typed[:NAME_LIMIT])
    return found
