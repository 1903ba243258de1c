"""A fake vendor, a client that reaches it, and a clock that makes waiting free."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from engine.vendor.answers import estimated
from engine.vendor.client import Client
from engine.vendor.clock import Clock
from engine.vendor.job import Job, Limits
from tests.engine.vendor.fake_vendor import KEY, FakeVendor, ToLoopback, png

LIMITS = Limits(json_bytes=2**16, image_bytes=2**20)
PICTURE = base64.b64encode(png(seed=99)).decode()
EDITS: dict[str, dict[str, Any]] = {
    "flux-2-flex": {"width": 64, "height": 64, "input_image": PICTURE, "input_image_2": PICTURE},
    "flux-kontext-max": {"input_image": PICTURE},
    "flux-kontext-pro": {"input_image": PICTURE},
    "flux-pro-1.0-fill": {"image": PICTURE, "mask": PICTURE},
    "flux-pro-1.0-expand": {
        "image": base64.b64encode(png((40, 64))).decode(),
        "left": 24,
        "right": 0,
    },
}
"""What each endpoint is asked for with pictures in it, beside a prompt and a seed."""


class FastClock(Clock):
    """Remembers what was waited for and goes on at once."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    fake = FakeVendor()
    runner = await fake.start()
    yield fake
    await runner.cleanup()


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
async def client(vendor: FakeVendor, clock: FastClock) -> AsyncIterator[Client]:
    made = make_client(vendor, clock)
    yield made
    await made.aclose()


def make_client(vendor: FakeVendor, clock: Clock, **changes: Any) -> Client:
    values = {
        "transport": ToLoopback(vendor.port),
        "clock": clock,
        "chance": random.Random(7),
        "limits": LIMITS,
    }
    return Client(SecretStr(changes.pop("key", KEY)), **(values | changes))


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(endpoint: str = "flux-2-pro", **body: Any) -> Job:
        plain = EDITS.get(endpoint, {"width": 64, "height": 64})
        return Job(
            variant="bfl-flux2-pro",
            endpoint=endpoint,
            body={"prompt": "a 熊猫", "seed": 7, **plain, **body},
            estimate=estimated(3.0),
        )

    return make
