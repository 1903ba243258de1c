"""Reports reach the moderators, who may act on them; members are told why they may not order."""

from pathlib import Path
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor

from store.choices import servers
from store.loras import library
from store.moderation import audit, sanctions
from tests.bot import loras
from tests.bot.messages import gallery, order_id, parts, presses, text
from tests.bot.stage import DEFAULTS, Stage
from tests.disks import barred

MENU = "Report this picture"


@pytest.fixture
def office(stage: Stage) -> Any:
    """The moderators' channel, set as such, with a word on appeals."""
    channel = stage.guild.create_text_channel("office")
    with stage.database.begin() as session:
        now = stage.env.now()
        servers.set_reports(session, DEFAULTS, stage.guild.id, now, channel.id)
        servers.set_appeals(session, DEFAULTS, stage.guild.id, now, "Write to https://a.test")
    return channel


def hidden(stage: Stage, *members: MemberActor) -> Any:
    """Return a channel that not everybody sees."""
    guild = stage.bot.guilds[0]
    me = next(one for one in guild.members if one.id == stage.env.backend.bot_user.id)
    seen = discord.PermissionOverwrite(view_channel=True, send_messages=True, attach_files=True)
    unseen = discord.PermissionOverwrite(view_channel=False)
    overwrites = {guild.default_role: unseen, me: seen, **dict.fromkeys(members, seen)}
    return stage.guild.create_text_channel("office", overwrites=overwrites)


def boss(stage: Stage, **permissions: bool) -> MemberActor:
    given = discord.Permissions(manage_guild=True, manage_messages=True)
    role = stage.guild.create_role("managers", permissions=given)
    return stage.guild.add_member(stage.env.create_user("boss"), roles=[role])


async def report(stage: Stage, member: MemberActor, message: Any, reason: str = "rude") -> Any:
    form = await member.click(message, custom_id=presses(message)["report"])
    result = await member.submit_modal(form, {"reason": reason})
    assert result.response.ephemeral
    return result.response


async def reported(stage: Stage, office: Any) -> tuple[Any, Any]:
    """Let Alex draw and Mei report it; return the result and the case."""
    result = await stage.drawn(stage.alex)
    await report(stage, stage.mei, result.response)
    (case,) = office.history()
    return result.response, case


def told(result: Any) -> str:
    shown = [one for one in (result.response, *result.followups) if one is not None]
    assert shown[-1].ephemeral
    return text(shown[-1])


def letters(stage: Stage, member: MemberActor) -> list[str]:
    """Return the direct messages that a member got."""
    return [one.content for one in member.user.dm_channel.history()]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_report_shows_moderators_the_picture_who_and_why(
    stage: Stage, office: Any, locale: str
) -> None:
    words = stage.speaks(stage.mei, locale)
    result = await stage.drawn(stage.alex, prompt="a *panda*", count=2)
    form = await stage.mei.click(result.response, custom_id=presses(result.response)["report"])
    assert form.modal["title"] == words("report.title")
    answer = await stage.mei.submit_modal(form, {"reason": "too *rude*"})
    assert answer.response.content == words("report.filed")
    (case,) = office.history()
    assert f"author <@{stage.alex.id}>" in text(case)
    assert f"<@{stage.mei.id}>: too \\*rude\\*" in text(case)
    assert gallery(case) == gallery(result.response)
    assert all(item["spoiler"] for part in parts(case.components) for item in part.get("items", []))
    assert str(stage.mei.id) not in text(result.response)


async def test_reports_of_one_order_are_one_case_and_a_member_reports_once(
    stage: Stage, office: Any
) -> None:
    message, _ = await reported(stage, office)
    again = await stage.mei.click(message, custom_id=presses(message)["report"])
    assert "reported it already" in told(again)
    own = await stage.alex.click(message, custom_id=presses(message)["report"])
    assert "your own picture" in told(own)
    await report(stage, stage.moderator, message, "also rude")
    (case,) = office.history()
    assert "rude" in text(case)
    assert f"<@{stage.moderator.id}>: also rude" in text(case)


async def test_the_menu_of_a_message_reports_too(stage: Stage, office: Any) -> None:
    result = await stage.drawn(stage.alex)
    form = await stage.mei.context_menu(stage.channel, MENU, result.response)
    await stage.mei.submit_modal(form, {"reason": "rude"})
    assert len(office.history()) == 1


async def test_a_form_open_across_a_restart_is_answered(stage: Stage, office: Any) -> None:
    result = await stage.drawn(stage.alex)
    form = await stage.mei.click(result.response, custom_id=presses(result.response)["report"])
    await stage.restart()
    await stage.mei.submit_modal(form, {"reason": "rude"})
    (case,) = office.history()
    await stage.moderator.click(case, custom_id=presses(case)["rhide"])
    assert stage.orders()[0].spoiler


async def test_without_a_channel_there_is_no_button(stage: Stage) -> None:
    result = await stage.drawn(stage.alex)
    assert "report" not in presses(result.response)
    refused = await stage.mei.context_menu(stage.channel, MENU, result.response)
    assert "takes no reports" in told(refused)


async def test_only_moderators_of_the_server_act(stage: Stage, office: Any) -> None:
    _, case = await reported(stage, office)
    for action in ("rhide", "rdelete", "rwarn", "rsuspend", "rban", "rdismiss"):
        refused = await stage.mei.click(case, custom_id=presses(case)[action])
        assert told(refused) == stage.services.texts.of("en-US")("errors.not_yours")
    refused = await stage.moderator.click(case, custom_id=presses(case)["rban"])
    assert "permission to ban members" in told(refused)
    assert stage.orders()[0].deleted_at is None
    with stage.database.begin() as session:
        assert audit.page(session, stage.guild.id) == []


async def test_a_hidden_picture_is_a_spoiler_from_then_on(stage: Stage, office: Any) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.click(case, custom_id=presses(case)["rhide"])
    await stage.deliver()
    shown = stage.channel.history()[-1]
    assert shown.id == message.id
    assert all(i.get("spoiler") for part in parts(shown.components) for i in part.get("items", []))
    (case,) = office.history()
    assert f"<@{stage.moderator.id}> hid it behind a spoiler" in text(case)


async def test_what_is_hidden_after_its_message_was_deleted_stays_away(
    stage: Stage, office: Any
) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.delete(message)
    await stage.moderator.click(case, custom_id=presses(case)["rhide"])
    await stage.deliver()
    assert stage.channel.history() == []
    assert stage.orders()[0].delivered_at


async def test_what_is_hidden_in_an_archived_thread_is_hidden_where_it_is(
    stage: Stage, office: Any
) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.click(case, custom_id=presses(case)["rhide"])
    archived = {"status": 400, "code": 50083, "message": "Thread is archived"}
    stage.env.inject_error("PATCH", "/webhooks/*", **archived)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", **archived)
    await stage.deliver()
    (shown,) = stage.channel.history()
    assert shown.id == message.id
    assert all(i.get("spoiler") for part in parts(shown.components) for i in part.get("items", []))


async def test_a_deleted_picture_is_gone_and_its_case_stays(stage: Stage, office: Any) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.click(case, custom_id=presses(case)["rdelete"])
    assert message.id not in [one.id for one in stage.channel.history()]
    (case,) = office.history()
    assert "deleted it" in text(case)
    assert gallery(case) == []
    assert "> \n" not in text(case)
    await stage.moderator.click(case, custom_id=presses(case)["rwarn"])
    assert "> \n" not in text(office.history()[0])
    with stage.database.begin() as session:
        acts = [one.action for one in audit.page(session, stage.guild.id)]
    assert acts == ["report.warn", "delete", "report.delete"]


@pytest.mark.parametrize("deed", ["rhide", "rdelete"])
async def test_a_lora_is_shown_no_longer_by_what_moderators_hid_or_deleted(
    stage: Stage, office: Any, deed: str
) -> None:
    lora_id = loras.add(stage, stage.alex, "ink", sha256="a" * 64)
    asked = await stage.alex.slash(stage.channel, "lora preview", name="ink")
    stage.draw()
    await stage.deliver()
    with stage.database.begin() as session:
        shown = library.by_id(session, lora_id).preview
    assert shown
    assert stage.services.files.has(library.folder(lora_id), shown)
    await report(stage, stage.mei, asked.response, "rude")
    (case,) = office.history()
    await stage.moderator.click(case, custom_id=presses(case)[deed])
    await stage.deliver()
    with stage.database.begin() as session:
        assert library.by_id(session, lora_id).preview is None
    assert not stage.services.files.has(library.folder(lora_id), shown)


@pytest.mark.parametrize(("locale", "said"), [("zh-CN", "提醒你"), ("zh-TW", "提醒你")])
async def test_a_warning_comes_by_direct_message_without_the_reporter(
    stage: Stage, office: Any, locale: str, said: str
) -> None:
    stage.speaks(stage.alex, locale)
    _, case = await reported(stage, office)
    await stage.moderator.click(case, custom_id=presses(case)["rwarn"])
    (letter,) = letters(stage, stage.alex)
    assert said in letter
    assert "https://a.test" in letter
    assert str(stage.mei.id) not in letter


async def test_who_is_suspended_is_told_until_when_and_how_to_appeal(
    stage: Stage, office: Any
) -> None:
    _, case = await reported(stage, office)
    waiting = await stage.imagine(stage.alex)
    asked = await stage.moderator.click(case, custom_id=presses(case)["rsuspend"])
    picked = next(p["custom_id"] for p in parts(asked.response.components) if p.get("custom_id"))
    await stage.moderator.click(asked.response, custom_id=picked)
    assert stage.order(order_id(waiting.response)).status == "cancelled"
    assert stage.left(stage.alex) == 9
    refused = await stage.imagine(stage.alex)
    assert "you cannot order, check in or give hearts in this server" in told(refused)
    assert "Write to https://a.test" in told(refused)
    assert "suspended the author" in text(office.history()[0])
    assert stage.orders()[-1].id == order_id(waiting.response)


async def test_who_is_suspended_is_told_also_where_the_case_is_gone(
    stage: Stage, office: Any, logged: list[Any]
) -> None:
    _, case = await reported(stage, office)
    asked = await stage.moderator.click(case, custom_id=presses(case)["rsuspend"])
    picked = next(p["custom_id"] for p in parts(asked.response.components) if p.get("custom_id"))
    await stage.moderator.delete(case)
    pressed = await stage.moderator.click(asked.response, custom_id=picked)
    assert pressed.followups == []
    (letter,) = letters(stage, stage.alex)
    assert "you cannot order" in letter
    assert not [line for line in logged if line["log_level"] == "error"]


async def test_a_ban_holds_until_it_is_lifted(stage: Stage, office: Any) -> None:
    chief = boss(stage)
    message, case = await reported(stage, office)
    await chief.click(case, custom_id=presses(case)["rban"])
    assert "you can no longer order" in letters(stage, stage.alex)[0]
    for action in ("again", "new"):
        refused = await stage.alex.click(message, custom_id=presses(message)[action])
        assert "no longer let you order, check in or give hearts here" in told(refused)
    assert len(stage.orders()) == 1
    shown = await chief.slash(stage.channel, "settings reports sanctions")
    assert f"⛔ <@{stage.alex.id}>" in shown.response.content
    shown = await chief.slash(stage.channel, "settings reports pardon", member=stage.alex)
    assert "Nobody." in shown.response.content
    await stage.imagine(stage.alex)
    assert len(stage.orders()) == 2
    shown = await chief.slash(stage.channel, "settings reports pardon", member=stage.alex)
    assert "can order already" in told(shown)


async def test_a_manager_suspends_without_a_report(stage: Stage) -> None:
    chief = boss(stage)
    await stage.imagine(stage.alex)
    shown = await chief.slash(
        stage.channel, "settings reports suspend", member=stage.alex, hours=30
    )
    assert f"⏸️ <@{stage.alex.id}> until <t:" in shown.response.content
    assert stage.orders()[0].status == "cancelled"
    assert "you cannot order, check in or give hearts in this server" in told(
        await stage.imagine(stage.alex)
    )
    await chief.slash(stage.channel, "settings reports suspend", member=stage.alex)
    assert "no longer let you order, check in or give hearts here" in told(
        await stage.imagine(stage.alex)
    )
    for out_of_reach in (chief, stage.guild.owner):
        shown = await chief.slash(
            stage.channel, "settings reports suspend", member=out_of_reach, hours=1
        )
        assert "cannot be shut out" in told(shown)
        with stage.database.begin() as session:
            sanctions.check(session, stage.guild.id, out_of_reach.id)
    log = text((await chief.slash(stage.channel, "settings audit")).response).splitlines()
    assert [line.split(" · ", 2)[2] for line in log[1:]] == [
        f"suspended → <@{stage.alex.id}>",
        f"suspended → <@{stage.alex.id}> · hours: 30",
    ]


async def test_a_dismissed_case_is_closed_for_good(stage: Stage, office: Any) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.click(case, custom_id=presses(case)["rdismiss"])
    (case,) = office.history()
    assert presses(case) == {}
    assert "found nothing wrong" in text(case)
    refused = await stage.moderator.click(message, custom_id=presses(message)["report"])
    assert "closed the case" in told(refused)


async def test_a_case_that_cannot_be_posted_is_kept_for_the_next_report(stage: Stage) -> None:
    me = next(one for one in stage.bot.guilds[0].members if one.id == stage.env.backend.bot_user.id)
    locked = {me: discord.PermissionOverwrite(send_messages=False)}
    closed = stage.guild.create_text_channel("closed", overwrites=locked)
    office = stage.guild.create_text_channel("office")
    now = stage.env.now()
    with stage.database.begin() as session:
        servers.set_reports(session, DEFAULTS, stage.guild.id, now, closed.id)
    result = await stage.drawn(stage.alex)
    answer = await report(stage, stage.mei, result.response)
    assert "cannot be written to" in answer.content
    with stage.database.begin() as session:
        servers.set_reports(session, DEFAULTS, stage.guild.id, now, office.id)
    await report(stage, stage.moderator, result.response)
    (case,) = office.history()
    assert f"<@{stage.mei.id}>" in text(case)


async def test_a_report_of_a_case_whose_message_is_gone_brings_it_back(
    stage: Stage, office: Any
) -> None:
    message, case = await reported(stage, office)
    await stage.moderator.delete(case)
    moved = stage.guild.create_text_channel("new office")
    with stage.database.begin() as session:
        servers.set_reports(session, DEFAULTS, stage.guild.id, stage.env.now(), moved.id)
    answer = await report(stage, stage.moderator, message, "still rude")
    assert answer.content == stage.services.texts.of("en-US")("report.filed")
    assert office.history() == []
    (case,) = moved.history()
    assert "still rude" in text(case)
    assert f"<@{stage.mei.id}>: rude" in text(case)
    await stage.moderator.click(case, custom_id=presses(case)["rdismiss"])
    assert "found nothing wrong" in text(moved.history()[0])


async def test_while_pictures_cannot_be_read_a_report_comes_without_them(
    stage: Stage, office: Any, tmp_path: Path
) -> None:
    result = await stage.drawn(stage.alex)
    with barred(tmp_path / "files"):
        answer = await report(stage, stage.mei, result.response)
    assert answer.content == stage.services.texts.of("en-US")("report.filed")
    (case,) = office.history()
    assert (gallery(case), "rude" in text(case)) == ([], True)
    await stage.moderator.click(case, custom_id=presses(case)["rwarn"])
    (case,) = office.history()
    assert gallery(case) == gallery(result.response)


async def test_settings_name_the_channel_and_the_log_shows_it(stage: Stage) -> None:
    chief = boss(stage)
    refused = await chief.slash(stage.channel, "settings reports channel", channel=stage.channel)
    assert "Everybody can see that channel" in told(refused)
    office = hidden(stage, chief)
    shown = await chief.slash(stage.channel, "settings reports channel", channel=office)
    assert f"🚩 Reports: <#{office.id}>" in shown.response.content
    shown = await chief.slash(stage.channel, "settings reports appeals", text="Ask *us*")
    assert "⚖️ Appeals: Ask \\*us\\*" in shown.response.content
    await chief.slash(stage.channel, "gift", member=stage.alex, credits=5)
    shown = await chief.slash(stage.channel, "settings audit")
    lines = text(shown.response).splitlines()
    assert f"gave credits → <@{stage.alex.id}> · credits: 5" in lines[1]
    assert "set what is said about appeals · text: Ask \\*us\\*" in lines[2]
    assert len(lines) == 4
    for _ in range(9):
        await chief.slash(stage.channel, "settings checkin", credits=3)
    shown = await chief.slash(stage.channel, "settings audit")
    await chief.click(shown.response, custom_id="audit:1")
    assert len(text(shown.response).splitlines()) == 3


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_who_is_suspended_may_report_but_gives_no_hearts_and_gathers_nothing(
    stage: Stage, office: Any, locale: str
) -> None:
    guild_id, now = stage.guild.id, stage.services.now()
    with stage.database.begin() as session:
        servers.set_showcase(session, stage.services.defaults, guild_id, now, office.id, 1)
        servers.set_checkin(session, stage.services.defaults, guild_id, now, 3)
    message = (await stage.drawn(stage.alex)).response
    with stage.database.begin() as session:
        sanctions.put(session, guild_id, stage.mei.id, None, by_id=9)
        how = sanctions.appeals(session, guild_id)
    words = stage.speaks(stage.mei, locale)
    heart = await stage.mei.click(message, custom_id=presses(message)["heart"])
    checkin = await stage.mei.slash(stage.channel, "checkin")
    banned = words("errors.member_banned", appeals=how)
    assert told(heart) == told(checkin) == banned
    assert (await report(stage, stage.mei, message)).content == words("report.filed")
