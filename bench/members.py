"""What many members feel: acknowledgements, suggestions, and a bot that does not grow.

`python -m bench.members` starts the real bot on the local Discord and measures over the wire
* clicks: 200 members press a button at once; the time until each is acknowledged,
* suggestions: /imagine's LoRAs, /show's numbers and presets as they are typed, for a member with
  100,000 orders and 10,000 LoRAs, and for another whom these are shared with,
* memory: the bot's, while 10,000 orders are placed and delivered. Their pictures come from a
  thread that plays the worker, so that the bot is what is measured.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bench import crowd
from local import reading
from local.discord.rest import WireRequest
from local.discord.server import LocalDiscord
from local.discord.world import Person, Seat, World
from store.database import Database
from store.files import Files
from store.host import migrate
from tests import broker

MEMBERS = 200
HISTORY, LORAS = 100_000, 10_000
ORDERS = 10_000
AT_ONCE = 10
PATIENCE_S = 60.0
"""Discord waits three seconds; here what comes later is measured too."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds, and megabytes of the bot after each tenth of the orders.

    `click_cpu` is what the bot computes for each click until all are acknowledged, on a machine of
    any load. `suggestions` are the median and the p99 by option.
    """

    clicks: int
    click_median: float
    click_p99: float
    click_cpu: float
    history: int
    loras: int
    suggestions: dict[str, tuple[float, float]]
    orders: int
    memory_mb: list[float]


def main(arguments: list[str] | None = None) -> None:
    """Measure in a temporary folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--rows", type=int, default=HISTORY)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
        figures = asyncio.run(_measured(Path(folder), options))
    if options.json:
        print(json.dumps(asdict(figures), indent=2))
        return
    print(
        f"{figures.clicks} clicks at once: acknowledged after {figures.click_median:.0f} ms, "
        f"p99 {figures.click_p99:.0f} ms; {figures.click_cpu:.1f} ms computed for each"
    )
    print(f"suggestions with {figures.history} orders and {figures.loras} LoRAs:")
    for name, (median, p99) in figures.suggestions.items():
        print(f"  {name}: {median:.0f} ms, p99 {p99:.0f} ms")
    print(f"memory over {figures.orders} orders, MB: {figures.memory_mb}")


async def _measured(folder: Path, options: argparse.Namespace) -> Figures:
    people = [Person(f"m{n}", f"Member {n}", "en-US") for n in range(options.members)]
    url = f"sqlite:///{folder}/reroll.db"
    migrate.upgrade(url)
    database, files = Database(url), Files(f"file://{folder}/files")
    try:
        async with LocalDiscord(World(people)) as discord:
            with broker.running(folder) as queue:
                async with crowd.started(folder, discord, url, queue.url) as process:
                    return await _figures(discord, database, files, process, options)
    finally:
        database.close()


async def _figures(
    discord: LocalDiscord,
    database: Database,
    files: Files,
    process: asyncio.subprocess.Process,
    options: argparse.Namespace,
) -> Figures:
    world = discord.world
    world.ack_seconds = PATIENCE_S
    seats = [world.seat(name) for name in world.users]
    with crowd.worked(database, files):
        before = _cpu_ms(process)
        clicks = await _clicks(discord, seats)
        cpu = (_cpu_ms(process) - before) / len(seats)
        memory = await _memory(world, seats, process, options.orders)
    crowd.fill(database, world.guild.id, seats[0].actor.id, options.rows, LORAS)
    suggestions = await _suggestions(seats[0])
    shared = await _suggestions(seats[1])
    suggestions |= {f"{name}, another's": times for name, times in shared.items()}
    return Figures(
        clicks=len(clicks),
        click_median=statistics.median(clicks),
        click_p99=_p99(clicks),
        click_cpu=cpu,
        history=options.rows,
        loras=LORAS,
        suggestions={
            name: (round(statistics.median(times), 1), round(_p99(times), 1))
            for name, times in suggestions.items()
        },
        orders=options.orders,
        memory_mb=memory,
    )


class Stopwatch:
    """From when all interactions lie on the wire until each acknowledgement comes back over it.

    The simulation makes them one after the other before it lets the first one go: its own time for
    two hundred members is not the bot's.
    """

    def __init__(self, discord: LocalDiscord) -> None:
        self._waiting: set[str] = set()
        self._began = 0.0
        self.times: list[float] = []
        discord.world.backend.subscribers.append(self._event)
        discord.rest.observers.append(self._request)

    def _event(self, name: str, payload: Any, *_: Any) -> None:
        if name == "INTERACTION_CREATE":
            self._waiting.add(str(payload["id"]))
            self._began = time.perf_counter()

    def _request(self, asked: WireRequest) -> None:
        parts = asked.path.strip("/").split("/")
        if parts[0] == "interactions" and parts[1] in self._waiting:
            self._waiting.remove(parts[1])
            self.times.append((time.perf_counter() - self._began) * 1000)


async def _clicks(discord: LocalDiscord, seats: Sequence[Seat]) -> list[float]:
    world = discord.world
    await seats[0].slash("imagine", prompt="a panda")
    assert await world.pulse.until(lambda: _finished(seats[0]) > 0, 60)
    message = seats[0].messages()[-1]
    custom_id = next(
        one.custom_id for one in reading.buttons(message) if one.custom_id.startswith("new:")
    )

    async def click(seat: Seat) -> bool:
        return bool((await seat.click(message, custom_id)).acknowledged)

    watch = Stopwatch(discord)
    assert all(await asyncio.gather(*(click(seat) for seat in seats)))
    return list(watch.times)


def _cpu_ms(process: asyncio.subprocess.Process) -> float:
    spent = psutil.Process(process.pid).cpu_times()
    return 1000 * float(spent.user + spent.system)


async def _memory(
    world: World, seats: Sequence[Seat], process: asyncio.subprocess.Process, orders: int
) -> list[float]:
    """Place orders, some at once, and look at the bot after each tenth."""
    bot, found = psutil.Process(process.pid), []
    left = iter(range(orders))

    async def order(seat: Seat) -> None:
        for nth in left:
            shown = await seat.slash("imagine", prompt=f"a panda, number {nth}", seed=str(nth))
            assert shown.acknowledged
            if nth % max(1, orders // 10) == 0:
                found.append(round(bot.memory_info().rss / 2**20, 1))
            world.backend.messages[seat.channel.id].clear()  # else the simulation grows

    await asyncio.gather(*(order(seat) for seat in seats[:AT_ONCE]))
    found.append(round(bot.memory_info().rss / 2**20, 1))
    return found


async def _suggestions(seat: Seat, rounds: int = 40) -> dict[str, list[float]]:
    typed = ("", "p", "panda 7", "99", "zzz")
    asked: list[tuple[str, str]] = [("show", "number"), ("imagine", "preset")]
    command = next(one for one in seat.commands() if one["name"] == "imagine")
    if any(option["name"] == "lora" for option in command["options"]):
        asked.append(("imagine", "lora"))
    times: dict[str, list[float]] = {f"{name} {option}": [] for name, option in asked}
    for nth in range(rounds):
        for name, option in asked:
            words = typed[nth % len(typed)]
            filled = {"prompt": "x"} if name == "imagine" else {}

            async def ask(name: str = name, option: str = option, words: str = words) -> bool:
                await seat.autocomplete(name, option, words, **filled)  # noqa: B023 - awaited at once
                return True

            times[f"{name} {option}"].append(await _timed(ask))
    return times


async def _timed(act: Callable[[], Awaitable[bool]]) -> float:
    began = time.perf_counter()
    assert await act()
    return (time.perf_counter() - began) * 1000


def _finished(seat: Seat) -> int:
    return sum(bool(message.attachments) for message in seat.messages())


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
