"""Commands for managers and hosts refuse everybody else, also where a server opens them to all."""

from collections.abc import Iterator
from typing import Any

import pytest
from discord import AppCommandOptionType as Kind
from discord import app_commands
from sqlalchemy import func, select

from store.tables.every import METADATA
from tests.bot.stage import Stage

KEPT = ("accounts", "audit", "bans", "broadcasts", "channels", "controls", "ledger", "money")
CHOSEN = ("prompt_rules", "sanctions", "servers")
"""All that these commands write."""
REFUSALS = {
    "settings": "errors.manager_needed",
    "gift": "errors.manager_needed",
    "admin": "errors.host_needed",
}


def guarded(stage: Stage, group: str) -> Iterator[app_commands.Command[Any, Any, Any]]:
    for one in stage.bot.tree.walk_commands():
        if isinstance(one, app_commands.Command) and one.qualified_name.split(" ")[0] == group:
            yield one


def typed(stage: Stage, option: app_commands.Parameter) -> object:
    """Return something that Discord would let a member send."""
    if option.choices:
        return option.choices[0].value
    least = option.min_value or 1
    values = {
        Kind.string: "Asia/Shanghai",
        Kind.integer: least,
        Kind.number: float(least),
        Kind.boolean: True,
        Kind.user: stage.mei,
        Kind.channel: stage.channel,
        Kind.role: stage.guild.create_role("friends"),
    }
    return values[option.type]


def written(stage: Stage) -> int:
    with stage.database.begin() as session:
        rows = (METADATA.tables[name] for name in (*KEPT, *CHOSEN))
        return sum(session.scalar(select(func.count()).select_from(one)) or 0 for one in rows)


@pytest.mark.parametrize("group", REFUSALS)
async def test_an_opened_command_is_refused_at_each_use(stage: Stage, group: str) -> None:
    stage.guild.set_command_permissions(stage.bot.command_ids[group], {stage.alex: True})
    refusal = stage.services.texts.of("en-US")(REFUSALS[group])
    commands = list(guarded(stage, group))
    assert commands
    for one in commands:
        options = {
            str(option.display_name): typed(stage, option)
            for option in one.parameters
            if option.required
        }
        answer = await stage.alex.slash(stage.channel, one.qualified_name, **options)
        told = (answer.followups or [answer.response])[-1]
        assert (told.content, told.ephemeral) == (refusal, True), one.qualified_name
    assert written(stage) == 0
