"""The rules of servers, made ready, and remembered for a moment. It knows no order."""

import time
from collections import OrderedDict

from bot.rules.matching import Action, Rule, Rules
from store.choices import prompt_rules
from store.database import Database
from store.tables.moderation import PromptRule

FRESH_S = 10.0
"""Another process may have been told of a new rule."""
MOST_KEPT = 500
SERVER = "server"
"""The kind of rules that servers make."""
NONE = Rules(())


class Rulebooks:
    """The rules of the servers that ordered lately."""

    def __init__(self) -> None:
        self._books: OrderedDict[int, tuple[float, Rules]] = OrderedDict()

    async def of(self, database: Database, guild_id: int) -> Rules:
        """Return a server's rules. Raises StoreUnavailable."""
        if not guild_id:
            return NONE
        at, book = self._books.get(guild_id, (float("-inf"), NONE))
        if time.monotonic() - at < FRESH_S:
            return book
        rows = await database.read(prompt_rules.of, guild_id)
        book = Rules([_rule(row) for row in rows]) if rows else NONE
        self._books[guild_id] = (time.monotonic(), book)
        self._books.move_to_end(guild_id)
        if len(self._books) > MOST_KEPT:
            self._books.popitem(last=False)
        return book

    def forget(self, guild_id: int) -> None:
        """Read them anew the next time: one was changed."""
        self._books.pop(guild_id, None)


def _rule(row: PromptRule) -> Rule:
    return Rule(
        kind=SERVER,
        action=Action(row.action),
        words=(row.words,),
        adult_only=row.adult_only,
        replacement=row.replacement or "",
    )
