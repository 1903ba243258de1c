"""Doorbells from workers to the bot, over the broker's publish and subscribe.

They may be lost: progress is only shown, and what is finished is read from SQL anyway.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio
import structlog

CHANNEL = "reroll.events"
SILENCE_S = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Step `step` of `steps` of picture `index` is done; `preview`: there is a new one."""

    generation_id: str
    index: int
    step: int
    steps: int
    preview: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The order has ended, one way or another: read it."""

    generation_id: str


Event = Progress | Finished
KINDS: dict[str, type[Progress] | type[Finished]] = {"progress": Progress, "finished": Finished}


def redis_url(broker_url: str) -> str:
    """Return a broker address in redis-py's words: Celery writes sockets as redis+socket://."""
    parts = urlsplit(broker_url)
    if parts.scheme != "redis+socket":
        return broker_url
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.path}?db={database}"


class Doorbell:
    """The worker's side. A broker that is away or hangs costs a line now and then, no picture."""

    def __init__(self, broker_url: str, *, silence_s: float = SILENCE_S) -> None:
        self._url = redis_url(broker_url)
        self._silence_s = silence_s
        self._silent_until = 0.0

    @cached_property
    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)

    def ring(self, event: Event) -> None:
        """Publish an event, if anybody can hear it; after a failure stay silent for a while.

        A broker that hangs takes two seconds to fail, which no step of a picture may wait for.
        """
        if time.monotonic() < self._silent_until:
            return
        kind = next(name for name, cls in KINDS.items() if isinstance(event, cls))
        try:
            self._redis.publish(CHANNEL, json.dumps({"kind": kind, **asdict(event)}))
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + self._silence_s
            log.warning("doorbell unheard", error=repr(error))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


async def listen(broker_url: str, *, retry_s: float = 1.0) -> AsyncIterator[Event]:
    """Yield events for ever, reconnecting whenever the broker goes away."""
    while True:
        # No read timeout: redis-py's default of 5 s would end every quiet subscription.
        client = redis.asyncio.Redis.from_url(redis_url(broker_url), socket_timeout=None)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(CHANNEL)
                async for message in channel.listen():
                    if event := _read(message["data"]):
                        yield event
        except (redis.RedisError, OSError) as error:
            log.warning("events interrupted", error=repr(error))
            await asyncio.sleep(retry_s)
        finally:
            with suppress(redis.RedisError, OSError):
                await client.aclose()


def _read(data: bytes) -> Event | None:
    try:
        values = json.loads(data)
        return KINDS[values.pop("kind")](**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("unreadable event")
        return None
