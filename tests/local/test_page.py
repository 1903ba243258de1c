"""The pages, driven as the script in the browser drives them."""

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import simcord.preview

import bot.i18n
from local import reading
from local.discord.server import LocalDiscord
from local.errors import PortTaken
from local.page import ENGLISH, PHRASES, Playground
from tests.local.conftest import SECONDS, connected

PUT_IN = re.compile(r"\{\}| · |all$|^(?:Send|Save)(?= message)")
"""What the page itself puts into its phrases, or between them."""
LOCALES = list((Path(bot.i18n.__file__).parent / "locales").glob("*.toml"))


@dataclass
class Browser:
    """One tab."""

    session: aiohttp.ClientSession
    origin: str
    headers: dict[str, str]
    state: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0

    async def open(self) -> None:
        url = f"{self.origin}/api/pages"
        async with self.session.post(url, json={}, headers=self.headers) as answer:
            self.state = await answer.json()
        self.headers["X-Simcord-Context"] = self.state["context"]["id"]

    async def look(self) -> dict[str, Any]:
        async with self.session.get(f"{self.origin}/api/state", headers=self.headers) as answer:
            self.state = await answer.json()
        return self.state

    async def commands(self) -> dict[str, Any]:
        async with self.session.get(f"{self.origin}/api/commands", headers=self.headers) as answer:
            entries = (await answer.json())["entries"]
        return {entry["invocation"]: entry for entry in entries}

    async def act(self, kind: str, **more: Any) -> dict[str, Any]:
        self.sequence += 1
        body = {
            "protocol_version": 3,
            "request_id": f"r{self.sequence}",
            "sequence": self.sequence,
            "generation": self.state["context"]["generation"],
            "bot_generation": self.state["botGeneration"],
            "published_revision": self.state["publishedRevision"],
            "kind": kind,
            **more,
        }
        async with self.session.post(
            f"{self.origin}/api/action", json=body, headers=self.headers
        ) as answer:
            result: dict[str, Any] = await answer.json()
        return result


@pytest.fixture
async def browser(discord: LocalDiscord) -> AsyncIterator[Browser]:
    async with connected(discord), Playground(discord.world) as playground:
        origin, _, capability = playground.addresses()["studio"].partition("/#")
        async with aiohttp.ClientSession() as session:
            tab = Browser(session, origin, {"X-Simcord-Capability": capability})
            await tab.open()
            yield tab


async def test_a_click_on_a_page_that_has_just_changed_still_counts(
    discord: LocalDiscord, browser: Browser
) -> None:
    imagine = (await browser.commands())["imagine"]
    order = {
        "command_id": imagine["commandId"],
        "path": ["imagine"],
        "schema_fingerprint": imagine["schemaFingerprint"],
    }
    await browser.act("run_command", options={"prompt": "a panda"}, **order)
    seat, pulse = discord.world.seat("Alex"), discord.world.pulse
    assert await pulse.until(lambda: reading.words(seat.messages()[-1]) == "seed 7", SECONDS)
    finished = seat.messages()[-1]
    await browser.act("refresh")
    shown = await browser.look()
    again = next(
        component
        for component in walk(shown["messages"][str(finished.id)])
        if component.get("custom_id") == "img:7:again" or component.get("label") == "Again"
    )
    stale = shown["publishedRevision"]
    await browser.act("run_command", options={"prompt": "a cat"}, **order)
    clicked = await browser.act(
        "click",
        target_id=str(finished.id),
        control_key=again["control_key"],
        published_revision=stale - 1,
    )
    assert (clicked["rejected"], clicked["acknowledgement"]) == (False, "deferred")


async def test_a_page_follows_what_happens_behind_its_back(
    discord: LocalDiscord, browser: Browser
) -> None:
    before = browser.state["publishedRevision"]
    await discord.world.seat("Morgan").slash("imagine", prompt="a panda")
    seat, pulse = discord.world.seat("Morgan"), discord.world.pulse
    assert await pulse.until(lambda: reading.words(seat.messages()[-1]) == "seed 7", SECONDS)
    for _ in range(50):
        if "seed 7" in str((await browser.look())["messages"]):
            break
        await asyncio.sleep(0.1)
    assert browser.state["publishedRevision"] > before
    assert "seed 7" in str(browser.state["messages"])


async def test_a_member_sees_commands_in_their_own_language(
    discord: LocalDiscord, browser: Browser
) -> None:
    xiaoman = discord.world.users["小满"].id
    assert "imagine" in await browser.commands()
    await browser.act("viewer", viewer_id=str(xiaoman))
    await browser.look()
    entry = (await browser.commands())["画图"]
    assert [option["name"] for option in entry["options"]][:2] == ["提示词", "种子"]


def test_what_the_page_says_is_translated_whole_and_only_that() -> None:
    tables = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    known = {one.name.removesuffix(".toml") for one in LOCALES} - {ENGLISH}
    assert {"zh-CN", "zh-TW"} <= set(tables) <= known
    english, *others = (set(table) for table in tables.values())
    assert all(other == english for other in others)
    folder = Path(simcord.preview.__file__).with_name("static")
    pages = [folder / "index.html", *folder.glob("*.js")]
    source = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for table in tables.values():
        for said, to in table.items():
            assert [part for part in PUT_IN.split(said) if part not in source] == [], said
            assert said.count("{}") == to.count("{}"), said


async def test_a_taken_port_is_explained(discord: LocalDiscord) -> None:
    port = int(discord.url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=str(port)):
        async with Playground(discord.world, port=port):
            pass


def walk(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(found for part in value.values() for found in walk(part))]
    return [found for part in value for found in walk(part)] if isinstance(value, list) else []
