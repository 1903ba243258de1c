"""Prompts written out by a language model: what is asked, drawn, shown, and what if it fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from bot.orders import polishing
from bot.orders.placing import Wish
from bot.services import Services
from bot.wishes.options import RawOptions
from bot.wishes.writer import Writer
from engine.variants.catalog import Catalog
from tests.bot.messages import presses, text
from tests.bot.stage import Stage, staged

SCENE = "A panda in a bamboo forest, soft morning light, watercolour"


@dataclass
class Model:
    """A server with the chat protocol; `says` is its next answer, or a status."""

    url: str = ""
    says: Any = SCENE
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        if isinstance(self.says, int):
            return web.Response(status=self.says, text="secret words")
        if isinstance(self.says, float):
            await asyncio.sleep(self.says)
        if isinstance(self.says, bytes):
            return web.Response(body=self.says)
        body = {"choices": [{"message": {"role": "assistant", "content": self.says}}]}
        return web.json_response(body)


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    made = Model()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield made
    await runner.cleanup()


@pytest.fixture
def catalog() -> Catalog:
    starter = Catalog.load(["starter"])["starter"]
    return Catalog([starter, replace(starter, name="anglophone", languages=("en",))])


@pytest.fixture
async def writing(world: Services, model: Model) -> AsyncIterator[Stage]:
    writer = Writer(model.url, "small", "k3y", wait_s=1.0)
    async with staged(replace(world, writer=writer)) as stage:
        yield stage


async def test_the_written_prompt_is_drawn_and_shown_beside_the_members_own(
    writing: Stage, model: Model
) -> None:
    result = await writing.imagine(writing.alex, prompt="a panda", polish=True)
    order = writing.orders()[0]
    assert order.request["prompt"] == SCENE
    assert f"> {SCENE}" in text(result.response)
    assert "Written out from: a panda" in text(result.response)
    writing.draw()
    await writing.deliver()
    assert "Written out from: a panda" in text(result.response)
    (asked,) = model.asked
    assert asked["model"] == "small"
    assert asked["messages"][1] == {"role": "user", "content": "a panda"}
    assert model.keys == ["Bearer k3y"]
    # Drawn again, it is the same prompt and nobody is asked.
    await writing.alex.click(result.response, custom_id=presses(result.response)["again"])
    assert writing.orders()[-1].request["prompt"] == SCENE
    assert len(model.asked) == 1


async def test_nobody_is_asked_unless_the_member_wants_it(writing: Stage, model: Model) -> None:
    await writing.imagine(writing.alex, prompt="a panda")
    await writing.alex.slash(writing.channel, "defaults", polish=True)
    await writing.imagine(writing.alex, prompt="a fox", polish=False)
    assert model.asked == []
    await writing.imagine(writing.alex, prompt="a cat")
    assert [one["messages"][1]["content"] for one in model.asked] == ["a cat"]


@pytest.mark.parametrize(
    "says", [503, 301, b"no json", b"{}", "", "<think>hm</think>", 2.0, b"[" * 200_000]
)
async def test_where_it_fails_the_members_own_words_are_drawn(
    writing: Stage, model: Model, says: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model.says = says
    result = await writing.imagine(writing.alex, prompt="a very private panda", polish=True)
    assert writing.orders()[0].request["prompt"] == "a very private panda"
    assert "could not be written out" in text(result.response)
    assert "private" not in capsys.readouterr().out


async def test_what_it_says_is_put_into_one_clean_line_that_fits(
    writing: Stage, model: Model
) -> None:
    model.says = "<think>the user wants…</think>\n“A panda,\n\n  asleep”"
    await writing.imagine(writing.alex, polish=True)
    assert writing.orders()[-1].request["prompt"] == "A panda, asleep"
    model.says = "a panda asleep in the sun, " * 40
    await writing.imagine(writing.alex, polish=True)
    prompt = writing.orders()[-1].request["prompt"]
    assert 200 < len(prompt) <= 400
    assert prompt.endswith("in the sun")


async def test_for_a_variant_that_reads_english_alone_it_translates(
    writing: Stage, model: Model
) -> None:
    words = writing.speaks(writing.mei, "zh-CN")
    result = await writing.imagine(
        writing.mei, prompt="一只熊猫", variant="anglophone", polish=True
    )
    assert "Write in English" in json.dumps(model.asked[0])
    assert words("remarks.polished", prompt="一只熊猫") in text(result.response)
    assert words("remarks.reading", variant="x", language="y")[:4] not in text(result.response)
    await writing.imagine(writing.mei, prompt="一只熊猫", polish=True)
    assert "user's own language" in json.dumps(model.asked[1])


async def test_what_it_writes_is_held_to_the_rules_like_any_prompt(
    writing: Stage, model: Model
) -> None:
    model.says = "@everyone [click](http://x) \u202e**bold**"
    result = await writing.imagine(writing.alex, polish=True)
    shown = text(result.response)
    assert "\\@everyone" in shown
    assert "\u202e" not in shown


async def test_the_triggers_of_loras_are_put_back(writing: Stage, model: Model) -> None:
    draft = writing.services.reader.draft(RawOptions(prompt="a panda, zwx style, red ink"))
    remarks = {"triggers": {"triggers": "zwx style, red ink"}}
    model.says = "A panda painted in Red Ink"
    wished = Wish(request=draft.request, remarks=remarks, polish=True)
    made = await polishing.written(writing.services, wished)
    assert made.request.prompt == "A panda painted in Red Ink, zwx style"
    assert not made.polish


async def test_without_a_writer_there_is_no_such_option(stage: Stage) -> None:
    command = stage.env.backend.commands[None][("imagine", 1)]
    assert "polish" not in {option["name"] for option in command["options"]}
