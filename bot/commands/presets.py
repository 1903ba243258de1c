"""/presets: named sets of options and a style for prompts, one's own or the server's."""

from collections.abc import Iterator
from typing import Any

from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import preset_list
from bot.client import Tree
from bot.commands import assembly, defaults, starting
from bot.commands.assembly import Choices, Option
from bot.errors import PresetEmpty
from bot.servers.standing import home, require_manager
from bot.services import Services
from store.choices import presets
from store.choices.presets import NAME_LIMIT, Shelf
from store.moderation import audit
from store.tables.servers import Preset

STYLE_LIMIT = 500
SHELVES = (preset_list.OWN, preset_list.SERVER)


def register(tree: Tree, services: Services) -> None:
    """Add the group."""
    mark = services.texts.mark
    group = app_commands.Group(name=mark("presets.name"), description=mark("presets.description"))
    _save(group, services)
    _list(group, services)
    _delete(group, services)
    tree.add_command(group)


def _save(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, **given: Any) -> None:
        name, shelf = given.pop("name"), _shelf(interaction, given.pop("whose"))
        kept = defaults.checked(services, given)
        if not kept:
            raise PresetEmpty
        await interaction.response.defer(ephemeral=True)

        def save(session: Session) -> Preset:
            saved = presets.save(session, shelf, name, kept, interaction.user.id)
            _note(session, interaction, shelf, saved)
            return saved

        saved = await services.database.run(save)
        words = services.words(interaction.locale)
        said = f"{words('presets.saved')}\n{preset_list.described(words, saved)}"
        await interaction.edit_original_response(content=said)

    options = [*_name(), *_kept(services), _whose(services)]
    assembly.add(group, services, "presets_save", options, answer)


def _list(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        await preset_list.show(services, interaction, 0)

    assembly.add(group, services, "presets_list", [], answer)


def _delete(group: app_commands.Group, services: Services) -> None:
    async def answer(interaction: Press, name: str, whose: str | None) -> None:
        shelf = _shelf(interaction, whose)
        await interaction.response.defer(ephemeral=True)

        def delete(session: Session) -> Preset:
            gone = presets.delete(session, shelf, name)
            _note(session, interaction, shelf, gone)
            return gone

        gone = await services.database.run(delete)
        words = services.words(interaction.locale)
        said = f"{words('presets.deleted')}\n{preset_list.described(words, gone)}"
        await interaction.edit_original_response(content=said)

    async def suggest(interaction: Press, typed: str) -> Choices:
        return await preset_list.offered(services, interaction, typed)

    name = Option(
        name="name", kind=str, key="presets_delete.preset", is_required=True, suggest=suggest
    )
    assembly.add(group, services, "presets_delete", [name, _whose(services)], answer)


def _name() -> Iterator[Option]:
    kind = app_commands.Range[str, 1, NAME_LIMIT]
    yield Option(name="name", kind=kind, key="presets.called", is_required=True)


def _kept(services: Services) -> Iterator[Option]:
    style = app_commands.Range[str, 1, STYLE_LIMIT]
    yield Option(name="style", kind=style, key="presets.style")
    yield from defaults.options(services)
    variants = starting.drawing(services)
    if steps := [one.steps for one in variants if one.steps.is_choice]:
        least, most = min(one.least for one in steps), max(one.most for one in steps)
        yield Option(name="steps", kind=app_commands.Range[int, least, most], key="imagine.steps")
    if scales := [one.guidance for one in variants if one.guidance.is_choice]:
        low, high = min(one.least for one in scales), max(one.most for one in scales)
        kind = app_commands.Range[float, low, high]
        yield Option(name="guidance", kind=kind, key="imagine.guidance")


def _whose(services: Services) -> Option:
    choices = assembly.word_choices(services, "presets.", SHELVES)
    return Option(name="whose", kind=str, key="presets.whose", choices=choices)


def _note(session: Session, interaction: Press, shelf: Shelf, preset: Preset) -> None:
    """Write down what was done to a server's shelf; one's own is nobody's business."""
    if shelf.guild_id:
        action = interaction.command.qualified_name if interaction.command else "presets"
        told = {"name": preset.name}
        by_id = interaction.user.id
        audit.record(session, shelf.guild_id, by_id, action.replace(" ", "."), details=told)


def _shelf(interaction: Press, whose: str | None) -> Shelf:
    if whose != preset_list.SERVER:
        return Shelf.own(interaction.user.id)
    require_manager(interaction)
    return Shelf.server(home(interaction))
