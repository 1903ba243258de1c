"""What commands, buttons and loops are given; built once by the entry point or a test."""

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import datetime

from bot.delivery.turns import Turns
from bot.delivery.waits import Waits
from bot.i18n import Texts, Words
from bot.loras.training.asked import Waiting
from bot.orders.questions import Questions
from bot.privacy.paces import Exports
from bot.rules import loading
from bot.rules.matching import Rules
from bot.seals import Seals
from bot.servers.chosen import Chosen
from bot.servers.pace import Pace
from bot.servers.rulebooks import Rulebooks
from bot.wishes.fetch import Fetching
from bot.wishes.habits import Habits
from bot.wishes.options import Reader
from bot.wishes.writer import Writer
from engine.labels.labelling import Labels
from engine.variants.catalog import Catalog
from store.choices.servers import Defaults
from store.database import Database
from store.files import Files
from store.loras.addresses import HOSTS
from worker.queue import Tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The bot's world. `bell` is set when something may be ready to deliver.

    `owners` are those who run the bot, beside whom Discord knows as the application's.
    """

    database: Database
    files: Files
    tickets: Tickets
    catalog: Catalog
    defaults: Defaults
    now: Callable[[], datetime]
    texts: Texts
    reader: Reader
    owners: Set[int] = frozenset()
    lora_hosts: tuple[str, ...] = HOSTS
    turns: Turns = field(default_factory=Turns)
    waits: Waits = field(default_factory=Waits)
    questions: Questions = field(default_factory=Questions)
    fetching: Fetching = field(default_factory=Fetching)
    chosen: Chosen = field(default_factory=Chosen)
    rules: Rules = field(default_factory=loading.load)
    rulebooks: Rulebooks = field(default_factory=Rulebooks)
    trainings: Waiting = field(default_factory=Waiting)
    habits: Habits = field(default_factory=Habits)
    exports: Exports = field(default_factory=Exports)
    seals: Seals = field(default_factory=Seals.passing)
    labels: Labels = field(default_factory=Labels)
    pace: Pace = field(default_factory=Pace)
    writer: Writer | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def words(self, locale: object) -> Words:
        """Return the words for a member's Discord locale."""
        return self.texts.of(str(locale))
