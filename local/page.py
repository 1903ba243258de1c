"""The playground: the local Discord as pages in a browser, one per channel."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from local.discord import simulation as sim
from local.discord.world import World
from local.errors import PortTaken

REFRESH_EVERY = 0.25
LONG = 3600.0


class Playground:
    """Serves a page for every channel; a page can switch between all members of the server."""

    def __init__(self, world: World, *, port: int = 0) -> None:
        self._world = world
        self._port = port
        self._open = AsyncExitStack()
        self.pages: dict[str, sim.Preview] = {}

    async def __aenter__(self) -> Self:
        sim.unbind_clicks()
        for index, name in enumerate(self._world.channels):
            stage, channel, members = self._world.bench(name)
            port = self._port + index if self._port else None
            page = stage.preview(channel, viewers=members, layout="channel", port=port)
            try:
                self.pages[name] = await self._open.enter_async_context(page)
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

    async def _follow(self) -> None:
        # A page shows what was published to it, so every change behind its back is published.
        pulse = self._world.pulse
        seen = pulse.count
        while True:
            await pulse.until(lambda: pulse.count != seen, LONG)  # noqa: B023 - awaited at once
            seen = pulse.count
            for page in self.pages.values():
                with contextlib.suppress(sim.SetupError):  # a page that was closed by its reader
                    await page.refresh()
            await asyncio.sleep(REFRESH_EVERY)
