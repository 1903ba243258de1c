"""A small site on loopback that hands LoRAs out, well or badly, for tests."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Site:
    """Files by path, and what was asked; `url` is its origin.

    `/cut/` breaks off in the middle, once unless `cuts` says more; `/lie/` says more than it has;
    `/ever/` never ends, `/drip/` hardly begins, `/mute/` says nothing; `/to/` leads to `target`.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    target: str = ""
    cuts: int = 1
    tag: str = '"one"'
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        way, _, name = request.path.strip("/").partition("/")
        self.asked.append((request.path, request.headers.get("Range", "")))
        if way == "to":
            return web.Response(status=302, headers={"Location": self.target})
        if way == "mute":
            await asyncio.sleep(1)
        if way in ("ever", "drip"):
            return await self._endless(request, 2**16 if way == "ever" else 1)
        if name not in self.files:
            raise web.HTTPForbidden
        if way == "lie":
            return await self._lying(request, self.files[name])
        if way == "cut" and self.cuts:
            self.cuts -= 1
            return await self._part(request, self.files[name], is_cut=True)
        return await self._part(request, self.files[name])

    async def _part(
        self, request: web.Request, content: bytes, *, is_cut: bool = False
    ) -> web.StreamResponse:
        start = 0
        if request.headers.get("If-Range") == self.tag:
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        answer = web.StreamResponse(status=206 if start else 200, headers={"ETag": self.tag})
        if start:
            said = f"bytes {start}-{len(content) - 1}/{len(content)}"
            answer.headers["Content-Range"] = said
        answer.content_length = len(content) - start
        await answer.prepare(request)
        middle = (start + len(content)) // 2
        await answer.write(content[start : middle if is_cut else len(content)])
        if is_cut:
            assert request.transport
            request.transport.close()
        return answer

    async def _lying(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.content_length = len(content) + 1000
        await answer.prepare(request)
        await answer.write(content)
        assert request.transport
        request.transport.close()
        return answer

    async def _endless(self, request: web.Request, at_once: int) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(100_000):
            await answer.write(bytes(at_once))
            await asyncio.sleep(0.02)
        return answer


@contextmanager
def running(trust: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on loopback from a thread of its own."""
    site, ready, loop = Site(), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", site.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        listening = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=trust)
        await listening.start()
        scheme = "https" if trust else "http"
        site.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()
