import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from local import reading
from local.discord.gateway import Close
from local.discord.server import LocalDiscord
from local.discord.world import Person, Seat, World
from tests.local.conftest import SECONDS, BotProcess, connected, served
from tests.local.openapi import DESCRIPTION, Spec

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAST = [Person(f"m{n}", f"M{n}", "en-US") for n in range(5)]
CAST += [Person("alex", "Alex", "en-US"), Person("xiaoman", "小满", "zh-CN")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wire() -> AsyncIterator[LocalDiscord]:
    async with served(World(CAST)) as discord:
        yield discord


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bot(wire: LocalDiscord) -> AsyncIterator[BotProcess]:
    spec = Spec() if DESCRIPTION.exists() else None
    if spec is not None:
        wire.rest.observers.append(spec.check)
    async with connected(wire) as bot:
        yield bot
    assert wire.rest.unknown == []
    if spec is not None:
        assert spec.violations == []
        assert spec.checked > 20


@pytest.fixture
def world(wire: LocalDiscord, bot: BotProcess) -> World:
    return wire.world


@pytest.fixture
def alex(world: World) -> Seat:
    return world.seat("Alex")


async def delivered(world: World, seat: Seat, seen: int) -> None:
    def done() -> bool:
        messages = seat.messages()[seen:]
        return bool(messages) and not any(reading.is_working(message) for message in messages)

    assert await world.pulse.until(done, SECONDS)


def png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height)).save(data, "PNG")
    return data.getvalue()


async def test_an_order_shows_progress_and_then_its_picture(world: World, alex: Seat) -> None:
    seen = len(alex.messages())
    shown = await alex.slash("imagine", prompt="a panda", seed=9)
    assert shown.deferred
    states = set()
    world.pulse.listeners.append(lambda: states.add(reading.words(alex.messages()[-1])))
    await delivered(world, alex, seen)
    world.pulse.listeners.clear()
    assert states >= {"step 0", "step 1", "seed 9"}
    [picture] = reading.pictures(alex.messages()[-1], world.backend.cdn)
    assert (picture.width, picture.height) == (24, 16)


async def test_a_sent_file_can_be_fetched_from_the_address_the_bot_is_told(
    wire: LocalDiscord, world: World, alex: Seat
) -> None:
    seen = len(alex.messages())
    await alex.slash("imagine", prompt="a panda")
    await delivered(world, alex, seen)
    url = alex.messages()[-1].attachments[0]["url"].partition("/attachments")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{wire.url}/cdn/attachments{url[2]}") as answer,
    ):
        assert await answer.read() == world.backend.cdn.get("".join(url))


async def test_an_uploaded_picture_reaches_the_bot_with_its_bytes_and_its_size(alex: Seat) -> None:
    data = png(40, 30)
    shown = await alex.slash("about", image=("参考.png", data))
    assert shown.response.content.split("|")[3:] == [str(len(data)), "True", "40"]


async def test_the_interaction_tells_language_upload_limit_and_age_flag(world: World) -> None:
    here = await world.seat("小满").slash("about")
    there = await world.seat("Alex", "after-dark").slash("about")
    assert here.response.content.startswith("zh-CN|10485760|False|")
    assert there.response.content.startswith("en-US|10485760|True|")


async def test_a_translated_command_reaches_the_bot_under_its_registered_name(
    world: World,
) -> None:
    bench = world.bench("studio")
    xiaoman = next(actor for actor in bench.viewers if actor.name == "xiaoman")
    catalogue = world.backend.visible_commands(user_id=xiaoman.id, channel_id=bench.channel.id)
    shown = next(command for command in catalogue if command["name"] == "画图")
    from local.discord import simulation as sim

    seat = world.seat("小满")
    seen = len(seat.messages())
    result = await sim.slash(
        xiaoman, bench.channel, "画图", {"提示词": "熊猫", "种子": 3}, root=shown
    )
    assert result.acknowledged
    await delivered(world, seat, seen)
    assert reading.words(seat.messages()[-1]) == "seed 3"
    assert bench.stage.backend is world.backend


async def test_a_form_opens_and_brings_its_text_back(world: World, alex: Seat) -> None:
    seen = len(alex.messages())
    await alex.slash("imagine", prompt="a panda", seed=4)
    await delivered(world, alex, seen)
    form = await alex.click(alex.messages()[-1], "img:4:remix")
    assert form.modal["title"] == "Remix"
    answer = await alex.submit(form, {"prompt": "a dog 一只狗"})
    assert answer.response.content == "remix of a dog 一只狗"


async def test_an_ephemeral_answer_is_seen_by_one_member_alone(world: World, alex: Seat) -> None:
    await alex.slash("imagine", prompt="forbidden")
    assert alex.messages()[-1].content == "No: forbidden"
    others = world.seat("小满").messages()
    assert all(message.content != "No: forbidden" for message in others)


async def test_an_option_is_completed_while_it_is_typed(alex: Seat) -> None:
    offered = await alex.autocomplete("pick", "model", "klein")
    assert [choice["value"] for choice in offered] == ["klein-4b"]


async def test_a_message_repeated_under_one_nonce_is_posted_once(world: World, alex: Seat) -> None:
    seen = len(alex.messages())
    await alex.slash("say", text="only once")
    await delivered(world, alex, seen)
    texts = [message.content for message in alex.messages()[seen:]]
    assert sorted(texts) == ["True", "only once"]


async def test_the_bot_can_write_to_a_member_alone(alex: Seat) -> None:
    await alex.slash("whisper", text="for you")
    assert alex.direct_messages()[-1].content == "for you"


async def test_a_command_works_in_direct_messages(world: World) -> None:
    private = world.seat("Alex", None)
    shown = await private.slash("about")
    assert shown.response.content.startswith("en-US|")


async def test_an_entry_in_a_messages_menu_gets_the_message(world: World, alex: Seat) -> None:
    seen = len(alex.messages())
    await alex.slash("imagine", prompt="a panda")
    await delivered(world, alex, seen)
    shown = await alex.context_menu("Remix this", alex.messages()[-1])
    assert shown.response.content == "1"


async def test_after_the_token_is_dead_the_bots_own_token_still_delivers(
    wire: LocalDiscord, world: World, alex: Seat
) -> None:
    seen = len(alex.messages())
    await alex.slash("imagine", prompt="a panda", steps=1, pause=0.3)
    await world.pulse.until(lambda: "step" in reading.words(alex.messages()[-1]), SECONDS)
    world.skip(15 * 60 + 1)
    await delivered(world, alex, seen)
    assert reading.words(alex.messages()[-1]) == "seed 7"
    statuses = [(request.method, request.status) for request in wire.rest.requests]
    assert statuses[-2:] == [("PATCH", 404), ("PATCH", 200)]
    assert "/channels/" in wire.rest.requests[-1].path


async def test_an_answer_after_the_deadline_is_unknown(world: World, bot: BotProcess) -> None:
    world.ack_seconds, usual = 0.2, world.ack_seconds
    shown = await world.seat("Alex").slash("sleep", seconds=0.5)
    world.ack_seconds = usual
    assert not shown.acknowledged
    await bot.says("LATE 10062")


async def test_five_members_are_answered_at_once(world: World) -> None:
    seats = [world.seat(person.name) for person in CAST[:5]]
    shown = await asyncio.gather(*(seat.slash("about") for seat in seats))
    assert [result.acknowledged for result in shown] == [True] * 5


async def test_a_flood_is_slowed_down_and_loses_nothing(world: World, alex: Seat) -> None:
    seen = len(alex.messages())
    await alex.slash("flood", count=8)
    await delivered(world, alex, seen)
    texts = sorted(message.content for message in alex.messages()[seen:])
    assert texts == [*"01234567", "done"]


async def test_what_happens_while_the_line_is_down_comes_after_the_resume(
    wire: LocalDiscord, alex: Seat, bot: BotProcess
) -> None:
    before = wire.gateway.resumes
    wire.gateway.drop(Close.UNKNOWN)
    shown = await alex.slash("about")
    assert shown.acknowledged
    wire.gateway.ask_to_reconnect()
    await bot.says("RESUMED", times=2)
    assert wire.gateway.resumes == before + 2


async def test_a_new_server_is_a_join(world: World, bot: BotProcess) -> None:
    world.backend.create_guild("Another server")
    await bot.says("JOINED Another server")
