"""How the server on this machine is set up: by its host, with the bot's own commands, once."""

from local.conversation import Conversation
from local.discord.world import SUPPORTER, World
from store.database import Database
from store.moderation import audit

SETTINGS = "settings"
CHOSEN = {
    "settings.reports.channel": "/settings reports channel channel:#mods",
    "settings.role": f"/settings role role:@{SUPPORTER} plan:supporter",
}
"""What the audit log calls each choice, and how it is made."""


async def found(world: World, database_url: str) -> None:
    """Let the host choose what nobody here has chosen yet; what was chosen since stays."""
    host = world.seat(world.host) if world.host else None
    if host is None or all(one["name"] != SETTINGS for one in host.commands()):
        return
    conversation = Conversation(world, host)
    for said in _open(world, database_url):
        await conversation.say(said)


def _open(world: World, database_url: str) -> list[str]:
    database = Database(database_url)
    try:
        with database.reading() as session:
            return [
                said
                for action, said in CHOSEN.items()
                if not audit.page(session, world.guild.id, limit=1, action=action)
            ]
    finally:
        database.close()
