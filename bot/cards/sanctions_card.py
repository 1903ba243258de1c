"""Whom a server lets order nothing, as lines for a phone."""

from collections.abc import Iterator, Sequence

from bot.i18n import Words
from store.tables.moderation import Sanction


def lines(words: Words, found: Sequence[Sanction]) -> Iterator[str]:
    """Yield a line for each member."""
    yield words("sanctions.title")
    if not found:
        yield words("sanctions.none")
    for one in found:
        if one.until_at is None:
            yield words("sanctions.banned", user=one.user_id, by=one.by_id)
        else:
            told = {"user": one.user_id, "by": one.by_id, "until": one.until_at // 1000}
            yield words("sanctions.suspended", **told)
