"""The buttons that lead to cards only their member sees, and those on such cards."""

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import (
    audit_card,
    defaults_card,
    history,
    labels_card,
    marks,
    opened,
    preset_list,
    queue_card,
    recipes,
)
from bot.cards.history import Shown
from bot.loras import presses as lora_presses
from bot.presses import originals, removal, reviewing
from bot.servers import sight
from bot.servers.standing import require_manager
from bot.services import Services
from store.orders import generations
from store.pictures import one_picture

Handler = Callable[[Services, Press, str, int], Awaitable[None]]
"""Takes what the custom id says: whose order (or which page), and the page of a list."""


async def _page(services: Services, interaction: Press, number: str, _page: int) -> None:
    await interaction.response.defer()
    await history.show(services, interaction, _shown(interaction, marks.page(number)))


async def _drop(services: Services, interaction: Press, generation_id: str, page: int) -> None:
    await interaction.response.defer()
    shown = _shown(interaction, page)
    generation = await sight.seen(services, interaction, generation_id)
    letter = removal.question(
        services.words(interaction.locale),
        generation,
        yes=marks.button("dropped", generation_id, page, shown.tail),
        no=marks.button("page", page, tail=shown.tail),
        count=len(generation.images),
    )
    await interaction.edit_original_response(view=letter.view, attachments=[])


async def _dropped(services: Services, interaction: Press, generation_id: str, page: int) -> None:
    await interaction.response.defer()
    await removal.remove(services, interaction, generation_id)
    await history.show(services, interaction, _shown(interaction, page))


async def _delete(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await removal.ask(services, interaction, generation_id, nth)


async def _erase(services: Services, interaction: Press, generation_id: str, message: int) -> None:
    await interaction.response.defer()
    await removal.remove(services, interaction, generation_id, message)
    await interaction.delete_original_response()


async def _keep(_services: Services, interaction: Press, _id: str, _page: int) -> None:
    await interaction.response.defer()
    await interaction.delete_original_response()


async def _open(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await sight.seen(services, interaction, generation_id)
    await opened.show(services, interaction, generation)


async def _original(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await sight.seen(services, interaction, generation_id)
    await originals.send(services, interaction, generation, nth)


async def _recipe(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await sight.seen(services, interaction, generation_id)
    await recipes.show(services, interaction, generation, nth)


async def _star(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    starred = await services.database.run(_starred, generation_id, nth, interaction.user.id)
    said = services.words(interaction.locale)("opened.starred" if starred else "opened.unstarred")
    await interaction.edit_original_response(content=said)


def _starred(session: Session, generation_id: str, nth: int, user_id: int) -> bool:
    if nth == 0:
        return generations.star(session, generation_id, user_id)
    return one_picture.star(session, generation_id, nth, user_id)


async def _queue(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await interaction.response.defer()
    await queue_card.show(services, interaction)


async def _leave(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await interaction.response.defer()
    await services.database.run(
        generations.cancel, generation_id, interaction.user.id, moderator=False
    )
    services.bell.set()
    await queue_card.show(services, interaction)


async def _presets(services: Services, interaction: Press, number: str, _page: int) -> None:
    await interaction.response.defer()
    await preset_list.show(services, interaction, marks.page(number))


async def _forget(services: Services, interaction: Press, option: str, _page: int) -> None:
    await interaction.response.defer()
    await defaults_card.forget(services, interaction, option)


async def _wordless(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await interaction.response.defer()
    await labels_card.set_wordless(services, interaction, on=True)


async def _wordful(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await interaction.response.defer()
    await labels_card.set_wordless(services, interaction, on=False)


async def _unlabel(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await interaction.response.defer()
    await labels_card.set_label_free(services, interaction, on=True)


async def _relabel(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await interaction.response.defer()
    await labels_card.set_label_free(services, interaction, on=False)


async def _review(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await reviewing.show(services, interaction, generation_id)


def _reviewed(action: str) -> Handler:
    async def answer(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
        await interaction.response.defer()
        await reviewing.decide(services, interaction, action, generation_id, nth)

    return answer


async def _audit(services: Services, interaction: Press, number: str, _page: int) -> None:
    require_manager(interaction)
    await interaction.response.defer()
    await audit_card.show(services, interaction, marks.page(number))


def _shown(interaction: Press, page: int) -> Shown:
    data = {**(interaction.data or {})}
    return Shown.read(page, marks.tail_of(str(data.get("custom_id", ""))))


HANDLERS: Mapping[str, Handler] = {
    "page": _page,
    "drop": _drop,
    "dropped": _dropped,
    "delete": _delete,
    "erase": _erase,
    "keep": _keep,
    "open": _open,
    "original": _original,
    "recipe": _recipe,
    "star": _star,
    "queue": _queue,
    "leave": _leave,
    "presets": _presets,
    "forget": _forget,
    **lora_presses.HANDLERS,
    "wordless": _wordless,
    "wordful": _wordful,
    "unlabel": _unlabel,
    "relabel": _relabel,
    "review": _review,
    "audit": _audit,
    **{action: _reviewed(action) for action in reviewing.CHOICES},
}
