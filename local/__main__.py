"""`python -m local`: everything on one machine, with a Discord of its own if there is no token.

`python -m local doctor` looks at what it needs instead.
"""

import argparse
import asyncio
import os
import signal
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import doctor
from local.errors import LocalError
from local.folder import Folder, usable
from local.settings import DATABASE_URL, DISCORD_URL, check_variants, given, real_token
from local.stack import Door, Stack

if TYPE_CHECKING:
    from local.conversation import Conversation, Turn
    from local.discord.server import LocalDiscord

DATA = Path("data")
ENV_FILE = Path(".env")
DESKTOPS = ("darwin", "win32")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    data: Path
    say: tuple[str, ...]
    member: str
    locale: str | None
    out: Path | None
    timeout: float
    browser: bool
    port: int
    discord: bool | None


def main() -> int:
    """Run until stopped, or until the conversation is over."""
    if sys.argv[1:2] == ["doctor"]:
        return doctor.main(sys.argv[2:], DATA, ENV_FILE)
    try:
        return asyncio.run(_interruptible(parse(sys.argv[1:])))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


def parse(arguments: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, default=DATA, help="the folder that keeps everything")
    add("--say", action="append", default=[], help="a command, or a button's label; repeatable")
    add("--as", dest="member", default="Alex", help="the simulated member who speaks")
    add("--locale", help="the language of that member, such as zh-CN")
    add("--out", type=Path, help="where the transcript and the pictures go")
    add("--timeout", type=float, default=120.0, help="seconds that one answer may take")
    add("--no-browser", dest="browser", action="store_false", help="only print the address")
    add("--port", type=int, default=0, help="the port of the first page")
    add(
        "--discord",
        action=argparse.BooleanOptionalAction,
        help="join the real Discord; the default where there is a token and nothing to --say",
    )
    values = vars(parser.parse_args(arguments))
    return Options(**{**values, "say": tuple(values["say"])})


def joins_discord(options: Options, settings: Mapping[str, str]) -> bool:
    """Tell whether the real Discord is meant: where there is a token and nothing to say."""
    if options.discord is None:
        return not options.say and real_token(settings) is not None
    return options.discord


async def run(options: Options) -> int:
    """Start what is needed in the right order, and give everything back."""
    settings = given(ENV_FILE)
    check_variants()
    if options.out is not None:
        usable(options.out, "--out")  # before anything is drawn, not after it
    folder = Folder(options.data.resolve())
    with folder.held():
        if joins_discord(options, settings):
            from local import (
                wizard,  # half of the bot comes with it, which others need not wait for
            )

            token = await wizard.token_of(settings, ENV_FILE, tell)
            door = Door(token, settings.get(DISCORD_URL))
            return await _with_real_discord(Stack(folder, settings, door, tell))
        return await _with_local_discord(options, folder, settings)


def tell(text: str) -> None:
    """Say one line to the person at the terminal."""
    print(text, flush=True)


async def _with_real_discord(stack: Stack) -> int:
    async with stack:
        tell("Connected to Discord. Ctrl-C stops it.")
        await stack.supervisor.failure()
    return 1


async def _with_local_discord(options: Options, folder: Folder, settings: dict[str, str]) -> int:
    # Imported here: a host with a token needs no simulation, and need not have it installed.
    from local.conversation import Conversation
    from local.discord.server import TOKEN, LocalDiscord
    from local.discord.world import World
    from local.founding import found

    world = World()
    seat = world.seat(options.member)
    world.set_locale(options.member, options.locale or world.locale_of(seat.actor.id))
    async with LocalDiscord(world) as local_discord:
        door = Door(TOKEN, local_discord.url)
        async with Stack(folder, settings, door, tell) as stack:
            await found(world, settings.get(DATABASE_URL, folder.database_url))
            if options.say:
                return await _converse(options, Conversation(world, seat, options.timeout))
            return await _play(options, local_discord, stack)


async def _converse(options: Options, conversation: "Conversation") -> int:
    from local import transcript

    try:
        for line in options.say:
            tell(f"> {line}")
            _report(await conversation.say(line))
    finally:
        if options.out is not None:
            tell(f"saved {transcript.save(conversation, options.out)}")
    return _verdict(conversation)


def _report(turn: "Turn") -> None:
    for state in turn.states:
        text = " / ".join(state.text.split("\n"))
        shown = "".join(f" [{p.filename} {p.width}x{p.height}]" for p in state.pictures)
        tell(f"  {state.ms / 1000:7.2f} s  {text}{shown}")
    tell(f"  = {turn.outcome}")


def _verdict(conversation: "Conversation") -> int:
    failed = [turn for turn in conversation.turns if turn.failed]
    for turn in failed:
        print(f"“{turn.said}” brought no picture: {turn.outcome}.", file=sys.stderr)
    if not failed and not any(turn.pictures for turn in conversation.turns):
        print("Nothing that was said brought a picture.", file=sys.stderr)
        return 1
    return 1 if failed else 0


async def _play(options: Options, local_discord: "LocalDiscord", stack: Stack) -> int:
    from local.page import Playground

    async with Playground(local_discord.world, port=options.port) as playground:
        addresses = playground.addresses()
        tell("Discord on this machine; type / in the box below the messages. Ctrl-C stops it.")
        for channel, address in addresses.items():
            tell(f"  #{channel:<12} {address}")
        if options.browser and _has_screen():
            webbrowser.open(next(iter(addresses.values())))
        ends = [
            asyncio.create_task(playground.closed()),
            asyncio.create_task(stack.supervisor.failure()),
        ]
        done, running = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        await next(iter(done))
    return 0


def _has_screen() -> bool:
    # Without one, the module would start a text browser inside this terminal.
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(shown) or sys.platform in DESKTOPS


async def _interruptible(options: Options) -> int:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await run(options)
    except asyncio.CancelledError:
        tell("stopped")
        return 1 if options.say else 0


if __name__ == "__main__":
    sys.exit(main())
