"""/queue and /help: for the member alone, in their language."""

from typing import Any

import discord
from discord import app_commands

from bot.cards import help_card
from store.host import workers
from tests.bot.messages import gallery, order_id, text
from tests.bot.stage import Stage


async def queue(stage: Stage, member: Any) -> Any:
    return (await member.slash(stage.channel, "queue")).response


async def test_the_queue_shows_ones_own_orders_and_who_draws(stage: Stage) -> None:
    await stage.imagine(stage.mei, prompt="not mine", count=3)
    await stage.imagine(stage.alex, prompt="a *panda*", count=2)
    shown = await queue(stage, stage.alex)
    assert shown.ephemeral
    said = text(shown)
    assert "**a \\*panda\\***" in said
    assert "No. 2 in line" in said
    assert "not mine" not in said
    assert "Machines at work: 1" in said
    assert "Starter: 5 waiting · machines 1" in said


async def test_leaving_the_line_gives_back_and_ends_the_public_card(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, count=2)
    second = await stage.imagine(stage.alex, prompt="a fish")
    shown = await queue(stage, stage.alex)
    await stage.alex.click(shown, custom_id=f"leave:{order_id(first.response)}")
    assert "a fish" in text(shown)
    assert "a panda" not in text(shown)
    assert stage.left(stage.alex) == 9
    await stage.deliver()
    assert text(first.response).startswith("Cancelled.")
    stage.draw()
    await stage.deliver()
    assert gallery(second.response)
    await stage.alex.click(shown, custom_id="queue:0")
    assert "Nothing of yours in line" in text(shown)
    assert "Nobody is waiting" in text(shown)


async def test_what_is_being_drawn_is_told_apart(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-CN")
    await stage.imagine(stage.alex, count=3)
    stage.keep(stage.claim())
    stage.claim()
    assert words("queue.drawing", done=1, count=3) in text(await queue(stage, stage.alex))


async def test_without_a_machine_the_queue_says_so(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    with stage.database.begin() as session:
        workers.leave(session, "w", stage.services.catalog.names)
    words = stage.speaks(stage.alex, "zh-TW")
    said = text(await queue(stage, stage.alex))
    assert words("queue.no_machines") in said
    assert words("queue.waiting_alone", variant="入門小模型", count=1, machines=0) in said


async def help_page(stage: Stage, member: Any) -> str:
    shown = (await member.slash(stage.channel, "help")).response
    assert shown.ephemeral
    return text(shown)


async def test_help_links_the_commands_that_are_here(stage: Stage) -> None:
    words = stage.speaks(stage.alex, "zh-CN")
    said = await help_page(stage, stage.alex)
    ids = stage.bot.command_ids
    assert f"</imagine:{ids['imagine']}> · {words('imagine.description')}" in said
    assert f"</presets list:{ids['presets']}>" in said
    assert "</gift:" not in said
    assert len(said) < 4000
    permissions = discord.Permissions(manage_guild=True)
    role = stage.guild.create_role("managers", permissions=permissions)
    boss = stage.guild.add_member(stage.env.create_user("boss"), roles=[role])
    said = await help_page(stage, boss)
    assert "</settings show:" in said
    assert "</admin " not in said
    object.__setattr__(stage.services, "owners", frozenset({boss.id}))
    said = await help_page(stage, boss)
    assert "</admin status:" in said
    assert len(said) < 4000


async def test_every_command_is_on_the_page_or_left_out_on_purpose(stage: Stage) -> None:
    there = {one.qualified_name for one in stage.bot.tree.walk_commands() if is_typed(one)}
    listed = {one for commands in help_card.SECTIONS.values() for one in commands}
    left = {one for one in there if one.partition(" ")[0] in help_card.GROUPS_LEFT_OUT}
    assert there <= listed | help_card.LEFT_OUT | left
    assert listed | help_card.LEFT_OUT <= there
    # Of each group that is left out there is one to find it by.
    groups = {one.partition(" ")[0] for one in listed}
    assert {one.partition(" ")[0] for one in there - {"help"}} <= groups


def is_typed(command: object) -> bool:
    return isinstance(command, app_commands.Command)


async def test_help_without_ids_names_the_commands(stage: Stage) -> None:
    stage.bot.command_ids = {}
    stage.speaks(stage.alex, "zh-TW")
    said = await help_page(stage, stage.alex)
    assert "`/畫圖`" in said
    assert "`/範本 清單`" in said
