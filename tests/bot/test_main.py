"""The entry point as a process: it says ready, stops when told, and ends in one sentence."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
import redis

from local.discord.server import TOKEN, LocalDiscord
from local.discord.world import World
from tests import broker
from worker.events import redis_url

PROJECT = Path(__file__).parents[2]
GOOD = {
    "DISCORD_TOKEN": "local-token",
    "REROLL_DATABASE_URL": "sqlite:///unused.db",
    "REROLL_BROKER_URL": "redis://127.0.0.1:1/0",
}


def environment(folder: Path, **changes: str) -> dict[str, str]:
    values = {**GOOD, "REROLL_FILES_URL": f"file://{folder}/files", **changes}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REROLL_")}
    kept.pop("DISCORD_TOKEN", None)
    return {**kept, **{k: v for k, v in values.items() if v}, "PYTHONPATH": str(PROJECT)}


async def started(folder: Path, **changes: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        cwd=folder,
        env=environment(folder, **changes),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"DISCORD_TOKEN": ""}, 2, "Settings missing or wrong: DISCORD_TOKEN"),
        ({"REROLL_LOG_LEVEL": "loud"}, 2, "Settings missing or wrong: REROLL_LOG_LEVEL"),
        ({"REROLL_TIME_ZONE": "Moon/Base"}, 2, "REROLL_TIME_ZONE: no time zone 'Moon/Base'"),
        ({"REROLL_PLANS_FILE": "none.toml"}, 2, "REROLL_PLANS_FILE: none.toml"),
        ({"REROLL_VARIANTS": "flux9"}, 2, "names flux9, which is not one of"),
        ({"REROLL_DISCORD_URL": "http://discord.example"}, 2, "this very machine"),
        ({"REROLL_DISCORD_URL": "http://127.0.0.1:1"}, 1, "Discord cannot be reached"),
    ],
)
def test_wrong_settings_end_in_one_sentence(
    tmp_path: Path, changes: dict[str, str], code: int, sentence: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=tmp_path,
        env=environment(tmp_path, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "local-token" not in ended.stderr


def test_a_queue_that_throws_tickets_away_is_refused_with_what_to_set(tmp_path: Path) -> None:
    with broker.running(tmp_path) as queue:
        client = redis.Redis.from_url(redis_url(queue.url))
        client.config_set("maxmemory-policy", "volatile-lru")
        client.config_set("maxmemory", "50mb")
        client.close()
        ended = subprocess.run(
            [sys.executable, "-m", "bot"],
            cwd=tmp_path,
            env=environment(tmp_path, REROLL_BROKER_URL=queue.url),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert "REROLL_BROKER_URL" in sentence
    assert "Set maxmemory-policy to noeviction" in sentence


def test_words_that_a_variant_names_and_nobody_has_end_in_one_sentence(tmp_path: Path) -> None:
    shipped = (PROJECT / "engine" / "variants" / "starter.toml").read_text(encoding="utf-8")
    moved = shipped.replace("starter/catalog.toml", "starter/no-such-words.toml")
    (tmp_path / "starter.toml").write_text(moved, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=tmp_path,
        env=environment(tmp_path, REROLL_VARIANTS_FOLDER=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert "no-such-words.toml" in sentence
    assert "No such file" in sentence


async def asked(port: int, path: str) -> str:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
            return await answer.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_ready_and_stops_when_told(
    tmp_path: Path, sqlite_url: str, number: signal.Signals, unused_tcp_port: int
) -> None:
    async with LocalDiscord(World()) as discord:
        bot = await started(
            tmp_path,
            REROLL_DISCORD_URL=discord.url,
            DISCORD_TOKEN=TOKEN,
            REROLL_DATABASE_URL=sqlite_url,
            REROLL_METRICS_PORT=str(unused_tcp_port),
        )
        assert bot.stdout
        ready = await asyncio.wait_for(bot.stdout.readline(), 60)
        assert ready == b"REROLL READY\n"
        assert await asked(unused_tcp_port, "/readyz") == "ready\n"
        assert "reroll_discord_up 1.0" in await asked(unused_tcp_port, "/metrics")
        told = time.monotonic()
        bot.send_signal(number)
        _, said = await bot.communicate()
        assert bot.returncode == 0, said.decode()
        assert time.monotonic() - told < 5
        assert b"Traceback" not in said


async def test_a_token_that_discord_refuses_ends_in_one_sentence(tmp_path: Path) -> None:
    async with LocalDiscord(World()) as discord:
        bot = await started(tmp_path, REROLL_DISCORD_URL=discord.url, DISCORD_TOKEN="another-token")
        _, said = await asyncio.wait_for(bot.communicate(), 60)
    assert bot.returncode == 2
    assert said.decode().strip() == "Discord refused the bot token. Check DISCORD_TOKEN."
