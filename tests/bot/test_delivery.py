"""What has ended reaches the member, whatever became of the message, the token or the files."""

import asyncio
import io
from typing import Any

import discord
import pytest
from PIL import Image as Pillow
from sqlalchemy.exc import IntegrityError

from bot.delivery.delivering import Delivery, facts
from engine.errors import DeviceFull
from store.files import Files
from store.line.errors import WorkerMissing
from store.moderation import reports
from store.orders import deliveries, generations
from store.tables.orders import Generation
from tests.bot.messages import gallery, order_id, presses, text
from tests.bot.stage import Stage
from tests.bot.test_reviews import spoilers
from tests.disks import no_larger

EXPIRED_S = 15 * 60 + 1


async def test_an_order_is_delivered_once(stage: Stage) -> None:
    result = await stage.drawn(stage.alex)
    (order,) = stage.orders()
    assert order.delivered_at
    assert order.message_id == result.response.id
    before = len(stage.env.http_requests)
    await stage.deliver()
    assert len(stage.env.http_requests) == before


async def test_an_orders_pictures_are_fetched_side_by_side(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, all_asked = Files.aget, asyncio.Barrier(4)

    async def meeting(files: Files, folder: str, digest: str) -> bytes:
        async with asyncio.timeout(10):
            await all_asked.wait()
        return await fetched(files, folder, digest)

    monkeypatch.setattr(Files, "aget", meeting)
    result = await stage.drawn(stage.alex, count=4)
    (order,) = stage.orders()
    assert gallery(result.response) == [f"reroll-{order.id}-{n}.png" for n in (1, 2, 3, 4)]


async def test_rounds_that_overlap_deliver_an_order_once(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    delivery = Delivery(stage.services, stage.routes)
    before = len(stage.env.http_requests)
    with stage.env.time_context():
        await asyncio.gather(*(delivery.deliver_due() for _ in range(5)))
    assert len(stage.env.http_requests) == before + 1


async def test_a_bot_that_restarted_delivers_what_ended_meanwhile(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    await stage.restart()
    stage.draw()
    await stage.deliver()
    assert gallery(result.response)


async def test_after_the_token_has_expired_the_same_message_is_edited(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    await stage.deliver()
    assert gallery(result.response)
    assert len(stage.channel.history()) == 1


async def test_a_token_that_died_early_costs_nothing(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    fault = {"status": 401, "code": 50027, "message": "Invalid Webhook Token"}
    stage.env.inject_error("PATCH", "/webhooks/*", **fault)
    await stage.deliver()
    assert gallery(result.response)


@pytest.mark.parametrize("later_s", [0, EXPIRED_S])
async def test_a_message_that_plain_text_has_taken_becomes_the_card(
    stage: Stage, later_s: int
) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=401, code=50027)
    await stage.imagine(stage.alex)
    (order,) = stage.orders()
    token = stage.services.seals.opened(order.token) or ""
    webhook = discord.Webhook.partial(order.application_id, token, client=stage.bot)
    with stage.env.time_context():
        await webhook.send("Something went wrong")  # the answer still thinks, so this takes it
    (message,) = stage.channel.history()
    assert (message.id, message.content) == (order.message_id, "Something went wrong")
    stage.draw()
    await stage.env.advance_time(later_s)
    await stage.deliver()
    (message,) = stage.channel.history()
    assert (message.content, len(gallery(message))) == ("", 1)


async def test_a_card_whose_connection_breaks_is_not_answered_over(stage: Stage) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=500, times=None)
    await stage.imagine(stage.alex)
    stage.env.backend.faults.clear()
    stage.draw()
    await stage.deliver()
    (message,) = stage.channel.history()
    assert gallery(message)


async def test_where_the_message_is_gone_a_new_one_tells_the_member(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    await stage.moderator.delete(result.response)
    await stage.deliver()
    (message,) = stage.channel.history()
    assert gallery(message)
    assert [user.id for user in message.mentions] == [stage.alex.id]
    assert stage.orders()[0].message_id == message.id
    sent = [r for r in stage.env.http_requests if r.method == "POST" and "/messages" in r.path][-1]
    assert sent.json["nonce"] == stage.orders()[0].id
    assert sent.json["enforce_nonce"]
    assert sent.json["allowed_mentions"]["users"] == [stage.alex.id]


async def test_where_the_channel_is_closed_a_direct_message_comes(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    stage.env.inject_error("*", "/channels/*/messages*", status=403, code=50001, times=2)
    await stage.deliver()
    (message,) = stage.alex.user.dm_channel.history()
    assert gallery(message)
    assert stage.orders()[0].message_id == message.id


async def test_buttons_of_a_direct_message_spend_the_servers_credits(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    stage.env.inject_error("*", "/channels/*/messages*", status=403, code=50001, times=2)
    await stage.deliver()
    (message,) = stage.alex.user.dm_channel.history()
    await stage.alex.user.click(message, custom_id=presses(message)["new"])
    order = stage.orders()[-1]
    assert order.guild_id == stage.guild.id
    assert order.channel_id == stage.alex.user.dm_channel.id
    assert stage.left(stage.alex) == 8


async def test_where_no_way_is_left_the_order_waits_in_history(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.env.advance_time(EXPIRED_S)
    stage.env.inject_error("*", "*", status=403, code=50007, times=None)
    await stage.deliver()
    (order,) = stage.orders()
    assert order.delivered_at
    stage.env.backend.faults.clear()
    shown = await stage.alex.slash(stage.channel, "history")
    assert order.id in str(shown.response.components)


@pytest.mark.parametrize("status", [500, 503])
async def test_when_discord_is_ill_the_delivery_is_tried_again(stage: Stage, status: int) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    stage.env.inject_error("PATCH", "/webhooks/*", status=status, times=None)
    await stage.deliver()
    (order,) = stage.orders()
    assert order.delivered_at is None
    assert order.delivery_attempts == 1
    stage.env.backend.faults.clear()
    with stage.database.begin() as session:
        session.get_one(Generation, order.id).next_delivery_at = 0
    await stage.deliver()
    assert gallery(result.response)


async def test_while_the_database_takes_nothing_an_order_is_shown_once(
    stage: Stage, logged: list[Any]
) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    delivery = Delivery(stage.services, stage.routes, away_s=0)
    before = len(stage.env.http_requests)
    with stage.env.time_context():
        with no_larger(1):
            for _ in range(3):
                await delivery.deliver_due()
        assert stage.orders()[0].delivered_at is None
        await delivery.deliver_due()
    assert gallery(result.response)
    assert len(stage.env.http_requests) == before + 1
    (order,) = stage.orders()
    assert (order.message_id, order.delivery_attempts) == (result.response.id, 0)
    assert order.delivered_at
    told = [(line["event"], line.get("error")) for line in logged if "what" in line]
    assert told == [
        ("unavailable", "disk I/O error"),
        ("available again", None),
    ]


async def test_a_delivery_that_never_works_is_given_up(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    stage.env.inject_error("PATCH", "/webhooks/*", status=500, times=None)
    await stage.deliver()
    assert stage.orders()[0].delivered_at is None
    last = {"next_delivery_at": 0, "delivery_attempts": deliveries.MOST_ATTEMPTS - 1}
    with stage.database.begin() as session:
        session.query(Generation).update(last)
    await stage.deliver()
    (order,) = stage.orders()
    assert order.delivered_at
    assert order.status == "done"


async def test_a_failed_order_says_why_and_gives_the_credits_back(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-TW")
    result = await stage.imagine(stage.alex, count=2)
    for _ in range(2):
        stage.fail(stage.claim(), DeviceFull(width=128, height=128))
    await stage.deliver()
    shown = text(result.response)
    assert "128×128 太大" in shown
    assert "退還 2 點" in shown
    assert "還剩 10 點" in shown
    assert set(presses(result.response)) == {"again", "remix", "delete"}
    assert stage.left(stage.alex) == 10


async def test_what_failed_partly_shows_the_pictures_and_refunds_the_rest(stage: Stage) -> None:
    result = await stage.imagine(stage.alex, count=3, seed="7")
    stage.keep(stage.claim())
    stage.fail(stage.claim(), WorkerMissing(variant="starter"))
    stage.keep(stage.claim())
    await stage.deliver()
    generation_id = order_id(result.response)
    assert gallery(result.response) == [f"reroll-{generation_id}-{n}.png" for n in (1, 3)]
    shown = text(result.response)
    assert "1 of 3 could not be drawn" in shown
    assert "credits given back 1" in shown
    assert "seed `7` `9`" in shown
    assert stage.left(stage.alex) == 8


async def test_lost_files_are_said_not_retried_for_ever(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    await stage.services.files.aremove(stage.orders()[0].id)
    await stage.deliver()
    assert "its file is gone from storage" in text(result.response)
    assert "again" in presses(result.response)
    assert stage.orders()[0].delivered_at


async def test_pictures_over_the_upload_limit_are_reencoded(stage: Stage) -> None:
    stage.upload_limit = 30_000
    result = await stage.imagine(stage.alex)
    noise = Pillow.effect_noise((128, 128), 90).convert("RGB")
    out = io.BytesIO()
    noise.resize((256, 256), Pillow.Resampling.BICUBIC).save(out, "PNG")
    assert len(out.getvalue()) > stage.upload_limit
    stage.keep(stage.claim(), out.getvalue())
    await stage.deliver()
    (sent,) = result.response.attachments
    assert sent.filename.endswith("-1.webp")
    content = await sent.read()
    assert len(content) <= stage.upload_limit
    assert Pillow.open(io.BytesIO(content)).size == (256, 256)
    assert "Shown as WebP" in text(result.response)


async def test_a_late_delivery_speaks_the_language_of_the_order(stage: Stage) -> None:
    stage.speaks(stage.mei, "zh-CN")
    result = await stage.imagine(stage.mei, seed="7")
    stage.speaks(stage.mei, "en-US")
    await stage.restart()
    stage.draw()
    await stage.deliver()
    assert "种子 `7`" in text(result.response)


async def test_the_loop_delivers_at_the_bell_within_a_moment(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    with stage.env.time_context():
        loop = asyncio.create_task(Delivery(stage.services, stage.routes).run())
        await asyncio.sleep(0.1)
        stage.draw()
        stage.services.bell.set()
        async with asyncio.timeout(0.8):
            while not gallery(result.response):
                await asyncio.sleep(0.01)
        loop.cancel()


async def test_a_delivery_under_way_is_seen_through_when_the_bot_stops(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    with stage.env.time_context():
        loop = asyncio.create_task(Delivery(stage.services, stage.routes).run())
        await asyncio.sleep(0)
        while not stage.services.turns.ended(order_id(result.response)):
            await asyncio.sleep(0)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert gallery(result.response)
    assert stage.orders()[0].delivered_at


async def begun(stage: Stage, generation_id: str) -> "asyncio.Task[None]":
    """Begin to deliver, and return when the order's row has been read for its card."""
    delivering = asyncio.create_task(Delivery(stage.services, stage.routes).deliver_due())
    while not stage.services.turns.ended(generation_id):
        await asyncio.sleep(0)
    return delivering


async def test_what_is_deleted_while_it_is_shown_comes_in_no_other_message(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    await stage.moderator.delete(result.response)
    (order,) = stage.orders()
    with stage.env.time_context():
        delivering = await begun(stage, order.id)
        with stage.database.begin() as session:
            generations.delete(session, order.id, stage.alex.id, moderator=False)
        await delivering
    assert stage.channel.history() == []
    assert stage.orders()[0].delivered_at is None


async def test_what_is_hidden_while_it_is_shown_is_hidden_after_that(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    (order,) = stage.orders()
    with stage.env.time_context():
        delivering = await begun(stage, order.id)
        with stage.database.begin() as session:
            reports.hide(session, order.id)
        await delivering
        await stage.deliver()
    assert spoilers(result.response) == [True]
    assert stage.orders()[0].delivered_at


async def test_many_orders_are_delivered_side_by_side(stage: Stage) -> None:
    members = (stage.alex, stage.mei, stage.moderator)
    results = [await stage.imagine(member) for member in members for _ in range(7)]
    stage.draw()
    while any(not order.delivered_at for order in stage.orders()):
        await stage.deliver()
    assert all(gallery(result.response) for result in results)


async def test_tokens_and_prompts_stay_out_of_database_errors(stage: Stage) -> None:
    await stage.imagine(stage.alex, prompt="my secret")
    (order,) = stage.orders()
    values = {column.key: getattr(order, column.key) for column in Generation.__table__.columns}
    twin = Generation(**values | {"id": "another"})
    with stage.database.begin() as session:
        session.add(twin)
        with pytest.raises(IntegrityError) as refused:
            session.flush()
        session.rollback()
    assert (stage.services.seals.opened(order.token) or "?") not in str(refused.value)
    assert "my secret" not in str(refused.value)


async def test_tokens_stay_out_of_the_log(stage: Stage, logged: list[Any]) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    stage.env.inject_error("PATCH", "/webhooks/*", status=500, times=1)
    await stage.deliver()
    (order,) = stage.orders()
    assert logged
    assert (stage.services.seals.opened(order.token) or "?") not in repr(logged)


async def test_an_order_deleted_after_it_was_found_due_is_not_posted(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    stage.draw()
    placed = stage.orders()[0]
    with stage.database.begin() as session:
        generations.delete(session, placed.id, placed.user_id, moderator=False)
    assert await stage.services.database.run(facts, placed.id, stage.services) is None
    await stage.deliver()
    assert gallery(result.response) == []


async def test_an_order_that_was_delivered_meanwhile_is_not_delivered_again(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    stage.draw()
    await stage.deliver()
    placed = stage.orders()[0].id
    assert await stage.services.database.run(facts, placed, stage.services) is None
