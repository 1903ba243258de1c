"""The rules that servers have of their own about words in prompts; knows no matching.

What a rule did is counted by day, without whose prompt it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.choices import servers
from store.choices.errors import RulesFull, RuleUnknown
from store.database import upsert
from store.tables.moderation import PromptRule, RuleCount

MOST = 200
"""Rules of one server: a bot holds those of many in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A rule to be kept; `key` is its words as they are compared."""

    key: str
    words: str
    action: str
    replacement: str | None = None
    adult_only: bool = False


def put(session: Session, guild_id: int, wanted: Wanted, by_id: int) -> None:
    """Keep a rule, in place of one for the same words. Raises RulesFull."""
    servers.lock(session, guild_id)  # two that come at once must not both find the last place
    values = {
        "words": wanted.words,
        "action": wanted.action,
        "replacement": wanted.replacement,
        "adult_only": wanted.adult_only,
        "by_id": by_id,
    }
    kept = upsert(session, PromptRule).values(guild_id=guild_id, key=wanted.key, **values)
    session.execute(kept.on_conflict_do_update(index_elements=["guild_id", "key"], set_=values))
    if len(of(session, guild_id)) > MOST:
        raise RulesFull(limit=MOST)


def remove(session: Session, guild_id: int, key: str, typed: str) -> None:
    """Take a rule away. Raises RuleUnknown."""
    gone = delete(PromptRule).where(PromptRule.guild_id == guild_id, PromptRule.key == key)
    if session.execute(gone.returning(PromptRule.id)).first() is None:
        raise RuleUnknown(value=typed)


def of(session: Session, guild_id: int) -> Sequence[PromptRule]:
    """Return a server's rules by their words."""
    rules = select(PromptRule).where(PromptRule.guild_id == guild_id).order_by(PromptRule.key)
    return session.scalars(rules).all()


def count(session: Session, guild_id: int, day: str, done: Iterable[tuple[str, str]]) -> None:
    """Count what rules of these kinds did."""
    for kind, action in sorted(done):
        values = {"guild_id": guild_id, "day": day, "kind": kind[:16], "action": action}
        once = upsert(session, RuleCount).values(**values, count=1)
        more = {"count": RuleCount.count + 1}
        keys = ["guild_id", "day", "kind", "action"]
        session.execute(once.on_conflict_do_update(index_elements=keys, set_=more))


def counts(session: Session, guild_id: int, since: str) -> Sequence[tuple[str, str, int]]:
    """Return how often each kind did what since a day, the most frequent first."""
    total = func.sum(RuleCount.count)
    rows = session.execute(
        select(RuleCount.kind, RuleCount.action, total)
        .where(RuleCount.guild_id == guild_id, RuleCount.day >= since)
        .group_by(RuleCount.kind, RuleCount.action)
        .order_by(total.desc(), RuleCount.kind, RuleCount.action)
    )
    return [(kind, action, int(times)) for kind, action, times in rows]
