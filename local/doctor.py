"""`python -m local doctor`: what the bot's and the worker's doctors say, as this machine runs them.

Each is asked in a process of its own, with the settings that it would be started with.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from local.broker import find_server
from local.errors import NoBroker
from local.folder import Folder
from local.settings import given, real_token
from local.stack import DOOR_NAMES, WORKER_NAMES, environment
from store.doctor import report
from store.doctor.report import Finding, State, broken, ok, unknown, warning

PROGRAMS = ("bot", "worker")
BOTH_S = 90.0
"""For two processes that each load their libraries first."""


def main(arguments: Sequence[str], data: Path, env_file: Path) -> int:
    """Say what was found; return the exit code."""
    parser = report.parser("local")
    parser.add_argument("--data", type=Path, default=data, help="the folder that keeps everything")
    options = parser.parse_args(arguments)
    checks = {"programs": partial(findings, options, given(env_file))}
    return report.run(options, checks, BOTH_S)


def findings(options: argparse.Namespace, settings: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what each program's doctor finds, once where both look at the same thing."""
    told = environment(settings, Folder(options.data.resolve()))
    secrets = {name: settings[name] for name in (*DOOR_NAMES, *WORKER_NAMES) if name in settings}
    deep = ("--deep",) if options.deep else ()
    with ThreadPoolExecutor() as both:
        bot, worker = both.map(lambda name: _asked(name, {**told, **secrets}, deep), PROGRAMS)
    shared = {one.name for one in bot}
    said = [*bot, *(one for one in worker if one.name not in shared)]
    instead = _here(settings)
    yield from (instead.get(one.name, one) for one in said if one.name != "workers")


def _here(settings: Mapping[str, str]) -> Mapping[str, Finding]:
    """Return what is to be said of what nobody has given, and this machine brings along."""
    brought = {}
    if not settings.get("REROLL_BROKER_URL"):
        brought["broker"] = _embedded_broker()
    if real_token(settings) is None:
        mend = "`make run` asks for one; `make play` needs none"
        brought["token"] = warning("token", "DISCORD_TOKEN is not set", mend)
    return brought


def _embedded_broker() -> Finding:
    try:
        return ok("broker", f"embedded: {Path(find_server()).name}")
    except NoBroker as error:
        return broken("broker", "none that could be embedded", str(error))


def _asked(
    program: str, environment: Mapping[str, str], deep: Sequence[str]
) -> tuple[Finding, ...]:
    asked = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", program, "doctor", "--json", *deep],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        told = json.loads(asked.stdout)["findings"]
    except (ValueError, LookupError):
        last = (asked.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return (unknown(program, f"its doctor ended: {last}"),)
    return tuple(Finding(**{**one, "state": State(one["state"])}) for one in told)
