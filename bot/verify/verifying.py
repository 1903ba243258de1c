"""/verify: a file fetched, looked at, and looked for among the pictures that were drawn here."""

from functools import partial

import discord

from bot.answers import Press
from bot.errors import MessageWithoutPicture
from bot.services import Services
from bot.verify import card
from bot.verify.looking import Looked, look
from bot.wishes import fetch
from store.pictures import origins
from store.pictures.origins import Viewer


async def verify(services: Services, interaction: Press, file: discord.Attachment) -> None:
    """Put what is known of a file into the deferred answer.

    Raises PictureFileTooLarge, PictureUnfetched or StoreUnavailable.
    """
    fetch.path_of(file)
    looked = await services.fetching.file(file, partial(look, labels=services.labels))
    viewer = Viewer(interaction.guild_id or 0, interaction.user.id)
    number = _number(services, looked)
    origin = await services.database.read(origins.find, looked.pixels, number, viewer)
    letter = card.card(services, interaction.locale, looked, origin, viewer)
    await interaction.edit_original_response(view=letter.view)


def picture_of(message: discord.Message) -> discord.Attachment:
    """Return the first picture that a message shows. Raises MessageWithoutPicture."""
    snapshots = (one.attachments for one in message.message_snapshots)
    shown = [*message.attachments, *(file for files in snapshots for file in files)]
    for file in shown:
        if (file.content_type or "").startswith("image/"):
            return file
    raise MessageWithoutPicture


def _number(services: Services, looked: Looked) -> str:
    """Return the number under which a file says it was drawn here, or nothing."""
    aigc = looked.found.aigc
    return aigc.produce_id if aigc and aigc.producer == services.labels.provider else ""
