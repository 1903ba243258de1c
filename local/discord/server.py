"""The local Discord as one thing to start: a world behind a loopback HTTP and websocket server."""

from types import TracebackType
from typing import Self

from aiohttp import web

from local.discord.gateway import Close, Gateway
from local.discord.limits import Rates
from local.discord.rest import PREFIX, Rest
from local.discord.world import World

TOKEN = "local-discord"  # noqa: S105 - opens nothing but this server, and must not look real
LOOPBACK = "127.0.0.1"
MAX_BODY = 64 * 1024 * 1024


class LocalDiscord:
    """Serves one world on a loopback port for as long as it is entered."""

    def __init__(self, world: World, *, port: int = 0, rates: Rates | None = None) -> None:
        self.world = world
        self._port = port
        self._rates = rates or Rates()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        app.router.add_route("*", PREFIX + "/{path:.*}", self._rest)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/cdn/{path:.*}", self._file)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        port = self._runner.addresses[0][1]
        self.url = f"http://{LOOPBACK}:{port}"
        self.rest = Rest(self.world, TOKEN, self.url, self._rates)
        self.gateway = Gateway(self.world, TOKEN, self.url)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.world.backend.subscribers.remove(self.gateway.publish)
        self.gateway.drop(Close.RESTART)
        await self._runner.cleanup()

    async def _rest(self, request: web.Request) -> web.Response:
        return await self.rest.serve(request)

    async def _file(self, request: web.Request) -> web.Response:
        return await self.rest.serve_file(request)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        return await self.gateway.serve(request)
