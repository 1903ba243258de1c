"""The vendor as the thread that draws sees it: an event loop in a thread of its own.

One per process, so that caps and the circuit breaker hold for all of a vendor's variants.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import wait
from threading import Lock, Thread

from engine.vendor.client import Client
from engine.vendor.job import Drawn, Job, Told
from engine.vendor.settings import VendorSettings

TICK_S = 0.25
"""How soon a cancellation is heard, whatever the vendor is waited for."""


def connected(settings: VendorSettings) -> "Connection | None":
    """Return the way to the vendor, or None without a key; nothing connects yet."""
    if not settings.bfl_key.get_secret_value():
        return None
    return Connection(lambda: Client(settings.bfl_key, settings.bfl_region))


class Connection:
    """Draws through a client that `open_client` makes at the first picture."""

    def __init__(self, open_client: Callable[[], Client], *, tick_s: float = TICK_S) -> None:
        self._open_client = open_client
        self._tick_s = tick_s
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._client: Client | None = None

    def draw(self, job: Job, watch: Callable[[Told], None]) -> Drawn:
        """Return a picture's file; `watch` is called all the while, in the caller's thread.

        What it raises ends the waiting and the polling. Raises VendorFailed.
        """
        latest = Told()

        def tell(told: Told) -> None:
            nonlocal latest
            latest = told

        async def work() -> Drawn:
            if self._client is None:
                self._client = self._open_client()
            return await self._client.draw(job, tell)

        future = asyncio.run_coroutine_threadsafe(work(), self._running())
        try:
            while not wait([future], timeout=self._tick_s).done:
                watch(latest)
            watch(latest)
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def close(self) -> None:
        """Close the client and end the thread; nothing where there was no picture."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=self._loop.run_forever, name="vendor", daemon=True)
                self._thread.start()
            return self._loop

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None
