"""The door through which tickets leave: a ticket says "there is work for this variant", no more.

Losing one costs seconds (the sweeper sends it again), doubling one costs nothing.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from engine.errors import RerollError
from worker.events import redis_url

log = structlog.get_logger()

TASK = "reroll.work"
QUEUE_PREFIX = "variant."
KEEPS = "noeviction"

TIMEOUTS = {"socket_timeout": 2, "socket_connect_timeout": 2}


class BrokerUnavailable(RerollError):
    """The broker cannot be reached; the order stays in SQL and is started when it returns."""

    code = "broker_unavailable"


class BrokerEvicts(Exception):
    """The broker throws keys away when its memory is full, and tickets with them."""

    def __init__(self, policy: str, maxmemory: int) -> None:
        super().__init__(
            "REROLL_BROKER_URL: this server throws keys away when its memory is full "
            f"(maxmemory-policy {policy}, maxmemory {maxmemory}), and waiting tickets with them. "
            "Set maxmemory-policy to noeviction."
        )


def refuse_eviction(broker_url: str) -> None:
    """Raise BrokerEvicts where tickets could be thrown away.

    A server that does not tell is taken as it is, since a lost ticket costs seconds; one that is
    away is waited for by others.
    """
    client = redis.Redis.from_url(redis_url(broker_url), **TIMEOUTS)
    try:
        policy, maxmemory = _limits(client)
    except (redis.ConnectionError, redis.TimeoutError):
        return
    except (redis.RedisError, KeyError) as error:
        log.warning("the broker does not tell whether it evicts", error=repr(error))
        return
    finally:
        client.close()
    if maxmemory and policy != KEEPS:
        raise BrokerEvicts(policy, maxmemory)


def _limits(client: redis.Redis) -> tuple[str, int]:
    try:
        told: Any = client.config_get("maxmemory*")
        return told["maxmemory-policy"], int(told["maxmemory"])
    except (redis.ResponseError, KeyError):  # managed servers forbid CONFIG
        memory: Any = client.info("memory")
        return memory["maxmemory_policy"], int(memory["maxmemory"])


def queue_name(variant: str) -> str:
    """Return the Celery queue of a variant."""
    return QUEUE_PREFIX + variant


class Tickets:
    """Sends tickets; answers within about two seconds even where the broker hangs."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url

    @cached_property
    def _app(self) -> Celery:
        app = Celery("reroll.tickets", broker=self._url)
        app.conf.update(
            task_publish_retry=False,
            task_ignore_result=True,
            broker_pool_limit=2,
            broker_connection_timeout=2,
            broker_transport_options={
                **TIMEOUTS,
                "retry_on_timeout": False,
                "max_retries": 0,
            },
        )
        return app

    @cached_property
    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(redis_url(self._url), **TIMEOUTS)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # Its own threads: a hanging broker must not use up those that files and SQLite share.
        return ThreadPoolExecutor(max_workers=2, thread_name_prefix="tickets")

    def send(self, variant: str, count: int = 1) -> None:
        """Send tickets. Raises BrokerUnavailable."""
        try:
            with self._app.producer_or_acquire() as producer:
                for _ in range(count):
                    self._app.send_task(TASK, queue=queue_name(variant), producer=producer)
        except (OperationalError, OSError) as error:
            raise BrokerUnavailable from error

    def remind(self, variant: str) -> None:
        """Send a ticket unless one is waiting in the queue. Raises BrokerUnavailable."""
        try:
            # Celery's Redis transport keeps a queue in a list of the same name.
            waiting = self._redis.llen(queue_name(variant))
        except redis.RedisError as error:
            raise BrokerUnavailable from error
        if not waiting:
            self.send(variant)

    async def asend(self, variant: str, count: int = 1) -> None:
        """Send tickets without blocking the event loop. Raises BrokerUnavailable."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.send, variant, count)

    async def aremind(self, variant: str) -> None:
        """Send a ticket unless one waits, without blocking. Raises BrokerUnavailable."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.remind, variant)

    def close(self) -> None:
        """Close connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._app.close()
        self._redis.close()
