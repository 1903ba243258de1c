"""`python -m local` itself, with the small bot and a worker that only says it is ready."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.local.conftest import ROOT
from tests.local.test_supervisor import alive, until

BOT = "import asyncio\nfrom tests.local.wire_bot import main\nasyncio.run(main())\n"
WORKER = "import time\nprint('REROLL READY', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder whose bot, worker and store stand before the real ones."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "__init__.py").write_text(f"__path__.append({str(ROOT / 'bot')!r})\n")
    (tmp_path / "bot" / "__main__.py").write_text(BOT)
    (tmp_path / "worker.py").write_text(WORKER)
    store = tmp_path / "store"  # its settings are the real ones, its migration does nothing
    store.mkdir()
    real = Path(__file__).parents[2] / "store"
    (store / "__init__.py").write_text(f"__path__.append({str(real)!r})\n")
    (store / "__main__.py").write_text("")
    return tmp_path


class Run:
    """One run, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def lines(self) -> AsyncIterator[str]:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            self.said.append(raw.decode().rstrip())
            yield self.said[-1]

    async def end(self) -> int:
        async for _ in self.lines():
            pass
        return await self.process.wait()


async def local(house: Path, *arguments: str) -> Run:
    environment = {name: value for name, value in os.environ.items() if "DISCORD" not in name}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", *arguments),
        cwd=house,
        env={**environment, "PYTHONPATH": str(ROOT), "REROLL_TRAINS": "false"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return Run(process)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_conversation_leaves_its_record_and_zero(house: Path) -> None:
    arguments = ["--locale", "zh-CN", "--out", "out", "--timeout", "30"]
    lines = ["--say", "/画图 提示词:红色背景上的熊猫 种子:7", "--say", "again"]
    run = await local(house, *lines, *arguments)
    assert await run.end() == 0, run.said
    record = json.loads((house / "out" / "transcript.json").read_text(encoding="utf-8"))
    assert [turn["outcome"] for turn in record["turns"]] == ["picture", "picture"]
    assert (house / "data" / "logs" / "bot.log").exists()


async def test_an_order_without_its_picture_ends_with_one_and_says_so(house: Path) -> None:
    run = await local(house, "--say", "/imagine prompt:forbidden")
    assert await run.end() == 1
    assert run.said[-1] == "“/imagine prompt:forbidden” brought no picture: words."


async def test_a_slip_in_the_script_ends_with_one_plain_sentence(house: Path) -> None:
    run = await local(house, "--say", "/imagin prompt:a panda")
    assert await run.end() == 1
    assert run.said[-1].startswith("there is no command “imagin” here")


async def test_a_terminated_playground_ends_with_zero_and_leaves_nothing(house: Path) -> None:
    run = await local(house, "--no-browser")
    async for line in run.lines():
        if "#after-dark" in line:
            break
    family = children(run.process.pid)
    assert len(family) >= 3
    second = await local(house, "--no-browser")
    assert await second.end() == 1
    assert "Another run is using" in second.said[-1]
    run.process.send_signal(signal.SIGTERM)
    assert await run.end() == 0
    assert run.said[-1] == "stopped"
    assert not any(alive(pid) for pid in family)


async def test_a_killed_playground_takes_its_children_along(house: Path) -> None:
    run = await local(house, "--no-browser")
    async for line in run.lines():
        if "#after-dark" in line:
            break
    family = children(run.process.pid)
    run.process.kill()
    await run.process.communicate()
    await until(lambda: not any(alive(pid) for pid in family))


@pytest.mark.parametrize("option", ["--data", "--out"])
def test_a_folder_that_cannot_be_made_is_one_sentence_before_anything_starts(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    arguments = {"--data": str(tmp_path / "data"), option: str(tmp_path / "file")}
    ran = subprocess.run(
        [sys.executable, "-m", "local", "--no-discord", "--say", "/quota"]
        + [part for pair in arguments.items() for part in pair],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"or choose another with {option}." in ran.stderr
