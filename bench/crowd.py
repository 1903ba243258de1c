"""A server with many members for benches: a bot, a thread in the worker's place, filled tables."""

import asyncio
import os
import secrets
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert

from local.discord.server import TOKEN, LocalDiscord
from store.database import Database
from store.files import Files
from store.host import workers
from store.line import claims
from store.tables.loras import Lora, LoraShare
from store.tables.orders import Generation, Image
from tests.bot.messages import png
from tests.store import ends
from tests.store.placing import kept, request

READY = b"REROLL READY\n"
PLANS = """
[server]
slow_lane = false
checkin_credits = 0
daily_usd = 0.0
most_daily_usd = 0.0
[slow_lane]
weight = 0.1
most_pixels = 65536
most_count = 1
[plans.free]
standing = "everyone"
daily_credits = 1000000
weight = 1.0
concurrent = 1000000
variants = ["*"]
most_pixels = 4194304
most_count = 4
confirm_above = 1000000
loras = 20000
lora_mb = 1000000
trainings = 0
daily_usd = 0.0
"""


@asynccontextmanager
async def started(
    folder: Path, discord: LocalDiscord, url: str, queue: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the real bot; yield its process once it is ready."""
    plans = folder / "plans.toml"
    plans.write_text(PLANS, encoding="utf-8")
    told = {
        "REROLL_DISCORD_URL": discord.url,
        "DISCORD_TOKEN": TOKEN,
        "REROLL_DATABASE_URL": url,
        "REROLL_BROKER_URL": queue,
        "REROLL_FILES_URL": f"file://{folder}/files",
        "REROLL_PLANS_FILE": str(plans),
        "REROLL_LOG_LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot"),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        while (line := await process.stdout.readline()) and line != READY:
            pass
        assert line == READY
        drained = asyncio.create_task(process.stdout.read())
        yield process
    finally:
        process.terminate()
        await process.wait()
    await drained


@contextmanager
def worked(database: Database, files: Files) -> Iterator[None]:
    """Play the worker: finish whatever waits with a small picture."""
    ended = threading.Event()

    def play() -> None:
        while not ended.is_set():
            with database.begin() as session:
                workers.report(session, "w", ("starter",))
                claim = claims.claim(session, "w", ("starter",))
            if claim is None:
                ended.wait(0.01)
                continue
            digest = files.put(claim.generation_id, png(claim.request.seed))
            with database.begin() as session:
                ends.keep(session, claim, replace(kept(claim.request), file_sha256=digest))

    playing = threading.Thread(target=play)
    playing.start()
    try:
        yield
    finally:
        ended.set()
        playing.join()


def fill(database: Database, guild_id: int, user_id: int, rows: int, loras: int) -> None:
    """Give one member a long history and a large library, shared with the server, by the tables."""
    asked = request().to_json()
    now = int(time.time() * 1000)
    orders = [
        {
            "id": f"{nth:010d}",
            "interaction_id": -nth - 1,
            "application_id": 1,
            "guild_id": guild_id,
            "channel_id": 1,
            "user_id": user_id,
            "token": "",
            "token_at": now,
            "locale": "en-US",
            "upload_limit": 10**7,
            "variant": "starter",
            "request": asked | {"prompt": f"panda {nth}"},
            "price": 1,
            "status": "done",
            "created_at": now - nth * 1000,
            "finished_at": now,
            "delivered_at": now,
        }
        for nth in range(rows)
    ]
    images = [
        {
            "generation_id": one["id"],
            "index": 0,
            "variant": "starter",
            "seed": 7,
            "status": "done",
            "file_sha256": "0" * 64,
        }
        for one in orders
    ]
    library = [
        {
            "id": f"l{nth:09d}",
            "owner_id": user_id,
            "key": f"panda {nth}",
            "name": f"Panda {nth}",
            "status": "ready",
            "source": "upload",
            "base": "starter",
            "sha256": secrets.token_hex(32),
        }
        for nth in range(loras)
    ]
    shares = [{"lora_id": one["id"], "guild_id": guild_id} for one in library]
    with database.begin() as session:
        session.execute(insert(Generation), orders)
        session.execute(insert(Image), images)
        session.execute(insert(Lora), library)
        session.execute(insert(LoraShare), shares)
