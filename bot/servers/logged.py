"""What a command did, written into the audit log in the transaction of the deed."""

from typing import Any

from sqlalchemy.orm import Session

from bot.answers import Press
from store.moderation import audit

LONGEST = 200


def note(session: Session, interaction: Press, whom: int | None = None, /, **more: str) -> None:
    """Write down the command and its options as they were typed; `more` are what they stood for.

    The member that it was done to stands in a column of its own, which forgetting knows.
    """
    command = interaction.command
    action = command.qualified_name.replace(" ", ".") if command else "press"
    options = {
        name: _plain(value)
        for name, value in interaction.namespace
        if whom is None or getattr(value, "id", None) != whom
    }
    guild_id = interaction.guild_id or audit.HOST
    by, told = interaction.user.id, options | more
    audit.record(session, guild_id, by, action[:32], target_id=whom, details=told)


def _plain(value: Any) -> str | int | float | bool:
    """Return an option as JSON holds it; a role, a channel or a member by its id."""
    if isinstance(value, (bool, int, float)):
        return value
    return str(getattr(value, "id", value))[:LONGEST]
