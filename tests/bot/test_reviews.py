"""Held and hidden pictures as members and moderators see them."""

from pathlib import Path
from typing import Any

import pytest

from bot.background import Sweeper
from engine.judging.verdicts import Verdict
from store.choices import servers
from store.line.endings import Kept
from store.moderation.audit import page
from store.sweep import sweep
from store.tables.orders import Image
from tests.bot.messages import gallery, order_id, parts, png, presses, text
from tests.bot.stage import DEFAULTS, Stage
from tests.disks import in_the_way
from tests.store import ends


async def judged(stage: Stage, *verdicts: Verdict) -> Any:
    """Order pictures and deliver them with these verdicts; return the message."""
    result = await stage.imagine(stage.mei, count=len(verdicts))
    for verdict in verdicts:
        claim = stage.claim()
        content = png(claim.request.seed)
        kept = Kept(
            file_sha256=stage.services.files.put(claim.generation_id, content),
            file_bytes=len(content),
            pixel_sha256=f"{claim.request.seed:064x}",
            recipe=stage.recipe(claim),
            seconds=0.4,
            verdict=verdict,
        )
        with stage.database.begin() as session:
            ends.keep(session, claim, kept)
    await stage.deliver()
    return result.response


def spoilers(message: Any) -> list[bool]:
    return [
        bool(item.get("spoiler"))
        for part in parts(message.components)
        for item in part.get("items", [])
    ]


async def press(member: Any, message: Any, action: str) -> Any:
    result = await member.click(message, custom_id=presses(message)[action])
    return result.followups[-1] if result.followups else result.response


async def test_a_doubtful_picture_alone_is_behind_a_spoiler(stage: Stage) -> None:
    message = await judged(stage, Verdict.DELIVER, Verdict.SPOILER)
    assert spoilers(message) == [False, True]
    number = order_id(message)
    for nth, is_veiled in ((1, False), (2, True)):
        shown = await stage.alex.slash(stage.channel, "show", number=f"{number}-{nth}")
        assert spoilers(shown.response) == [is_veiled]
    mine = await stage.mei.slash(stage.channel, "history")
    (thumbnail,) = (one for one in parts(mine.response.components) if "media" in one)
    assert thumbnail["spoiler"]


@pytest.mark.parametrize(("locale", "said"), [("zh-CN", "管理员"), ("zh-TW", "管理員")])
async def test_a_held_picture_waits_for_a_moderator(stage: Stage, locale: str, said: str) -> None:
    stage.speaks(stage.mei, locale)
    message = await judged(stage, Verdict.HOLD)
    assert said in text(message)
    assert gallery(message) == []
    assert not message.attachments
    denied = await press(stage.mei, message, "review")
    assert stage.services.texts.of(locale)("errors.not_yours") in text(denied)
    card = await press(stage.moderator, message, "review")
    assert card.ephemeral
    assert spoilers(card) == [True]
    after = await press(stage.moderator, card, "release")
    assert gallery(after) == []
    await stage.deliver()
    assert len(gallery(message)) == 1
    assert stage.left(stage.mei) == 9
    with stage.database.begin() as session:
        assert page(session, stage.guild.id)[0].action == "review.released"


async def test_a_refused_picture_comes_back_as_credits(stage: Stage) -> None:
    message = await judged(stage, Verdict.HOLD, Verdict.DELIVER)
    assert len(gallery(message)) == 1
    card = await press(stage.moderator, message, "review")
    again = await press(stage.moderator, message, "review")
    await press(stage.moderator, card, "withhold")
    late = await press(stage.moderator, again, "withhold")
    assert stage.services.texts.of("en-US")("errors.review_done") in text(late)
    await stage.deliver()
    assert "review" not in presses(message)
    assert stage.left(stage.mei) == 9
    order = stage.order(order_id(message))
    folder = stage.services.files
    assert await folder.aget(order.id, str(order.images[1].file_sha256))
    assert order.images[0].held_sha256 is None


async def test_what_nobody_looks_at_is_thrown_away_once_its_file_can_be(
    stage: Stage, tmp_path: Path
) -> None:
    message = await judged(stage, Verdict.HOLD)
    order = stage.order(order_id(message))
    held = order.images[0].held_sha256 or ""
    with stage.database.begin() as session:
        session.query(Image).update({"finished_at": 1})
        sweep(session, watched_ms=0)  # as a worker does, who removes no files
    sweeper = Sweeper(stage.services)
    with in_the_way(tmp_path / "files" / order.id):
        await sweeper.sweep()
        assert stage.left(stage.mei) == 9
    await sweeper.sweep()
    assert stage.left(stage.mei) == 10
    assert not stage.services.files.has(order.id, held)


async def test_what_cannot_be_thrown_away_now_waits_on(stage: Stage, tmp_path: Path) -> None:
    message = await judged(stage, Verdict.HOLD)
    order = stage.order(order_id(message))
    card = await press(stage.moderator, message, "review")
    with in_the_way(tmp_path / "files" / order.id):
        told = await press(stage.moderator, card, "withhold")
    assert stage.services.texts.of("en-US")("errors.files_unavailable") in text(told)
    assert stage.left(stage.mei) == 9
    await press(stage.moderator, card, "withhold")
    assert stage.left(stage.mei) == 10
    assert not stage.services.files.has(order.id, order.images[0].held_sha256 or "")


async def test_moderators_are_told_once_in_their_channel(stage: Stage) -> None:
    office = stage.guild.create_text_channel("office")
    with stage.database.begin() as session:
        servers.set_reports(session, DEFAULTS, stage.guild.id, stage.env.now(), office.id)
    await judged(stage, Verdict.HOLD, Verdict.HOLD)
    (note,) = office.history()
    assert "**2**" in text(note)
    assert not note.attachments
    card = await press(stage.moderator, note, "review")
    following = await press(stage.moderator, card, "release")
    await stage.deliver()
    assert len(office.history()) == 1
    await press(stage.moderator, following, "withhold")
    assert stage.left(stage.mei) == 9


async def test_a_moderator_may_hide_it(stage: Stage) -> None:
    message = await judged(stage, Verdict.HOLD)
    card = await press(stage.moderator, message, "review")
    await press(stage.moderator, card, "veil")
    await stage.deliver()
    assert spoilers(message) == [True]
