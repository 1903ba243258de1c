"""The playground: the local Discord as pages in a browser, one per channel and one per inbox."""

import asyncio
import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.discord import markup
from local.discord import simulation as sim
from local.discord.localised import localised
from local.discord.preview import Page
from local.discord.world import MESSAGE_MENU, SLASH, World
from local.errors import PortTaken

REFRESH_EVERY = 0.25
LONG = 3600.0
PAGES = Path(__file__).parent / "pages"
WORDS, PHRASES = PAGES / "words.toml", PAGES / "phrases.toml"
ENGLISH = "en-US"


class Playground:
    """Serves a page for every channel; a page can switch between all who may look into it."""

    def __init__(self, world: World, *, port: int = 0) -> None:
        self._world = world
        self._port = port
        self._open = AsyncExitStack()
        self._words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
        self._phrases = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
        self.pages: dict[str, Page] = {}
        self.letters: dict[str, Page] = {}
        """Each member's direct messages with the bot."""

    async def __aenter__(self) -> Self:
        sim.unbind_clicks()
        markup.end_lines()
        places = [(self.pages, name, self._world.bench(name)) for name in self._world.channels]
        places += [(self.letters, name, self._world.letters(name)) for name in self._world.users]
        for index, (shelf, name, bench) in enumerate(places):
            port = self._port + index if self._port else None
            page = Page(bench.stage, bench.channel, bench.viewers, self._around, port)
            try:
                shelf[name] = await self._open.enter_async_context(page)
            except sim.SetupError as error:
                await self._open.aclose()
                if port is None:
                    raise
                raise PortTaken(port) from error
        self._follower = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._follower
        await self._open.aclose()

    def addresses(self) -> dict[str, str]:
        """The address of each channel's page; whoever has it can act as its members."""
        return {name: page.url for name, page in self.pages.items()}

    async def closed(self) -> None:
        """Return when somebody ends the session of the first page."""
        await next(iter(self.pages.values())).wait_closed()

    def _around(self, viewer_id: int, channel_id: int) -> Mapping[str, Any]:
        """Return what a member's client shows about a channel, in their language."""
        locale = self._world.locale_of(viewer_id)
        menu = self._named(viewer_id, channel_id, MESSAGE_MENU)
        commands = self._named(viewer_id, channel_id, SLASH)
        spoken = {f"/{name}": f"/{label}" for name, label in commands.items()} | menu
        return {
            "words": {**self._words[ENGLISH], **self._words.get(locale, {})},
            "phrases": {**spoken, **self._phrases.get(locale, {})},
            "menu": [{"name": name, "label": label} for name, label in menu.items()],
            "rooms": [
                {
                    "name": name,
                    "url": page.url.replace("/#", f"/?as={viewer_id}#"),
                    "here": page.channel.id == channel_id,
                }
                for name, page in self._rooms(viewer_id)
            ],
        }

    def _named(self, viewer_id: int, channel_id: int, kind: int) -> dict[str, str]:
        """Return what a member may run here: names as registered, and in their language."""
        locale = self._world.locale_of(viewer_id)
        known = self._world.backend.plain_commands(
            user_id=viewer_id, channel_id=channel_id, type=kind
        )
        return {str(one["name"]): str(localised(one, locale)["name"]) for one in known}

    def _rooms(self, viewer_id: int) -> Iterator[tuple[str, Page]]:
        for name, page in self.pages.items():
            if any(viewer.id == viewer_id for viewer in page.viewers):
                yield f"#{name}", page
        for page in self.letters.values():
            if page.viewers[0].id == viewer_id:
                yield f"@{self._world.backend.bot_user.name}", page

    async def _follow(self) -> None:
        # A page shows what was published to it, so every change behind its back is published.
        pulse = self._world.pulse
        seen = pulse.count
        while True:
            await pulse.until(lambda: pulse.count != seen, LONG)  # noqa: B023 - awaited at once
            seen = pulse.count
            for page in (*self.pages.values(), *self.letters.values()):
                if page.watched:
                    with contextlib.suppress(sim.SetupError):  # one that its reader has closed
                        await page.refresh()
            await asyncio.sleep(REFRESH_EVERY)
