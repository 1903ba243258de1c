"""Orders are held to the rules about words at every door, and what is refused costs nothing."""

from typing import Any

import discord
import pytest
from simcord.actors import MemberActor

from bot.rules.matching import Action
from store.choices import prompt_rules
from store.choices.prompt_rules import Wanted
from store.moderation import audit
from tests.bot.messages import order_id, presses, text
from tests.bot.stage import Stage
from tests.bot.test_places import grown_up


@pytest.fixture
def boss(stage: Stage) -> MemberActor:
    role = stage.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


def rule(stage: Stage, words: str, action: Action, replacement: str | None = None) -> None:
    wanted = Wanted(key=words, words=words, action=action, replacement=replacement)
    with stage.database.begin() as session:
        prompt_rules.put(session, stage.guild.id, wanted, 9)
    stage.services.rulebooks.forget(stage.guild.id)


def told(result: Any) -> str:
    """Return what the member alone was told."""
    shown = [one for one in (result.response, *result.followups) if one is not None]
    assert shown[-1].ephemeral
    return text(shown[-1])


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_blocked_prompt_is_told_to_the_member_alone_and_costs_nothing(
    stage: Stage, locale: str, logged: list[Any]
) -> None:
    words = stage.speaks(stage.alex, locale)
    result = await stage.imagine(stage.alex, prompt="a nude woman, secret corner")
    expected = words(
        "errors.prompt_blocked_here", words="nude", rule_kind=words("rule_kinds.adult")
    )
    assert told(result) == expected
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    assert stage.channel.history() == []
    assert "nude" not in str(logged)
    with stage.database.begin() as session:
        counted = prompt_rules.counts(session, stage.guild.id, "2000-01-01")
    assert counted == [("adult", "block", 1)]


async def test_age_restricted_channels_draw_it_but_never_what_is_drawn_nowhere(
    stage: Stage,
) -> None:
    grown_up(stage, stage.channel)
    await stage.imagine(stage.alex, prompt="a nude woman")
    assert len(stage.orders()) == 1
    both = next(one for one in stage.services.rules.rules if one.kind == "minors" and one.also)
    result = await stage.imagine(stage.alex, prompt=f"{both.also[0]}; {both.words[0]}")
    assert "never drawn" in told(result)
    assert len(stage.orders()) == 1


async def test_remixes_and_edits_are_held_to_the_rules_too(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    form = await stage.alex.click(first.response, custom_id=presses(first.response)["remix"])
    result = await stage.alex.submit_modal(form, {"prompt": "nude", "size": "", "seed": ""})
    assert "not drawn in this channel" in told(result)
    result = await stage.imagine(stage.alex, prompt="{a cat|a naked man}")
    assert "not drawn in this channel" in told(result)
    rule(stage, "panda", Action.BLOCK)
    for action in ("again", "new"):
        pressed = await stage.alex.click(first.response, custom_id=presses(first.response)[action])
        assert "“panda” is not drawn here: this server's own rules" in told(pressed)
    assert len(stage.orders()) == 1


async def test_presets_do_not_smuggle_words_in(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "presets save", name="odd", style="{prompt}, nude")
    result = await stage.imagine(stage.alex, preset="odd")
    assert "“nude”" in told(result)
    assert stage.orders() == []


async def test_what_should_not_be_drawn_may_be_named(stage: Stage) -> None:
    await stage.imagine(stage.alex, prompt="a cat", negative="nude, gore", guidance=4.0)
    (order,) = stage.orders()
    assert order.request["negative"] == "nude, gore"
    assert not order.spoiler


async def test_a_doubtful_prompt_is_asked_about_and_drawn_at_the_members_word(
    stage: Stage,
) -> None:
    words = stage.speaks(stage.alex, "zh-CN")
    rule(stage, "熊猫", Action.ASK)
    asked = await stage.imagine(stage.alex, prompt="红色背景上的熊貓")
    (card,) = asked.followups
    expected = words("errors.prompt_doubtful", words="熊貓", rule_kind=words("rule_kinds.server"))
    assert expected in text(card)
    assert stage.orders() == []
    await stage.alex.click(card, custom_id=presses(card)["confirm"])
    assert stage.orders()[0].request["prompt"] == "红色背景上的熊貓"
    with stage.database.begin() as session:
        counted = prompt_rules.counts(session, stage.guild.id, "2000-01-01")
    assert counted == [("server", "ask", 1)]


async def test_several_prompts_are_doubted_in_one_question(stage: Stage) -> None:
    rule(stage, "robot", Action.ASK)
    asked = await stage.imagine(stage.alex, prompt="a {cat|robot}")
    assert "“robot”: this server's own rules. Is that what you mean?" in text(asked.response)
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["all"])
    assert len(stage.orders()) == 2


async def test_words_are_replaced_on_every_card(stage: Stage) -> None:
    rule(stage, "gun", Action.REPLACE, "water pistol")
    result = await stage.imagine(stage.alex, prompt="a cat with guns")
    assert "> a cat with water pistol" in text(result.response)
    assert "This server's rules put other words in." in text(result.response)
    assert stage.order(order_id(result.response)).request["prompt"] == "a cat with water pistol"


async def test_a_hidden_prompt_is_a_spoiler(stage: Stage) -> None:
    await stage.imagine(stage.alex, prompt="a gory battle")
    assert stage.orders()[0].spoiler


async def test_rules_are_made_tried_listed_and_taken_away(stage: Stage, boss: MemberActor) -> None:
    async def say(command: str, **options: Any) -> str:
        result = await boss.slash(stage.channel, f"settings rules {command}", **options)
        assert result.response.ephemeral
        return str(result.response.content)

    assert "None yet" in await say("list")
    shown = await say("add", words="Gün*", action="replace", replacement="flower")
    assert "**Gün\\*** → replace the words: flower" in shown
    shown = await say("add", words="gun*", action="block")
    assert "Rules about words here: 1" in shown
    assert "**gun\\*** → do not draw" in shown
    assert "“GUN” (this server's own rules): **do not draw**" in await say("test", prompt="GUNNER")
    assert "No rule has anything to say" in await say("test", prompt="a cat")
    await say("add", words="red", action="replace", replacement="blue")
    assert "a blue cat" in await say("test", prompt="a red cat")
    assert "blue" not in await say("test", prompt="a red gun")  # nothing is drawn of it
    await say("remove", words="red")
    await stage.imagine(stage.alex, prompt="a gunner")
    shown = await say("list")
    assert "this server's own rules: do not draw, 1×" in shown
    assert "There is no rule for “cat”" in await say("remove", words="cat")
    assert "None yet" in await say("remove", words="GUN")
    await stage.imagine(stage.alex, prompt="a gunner")
    assert len(stage.orders()) == 1
    with stage.database.begin() as session:
        acts = [entry.action for entry in audit.page(session, stage.guild.id)]
    removed, added = ["settings.rules.remove"], ["settings.rules.add"]
    assert acts == [*removed * 2, *added * 3]


async def test_a_rule_needs_something_to_look_for(stage: Stage, boss: MemberActor) -> None:
    for words in ("a", "!!", "re:(a+)+$"):
        result = await boss.slash(stage.channel, "settings rules add", words=words, action="block")
        assert "is nothing a rule can look for" in told(result)
    result = await boss.slash(stage.channel, "settings rules add", words="ab", action="replace")
    assert "what is drawn instead" in told(result)


async def test_a_server_has_so_many_rules(stage: Stage, boss: MemberActor) -> None:
    for nth in range(prompt_rules.MOST):
        rule(stage, f"word{nth}", Action.BLOCK)
    result = await boss.slash(stage.channel, "settings rules add", words="ab", action="block")
    assert "There is room for 200 rules" in told(result)
    shown = await boss.slash(stage.channel, "settings rules list")
    assert len(shown.response.content) <= 2000
    assert "word199" not in shown.response.content
    (file,) = shown.response.attachments
    assert "word199" in (await file.read()).decode()
    suggested = await boss.autocomplete(stage.channel, "settings rules remove", "words", "WORD19")
    assert len(suggested) == 11
