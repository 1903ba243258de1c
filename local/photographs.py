"""`python -m local.photographs` photographs the situations of docs/commands.md in a real browser.

And docs/playground.png, what `make play` shows. The whole product runs for it: broker, worker, bot
and the local Discord, in a folder that is thrown away. Each situation is shown to Alex in English
and to 小满 in Chinese.
"""

import asyncio
import io
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.i18n import Texts, Words
from local import reading
from local.__main__ import tell
from local.browser import DESKTOP, Browser, BrowserFailed, Page, Screen
from local.conversation import Conversation
from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from local.folder import Folder
from local.founding import found
from local.page import Playground
from local.stack import Door, Stack
from local.supervisor import Child

DOCS = Path(__file__).parents[1] / "docs"
FOLDER, PLAYGROUND = DOCS / "situations", DOCS / "playground.png"
SCREEN = Screen(640, 1200)
QUALITY = 82
SETTLE_S, LOOK_S = 1.5, 0.4
TURNS, HALTED_S, DRAWING_S = 40, 0.5, 0.1
ROOM = 12
"""Pixels around what is shown."""
NEWEST = "document.querySelector('#channel-message-list article:last-of-type')"
PREVIEW = f"{NEWEST}?.querySelector('img.gallery-image')?.naturalWidth > 0"
COMPOSER = "document.querySelector('#channel-composer')"
INPUT = "document.querySelector('#channel-composer-input')"
BUTTONS = "[...document.querySelectorAll('button')]"
CANCEL = "[...document.querySelectorAll('.modal-dialog button')].at(-2)"
BOX = """(() => {
  const one = %s;
  one.scrollIntoView({block: 'center', behavior: 'instant'});
  const box = one.getBoundingClientRect();
  return [box.y, box.height];
})()"""
LOADED = "[...%s.querySelectorAll('img')].every((one) => one.naturalWidth > 0)"
BARE = """(() => {
  for (const one of document.querySelectorAll('[data-workbench]')) one.style.display = 'none';
  document.querySelector('#preview-shell').style.gridTemplateRows = '0 1fr';
  window.dispatchEvent(new Event('resize'));
})()"""
VIEWER = """(() => {
  const picker = document.querySelector('#viewer-picker');
  picker.value = [...picker.options].find((one) => one.textContent.includes(%r)).value;
  picker.dispatchEvent(new Event('change', {bubbles: true}));
})()"""
READY = "document.querySelector('#viewer-picker')?.options.length > 1"


@dataclass(frozen=True)
class Set:
    """One language: who speaks, what they say, and the page that they look at."""

    code: str
    words: Words
    page: Page
    conversation: Conversation
    manager: Conversation
    worker: Child
    said: dict[str, str]
    above: int
    """Pixels that the list of commands takes above the composer."""

    def button(self, key: str, **params: object) -> str:
        """Return an expression for the newest button of that name."""
        label = self.words(f"buttons.{key}", **params)
        return f"{BUTTONS}.filter((one) => one.textContent === {label!r}).at(-1)"

    async def say(self, key: str) -> None:
        """Type a line, and wait until the page shows what came of it."""
        await self.conversation.say(self.said[key])
        await asyncio.sleep(SETTLE_S)

    async def press(self, key: str, **params: object) -> None:
        """Click a button on the page."""
        await self.page.click(self.button(key, **params))
        await asyncio.sleep(SETTLE_S)


SAID = {
    "en": {
        "typed": "/i",
        "name": "imagine",
        "picture": "/imagine prompt:a panda on a red background seed:7",
        "held": "/imagine prompt:a frog on a pink background count:4 seed:3 steps:30",
        "four": "/imagine prompt:a fox on a yellow background count:4 seed:11 steps:30",
        "several": "/imagine prompt:a {panda|fox} on a blue background",
        "recipe": "📋 Recipe",
        "history": "/history",
        "help": "/help",
        "settings": "/settings show",
    },
    "zh": {
        "typed": "/画",
        "name": "画图",
        "picture": "/画图 提示词:红色背景上的熊猫 种子:7",
        "held": "/画图 提示词:粉色背景上的青蛙 张数:4 种子:3 步数:30",
        "four": "/画图 提示词:黄色背景上的狐狸 张数:4 种子:11 步数:30",
        "several": "/画图 提示词:蓝色背景上的{熊猫|狐狸}",
        "recipe": "📋 配方",
        "history": "/我的图",
        "help": "/帮助",
        "settings": "/设置 查看",
    },
}
ABOVE = {"en": 420, "zh": 175}
CAST = {"en": ("Alex", "en-US"), "zh": ("小满", "zh-CN")}


async def _asking(shot: Set) -> bytes:
    page = shot.page
    await page.send("Page.bringToFront")
    popup = "document.querySelector('.command-popup:not([hidden])')"
    offered = f"{popup}?.innerText.includes('/{shot.said['name']}')"
    while not await page.run(offered):
        await page.run(f"{INPUT}.value = ''")
        await page.click(INPUT)
        await page.type(shot.said["typed"])
        await asyncio.sleep(SETTLE_S)
    return await _clip(page, COMPOSER, above=shot.above)


async def _drawing(shot: Set) -> bytes:
    saying = asyncio.create_task(shot.say("held"))
    pulse = shot.conversation.world.pulse
    for _ in range(TURNS):  # at its own speed the worker has finished before a preview is due
        with _halted(shot.worker):
            if await pulse.until(lambda: _previewed(shot.conversation), HALTED_S):
                await shot.page.until(f"{NEWEST}?.textContent.includes('%') && {PREVIEW}")
                y, height = await shot.page.run(BOX % NEWEST)
                taken = await shot.page.photograph(_around(y, height))
                break
        await asyncio.sleep(DRAWING_S)
    else:
        raise BrowserFailed("no preview was shown")
    await saying
    return taken


def _previewed(conversation: Conversation) -> bool:
    newest = conversation.seat.messages()[-1:]
    return any(reading.is_working(one) and one.attachments for one in newest)


@contextmanager
def _halted(worker: Child) -> Iterator[None]:
    assert worker.pid is not None
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGCONT)


async def _result(shot: Set) -> bytes:
    await shot.say("four")  # the order before was held up for its photograph
    return await _clip(shot.page, NEWEST)


async def _picture(shot: Set) -> bytes:
    await shot.press("pick", nth=2)
    return await _clip(shot.page, NEWEST)


async def _recipe(shot: Set) -> bytes:
    await shot.press("recipe")
    return await _clip(shot.page, NEWEST)


async def _remix(shot: Set) -> bytes:
    await shot.press("remix")
    taken = await _clip(shot.page, "document.querySelector('.modal-dialog')")
    await shot.page.click(CANCEL)
    return taken


async def _several(shot: Set) -> bytes:
    await shot.say("several")
    return await _clip(shot.page, NEWEST)


async def _history(shot: Set) -> bytes:
    await shot.say("picture")
    await shot.say("history")
    return await _clip(shot.page, NEWEST)


async def _help(shot: Set) -> bytes:
    await shot.say("help")
    return await _clip(shot.page, NEWEST)


async def _settings(shot: Set) -> bytes:
    await shot.manager.say(shot.said["settings"])
    await _settled(shot.page, shot.manager.seat.name)
    taken = await _clip(shot.page, NEWEST)
    await _settled(shot.page, shot.conversation.seat.name)
    return taken


SCENES: dict[str, Callable[[Set], Awaitable[bytes]]] = {
    "asking": _asking,
    "drawing": _drawing,
    "result": _result,
    "picture": _picture,
    "recipe": _recipe,
    "remix": _remix,
    "several": _several,
    "history": _history,
    "help": _help,
    "settings": _settings,
}


async def take(folder: Path) -> None:
    """Photograph the playground, and every situation in every language into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reroll-photographs-") as data:
        place = Folder(Path(data))
        with place.held():
            async with LocalDiscord(World()) as discord:
                door = Door(TOKEN, discord.url)
                async with (
                    Stack(place, dict(os.environ), door, tell) as stack,
                    Playground(discord.world) as playground,
                    Browser() as browser,
                ):
                    await found(discord.world, place.database_url)
                    PLAYGROUND.write_bytes(await _play(discord.world, playground, browser))
                    worker = stack.supervisor.child("worker")
                    await _take(folder, worker, discord.world, playground, browser)


async def _take(
    folder: Path, worker: Child, world: World, playground: Playground, browser: Browser
) -> None:
    texts = Texts()
    for code, (name, locale) in CAST.items():
        world.set_locale("Morgan", locale)
        page = await browser.page(playground.addresses()["studio"], SCREEN)
        await page.until(READY)
        await _settled(page, name)
        shot = Set(
            code=code,
            words=texts.of(locale),
            page=page,
            conversation=Conversation(world, world.seat(name)),
            manager=Conversation(world, world.seat("Morgan")),
            worker=worker,
            said=SAID[code],
            above=ABOVE[code],
        )
        for scene, play in SCENES.items():
            _save(await play(shot), folder / f"{scene}.{code}.webp")
            await page.run(f"{COMPOSER}.style.display = 'none'")
            tell(f"{scene}.{code}")


ORDERED = {
    "Alex": "/imagine prompt:a unicorn on a purple background seed:3",
    "小满": "/画图 提示词:四个蘑菇，蓝色背景 种子:5",
}
APPS = "[...document.querySelectorAll('.message-menu-item')].at(-1)"


async def _play(world: World, playground: Playground, browser: Browser) -> bytes:
    """Show a channel as 小满 sees it after two orders, with the menu of the newest message open."""
    for name, said in ORDERED.items():
        await Conversation(world, world.seat(name)).say(said)
    page = await browser.page(playground.addresses()["studio"], DESKTOP)
    await page.until(READY)
    await page.run(VIEWER % "小满")
    await asyncio.sleep(SETTLE_S)
    await page.until(f"{NEWEST}?.isConnected && {LOADED % NEWEST}")
    await asyncio.sleep(SETTLE_S)
    await page.click(f"{NEWEST}.querySelector('.message-header')", button="right")
    await page.click(APPS)
    await asyncio.sleep(SETTLE_S)
    taken = await page.photograph()
    await page.send("Page.navigate", url="about:blank")
    return taken


async def _settled(page: Page, viewer: str) -> None:
    """Show the channel alone, as one member sees it."""
    await page.until(READY)
    await page.run(VIEWER % viewer)
    await asyncio.sleep(SETTLE_S)
    await page.run(BARE)
    await asyncio.sleep(SETTLE_S / 3)


async def _clip(page: Page, script: str, above: int = 0) -> bytes:
    """Return a photograph of one element and some room around it."""
    await page.until(f"{script}?.isConnected")
    await page.send("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    await page.until(LOADED % script)
    before, box = None, await page.run(BOX % script)
    while before != box:  # until it neither grows nor moves
        await asyncio.sleep(LOOK_S)
        before, box = box, await page.run(BOX % script)
    y, height = box
    return await page.photograph(_around(y, height, above))


def _around(y: float, height: float, above: float = 0) -> dict[str, float]:
    top, bottom = max(0, y - above - ROOM), min(SCREEN.height, y + height + ROOM)
    return {"x": 0, "y": top, "width": SCREEN.width, "height": bottom - top, "scale": 1}


def _save(taken: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(taken)) as picture:
        picture.convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)


if __name__ == "__main__":
    asyncio.run(take(FOLDER))
