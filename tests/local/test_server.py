from collections.abc import AsyncIterator

import aiohttp
import pytest

from local.discord.gateway import Close, Op
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from local.errors import NobodyThere

BOT = {"Authorization": f"Bot {TOKEN}"}
MEMBERS_INTENT = 2


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def greeted(
    socket: aiohttp.ClientWebSocketResponse, op: Op, data: dict[str, object]
) -> aiohttp.WSMessage:
    hello = await socket.receive_json()
    assert hello["op"] == Op.HELLO
    await socket.send_json({"op": op, "d": data})
    return await socket.receive()


async def test_a_request_without_the_token_is_unauthorized(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{discord.url}/api/v10/users/@me") as answer:
        assert answer.status == 401


async def test_json_is_announced_without_a_charset(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{discord.url}/api/v10/users/@me", headers=BOT) as answer:
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_route_that_is_not_modelled_is_refused_and_noted(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{discord.url}/api/v10/soundboard", headers=BOT) as answer:
        assert answer.status == 400
    assert "GET /soundboard" in discord.rest.unknown[0]


async def test_a_file_over_the_limit_of_the_server_is_refused(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    discord.world.upload_limit = 8
    form = aiohttp.FormData()
    form.add_field("payload_json", '{"content": "x"}')
    form.add_field("files[0]", b"123456789", filename="a.png")
    channel = discord.world.channels["studio"].id
    url = f"{discord.url}/api/v10/channels/{channel}/messages"
    async with http.post(url, data=form, headers=BOT) as answer:
        assert answer.status == 413
        assert (await answer.json())["code"] == 40005


async def test_a_full_bucket_answers_429_with_what_discord_py_needs_to_wait(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    channel = discord.world.channels["studio"].id
    url = f"{discord.url}/api/v10/channels/{channel}/messages"
    answers = []
    for number in range(12):
        async with http.post(url, json={"content": str(number)}, headers=BOT) as answer:
            answers.append((answer.status, answer.headers.get("Via"), await answer.json()))
    refused = [(via, body["retry_after"]) for status, via, body in answers if status == 429]
    assert refused
    assert all(via and 0 < wait <= 1 for via, wait in refused)


async def test_privileged_intents_are_not_granted(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{discord.url}/gateway") as socket:
        await greeted(socket, Op.IDENTIFY, {"token": TOKEN, "intents": MEMBERS_INTENT})
        assert socket.close_code == Close.DISALLOWED_INTENTS


async def test_a_wrong_token_closes_the_line(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{discord.url}/gateway") as socket:
        await greeted(socket, Op.IDENTIFY, {"token": "x", "intents": 1})
        assert socket.close_code == Close.AUTHENTICATION_FAILED


async def test_an_unknown_session_cannot_be_resumed(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{discord.url}/gateway") as socket:
        data = {"token": TOKEN, "session_id": "gone", "seq": 3}
        answer = (await greeted(socket, Op.RESUME, data)).json()
        assert (answer["op"], answer["d"]) == (Op.INVALID_SESSION, False)


async def test_two_shards_share_the_servers(
    discord: LocalDiscord, http: aiohttp.ClientSession
) -> None:
    own = (discord.world.guild.id >> 22) % 2
    async with http.ws_connect(f"{discord.url}/gateway") as socket:
        data = {"token": TOKEN, "intents": 1, "shard": [1 - own, 2]}
        ready = (await greeted(socket, Op.IDENTIFY, data)).json()
        assert ready["d"]["guilds"] == []


def test_members_and_channels_keep_their_ids_from_run_to_run() -> None:
    first, second = World(), World()
    assert {name: user.id for name, user in first.users.items()} == {
        name: user.id for name, user in second.users.items()
    }
    assert first.backend.application_id == second.backend.application_id
    assert first.channels["studio"].id == second.channels["studio"].id


def test_an_unknown_member_or_language_is_explained() -> None:
    world = World()
    with pytest.raises(NobodyThere, match="Alex, 小满"):
        world.seat("Alice")
    with pytest.raises(NobodyThere, match="zh-CN"):
        world.set_locale("Alex", "zh")
