"""The buttons under orders: told apart by custom id alone, for as long as a message lives."""

from collections.abc import Mapping
from typing import Any, Self

from discord import ui

from bot import answers
from bot.answers import Press
from bot.cards import marks, order_card, variant_list
from bot.delivery import showcase
from bot.errors import PressOutdated
from bot.orders import asking, placing, several
from bot.presses import cases, edit_form, one_picture, picking, private_buttons, remix
from bot.presses.private_buttons import Handler
from bot.privacy import forgetting
from bot.servers.standing import ward
from bot.services import Services
from bot.wishes import editing, repeating, sources, starts
from bot.wishes.editing import Asked
from store.orders import generations


def pressed(services: Services) -> type[ui.DynamicItem[ui.Button[Any]]]:
    """Return the class by which discord.py finds the answer to every press."""

    class Pressed(ui.DynamicItem[ui.Button[Any]], template=marks.PATTERN):
        def __init__(self, button: ui.Button[Any], press: Mapping[str, str | None]) -> None:
            super().__init__(button)
            self.press = press

        @classmethod
        async def from_custom_id(cls, _interaction: Press, item: Any, match: Any, /) -> Self:
            return cls(item, match.groupdict())

        async def callback(self, interaction: Press) -> None:
            # discord.py only logs what a dynamic item raises; the member would wait for ever.
            async with answers.guarded(interaction, services.words(interaction.locale)):
                services.pace.take(interaction.user.id, interaction.guild_id)
                handler = HANDLERS.get(self.press["action"] or "", _outdated)
                page = marks.nth(self.press["page"])
                await handler(services, interaction, self.press["subject"] or "", page)

    return Pressed


async def _again(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await repeating.again(services, interaction, generation_id, nth)


async def _new(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await repeating.new(services, interaction, generation_id, nth)


async def _remix(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    await remix.open_form(services, interaction, generation_id, nth)


async def _vary(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    generation, drawn = await picking.drawn(services, interaction, generation_id)
    if nth == 0 and len(drawn) > 1:
        await picking.ask(services, interaction, "vary", generation_id, drawn)
        return
    number = sources.number(generation_id, nth or drawn[0])
    asked = Asked(source=number, count=len(generation.images))
    await placing.submit(services, interaction, lambda: editing.vary(services, interaction, asked))


async def _upscale(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    _, drawn = await picking.drawn(services, interaction, generation_id)
    if nth == 0 and len(drawn) > 1:
        await picking.ask(services, interaction, "upscale", generation_id, drawn)
        return
    asked = Asked(source=sources.number(generation_id, nth or drawn[0]))
    times = starts.SCALES["2x"]
    await placing.submit(
        services, interaction, lambda: editing.upscale(services, interaction, asked, times)
    )


async def _edit(services: Services, interaction: Press, generation_id: str, nth: int) -> None:
    _, drawn = await picking.drawn(services, interaction, generation_id)
    subject = edit_form.of_order(generation_id, [one for one in drawn if nth in (0, one)])
    await edit_form.open_form(services, interaction, subject)


async def _cancel(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await interaction.response.defer()
    here = ward(interaction)
    await services.database.run(
        generations.cancel,
        generation_id,
        interaction.user.id,
        moderator=here is not None,
        here=here,
    )
    letter = order_card.stopping(services.words(interaction.locale), generation_id)
    await services.turns.interim(
        generation_id,
        lambda: interaction.edit_original_response(view=letter.view, attachments=[]),
    )
    services.bell.set()


async def _variants(services: Services, interaction: Press, number: str, _page: int) -> None:
    await interaction.response.defer()
    await variant_list.show(services, interaction, marks.page(number))


async def _switch(services: Services, interaction: Press, question: str, _page: int) -> None:
    await asking.answered(services, interaction, question, "switch")


async def _anyway(services: Services, interaction: Press, question: str, _page: int) -> None:
    await asking.answered(services, interaction, question, "anyway")


async def _confirm(services: Services, interaction: Press, question: str, _page: int) -> None:
    await asking.answered(services, interaction, question, "confirm")


async def _heart(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await showcase.heart(services, interaction, generation_id)


async def _unshow(services: Services, interaction: Press, generation_id: str, _page: int) -> None:
    await showcase.unshow(services, interaction, generation_id)


async def _shy(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await showcase.set_shy(services, interaction, shy=True)


async def _unshy(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    await showcase.set_shy(services, interaction, shy=False)


async def _all(services: Services, interaction: Press, question: str, _page: int) -> None:
    await several.answered(services, interaction, question)


async def _outdated(services: Services, interaction: Press, _subject: str, _page: int) -> None:
    raise PressOutdated


HANDLERS: Mapping[str, Handler] = {
    "again": _again,
    "new": _new,
    "remix": _remix,
    "vary": _vary,
    "upscale": _upscale,
    "edit": _edit,
    "cancel": _cancel,
    "variants": _variants,
    "switch": _switch,
    "anyway": _anyway,
    "confirm": _confirm,
    "heart": _heart,
    "unshow": _unshow,
    "shy": _shy,
    "unshy": _unshy,
    "all": _all,
    **private_buttons.HANDLERS,
    **one_picture.HANDLERS,
    **cases.HANDLERS,
    forgetting.ACTION: forgetting.press,
}
