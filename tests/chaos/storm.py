"""One storm: members order while everything is killed; then it clears, and the books are read."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from store.errors import StoreUnavailable
from store.line.errors import WorkerCrashed
from store.tables.orders import Image
from tests.chaos import audit, town
from tests.chaos.audit import Accounts
from tests.chaos.killer import Killer
from tests.chaos.members import Crowd
from tests.chaos.town import Town

LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do; everything random comes of the seed, but no machine is twice as fast."""

    seed: int
    orders: int = 1000
    members: int = 50
    programs: Path | None = None
    gap: tuple[float, float] = (1.0, 4.0)
    pause: float = 5.0
    patience: float = 300.0
    """Seconds for the last orders to end after the storm."""


@dataclass(frozen=True)
class Report:
    """What came of it."""

    accounts: Accounts
    seconds: float
    struck: Counter[str]
    told: Counter[str]
    did: Counter[str]
    crashes: list[str]
    failures: list[str]
    """Each picture that failed: why, and what was struck while it was wanted.

    One that took its workers down too often may; whatever else happens here is to be waited out.
    """


async def storm(plan: Plan, folder: Path, tell: Callable[[str], None]) -> Report:
    """Run a storm in an empty folder."""
    dice = random.Random(plan.seed)
    async with town.opened(folder, plan.members, plan.programs, dice) as running:
        crowd = Crowd(running, random.Random(plan.seed + 1))
        killer = Killer(running, random.Random(plan.seed + 2), plan.gap)
        began = time.monotonic()
        await _rage(plan, running, crowd, killer, tell)
        tell("the storm is over")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.patience):
                await _until(running, lambda session: not audit.unsettled(session))
        seconds = time.monotonic() - began
        with running.database.begin() as session:
            accounts = audit.audit(session, running.world, crowd.removed)
        accounts.strange += running.weather.rest.unknown
        told, crashes = running.weather.told, killer.crashes()
        failures = [_failure(image, killer) for image in accounts.failures]
        accounts.strange += [each for each in failures if WorkerCrashed.code not in each]
        return Report(accounts, seconds, killer.struck, told, crowd.did, crashes, failures)


def _failure(image: Image, killer: Killer) -> str:
    code = (image.error or {}).get("code")
    meanwhile = killer.struck_between(image.created_at / 1000, (image.finished_at or 0) / 1000)
    number, tries = f"{image.generation_id}-{image.index + 1}", image.attempts
    return f"failed: {number}: {code}, {tries} attempts, meanwhile {audit.counted(meanwhile)}"


async def _rage(
    plan: Plan, running: Town, crowd: Crowd, killer: Killer, tell: Callable[[str], None]
) -> None:
    """Let it rage until enough was ordered; what is down is up again afterwards."""
    told_at = 0

    def enough(session: Session) -> bool:
        nonlocal told_at
        placed = audit.count(session)
        if placed >= told_at + 100:
            told_at = placed
            tell(f"{placed} orders, {audit.unsettled(session)} under way, {dict(killer.struck)}")
        return placed >= plan.orders

    running.weather.bad = True
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live(plan.pause))
        tasks.create_task(killer.run())
        await _until(running, enough)
        crowd.stop()
        killer.stop()
    running.weather.bad = False


async def _until(running: Town, so: Callable[[Session], bool]) -> None:
    while True:
        # The database may be down just now.
        with contextlib.suppress(StoreUnavailable), running.database.begin() as session:
            if so(session):
                return
        await asyncio.sleep(LOOK_S)
