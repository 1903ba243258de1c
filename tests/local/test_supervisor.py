import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from local.errors import CrashLoop, StartFailed
from local.supervisor import READY_LINE, Patience, Program, Supervisor
from tests.disks import PAGE, no_larger

QUICK = Patience(first_delay=0.05, longest_delay=0.1, steady=60, failures=3, grace=1.0)
READY = f"print({READY_LINE!r}, flush=True); import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
PARENT_OF_ONE = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', "
    f"'import time; time.sleep(60)']); print('child', child.pid, flush=True); {READY}"
)


def program(code: str, name: str = "child") -> Program:
    return Program(name, (sys.executable, "-c", code), dict(os.environ))


@contextlib.asynccontextmanager
async def supervised(tmp_path: Path) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    told: list[str] = []
    async with Supervisor(tmp_path, told.append, QUICK) as supervisor:
        yield supervisor, told


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


async def until(wish: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not wish():
            await asyncio.sleep(0.02)


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, told):
        child = supervisor.start(program(READY))
        await supervisor.ready("child", 10)
        first = child.pid
        supervisor.kill("child")
        await until(lambda: child.starts == 2 and child.ready.is_set())
        assert child.pid not in (None, first)
        assert "ended with -9" in told[0]


async def test_a_program_that_keeps_ending_is_given_up_with_its_log_named(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, _):
        supervisor.start(program("raise SystemExit(4)"))
        with pytest.raises(CrashLoop, match=r"code 4.*child\.log") as caught:
            await supervisor.ready("child", 10)
        assert caught.value.name == "child"
        with pytest.raises(CrashLoop):
            await supervisor.failure()


async def test_a_program_that_is_never_ready_is_an_error(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, _):
        supervisor.start(program("import time; time.sleep(60)"))
        with pytest.raises(StartFailed, match=r"not ready after 0\.2 seconds"):
            await supervisor.ready("child", 0.2)


async def test_a_stop_ends_all_even_those_that_do_not_listen(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, _):
        children = [
            supervisor.start(program(READY, "polite")),
            supervisor.start(program(STUBBORN, "stubborn")),
        ]
        for child in children:
            await supervisor.ready(child.program.name, 10)
        pids = [child.pid for child in children]
    assert not any(alive(pid) for pid in pids if pid is not None)


async def test_a_childs_own_children_do_not_outlive_it(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, _):
        supervisor.start(program(PARENT_OF_ONE))
        await supervisor.ready("child", 10)
        [line] = (tmp_path / "child.log").read_text().splitlines()
        grandchild = int(line.split()[1])
        assert alive(grandchild)
        supervisor.kill("child")
        await until(lambda: not alive(grandchild))


async def test_all_lines_are_logged_and_only_loud_ones_told(tmp_path: Path) -> None:
    code = f"print('quiet'); print('WARNING: hot', flush=True); {READY}"
    async with supervised(tmp_path) as (supervisor, told):
        supervisor.start(program(code))
        await supervisor.ready("child", 10)
    assert told == ["child: WARNING: hot"]
    assert (tmp_path / "child.log").read_text() == "quiet\nWARNING: hot\n"


async def test_lines_that_find_no_room_are_missed_and_that_is_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.01)"
    log = tmp_path / "child.log"
    async with supervised(tmp_path) as (supervisor, told):
        supervisor.start(program(lines))
        with no_larger(PAGE):
            await until(lambda: log.exists() and log.stat().st_size == PAGE)
            await asyncio.sleep(0.5)
        await until(lambda: log.stat().st_size > 2 * PAGE)
    assert told == [f"{log} misses lines: [Errno 27] File too large"]
    assert "Logging error" not in capfd.readouterr().err


async def test_a_program_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from tests.local.test_supervisor import READY, Supervisor, program\n"
        "async def main():\n"
        "    supervisor = Supervisor(Path(sys.argv[1]), print)\n"
        "    child = supervisor.start(program(READY))\n"
        "    await supervisor.ready('child', 10)\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.communicate()
    await until(lambda: not alive(pid))


async def test_without_help_from_the_kernel_a_program_ends_when_its_parent_lets_go() -> None:
    code = "import sys; from local.leash import _watch; sys.exit(_watch(sys.argv[1:]))"
    command = (
        sys.executable,
        "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)",
    )
    watcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert watcher.stdout is not None
    pid = int(await watcher.stdout.readline())
    assert alive(pid)
    await watcher.communicate(b"")  # which closes its standard input
    assert not alive(pid)
