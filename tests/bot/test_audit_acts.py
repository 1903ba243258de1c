"""Whatever the audit log can hold is told in words: each act that the code writes, each detail."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

import bot
import store
from bot.cards import deeds
from bot.i18n import Texts
from store.host.controls import Flow
from store.tables.orders import Review
from tests.bot.messages import text
from tests.bot.stage import Stage

TEXTS = Texts()
WRITERS = {"audit.record": "", "_by_another": "", "reports.act": "report.", "act": "report."}
"""What writes the act that is its fourth argument, and what it puts before it."""
STANDS_FOR = {
    "f'host.{flow.value}'": {f"host.{flow}" for flow in Flow},
    "f'review.{review}'": {f"review.{one}" for one in Review if one is not Review.WAITING},
    "report.action": {"report.suspend", "report.ban"},
    "action": {"host.variant_on", "host.variant_off"},
    # Those of `act`, which are found where it is called, and the names of commands, walked below.
    "f'{ACTS}{action}'": set[str](),
    "action[:32]": set[str](),
    "action.replace(' ', '.')": set[str](),
}
"""What an act can be that is no plain text."""
READS = {"show", "list", "test", "audit", "sanctions", "pardon"}
"""What changes nothing, or (pardon) is written by the store."""
KEPT = {"presets save", "presets delete", "lora unshare"}
"""Commands besides /settings that write what they do."""


def written() -> Iterator[str]:
    """Yield each act that the code of bot and store writes."""
    for package in (bot, store):
        for path in Path(next(iter(package.__path__))).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (writer := _writer(node)) in WRITERS:
                    yield from _acts(WRITERS[writer], node.args[3])


def _writer(call: ast.Call) -> str:
    """Return what is called; of what the database runs, that."""
    name = ast.unparse(call.func)
    return ast.unparse(call.args[0]) if name.endswith("database.run") else name


def _acts(before: str, act: ast.expr) -> Iterator[str]:
    if isinstance(act, ast.Constant):
        yield before + str(act.value)
    else:
        yield from STANDS_FOR[f"{before}{ast.unparse(act)}"]


def commands(stage: Stage) -> Iterator[app_commands.Command[Any, Any, Any]]:
    """Yield what a command writes down by its own name."""
    for one in stage.bot.tree.walk_commands():
        if isinstance(one, app_commands.Command):
            group, name = one.qualified_name.split(" ", 1)[0], one.name
            if (group == "settings" and name not in READS) or one.qualified_name in KEPT:
                yield one


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
async def test_every_act_has_words(stage: Stage, locale: str) -> None:
    found = {*written()}
    found |= {one.qualified_name.replace(" ", ".") for one in commands(stage)}
    assert {"gift", "cancel", "report.ban", "host.paused", "settings.rules.add"} <= found
    texts = TEXTS.of(locale).texts
    assert not {one for one in found if f"audit_acts.{one}" not in texts}
    # And none that nobody can write.
    assert {f"audit_acts.{one}" for one in found} >= {k for k in texts if k.startswith("audit_act")}


async def test_every_detail_and_its_choices_have_words(stage: Stage) -> None:
    """So that no word of code stands in a Chinese line."""
    for command in commands(stage):
        if command.qualified_name.startswith("presets"):
            continue  # of those only the name is written
        for one in command.parameters:
            assert str(one.display_name) in deeds.NAMES, command.qualified_name
            if one.choices:
                assert str(one.display_name) in deeds.CHOICES, command.qualified_name
    words = TEXTS.of("zh-CN")
    for key in deeds.NAMES.values():
        assert key in words.texts
    for prefix in deeds.CHOICES.values():
        assert any(key.startswith(prefix) for key in words.texts)


async def test_a_manager_reads_what_was_done_in_their_language(stage: Stage) -> None:
    role = stage.guild.create_role("bosses", permissions=discord.Permissions(manage_guild=True))
    boss = stage.guild.add_member(stage.env.create_user("chief"), roles=[role])
    stage.speaks(boss, "zh-CN")
    await boss.slash(stage.channel, "settings rules add", words="血腥", action="block")
    await boss.slash(stage.channel, "settings channel quiet", on="yes")
    await boss.slash(stage.channel, "settings slow-lane", on=True)
    await boss.slash(stage.channel, "settings role", role=role, plan="-")
    shown = await boss.slash(stage.channel, "settings audit")
    lines = [line.split(" · ", 2)[2] for line in text(shown.response).splitlines()[1:]]
    assert lines == [
        f"改了身份组的方案 · 身份组：<@&{role.id}>、方案：不指定方案",
        "改了慢速通道 · 开启：是",
        f"改了哪里要安静 · 开启：是、频道：<#{stage.channel.id}>",
        "加了一条词语规则 · 词语：血腥、处理：不画",
    ]
