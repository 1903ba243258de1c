"""A headless Chromium on the pages of the local Discord, by its debugging protocol.

Only what photographs and tests of conversations need: open, type, click, look. Chromium is no
dependency of ours; where none is installed, `Browser.installed` says so.
"""

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from local.errors import LocalError

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
    "--remote-debugging-port=0",
)
STARTED = b"DevTools listening on "
# What Chromium answers where the page of a call was left before it could say anything.
LEFT = ("navigated or closed", "context was destroyed", "Cannot find")
START_S, ANSWER_S, LOOK_S, HOLD_S = 30.0, 30.0, 0.1, 1.0


class BrowserFailed(LocalError):
    """The browser did not start, or a page did not become what was waited for."""


class PageLeft(BrowserFailed):
    """The page went on to another one, or loaded anew, before it had answered."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a page is looked at on."""

    width: int
    height: int
    mobile: bool = False


DESKTOP, PHONE = Screen(1180, 860), Screen(390, 844, mobile=True)


class Browser:
    """A running Chromium, with a profile of its own that is thrown away."""

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @staticmethod
    def installed() -> str | None:
        """Return where a Chromium is, or None."""
        return next(filter(None, map(shutil.which, NAMES)), None)

    async def __aenter__(self) -> Self:
        program = self.installed()
        if program is None:
            raise BrowserFailed("No Chromium is installed.")
        try:
            await self._start(program)
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def _start(self, program: str) -> None:
        profile = self._open.enter_context(
            tempfile.TemporaryDirectory(prefix="reroll-browser-", ignore_cleanup_errors=True)
        )
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={profile}", stdout=DEVNULL, stderr=PIPE
        )
        self._open.push_async_callback(_end, process)
        assert process.stderr is not None
        async with asyncio.timeout(START_S):
            while line := await process.stderr.readline():
                if line.startswith(STARTED):
                    break
        if not line:
            raise BrowserFailed("Chromium ended before it was ready.")
        address = line.removeprefix(STARTED).decode().strip()
        self._drain = asyncio.create_task(process.stderr.read())
        session = await self._open.enter_async_context(aiohttp.ClientSession())
        self._socket = await self._open.enter_async_context(
            session.ws_connect(address, max_msg_size=0)
        )
        self._listener = asyncio.create_task(self._listen())
        self._open.callback(self._listener.cancel)

    async def page(self, url: str, screen: Screen = DESKTOP) -> "Page":
        """Open a page."""
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page = Page(self, attached["sessionId"])
        await page.send("Page.enable")
        await page.look_on(screen)
        await page.send("Page.navigate", url=url)
        return page

    async def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Call a method of the protocol.

        Raises BrowserFailed for its refusal, and PageLeft where the page was left meanwhile.
        """
        number = next(self._numbers)
        call = {"id": number, "method": method, "params": params}
        answered = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        await self._socket.send_json(call | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(ANSWER_S):
            answer = await answered
        if "error" in answer:
            why = str(answer["error"].get("message"))
            kind = PageLeft if any(one in why for one in LEFT) else BrowserFailed
            raise kind(f"{method}: {why}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if waiting := self._waiting.pop(said.get("id", 0), None):
                waiting.set_result(said)


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol for this tab."""
        return await self._browser.send(method, self._session, **params)

    async def look_on(self, screen: Screen) -> None:
        """Show the page on a screen of that size."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=screen.width,
            height=screen.height,
            deviceScaleFactor=1,
            mobile=screen.mobile,
        )

    async def run(self, script: str) -> Any:
        """Return what an expression of JavaScript comes to."""
        said = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in said:
            raise BrowserFailed(str(said["exceptionDetails"].get("exception", {}))[:500])
        return said["result"].get("value")

    async def until(self, script: str, seconds: float = 20.0) -> Any:
        """Wait until an expression is true, on this page or on one that follows it.

        Returns what it came to. Raises BrowserFailed.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        while loop.time() < give_up_at:
            with suppress(PageLeft):
                if value := await self.run(script):
                    return value
            await asyncio.sleep(LOOK_S)
        raise BrowserFailed(f"did not come true: {script}")

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, code: int) -> None:
        """Press and release a key, by its name and its old number."""
        said = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        more = {"text": "\r"} if key == "Enter" else {}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **said, **more)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **said)

    async def click(self, script: str, button: str = "left") -> None:
        """Click in the middle of the element that an expression names."""
        x, y = await self._middle(script)
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1
            )

    async def hold(self, script: str, seconds: float = HOLD_S) -> None:
        """Press long with a thumb on the element that an expression names."""
        x, y = await self._middle(script)
        await self.send(
            "Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}]
        )
        await asyncio.sleep(seconds)
        await self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    async def _middle(self, script: str) -> tuple[float, float]:
        x, y = await self.until(
            f"(() => {{ const one = {script}; if (!one) return null;"
            " one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return x, y

    async def photograph(self, clip: dict[str, float] | None = None) -> bytes:
        """Return what is to be seen, or a part of it, as a PNG."""
        part = {"clip": clip} if clip else {}
        await self.send("Page.bringToFront")  # Chromium draws no tab that is behind another
        taken = await self.send("Page.captureScreenshot", format="png", **part)
        return base64.b64decode(taken["data"])


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
