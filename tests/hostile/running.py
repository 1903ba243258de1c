"""So many hostile inputs of every kind, and what came of them."""

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.services import Services
from engine.variants.catalog import Catalog
from store.host import migrate
from tests import broker
from tests.bot import stage as stages
from tests.hostile import pure, siege


@dataclass
class Outcome:
    """How many inputs of each kind there were, and what went wrong."""

    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    credits_lost: int = 0

    @property
    def clean(self) -> bool:
        return not self.problems and not self.credits_lost

    def line(self) -> str:
        """Return one line that says it all."""
        leaks = sum(one.startswith("leak") for one in self.problems)
        crashes = len(self.problems) - leaks
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.items())
        total = self.kinds.total()
        return (
            f"{total} hostile inputs: {crashes} crashes, {leaks} leaks, "
            f"{self.credits_lost} credits lost ({kinds})"
        )


async def hostile(count: int, seed: int, folder: Path, template: Path | None = None) -> Outcome:
    """Try so many inputs; the same seed gives the same ones."""
    outcome, readers = Outcome(), pure.Readers()
    for kind, (share, _) in pure.TRIES.items():
        for nth in range(count * share // 100):
            outcome.kinds[kind] += 1
            if wrong := pure.tried(readers, kind, seed * 10**6 + nth):
                outcome.problems.append(f"{wrong} ({kind}, {seed * 10**6 + nth})")
    with world(folder, template) as services:
        left = count - outcome.kinds.total()
        kinds, problems, outcome.credits_lost = await siege.besieged(services, left, seed)
    outcome.kinds.update(kinds)
    outcome.problems += problems
    return outcome


@contextlib.contextmanager
def world(folder: Path, template: Path | None) -> Iterator[Services]:
    """Build the bot's world in a folder."""
    url = f"sqlite:///{folder}/hostile.db"
    if template:
        shutil.copy(template, folder / "hostile.db")
    else:
        migrate.upgrade(url)
    (folder / "broker").mkdir()
    with broker.running(folder / "broker") as started:
        built = stages.services(folder, url, started.url, Catalog.load(["starter"]))
        try:
            yield built
        finally:
            built.tickets.close()
            built.database.close()
