"""Tickets and doorbells over a real broker: quick when it is well, quick to say when it is not."""

import asyncio
import time

import pytest
import redis
import structlog
from celery import Celery

from tests.broker import RunningBroker
from worker.events import Doorbell, Event, Finished, Progress, listen, redis_url
from worker.queue import BrokerEvicts, BrokerUnavailable, Tickets, queue_name, refuse_eviction

PROGRESS = Progress(generation_id="a", index=0, step=1, steps=4, preview=True)


def waiting(broker: RunningBroker) -> int:
    with Celery(broker=broker.url).connection() as connection:
        queue = connection.default_channel.queue_declare(queue_name("starter"))
        return int(queue.message_count)


def test_a_ticket_waits_in_its_variants_queue(running_broker: RunningBroker) -> None:
    tickets = Tickets(running_broker.url)
    tickets.send("starter")
    tickets.send("starter")
    assert waiting(running_broker) == 2
    tickets.close()


def test_a_reminder_adds_no_ticket_to_one_that_waits(running_broker: RunningBroker) -> None:
    tickets = Tickets(running_broker.url)
    for _ in range(5):
        tickets.remind("starter")
    assert waiting(running_broker) == 1
    tickets.close()


def command(broker: RunningBroker, *words: str) -> None:
    client = redis.Redis.from_url(redis_url(broker.url))
    client.execute_command(*words)
    client.close()


@pytest.mark.parametrize("forbidden", ["", "config"])
def test_a_broker_that_evicts_is_refused_with_what_to_set(
    running_broker: RunningBroker, forbidden: str
) -> None:
    command(running_broker, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    command(running_broker, "CONFIG", "SET", "maxmemory", "50mb")
    if forbidden:
        command(running_broker, "ACL", "SETUSER", "default", f"-{forbidden}")
    with pytest.raises(BrokerEvicts, match=r"allkeys-lru, maxmemory 52428800.* noeviction"):
        refuse_eviction(running_broker.url)


@pytest.mark.parametrize(("policy", "maxmemory"), [("allkeys-lru", "0"), ("noeviction", "50mb")])
def test_a_broker_that_cannot_evict_is_taken(
    running_broker: RunningBroker, policy: str, maxmemory: str
) -> None:
    command(running_broker, "CONFIG", "SET", "maxmemory-policy", policy)
    command(running_broker, "CONFIG", "SET", "maxmemory", maxmemory)
    refuse_eviction(running_broker.url)


@pytest.mark.parametrize(("why", "noted"), [("silent", ["warning"]), ("away", [])])
def test_a_broker_that_does_not_tell_is_taken_and_noted(
    running_broker: RunningBroker, why: str, noted: list[str]
) -> None:
    if why == "silent":
        command(running_broker, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        command(running_broker, "CONFIG", "SET", "maxmemory", "50mb")
        command(running_broker, "ACL", "SETUSER", "default", "-config", "-info")
    else:
        running_broker.kill()
    with structlog.testing.capture_logs() as lines:
        refuse_eviction(running_broker.url)
    assert [line["log_level"] for line in lines] == noted


@pytest.mark.parametrize("hurt", ["kill", "freeze"])
async def test_a_broker_that_is_away_or_hangs_is_a_quick_answer(
    running_broker: RunningBroker, hurt: str
) -> None:
    tickets = Tickets(running_broker.url)
    await tickets.asend("starter")
    getattr(running_broker, hurt)()
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        await tickets.asend("starter")
    with pytest.raises(BrokerUnavailable):
        await tickets.aremind("starter")
    assert time.monotonic() - started < 10
    if hurt == "kill":
        running_broker.start()
    else:
        running_broker.thaw()
    await tickets.asend("starter")
    tickets.close()


async def test_a_listener_hears_events_and_again_after_the_broker_died(
    running_broker: RunningBroker,
) -> None:
    heard: list[Event] = []
    doorbell = Doorbell(running_broker.url, silence_s=0)

    async def hear() -> None:
        async for event in listen(running_broker.url, retry_s=0.05):
            heard.append(event)

    async def ring_until_heard(event: Event) -> None:
        while event not in heard:
            doorbell.ring(event)
            await asyncio.sleep(0.02)

    listener = asyncio.create_task(hear())
    await asyncio.wait_for(ring_until_heard(PROGRESS), 10)
    running_broker.kill()
    doorbell.ring(PROGRESS)
    running_broker.start()
    await asyncio.wait_for(ring_until_heard(Finished(generation_id="a")), 10)
    listener.cancel()
    doorbell.close()


def test_a_broker_that_hangs_is_waited_for_once_and_then_left_alone(
    running_broker: RunningBroker,
) -> None:
    doorbell = Doorbell(running_broker.url)
    doorbell.ring(PROGRESS)
    running_broker.freeze()
    started = time.monotonic()
    for _ in range(20):
        doorbell.ring(PROGRESS)
    assert time.monotonic() - started < 5
    doorbell.close()


async def test_an_unreadable_event_is_skipped(running_broker: RunningBroker) -> None:
    doorbell = Doorbell(running_broker.url)
    events = listen(running_broker.url)
    first = asyncio.ensure_future(anext(events))
    while not first.done():
        for junk in (b"\xff", b"[]", b"{}", b'{"kind": "finished"}', b'{"kind": "no"}'):
            doorbell._redis.publish("reroll.events", junk)
        doorbell.ring(PROGRESS)
        await asyncio.sleep(0.02)
    assert await first == PROGRESS
    await events.aclose()
    doorbell.close()


def test_a_brokers_address_is_told_to_redis_in_its_own_words() -> None:
    assert redis_url("redis://:pw@host:6379/1") == "redis://:pw@host:6379/1"
    assert redis_url("redis+socket:///tmp/b.sock?virtual_host=2") == "unix:///tmp/b.sock?db=2"
