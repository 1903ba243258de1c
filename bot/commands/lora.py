"""/lora: a member's own LoRAs, kept in the library, shared, and shown."""

from collections.abc import Callable, Iterator
from typing import Any

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.client import Tree
from bot.commands import assembly
from bot.commands.assembly import Choices, Option
from bot.errors import ServerNeeded
from bot.loras import adding, cards, offers, previews, shown, wearing
from bot.loras.adding import Given
from bot.loras.training import asked, ordering
from bot.loras.training.asked import TRIGGER_LIMIT
from bot.markdown import plain
from bot.servers import logged
from bot.servers.standing import ELSEWHERE, home
from bot.services import Services
from engine.variants.bounds import MOST_WEIGHT
from store.loras import library, shares
from store.loras.addresses import URL_LIMIT
from store.loras.library import NAME_LIMIT, TEXT_LIMIT
from store.loras.shares import EVERYONE
from store.tables.loras import Lora

PROMPT_LIMIT = 300


def register(tree: Tree, services: Services) -> None:
    """Add the group, where a variant takes LoRAs."""
    if not adding.served(services.catalog):
        return
    mark = services.texts.mark
    group = app_commands.Group(name=mark("lora.name"), description=mark("lora.description"))
    for add in (
        _add,
        _train,
        _list,
        _info,
        _rename,
        _set,
        _preview,
        _share,
        _unshare,
        _favourite,
        _remove,
    ):
        add(group, services)
    tree.add_command(group)


def _add(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, **given: Any) -> None:
        await adding.add(services, interaction, Given(**given))

    def options() -> Iterator[Option]:
        yield Option(name="file", kind=discord.Attachment, key="lora_add.file")
        yield Option(name="url", kind=app_commands.Range[str, 1, URL_LIMIT], key="lora_add.url")
        yield Option(
            name="name", kind=app_commands.Range[str, 1, NAME_LIMIT], key="lora_add.called"
        )
        yield from _settings("lora_add")
        bases = adding.served(services.catalog)
        if len(bases) > 1:
            choices = assembly.word_choices(services, "lora_bases.", bases)
            yield Option(name="base", kind=str, key="lora_add.base", choices=choices)

    assembly.add(group, services, "lora_add", list(options()), answer)


def _train(group: app_commands.Group, services: Services) -> None:
    bases = asked.trained(services.catalog)
    if not bases:
        return

    async def answer(interaction: Press, zip: Any, **given: Any) -> None:
        wanted = asked.defaulted(services.catalog, **{"base": None, **given})
        await ordering.ask(services, interaction, wanted, zip)

    def options() -> Iterator[Option]:
        named = app_commands.Range[str, 1, NAME_LIMIT]
        yield Option(name="name", kind=named, key="lora_train.called", is_required=True)
        trigger = app_commands.Range[str, 1, TRIGGER_LIMIT]
        yield Option(name="trigger", kind=trigger, key="lora_train.trigger")
        yield Option(name="zip", kind=discord.Attachment, key="lora_train.zip")
        for name, (least, most) in asked.bounds(bases.values()).items():
            kind = app_commands.Range[int, least, most]
            yield Option(name=name, kind=kind, key=f"lora_train.{name}")
        if len(bases) > 1:
            choices = assembly.word_choices(services, "lora_bases.", bases)
            yield Option(name="base", kind=str, key="lora_train.base", choices=choices)

    assembly.add(group, services, "lora_train", list(options()), answer)


def _list(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await shown.listing(services, interaction, 0)

    assembly.add(group, services, "lora_list", [], answer)


def _info(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str) -> None:
        await interaction.response.defer(ephemeral=True)
        viewer = wearing.viewer(interaction)
        lora = await services.database.read(shares.named, viewer, name)
        await shown.info(services, interaction, lora)

    assembly.add(group, services, "lora_info", [_name(services)], answer)


def _rename(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, to: str) -> None:
        def rename(session: Session, lora: Lora) -> None:
            library.rename(session, lora, to)

        await _changed(services, interaction, name, rename)

    to = Option(
        name="to",
        kind=app_commands.Range[str, 1, NAME_LIMIT],
        key="lora_rename.to",
        is_required=True,
    )
    assembly.add(group, services, "lora_rename", [_name(services, own=True), to], answer)


def _set(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, **given: Any) -> None:
        def change(session: Session, lora: Lora) -> None:
            library.change(session, lora, **given)

        await _changed(services, interaction, name, change)

    options = [_name(services, own=True), *_settings("lora_set")]
    assembly.add(group, services, "lora_set", options, answer)


def _preview(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, prompt: str | None) -> None:
        lora = await services.database.read(library.own, interaction.user.id, name)
        await previews.order(services, interaction, lora, prompt)

    prompt = Option(
        name="prompt", kind=app_commands.Range[str, 1, PROMPT_LIMIT], key="lora_preview.prompt"
    )
    assembly.add(group, services, "lora_preview", [_name(services, own=True), prompt], answer)


def _share(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, role: discord.Role | None) -> None:
        guild_id = _server(interaction)
        # Discord's own role for everyone has the server's id.
        role_id = EVERYONE if role is None or role.id == guild_id else role.id

        def share(session: Session, lora: Lora) -> None:
            shown.check_member(session, interaction)
            shown.check_kept(lora)
            shares.share(session, lora, guild_id, role_id)

        await _changed(services, interaction, name, share)

    role = Option(name="role", kind=discord.Role, key="lora_share.role")
    assembly.add(group, services, "lora_share", [_name(services, own=True), role], answer)


def _unshare(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, everywhere: bool | None) -> None:
        viewer, user_id = wearing.keeper(interaction), interaction.user.id
        guild_id = None if everywhere else _server(interaction)
        await interaction.response.defer(ephemeral=True)

        def unshare(session: Session) -> Lora:
            lora = shares.named(session, viewer, name)
            shares.unshare(session, lora, guild_id, user_id, moderator=viewer.is_moderator)
            if lora.owner_id != user_id:
                logged.note(session, interaction)
            return lora

        lora = await services.database.run(unshare)
        words = services.words(interaction.locale)
        await _say(interaction, words("lora_unshare.done", name=plain(lora.name)))

    async def suggest(interaction: Press, typed: str) -> Choices:
        return await offers.one(services, interaction, typed, shared=True)

    name = Option(name="name", kind=str, key="lora.which", is_required=True, suggest=suggest)
    everywhere = Option(name="everywhere", kind=bool, key="lora_unshare.everywhere")
    assembly.add(group, services, "lora_unshare", [name, everywhere], answer)


def _favourite(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str) -> None:
        await interaction.response.defer(ephemeral=True)
        viewer = wearing.viewer(interaction)

        def favour(session: Session) -> Lora:
            lora = shares.named(session, viewer, name)
            shown.check_kept(lora)
            shares.favour(session, viewer.user_id, lora.id)
            return lora

        await shown.info(services, interaction, await services.database.run(favour))

    assembly.add(group, services, "lora_favourite", [_name(services)], answer)


def _remove(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str) -> None:
        await interaction.response.defer(ephemeral=True)
        lora = await services.database.read(library.own, interaction.user.id, name)
        letter = cards.removal(services.words(interaction.locale), lora)
        await interaction.edit_original_response(view=letter.view)

    assembly.add(group, services, "lora_remove", [_name(services, own=True)], answer)


async def _changed(
    services: Services, interaction: Press, name: str, change: Callable[[Session, Lora], None]
) -> None:
    """Change one of the member's own, and show it as it is then."""
    await interaction.response.defer(ephemeral=True)

    def changed(session: Session) -> Lora:
        lora = library.own(session, interaction.user.id, name)
        change(session, lora)
        return lora

    await shown.info(services, interaction, await services.database.run(changed))


async def _say(interaction: Press, text: str) -> None:
    await interaction.edit_original_response(view=cards.said(text).view)


def _name(services: Services, *, own: bool = False) -> Option:
    async def suggest(interaction: Press, typed: str) -> Choices:
        return await offers.one(services, interaction, typed, own=own)

    return Option(name="name", kind=str, key="lora.which", is_required=True, suggest=suggest)


def _settings(key: str) -> Iterator[Option]:
    text = app_commands.Range[str, 0, TEXT_LIMIT]
    yield Option(name="triggers", kind=text, key=f"{key}.triggers")
    weight = app_commands.Range[float, -MOST_WEIGHT, MOST_WEIGHT]
    yield Option(name="weight", kind=weight, key=f"{key}.weight")
    yield Option(name="licence", kind=text, key=f"{key}.licence")


def _server(interaction: Press) -> int:
    if home(interaction) == ELSEWHERE:
        raise ServerNeeded
    return home(interaction)
