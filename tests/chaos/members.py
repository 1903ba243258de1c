"""Fifty people who order, press, cancel and delete, whatever the bot's state."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from local import reading
from local.discord import simulation as sim
from local.discord.world import Seat, World
from tests.chaos.town import ROOMS, Town

AT_ONCE = 12
"""Interactions under way; more would only wait for the two cores and miss Discord's 3 seconds."""
ABOUT_ORDERS = {"cancel", "again", "new", "remix", "delete"}
"""Buttons that name an order; those of questions name a question."""
DEEDS = {"imagine": 76, "cancel": 8, "again": 4, "new": 4, "delete": 4, "remove": 4}
"""What members do, in percent; `remove` is a moderator's, and not by the bot's button."""
PROMPTS = ("a red panda", "蓝色背景上的熊猫", "a panda on a blue background", "紅色背景上的貓熊")
REFUSED = (sim.SetupError, sim.BackendError)
"""The client cannot do that now: the message is gone, or the bot never said what it can do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the bot's about one order."""

    generation_id: str
    channel_id: int
    message: sim.Message
    ended: bool


def shown(world: World) -> Iterator[Shown]:
    """Yield what stands in all channels and direct messages about orders."""
    for channel_id, messages in list(world.backend.messages.items()):
        for message in list(messages.values()):
            actions = _actions(message)
            for generation_id in {subject for _, subject in actions}:
                names = {action for action, subject in actions if subject == generation_id}
                if not names & ABOUT_ORDERS:
                    continue
                ended = "cancel" not in names
                yield Shown(generation_id, channel_id, message, ended)


def _actions(message: sim.Message) -> list[tuple[str, str]]:
    marks = (str(part.get("custom_id") or "") for part in reading.parts(message.components))
    return [(mark.split(":")[0], mark.split(":")[1]) for mark in marks if ":" in mark]


@dataclass
class Crowd:
    """The members, acting until they are told to stop."""

    town: Town
    dice: random.Random
    did: Counter[str] = field(default_factory=Counter)
    owners: dict[int, int] = field(default_factory=dict)
    """Who asked for which message."""
    removed: set[str] = field(default_factory=set)
    """Orders whose result was shown and then removed by a moderator."""

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Let everybody finish what they are at."""
        self._over.set()

    async def live(self, pause: float) -> None:
        """Act as all members at once, each with a pause of about that length between."""
        names = list(self.town.world.users)
        await asyncio.gather(*(self._member(name, pause) for name in names))

    async def _member(self, name: str, pause: float) -> None:
        dice = random.Random(self.dice.random())
        await asyncio.sleep(dice.uniform(0, pause))
        while not self._over.is_set():
            seat = self.town.world.seat(name, dice.choice(ROOMS).name)
            async with self._slots:
                if self._over.is_set():
                    return
                try:
                    await self._act(seat, dice)
                except REFUSED:
                    self.did["refused"] += 1
            await asyncio.sleep(dice.uniform(0, 2 * pause))

    async def _act(self, seat: Seat, dice: random.Random) -> None:
        deed = dice.choices(tuple(DEEDS), tuple(DEEDS.values()))[0]
        if deed == "remove":
            self._remove(dice)
        elif deed != "imagine":
            await self._press(seat, deed)
            if deed == "delete":
                await self._press(seat, "erase")  # yes, for good
        else:
            await self._order(seat, dice)

    async def _order(self, seat: Seat, dice: random.Random) -> None:
        self.did["imagine"] += 1
        shown = await seat.slash(
            "imagine",
            prompt=dice.choice(PROMPTS),
            count=dice.choice((1, 1, 1, 2, 3)),
            steps=dice.choice((1, 3, 3, 30)),
            size=dice.choice(("64x64", "64x64", "96x64", "256x256")),
        )
        self._own(seat, shown)

    def _own(self, seat: Seat, shown: sim.InteractionResult) -> None:
        if shown.acknowledged and shown.response is not None:
            self.owners.setdefault(shown.response.id, seat.actor.id)

    async def _press(self, seat: Seat, action: str) -> None:
        for message in reversed(seat.messages()):
            mine = reading.is_ephemeral(message) or self.owners.get(message.id) == seat.actor.id
            for button in reading.buttons(message):
                if mine and button.custom_id.startswith(f"{action}:"):
                    self.did[action] += 1
                    self._own(seat, await seat.click(message, button.custom_id))
                    return

    def _remove(self, dice: random.Random) -> None:
        """Delete any of the bot's messages as a moderator would, not by its button."""
        found = [one for one in shown(self.town.world) if one.channel_id in self._rooms]
        if not found:
            return
        chosen = dice.choice(found[-20:])
        if chosen.ended:
            self.removed.add(chosen.generation_id)
        self.did["remove"] += 1
        self.town.world.backend.delete_message(chosen.channel_id, chosen.message.id)

    @property
    def _rooms(self) -> set[int]:
        return {room.id for room in self.town.world.channels.values()}
